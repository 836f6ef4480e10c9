#include "log_sessions.h"
#include "hash.h"
#include <stdlib.h>

enum { WAYS = 8 };

/* One cache line: the sessions are touched only when a tag fits. */
struct bucket {
	uint32_t tags[WAYS];  /* the upper half of a key */
	uint32_t items[WAYS]; /* index plus 1; 0: never used */
};

struct log_sessions {
	struct bucket *buckets;
	struct log_session *items; /* in the order in which they were first used: few clients lie on few pages */
	uint32_t mask, used;
	struct counters *counters;
};

struct log_sessions *log_sessions_open(uint32_t count, struct counters *counters)
{
	struct log_sessions *s = calloc(1, sizeof *s);
	uint32_t buckets = 1;
	while (buckets * WAYS < count)
		buckets *= 2;
	if (s) {
		*s = (struct log_sessions){calloc(buckets, sizeof *s->buckets), calloc((size_t)buckets * WAYS, sizeof *s->items),
					   buckets - 1, 0, counters};
		if (s->buckets && s->items)
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

/* That which has the key or had it, else one that is free, else the one touched longest ago. */
static unsigned way_for(const struct log_sessions *s, const struct bucket *bucket, uint64_t key)
{
	unsigned oldest = 0;
	for (unsigned i = 0; i < WAYS; i++)
		if (bucket->tags[i] == key >> 32 && bucket->items[i] && (!item_of(s, bucket, i)->key || item_of(s, bucket, i)->key == key))
			return i;
	for (unsigned i = 0; i < WAYS; i++) {
		const struct log_session *item = item_of(s, bucket, i);
		if (!item || !item->key)
			return i;
		if (item->touched_ns < item_of(s, bucket, oldest)->touched_ns)
			oldest = i;
	}
	s->counters->log_sessions_evicted++;
	return oldest;
}

struct log_session *log_session_begin(struct log_sessions *s, uint64_t key, uint64_t time_ns)
{
	struct bucket *bucket = &s->buckets[key & s->mask];
	unsigned way = way_for(s, bucket, key);
	if (!bucket->items[way])
		bucket->items[way] = ++s->used;
	bucket->tags[way] = (uint32_t)(key >> 32);
	struct log_session *item = item_of(s, bucket, way);
	*item = (struct log_session){.key = key, .touched_ns = time_ns, .began_ns = time_ns};
	return item;
}

void log_session_end(struct log_session *session)
{
	session->key = 0;
}
