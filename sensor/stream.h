/* stream.h - TCP reassembly: the bytes of each direction in order, once, without a depth limit.
 *
 * In-order data goes straight from the packet to the parser; only what the parser leaves (an incomplete message) and
 * what arrives ahead of a hole is copied, into fixed pools. First data wins where segments overlap with other content
 * (counted). A hole is declared a gap when the other side acknowledged past it, or LIMIT_OUT_OF_ORDER bytes wait
 * behind it, or the pool is full, or the flow ends. Sequence numbers wrap (RFC 9293, 3.4). */
#ifndef TW_STREAM_H
#define TW_STREAM_H

#include "flow.h"

struct streams;

/* What the receiver of bytes answers. */
struct taken {
	uint32_t consumed; /* <= bytes.size; the rest is kept and comes again with more behind it */
	uint64_t skip;     /* bytes behind the consumed ones that nobody needs to see */
	uint32_t want;     /* call again only with so many bytes; 0 = any; at most LIMIT_MESSAGE is ever kept */
	bool done;         /* nothing more is wanted of this direction */
};

struct stream_receiver {
	/* In-order bytes of one direction. `whole` is false when LIMIT_MESSAGE is reached and no more can be kept:
	 * what is not consumed now is dropped by skipping. */
	struct taken (*bytes)(void *context, struct flow *flow, enum direction direction, struct slice bytes, bool whole);
	/* `missing` bytes are lost; next come the ones behind them. Pending bytes of the direction were dropped before. */
	void (*gap)(void *context, struct flow *flow, enum direction direction, uint64_t missing);
	/* The state of the connection changed: flow->tcp_state says to what. */
	void (*opened)(void *context, struct flow *flow);              /* handshake done, or (midstream) first data */
	void (*refused)(void *context, struct flow *flow);             /* RST in answer to SYN, or ICMP unreachable */
	/* FIN from both sides, or RST. how = "fin" or "rst"; `by` who ended it first. */
	void (*closed)(void *context, struct flow *flow, const char *how, enum direction by);
	void *context;
};

struct streams *streams_open(uint32_t segments, struct counters *counters, const struct stream_receiver *receiver);
void streams_close(struct streams *streams);

void stream_push(struct streams *streams, struct flow *flow, enum direction direction, const struct datagram *d);
/* For a flow that another carries: bytes of it in order, or so many of them that are lost. */
void stream_carry(struct streams *streams, struct flow *flow, enum direction direction, struct slice bytes);
void stream_carry_lost(struct streams *streams, struct flow *flow, enum direction direction, uint64_t missing);
/* The flow goes: delivers what is held behind holes (with gaps), gives its memory back. */
void stream_end(struct streams *streams, struct flow *flow);

#endif
