#include "slab.h"
#include "pool.h"
#include <stdlib.h>

enum { SIZES = 5 };

static const struct { uint32_t bytes, count; } sizes[SIZES] = {{64, 32768}, {256, 32768}, {1024, 16384}, {4096, 8192}, {16384, 2048}};

struct slab {
	struct pool pools[SIZES];
};

struct slab *slab_open(void)
{
	struct slab *slab = calloc(1, sizeof *slab);
	bool good = slab != NULL;
	for (unsigned i = 0; good && i < SIZES; i++)
		good = pool_open(&slab->pools[i], sizes[i].bytes, sizes[i].count);
	if (good)
		return slab;
	slab_close(slab);
	return NULL;
}

void slab_close(struct slab *slab)
{
	if (!slab)
		return;
	for (unsigned i = 0; i < SIZES; i++)
		pool_close(&slab->pools[i]);
	free(slab);
}

void *slab_take(struct slab *slab, size_t bytes)
{
	for (unsigned i = 0; i < SIZES; i++) {
		uint32_t index = bytes <= sizes[i].bytes ? pool_take(&slab->pools[i]) : POOL_NONE;
		if (index != POOL_NONE)
			return pool_at(&slab->pools[i], index);
	}
	return malloc(bytes);
}

void slab_give(struct slab *slab, void *at)
{
	for (unsigned i = 0; i < SIZES; i++) {
		const struct pool *pool = &slab->pools[i];
		const uint8_t *byte = at;
		if (byte >= pool->at && byte < pool->at + pool->block * pool->count) {
			pool_give(&slab->pools[i], (uint32_t)((size_t)(byte - pool->at) / pool->block));
			return;
		}
	}
	free(at);
}
