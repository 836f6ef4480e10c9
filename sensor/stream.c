#include "stream.h"
#include "pool.h"
#include <stdlib.h>

enum { SEGMENT_BYTES = 2024, CLASSES = 4 };

/* A piece of the stream that arrived ahead of a hole; sorted by sequence number, never overlapping. */
struct segment {
	uint32_t next;
	uint32_t seq;
	uint32_t size;
	uint8_t bytes[SEGMENT_BYTES];
};

/* Incomplete messages wait in the smallest class that holds them. The index of a buffer carries its class. */
static const struct { uint32_t bytes, count; } classes[CLASSES] = {
	{512, 65536}, {4096, 16384}, {32768, 1024}, {LIMIT_MESSAGE + 65536, 64}};

struct streams {
	struct stream_receiver receiver;
	struct counters *counters;
	struct pool segments;
	struct pool pending[CLASSES];
};

struct streams *streams_open(uint32_t segments, struct counters *counters, const struct stream_receiver *receiver)
{
	struct streams *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->receiver = *receiver;
	s->counters = counters;
	bool good = pool_open(&s->segments, sizeof(struct segment), segments);
	for (unsigned i = 0; i < CLASSES; i++)
		good = pool_open(&s->pending[i], classes[i].bytes, classes[i].count) && good;
	if (good)
		return s;
	streams_close(s);
	return NULL;
}

void streams_close(struct streams *s)
{
	if (!s)
		return;
	pool_close(&s->segments);
	for (unsigned i = 0; i < CLASSES; i++)
		pool_close(&s->pending[i]);
	free(s);
}

/* Sequence numbers live on a circle (RFC 9293, 3.4): the sign of the difference orders them. */
static int32_t seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

/* --- incomplete messages ------------------------------------------------------------------------------------ */

enum { CLASS_SHIFT = 28 };

static uint8_t *pending_at(const struct streams *s, uint32_t handle)
{
	return pool_at(&s->pending[handle >> CLASS_SHIFT], handle & ((1u << CLASS_SHIFT) - 1));
}

static uint32_t pending_take(struct streams *s, uint32_t bytes)
{
	for (uint32_t i = 0; i < CLASSES; i++) {
		if (classes[i].bytes < bytes)
			continue;
		uint32_t index = pool_take(&s->pending[i]);
		if (index != POOL_NONE)
			return i << CLASS_SHIFT | index;
	}
	return FLOW_NONE;
}

static void pending_drop(struct streams *s, struct half *half)
{
	if (half->pending != FLOW_NONE)
		pool_give(&s->pending[half->pending >> CLASS_SHIFT], half->pending & ((1u << CLASS_SHIFT) - 1));
	half->pending = FLOW_NONE;
	half->pending_bytes = 0;
	half->want = 0;
}

/* Keeps `more` behind what is pending already. False when no buffer is to be had. */
static bool pending_add(struct streams *s, struct half *half, struct slice more)
{
	uint32_t need = half->pending_bytes + more.size;
	if (half->pending == FLOW_NONE || classes[half->pending >> CLASS_SHIFT].bytes < need) {
		uint32_t room = need > half->want && need <= classes[CLASSES - 1].bytes ? need : half->want;
		uint32_t handle = pending_take(s, room > need ? room : need);
		if (handle == FLOW_NONE)
			return false;
		uint32_t kept = half->pending_bytes, want = half->want;
		if (kept)
			memcpy(pending_at(s, handle), pending_at(s, half->pending), kept);
		pending_drop(s, half);
		half->pending = handle;
		half->pending_bytes = kept;
		half->want = want;
	}
	memcpy(pending_at(s, half->pending) + half->pending_bytes, more.at, more.size);
	half->pending_bytes = need;
	return true;
}

/* --- delivery ----------------------------------------------------------------------------------------------- */

/* Takes what the parser asked to skip off the front. */
static struct slice skip_some(struct half *half, struct slice bytes)
{
	uint32_t n = half->skip < bytes.size ? (uint32_t)half->skip : bytes.size;
	half->skip -= n;
	return (struct slice){bytes.at + n, bytes.size - n};
}

/* The flow may be flipped while its first bytes are classified: the half is then the other one. */
static struct half *half_of(struct flow *flow, enum direction direction, bool flipped)
{
	return &flow->half[flow->flipped == flipped ? direction : !direction];
}

/* Hands bytes to the receiver until it wants no more of them; returns what it left. */
static struct slice offer(struct streams *s, struct flow *flow, enum direction direction, struct slice bytes)
{
	bool flipped = flow->flipped;
	struct half *half = &flow->half[direction];
	while (bytes.size && !half->dead) {
		bool whole = bytes.size < LIMIT_MESSAGE;
		struct taken taken = s->receiver.bytes(s->receiver.context, flow,
						       half == &flow->half[TO_SERVER] ? TO_SERVER : TO_CLIENT, bytes, whole);
		half = half_of(flow, direction, flipped);
		uint32_t used = taken.consumed < bytes.size ? taken.consumed : bytes.size;
		half->want = taken.want;
		half->skip = taken.skip;
		half->dead = taken.done;
		bytes = skip_some(half, (struct slice){bytes.at + used, bytes.size - used});
		if (!taken.skip)
			break;
	}
	return half->dead ? (struct slice){bytes.at, 0} : bytes;
}

static void lose(struct streams *s, struct flow *flow, enum direction direction, uint64_t missing)
{
	struct half *half = &flow->half[direction];
	if (missing <= half->skip && half->pending == FLOW_NONE) { /* nobody wanted to see it */
		half->skip -= missing;
		return;
	}
	pending_drop(s, half);
	missing -= half->skip;
	half->skip = 0;
	s->counters->gaps++;
	s->counters->gap_bytes += missing;
	if (!half->dead)
		s->receiver.gap(s->receiver.context, flow, direction, missing);
}

static void deliver_pending(struct streams *s, struct flow *flow, enum direction direction, struct slice more)
{
	bool flipped = flow->flipped;
	struct half *half = &flow->half[direction];
	if (!pending_add(s, half, more)) {
		lose(s, flow, direction, half->pending_bytes + more.size);
		return;
	}
	if (half->pending_bytes < half->want && half->pending_bytes < LIMIT_MESSAGE)
		return;
	uint8_t *at = pending_at(s, half->pending);
	struct slice left = offer(s, flow, direction, slice_of(at, half->pending_bytes));
	half = half_of(flow, direction, flipped);
	if (left.size >= LIMIT_MESSAGE) /* the parser cannot use it, and it cannot be kept */
		left.size = 0;
	if (!left.size) {
		uint32_t want = half->want;
		pending_drop(s, half);
		half->want = want;
		return;
	}
	memmove(at, left.at, left.size);
	half->pending_bytes = left.size;
}

static void deliver(struct streams *s, struct flow *flow, enum direction direction, struct slice bytes)
{
	bool flipped = flow->flipped;
	struct half *half = &flow->half[direction];
	half->bytes += bytes.size;
	if (half->dead)
		return;
	bytes = skip_some(half, bytes);
	if (!bytes.size)
		return;
	if (half->pending != FLOW_NONE) {
		deliver_pending(s, flow, direction, bytes);
		return;
	}
	bytes = offer(s, flow, direction, bytes);
	half = half_of(flow, direction, flipped);
	if (bytes.size && !pending_add(s, half, bytes))
		lose(s, flow, half == &flow->half[TO_SERVER] ? TO_SERVER : TO_CLIENT, bytes.size);
}

/* --- what arrives ahead of a hole --------------------------------------------------------------------------- */

static struct segment *segment_at(const struct streams *s, uint32_t index)
{
	return pool_at(&s->segments, index);
}

static void held_pop(struct streams *s, struct half *half)
{
	uint32_t index = half->held;
	struct segment *segment = segment_at(s, index);
	half->held = segment->next;
	half->held_bytes -= segment->size;
	pool_give(&s->segments, index);
}

/* Keeps the part of one piece that no held segment covers yet; first data wins. False when the pool is empty. */
static bool hold_piece(struct streams *s, struct half *half, uint32_t seq, struct slice bytes)
{
	uint32_t *link = &half->held;
	while (bytes.size) {
		struct segment *at = *link == FLOW_NONE ? NULL : segment_at(s, *link);
		if (at && seq_diff(seq, at->seq + at->size) >= 0) { /* wholly behind it */
			link = &at->next;
			continue;
		}
		if (at && seq_diff(seq, at->seq) >= 0) { /* begins inside it */
			uint32_t offset = seq - at->seq, n = at->size - offset;
			n = n < bytes.size ? n : bytes.size;
			s->counters->segments_overlapping += memcmp(at->bytes + offset, bytes.at, n) != 0;
			seq += n;
			bytes = slice_of(bytes.at + n, bytes.size - n);
			continue;
		}
		uint32_t room = at ? at->seq - seq : bytes.size;
		uint32_t n = room < bytes.size ? room : bytes.size;
		n = n < SEGMENT_BYTES ? n : SEGMENT_BYTES;
		uint32_t index = pool_take(&s->segments);
		if (index == POOL_NONE)
			return false;
		struct segment *segment = segment_at(s, index);
		segment->seq = seq;
		segment->size = n;
		segment->next = *link;
		memcpy(segment->bytes, bytes.at, n);
		*link = index;
		link = &segment->next;
		half->held_bytes += n;
		seq += n;
		bytes = slice_of(bytes.at + n, bytes.size - n);
	}
	return true;
}

static void drain(struct streams *s, struct flow *flow, enum direction direction)
{
	struct half *half = &flow->half[direction];
	while (half->held != FLOW_NONE) {
		struct segment *segment = segment_at(s, half->held);
		int32_t ahead = seq_diff(segment->seq, half->next_seq);
		if (ahead > 0)
			return;
		uint32_t known = 0u - (uint32_t)ahead;
		if (known < segment->size) {
			half->next_seq += segment->size - known;
			deliver(s, flow, direction, slice_of(segment->bytes + known, segment->size - known));
		}
		held_pop(s, half);
	}
}

/* Gives the hole before the first held segment up. */
static void jump(struct streams *s, struct flow *flow, enum direction direction)
{
	struct half *half = &flow->half[direction];
	uint32_t seq = segment_at(s, half->held)->seq;
	uint32_t missing = seq - half->next_seq;
	half->next_seq = seq;
	lose(s, flow, direction, missing);
	drain(s, flow, direction);
}

static void hold(struct streams *s, struct flow *flow, enum direction direction, uint32_t seq, struct slice bytes)
{
	struct half *half = &flow->half[direction];
	s->counters->segments_out_of_order++;
	if (half->dead) { /* nobody listens: a hole does not matter, what fills it is not counted again */
		uint32_t ahead = seq + bytes.size - half->next_seq;
		half->bytes += ahead <= LIMIT_OUT_OF_ORDER ? ahead : bytes.size;
		half->next_seq = seq + bytes.size;
		drain(s, flow, direction); /* what was held before the parser was done, and has been counted now */
		return;
	}
	if (!hold_piece(s, half, seq, bytes)) {
		s->counters->segments_evicted++;
		if (half->held != FLOW_NONE)
			jump(s, flow, direction);
	}
	while (half->held != FLOW_NONE && half->held_bytes > LIMIT_OUT_OF_ORDER)
		jump(s, flow, direction);
}

/* The receiver has acknowledged bytes that we have not seen: they will not come again. One packet of patience for
 * taps that deliver the two directions out of step. */
static void give_up_acknowledged(struct streams *s, struct flow *flow, enum direction direction)
{
	struct half *half = &flow->half[direction];
	const struct half *other = &flow->half[!direction];
	while (half->held != FLOW_NONE && other->started && other->last_ack &&
	       seq_diff(other->last_ack, segment_at(s, half->held)->seq) >= 0)
		jump(s, flow, direction);
}

/* --- TCP ---------------------------------------------------------------------------------------------------- */

static void push_data(struct streams *s, struct flow *flow, enum direction direction, uint32_t seq,
		      const struct datagram *d)
{
	struct half *half = &flow->half[direction];
	struct slice bytes = d->payload;
	int32_t ahead = seq_diff(seq, half->next_seq);
	if (ahead > 0) {
		hold(s, flow, direction, seq, bytes);
		return;
	}
	uint32_t known = 0u - (uint32_t)ahead;
	if (known >= d->payload_bytes) {
		s->counters->segments_retransmitted++;
		return;
	}
	if (known) {
		s->counters->segments_retransmitted++;
		known = known < bytes.size ? known : bytes.size;
		bytes = slice_of(bytes.at + known, bytes.size - known);
	}
	half->next_seq += bytes.size;
	bool flipped = flow->flipped;
	deliver(s, flow, direction, bytes);
	half = half_of(flow, direction, flipped);
	direction = half == &flow->half[TO_SERVER] ? TO_SERVER : TO_CLIENT;
	if (d->payload.size < d->payload_bytes) { /* cut by the snap length: the rest never comes */
		uint32_t end = seq + d->payload_bytes;
		if (seq_diff(end, half->next_seq) > 0) {
			uint32_t missing = end - half->next_seq;
			half->next_seq = end;
			half->bytes += missing;
			lose(s, flow, direction, missing);
		}
	}
	drain(s, flow, direction);
}

static void close_flow(struct streams *s, struct flow *flow, const char *how, enum direction by)
{
	if (flow->tcp_state == FLOW_CLOSED)
		return;
	s->receiver.closed(s->receiver.context, flow, how, by);
	flow->tcp_state = FLOW_CLOSED;
}

/* Does the receiver take this reset for real? In answer to a SYN it must acknowledge it (RFC 9293, 3.10.7.3); later it must
 * carry the very number that is awaited (RFC 5961, 3.2), give or take a FIN, unless bytes before it have escaped us. What a
 * host ignores must not blind us either. */
static bool reset_counts(const struct flow *flow, enum direction direction, const struct datagram *d)
{
	const struct half *half = &flow->half[direction], *other = &flow->half[!direction];
	enum { WINDOW = 1 << 20 };
	if (!half->started)
		return !other->started || !(d->tcp_flags & TCP_ACK) ? flow->tcp_state != FLOW_SYN_SEEN : d->ack == other->next_seq;
	int32_t ahead = seq_diff(d->seq, half->next_seq);
	bool escaped = half->held != FLOW_NONE || (other->started && seq_diff(other->last_ack, half->next_seq) > 0);
	return (ahead >= -1 && ahead <= 1) || (escaped && ahead > 0 && ahead < WINDOW);
}

static void push_reset(struct streams *s, struct flow *flow, enum direction direction, const struct datagram *d)
{
	struct half *half = &flow->half[direction];
	if (!reset_counts(flow, direction, d))
		return;
	half->rst = true;
	if (flow->tcp_state == FLOW_SYN_SEEN && direction == TO_CLIENT && !half->started) {
		flow->tcp_state = FLOW_CLOSED;
		s->receiver.refused(s->receiver.context, flow);
		return;
	}
	if (flow->tcp_state == FLOW_SYN_SEEN) { /* SYN, SYN-ACK, RST: it was open */
		flow->tcp_state = FLOW_OPEN;
		s->receiver.opened(s->receiver.context, flow);
	}
	if (flow->tcp_state == FLOW_CLOSING) /* a side that had said FIN: the end was agreed */
		close_flow(s, flow, "fin", flow->half[TO_SERVER].fin_first ? TO_SERVER : TO_CLIENT);
	else
		close_flow(s, flow, "rst", direction);
}

static void push_syn(struct flow *flow, enum direction direction, const struct datagram *d)
{
	struct half *half = &flow->half[direction];
	if (flow->tcp_state > FLOW_SYN_SEEN || (half->started && half->next_seq == d->seq + 1))
		return;
	half->started = true;
	half->next_seq = d->seq + 1;
	flow->tcp_state = FLOW_SYN_SEEN;
}

/* A side's stream is at its end when all before its FIN is there, or the other side has acknowledged the FIN, and with it all
 * that will not come any more. */
static bool half_ended(const struct flow *flow, enum direction direction)
{
	const struct half *half = &flow->half[direction], *other = &flow->half[!direction];
	if (!half->fin)
		return false;
	return half->dead || seq_diff(half->next_seq, half->fin_seq) >= 0 ||
	       (other->started && seq_diff(other->last_ack, half->fin_seq) > 0);
}

static void push_fin(struct streams *s, struct flow *flow, enum direction direction)
{
	flow->tcp_state = FLOW_CLOSING;
	if (half_ended(flow, TO_SERVER) && half_ended(flow, TO_CLIENT))
		close_flow(s, flow, "fin", flow->half[direction].fin_first ? direction : !direction);
}

/* A SYN-ACK behind a refusal: the refusal was forged, and there are clients that do not mind it. */
static bool accepts_after_all(const struct flow *flow, enum direction direction, const struct datagram *d)
{
	const struct half *other = &flow->half[!direction];
	return (d->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK) && direction == TO_CLIENT &&
	       !flow->half[direction].started && other->started && d->ack == other->next_seq;
}

void stream_push(struct streams *s, struct flow *flow, enum direction direction, const struct datagram *d)
{
	struct half *half = &flow->half[direction];
	uint32_t seq = d->seq;
	half->packets++;
	if (flow->tcp_state == FLOW_CLOSED && accepts_after_all(flow, direction, d))
		flow->tcp_state = FLOW_SYN_SEEN;
	if (flow->tcp_state == FLOW_CLOSED)
		return;
	if (flow->half[TO_SERVER].held != FLOW_NONE || flow->half[TO_CLIENT].held != FLOW_NONE) {
		give_up_acknowledged(s, flow, TO_SERVER);
		give_up_acknowledged(s, flow, TO_CLIENT);
	}
	if (d->refused) {
		if (flow->tcp_state == FLOW_SYN_SEEN) {
			flow->tcp_state = FLOW_CLOSED;
			s->receiver.refused(s->receiver.context, flow);
		}
		return;
	}
	/* Whoever answers a SYN acknowledges it; an ACK of anything else is the echo of an earlier connection (RFC 9293, 3.10.7.3). */
	if (flow->tcp_state == FLOW_SYN_SEEN && !half->started && flow->half[!direction].started &&
	    (d->tcp_flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK && d->ack != flow->half[!direction].next_seq)
		return;
	if (d->tcp_flags & TCP_ACK)
		half->last_ack = d->ack;
	if (d->tcp_flags & TCP_RST) {
		push_reset(s, flow, direction, d);
		return;
	}
	if (d->tcp_flags & TCP_SYN) {
		push_syn(flow, direction, d);
		seq++;
	} else if (flow->tcp_state == FLOW_IDLE) {
		flow->tcp_state = FLOW_OPEN;
		flow->midstream = true;
		s->counters->flows_midstream++;
	} else if (flow->tcp_state == FLOW_SYN_SEEN) {
		flow->tcp_state = FLOW_OPEN;
		s->receiver.opened(s->receiver.context, flow);
	}
	if (!half->started) {
		half->started = true;
		half->next_seq = seq;
	}
	bool flipped = flow->flipped;
	/* A FIN may overtake what was sent before it. */
	if (d->payload_bytes && (!half->fin || seq_diff(half->fin_seq, seq) > 0))
		push_data(s, flow, direction, seq, d);
	half = half_of(flow, direction, flipped);
	struct half *other = half == &flow->half[TO_SERVER] ? &flow->half[TO_CLIENT] : &flow->half[TO_SERVER];
	if (d->tcp_flags & TCP_FIN && !half->fin) {
		half->fin = true;
		half->fin_first = !other->fin;
		half->fin_seq = seq + d->payload_bytes;
	}
	if ((half->fin || other->fin) && flow->tcp_state != FLOW_CLOSED)
		push_fin(s, flow, half == &flow->half[TO_SERVER] ? TO_SERVER : TO_CLIENT);
}

void stream_carry(struct streams *s, struct flow *flow, enum direction direction, struct slice bytes)
{
	flow->half[direction].packets++;
	deliver(s, flow, direction, bytes);
}

void stream_carry_lost(struct streams *s, struct flow *flow, enum direction direction, uint64_t missing)
{
	lose(s, flow, direction, missing);
}

void stream_end(struct streams *s, struct flow *flow)
{
	for (unsigned direction = 0; direction < 2; direction++) {
		struct half *half = &flow->half[direction];
		while (half->held != FLOW_NONE)
			jump(s, flow, direction);
		int32_t missing = half->fin ? seq_diff(half->fin_seq, half->next_seq) : 0;
		if (missing > 0 && !half->dead) { /* the last bytes never came */
			half->next_seq = half->fin_seq;
			lose(s, flow, direction, (uint32_t)missing);
		}
		pending_drop(s, half);
	}
}
