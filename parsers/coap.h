/* coap.h - the detail of a CoAP event, between coap.c (one message), coap_options.c (its options), coap_memory.c (what is
 * remembered of others), coap_tcp.c (framing over TCP and in WebSockets) and coap_fields.c (names).
 * Sources: RFC 7252 (CoAP), 7641 (Observe), 7959 (Block), 7967 (No-Response), 8132 (FETCH, PATCH), 8323 (TCP, WebSockets), 8613
 * (OSCORE), 8768 (Hop-Limit), 9175 (Echo, Request-Tag), 9177 (Q-Block), 9668 (EDHOC), and IANA's CoAP registries. */
#ifndef TW_COAP_H
#define TW_COAP_H

#include "parser.h"

enum coap_message {
	COAP_NONE, COAP_REQUEST, COAP_RESPONSE, COAP_ACK, COAP_RESET, COAP_PING, COAP_PONG, COAP_CSM, COAP_RELEASE, COAP_ABORT,
	COAP_EMPTY
};
enum coap_type { COAP_CON, COAP_NON, COAP_TYPE_ACK, COAP_TYPE_RST };

/* Codes are class.detail, three bits and five. */
#define COAP_CODE(class, detail) ((class) << 5 | (detail))

/* IANA "CoAP Option Numbers": number, member, name, least and most bytes, format, may be repeated.
 * 2049 and 2053 are OCF's. */
#define COAP_OPTIONS(X) \
	X(1, if_match, "If-Match", 0, 8, OPAQUE, true) \
	X(3, uri_host, "Uri-Host", 1, 255, STRING, false) \
	X(4, etag, "ETag", 1, 8, OPAQUE, true) \
	X(5, if_none_match, "If-None-Match", 0, 0, EMPTY, false) \
	X(6, observe, "Observe", 0, 3, UINT, false) \
	X(7, uri_port, "Uri-Port", 0, 2, UINT, false) \
	X(8, location_path, "Location-Path", 0, 255, STRING, true) \
	X(9, oscore, "OSCORE", 0, 255, OPAQUE, false) \
	X(11, uri_path, "Uri-Path", 0, 255, STRING, true) \
	X(12, content_format, "Content-Format", 0, 2, UINT, false) \
	X(14, max_age, "Max-Age", 0, 4, UINT, false) \
	X(15, uri_query, "Uri-Query", 0, 255, STRING, true) \
	X(16, hop_limit, "Hop-Limit", 1, 1, UINT, false) \
	X(17, accept, "Accept", 0, 2, UINT, false) \
	X(19, q_block1, "Q-Block1", 0, 3, BLOCK, false) \
	X(20, location_query, "Location-Query", 0, 255, STRING, true) \
	X(21, edhoc, "EDHOC", 0, 0, EMPTY, false) \
	X(23, block2, "Block2", 0, 3, BLOCK, false) \
	X(27, block1, "Block1", 0, 3, BLOCK, false) \
	X(28, size2, "Size2", 0, 4, UINT, false) \
	X(31, q_block2, "Q-Block2", 0, 3, BLOCK, true) \
	X(35, proxy_uri, "Proxy-Uri", 1, 1034, STRING, false) \
	X(39, proxy_scheme, "Proxy-Scheme", 1, 255, STRING, false) \
	X(60, size1, "Size1", 0, 4, UINT, false) \
	X(252, echo, "Echo", 1, 40, OPAQUE, false) \
	X(258, no_response, "No-Response", 0, 1, UINT, false) \
	X(292, request_tag, "Request-Tag", 0, 8, OPAQUE, true) \
	X(2049, ocf_accept_version, "OCF-Accept-Content-Format-Version", 2, 2, UINT, false) \
	X(2053, ocf_version, "OCF-Content-Format-Version", 2, 2, UINT, false)

enum coap_option {
#define X(number, member, name, least, most, format, repeats) COAP_OPTION_##member,
	COAP_OPTIONS(X)
#undef X
	COAP_OPTION_COUNT
};

/* Presence bits of struct coap_event. */
enum coap_bit {
	COAP_BIT_MESSAGE,    /* code, sizes */
	COAP_BIT_UDP,        /* type, message id */
	COAP_BIT_TOKEN, COAP_BIT_PATH, COAP_BIT_LOCATION, COAP_BIT_OPTIONS, COAP_BIT_UNKNOWN_OPTION,
	COAP_BIT_REQUEST,    /* what an answer's request said */
	COAP_BIT_PARTIAL_IV, COAP_BIT_KID, COAP_BIT_KID_CONTEXT,
	COAP_BIT_MAX_MESSAGE_SIZE, COAP_BIT_BLOCK_WISE, COAP_BIT_CUSTODY, COAP_BIT_ALTERNATIVE, COAP_BIT_HOLD_OFF, COAP_BIT_BAD_CSM,
	COAP_BIT_OPTION,     /* the first of COAP_OPTION_COUNT */
	COAP_BIT_COUNT = COAP_BIT_OPTION + COAP_OPTION_COUNT
};
_Static_assert(COAP_BIT_COUNT <= 128, "an event has 128 presence bits");

#define COAP_LIST_MAX 16u     /* values of one repeated option, kinds of options: the rest is not shown */
#define COAP_PATH_MAX 512u    /* a joined path; a longer one is cut */
#define COAP_FAULTS_MAX 4u

struct coap_block {
	uint32_t num;
	uint16_t size;        /* bytes; 1024 for BERT (RFC 8323 section 6) */
	uint8_t szx;
	bool more;
};

struct coap_event {
	uint8_t type, code, code_index, token_bytes, oscore_flags, hop_limit;
	bool retransmission, multicast, separate, address_proven, blocks_continued;
	bool block_wise, custody;
	uint16_t message_id, unknown_option;
	uint32_t bytes, payload_bytes, request_bytes, amplification, response_time_ms, max_message_size, hold_off_s, bad_csm_option;
	uint64_t partial_iv;
	uint32_t number[COAP_OPTION_COUNT];          /* UINT: the value; OPAQUE: the length */
	struct slice text[COAP_OPTION_COUNT];        /* STRING: the first one; OPAQUE: as sent */
	struct coap_block block1, block2, q_block1, q_block2;
	struct slice code_text, token, uri_path, location_path, kid, kid_context, etag, request_tag, alternative, request_method;
	struct slices options, uri_query, location_query;
	struct slice option_name[COAP_LIST_MAX], query[COAP_LIST_MAX], location[COAP_LIST_MAX];
	/* Room that the slices above point to. */
	char dotted[4];
	char token_hex[16], etag_hex[16], tag_hex[16], kid_hex[64], context_hex[64];
	char path[COAP_PATH_MAX], location_room[COAP_PATH_MAX];
	/* Of the bytes, not of the record. */
	struct slice token_raw, payload;
};

/* What is wrong with a message: names of violations, the first few. */
struct coap_faults {
	const char *name[COAP_FAULTS_MAX];
	unsigned count;
	bool cut; /* only the head of the message is there: missing bytes are no fault */
};
void coap_fault(struct coap_faults *faults, const char *name);

/* State of a flow. The peers may both ask: what belongs to an asker is indexed by its place, 0 for the flow's client. */
struct coap_state {
	uint64_t endpoint[2]; /* hashes of the flow's client and server; 0 for not yet known */
	uint64_t begun_at[2]; /* by the clock of the memos */
	uint8_t answered[2], unasked[2]; /* responses to requests that were seen, and others */
	uint8_t begun[2];     /* enum: nothing seen, seen from its first request on, joined half-way */
	bool proven[2];       /* the asker has shown that it receives what is sent to its address */
	bool secured[2];      /* the asker has used OSCORE */
	uint32_t kid[2];      /* hash of its key id */
	uint32_t echo[2];     /* hash of the Echo that it was given last */
	uint32_t refused[2];  /* hash of the path that was last answered by 4.01; 0 for none */
	bool lost[2];         /* TCP, by direction: looking for a message boundary */
	bool introduced[2];   /* TCP, by direction: CSM seen */
};
_Static_assert(sizeof(struct coap_state) <= LIMIT_PARSER_STATE, "the state of a flow is bounded");
enum { COAP_UNSEEN, COAP_FROM_START, COAP_HALF_WAY };

/* What is at the same place in every message over UDP. */
struct coap_head {
	uint8_t type, code;
	uint16_t message_id;
	struct slice token;
};

/* One message at hand. */
struct coap_reading {
	struct parse *parse;
	struct coap_state *state;
	struct coap_event *coap;
	struct event event;
	struct ends swapped;       /* the server of the flow asks: it is the client of this exchange */
	struct coap_faults faults;
	unsigned asker;            /* index into the state */
	uint64_t client, server;   /* hashes of the endpoints of the exchange */
	struct slice bytes;        /* the message */
	uint64_t content;          /* its hash */
	uint64_t sent_key;         /* of the message with this id: this one, or the one that an ACK or RST means */
	uint64_t token_key;        /* of the exchange: client and token */
	bool reliable;             /* TCP, WebSocket */
	bool multicast;
	bool refused;              /* its receiver must ignore or reject it unread: it says nothing about others */
};

/* --- coap_options.c */
/* Options from the reader's place to the payload marker or the end; sets fields, presence and coap->payload. `signal` is
 * the code of a signalling message, whose options are numbered anew (RFC 8323 section 5), else 0. */
void coap_read_options(struct reader *r, uint8_t signal, struct coap_event *coap, struct event *event, struct coap_faults *faults);
uint32_t coap_hex(struct slice bytes, char *out, uint32_t size);
static inline bool coap_has(const struct event *event, enum coap_option option)
{
	return event_has(event, COAP_BIT_OPTION + (unsigned)option);
}

/* All that this asker has said is known: what is not, was not. */
bool coap_knows_all(const struct coap_reading *r);

/* --- coap_memory.c: what earlier messages say about this one. They complete the event and add faults. */
/* Of a message that is still to come. */
void coap_memory_prepare(const struct coap_state *state, const struct memos *memos, unsigned direction, const struct coap_head *head);
/* First of all, once type, message id, code and token are known. */
void coap_memory_begin(struct coap_reading *r);
void coap_request_seen(struct coap_reading *r);
void coap_response_seen(struct coap_reading *r);
void coap_empty_seen(struct coap_reading *r);

/* --- coap_block.c */
void coap_blocks_check(struct coap_reading *r);
void coap_blocks_answered(struct coap_reading *r);
void coap_oscore_check(struct coap_reading *r);

/* --- coap.c */
void coap_begin(struct coap_reading *r, struct parse *parse, struct coap_event *coap, struct slice bytes, uint8_t code);
/* Token and the rest, for every transport, once type and code are known; then the events. */
void coap_finish(struct coap_reading *r, struct reader *reader, uint32_t token_bytes);
/* The flow's server is the client of this exchange, or, called again, is not. */
void coap_turn(struct coap_reading *r);
void coap_report(struct parse *parse, const char *violation);
/* Could these be options and payload of a message with this code, every option registered and in order? Counts the options. */
bool coap_plausible(struct reader *r, uint8_t code, unsigned *options);

/* --- coap_fields.c */
extern const struct field coap_fields[];
extern const char *const coap_messages[];
uint8_t coap_code_index(uint8_t code);           /* 0: not assigned */
const char *coap_code_name(unsigned index);      /* "not_found" */

enum { COAP_MEMO_MID = 16, COAP_MEMO_TOKEN, COAP_MEMO_TOKEN_AT, COAP_MEMO_SENT_TOKEN, COAP_MEMO_BLOCK1, COAP_MEMO_BLOCK2, COAP_MEMO_OSCORE };

#endif
