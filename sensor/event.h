/* event.h - the waist of the program. Left of it code knows bytes and no rules, right of it events and no bytes.
 *
 * An event borrows everything it points to and dies when the call that was given it returns.
 * Its normalised part is the same for every protocol; `detail` is the parser's own struct, which only the parser's
 * field table understands. That table is the single source of the names in rules, JSON, `rules fields` and documents.
 */
#ifndef TW_EVENT_H
#define TW_EVENT_H

#include "limits.h"
#include "packet.h"

enum event_source { SOURCE_WIRE, SOURCE_LOG };
enum protocol { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_MQTT, PROTOCOL_COAP, PROTOCOL_HTTP, PROTOCOL_TLS, PROTOCOL_DTLS,
	PROTOCOL_WEBSOCKET, PROTOCOL_COUNT };
enum action { ACTION_OPEN, ACTION_CLOSE, ACTION_CONNECT, ACTION_AUTHENTICATE, ACTION_DISCONNECT, ACTION_SUBSCRIBE,
	ACTION_UNSUBSCRIBE, ACTION_PUBLISH, ACTION_DELIVER, ACTION_REQUEST, ACTION_RESPOND, ACTION_HANDSHAKE,
	ACTION_KEEPALIVE, ACTION_VIOLATION, ACTION_COUNT };
enum outcome { OUTCOME_UNKNOWN, OUTCOME_SUCCESS, OUTCOME_FAILURE };
enum direction { TO_SERVER, TO_CLIENT };

const char *source_name(unsigned source);
const char *protocol_name(unsigned protocol);
const char *action_name(unsigned action);
const char *outcome_name(unsigned outcome);
const char *direction_name(unsigned direction);
const char *successor_name(unsigned successor);

/* A text kept beyond the call that brought it. A longer one keeps its head, then "~" and eight hex digits of the
 * hash of the whole, so that two long names that differ at the end stay two. size 0 with known = true is the empty
 * name; known = false means it was never seen. Raw bytes: outputs escape. */
struct name {
	uint8_t size;
	bool known;
	char text[LIMIT_NAME - 2];
};
void name_set(struct name *name, struct slice value);

static inline struct slice name_slice(const struct name *name)
{
	return (struct slice){name->known ? (const uint8_t *)name->text : NULL, name->known ? name->size : 0};
}

/* Who speaks to whom. The client is the initiator, whichever direction a packet went. */
struct ends {
	struct address client, server;
	uint16_t client_port, server_port;
};

/* What is known of the session that a flow carries; written by its parser, read by every event of the flow. */
enum session_state {
	SESSION_NONE,     /* nothing said yet, or joined half-way */
	SESSION_ASKED,    /* CONNECT seen, no answer yet */
	SESSION_UP,       /* accepted */
	SESSION_REFUSED,  /* the server said no */
	SESSION_ENDED     /* said good-bye properly (DISCONNECT), or was told to go: how it closes now is of no interest */
};
/* Another session of the same client identifier at the same server has begun while this one was live. */
enum successor { SUCCESSOR_NONE, SUCCESSOR_SAME_ADDRESS, SUCCESSOR_OTHER_ADDRESS };
struct session {
	uint64_t credential; /* salted hash of user and password together, 0 when none: digest.h */
	uint64_t password;   /* salted hash of the password alone, 0 when none */
	uint64_t deadline_ns; /* when the parser wants to be called by expire(); 0 for never */
	uint8_t state;       /* enum session_state */
	bool overdue;        /* the client has been silent beyond its keepalive (deadline_ns passed), and still is */
	bool used;           /* messages, subscriptions or requests went over it before the event at hand: set by the engine */
	uint8_t successor;   /* enum successor: set by identity.c */
	struct name client_id, user;
};

struct field;

/* What only events of a log have. */
struct log_detail {
	const char *format;  /* "mosquitto" */
	uint64_t source;     /* tells the log from others: whose addresses are unknown are counted for each log apart */
	uint32_t count;      /* how many of its kind the line stands for; 1, but for summaries of what was not logged */
	uint8_t level;       /* enum log_level */
	bool ambiguous;      /* more than one connection could be meant: the line does not say which */
	bool cut;            /* the line was cut: what stood behind is unknown */
	bool summary;        /* the line counts what was not logged, of all clients together: nobody in particular did it */
};

struct event {
	uint64_t time_ns;
	uint64_t flow_id;              /* stable for a conversation: hash of ends, transport and first packet's time */
	const struct ends *ends;
	const struct session *session; /* never NULL; a zeroed one when there is none */
	struct slices resource;        /* topics, topic filters, paths; count 0 when there is none */
	struct slice reason;           /* why, in lower_snake_case: "not_authorized", a literal; at NULL when there is nothing to say */
	struct address predecessor;    /* of a login: where the same client id is live as well; all zero when nowhere else */
	const void *detail;            /* the parser's struct, NULL when it has none */
	uint64_t present[2];           /* which fields of the detail are set: bit field.bit */
	const struct field *fields;    /* of the detail, ends at a NULL name; NULL when there is none */
	const struct log_detail *log;  /* NULL on the wire */
	const char *app_proto;         /* "mqtt", "dns" ...; NULL while unknown */
	uint32_t frame;                /* wire: frame number in its file; log: line number */
	uint16_t file;                 /* index of the input */
	uint8_t source, protocol, action, outcome, direction;
	uint8_t transport;             /* 6, 17; 0 for a log */
	uint8_t message;               /* the parser's number of the message, as its table has it; 0 = none */
	bool one_sided;                /* only one direction of this flow has been seen so far */
	uint8_t mac[2][6];             /* of client and server on the tapped wire; zeros: unknown, or not asked for (engine_macs()) */
	bool fused;                    /* wire and log both tell it: fusion.h */
};

/* --- Fields ------------------------------------------------------------------------------------------------- */

enum field_type {
	FIELD_U8, FIELD_U16, FIELD_U32, FIELD_U64, FIELD_BOOL,
	FIELD_TEXT,    /* struct slice */
	FIELD_TEXTS,   /* struct slices: a rule matches when any of them does */
	FIELD_CODES,   /* struct slice of one-byte numbers, e.g. SUBACK codes: any of them */
	FIELD_NAME,    /* struct name */
	FIELD_ENUM,    /* uint8_t shown and matched by name */
	FIELD_ADDRESS, /* struct address; absent when all zeros */
	FIELD_TIME,    /* uint64_t nanoseconds since 1970 */
	FIELD_CSTRING, /* const char *, NULL when absent */
	FIELD_SECRET   /* uint64_t salted hash: rules compare it with the hash of their value; no output ever shows it */
};
enum field_base { BASE_EVENT, BASE_ENDS, BASE_SESSION, BASE_DETAIL, BASE_LOG };

#define FIELD_ALWAYS 255u /* field.bit of a field that needs no presence bit */

struct field {
	const char *name;                    /* "mqtt.publish.topic" */
	enum field_type type;
	enum field_base base;
	uint16_t offset;                     /* in the base's struct */
	uint8_t protocol;                    /* BASE_DETAIL: the protocol whose events have this detail */
	uint8_t message;                     /* only in this message of its parser; 0 = in any */
	uint8_t bit;                         /* in event.present, or FIELD_ALWAYS */
	bool eve;                            /* Suricata's EVE schema knows it under this very name */
	const char *(*enum_name)(unsigned);  /* FIELD_ENUM: NULL for an unknown number */
	const char *help;                    /* one line, with unit and source */
};

/* The normalised fields: ends at a NULL name. */
extern const struct field event_fields[];
/* Those of a flow's own events: "flow.end" ... */
extern const struct field transport_fields[];

/* The value of a field in an event. `number` serves the numeric types, BOOL, ENUM and SECRET; `texts` the textual
 * ones; `address` FIELD_ADDRESS. False when the event does not have it. */
struct value {
	uint64_t number;
	const struct address *address;
	struct slices texts;
	struct slice text; /* storage that texts.items may point to */
};
bool field_get(const struct field *field, const struct event *event, struct value *out);

/* Of whom a log did not say the address. */
static inline bool address_known(const struct address *a)
{
	static const struct address zero;
	return memcmp(a, &zero, sizeof zero) != 0;
}

/* Does the event have the address of a FIELD_ADDRESS? On the wire both ends have one, whichever. */
static inline bool field_has_address(unsigned base, const struct address *a, const struct event *event)
{
	return (base == BASE_ENDS && event->source == SOURCE_WIRE) || address_known(a);
}

/* How many of its kind the event stands for: more than one only in a log's summary. Detectors that count, count so many. */
static inline uint32_t event_weight(const struct event *e)
{
	return e->log && e->log->count ? e->log->count : 1;
}

static inline bool event_has(const struct event *e, unsigned bit)
{
	return e->present[bit >> 6 & 1] >> (bit & 63) & 1;
}
static inline void event_set(struct event *e, unsigned bit)
{
	e->present[bit >> 6 & 1] |= 1ull << (bit & 63);
}

/* The value as text for people and group keys: "10.0.0.1", "42", "true", "not_authorized"; several joined by ", ".
 * A FIELD_SECRET gives four hex digits, enough to tell two apart and no more. Raw bytes are copied as they are:
 * outputs escape. Returns the length, cut to `size`. 0 when absent. */
uint32_t field_text(const struct field *field, const struct event *event, char *out, uint32_t size);

#endif
