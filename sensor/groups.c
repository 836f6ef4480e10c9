#include "groups.h"
#include "limits.h"
#include "pool.h"
#include <stdlib.h>

/* Slots of a quarter of a second: a ten second absence should not be told a second late. */
enum { SLOTS = 4096, FIRST_BUCKETS = 1024 };
#define SLOT_NS (TW_SECOND / 4)

/* `bits` has the bit of every key in the chain, so that most groups that are not there are not looked for. Those of the
 * departed stay until the chain is empty. */
struct bucket {
	uint32_t head;
	uint32_t bits;
};

struct groups {
	struct pool pool, buckets;
	uint32_t mask, limit, used;
	uint64_t tick;
	struct counters *counters;
	void (*forget)(void *context, struct group *group);
	void *context;
	struct row { uint32_t first, last; } slot[SLOTS]; /* in the order of insertion: who was there first is told first */
};

static struct bucket *bucket_at(const struct groups *g, uint64_t key)
{
	return (struct bucket *)(void *)g->buckets.at + ((uint32_t)key & g->mask);
}

static uint32_t bit_of(uint64_t key)
{
	return 1u << (key >> 59);
}

static struct group *group_at(const struct groups *g, uint32_t index)
{
	return pool_at(&g->pool, index);
}

static uint32_t index_of(const struct groups *g, const struct group *group)
{
	return (uint32_t)((size_t)((const uint8_t *)group - g->pool.at) / g->pool.block);
}

static void buckets_clear(struct groups *g, uint32_t from, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		*bucket_at(g, from + i) = (struct bucket){GROUP_NONE, 0};
}

struct groups *groups_open(uint32_t capacity, struct counters *counters, void (*forget)(void *context, struct group *group),
			   void *context)
{
	struct groups *g = calloc(1, sizeof *g);
	if (!g)
		return NULL;
	g->limit = FIRST_BUCKETS;
	while (g->limit < capacity)
		g->limit *= 2;
	g->mask = FIRST_BUCKETS - 1;
	g->counters = counters;
	g->forget = forget;
	g->context = context;
	memset(g->slot, 0xff, sizeof g->slot);
	if (pool_open(&g->pool, sizeof(struct group), capacity) && pool_open(&g->buckets, sizeof(struct bucket), g->limit)) {
		buckets_clear(g, 0, FIRST_BUCKETS);
		return g;
	}
	groups_close(g);
	return NULL;
}

void groups_close(struct groups *g)
{
	if (!g)
		return;
	pool_close(&g->pool);
	pool_close(&g->buckets);
	free(g);
}

void groups_prefetch_bucket(const struct groups *g, uint64_t key)
{
	__builtin_prefetch(bucket_at(g, key));
}

void groups_prefetch(const struct groups *g, uint64_t key)
{
	const struct bucket *bucket = bucket_at(g, key);
	if (!(bucket->bits & bit_of(key)))
		return;
	__builtin_prefetch(group_at(g, bucket->head));
	__builtin_prefetch((const char *)group_at(g, bucket->head) + 64);
}

struct group *groups_find(struct groups *g, uint64_t key, uint32_t rule)
{
	const struct bucket *bucket = bucket_at(g, key);
	if (!(bucket->bits & bit_of(key)))
		return NULL;
	for (uint32_t i = bucket->head; i != GROUP_NONE; i = group_at(g, i)->next) {
		struct group *group = group_at(g, i);
		if (group->key == key && group->rule == rule)
			return group;
	}
	return NULL;
}

static void chain(struct groups *g, uint32_t index)
{
	struct group *group = group_at(g, index);
	struct bucket *bucket = bucket_at(g, group->key);
	group->next = bucket->head;
	bucket->head = index;
	bucket->bits |= bit_of(group->key);
}

static void grow(struct groups *g)
{
	uint32_t old = g->mask + 1;
	g->mask = old * 2 - 1;
	buckets_clear(g, old, old);
	for (uint32_t i = 0; i < old; i++) {
		uint32_t index = bucket_at(g, i)->head;
		*bucket_at(g, i) = (struct bucket){GROUP_NONE, 0};
		while (index != GROUP_NONE) {
			uint32_t next = group_at(g, index)->next;
			chain(g, index);
			index = next;
		}
	}
}

static void wheel_remove(struct groups *g, struct group *group)
{
	struct row *row = &g->slot[group->due_ns / SLOT_NS % SLOTS];
	if (group->wheel_prev != GROUP_NONE)
		group_at(g, group->wheel_prev)->wheel_next = group->wheel_next;
	else
		row->first = group->wheel_next;
	if (group->wheel_next != GROUP_NONE)
		group_at(g, group->wheel_next)->wheel_prev = group->wheel_prev;
	else
		row->last = group->wheel_prev;
}

static void wheel_insert(struct groups *g, struct group *group, uint64_t due_ns)
{
	uint64_t due = due_ns / SLOT_NS + 1, first = g->tick + 1, last = g->tick + SLOTS - 1;
	due = due < first ? first : due > last ? last : due;
	struct row *row = &g->slot[due % SLOTS];
	uint32_t index = index_of(g, group);
	group->due_ns = due * SLOT_NS;
	group->wheel_prev = row->last;
	group->wheel_next = GROUP_NONE;
	if (row->last != GROUP_NONE)
		group_at(g, row->last)->wheel_next = index;
	else
		row->first = index;
	row->last = index;
}

void groups_schedule(struct groups *g, struct group *group, uint64_t due_ns)
{
	wheel_remove(g, group);
	wheel_insert(g, group, due_ns);
}

void groups_remove(struct groups *g, struct group *group)
{
	struct bucket *bucket = bucket_at(g, group->key);
	uint32_t index = index_of(g, group), *link = &bucket->head;
	while (*link != index)
		link = &group_at(g, *link)->next;
	*link = group->next;
	if (bucket->head == GROUP_NONE)
		bucket->bits = 0;
	wheel_remove(g, group);
	group->rule = GROUP_NONE;
	g->used--;
	/* pool_give() writes over the first four bytes, the key; `rule` still tells that the place is free. */
	pool_give(&g->pool, index);
}

static void evict(struct groups *g)
{
	for (uint64_t tick = g->tick + 1; tick < g->tick + SLOTS; tick++) {
		uint32_t index = g->slot[tick % SLOTS].first;
		if (index == GROUP_NONE)
			continue;
		g->counters->groups_evicted++;
		g->forget(g->context, group_at(g, index));
		return;
	}
}

struct group *groups_add(struct groups *g, uint64_t key, uint32_t rule, uint64_t now_ns)
{
	uint32_t index = pool_take(&g->pool);
	if (index == POOL_NONE) {
		evict(g);
		index = pool_take(&g->pool);
	}
	if (g->used > g->mask && g->mask + 1 < g->limit)
		grow(g);
	struct group *group = group_at(g, index);
	*group = (struct group){.key = key, .rule = rule, .episode = GROUP_NONE, .origin = GROUP_NONE, .last_ns = now_ns};
	chain(g, index);
	g->used++;
	wheel_insert(g, group, now_ns);
	return group;
}

void groups_time(struct groups *g, uint64_t now_ns, uint64_t (*due)(void *context, struct group *group, uint64_t now_ns),
		 void *context)
{
	uint64_t tick = now_ns / SLOT_NS;
	if (tick <= g->tick)
		return;
	if (tick - g->tick >= SLOTS)
		g->tick = tick - SLOTS + 1;
	while (g->tick < tick) {
		struct row *row = &g->slot[++g->tick % SLOTS];
		while (row->first != GROUP_NONE) {
			struct group *group = group_at(g, row->first);
			uint64_t again = due(context, group, now_ns);
			if (again)
				groups_schedule(g, group, again);
		}
	}
}

void groups_each(struct groups *g, void (*visit)(void *context, struct group *group), void *context)
{
	for (uint32_t i = 0; i < g->pool.touched; i++)
		if (group_at(g, i)->rule != GROUP_NONE)
			visit(context, group_at(g, i));
}
