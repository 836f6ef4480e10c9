/* Frames become datagrams: every link type and tunnel, faults counted, nothing read beyond the frame. */
#include "tests/support/cm.h"
#include "tests/support/fixture.h"
#include "tests/support/wire.h"
#include "sensor/decode.h"
#include <pcap/dlt.h>
#include <stdlib.h>

static struct counters counters;
static struct decoder *decoder;
static struct wire wire;
static struct address a, b, a6, b6;

static int setup(void **state)
{
	(void)state;
	memset(&counters, 0, sizeof counters);
	decoder = decoder_open(16, &counters);
	a = wire_address("192.0.2.1");
	b = wire_address("198.51.100.2");
	a6 = wire_address("2001:db8::1");
	b6 = wire_address("2001:db8::2");
	return decoder == NULL;
}

static int teardown(void **state)
{
	(void)state;
	decoder_close(decoder);
	return 0;
}

/* A copy that ends where the frame ends. */
static enum decoded decode_exact(const struct wire *w, uint32_t captured, uint64_t time_ns, struct datagram *out)
{
	static uint8_t *last;
	struct packet packet = wire_packet(w, time_ns, 5);
	free(last);
	last = malloc(captured ? captured : 1);
	memcpy(last, packet.bytes.at, captured);
	packet.bytes = slice_of(last, captured);
	memset(out, 0xa5, sizeof *out); /* what decode() does not set shows */
	return decode(decoder, &packet, out);
}

static void tcp(const char *payload, bool v6)
{
	wire_begin(&wire, slice_text(payload));
	wire_tcp(&wire, v6 ? &a6 : &a, v6 ? &b6 : &b, 40000, 1883, 1000, 2000, TCP_ACK | TCP_PSH);
	wire_ip(&wire, v6 ? &a6 : &a, v6 ? &b6 : &b, TRANSPORT_TCP);
}

static void udp(const char *payload)
{
	wire_begin(&wire, slice_text(payload));
	wire_udp(&wire, &a, &b, 40000, 5683);
	wire_ip(&wire, &a, &b, TRANSPORT_UDP);
}

static void test_wrappings(void **state)
{
	(void)state;
	for (unsigned i = 0; wire_wrappings[i].name; i++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			struct datagram d;
			tcp("hello", v6);
			wire_wrappings[i].wrap(&wire);
			if (decode_exact(&wire, wire.size, 7, &d) != DECODED_DATAGRAM)
				fail_msg("%s: not decoded", wire_wrappings[i].name);
			assert_true(slice_is(d.payload, "hello"));
			assert_int_equal(d.payload_bytes, 5);
			assert_int_equal(d.transport, TRANSPORT_TCP);
			assert_true(address_equal(&d.source, v6 ? &a6 : &a) && address_equal(&d.target, v6 ? &b6 : &b));
			assert_int_equal(d.source_port, 40000);
			assert_int_equal(d.target_port, 1883);
			assert_int_equal(d.seq, 1000);
			assert_int_equal(d.ack, 2000);
			assert_int_equal(d.tcp_flags, TCP_ACK | TCP_PSH);
			assert_int_equal(d.ttl, 64);
			assert_int_equal(d.frame, 5);
			assert_false(d.cut || d.refused);
			assert_int_equal(counters.bad_checksum + counters.malformed + counters.undecoded, 0);
		}
}

/* Every shorter capture of each: no read beyond it, and an answer. */
static void test_cut(void **state)
{
	(void)state;
	for (unsigned i = 0; wire_wrappings[i].name; i++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			tcp("hello", v6);
			wire_wrappings[i].wrap(&wire);
			for (uint32_t n = 0; n < wire.size; n++) {
				struct datagram d;
				enum decoded decoded = decode_exact(&wire, n, 7, &d);
				if (decoded == DECODED_DATAGRAM)
					assert_true(d.payload.size <= d.payload_bytes);
			}
			assert_int_equal(counters.malformed, 0); /* the capture cut it, the sender is not to blame */
		}
}

/* The same spoiled at every byte and at random. */
static void test_spoiled(void **state)
{
	struct dice dice = {3};
	(void)state;
	for (unsigned i = 0; wire_wrappings[i].name; i++)
		for (unsigned round = 0; round < 3000; round++) {
			struct datagram d;
			tcp("hello", round % 2);
			wire_wrappings[i].wrap(&wire);
			for (unsigned n = 1 + dice_roll(&dice, 3); n > 0; n--)
				wire.room[wire.at + dice_roll(&dice, wire.size)] = (uint8_t)(dice_roll(&dice, 2) ? dice_roll(&dice, 256) : 0);
			(void)decode_exact(&wire, wire.size - dice_roll(&dice, 2) * dice_roll(&dice, wire.size), 7, &d);
		}
}

static void test_snap_length(void **state)
{
	struct datagram d;
	(void)state;
	tcp("hello world", false);
	wire_ethernet(&wire);
	assert_int_equal(decode_exact(&wire, wire.size - 6, 7, &d), DECODED_DATAGRAM);
	assert_true(slice_is(d.payload, "hello"));
	assert_int_equal(d.payload_bytes, 11);
	assert_true(d.cut);
	assert_int_equal(decode_exact(&wire, 40, 7, &d), DECODED_NOTHING);
	assert_int_equal(counters.undecoded, 1);
}

static void test_vlan(void **state)
{
	struct datagram d;
	(void)state;
	tcp("x", false);
	wire_vlan(&wire, 0x8100, 0x2007);
	wire_vlan(&wire, 0x88a8, 0x2123);
	wire_ethernet(&wire);
	assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_DATAGRAM);
	assert_int_equal(d.vlan, 0x123); /* the outermost, without priority */
	tcp("x", false);
	wire_ethernet(&wire);
	assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_DATAGRAM);
	assert_int_equal(d.vlan, 0);
}

static void test_checksums(void **state)
{
	struct datagram d;
	(void)state;
	for (unsigned i = 0; i < 3; i++) { /* payload, TCP header, IP header */
		static const uint32_t places[] = {14 + 20 + 20, 14 + 20 + 4, 14 + 8};
		tcp("hello", false);
		wire_ethernet(&wire);
		wire.room[wire.at + places[i]] ^= 0x10;
		uint64_t before = counters.bad_checksum;
		assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_DATAGRAM); /* still read */
		assert_int_equal(counters.bad_checksum, before + 1);
	}
	udp("hello");
	wire_ethernet(&wire);
	wire.room[wire.at + wire.size - 1] ^= 1;
	decode_exact(&wire, wire.size, 7, &d);
	assert_int_equal(counters.bad_checksum, 4);
}

/* A sender whose card does the work leaves zero, or the sum of the pseudo header alone. */
static void test_offload(void **state)
{
	struct datagram d;
	(void)state;
	tcp("hello", false);
	wire_put16(wire.room + wire.at + 20 + 16, 0);
	wire_put16(wire.room + wire.at + 10, 0);
	assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_DATAGRAM);
	assert_int_equal(counters.bad_checksum, 0);
	uint8_t pseudo[12] = {192, 0, 2, 1, 198, 51, 100, 2, 0, TRANSPORT_TCP, 0, 25};
	wire_put16(wire.room + wire.at + 20 + 16, (uint16_t)~wire_checksum(0, pseudo, sizeof pseudo));
	decode_exact(&wire, wire.size, 7, &d);
	assert_int_equal(counters.bad_checksum, 0);
	wire.room[wire.at + 20 + 16] ^= 1;
	decode_exact(&wire, wire.size, 7, &d);
	assert_int_equal(counters.bad_checksum, 1);
	udp("hello"); /* UDP without a checksum */
	wire_put16(wire.room + wire.at + 20 + 6, 0);
	decode_exact(&wire, wire.size, 7, &d);
	assert_int_equal(counters.bad_checksum, 1);
}

/* Segmentation offload: the IP length is zero, the frame's own counts. */
static void test_zero_length(void **state)
{
	struct datagram d;
	(void)state;
	tcp("hello", false);
	wire_put16(wire.room + wire.at + 2, 0);
	wire_put16(wire.room + wire.at + 10, 0);
	wire_ethernet(&wire);
	assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_DATAGRAM);
	assert_true(slice_is(d.payload, "hello"));
	assert_int_equal(d.payload_bytes, 5);
	tcp("hello", true);
	wire_put16(wire.room + wire.at + 4, 0);
	assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_DATAGRAM);
	assert_int_equal(d.payload_bytes, 5);
	/* inside a tunnel whose own packet came in fragments, the frame says nothing about it */
	tcp("hello", false);
	wire_put16(wire.room + wire.at + 2, 0);
	wire_put16(wire.room + wire.at + 10, 0);
	struct wire whole = wire;
	for (uint32_t at = 0; at < whole.size; at += 16) {
		uint32_t n = whole.size - at < 16 ? whole.size - at : 16;
		wire_begin(&wire, slice_of(wire_bytes(&whole).at + at, n));
		wire_ip_fragment(&wire, &a, &b, 4, 9, at | (at + n < whole.size));
		enum decoded decoded = decode_exact(&wire, wire.size, 7, &d);
		assert_int_equal(decoded, at + n < whole.size ? DECODED_NOTHING : DECODED_JOINED);
	}
	assert_int_equal(d.payload_bytes, 5);
	assert_true(slice_is(d.payload, "hello"));
}

static void test_v6_extensions(void **state)
{
	static const uint8_t kinds[] = {0, 43, 60};
	struct datagram d;
	(void)state;
	wire_begin(&wire, slice_text("ext"));
	wire_tcp(&wire, &a6, &b6, 1, 2, 3, 4, TCP_ACK);
	uint8_t next = TRANSPORT_TCP;
	for (unsigned i = 0; i < 3; i++) {
		wire_v6_extension(&wire, next, i);
		next = kinds[i];
	}
	wire_ip(&wire, &a6, &b6, next);
	assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_DATAGRAM);
	assert_true(slice_is(d.payload, "ext"));
	assert_int_equal(counters.bad_checksum, 0);
	wire_begin(&wire, slice_text("auth")); /* counted in words of four, less two */
	wire_tcp(&wire, &a6, &b6, 1, 2, 3, 4, TCP_ACK);
	uint8_t *auth = wire_front(&wire, 24);
	auth[0] = TRANSPORT_TCP;
	auth[1] = 4;
	wire_ip(&wire, &a6, &b6, 51);
	assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_DATAGRAM);
	assert_true(slice_is(d.payload, "auth"));
	wire_begin(&wire, slice_text("")); /* a chain without end */
	for (unsigned i = 0; i < 60; i++)
		wire_v6_extension(&wire, 60, 0);
	wire_ip(&wire, &a6, &b6, 60);
	assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_NOTHING);
}

static void test_nested_too_deep(void **state)
{
	struct datagram d;
	(void)state;
	tcp("x", false);
	for (unsigned i = 0; i < 40; i++)
		wire_tunnel_ip(&wire, 4);
	assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_NOTHING);
	assert_int_equal(counters.malformed, 1);
}

static void test_malformed(void **state)
{
	struct datagram d;
	(void)state;
	tcp("x", false);
	wire.room[wire.at] = 0x44; /* a header of four words */
	assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_NOTHING);
	tcp("x", false);
	wire.room[wire.at] = 0x55; /* version 5 */
	assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_NOTHING);
	tcp("x", false);
	wire.room[wire.at + 20 + 12] = 0x40; /* a TCP header of four words */
	assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_NOTHING);
	udp("x");
	wire_put16(wire.room + wire.at + 20 + 4, 7); /* a UDP datagram shorter than its header */
	assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_NOTHING);
	udp("x");
	wire_put16(wire.room + wire.at + 20 + 4, 500); /* longer than the packet */
	assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_NOTHING);
	assert_int_equal(counters.malformed, 5);
	tcp("x", false);
	wire.link_type = 12345;
	assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_NOTHING);
	assert_int_equal(counters.undecoded, 1);
	assert_false(decode_knows_link(12345));
	assert_true(decode_knows_link(DLT_EN10MB) && decode_knows_link(DLT_LINUX_SLL2) && decode_knows_link(DLT_NULL));
}

/* Destination unreachable names the datagram that was refused. */
static void test_unreachable(void **state)
{
	struct datagram d;
	(void)state;
	udp("coap");
	uint8_t *icmp = wire_front(&wire, 8);
	icmp[0] = 3;
	icmp[1] = 3;
	wire_ip(&wire, &b, &a, TRANSPORT_ICMP);
	assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_DATAGRAM);
	assert_true(d.refused);
	assert_int_equal(d.transport, TRANSPORT_UDP);
	assert_true(address_equal(&d.source, &a) && address_equal(&d.target, &b)); /* as it was sent */
	assert_int_equal(d.target_port, 5683);
	assert_int_equal(d.payload.size, 0);
	udp("coap"); /* fragmentation needed refuses nothing */
	icmp = wire_front(&wire, 8);
	icmp[0] = 3;
	icmp[1] = 4;
	wire_ip(&wire, &b, &a, TRANSPORT_ICMP);
	assert_int_equal(decode_exact(&wire, wire.size, 7, &d), DECODED_NOTHING);
}

/* --- fragments ---------------------------------------------------------------------------------------------- */

static uint8_t body[4000];

static enum decoded piece(uint32_t id, uint32_t at, uint32_t size, bool more, uint64_t time_ns, struct datagram *d)
{
	wire_begin(&wire, slice_of(body + at, size));
	wire_ip_fragment(&wire, &a, &b, TRANSPORT_UDP, id, at | more);
	return decode_exact(&wire, wire.size, time_ns, d);
}

static void fill_body(void)
{
	for (unsigned i = 0; i < sizeof body; i++)
		body[i] = (uint8_t)(i * 7 + i / 256);
	wire_put16(body, 4000);
	wire_put16(body + 2, 5683);
	wire_put16(body + 4, sizeof body);
	wire_put16(body + 6, 0);
}

static void test_fragments(void **state)
{
	struct datagram d;
	(void)state;
	fill_body();
	assert_int_equal(piece(1, 2000, 1000, true, 1, &d), DECODED_NOTHING);
	assert_int_equal(piece(2, 0, 2000, true, 1, &d), DECODED_NOTHING); /* another datagram */
	assert_int_equal(piece(1, 3000, 1000, false, 1, &d), DECODED_NOTHING);
	assert_int_equal(piece(1, 0, 2000, true, 1, &d), DECODED_JOINED);
	assert_int_equal(d.payload.size, sizeof body - 8);
	assert_memory_equal(d.payload.at, body + 8, sizeof body - 8);
	assert_int_equal(counters.fragments_joined, 1);
	assert_int_equal(counters.fragments_overlapping, 0);
}

/* First data wins, and overlaps are counted. */
static void test_overlap(void **state)
{
	struct datagram d;
	(void)state;
	fill_body();
	assert_int_equal(piece(1, 0, 1600, true, 1, &d), DECODED_NOTHING);
	memset(body + 800, 0xee, 1600);
	assert_int_equal(piece(1, 800, 1600, true, 1, &d), DECODED_NOTHING);
	assert_int_equal(counters.fragments_overlapping, 1);
	assert_int_equal(piece(1, 2400, 1600, false, 1, &d), DECODED_JOINED);
	uint8_t *seen = body;
	fill_body();
	assert_memory_equal(d.payload.at, seen + 8, 1600 - 8);
	assert_int_equal(d.payload.at[1600 - 8], 0xee);
}

/* Pieces beyond the end do not stand in for those that are missing: nothing is joined from memory that nobody filled. */
static void test_beyond_end(void **state)
{
	struct datagram d;
	(void)state;
	fill_body();
	assert_int_equal(piece(1, 2000, 1000, true, 1, &d), DECODED_NOTHING);
	assert_int_equal(piece(1, 1000, 1000, false, 1, &d), DECODED_NOTHING); /* says that it ends at 2000 */
	assert_int_equal(piece(2, 1000, 1000, false, 1, &d), DECODED_NOTHING);
	assert_int_equal(piece(2, 2000, 1000, true, 1, &d), DECODED_NOTHING); /* the same the other way round */
	assert_true(counters.fragments_overlapping >= 2);
	assert_int_equal(counters.fragments_joined, 0);
}

static void test_fragment_bounds(void **state)
{
	struct datagram d;
	(void)state;
	fill_body();
	for (unsigned id = 1; id <= 40; id++) /* more than there is room for: the oldest are given up */
		assert_int_equal(piece(id, 0, 2000, true, 1, &d), DECODED_NOTHING);
	assert_int_equal(counters.fragments_dropped, 24);
	assert_int_equal(piece(1, 2000, 2000, false, 1, &d), DECODED_NOTHING);
	assert_int_equal(piece(40, 2000, 2000, false, 1, &d), DECODED_JOINED);
	uint64_t dropped = counters.fragments_dropped; /* too old: all others */
	assert_int_equal(piece(39, 2000, 2000, false, 1 + 1000 * TW_SECOND, &d), DECODED_NOTHING);
	assert_true(counters.fragments_dropped > dropped);
	assert_int_equal(piece(50, 0, 1003, true, 2000 * TW_SECOND, &d), DECODED_NOTHING); /* not in units of eight */
	wire_begin(&wire, slice_of(body, 64)); /* a ping of death: beyond 65535 */
	wire_ip_fragment(&wire, &a, &b, TRANSPORT_UDP, 60, 65528);
	assert_int_equal(decode_exact(&wire, wire.size, 2000 * TW_SECOND, &d), DECODED_NOTHING);
	assert_true(counters.malformed >= 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_wrappings), TEST(test_cut), TEST(test_spoiled), TEST(test_snap_length), TEST(test_vlan), TEST(test_checksums),
		TEST(test_offload), TEST(test_zero_length), TEST(test_v6_extensions), TEST(test_nested_too_deep), TEST(test_malformed),
		TEST(test_unreachable), TEST(test_fragments), TEST(test_overlap), TEST(test_beyond_end), TEST(test_fragment_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
