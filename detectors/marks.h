/* marks.h - remembered events, for windows that are exact: a bounded pool shared by all groups. When it is exhausted the
 * list that asks gives its oldest mark up. Short texts about them live in a ring and are overwritten in time. */
#ifndef TW_MARKS_H
#define TW_MARKS_H

#include "../sensor/alert.h"

#define MARK_NONE UINT32_MAX
#define NOTE_MAX 44u

struct mark {
	uint64_t time_ns;
	uint32_t next;
	uint32_t note;
	uint32_t frame;
	uint32_t value;  /* hash of a value, or a number */
	uint32_t owner;  /* whatever the detector wants to find it by */
	uint16_t file;
};

struct mark_list {
	uint32_t head, tail; /* valid while count > 0 */
	uint32_t count;
};

struct marks;

struct marks *marks_open(uint32_t count); /* NULL when memory is refused */
void marks_close(struct marks *marks);

struct mark *mark_at(struct marks *marks, uint32_t index);
/* At the end of the list: times do not go back. */
struct mark *marks_append(struct marks *marks, struct mark_list *list, const struct event *event, struct slice note);
void marks_before(struct marks *marks, struct mark_list *list, uint64_t time_ns); /* forgets what is older */
void marks_clear(struct marks *marks, struct mark_list *list);
/* The mark after `previous` (MARK_NONE: the first) goes. */
void marks_remove(struct marks *marks, struct mark_list *list, uint32_t previous);
/* Empty when it was overwritten. */
struct slice mark_note(const struct marks *marks, const struct mark *mark);

/* What was seen, in few words, for people: the resource, else the user, the client id, the address. Written to `out`. */
struct slice event_note(const struct event *event, char out[NOTE_MAX]);

#endif
