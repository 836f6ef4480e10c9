#include "memo.h"
#include "hash.h"
#include <sys/mman.h>

/* A set-associative cache: a key may lie in one of WAYS neighbouring places, the oldest of which gives way. The keys of a set
 * fill one cache line and their ages another: what is not there costs one miss, whatever the values' size. */
enum { WAYS = 8, NOTES_PER_SET = 4 };

struct keys {
	_Alignas(64) uint64_t key[WAYS]; /* 0: empty */
	uint64_t age[WAYS];
};

struct value {
	_Alignas(64) uint32_t size;
	uint8_t bytes[MEMO_VALUE_MAX];
};

/* Newest first. */
struct notes {
	_Alignas(64) struct note { uint64_t key, note; } at[4];
};

struct memos {
	struct notes *notes;
	struct keys *sets;
	struct value *values;
	uint64_t clock;
	uint64_t lost; /* the age of the youngest value that was overwritten by another key's */
	uint32_t count; /* of sets, a power of two */
	struct counters *counters;
};

enum { HEAD = 4096 };
_Static_assert(sizeof(struct memos) <= HEAD, "the head has room before the sets");

static size_t memos_bytes(uint32_t sets)
{
	return HEAD + (size_t)sets * (sizeof(struct keys) + NOTES_PER_SET * sizeof(struct notes) + WAYS * sizeof(struct value));
}

struct memos *memos_open(uint32_t slots, struct counters *counters)
{
	uint32_t sets = 1;
	while (sets * 2u * WAYS <= slots)
		sets *= 2;
	struct memos *memos = mmap(NULL, memos_bytes(sets), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memos == MAP_FAILED)
		return NULL;
	madvise(memos, memos_bytes(sets), MADV_HUGEPAGE);
	memos->sets = (struct keys *)((char *)memos + HEAD);
	memos->notes = (struct notes *)(memos->sets + sets);
	memos->values = (struct value *)(memos->notes + (size_t)sets * NOTES_PER_SET);
	memos->count = sets;
	memos->counters = counters;
	return memos;
}

void memos_close(struct memos *memos)
{
	if (memos)
		munmap(memos, memos_bytes(memos->count));
}

uint64_t memo_key(uint64_t flow_id, unsigned kind, uint64_t number)
{
	/* The id is mixed alone first: ids that differ in a few bits must not meet in another kind. */
	uint64_t key = hash_join(hash_join(hash_join(0, flow_id), kind), number);
	return key ? key : 1;
}

static struct keys *set_of(const struct memos *memos, uint64_t key)
{
	return &memos->sets[key & (memos->count - 1)];
}

/* WAYS when it is not there. */
static unsigned way_of(const struct keys *set, uint64_t key)
{
	unsigned way = 0;
	while (way < WAYS && set->key[way] != key)
		way++;
	return way;
}

/* Where the key is, or is to be put: in the first free place, else in that of the oldest. */
static unsigned place_of(const struct keys *set, uint64_t key)
{
	unsigned way = way_of(set, key);
	if (way < WAYS)
		return way;
	way = 0;
	for (unsigned i = 0; i < WAYS && set->key[way]; i++)
		if (!set->key[i] || set->age[i] < set->age[way])
			way = i;
	return way;
}

static struct value *value_at(const struct memos *memos, const struct keys *set, unsigned way)
{
	return &memos->values[(size_t)(set - memos->sets) * WAYS + way];
}

void memo_prefetch(const struct memos *memos, uint64_t key)
{
	const struct keys *set = set_of(memos, key);
	__builtin_prefetch(set);
	__builtin_prefetch(&set->age);
}

void memo_prefetch_value(const struct memos *memos, uint64_t key)
{
	const struct keys *set = set_of(memos, key);
	__builtin_prefetch(value_at(memos, set, place_of(set, key)), 1);
}

void memo_put(struct memos *memos, uint64_t key, struct slice value)
{
	struct keys *set = set_of(memos, key);
	unsigned way = place_of(set, key);
	if (set->key[way] != key) {
		memos->counters->memos_evicted += set->key[way] != 0;
		if (set->key[way] && set->age[way] > memos->lost)
			memos->lost = set->age[way];
	}
	set->key[way] = key;
	set->age[way] = ++memos->clock;
	struct value *to = value_at(memos, set, way);
	to->size = value.size < MEMO_VALUE_MAX ? value.size : MEMO_VALUE_MAX;
	memcpy(to->bytes, value.at, to->size);
}

bool memo_get(struct memos *memos, uint64_t key, struct slice *value)
{
	struct keys *set = set_of(memos, key);
	unsigned way = way_of(set, key);
	if (way == WAYS)
		return false;
	const struct value *from = value_at(memos, set, way);
	*value = slice_of(from->bytes, from->size);
	return true;
}

void memo_drop(struct memos *memos, uint64_t key)
{
	struct keys *set = set_of(memos, key);
	unsigned way = way_of(set, key);
	if (way < WAYS)
		set->key[way] = 0;
}

static struct notes *notes_of(const struct memos *memos, uint64_t key)
{
	return &memos->notes[key & ((uint64_t)memos->count * NOTES_PER_SET - 1)];
}

void memo_note(struct memos *memos, uint64_t key, uint64_t note)
{
	struct notes *set = notes_of(memos, key);
	unsigned i = 0;
	while (i < 3 && set->at[i].key && set->at[i].key != key)
		i++;
	memos->counters->memos_evicted += set->at[i].key && set->at[i].key != key;
	memmove(&set->at[1], &set->at[0], i * sizeof set->at[0]);
	set->at[0] = (struct note){key, note};
}

uint64_t memo_noted(const struct memos *memos, uint64_t key)
{
	const struct notes *set = notes_of(memos, key);
	for (unsigned i = 0; i < 4; i++)
		if (set->at[i].key == key)
			return set->at[i].note;
	return 0;
}

void memo_prefetch_note(const struct memos *memos, uint64_t key)
{
	__builtin_prefetch(notes_of(memos, key), 1);
}

uint64_t memos_clock(const struct memos *memos)
{
	return memos->clock;
}

bool memos_whole(const struct memos *memos, uint64_t since)
{
	return memos->lost <= since;
}
