/* slab.h - memory of any size from pools that were reserved at start, for libraries that ask for it again and again. */
#ifndef TW_SLAB_H
#define TW_SLAB_H

#include <stdbool.h>
#include <stddef.h>

struct slab;

struct slab *slab_open(void); /* NULL when memory is refused */
void slab_close(struct slab *slab);

/* From the smallest pool that fits; from malloc() when it is empty or the request is large. */
void *slab_take(struct slab *slab, size_t bytes);
void slab_give(struct slab *slab, void *at); /* also what came from malloc() elsewhere */

#endif
