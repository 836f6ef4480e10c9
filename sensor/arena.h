/* arena.h - memory that is given back all at once: what a rule set is made of. */
#ifndef TW_ARENA_H
#define TW_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_open(void);               /* aborts without memory: start-up only */
void arena_close(struct arena *arena);
void *arena_take(struct arena *arena, size_t bytes); /* zeroed, 16-aligned; aborts without memory */
char *arena_text(struct arena *arena, const char *text, size_t size);

#endif
