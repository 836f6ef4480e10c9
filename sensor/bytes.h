/* bytes.h - the only way this program touches bytes that came from a wire or a log.
 *
 * A slice borrows: it points into the packet or the line and dies when the call that was given it returns.
 * A reader fails once. After the first read past the end it is failed, yields zeros and is EMPTY, so every loop
 * of the form `while (reader_left(&r))` ends, and a caller reads ten fields and asks `r.failed` once.
 */
#ifndef TW_BYTES_H
#define TW_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *at; /* NULL only when absent; an empty value has at != NULL and size 0 */
	uint32_t size;
};

/* Several slices seen as one value, e.g. the topic filters of one SUBSCRIBE. */
struct slices {
	const struct slice *items;
	uint32_t count;
};

struct reader {
	const uint8_t *at, *end;
	bool failed;
};

static inline struct slice slice_of(const void *at, uint32_t size)
{
	return (struct slice){at, size};
}

static inline struct slice slice_text(const char *text)
{
	return (struct slice){(const uint8_t *)text, text ? (uint32_t)strlen(text) : 0};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
	return slice_equal(a, slice_text(text));
}

static inline bool slice_starts(struct slice a, struct slice prefix)
{
	return a.size >= prefix.size && (prefix.size == 0 || memcmp(a.at, prefix.at, prefix.size) == 0);
}

/* The first n bytes, or all of them when there are fewer. */
static inline struct slice slice_head(struct slice a, uint32_t n)
{
	return (struct slice){a.at, a.size < n ? a.size : n};
}

static inline struct reader reader_of(struct slice s)
{
	return (struct reader){s.at, s.at + s.size, false};
}

static inline uint32_t reader_left(const struct reader *r)
{
	return (uint32_t)(r->end - r->at);
}

static inline void reader_fail(struct reader *r)
{
	r->failed = true;
	r->at = r->end;
}

/* The next n bytes; the empty slice and a failed reader when there are fewer. */
static inline struct slice read_slice(struct reader *r, uint32_t n)
{
	if (reader_left(r) < n) {
		reader_fail(r);
		return (struct slice){r->end, 0};
	}
	struct slice s = {r->at, n};
	r->at += n;
	return s;
}

static inline struct slice read_rest(struct reader *r)
{
	return read_slice(r, reader_left(r));
}

static inline void read_skip(struct reader *r, uint32_t n)
{
	(void)read_slice(r, n);
}

/* Unaligned big-endian loads from memory whose length the caller has already proved. */
static inline uint16_t load_be16(const uint8_t *p)
{
	return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static inline uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint8_t read_u8(struct reader *r)
{
	struct slice s = read_slice(r, 1);
	return s.size ? s.at[0] : 0;
}

static inline uint16_t read_be16(struct reader *r)
{
	struct slice s = read_slice(r, 2);
	return s.size ? load_be16(s.at) : 0;
}

static inline uint32_t read_be24(struct reader *r)
{
	struct slice s = read_slice(r, 3);
	return s.size ? (uint32_t)s.at[0] << 16 | (uint32_t)s.at[1] << 8 | s.at[2] : 0;
}

static inline uint32_t read_be32(struct reader *r)
{
	struct slice s = read_slice(r, 4);
	return s.size ? load_be32(s.at) : 0;
}

/* Two bytes of length, then that many bytes (MQTT UTF-8 string and binary data, OASIS MQTT 5.0 section 1.5.4). */
static inline struct slice read_be16_slice(struct reader *r)
{
	uint16_t n = read_be16(r);
	return read_slice(r, n);
}

/* MQTT variable byte integer (OASIS MQTT 5.0 section 1.5.5): at most four bytes, seven bits each, least significant
 * first. A fifth continuation, i.e. bit 7 set in the fourth byte, is malformed and fails the reader. */
static inline uint32_t read_varint(struct reader *r)
{
	uint32_t value = 0;
	for (unsigned shift = 0; shift < 28; shift += 7) {
		uint8_t byte = read_u8(r);
		value |= (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return r->failed ? 0 : value;
	}
	reader_fail(r);
	return 0;
}

#endif
