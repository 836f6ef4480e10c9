#include "log_sessions.h"
#include "hash.h"
#include <stdlib.h>

enum { WAYS = 8, FEW = 64 };

/* One cache line: the sessions are touched only when a tag fits. */
struct bucket {
	uint32_t tags[WAYS];  /* the upper half of a key */
	uint32_t items[WAYS]; /* index plus 1; 0: free */
};

struct log_sessions {
	struct bucket *buckets;
	struct log_session *items; /* what ended last is used first, so that few clients lie on few pages */
	uint32_t *ended;           /* indices of items */
	uint32_t mask, most, used, ended_count; /* mask: of the buckets in use, at most `most` */
	struct counters *counters;
};

struct log_sessions *log_sessions_open(uint32_t count, struct counters *counters)
{
	struct log_sessions *s = calloc(1, sizeof *s);
	uint32_t buckets = 1;
	while (buckets * WAYS < count)
		buckets *= 2;
	if (s) {
		size_t items = (size_t)buckets * WAYS;
		*s = (struct log_sessions){.buckets = calloc(buckets, sizeof *s->buckets), .items = calloc(items, sizeof *s->items),
					   .ended = malloc(items * sizeof *s->ended), .mask = (buckets < FEW ? buckets : FEW) - 1, .most = buckets - 1, .counters = counters};
		if (s->buckets && s->items && s->ended)
			return s;
		log_sessions_close(s);
	}
	return NULL;
}

void log_sessions_close(struct log_sessions *s)
{
	if (!s)
		return;
	free(s->buckets);
	free(s->items);
	free(s->ended);
	free(s);
}

uint64_t log_session_key(uint64_t source, unsigned kind, struct slice name)
{
	uint64_t key = hash_slice(name, hash_join(source, kind));
	return key ? key : 1;
}

static struct log_session *item_of(const struct log_sessions *s, const struct bucket *bucket, unsigned way)
{
	return bucket->items[way] ? &s->items[bucket->items[way] - 1] : NULL;
}

struct log_session *log_session_find(struct log_sessions *s, uint64_t key)
{
	const struct bucket *bucket = &s->buckets[key & s->mask];
	for (unsigned i = 0; i < WAYS; i++)
		if (bucket->tags[i] == key >> 32 && bucket->items[i] && item_of(s, bucket, i)->key == key)
			return item_of(s, bucket, i);
	return NULL;
}

/* Twice as many buckets: half of what is in each moves to its new neighbour. Few clients lie in few of them. */
static void grow(struct log_sessions *s)
{
	uint32_t count = s->mask + 1;
	for (uint32_t i = 0; i < count; i++) {
		struct bucket *from = &s->buckets[i], *to = &s->buckets[i + count];
		*to = *from;
		for (unsigned way = 0; way < WAYS; way++) {
			const struct log_session *item = item_of(s, from, way);
			if (item)
				(item->key & count ? from : to)->items[way] = 0;
		}
	}
	s->mask += count;
}

static bool is_full(const struct log_sessions *s, uint64_t key)
{
	const struct bucket *bucket = &s->buckets[key & s->mask];
	for (unsigned i = 0; i < WAYS; i++)
		if (!bucket->items[i] || item_of(s, bucket, i)->key == key)
			return false;
	return true;
}

/* That which has the key, or had it and is free, else one that is free, else the one touched longest ago. */
static unsigned way_for(const struct log_sessions *s, const struct bucket *bucket, uint64_t key)
{
	unsigned oldest = 0;
	for (unsigned i = 0; i < WAYS; i++)
		if (bucket->tags[i] == key >> 32 && (!bucket->items[i] || item_of(s, bucket, i)->key == key))
			return i;
	for (unsigned i = 0; i < WAYS; i++)
		if (!bucket->items[i])
			return i;
	for (unsigned i = 1; i < WAYS; i++)
		if (item_of(s, bucket, i)->touched_ns < item_of(s, bucket, oldest)->touched_ns)
			oldest = i;
	s->counters->log_sessions_evicted++;
	return oldest;
}

struct log_session *log_session_begin(struct log_sessions *s, uint64_t key, uint64_t time_ns)
{
	while (s->mask < s->most && is_full(s, key))
		grow(s);
	struct bucket *bucket = &s->buckets[key & s->mask];
	unsigned way = way_for(s, bucket, key);
	if (!bucket->items[way])
		bucket->items[way] = 1 + (s->ended_count ? s->ended[--s->ended_count] : s->used++);
	bucket->tags[way] = (uint32_t)(key >> 32);
	struct log_session *item = item_of(s, bucket, way);
	*item = (struct log_session){.key = key, .touched_ns = time_ns, .began_ns = time_ns};
	return item;
}

void log_session_end(struct log_sessions *s, struct log_session *session)
{
	uint32_t index = (uint32_t)(session - s->items);
	struct bucket *bucket = &s->buckets[session->key & s->mask];
	for (unsigned i = 0; session->key && i < WAYS; i++)
		if (bucket->items[i] == index + 1) {
			bucket->items[i] = 0;
			s->ended[s->ended_count++] = index;
			break;
		}
	session->key = 0;
}
