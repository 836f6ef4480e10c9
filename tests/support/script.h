/* script.h - conversations as bytes of a fuzzer's input, and back: what a seed is made of.
 *
 *   parsers: which parser, flags, then records: direction and what else happens, a length in two bytes, bytes
 *   decode:  records: link type, milliseconds, a length in two bytes, the frame */
#ifndef TW_TEST_SCRIPT_H
#define TW_TEST_SCRIPT_H

#include "sensor/bytes.h"

enum { SCRIPT_TO_CLIENT = 1, SCRIPT_GAP = 2, SCRIPT_EXPIRE = 4, SCRIPT_MIDSTREAM = 1, SCRIPT_FRONT = 2 };

/* A parser's own byte: it stays with its name when others come. */
static inline uint8_t script_mark(const char *name)
{
	unsigned mark = 5;
	for (; *name; name++)
		mark = mark * 31 + (uint8_t)*name;
	return (uint8_t)mark;
}

struct record {
	uint8_t kind, value;
	struct slice bytes;
};

/* The next record; false at the end. A length beyond the end is cut. */
static inline bool script_next(struct reader *r, bool with_value, struct record *out)
{
	if (!reader_left(r))
		return false;
	out->kind = read_u8(r);
	out->value = with_value && reader_left(r) ? read_u8(r) : 0;
	uint32_t size = reader_left(r) >= 2 ? read_be16(r) : 0;
	out->bytes = read_slice(r, size < reader_left(r) ? size : reader_left(r));
	return true;
}

static const uint16_t script_links[] = {1, 101, 0, 113, 276, 9, 108, 50, 12, 14, 228, 229};
enum { SCRIPT_LINKS = sizeof script_links / sizeof *script_links };

#endif
