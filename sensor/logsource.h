/* logsource.h - logs, record by record, merged by time, through their formats into events.
 *
 * Files whose names differ only in what a rotation adds (mosquitto.log.2.gz, mosquitto.log.1, mosquitto.log) are one log:
 * read in their order, with one memory. A log's own order is kept even where its times go back. */
#ifndef TW_LOGSOURCE_H
#define TW_LOGSOURCE_H

#include "counters.h"
#include "event.h"
#include "log_sessions.h"
#include "logstate.h"
#include <stdio.h>

/* One file, as the user named it. */
struct log_input {
	const char *path;
	const char *format;      /* NULL: by what it begins with */
	const char *time_zone;   /* "UTC", "+01:00", "Europe/Berlin"; NULL: UTC, live that of the machine */
	const char *time_format; /* of strptime(); NULL: find out */
};

struct logs_options {
	const struct log_input *inputs;
	unsigned count;
	uint16_t first_file;     /* event.file of the first input; the others follow */
	bool live;
	const char *const *listen; /* live: where syslog comes in, ends at NULL; NULL: nowhere */
	struct logstate *state;  /* live: what an earlier run has read; NULL: begin at the end of each log */
	uint32_t sessions;       /* clients remembered */
	struct counters *counters;
	void (*event)(void *context, const struct event *event);
	void *context;
};

struct logs;

struct logs *logs_open(const struct logs_options *options); /* NULL when memory is refused, or a format or zone is unknown (reported) */
void logs_close(struct logs *logs);

/* Replay: the time of the record whose turn is next; false at the end of all. */
bool logs_peek(struct logs *logs, uint64_t *time_ns);
/* Delivers records up to, and not at, this time; at most some thousand in one call, at least one. */
void logs_run(struct logs *logs, uint64_t until_ns);

/* Live: delivers what the logs have gained, as much as in logs_run(). False when there was nothing. `now_ns` is for lines that have
 * no time. */
bool logs_follow(struct logs *logs, uint64_t now_ns);
/* Everything delivered so far is safe: a later run need not read it again. */
void logs_save(const struct logs *logs, struct logstate *state);

const char *logs_file_name(const struct logs *logs, uint16_t file);
unsigned logs_faults(const struct logs *logs); /* inputs that could not be read; each was reported */
void logs_progress(const struct logs *logs, uint64_t *done, uint64_t *total); /* adds to both */
/* For the summary: which format each log had, the first line that was not understood. */
void logs_print(const struct logs *logs, FILE *out);

#endif
