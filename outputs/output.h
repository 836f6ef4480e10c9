/* output.h - the contracts of a format (a pure function) and of an output (a way out of the process).
 * Each is one file ending in one const descriptor, named in outputs.def. */
#ifndef TW_OUTPUT_H
#define TW_OUTPUT_H

#include "../sensor/alert.h"
#include "../sensor/context.h"

/* What a record needs to know beyond the alert or event itself. */
struct record_context {
	const char *(*file_name)(const void *owner, uint16_t file);
	const void *owner;
	const char *sensor_name; /* NULL: none */
	const struct context *about; /* the ends of the event at hand; NULL: nothing is known of them */
};

struct format {
	const char *name;        /* --format: "eve", "text" */
	bool lines;              /* records are lines; the output adds the newline */
	/* The record as bytes without a newline inside (unless a person reads it), borrowed until the next call of this
	 * format. Never fails: what is too long is cut and marked. `colour` only for a terminal. */
	struct slice (*alert)(const struct record_context *context, const struct alert *alert, bool colour);
	struct slice (*event)(const struct record_context *context, const struct event *event); /* NULL: cannot */
};

/* What goes out: the bytes that a format wrote, and what an output needs to know of them. Everything but the bytes is of fixed
 * size and owns itself, so that a record can be kept and sent later, when the alert is gone. */
struct record {
	struct slice bytes;      /* borrowed */
	uint64_t id, time_ns;    /* the alert's; id 0 for an event */
	uint32_t update;
	uint16_t client_port, server_port;
	uint8_t level;           /* enum level; of an event informational */
	bool is_alert;
	struct address client, server;
	struct name client_id, user;
	char rule[64];           /* "" for an event */
};

/* RETRY: not sent now; the same record is offered again before any newer one. REFUSED: it will never be taken. */
enum sent { SENT_OK, SENT_RETRY, SENT_REFUSED };

/* Records in order, oldest first, and an answer to each. */
struct sending {
	const struct record *records;
	unsigned count;          /* 1 to the output's batch */
	enum sent *answers;      /* all are RETRY when send() is called */
	uint32_t retry_after_ms; /* how long the receiver asks to be left alone; 0: it does not say */
};

struct config_output;

/* What every output has. */
#define OUTPUT_KEYS "type", "format", "level", "events"
/* What those that are reached by HTTP have. */
#define OUTPUT_KEYS_HTTP "url", "proxy", "token_file", "token_env", "batch", "timeout", "gzip", "tls"
#define OUTPUT_KEYS_USER "user", "password_file", "password_env"

struct output {
	const char *name;        /* "jsonl", "syslog" */
	const char *format;      /* when the configuration names none; NULL: "eve" */
	const char *const *keys; /* what the configuration may say of it, OUTPUT_KEYS first; NULL-terminated */
	unsigned batch;          /* most records that are offered at once; 0: one */
	/* Sending may wait for a receiver elsewhere: a thread of its own does it (sensor/ship.h), for 30 s at most at a time. Outputs
	 * that are not remote wait for nothing. No two calls for one `self` run at the same time. */
	bool remote;
	/* Is the configuration one for this output? False after having reported place, key and what is valid. May be NULL. */
	bool (*check)(const struct config_output *config);
	/* NULL after having reported why, naming file or address. A receiver that is down is no reason: send() retries. */
	void *(*open)(const struct config_output *config);
	void (*send)(void *self, struct sending *sending);
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
