/* log_mapper.h - a log of JSON lines that the configuration describes: which key has what. A broker is added without a line of C.
 *
 * Keys are paths of names parted by dots: client.id. Everything that a mapper points to belongs to whoever made it
 * (sensor/config_mapper.c) and outlives the logs. */
#ifndef TW_LOG_MAPPER_H
#define TW_LOG_MAPPER_H

#include "log_format.h"

enum { MAPPER_MATCHES = 8, MAPPER_SHOWS = ACTION_COUNT * 2 + 4 };

struct log_mapped {
	const char *from;         /* the value in the line */
	const char *to;           /* of a reason */
	uint8_t action, outcome;
};

struct log_mapping {
	const char *key;          /* NULL: the log does not tell */
	const struct log_mapped *values;
	unsigned count;
};

struct log_mapper {
	struct log_format format; /* first: a mapper is found by its format */
	unsigned matches;
	const char *match_key[MAPPER_MATCHES], *match_value[MAPPER_MATCHES]; /* all of them, in each line that is the log's */
	const char *time_key, *time_format;
	uint64_t unit_ns;         /* of a number; 0: by its digits */
	const char *client_id, *user, *src_ip, *src_port, *resource, *resources; /* resources: of a list, with [] behind */
	struct log_mapping action, outcome, reason;
	struct log_shows shows[MAPPER_SHOWS];
};

/* Fills in the format's functions and what it shows, when the rest is there. */
void log_mapper_set(struct log_mapper *mapper);
unsigned log_mapper_probe(const struct log_format *format, struct slice head);

#endif
