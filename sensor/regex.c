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
};

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

bool regex_matches(const struct regex *regex, struct slice text)
{
	return pcre2_match(regex->code, text.at, text.size, 0, 0, regex->data, regex->context) >= 0;
}
