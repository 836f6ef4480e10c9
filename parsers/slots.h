/* slots.h - a bounded number of places that flows hold for a while, for what is too large to stand in each flow. When all are
 * taken the one unused for longest changes hands. A handle is a number from 1 on, 0 for none; it may be lost at any time,
 * therefore slots_held() is asked before each use. */
#ifndef TW_SLOTS_H
#define TW_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

struct slot {
	uint64_t owner;        /* whatever is unique for who holds it; 0 free */
	uint32_t newer, older; /* by last use; handles. Of a free one, `older` is the next free */
};

struct slots {
	struct slot *at;       /* `count` of them, zeroed */
	uint32_t count, touched, newest, oldest, free;
};

/* `*evicted`: it was taken from another, whose things still lie there. */
uint32_t slots_take(struct slots *slots, uint64_t owner, bool *evicted);
void slots_give(struct slots *slots, uint32_t handle);
void slots_use(struct slots *slots, uint32_t handle);

static inline bool slots_held(const struct slots *slots, uint32_t handle, uint64_t owner)
{
	return handle && slots->at[handle - 1].owner == owner;
}

#endif
