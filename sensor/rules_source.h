/* rules_source.h - which rules the events of one source can show. */
#ifndef TW_RULES_SOURCE_H
#define TW_RULES_SOURCE_H

#include "rules.h"

/* `source`: "wire" or the name of a log format. One line for each rule that raises alerts: "yes", or in a word or two why not. False when
 * there is no such source (reported). */
bool rules_print_source(FILE *out, struct rules *rules, const char *source);

#endif
