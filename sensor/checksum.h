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

/* In the byte order of this machine, which comes to the same (RFC 1071, 2 B), eight bytes at a time. */
static inline uint64_t checksum_add(uint64_t sum, const uint8_t *at, uint32_t size)
{
	bool large = size >= 8;
	for (; size >= 8; at += 8, size -= 8) {
		uint64_t word;
		memcpy(&word, at, sizeof word);
		sum += (uint32_t)word;
		sum += word >> 32;
	}
	if (size) {
		uint8_t tail[8] = {0};
		uint64_t word;
		if (large) {
			word = checksum_tail(at + size, size);
		} else {
			memcpy(tail, at, size);
			memcpy(&word, tail, sizeof word);
		}
		sum += (uint32_t)word;
		sum += word >> 32;
	}
	return sum;
}

static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

#endif
