#include "text_match.h"
#include "arena.h"

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 32) : c;
}

bool text_same(const uint8_t *at, const uint8_t *pattern, uint32_t size, bool cased)
{
	if (cased)
		return memcmp(at, pattern, size) == 0;
	for (uint32_t i = 0; i < size; i++)
		if (lower(at[i]) != pattern[i])
			return false;
	return true;
}

bool text_equal(struct slice a, struct slice b, bool cased)
{
	if (a.size != b.size)
		return false;
	for (uint32_t i = 0; i < a.size; i++)
		if (cased ? a.at[i] != b.at[i] : lower(a.at[i]) != lower(b.at[i]))
			return false;
	return true;
}

bool text_contains(struct slice text, struct slice part, bool cased)
{
	if (!part.size || part.size > text.size)
		return !part.size;
	const uint8_t *at = text.at, *end = text.at + (text.size - part.size) + 1;
	bool letter = !cased && part.at[0] >= 'a' && part.at[0] <= 'z';
	while (at < end && (letter || (at = memchr(at, part.at[0], (size_t)(end - at))))) {
		if ((!letter || lower(*at) == part.at[0]) && text_same(at, part.at, part.size, cased))
			return true;
		at++;
	}
	return false;
}

/* The last star is where to come back to: linear in practice, at worst text times pattern. */
bool text_glob(struct slice text, struct slice pattern, bool cased)
{
	uint32_t t = 0, p = 0, star = UINT32_MAX, mark = 0;
	while (t < text.size) {
		uint8_t c = p < pattern.size ? pattern.at[p] : 0;
		bool escaped = c == '\\' && p + 1 < pattern.size && strchr("*?\\", pattern.at[p + 1]);
		uint8_t want = escaped ? pattern.at[p + 1] : c;
		if (p < pattern.size && c == '*') {
			star = p++;
			mark = t;
		} else if (p < pattern.size && ((c == '?') || text_same(text.at + t, &want, 1, cased))) {
			p += escaped ? 2 : 1;
			t++;
		} else if (star != UINT32_MAX) {
			p = star + 1;
			t = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.size && pattern.at[p] == '*')
		p++;
	return p == pattern.size;
}

/* --- sets --------------------------------------------------------------------------------------------------- */

static unsigned pair(uint8_t first, uint8_t second)
{
	return (first * 7u + second) % TEXT_PAIRS;
}

/* The character that decides most: the last of an ending, else the first; and, for `next`, the one next to it. */
static uint8_t deciding(struct slice text, enum text_op op, uint32_t next)
{
	return op == TEXT_ENDS ? text.at[text.size - 1 - next] : text.at[next];
}

/* TEXT_PAIRS: there is only one. */
static unsigned pair_of(struct slice pattern, enum text_op op)
{
	return pattern.size > 1 ? pair(deciding(pattern, op, 0), deciding(pattern, op, 1)) : TEXT_PAIRS;
}

/* A text is looked at as it is: what is caseless is marked for either case. A pattern of one character leaves the next one open. */
static void mark(struct text_set *set, struct slice pattern, enum text_op op)
{
	for (unsigned c = 0; c < sizeof set->marks; c++) {
		uint8_t seen = set->cased ? (uint8_t)c : lower((uint8_t)c);
		if (seen == deciding(pattern, op, 0))
			set->marks[c] |= (uint8_t)(1u << op);
		if (pattern.size == 1 || seen == deciding(pattern, op, 1))
			set->marks[c] |= (uint8_t)(1u << (TEXT_OPS + op));
	}
	if (op == TEXT_CONTAINS)
		set->pairs |= pattern.size > 1 ? 1ull << pair_of(pattern, op) : UINT64_MAX;
}

/* Levels of topics and paths begin with a slash: memchr() finds it faster than we do. */
static int lead_of(const struct text_set *set)
{
	int lead = -1;
	for (uint32_t i = 0; i < set->begins[TEXT_CONTAINS][TEXT_PAIRS + 1]; i++) {
		uint8_t first = set->patterns[TEXT_CONTAINS][i].at[0];
		if ((i && first != lead) || (!set->cased && first >= 'a' && first <= 'z'))
			return -1;
		lead = first;
	}
	return lead;
}

static void place(struct arena *arena, struct text_set *set, enum text_op op, const struct slice *patterns, const enum text_op *ops,
		  uint32_t count)
{
	struct slice *own = arena_take(arena, (count + 1) * sizeof *own);
	uint32_t n = 0;
	set->patterns[op] = own;
	for (unsigned hash = 0; hash <= TEXT_PAIRS; hash++) {
		set->begins[op][hash] = n;
		for (uint32_t i = 0; i < count; i++)
			if (ops[i] == op && pair_of(patterns[i], op) == hash)
				own[n++] = patterns[i];
	}
	set->begins[op][TEXT_PAIRS + 1] = n;
	for (uint32_t i = 0; i < n; i++)
		mark(set, own[i], op);
}

struct text_set *text_set_new(struct arena *arena, bool cased, const struct slice *patterns, const enum text_op *ops,
			      uint32_t count)
{
	struct text_set *set = arena_take(arena, sizeof *set);
	set->cased = cased;
	for (unsigned op = 0; op < TEXT_OPS; op++)
		place(arena, set, (enum text_op)op, patterns, ops, count);
	set->lead = lead_of(set);
	return set;
}

static uint32_t count_of(const struct text_set *set, enum text_op op)
{
	return set->begins[op][TEXT_PAIRS + 1];
}

uint32_t text_set_count(const struct text_set *set)
{
	return count_of(set, TEXT_WHOLE) + count_of(set, TEXT_STARTS) + count_of(set, TEXT_ENDS) + count_of(set, TEXT_CONTAINS);
}

uint32_t text_set_list(const struct text_set *set, struct slice *patterns, enum text_op *ops)
{
	uint32_t n = 0;
	for (unsigned op = 0; op < TEXT_OPS; op++)
		for (uint32_t i = 0; i < count_of(set, (enum text_op)op); i++) {
			patterns[n] = set->patterns[op][i];
			ops[n++] = (enum text_op)op;
		}
	return n;
}

static bool one_of(const struct text_set *set, enum text_op op, unsigned hash, const uint8_t *at, uint32_t room)
{
	for (uint32_t i = set->begins[op][hash], end = set->begins[op][hash + 1]; i < end; i++) {
		struct slice pattern = set->patterns[op][i];
		if (pattern.size > room || (op == TEXT_WHOLE && pattern.size != room))
			continue;
		if (text_same(op == TEXT_ENDS ? at - pattern.size : at, pattern.at, pattern.size, set->cased))
			return true;
	}
	return false;
}

/* Is one of the patterns of this kind at this place of the text? For an ending the place is where the text ends. */
static bool one_at(const struct text_set *set, enum text_op op, const uint8_t *at, uint32_t room)
{
	uint8_t first = op == TEXT_ENDS ? at[-1] : at[0], next = room < 2 ? 0 : op == TEXT_ENDS ? at[-2] : at[1];
	unsigned hash = set->cased ? pair(first, next) : pair(lower(first), lower(next));
	return one_of(set, op, hash, at, room) || one_of(set, op, TEXT_PAIRS, at, room);
}

static bool one_behind(const struct text_set *set, struct slice text)
{
	const uint8_t *end = text.at + text.size, *at = text.at;
	while (at < end && (at = memchr(at, set->lead, (size_t)(end - at)))) {
		uint8_t next = at + 1 < end ? at[1] : 0;
		if (set->marks[next] >> (TEXT_OPS + TEXT_CONTAINS) & 1 && one_at(set, TEXT_CONTAINS, at, (uint32_t)(end - at)))
			return true;
		at++;
	}
	return false;
}

static bool one_within(const struct text_set *set, struct slice text)
{
	const uint8_t *at = text.at, *end = text.at + text.size;
	if (set->lead >= 0)
		return one_behind(set, text);
	for (;; at++) {
		while (at < end && !(set->marks[*at] >> TEXT_CONTAINS & 1))
			at++;
		if (at == end)
			return false;
		uint8_t next = at + 1 < end ? at[1] : 0;
		unsigned hash = set->cased ? pair(*at, next) : pair(lower(*at), lower(next));
		if (set->pairs >> hash & 1 && one_at(set, TEXT_CONTAINS, at, (uint32_t)(end - at)))
			return true;
	}
}

/* Which kinds do the two characters that decide leave open? Bit TEXT_OP. */
static unsigned open_after(const struct text_set *set, struct slice text, enum text_op op)
{
	unsigned next = text.size > 1 ? set->marks[deciding(text, op, 1)] >> TEXT_OPS : (1u << TEXT_OPS) - 1;
	return set->marks[deciding(text, op, 0)] & next;
}

bool text_set_holds(const struct text_set *set, struct slice text)
{
	if (!text.size)
		return false;
	unsigned head = open_after(set, text, TEXT_STARTS), tail = open_after(set, text, TEXT_ENDS);
	return (tail >> TEXT_ENDS & 1 && one_at(set, TEXT_ENDS, text.at + text.size, text.size)) ||
	       (head >> TEXT_STARTS & 1 && one_at(set, TEXT_STARTS, text.at, text.size)) ||
	       (head >> TEXT_WHOLE & 1 && one_at(set, TEXT_WHOLE, text.at, text.size)) ||
	       (count_of(set, TEXT_CONTAINS) && one_within(set, text));
}
