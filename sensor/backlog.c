#include "backlog.h"
#include <stdlib.h>

/* A ring of entries, each of them in one piece: when the end of the memory is too near, a new one begins at its start. */
struct entry {
	uint32_t size;  /* of the whole entry; 0: nothing more before the end of the memory */
	struct journal_entry kept;
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

bool backlog_first(struct backlog *b, struct journal_entry *out)
{
	if (!b->count)
		return false;
	if (b->first == b->capacity || !entry_at(b, b->first)->size)
		b->first = 0;
	const struct entry *entry = entry_at(b, b->first);
	*out = entry->kept;
	out->record.bytes.at = (const uint8_t *)(entry + 1);
	return true;
}

void backlog_take(struct backlog *b)
{
	struct journal_entry entry;
	if (!backlog_first(b, &entry))
		return;
	b->first += entry_at(b, b->first)->size;
	if (--b->count == 0)
		b->first = b->next = 0;
}

/* Does an entry of this size fit in one piece, and where: at `next` or at the start? */
static bool place(const struct backlog *b, uint32_t size, uint32_t *at)
{
	*at = b->next;
	if (b->count && b->next <= b->first)
		return size < b->first - b->next;
	if (size <= b->capacity - b->next)
		return true;
	*at = 0;
	return size < b->first; /* not even up to the oldest: full and empty must stay two things */
}

bool backlog_fits(const struct backlog *b, uint32_t bytes)
{
	uint32_t at;
	return place(b, entry_size(bytes), &at);
}

void backlog_put(struct backlog *b, const struct journal_entry *kept)
{
	uint32_t bytes = kept->record.bytes.size, size = entry_size(bytes), at;
	if (size > b->capacity / 2) {
		b->lost++;
		return;
	}
	while (!place(b, size, &at)) {
		backlog_take(b);
		b->lost++;
	}
	if (at != b->next)
		entry_at(b, b->next)->size = 0;
	struct entry *entry = entry_at(b, at);
	entry->size = size;
	entry->kept = *kept;
	if (bytes)
		memcpy(entry + 1, kept->record.bytes.at, bytes);
	b->next = at + size;
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
