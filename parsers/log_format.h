/* log_format.h - the contract between sensor/logsource.c, which reads logs, and the reader of one log format.
 *
 * A format is one file ending in one const descriptor, named in logs.def. It is given one record at a time (a line, or
 * several joined ones) and pushes events. It never allocates and keeps its memory in `state` (zeroed when the log
 * begins, kept across a rotation) and in `sessions`.
 *
 * The laws:
 *  - A record is attacker's text: no read outside it, every call returns, no event claims more than the line proves.
 *  - What the line does not say stays unknown: an address of zeros, a port of 0, a name that is not `known`.
 *  - Secrets that stand in a line (passwords in packet dumps) get into no event.
 *  - Events point into the record and into `parse`; both die when the call returns.
 */
#ifndef TW_LOG_FORMAT_H
#define TW_LOG_FORMAT_H

#include "../sensor/counters.h"
#include "../sensor/event.h"
#include "../sensor/log_sessions.h"

struct log_json;
struct log_format;

enum log_level { LOG_LEVEL_NONE, LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_NOTICE, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* What envelope() has read beside the time, where that stands in the midst of it: parse() need not read it again. */
struct log_head {
	struct slice host, user; /* host: `at` NULL when there is none */
	struct address address;
	uint16_t port;
	uint32_t size;           /* how much of the text it is; 0: nothing was read */
};

/* One record and what its envelope says. */
struct log_record {
	struct slice line;    /* whole, without its end; the lines of a joined record are parted by '\n' */
	struct slice text;    /* the message behind the envelope */
	struct slice host, app; /* of a syslog envelope, else NULL */
	uint64_t time_ns;     /* 0 in envelope(): the record has none, it takes the time of the one before it */
	uint64_t outer_ns;    /* what an engine of containers says (sensor/log_wrapping.h): it goes before; 0: nothing */
	uint32_t number;      /* of its first line in its file, from 1 */
	uint16_t file;        /* event.file */
	uint8_t level;        /* enum log_level */
	bool cut;             /* longer than LIMIT_LOG_RECORD: this is its head */
	struct log_head head;
};

/* How a log tells the time; one for each log. See log_line.h. */
struct log_clock {
	const struct log_format *log; /* whose times these are */
	const char *format;   /* strptime() format of the prefix, NULL: find out */
	int32_t (*zone_s)(const struct log_clock *clock, int64_t local_s); /* east of Greenwich, of a local time */
	const void *zone;     /* zone_s()'s own */
	uint64_t around_ns;   /* for times without a year: the last one known, else the file's own time */
	bool day_known;       /* a time without a date was read */
	int64_t hour, hour_offset_s; /* zone_s() of the hour that was asked for last */
	int64_t last_s;       /* the local time of `last` */
	uint8_t last[20], last_size; /* the text of the second that was read last */
	uint64_t stamp_ns;    /* the time that `stamp` tells */
	uint8_t stamp[46], stamp_size, stamp_kind; /* the whole text that was read last, and the byte behind it: log_time.c */
};

struct log_parse {
	/* given */
	const struct log_format *format;
	void *state;                  /* descriptor->state_bytes bytes, 16-aligned */
	const struct log_record *record;
	struct log_sessions *sessions; /* of all logs: make keys with log_session_key() */
	struct log_json *json[2];     /* for JSON: log_json.h; the second for JSON within JSON */
	uint64_t source;              /* hash that tells this log from others; for keys */
	struct counters *counters;
	/* Copy `base`, fill in the rest, log_emit() it. It points to the four below, which are blank at each call and
	 * which the format fills; base.session may be pointed to a session of `sessions`. */
	struct event base;
	struct log_session *about;    /* see log_about() */
	struct ends ends;
	struct session session;
	struct log_detail log;
	/* the emitter's */
	void (*emit)(struct log_parse *parse, const struct event *event);
	void *owner;
};

enum log_verdict {
	LOG_TAKEN,      /* understood; it need not have been worth an event */
	LOG_UNREADABLE  /* not of this format: counted, the first one is shown in the summary */
};

/* What the lines of a format can prove, for `rules list --source`: an event of this kind, and what may be known of it. An event that is
 * not declared is a fault of the format. */
enum { LOG_UNKNOWN = 1 << OUTCOME_UNKNOWN, LOG_SUCCESS = 1 << OUTCOME_SUCCESS, LOG_FAILURE = 1 << OUTCOME_FAILURE };
enum log_tells { TELLS_ADDRESS = 1, TELLS_PORT = 2, TELLS_SERVER_PORT = 4, TELLS_CLIENT_ID = 8, TELLS_USER = 16, TELLS_RESOURCE = 32,
	TELLS_SUMMARY = 64, TELLS_ENDS = TELLS_ADDRESS | TELLS_PORT, TELLS_NAMES = TELLS_CLIENT_ID | TELLS_USER };
struct log_shows {
	uint8_t protocol, action;
	uint8_t outcomes; /* one bit each; 0 ends the list */
	uint8_t tells;
};
#define LOG_SHOWS(protocol, action, outcomes, tells) {PROTOCOL_##protocol, ACTION_##action, (outcomes), (tells)}
/* What log_emit_login() makes of a login. */
#define LOG_SHOWS_LOGIN(outcomes, tells) \
	LOG_SHOWS(TCP, OPEN, LOG_SUCCESS, tells), LOG_SHOWS(MQTT, CONNECT, LOG_UNKNOWN, tells), \
	LOG_SHOWS(MQTT, AUTHENTICATE, outcomes, tells)
#define LOG_SHOWS_TLS(tells) \
	LOG_SHOWS(TLS, AUTHENTICATE, LOG_FAILURE, tells), LOG_SHOWS(TLS, HANDSHAKE, LOG_FAILURE | LOG_UNKNOWN, tells)

struct log_format {
	const char *name;       /* "mosquitto": --log, log.format */
	const char *help;       /* one line: which software, which log */
	const char *app_proto;  /* "mqtt", "http": of its events, unless it sets another */
	uint16_t state_bytes;   /* at most LIMIT_LOG_STATE */
	/* How many of the whole lines in `head` (at most LIMIT_LOG_HEAD bytes, the beginning of the log) this format
	 * recognises as its own beyond doubt. The format with the most takes the log; 0: none. NULL: log_mapper_probe(). */
	unsigned (*probe)(struct slice head);
	/* Fills text, time_ns, level, host, app from `record->line` (its first line, when lines are joined). Must be cheap: it
	 * is called for every record before the record's turn has come. */
	void (*envelope)(struct log_clock *clock, struct log_record *record);
	/* `line` belongs to the record `before` it. NULL: each line is a record. */
	bool (*continues)(struct slice before, struct slice line);
	enum log_verdict (*parse)(struct log_parse *parse);
	bool json;              /* log_parse.json is wanted */
	const struct log_shows *shows; /* NULL: whatever an event can be, of the wire too */
	uint64_t detail[2];     /* which bits its events of app_proto may have in event.present */
	const char *const *tls_fields; /* NULL-terminated: names of the tls.* fields that its events may have; NULL: none */
};

#define LOG_FORMAT(name) extern const struct log_format log_format_##name;
#include "logs.def"
#undef LOG_FORMAT

/* Emits, and marks the session as used when the event is a use of it. */
void log_emit(struct log_parse *parse, const struct event *event);

#endif
