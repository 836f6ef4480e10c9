#include "memo.h"
#include "hash.h"
#include <sys/mman.h>

/* A set-associative cache: a key may lie in one of WAYS neighbouring slots, the oldest of which gives way. */
enum { WAYS = 8 };

struct memo {
	uint64_t key; /* 0: empty */
	uint64_t age;
	uint32_t size;
	uint8_t value[MEMO_VALUE_MAX];
};

struct memos {
	struct memo *slots;
	uint64_t clock;
	uint32_t sets; /* a power of two */
	struct counters *counters;
};

static size_t memos_bytes(uint32_t sets)
{
	return (size_t)sets * WAYS * sizeof(struct memo) + sizeof(struct memos);
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
	memos->slots = (struct memo *)(memos + 1);
	memos->sets = sets;
	memos->counters = counters;
	return memos;
}

void memos_close(struct memos *memos)
{
	if (memos)
		munmap(memos, memos_bytes(memos->sets));
}

uint64_t memo_key(uint64_t flow_id, unsigned kind, uint64_t number)
{
	/* The id is mixed alone first: ids that differ in a few bits must not meet in another kind. */
	uint64_t key = hash_join(hash_join(hash_join(0, flow_id), kind), number);
	return key ? key : 1;
}

static struct memo *memo_set(struct memos *memos, uint64_t key)
{
	return &memos->slots[(size_t)(key & (memos->sets - 1)) * WAYS];
}

static struct memo *memo_find(struct memos *memos, uint64_t key)
{
	struct memo *set = memo_set(memos, key);
	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].key == key)
			return &set[i];
	return NULL;
}

void memo_put(struct memos *memos, uint64_t key, struct slice value)
{
	struct memo *memo = memo_find(memos, key);
	if (!memo) {
		struct memo *set = memo_set(memos, key);
		memo = set;
		for (unsigned i = 0; i < WAYS && memo->key; i++)
			if (!set[i].key || set[i].age < memo->age)
				memo = &set[i];
		memos->counters->memos_evicted += memo->key != 0;
	}
	memo->key = key;
	memo->age = ++memos->clock;
	memo->size = value.size < MEMO_VALUE_MAX ? value.size : MEMO_VALUE_MAX;
	memcpy(memo->value, value.at, memo->size);
}

bool memo_get(struct memos *memos, uint64_t key, struct slice *value)
{
	struct memo *memo = memo_find(memos, key);
	if (memo)
		*value = slice_of(memo->value, memo->size);
	return memo != NULL;
}

void memo_drop(struct memos *memos, uint64_t key)
{
	struct memo *memo = memo_find(memos, key);
	if (memo)
		memo->key = 0;
}
