/* parser.h - the contract between the engine and a protocol parser.
 *
 * A parser is one file ending in one const descriptor, named in parsers.def. It is given the in-order bytes of one
 * direction of a flow, or one UDP datagram, or one log line, and pushes events. It never allocates, never sees TCP,
 * keeps its memory in `state` (zeroed when the flow starts, shared by both directions), `session` and `memos`.
 *
 * The laws (tests/laws holds every parser to them):
 *  - No prefix of a valid stream is PARSE_BAD; the events do not depend on where the bytes were cut.
 *  - No read outside `input`; every call returns; no allocation.
 *  - consumed <= input.size; a call that consumes nothing and answers PARSE_MORE will be repeated with more bytes.
 */
#ifndef TW_PARSER_H
#define TW_PARSER_H

#include "../sensor/event.h"
#include "../sensor/memo.h"

enum verdict {
	PARSE_MORE, /* consumed what was whole; the rest comes again with more behind it */
	PARSE_DONE, /* nothing more in this direction is of interest: the rest of the flow costs nothing */
	PARSE_BAD   /* not, or no longer, this protocol; the parser has said why by a violation event if it is one */
};

/* What the first bytes of a flow look like. CLIENT and SERVER also say which side sent them, which settles the
 * orientation of a flow that was joined half-way. MAYBE asks for more bytes. */
enum probe { PROBE_NO, PROBE_MAYBE, PROBE_YES, PROBE_CLIENT, PROBE_SERVER };

struct flow;
struct parser;

struct parse {
	/* given */
	void *state;             /* descriptor->state_bytes bytes, 8-aligned */
	struct session *session;
	struct memos *memos;
	uint64_t flow_id;
	uint64_t time_ns;
	uint8_t direction;       /* enum direction */
	bool midstream;          /* the beginning of this flow was not seen */
	bool cut;                /* a datagram of which the capture has only the head */
	bool peer_heard;         /* the sender of these bytes had already received all that you were given from the other
	                          * side: what it sends now it sends knowingly, it is not pipelined */
	bool peer_left;          /* the other side has ended the connection: FIN or RST */
	bool missed;             /* in expire() alone: the server has acknowledged bytes of the client that the capture has not */
	/* Bytes of a protocol inside this one (a message in a WebSocket, handshake messages in TLS records), in order: they
	 * reach `inner`, or, when it is NULL, the parser that their beginning looks like, as a flow of its own with the same
	 * ends and session. What is incomplete is kept. One inner protocol a flow; `inner` counts in the first call. */
	void (*carry)(struct parse *parse, const struct parser *inner, struct slice bytes);
	void (*carry_lost)(struct parse *parse, uint64_t missing); /* so many of the inner bytes are lost */
	struct event base;       /* copy it, fill in the rest, emit it: times, ends, session, frame, protocol are set */
	void (*emit)(struct parse *parse, const struct event *event);
	void *owner;             /* the emitter's, and so is the flow */
	struct flow *flow;
	struct counters *counters;
	/* results, zero on entry */
	uint32_t consumed;       /* bytes of `input` that are finished with */
	uint64_t skip;           /* bytes after these that the parser does not need to see, e.g. the body of a PUBLISH */
	/* From `consumed` on both directions speak another protocol, e.g. after an HTTP upgrade: that of `becomes`, or, with
	 * `becomes_unknown`, one to be told by its first bytes. Parser state is zeroed, the session stays. `becomes` is called
	 * at once with what is left, even if that is nothing. */
	const struct parser *becomes;
	bool becomes_unknown;
	uint32_t want;           /* PARSE_MORE: call again only when so many bytes (from the first unconsumed) are there; 0 = any */
};

struct parser {
	const char *name;           /* "mqtt": app_proto, --decode-as, logsource.service */
	enum protocol protocol;
	uint8_t transport;          /* TRANSPORT_TCP or TRANSPORT_UDP; 0 for a log format */
	uint16_t state_bytes;       /* at most LIMIT_PARSER_STATE */
	const struct field *fields; /* ends at a NULL name */
	const char *const *messages; /* by number; [0] is unused; ends at NULL */
	enum probe (*probe)(struct slice first_bytes, uint8_t direction, uint16_t client_port, uint16_t server_port);
	enum verdict (*parse)(struct parse *parse, struct slice input);
	/* This datagram will be parsed soon: asks for the memory that it will need, and changes nothing. May be NULL. */
	void (*prepare)(const void *state, const struct memos *memos, uint8_t direction, struct slice input);
	/* `missing` bytes of this direction were lost; the next input starts somewhere after them. May be NULL. */
	void (*gap)(struct parse *parse, uint64_t missing);
	/* session->deadline_ns has passed. Sets a new one or leaves 0. May be NULL. */
	void (*expire)(struct parse *parse);
	/* The flow ends, or speaks another protocol now: says what was left unsaid, gives back what it holds. Its state is
	 * zeroed afterwards. May be NULL. */
	void (*end)(struct parse *parse);
};

#define PARSER(name) extern const struct parser parser_##name;
#include "parsers.def"
#undef PARSER

#endif
