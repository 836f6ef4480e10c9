/* marks.h - remembered events, for windows that are exact: a bounded pool shared by all groups. When it is exhausted the
 * list that asks gives its oldest mark up. Short texts about them live in a ring and are overwritten in time. */
#ifndef TW_MARKS_H
#define TW_MARKS_H

#include "../sensor/alert.h"

#define MARK_NONE UINT32_MAX
#define NOTE_MAX 44u

struct mark {
	uint64_t time_ns;
	uint32_t next, previous;
	uint32_t note;
	uint32_t frame;
	uint32_t value;  /* hash of a value, or a number */
	uint32_t owner;  /* the detector's own; of a mark that marks_find() finds, the list */
	uint32_t chain;  /* marks.c */
	uint16_t file;
	bool keyed;      /* marks_find() finds it */
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
void marks_remove(struct marks *marks, struct mark_list *list, uint32_t index);

/* Lists as sets: a value is found at the same cost however many there are. Such a list must stay where it is in memory. */
uint32_t marks_find(struct marks *marks, const struct mark_list *list, uint32_t value); /* MARK_NONE */
struct mark *marks_add(struct marks *marks, struct mark_list *list, const struct event *event, struct slice note, uint32_t value);
void marks_renew(struct marks *marks, struct mark_list *list, uint32_t index, uint64_t time_ns); /* becomes the newest */
/* Empty when it was overwritten. */
struct slice mark_note(const struct marks *marks, const struct mark *mark);

/* What was seen, in few words, for people: of a violation what was broken, else the resource, the user, the client id, the address. Written to `out`. */
struct slice event_note(const struct event *event, char out[NOTE_MAX]);

#endif
