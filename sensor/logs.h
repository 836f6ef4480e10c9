/* logs.h - what logsource.c (files, the merge) and loglive.c (growing files, syslog) share. */
#ifndef TW_LOGS_H
#define TW_LOGS_H

#include "follow.h"
#include "listen.h"
#include "log_formats.h"
#include "log_wrapping.h"
#include "logfile.h"
#include "logset.h"
#include "logsource.h"
#include <stdalign.h>

enum { RECEIVERS_MAX = 8, SENDERS = 16, LOGS_MAX = 512, JOINED_MAX = LIMIT_LOG_RECORD, AT_ONCE = 4096, EXAMPLE_BYTES = 120 };

/* One file of a log. */
struct part {
	struct log_input input;
	uint16_t file;
	uint64_t bytes;
	struct logset_name name;
};

struct log {
	struct part *parts;      /* the oldest first */
	unsigned part_count, part;
	struct logfile *file;    /* of the part at hand */
	struct follow *follow;   /* live: instead of it */
	struct follow_place after; /* live: behind the last record that was delivered */
	bool after_known, unknown;
	const struct log_format *format;
	struct log_clock clock;
	struct log_wrapping wrapping;
	uint64_t source, last_ns, arrival_ns;
	struct log_record record; /* the next one, when `ready` */
	bool ready, held;        /* held: of a log with joined records, the line behind the record is known already */
	struct log_record next;  /* that line, in `held_text` */
	uint32_t joined_size;
	uint8_t *joined, *held_text;
	alignas(16) uint8_t state[LIMIT_LOG_STATE];
};

struct logs {
	struct logs_options options;
	struct part *parts;
	struct log *logs[LOGS_MAX];
	unsigned count, faults;
	struct log *first;       /* whose record is the earliest */
	uint64_t second_ns;      /* until which it stays so */
	struct log_sessions *sessions;
	struct log_json *json[2];
	struct log_parse parse;
	struct receiver { struct listener *listener; struct part part; struct log *senders; uint32_t messages; } receivers[RECEIVERS_MAX];
	unsigned receiver_count;
	char example[4 * EXAMPLE_BYTES + 1]; /* the first unreadable line, escaped */
	uint32_t example_line;
	uint16_t example_file;
};

void logs_fault(struct logs *l, const char *path, const char *what);
/* Fills a record with a line: its end, its wrapping, and the colours that it may have, off. */
void logs_record(struct logs *l, struct log *log, struct log_record *record, struct slice line, bool coloured);
bool logs_followed_line(struct logs *l, struct log *log, struct log_record *record);
void logs_time(struct log *log, struct log_record *record);
void logs_deliver(struct logs *l, struct log *log); /* its record */
void logs_next(struct logs *l, struct log *log);    /* fetches the next one, sets `ready` */
void logs_find_first(struct logs *l);
bool logs_buffers(struct log *log);                 /* once its format is known */

/* Syslog. */
bool logs_listen(struct logs *l);
void logs_listen_close(struct logs *l);
bool logs_receive(struct logs *l, uint64_t now_ns);

#endif
