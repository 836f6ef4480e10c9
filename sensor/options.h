/* options.h - the command line of `replay`, `watch` and `inventory` as data. */
#ifndef TW_OPTIONS_H
#define TW_OPTIONS_H

#include "classify.h"

#define OPTIONS_MAX 64u /* of each option that may be repeated */

struct options {
	bool live, inventory, quiet, help;
	const char *config, *alerts, *events, *format, *stats, *fail_on, *filter, *report;
	const char *rules[OPTIONS_MAX + 1];      /* NULL-terminated */
	const char *interfaces[OPTIONS_MAX + 1]; /* NULL-terminated */
	struct { const char *format, *path; } logs[OPTIONS_MAX]; /* format NULL: by content */
	unsigned log_count;
	struct decode_as decode_as[OPTIONS_MAX];
	unsigned rule_count, interface_count, decode_as_count;
	const char *const *inputs;               /* NULL-terminated, borrowed from argv */
	unsigned input_count;
};

/* argv[0] is the command's name. False after having reported what is wrong and what is valid. */
bool options_parse(struct options *options, int argc, char **argv);

#endif
