#define PCRE2_CODE_UNIT_WIDTH 8
#include "regex.h"
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

enum { MATCH_LIMIT = 10000 };

struct regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	bool first[256];      /* a match may begin with this character */
	bool selective;       /* ... and with no other than these */
	uint32_t least;       /* no match is shorter */
};

/* PCRE2 knows for some patterns; a match of any other may begin with anything, or be empty. */
static void know_first(struct regex *regex)
{
	const uint8_t *bits = NULL;
	pcre2_pattern_info(regex->code, PCRE2_INFO_FIRSTBITMAP, &bits);
	regex->selective = bits;
	for (unsigned c = 0; bits && c < sizeof regex->first; c++)
		regex->first[c] = bits[c >> 3] >> (c & 7) & 1;
}

struct regex *regex_compile(const char *pattern, bool caseless, bool multiline, bool dotall, char error[160])
{
	int code;
	PCRE2_SIZE offset;
	uint32_t options = (caseless ? PCRE2_CASELESS : 0) | (multiline ? PCRE2_MULTILINE : 0) | (dotall ? PCRE2_DOTALL : 0);
	struct regex *regex = calloc(1, sizeof *regex);
	if (!regex)
		abort();
	regex->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &code, &offset, NULL);
	if (!regex->code) {
		PCRE2_UCHAR message[120];
		pcre2_get_error_message(code, message, sizeof message);
		snprintf(error, 160, "%s at character %zu", (const char *)message, (size_t)offset + 1);
		free(regex);
		return NULL;
	}
	pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE); /* without it matching is slower, not different */
	regex->data = pcre2_match_data_create(1, NULL);
	regex->context = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(regex->context, MATCH_LIMIT);
	pcre2_pattern_info(regex->code, PCRE2_INFO_MINLENGTH, &regex->least);
	know_first(regex);
	return regex;
}

void regex_free(struct regex *regex)
{
	if (!regex)
		return;
	pcre2_match_context_free(regex->context);
	pcre2_match_data_free(regex->data);
	pcre2_code_free(regex->code);
	free(regex);
}

/* What PCRE2 would find out itself, after all that it does before. */
static bool may_match(const struct regex *regex, struct slice text)
{
	uint32_t i = 0;
	while (regex->selective && i < text.size && !regex->first[text.at[i]])
		i++;
	return text.size >= regex->least && (!regex->selective || i < text.size);
}

bool regex_matches(const struct regex *regex, struct slice text)
{
	return may_match(regex, text) && pcre2_match(regex->code, text.at, text.size, 0, 0, regex->data, regex->context) >= 0;
}
