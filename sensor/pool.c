#include "pool.h"
#include <string.h>
#include <sys/mman.h>

bool pool_open(struct pool *pool, size_t block_bytes, uint32_t count)
{
	void *at = mmap(NULL, block_bytes * count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	*pool = (struct pool){at == MAP_FAILED ? NULL : at, block_bytes, count, 0, POOL_NONE};
	if (pool->at)
		madvise(pool->at, block_bytes * count, MADV_HUGEPAGE); /* found by hashes: the TLB would miss every time */
	return pool->at != NULL;
}

void pool_close(struct pool *pool)
{
	if (pool->at)
		munmap(pool->at, pool->block * pool->count);
	pool->at = NULL;
}

uint32_t pool_take(struct pool *pool)
{
	uint32_t index = pool->free_head;
	if (index == POOL_NONE)
		return pool->touched < pool->count ? pool->touched++ : POOL_NONE;
	memcpy(&pool->free_head, pool_at(pool, index), sizeof pool->free_head);
	return index;
}

void pool_give(struct pool *pool, uint32_t index)
{
	memcpy(pool_at(pool, index), &pool->free_head, sizeof pool->free_head);
	pool->free_head = index;
}
