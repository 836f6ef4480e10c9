/* text_match.h - texts against patterns. Patterns that are not `cased` are in lower case and meet either case (ASCII). */
#ifndef TW_TEXT_MATCH_H
#define TW_TEXT_MATCH_H

#include "bytes.h"

struct arena;

/* What a pattern has to be of a text. */
enum text_op { TEXT_WHOLE, TEXT_STARTS, TEXT_ENDS, TEXT_CONTAINS, TEXT_OPS };

bool text_same(const uint8_t *at, const uint8_t *pattern, uint32_t size, bool cased);
bool text_equal(struct slice a, struct slice b, bool cased); /* neither needs to be in lower case */
bool text_contains(struct slice text, struct slice part, bool cased);
/* Wildcards of Sigma: `*` any run, `?` any one, `\` makes the next of `*?\` plain. */
bool text_glob(struct slice text, struct slice pattern, bool cased);

#define TEXT_PAIRS 64u

/* Many patterns asked at once: what most texts fail at is told by a character or two, however many patterns there are. Those of a kind
 * stand in the order of a hash of these two, so that few are compared with a text that has them. */
struct text_set {
	bool cased;
	const struct slice *patterns[TEXT_OPS];
	uint32_t begins[TEXT_OPS][TEXT_PAIRS + 2]; /* where the patterns of a hash begin; behind them those of one character, then the end */
	uint8_t marks[256]; /* bit TEXT_OP: a pattern of this kind has its deciding character here; TEXT_OPS + TEXT_OP: the next to it */
	uint64_t pairs;     /* of what is to be contained: the hashes that there are */
	int lead;           /* what is to be contained all begins with this one character, which has no case; -1: with several */
};

struct text_set *text_set_new(struct arena *arena, bool cased, const struct slice *patterns, const enum text_op *ops,
			      uint32_t count);
uint32_t text_set_count(const struct text_set *set);
/* Its patterns, as they were given but for the order. Returns how many. */
uint32_t text_set_list(const struct text_set *set, struct slice *patterns, enum text_op *ops);
bool text_set_holds(const struct text_set *set, struct slice text);

#endif
