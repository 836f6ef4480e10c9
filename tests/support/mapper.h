/* mapper.h - a mapper as a configuration may describe it, and lines of its log. */
#ifndef TW_TEST_MAPPER_H
#define TW_TEST_MAPPER_H

#include "parsers/log_mapper.h"

struct log_mapper *mapper_sample(void);
extern const char *const mapper_lines[]; /* ends at NULL */

#endif
