/* Reassembly against an oracle: every byte of a stream is a function of its place, so whatever is delivered can be checked, and
 * what is delivered after a gap tells where it stands. Segments come as the input says: ahead, again, overlapping, cut. */
#include "sensor/stream.h"
#include <stdio.h>
#include <stdlib.h>

enum { SPACE = 1 << 17, NEAR = 12 };

struct ear_of {
	uint64_t at;        /* place of the first byte not consumed */
	bool lost, done;
	uint8_t appetite;
};

static struct ear_of ears[2];
static uint8_t truth[SPACE * 2];

static uint8_t byte_at(uint64_t place)
{
	uint64_t x = (place / 8 + 1) * 0x9e3779b97f4a7c15u;
	x ^= x >> 29;
	return (uint8_t)(x >> (place % 8 * 8));
}

__attribute__((noreturn)) static void wrong(const char *what)
{
	fprintf(stderr, "%s\n", what);
	abort();
}

static bool fits(uint64_t place, struct slice bytes)
{
	for (uint32_t i = 0; i < bytes.size; i++)
		if (place + i >= sizeof truth || truth[place + i] != bytes.at[i])
			return false;
	return true;
}

static struct taken on_bytes(void *context, struct flow *flow, enum direction direction, struct slice bytes, bool whole)
{
	struct ear_of *ear = &ears[direction];
	(void)context, (void)flow, (void)whole;
	if (!bytes.size)
		wrong("nothing is delivered");
	if (ear->done)
		wrong("delivered after it was done");
	if (ear->lost) {
		while (ear->at < sizeof truth && !fits(ear->at, bytes))
			ear->at++;
		ear->lost = bytes.size < NEAR; /* so few bytes may stand in many places */
	}
	if (!ear->lost && !fits(ear->at, bytes))
		wrong("other bytes than were sent, or in another order");
	ear->appetite = (uint8_t)(ear->appetite * 5 + 1);
	struct taken taken = {0};
	switch (ear->appetite % 7) {
	case 0: /* an incomplete message */
		taken.consumed = bytes.size / 2;
		taken.want = bytes.size - taken.consumed + ear->appetite;
		break;
	case 1:
		taken.consumed = bytes.size;
		taken.skip = ear->appetite * 3u;
		break;
	case 2:
		taken.consumed = bytes.size - bytes.size / 4;
		taken.skip = 2;
		break;
	default:
		taken.consumed = bytes.size;
		break;
	}
	taken.done = ear->appetite == 0x40;
	ear->done = taken.done;
	ear->at += taken.consumed + taken.skip;
	return taken;
}

static void on_gap(void *context, struct flow *flow, enum direction direction, uint64_t missing)
{
	(void)context, (void)flow;
	if (!missing)
		wrong("a gap of nothing");
	ears[direction].lost = true;
	ears[direction].at = 0; /* a skip that reached into the gap: where it ended is not known here */
}

static void on_flow(void *context, struct flow *flow)
{
	(void)context, (void)flow;
}

static void on_closed(void *context, struct flow *flow, const char *how, enum direction by)
{
	(void)how, (void)by;
	stream_end(*(struct streams **)context, flow);
}

static void on_ended(void *context, struct flow *flow, uint64_t now_ns, const char *how)
{
	(void)now_ns, (void)how;
	stream_end(*(struct streams **)context, flow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct streams *streams;
	struct counters counters = {0};
	struct reader r = reader_of(slice_of(data, (uint32_t)size));
	const struct stream_receiver receiver = {on_bytes, on_gap, on_flow, on_flow, on_closed, &streams};
	struct flows *flows = flows_open(16, 1, &counters);
	streams = streams_open(64, &counters, &receiver);
	if (!flows || !streams)
		abort();
	if (!truth[1])
		for (uint64_t i = 0; i < sizeof truth; i++)
			truth[i] = byte_at(i);
	uint32_t first[2] = {read_be32(&r), read_be32(&r)};
	uint64_t next[2] = {0, 0};
	ears[0] = (struct ear_of){.appetite = read_u8(&r)};
	ears[1] = (struct ear_of){.appetite = read_u8(&r)};
	for (uint64_t n = 1; reader_left(&r); n++) {
		uint8_t op = read_u8(&r), step = read_u8(&r), length = read_u8(&r);
		bool is_new, back = op & 1;
		enum direction direction;
		/* Ahead of or behind what this side sent last, by a little or a lot. */
		uint64_t place = next[back];
		if (op & 2)
			place += op & 4 ? step * 64u : step;
		else if (op & 4)
			place -= step < place ? step : place;
		uint32_t bytes = op & 8 ? length * 8u : length;
		if (place + bytes >= SPACE)
			break;
		struct datagram d = {.time_ns = n * 1000000, .transport = TRANSPORT_TCP, .frame = (uint32_t)n,
				     .source_port = back ? 80 : 5000, .target_port = back ? 5000 : 80,
				     .seq = first[back] + (uint32_t)place, .ack = first[!back] + (uint32_t)next[!back],
				     .tcp_flags = (uint8_t)(TCP_ACK | (op & 16 ? TCP_FIN : 0) | (op == 0xff ? TCP_RST : 0)),
				     .payload = slice_of(truth + place, op & 32 ? bytes / 2 : bytes), .payload_bytes = bytes};
		d.source.bytes[15] = back ? 2 : 1;
		d.target.bytes[15] = back ? 1 : 2;
		if (op & 64) /* acknowledges less */
			d.ack -= length;
		if (n == 1 && !(op & 128)) { /* begins with a SYN: its number is one before the first byte's */
			d.tcp_flags = back ? TCP_SYN | TCP_ACK : TCP_SYN;
			d.seq = first[back] - 1;
			d.payload.size = d.payload_bytes = bytes = 0;
			place = 0;
		}
		struct flow *flow = flow_get(flows, &d, flow_hash(flows, &d), &is_new, &direction, on_ended, &streams);
		if (is_new && n > 1)
			break; /* the old one had ended */
		if (n == 1)
			ears[0].lost = ears[1].lost = true;
		if (direction != (back ? TO_CLIENT : TO_SERVER))
			break;
		stream_push(streams, flow, direction, &d);
		if (place + bytes > next[back])
			next[back] = place + bytes;
	}
	flows_finish(flows, TW_SECOND * 100, on_ended, &streams);
	streams_close(streams);
	flows_close(flows);
	return 0;
}
