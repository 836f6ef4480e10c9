/* checksum.h - the sum of the Internet checksum (RFC 1071). */
#ifndef TW_CHECKSUM_H
#define TW_CHECKSUM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The last `size` bytes before `end`, followed by zeros; eight bytes at least are there. */
static inline uint64_t checksum_tail(const uint8_t *end, uint32_t size)
{
	uint64_t word;
	memcpy(&word, end - sizeof word, sizeof word);
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word >> (64 - 8 * size) : word << (64 - 8 * size);
}

/* A carry out of the top comes in again at the bottom (RFC 1071, 2 A): the same sum modulo 2^16 - 1. */
static inline uint64_t checksum_word(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

static inline uint64_t checksum_at(uint64_t sum, const uint8_t *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof word);
	return checksum_word(sum, word);
}

/* In the byte order of this machine, which comes to the same (RFC 1071, 2 B), eight bytes at a time. */
static inline uint64_t checksum_add(uint64_t sum, const uint8_t *at, uint32_t size)
{
	bool large = size >= 8;
	uint64_t other = 0;
	for (; size >= 32; at += 32, size -= 32) { /* two sums do not wait for each other */
		sum = checksum_at(checksum_at(sum, at), at + 8);
		other = checksum_at(checksum_at(other, at + 16), at + 24);
	}
	for (; size >= 8; at += 8, size -= 8)
		sum = checksum_at(sum, at);
	if (size) {
		uint8_t tail[8] = {0};
		if (!large)
			memcpy(tail, at, size);
		sum = large ? checksum_word(sum, checksum_tail(at + size, size)) : checksum_at(sum, tail);
	}
	return checksum_word(sum, other);
}

static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

/* Right when the sum over everything, the checksum included, is all ones. A sender that lets its network card do the
 * work leaves the sum of the pseudo header alone, or zero, in the field: that is no fault (checksum offload). A wrong sum
 * is counted and the segment still read: many captures carry them, and a receiver may have seen it mended. */
static inline bool checksum_wrong(uint64_t ends, uint8_t protocol, const uint8_t *transport, uint32_t size, unsigned offset)
{
	const uint8_t pseudo[4] = {0, protocol, (uint8_t)(size >> 8), (uint8_t)size};
	uint32_t word;
	uint16_t field;
	memcpy(&word, pseudo, sizeof word);
	memcpy(&field, transport + offset, sizeof field);
	uint64_t sum = checksum_word(ends, word);
	return field != 0 && checksum_fold(checksum_add(sum, transport, size)) != 0xffff && checksum_fold(sum) != field;
}

#endif
