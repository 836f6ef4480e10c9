/* log_sessions.h - which client a later line of a broker's log is about: "Client dev01 disconnected" has no address, the
 * line that said where dev01 came from has. One bounded table for all logs; the one touched longest ago in its bucket is
 * overwritten and counted. A collision of 64-bit hashes is accepted. */
#ifndef TW_LOG_SESSIONS_H
#define TW_LOG_SESSIONS_H

#include "counters.h"
#include "event.h"

struct log_session {
	uint64_t key, touched_ns, flow_id, began_ns;
	struct ends ends;
	struct session session;
	uint32_t number;   /* the format's own: a process id, a channel */
	uint8_t version;   /* of MQTT: 3, 4, 5; 0 unknown */
};

struct log_sessions;

struct log_sessions *log_sessions_open(uint32_t count, struct counters *counters); /* NULL when memory is refused */
void log_sessions_close(struct log_sessions *sessions);

/* `kind` parts names of different meaning: client ids, process ids, "ip:port". */
uint64_t log_session_key(uint64_t source, unsigned kind, struct slice name);
struct log_session *log_session_find(struct log_sessions *sessions, uint64_t key); /* NULL when unknown */
/* A blank one under this key; what was there before is gone. */
struct log_session *log_session_begin(struct log_sessions *sessions, uint64_t key, uint64_t time_ns);
/* The next that begins may take its place. */
void log_session_end(struct log_sessions *sessions, struct log_session *session);

#endif
