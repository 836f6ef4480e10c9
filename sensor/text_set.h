/* text_set.h - several plain patterns looked for in a text at once, in one pass, however many they are.
 *
 * Shift-And (Baeza-Yates and Gonnet, 1992): a bit for each character of all patterns tells whether the text read so far ends
 * with the pattern up to there. */
#ifndef TW_TEXT_SET_H
#define TW_TEXT_SET_H

#include "bytes.h"

#define TEXT_SET_BITS 64u /* characters of all patterns together */

struct text_set {
	uint64_t masks[256];   /* by byte: the bits of the characters that it is */
	uint64_t anchored;     /* first characters of patterns that stand at the start of the text */
	uint64_t floating;     /* ... of those that may stand anywhere */
	uint64_t found, ended; /* last characters of patterns that may end anywhere, and at the end of the text only */
	unsigned used;
};

/* False, and the set as it was, when the pattern is empty or there is no room for it. */
bool text_set_add(struct text_set *set, struct slice pattern, bool cased, bool at_start, bool at_end);
bool text_set_matches(const struct text_set *set, struct slice text);

#endif
