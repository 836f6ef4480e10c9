/* hash.h - keyed hashes for tables (only user of xxHash) .
 * The seed is random when live, so that an attacker cannot aim at a bucket, and constant in replay, so that the same
 * input gives the same output. Never use these for secrets: see digest.h. */
#ifndef TW_HASH_H
#define TW_HASH_H

#include "bytes.h"
#include <stddef.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static inline uint64_t hash_bytes(const void *at, size_t size, uint64_t seed)
{
	return XXH3_64bits_withSeed(at, size, seed);
}

static inline uint64_t hash_slice(struct slice s, uint64_t seed)
{
	return hash_bytes(s.at, s.size, seed);
}

/* Joins a hash to what was hashed before; order matters. */
static inline uint64_t hash_join(uint64_t a, uint64_t b)
{
	uint64_t x = (a ^ (b + 0x9e3779b97f4a7c15u)) * 0xbf58476d1ce4e5b9u;
	return x ^ x >> 29;
}

#endif
