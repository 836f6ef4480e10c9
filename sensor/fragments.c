#include "fragments.h"
#include "hash.h"
#include "limits.h"
#include "pool.h"
#include <stdlib.h>

enum { DATAGRAM_BYTES = 65536, UNIT = 8, BUCKETS = 1024 };

/* One datagram in the making. A bit per unit of eight bytes tells what is there: offsets are multiples of eight. */
struct puzzle {
	uint32_t next;           /* of the bucket */
	uint32_t older, newer;   /* of all */
	uint64_t first_ns;
	struct address source, target;
	uint32_t id;
	uint8_t protocol;
	uint32_t bucket;
	uint32_t size;           /* of the whole; 0 while the last fragment is missing */
	uint32_t have;           /* units that are there */
	uint32_t top;            /* where the furthest piece ends */
	uint64_t there[DATAGRAM_BYTES / UNIT / 64];
	uint8_t bytes[DATAGRAM_BYTES];
};

struct fragments {
	struct pool pool;
	struct counters *counters;
	uint32_t oldest, newest;
	uint32_t finished;       /* given back at the next call: its bytes are still borrowed */
	uint32_t buckets[BUCKETS];
};

struct fragments *fragments_open(uint32_t datagrams, struct counters *counters)
{
	struct fragments *f = calloc(1, sizeof *f);
	if (!f || !pool_open(&f->pool, sizeof(struct puzzle), datagrams)) {
		free(f);
		return NULL;
	}
	f->counters = counters;
	f->oldest = f->newest = f->finished = POOL_NONE;
	memset(f->buckets, 0xff, sizeof f->buckets);
	return f;
}

void fragments_close(struct fragments *f)
{
	if (!f)
		return;
	pool_close(&f->pool);
	free(f);
}

static struct puzzle *puzzle_at(const struct fragments *f, uint32_t index)
{
	return pool_at(&f->pool, index);
}

static void puzzle_unlink(struct fragments *f, uint32_t index)
{
	struct puzzle *p = puzzle_at(f, index);
	uint32_t *link = &f->buckets[p->bucket];
	while (*link != index)
		link = &puzzle_at(f, *link)->next;
	*link = p->next;
	*(p->older == POOL_NONE ? &f->oldest : &puzzle_at(f, p->older)->newer) = p->newer;
	*(p->newer == POOL_NONE ? &f->newest : &puzzle_at(f, p->newer)->older) = p->older;
}

static void drop_oldest(struct fragments *f)
{
	uint32_t index = f->oldest;
	f->counters->fragments_dropped++;
	puzzle_unlink(f, index);
	pool_give(&f->pool, index);
}

static bool puzzle_is(const struct puzzle *p, const struct fragment *piece)
{
	return p->id == piece->id && p->protocol == piece->protocol && address_equal(&p->source, &piece->source) &&
	       address_equal(&p->target, &piece->target);
}

static uint32_t puzzle_get(struct fragments *f, const struct fragment *piece)
{
	uint64_t hash = hash_join(hash_bytes(&piece->source, 2 * sizeof piece->source, 0), piece->id);
	uint32_t bucket = (uint32_t)(hash % BUCKETS);
	for (uint32_t i = f->buckets[bucket]; i != POOL_NONE; i = puzzle_at(f, i)->next)
		if (puzzle_is(puzzle_at(f, i), piece))
			return i;
	uint32_t index = pool_take(&f->pool);
	if (index == POOL_NONE) {
		drop_oldest(f);
		index = pool_take(&f->pool);
	}
	struct puzzle *p = puzzle_at(f, index);
	memset(p, 0, offsetof(struct puzzle, bytes));
	p->first_ns = piece->time_ns;
	p->source = piece->source;
	p->target = piece->target;
	p->id = piece->id;
	p->protocol = piece->protocol;
	p->bucket = bucket;
	p->next = f->buckets[bucket];
	p->older = f->newest;
	p->newer = POOL_NONE;
	f->buckets[bucket] = index;
	*(f->newest == POOL_NONE ? &f->oldest : &puzzle_at(f, f->newest)->newer) = index;
	f->newest = index;
	return index;
}

/* Copies the units that are not there yet. */
static void puzzle_fill(struct fragments *f, struct puzzle *p, const struct fragment *piece)
{
	bool overlaps = false;
	for (uint32_t at = 0; at < piece->size; at += UNIT) {
		uint32_t unit = (piece->offset + at) / UNIT, n = piece->size - at < UNIT ? piece->size - at : UNIT;
		uint64_t bit = 1ull << unit % 64;
		if (p->there[unit / 64] & bit) {
			overlaps = true;
			continue;
		}
		p->there[unit / 64] |= bit;
		p->have++;
		memcpy(p->bytes + piece->offset + at, piece->bytes.at + at, n);
	}
	f->counters->fragments_overlapping += overlaps;
}

bool fragments_add(struct fragments *f, const struct fragment *piece, struct slice *whole)
{
	if (f->finished != POOL_NONE) {
		pool_give(&f->pool, f->finished);
		f->finished = POOL_NONE;
	}
	while (f->oldest != POOL_NONE && puzzle_at(f, f->oldest)->first_ns + TIMEOUT_FRAGMENT_S * TW_SECOND < piece->time_ns)
		drop_oldest(f);
	if (piece->size == 0 || piece->offset + piece->size > DATAGRAM_BYTES || (!piece->last && piece->size % UNIT)) {
		f->counters->malformed++;
		return false;
	}
	uint32_t index = puzzle_get(f, piece), end = piece->offset + piece->size;
	struct puzzle *p = puzzle_at(f, index);
	if ((p->size && end > p->size) || (piece->last && end < (p->size ? p->size : p->top))) {
		f->counters->fragments_overlapping++; /* two ends, or a piece beyond the end: what came first counts */
		return false;
	}
	if (piece->last)
		p->size = end;
	p->top = end > p->top ? end : p->top;
	puzzle_fill(f, p, piece);
	if (!p->size || p->have < (p->size + UNIT - 1) / UNIT)
		return false;
	puzzle_unlink(f, index);
	f->finished = index;
	f->counters->fragments_joined++;
	*whole = slice_of(p->bytes, p->size);
	return true;
}
