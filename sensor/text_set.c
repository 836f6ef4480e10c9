#include "text_set.h"

static bool is_letter(uint8_t c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}

bool text_set_add(struct text_set *set, struct slice pattern, bool cased, bool at_start, bool at_end)
{
	if (!pattern.size || pattern.size > TEXT_SET_BITS - set->used)
		return false;
	uint64_t bit = 1ull << set->used;
	*(at_start ? &set->anchored : &set->floating) |= bit;
	for (uint32_t i = 0; i < pattern.size; i++, bit <<= 1) {
		uint8_t c = pattern.at[i];
		set->masks[c] |= bit;
		if (!cased && is_letter(c))
			set->masks[c ^ 32] |= bit;
		if (i + 1 == pattern.size)
			*(at_end ? &set->ended : &set->found) |= bit;
	}
	set->used += pattern.size;
	return true;
}

bool text_set_matches(const struct text_set *set, struct slice text)
{
	uint64_t first = set->anchored | set->floating, begin = first, state = 0;
	for (uint32_t i = 0; i < text.size; i++) {
		/* What the last character of one pattern shifts into the next pattern's first is no match of it. */
		state = ((state << 1 & ~first) | begin) & set->masks[text.at[i]];
		begin = set->floating;
		if (state & set->found)
			return true;
		if (!state && !begin)
			return false;
	}
	return (state & set->ended) != 0;
}
