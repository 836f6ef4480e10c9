/* regex.h - regular expressions of rules (only user of PCRE2). Matching allocates nothing and is bounded: an expression
 * that backtracks too much does not match. */
#ifndef TW_REGEX_H
#define TW_REGEX_H

#include "bytes.h"

struct regex;

/* NULL with a message in `error`, and where in the pattern. */
struct regex *regex_compile(const char *pattern, bool caseless, bool multiline, bool dotall, char error[160]);
void regex_free(struct regex *regex);
bool regex_matches(const struct regex *regex, struct slice text);

#endif
