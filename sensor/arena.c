#include "arena.h"
#include <stdlib.h>
#include <string.h>

/* Each chunk is twice as large as the one before it, up to a limit: there is an arena for every small file of rules. */
enum { FIRST_CHUNK = 1 << 12, CHUNK = 1 << 16, ALIGN = 16 };

struct chunk {
	struct chunk *next;
	size_t used, room;
	_Alignas(ALIGN) unsigned char bytes[];
};

struct arena {
	struct chunk *chunks;
};

struct arena *arena_open(void)
{
	struct arena *arena = calloc(1, sizeof *arena);
	if (!arena)
		abort();
	return arena;
}

void arena_close(struct arena *arena)
{
	while (arena && arena->chunks) {
		struct chunk *chunk = arena->chunks;
		arena->chunks = chunk->next;
		free(chunk);
	}
	free(arena);
}

void *arena_take(struct arena *arena, size_t bytes)
{
	struct chunk *chunk = arena->chunks;
	bytes = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!chunk || chunk->room - chunk->used < bytes) {
		size_t room = !chunk ? FIRST_CHUNK : chunk->room < CHUNK ? chunk->room * 2 : CHUNK;
		room = bytes > room ? bytes : room;
		chunk = calloc(1, sizeof *chunk + room);
		if (!chunk)
			abort();
		chunk->room = room;
		chunk->next = arena->chunks;
		arena->chunks = chunk;
	}
	void *at = chunk->bytes + chunk->used;
	chunk->used += bytes;
	return at;
}

char *arena_text(struct arena *arena, const char *text, size_t size)
{
	char *copy = arena_take(arena, size + 1);
	memcpy(copy, text, size);
	return copy;
}
