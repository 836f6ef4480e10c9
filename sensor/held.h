/* held.h - events that wait: whole, with all that they point to, in the order in which they came.
 *
 * One ring of bytes, reserved at start. What a held event points to lies in the ring beside it, so it may be read, and its
 * normalised part changed, until it is dropped. */
#ifndef TW_HELD_H
#define TW_HELD_H

#include "event.h"
#include <stddef.h>

struct held {
	struct event event;
	struct ends ends;
	struct session session;
	struct log_detail log;
	uint32_t size;       /* of all, the ring's own */
};

struct held_queue;

struct held_queue *held_open(size_t bytes); /* NULL when memory is refused */
void held_close(struct held_queue *queue);

/* A copy at the end of the queue. NULL when there is no room: drop some and try again; in an empty queue, when the event is
 * larger than any that may be held. */
struct held *held_put(struct held_queue *queue, const struct event *event);
/* The oldest is gone. */
void held_drop(struct held_queue *queue);

#endif
