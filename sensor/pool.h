/* pool.h - blocks of one size from memory reserved at start and touched as it fills. */
#ifndef TW_POOL_H
#define TW_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_NONE UINT32_MAX

struct pool {
	uint8_t *at;
	size_t block;
	uint32_t count, touched, free_head;
};

bool pool_open(struct pool *pool, size_t block_bytes, uint32_t count);
void pool_close(struct pool *pool);
uint32_t pool_take(struct pool *pool);             /* POOL_NONE when exhausted */
void pool_give(struct pool *pool, uint32_t index);

static inline void *pool_at(const struct pool *pool, uint32_t index)
{
	return pool->at + (size_t)index * pool->block;
}

#endif
