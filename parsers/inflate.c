#include "inflate.h"
#include "slots.h"
#include <zlib.h>

/* zlib asks for its state (about 7 KiB) and a window of 32 KiB. */
enum { INFLATERS = 32, MEMORY = 49152, OUT = 4096 };

static struct inflater {
	uint32_t produced; /* by the message at hand */
	uint32_t taken;
	z_stream z;
	_Alignas(16) uint8_t memory[MEMORY];
} inflaters[INFLATERS];
static struct slot inflater_slots[INFLATERS];
static struct slots slots = {.at = inflater_slots, .count = INFLATERS};

static voidpf take(voidpf opaque, uInt items, uInt size)
{
	struct inflater *i = opaque;
	uint64_t bytes = ((uint64_t)items * size + 15) & ~15ull;
	if (bytes > MEMORY - i->taken)
		return Z_NULL;
	void *at = i->memory + i->taken;
	i->taken += (uint32_t)bytes;
	return at;
}

static void give(voidpf opaque, voidpf at)
{
	(void)opaque, (void)at; /* all of it goes with the inflater */
}

static struct inflater *inflater_open(uint32_t *handle, uint64_t owner)
{
	bool evicted;
	*handle = slots_take(&slots, owner, &evicted);
	struct inflater *i = &inflaters[*handle - 1];
	i->produced = i->taken = 0;
	i->z = (z_stream){.zalloc = take, .zfree = give, .opaque = i};
	if (inflateInit2(&i->z, -15) == Z_OK)
		return i;
	inflate_close(handle, owner);
	return NULL;
}

static enum inflated run(struct inflater *i, struct slice in, void (*sink)(void *context, struct slice bytes), void *context)
{
	uint8_t out[OUT];
	i->z.next_in = (Bytef *)(uintptr_t)in.at;
	i->z.avail_in = in.size;
	do {
		i->z.next_out = out;
		i->z.avail_out = OUT;
		int result = inflate(&i->z, Z_SYNC_FLUSH);
		uint32_t size = OUT - i->z.avail_out;
		if (result != Z_OK && result != Z_BUF_ERROR && result != Z_STREAM_END)
			return INFLATE_BAD;
		i->produced += size;
		if (i->produced > INFLATE_MESSAGE_MAX)
			return INFLATE_BOMB;
		if (size)
			sink(context, slice_of(out, size));
		if (result != Z_OK)
			break;
	} while (i->z.avail_in || !i->z.avail_out);
	return INFLATE_GOOD;
}

enum inflated inflate_push(uint32_t *handle, uint64_t owner, struct slice piece, bool last, bool fresh,
			   void (*sink)(void *context, struct slice bytes), void *context)
{
	static const uint8_t tail[] = {0, 0, 0xff, 0xff}; /* RFC 7692 section 7.2.2 */
	struct inflater *i = *handle ? &inflaters[*handle - 1] : inflater_open(handle, owner);
	if (!i)
		return INFLATE_LOST;
	if (!slots_held(&slots, *handle, owner))
		return INFLATE_LOST;
	slots_use(&slots, *handle);
	enum inflated result = run(i, piece, sink, context);
	if (!last || result != INFLATE_GOOD)
		return result;
	result = run(i, slice_of(tail, sizeof tail), sink, context);
	i->produced = 0;
	if (fresh && inflateReset(&i->z) != Z_OK)
		return INFLATE_BAD;
	return result;
}

void inflate_close(uint32_t *handle, uint64_t owner)
{
	if (slots_held(&slots, *handle, owner))
		slots_give(&slots, *handle);
	*handle = 0;
}
