#include "log_sessions.h"
#include "hash.h"
#include <stdlib.h>

enum { WAYS = 8 };

struct bucket {
	uint64_t keys[WAYS]; /* one cache line: the sessions are touched only when a key fits */
};

struct log_sessions {
	struct bucket *buckets;
	struct log_session *items;
	uint32_t mask;
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
					   buckets - 1, counters};
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

static struct log_session *item_of(struct log_sessions *s, uint64_t key, unsigned way)
{
	return &s->items[(size_t)(key & s->mask) * WAYS + way];
}

struct log_session *log_session_find(struct log_sessions *s, uint64_t key)
{
	const struct bucket *bucket = &s->buckets[key & s->mask];
	for (unsigned i = 0; i < WAYS; i++)
		if (bucket->keys[i] == key && item_of(s, key, i)->key == key)
			return item_of(s, key, i);
	return NULL;
}

struct log_session *log_session_begin(struct log_sessions *s, uint64_t key, uint64_t time_ns)
{
	struct bucket *bucket = &s->buckets[key & s->mask];
	unsigned way = WAYS, oldest = 0;
	for (unsigned i = 0; i < WAYS && way == WAYS; i++)
		if (bucket->keys[i] == key)
			way = i;
	for (unsigned i = 0; i < WAYS && way == WAYS; i++) {
		const struct log_session *item = item_of(s, key, i);
		if (!item->key)
			way = i;
		else if (item->touched_ns < item_of(s, key, oldest)->touched_ns)
			oldest = i;
	}
	if (way == WAYS) {
		way = oldest;
		s->counters->log_sessions_evicted++;
	}
	bucket->keys[way] = key;
	struct log_session *item = item_of(s, key, way);
	*item = (struct log_session){.key = key, .touched_ns = time_ns, .began_ns = time_ns};
	return item;
}

void log_session_end(struct log_session *session)
{
	session->key = 0;
}
