/* flow.h - conversations: a fixed table keyed by ends and transport, aged by event time.
 *
 * A flow is at most 512 bytes. Ages are kept lazily: a packet only stamps last_seen; the flow's place in the timer
 * wheel is corrected when its slot comes due. A full table evicts the flow that would time out first, and counts it.
 * An MQTT keepalive may be up to 18 h 12 min (OASIS MQTT 5.0, 3.1.2.10): a flow whose session is SESSION_UP is kept
 * for TIMEOUT_TCP_S or as long as its parser's deadline, whichever is later. */
#ifndef TW_FLOW_H
#define TW_FLOW_H

#include "conversation.h"
#include "counters.h"

struct parser;

#define FLOW_NONE UINT32_MAX

enum flow_state { FLOW_IDLE, FLOW_SYN_SEEN, FLOW_OPEN, FLOW_CLOSING, FLOW_CLOSED };

/* One direction of a flow. stream.c owns all but the counts. */
struct half {
	uint64_t bytes;          /* payload bytes on the wire, retransmissions apart */
	uint64_t skip;           /* bytes that the parser asked not to see */
	uint32_t packets;
	uint32_t next_seq;       /* the byte we wait for */
	uint32_t fin_seq;
	uint32_t held;           /* first segment held out of order; FLOW_NONE */
	uint32_t held_bytes;
	uint32_t pending;        /* buffer with bytes that the parser left; FLOW_NONE */
	uint32_t pending_bytes;
	uint32_t want;
	uint32_t last_ack;       /* what this side had acknowledged with its newest segment */
	bool started : 1;        /* next_seq is known */
	bool fin : 1, rst : 1;   /* this side sent it */
	bool fin_first : 1;      /* before the other one did */
	bool dead : 1;           /* the parser is done or gave up: bytes are counted, not stored */
	uint8_t mac_head[3];     /* see flow_macs() */
};

struct flow {
	/* first cache line: what a packet needs to find its flow */
	struct ends ends;        /* 36 bytes */
	uint8_t transport;
	uint8_t tcp_state : 4;
	uint8_t parser_state : 2; /* 0 undecided, 1 decided, 2 none of ours */
	bool midstream : 1;
	uint16_t first_file;
	uint64_t hash;
	uint32_t next;           /* chain of the bucket */
	uint32_t wheel_next, wheel_prev; /* flows of the same timer slot */
	uint32_t kin;            /* the flow carried inside this one, or, when `carried`, the one that carries it; FLOW_NONE */
	uint64_t last_seen_ns;
	uint64_t first_seen_ns;
	uint64_t expires_ns;     /* place in the wheel */
	uint64_t flow_id;
	const struct parser *parser;
	const char *app_proto;
	uint32_t first_frame;
	uint32_t ndpi;           /* handle of classify.h; FLOW_NONE */
	struct half half[2];     /* by enum direction: TO_SERVER is what the client sends */
	uint8_t probes;          /* packets with payload offered to classification so far */
	bool flipped : 1;        /* flow_flip() was called an odd number of times */
	bool carried : 1;        /* see flow_carry() */
	bool escaped : 1;        /* the capture lacks some of the first that the client said */
	uint8_t mac_tail[2][3];  /* by enum direction, who sends it; in two parts: there is no other room in 512 bytes */
	struct session session;  /* behind what every packet asks for: its names are asked for seldom */
	uint64_t state[LIMIT_PARSER_STATE / 8];
};
_Static_assert(sizeof(struct flow) <= 512, "a flow costs at most 512 bytes");

struct flows;

struct flows *flows_open(uint32_t capacity, uint64_t seed, struct counters *counters);
void flows_close(struct flows *flows);

/* The same for both directions of a conversation. */
uint64_t flow_hash(const struct flows *flows, const struct datagram *d);
/* Two steps ahead of flow_get(): touch the bucket, then the flow. */
void flow_prefetch_bucket(const struct flows *flows, uint64_t hash);
void flow_prefetch(const struct flows *flows, uint64_t hash);

/* The flow of a datagram, as things stand; NULL when there is none. */
const struct flow *flow_peek(const struct flows *flows, const struct datagram *d, uint64_t hash, enum direction *direction);
/* The flow of a datagram, made when it is new (`*is_new`). Never NULL. `*direction` is the datagram's in it.
 * Who is the client: who sent the SYN; else who sent first, unless only the sender's port is one that servers use
 * (registered or < 1024) - then the other way round. A new SYN on a flow that has ended begins a new flow: the old one
 * is handed to `ended` first. May evict: `ended` too. */
typedef void flow_ended(void *context, struct flow *flow, uint64_t now_ns, const char *how);
struct flow *flow_get(struct flows *flows, const struct datagram *d, uint64_t hash, bool *is_new,
		      enum direction *direction, flow_ended *ended, void *context);

/* The bytes of a protocol inside another (MQTT in a WebSocket) are a flow of their own with the same ends, which no packet
 * finds and no timer ends: it goes with the flow that carries it, in whose `kin` it stands. Made when it is not there yet;
 * may evict another flow. Its session is that of its carrier. */
struct flow *flow_carry(struct flows *flows, struct flow *carrier, flow_ended *ended, void *context);
struct flow *flow_kin(const struct flows *flows, const struct flow *flow); /* NULL when there is none */
void flow_carry_end(struct flows *flows, struct flow *carrier);

/* The place of a flow in the table, and what is there now: perhaps another one, or a free place (`transport` 0). */
uint32_t flow_index(const struct flows *flows, const struct flow *flow);
struct flow *flow_at(const struct flows *flows, uint32_t index);

/* The Ethernet addresses of client and server in the flow's first frame; zeros when there was none or it was nobody's own. */
void flow_macs(const struct flow *flow, uint8_t out[2][6]);
/* What it has come to so far; borrows its ends. */
struct conversation flow_conversation(const struct flow *flow);

/* Client and server change places (a probe has shown it): ends, halves. Only before the first event of the flow. */
void flow_flip(struct flow *flow);

/* Flows whose time has come, in order of time: `ended` with how = "timeout" (or "no_answer" for a SYN without one),
 * or, when the session's deadline has passed first, `deadline`, which may set a new one. Cheap when none is due. */
void flows_time(struct flows *flows, uint64_t now_ns, flow_ended *ended, flow_ended *deadline, void *context);
/* A deadline was set or brought forward: puts the flow where the wheel finds it in time. */
void flow_reschedule(struct flows *flows, struct flow *flow);
/* The input ended: `ended` for each in order of creation, with how = "end_of_input". */
void flows_finish(struct flows *flows, uint64_t now_ns, flow_ended *ended, void *context);

#endif
