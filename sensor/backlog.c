#include "backlog.h"
#include <stdlib.h>

/* A ring of entries, each of them in one piece: when the end of the memory is too near, a new one begins at its start. */
struct entry {
	uint32_t size;  /* of the whole entry; 0: nothing more before the end of the memory */
	struct record record;
};

struct backlog {
	uint32_t capacity, first, next, count;
	uint64_t lost;
	uint8_t *at;
};

static uint32_t entry_size(uint32_t bytes)
{
	return (uint32_t)((sizeof(struct entry) + bytes + 15) & ~(size_t)15);
}

static struct entry *entry_at(const struct backlog *b, uint32_t at)
{
	return (struct entry *)(void *)(b->at + at);
}

struct backlog *backlog_open(uint32_t bytes)
{
	struct backlog *b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	b->capacity = entry_size(bytes);
	b->at = calloc(1, b->capacity + sizeof(struct entry));
	if (b->at)
		return b;
	free(b);
	return NULL;
}

void backlog_close(struct backlog *b)
{
	if (!b)
		return;
	free(b->at);
	free(b);
}

bool backlog_first(struct backlog *b, struct record *out)
{
	if (!b->count)
		return false;
	if (b->first == b->capacity || !entry_at(b, b->first)->size)
		b->first = 0;
	const struct entry *entry = entry_at(b, b->first);
	*out = entry->record;
	out->bytes.at = (const uint8_t *)(entry + 1);
	return true;
}

void backlog_take(struct backlog *b)
{
	struct record record;
	if (!backlog_first(b, &record))
		return;
	b->first += entry_at(b, b->first)->size;
	if (--b->count == 0)
		b->first = b->next = 0;
}

/* Where an entry of this size fits in one piece, or false. */
static bool place(struct backlog *b, uint32_t size)
{
	if (!b->count || b->next > b->first) {
		if (size <= b->capacity - b->next)
			return true;
		if (size >= b->first) /* not even up to the oldest: full and empty must stay two things */
			return false;
		entry_at(b, b->next)->size = 0;
		b->next = 0;
		return true;
	}
	return size < b->first - b->next;
}

void backlog_put(struct backlog *b, const struct record *record)
{
	uint32_t size = entry_size(record->bytes.size);
	if (size > b->capacity / 2) {
		b->lost++;
		return;
	}
	while (!place(b, size)) {
		backlog_take(b);
		b->lost++;
	}
	struct entry *entry = entry_at(b, b->next);
	entry->size = size;
	entry->record = *record;
	memcpy(entry + 1, record->bytes.at, record->bytes.size);
	b->next += size;
	b->count++;
}

uint32_t backlog_count(const struct backlog *b)
{
	return b->count;
}

uint64_t backlog_lost(const struct backlog *b)
{
	return b->lost;
}
