/* Connections: how they open, how they end, what is held and given up; and which protocol they speak. */
#include "tests/support/cm.h"
#include "tests/support/talk.h"
#include <stdio.h>

static const char *const without[] = {"timestamp", "frame", "flow_id", NULL};
static struct dump dump;
static struct ear ear;
static struct talk *talk;
static struct fixture *mqtt;

static int setup(void **state)
{
	(void)state;
	ear_open(&ear, &dump);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ear_close(&ear);
	return 0;
}

static void piece(unsigned n)
{
	ear_piece(&ear, talk, &talk->pieces[n], NULL);
}

/* The first `count` segments of a session, then one that is made of the next that `direction` would send. */
static void hear(unsigned count)
{
	talk_build(talk, mqtt, &(struct talk_options){0});
	for (unsigned i = 0; i < count && i < talk->count; i++)
		piece(i);
}

static void send(uint8_t direction, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct piece p = {direction, flags, 0, seq, ack, slice_text(""), 1600000009 * TW_SECOND};
	ear_piece(&ear, talk, &p, NULL);
}

#define SAYS(line, times) \
	do { \
		engine_idle(ear.engine, 0); /* packets are gathered into batches */ \
		unsigned found = dump_count(&dump, line); \
		if (found != (times)) \
			fail_msg("\"%s\" %u times, not %u, in\n%s", line, found, (unsigned)(times), dump.text); \
	} while (0)

static void test_refused(void **state)
{
	(void)state;
	hear(1);
	send(TO_CLIENT, TCP_RST | TCP_ACK, 0, talk->pieces[0].seq + 1);
	ear_finish(&ear);
	SAYS(" action=open", 1);
	SAYS(" outcome=failure", 1);
	SAYS(" reason=refused", 1);
	SAYS(" action=close", 0);
}

static void test_no_answer(void **state)
{
	(void)state;
	hear(1);
	engine_idle(ear.engine, 1600000100 * TW_SECOND);
	SAYS(" reason=no_answer", 1);
	SAYS(" outcome=failure", 1);
}

static void test_fin(void **state)
{
	(void)state;
	hear(9999);
	ear_finish(&ear);
	SAYS(" action=open", 1);
	SAYS(" action=close", 1);
	SAYS(" flow.end=fin", 1);
	SAYS(" flow.ended_by=client", 1);
	SAYS(" reason=no_disconnect", 0);
}

/* The connection breaks without a DISCONNECT: by whom, and that it was abnormal. */
static void test_reset(void **state)
{
	(void)state;
	hear(7);
	send(TO_CLIENT, TCP_RST, talk->pieces[6].ack, 0);
	SAYS(" flow.end=rst", 1);
	SAYS(" flow.ended_by=server", 1);
	SAYS(" reason=reset", 1);
	send(TO_SERVER, TCP_ACK, talk->pieces[6].seq, 0); /* late packets are swallowed */
	ear_finish(&ear);
	SAYS(" action=close", 1);
	SAYS(" action=open", 1);
}

/* A reset far from what its sender last sent is forged or stale. */
static void test_forged_reset(void **state)
{
	(void)state;
	hear(7);
	send(TO_CLIENT, TCP_RST, talk->pieces[6].ack + 0x40000000, 0);
	SAYS(" action=close", 0);
	for (unsigned i = 7; i < talk->count; i++)
		piece(i);
	ear_finish(&ear);
	SAYS(" flow.end=fin", 1);
}

static void test_half_closed(void **state)
{
	(void)state;
	hear(7);
	send(TO_SERVER, TCP_FIN | TCP_ACK, talk->pieces[6].seq, talk->pieces[6].ack);
	SAYS(" action=close", 0);
	engine_idle(ear.engine, 1600001000 * TW_SECOND); /* the other side fell silent */
	SAYS(" flow.end=fin", 1);
	SAYS(" flow.ended_by=client", 1);
	SAYS(" reason=no_disconnect", 1);
}

static void test_timeout(void **state)
{
	(void)state;
	hear(7);
	engine_idle(ear.engine, 1600000000 * TW_SECOND + 20ull * 3600 * TW_SECOND);
	SAYS(" flow.end=timeout", 1);
	SAYS(" flow.ended_by=client", 0);
	SAYS(" action=keepalive", 1); /* the client missed its keepalive before that */
}

static void test_unreachable(void **state)
{
	static struct wire wire;
	(void)state;
	hear(1);
	wire_begin(&wire, slice_text(""));
	wire_tcp(&wire, &talk->client, &talk->server, mqtt->client_port, mqtt->server_port, talk->pieces[0].seq, 0, TCP_SYN);
	wire_ip(&wire, &talk->client, &talk->server, TRANSPORT_TCP);
	uint8_t *icmp = wire_front(&wire, 8);
	icmp[0] = 3;
	icmp[1] = 1;
	wire_ip(&wire, &talk->server, &talk->client, TRANSPORT_ICMP);
	wire_ethernet(&wire);
	ear_packet(&ear, &wire, 1600000001 * TW_SECOND);
	ear_finish(&ear);
	SAYS(" outcome=failure", 1);
}

/* Ahead of a hole: held within bounds, and given up when too much waits behind it. */
static void test_held_bounds(void **state)
{
	static uint8_t zeros[1400];
	(void)state;
	hear(7);
	uint32_t seq = talk->pieces[6].seq;
	for (unsigned i = 1; i < 3000; i++) {
		struct piece p = {TO_SERVER, TCP_ACK, 0, seq + i * 1400, talk->pieces[6].ack, slice_of(zeros, 1400),
				  1600000010 * TW_SECOND + i};
		ear_piece(&ear, talk, &p, NULL);
	}
	ear_finish(&ear);
	const struct counters *counters = engine_counters(ear.engine);
	assert_int_equal(counters->gaps, 1);
	assert_int_equal(counters->gap_bytes, 1400);
	assert_in_range(counters->segments_out_of_order, LIMIT_OUT_OF_ORDER / 1400, LIMIT_OUT_OF_ORDER / 1400 + 2);
}

/* The other side acknowledged what was never seen: it will not come again. */
static void test_acknowledged_hole(void **state)
{
	(void)state;
	hear(7);
	const struct piece *p = &talk->pieces[7];
	assert_true(p->direction == TO_SERVER && p->bytes.size > 10);
	struct piece late = *p;
	late.seq += 5;
	late.bytes = slice_of(late.bytes.at + 5, late.bytes.size - 5);
	ear_piece(&ear, talk, &late, NULL);
	engine_idle(ear.engine, 1600000011 * TW_SECOND);
	assert_int_equal(engine_counters(ear.engine)->gaps, 0);
	send(TO_CLIENT, TCP_ACK, p->ack, p->seq + p->bytes.size);
	send(TO_CLIENT, TCP_ACK, p->ack, p->seq + p->bytes.size);
	engine_idle(ear.engine, 1600000012 * TW_SECOND);
	assert_int_equal(engine_counters(ear.engine)->gaps, 1);
	assert_int_equal(engine_counters(ear.engine)->gap_bytes, 5);
}

/* The capture cut every packet short: what is missing is a gap, and said to be one. */
static void test_snapped(void **state)
{
	static struct wire wire;
	(void)state;
	hear(3);
	for (unsigned i = 3; i < talk->count; i++) {
		const struct piece *p = &talk->pieces[i];
		bool up = p->direction == TO_SERVER;
		wire_begin(&wire, p->bytes);
		wire_tcp(&wire, up ? &talk->client : &talk->server, up ? &talk->server : &talk->client,
			 up ? mqtt->client_port : mqtt->server_port, up ? mqtt->server_port : mqtt->client_port, p->seq, p->ack, p->flags);
		wire_ip(&wire, up ? &talk->client : &talk->server, up ? &talk->server : &talk->client, TRANSPORT_TCP);
		wire_ethernet(&wire);
		struct packet packet = wire_packet(&wire, p->time_ns, i);
		packet.bytes = slice_head(packet.bytes, 68);
		engine_packet(ear.engine, &packet);
	}
	ear_finish(&ear);
	assert_true(engine_counters(ear.engine)->gaps > 0);
	assert_true(engine_counters(ear.engine)->truncated > 0);
	assert_int_equal(dump.violations, 0);
	SAYS(" flow.end=fin", 1);
}

/* --- which protocol ----------------------------------------------------------------------------------------- */

static void speak(const char *text, uint16_t port)
{
	char whole[512];
	snprintf(whole, sizeof whole, "!port %u\n%s", port, text);
	struct fixture *f = fixture_parse("speech", whole);
	talk_build(talk, f, &(struct talk_options){0});
	ear_hear(&ear, talk, NULL);
	fixture_free(f);
	talk->fixture = mqtt;
}

static void test_any_port(void **state)
{
	(void)state;
	speak("> 10 v( 2(\"MQTT\") 04 02 003c 2(\"x\") )\n< 20020000\n", 80);
	SAYS(" protocol=mqtt", 2);
}

/* Not every text on the port of MQTT is MQTT. */
static void test_not_mqtt(void **state)
{
	(void)state;
	speak("> \"SSH-2.0-OpenSSH_9.2\\r\\n\"\n< \"SSH-2.0-OpenSSH_9.2\\r\\n\"\n", 1883);
	SAYS(" protocol=mqtt", 0);
	SAYS(" action=request", 1);
}

static void test_decode_as(void **state)
{
	struct decode_as as;
	(void)state;
	assert_true(classify_decode_as("tcp.port==4711,mqtt", &as));
	assert_int_equal(as.port, 4711);
	assert_int_equal(as.transport, TRANSPORT_TCP);
	assert_string_equal(as.parser, "mqtt");
	assert_true(classify_decode_as("udp.port==4711,mqtt", &as));
	assert_int_equal(as.transport, TRANSPORT_UDP);
	static const char *const bad[] = {"", "tcp.port==0,mqtt", "tcp.port==65536,mqtt", "tcp.port==x,mqtt", "tcp.port==80", "tcp.port==80,",
		"tcp.port==80,smtp", "sctp.port==80,mqtt", "tcp.port=80,mqtt", "tcp.port==80 ,mqtt"};
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		if (classify_decode_as(bad[i], &as))
			fail_msg("\"%s\" is accepted", bad[i]);
	assert_non_null(strstr(classify_parser_names(), "mqtt"));
}

/* nDPI names what none of our parsers reads. */
static void test_ndpi(void **state)
{
	(void)state;
	struct classifier *classifier = classifier_open(&(struct classify_options){.ndpi_flows = 16, .ndpi = true});
	struct counters counters = {0};
	struct flows *flows = flows_open(16, 1, &counters);
	assert_true(classifier && flows);
	static const uint8_t query[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0, 0,
					1, 0, 1};
	struct datagram d = {.time_ns = TW_SECOND, .transport = TRANSPORT_UDP, .source_port = 50000, .target_port = 53,
			     .payload = slice_of(query, sizeof query), .payload_bytes = sizeof query};
	d.source = wire_address("192.0.2.1");
	d.target = wire_address("192.0.2.53");
	bool is_new;
	enum direction direction;
	struct flow *flow = flow_get(flows, &d, flow_hash(flows, &d), &is_new, &direction, NULL, NULL);
	for (unsigned i = 0; i < 10 && !flow->app_proto; i++)
		classify_packet(classifier, flow, direction, &d);
	assert_non_null(flow->app_proto);
	assert_string_equal(flow->app_proto, "dns");
	classify_forget(classifier, flow);
	classify_forget(classifier, flow);
	assert_int_equal(flow->ndpi, FLOW_NONE);
	flows_close(flows);
	classifier_close(classifier);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_refused), TEST(test_no_answer), TEST(test_fin), TEST(test_reset), TEST(test_forged_reset), TEST(test_half_closed),
		TEST(test_timeout), TEST(test_unreachable), TEST(test_held_bounds), TEST(test_acknowledged_hole), TEST(test_snapped),
		TEST(test_any_port), TEST(test_not_mqtt), TEST(test_decode_as), TEST(test_ndpi),
	};
	dump_open(&dump, 1 << 20, without);
	talk = talk_new();
	mqtt = fixture_load(TW_SOURCE "/tests/laws/streams/mqtt/v311_session.txt");
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fixture_free(mqtt);
	talk_free(talk);
	dump_close(&dump);
	return failed;
}
