/* The table of conversations: who is whom, ages, the wheel, eviction, growth. */
#include "tests/support/cm.h"
#include "sensor/flow.h"
#include <stdio.h>

static struct counters counters;
static struct flows *flows;

struct end {
	uint64_t flow_id, now_ns;
	char how[24];
};
static struct end ends[4096];
static unsigned end_count, deadline_count;
static uint64_t next_deadline_ns, last_deadline_ns;

static void on_ended(void *context, struct flow *flow, uint64_t now_ns, const char *how)
{
	(void)context;
	struct end *end = &ends[end_count++ % 4096];
	end->flow_id = flow->flow_id;
	end->now_ns = now_ns;
	snprintf(end->how, sizeof end->how, "%s", how);
}

static void on_deadline(void *context, struct flow *flow, uint64_t now_ns, const char *how)
{
	(void)context, (void)how;
	deadline_count++;
	last_deadline_ns = now_ns;
	flow->session.deadline_ns = next_deadline_ns;
}

static void open_table(uint32_t capacity)
{
	memset(&counters, 0, sizeof counters);
	end_count = deadline_count = 0;
	next_deadline_ns = 0;
	flows = flows_open(capacity, 42, &counters);
	assert_non_null(flows);
}

static struct datagram datagram(unsigned client, uint16_t port, double second, uint8_t flags)
{
	struct datagram d = {.time_ns = (uint64_t)(second * 1e9), .transport = TRANSPORT_TCP, .tcp_flags = flags,
			     .source_port = (uint16_t)(20000 + client % 30000), .target_port = port};
	address_parse("192.0.2.1", &d.source);
	d.source.bytes[13] = (uint8_t)(client >> 16);
	d.source.bytes[14] = (uint8_t)(client >> 8);
	address_parse("198.51.100.1", &d.target);
	return d;
}

static struct datagram answer(struct datagram d)
{
	struct datagram back = d;
	back.source = d.target;
	back.target = d.source;
	back.source_port = d.target_port;
	back.target_port = d.source_port;
	back.tcp_flags = d.tcp_flags & TCP_SYN ? TCP_SYN | TCP_ACK : d.tcp_flags;
	return back;
}

static struct flow *get(const struct datagram *d, bool *is_new, enum direction *direction)
{
	flows_time(flows, d->time_ns, on_ended, on_deadline, NULL);
	return flow_get(flows, d, flow_hash(flows, d), is_new, direction, on_ended, NULL);
}

static void test_both_directions(void **state)
{
	bool is_new;
	enum direction direction;
	(void)state;
	open_table(64);
	struct datagram d = datagram(1, 1883, 1, TCP_SYN), back = answer(d);
	assert_true(flow_hash(flows, &d) == flow_hash(flows, &back));
	struct flow *flow = get(&d, &is_new, &direction);
	assert_true(is_new && direction == TO_SERVER);
	assert_true(get(&back, &is_new, &direction) == flow);
	assert_true(!is_new && direction == TO_CLIENT);
	assert_int_equal(flow->ends.server_port, 1883);
	struct datagram other = d;
	other.transport = TRANSPORT_UDP; /* the same ends, another conversation */
	assert_true(get(&other, &is_new, &direction) != flow && is_new);
	assert_int_equal(counters.flows, 2);
	flows_close(flows);
}

static void test_orientation(void **state)
{
	static const struct { uint16_t source, target; uint8_t flags; enum direction direction; } rows[] = {
		{40000, 1883, TCP_SYN, TO_SERVER}, {1883, 40000, TCP_SYN, TO_SERVER}, {1883, 40000, TCP_SYN | TCP_ACK, TO_CLIENT},
		{40000, 1883, TCP_SYN | TCP_ACK, TO_CLIENT}, {1883, 40000, TCP_ACK, TO_CLIENT}, {40000, 1883, TCP_ACK, TO_SERVER},
		{40000, 50000, TCP_ACK, TO_SERVER}, {8883, 40000, TCP_ACK, TO_CLIENT}, {80, 443, TCP_ACK, TO_SERVER}};
	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool is_new;
		enum direction direction;
		open_table(64);
		struct datagram d = datagram(1, 1883, 1, rows[i].flags);
		d.source_port = rows[i].source;
		d.target_port = rows[i].target;
		struct flow *flow = get(&d, &is_new, &direction);
		if (direction != rows[i].direction)
			fail_msg("row %u: %s", i, direction_name(direction));
		assert_int_equal(flow->ends.client_port, direction == TO_SERVER ? d.source_port : d.target_port);
		flows_close(flows);
	}
}

static void test_flip(void **state)
{
	bool is_new;
	enum direction direction;
	(void)state;
	open_table(64);
	struct datagram d = datagram(1, 31999, 1, TCP_ACK);
	struct flow *flow = get(&d, &is_new, &direction);
	flow->half[TO_SERVER].packets = 7;
	flow_flip(flow);
	assert_int_equal(flow->ends.client_port, 31999);
	assert_int_equal(flow->half[TO_CLIENT].packets, 7);
	assert_true(get(&d, &is_new, &direction) == flow && direction == TO_CLIENT);
	flow_flip(flow);
	assert_false(flow->flipped);
	flows_close(flows);
}

/* A SYN without an answer, an open connection, datagrams, a closed one: each has its age. */
static void test_ages(void **state)
{
	static const struct { uint8_t transport; enum flow_state tcp_state; double seconds; const char *how; } rows[] = {
		{TRANSPORT_TCP, FLOW_SYN_SEEN, TIMEOUT_TCP_OPENING_S, "no_answer"}, {TRANSPORT_TCP, FLOW_OPEN, TIMEOUT_TCP_S, "timeout"},
		{TRANSPORT_TCP, FLOW_CLOSED, TIMEOUT_TCP_CLOSED_S, "timeout"}, {TRANSPORT_UDP, FLOW_IDLE, TIMEOUT_UDP_S, "timeout"}};
	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool is_new;
		enum direction direction;
		open_table(64);
		struct datagram d = datagram(1, 1883, 1000, TCP_SYN);
		d.transport = rows[i].transport;
		struct flow *flow = get(&d, &is_new, &direction);
		flow->tcp_state = rows[i].tcp_state & 15;
		flow_reschedule(flows, flow);
		d.time_ns += 2 * TW_SECOND; /* a later packet puts it off */
		d.tcp_flags = TCP_ACK;
		assert_true(get(&d, &is_new, &direction) == flow);
		uint64_t due = (uint64_t)((1002 + rows[i].seconds) * 1e9);
		for (uint64_t now = 1003 * TW_SECOND; now < due - TW_SECOND / 2; now += TW_SECOND)
			flows_time(flows, now, on_ended, on_deadline, NULL);
		assert_int_equal(end_count, 0);
		flows_time(flows, due + 2 * TW_SECOND, on_ended, on_deadline, NULL);
		assert_int_equal(end_count, 1);
		assert_string_equal(ends[0].how, rows[i].how);
		assert_true(ends[0].now_ns == due); /* the moment that it was due, not when somebody looked */
		get(&d, &is_new, &direction);
		assert_true(is_new);
		flows_close(flows);
	}
}

/* Time may jump over several turns of the wheel. */
static void test_jump(void **state)
{
	bool is_new;
	enum direction direction;
	(void)state;
	open_table(4096);
	for (unsigned i = 0; i < 500; i++) {
		struct datagram d = datagram(i, 1883, 10 + i, TCP_SYN);
		get(&d, &is_new, &direction)->tcp_state = FLOW_OPEN;
	}
	flows_time(flows, 1000000 * TW_SECOND, on_ended, on_deadline, NULL);
	assert_int_equal(end_count, 500);
	flows_close(flows);
}

static void test_deadline(void **state)
{
	bool is_new;
	enum direction direction;
	(void)state;
	open_table(64);
	struct datagram d = datagram(1, 1883, 100, TCP_SYN);
	struct flow *flow = get(&d, &is_new, &direction);
	flow->tcp_state = FLOW_OPEN;
	flow->session.deadline_ns = 150 * TW_SECOND;
	flow_reschedule(flows, flow);
	flows_time(flows, 149 * TW_SECOND, on_ended, on_deadline, NULL);
	assert_int_equal(deadline_count, 0);
	next_deadline_ns = 200 * TW_SECOND;
	flows_time(flows, 151 * TW_SECOND, on_ended, on_deadline, NULL);
	assert_int_equal(deadline_count, 1);
	assert_true(last_deadline_ns == 150 * TW_SECOND);
	next_deadline_ns = 0;
	flows_time(flows, 201 * TW_SECOND, on_ended, on_deadline, NULL);
	assert_int_equal(deadline_count, 2);
	assert_int_equal(end_count, 0);
	flows_time(flows, 5000 * TW_SECOND, on_ended, on_deadline, NULL); /* without one the flow ages as others do */
	assert_int_equal(end_count, 1);
	flows_close(flows);
}

/* The full table gives up the flow that would time out first. */
static void test_eviction(void **state)
{
	bool is_new;
	enum direction direction;
	(void)state;
	open_table(32);
	uint64_t syn_only = 0;
	for (unsigned i = 0; i < 32; i++) {
		struct datagram d = datagram(i, 1883, 100 + i * 0.1, TCP_SYN);
		struct flow *flow = get(&d, &is_new, &direction);
		if (i == 20)
			syn_only = flow->flow_id;
		flow->tcp_state = i == 20 ? FLOW_SYN_SEEN : FLOW_OPEN;
		flow_reschedule(flows, flow);
	}
	struct datagram d = datagram(1000, 1883, 104, TCP_SYN);
	assert_non_null(get(&d, &is_new, &direction));
	assert_int_equal(counters.flows_evicted, 1);
	assert_true(ends[0].flow_id == syn_only);
	for (unsigned i = 0; i < 10000; i++) { /* a flood: bounded, counted, never refused */
		d = datagram(2000 + i, 1883, 105 + i * 0.001, TCP_SYN);
		assert_non_null(get(&d, &is_new, &direction));
		assert_true(is_new);
	}
	assert_int_equal(counters.flows_evicted, 10001);
	unsigned before = end_count;
	flows_finish(flows, 200 * TW_SECOND, on_ended, NULL);
	assert_int_equal(end_count - before, 32);
	assert_int_equal(counters.flows_active, 32);
	flows_close(flows);
}

/* A new SYN on the ends of a flow that is over begins another one. */
static void test_replaced(void **state)
{
	bool is_new;
	enum direction direction;
	(void)state;
	open_table(64);
	struct datagram d = datagram(1, 1883, 1, TCP_SYN);
	struct flow *flow = get(&d, &is_new, &direction);
	uint64_t id = flow->flow_id;
	flow->tcp_state = FLOW_OPEN;
	get(&d, &is_new, &direction);
	assert_false(is_new); /* a SYN in an open one is a retransmission */
	flow->tcp_state = FLOW_CLOSED;
	d.time_ns += TW_SECOND;
	flow = get(&d, &is_new, &direction);
	assert_true(is_new && flow->flow_id != id);
	assert_int_equal(end_count, 1);
	assert_string_equal(ends[0].how, "replaced");
	flows_close(flows);
}

/* The buckets double as the table fills: nobody is lost. */
static void test_growth(void **state)
{
	enum { MANY = 20000 };
	static uint64_t ids[MANY];
	bool is_new;
	enum direction direction;
	(void)state;
	open_table(MANY);
	for (unsigned i = 0; i < MANY; i++) {
		struct datagram d = datagram(i, 1883, 100, TCP_SYN);
		ids[i] = get(&d, &is_new, &direction)->flow_id;
		assert_true(is_new);
	}
	for (unsigned i = 0; i < MANY; i++) {
		struct datagram d = answer(datagram(i, 1883, 101, TCP_ACK));
		struct flow *flow = get(&d, &is_new, &direction);
		assert_true(!is_new && flow->flow_id == ids[i] && direction == TO_CLIENT);
	}
	assert_int_equal(counters.flows_evicted, 0);
	flows_close(flows);
}

static void test_size(void **state)
{
	(void)state;
	assert_true(sizeof(struct flow) <= 512);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_directions), cmocka_unit_test(test_orientation), cmocka_unit_test(test_flip),
		cmocka_unit_test(test_ages), cmocka_unit_test(test_jump), cmocka_unit_test(test_deadline), cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_replaced), cmocka_unit_test(test_growth), cmocka_unit_test(test_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
