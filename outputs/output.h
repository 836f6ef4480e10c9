/* output.h - the contracts of a format (a pure function) and of an output (a way out of the process).
 * Each is one file ending in one const descriptor, named in outputs.def. */
#ifndef TW_OUTPUT_H
#define TW_OUTPUT_H

#include "../sensor/alert.h"

/* What a record needs to know beyond the alert or event itself. */
struct record_context {
	const char *(*file_name)(const void *owner, uint16_t file);
	const void *owner;
	const char *sensor_name; /* NULL: none */
};

struct format {
	const char *name;        /* --format: "eve", "text" */
	bool lines;              /* records are lines; the output adds the newline */
	/* The record as bytes without a newline inside (unless a person reads it), borrowed until the next call of this
	 * format. Never fails: what is too long is cut and marked. `colour` only for a terminal. */
	struct slice (*alert)(const struct record_context *context, const struct alert *alert, bool colour);
	struct slice (*event)(const struct record_context *context, const struct event *event); /* NULL: cannot */
};

enum sent { SENT_OK, SENT_RETRY, SENT_REFUSED };

struct config_output;

struct output {
	const char *name;        /* "jsonl", "syslog" */
	/* NULL after having reported why, naming file or address. */
	void *(*open)(const struct config_output *config);
	/* One record; `alert` is NULL for an event. Blocks for a bounded time at most. */
	enum sent (*send)(void *self, struct slice record, const struct alert *alert);
	bool (*flush)(void *self);   /* false: something was lost (full disk, ...); reported */
	bool (*reopen)(void *self);  /* SIGHUP, rotation; may be NULL */
	bool (*close)(void *self);   /* flushes; false as in flush */
};

#define FORMAT(name) extern const struct format format_##name;
#define OUTPUT(name) extern const struct output output_##name;
#include "outputs.def"
#undef FORMAT
#undef OUTPUT

const struct format *format_find(const char *name);
const char *format_names(void);  /* "eve, text" for messages */
const struct output *output_find(const char *name);
const char *output_names(void);

#endif
