#include "slots.h"

static struct slot *slot_at(struct slots *slots, uint32_t handle)
{
	return &slots->at[handle - 1];
}

static void leave(struct slots *slots, uint32_t handle)
{
	struct slot *s = slot_at(slots, handle);
	*(s->newer ? &slot_at(slots, s->newer)->older : &slots->newest) = s->older;
	*(s->older ? &slot_at(slots, s->older)->newer : &slots->oldest) = s->newer;
}

static void enter(struct slots *slots, uint32_t handle)
{
	struct slot *s = slot_at(slots, handle);
	s->newer = 0;
	s->older = slots->newest;
	*(slots->newest ? &slot_at(slots, slots->newest)->newer : &slots->oldest) = handle;
	slots->newest = handle;
}

uint32_t slots_take(struct slots *slots, uint64_t owner, bool *evicted)
{
	uint32_t handle = slots->free;
	*evicted = !handle && slots->touched == slots->count;
	if (handle) {
		slots->free = slot_at(slots, handle)->older;
	} else if (*evicted) {
		handle = slots->oldest;
		leave(slots, handle);
	} else {
		handle = ++slots->touched;
	}
	slot_at(slots, handle)->owner = owner;
	enter(slots, handle);
	return handle;
}

void slots_give(struct slots *slots, uint32_t handle)
{
	leave(slots, handle);
	*slot_at(slots, handle) = (struct slot){.older = slots->free};
	slots->free = handle;
}

void slots_use(struct slots *slots, uint32_t handle)
{
	if (slots->newest == handle)
		return;
	leave(slots, handle);
	enter(slots, handle);
}
