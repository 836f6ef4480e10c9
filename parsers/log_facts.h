/* log_facts.h - what one record of a log in JSON says of one client, and the events that this proves. For logs in which each record
 * names its client. */
#ifndef TW_LOG_FACTS_H
#define TW_LOG_FACTS_H

#include "log_client.h"

enum { LOG_FACTS_TOPICS = 32 };

/* What is not said stays zero. */
struct log_facts {
	enum action action;      /* CONNECT: with outcome success or failure, a login; AUTHENTICATE: its refusal */
	enum outcome outcome;
	enum direction direction;
	const char *reason;
	struct slice client_id, user;
	struct slice from;       /* "10.0.0.1:4711", "::1", no address when it is none */
	uint64_t port;           /* when it stands apart */
	uint64_t count;          /* the record stands for so many; 0: for one */
	uint8_t version;
	bool keeps_session;      /* an end of a session that another one has replaced already */
	uint32_t topic_count;
	struct slice topics[LOG_FACTS_TOPICS];
};

/* What a log calls an end, and what that is; the last of a table has no `why`: any other. */
struct log_facts_end {
	const char *why;
	enum action action;
	enum outcome outcome;
	const char *reason;
	enum direction by;
};
/* By the first of `ends` that `is` says it is: slice_is(), log_contains(). */
void log_facts_ended(struct log_facts *facts, const struct log_facts_end *ends, struct slice why,
		     bool (*is)(struct slice text, const char *word));

/* The session of a client of this log; NULL: none that is live. */
struct log_session *log_facts_session(struct log_parse *parse, struct slice client_id);
/* Emits what the facts prove. `detail` is the format's own storage. */
void log_facts_emit(struct log_parse *parse, struct mqtt_event *detail, const struct log_facts *facts);
/* Before the second and every later set of facts of one record, which happened at `time_ns`. */
void log_facts_next(struct log_parse *parse, uint64_t time_ns);

#endif
