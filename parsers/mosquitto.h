/* mosquitto.h - what mosquitto.c (connections), mosquitto_message.c (subscriptions, messages) and mosquitto_fault.c
 * (refusals, violations, TLS) share: the memory of one log. Lines as of Mosquitto 1.4 to 2.1. */
#ifndef TW_MOSQUITTO_H
#define TW_MOSQUITTO_H

#include "log_mqtt.h"

enum { MOSQUITTO_PENDING = 48, MOSQUITTO_FILTERS = 32, MOSQUITTO_FILTER_BYTES = 2048 };

/* A connection that has not sent its CONNECT yet. */
struct mosquitto_pending {
	struct ends ends;
	uint64_t flow_id, time_ns;
};

enum mosquitto_block { MOSQUITTO_NO_BLOCK, MOSQUITTO_SUBSCRIBE, MOSQUITTO_UNSUBSCRIBE, MOSQUITTO_WILL };

/* One end of a connection; port 0: none. */
struct mosquitto_end {
	struct address address;
	uint16_t port;
};

struct mosquitto {
	struct mosquitto_end at;   /* the client's end, of the line at hand: since 2.1 */
	struct mosquitto_end left; /* of the client that said good-bye last */
	struct mosquitto_pending pending[MOSQUITTO_PENDING]; /* the oldest first */
	uint8_t pending_count;
	uint8_t gone;             /* so many of the pending ones have ended, and it is not known which */
	uint8_t refusals_told;    /* CONNACKs with an address were events: the lines without one that follow are none */
	uint8_t violations_told;  /* likewise */
	uint8_t takeovers;        /* "already connected" lines of which the new connection has not been seen yet */
	bool grants_seen;         /* the log has lines for granted filters: a filter without one was refused */
	const char *tls_reason;   /* of the last line about OpenSSL, for the next end without a name */
	uint64_t taken_over;      /* key of the session that the next connection of this name replaces */
	/* the lines of a SUBSCRIBE, UNSUBSCRIBE or will */
	uint8_t block, filter_count;
	uint16_t filter_bytes;
	uint16_t block_id_size;   /* of the client identifier at filters[0] */
	bool block_cut;
	uint8_t granted[MOSQUITTO_FILTERS], asked[MOSQUITTO_FILTERS];
	uint16_t filter_at[MOSQUITTO_FILTERS + 1];
	char filters[MOSQUITTO_FILTER_BYTES];
	struct mqtt_event detail;
};
_Static_assert(sizeof(struct mosquitto) <= LIMIT_LOG_STATE, "fits the memory of a log");

/* The session of a name; NULL when unknown, also for "<unknown>". */
struct log_session *mosquitto_session(struct log_parse *parse, struct slice client_id);
/* Puts into `parse` who it must have been that ended without having been named: the only one who could, or an address that
 * all who could share; else the event is ambiguous. */
void mosquitto_someone(struct log_parse *parse, struct mosquitto *m);
/* The connection from ends->client (and its port, unless 0), whose listener is filled in. False when the log has no line of its
 * opening. */
bool mosquitto_pending_take(struct mosquitto *m, struct ends *ends, uint64_t *flow_id);
/* Fills `parse` with a client of a line: its session, or, when it has none, its name alone. */
void mosquitto_client(struct log_parse *parse, struct slice client_id);
void mosquitto_client_of(struct log_parse *parse, struct slice client_id, struct log_session *session); /* which is known already */

/* Each looks at one kind of line; false: it is none of its. */
bool mosquitto_message_line(struct log_parse *parse, struct mosquitto *m, struct slice text);
bool mosquitto_block_line(struct log_parse *parse, struct mosquitto *m, struct slice text);
bool mosquitto_fault_line(struct log_parse *parse, struct mosquitto *m, struct slice text);
/* "disconnected: REASON" and the like of a client: TLS or the transport. */
void mosquitto_unnamed_end(struct log_parse *parse, struct mosquitto *m, const char *reason);
bool mosquitto_due_to(struct log_parse *parse, struct mosquitto *m, struct slice client_id, struct slice why);
bool mosquitto_is_fault(struct slice why); /* of the client's, as mosquitto_due_to() knows them */
/* A login that is refused, or a session that the broker ends, for one of the reasons that MQTT 5 has. False: for none of them. */
bool mosquitto_sent_away(struct log_parse *parse, struct mosquitto *m, struct slice client_id, struct slice why);
bool mosquitto_is_unknown(struct slice client_id);

#endif
