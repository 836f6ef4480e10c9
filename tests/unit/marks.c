/* Remembered events: lists in time, lists as sets, a pool that runs out; and who came after whom under one client identifier. */
#include "tests/support/cm.h"
#include "detectors/marks.h"
#include "sensor/identity.h"
#include <stdio.h>

static const struct ends ends;
static const struct session session;

static struct event event_at(uint64_t second)
{
	return (struct event){.time_ns = second * TW_SECOND, .ends = &ends, .session = &session, .frame = (uint32_t)second};
}

static void add(struct marks *marks, struct mark_list *list, uint64_t second, uint32_t value)
{
	struct event event = event_at(second);
	assert_non_null(marks_add(marks, list, &event, slice_text("note"), value));
}

static void test_set(void **state)
{
	enum { MANY = 4000 };
	static struct mark_list lists[2];
	struct marks *marks = marks_open(2 * MANY);
	(void)state;
	for (uint32_t v = 0; v < MANY; v++) {
		add(marks, &lists[0], v, v);
		if (v % 2)
			add(marks, &lists[1], v, v);
	}
	for (uint32_t v = 0; v < MANY; v++) {
		assert_true(marks_find(marks, &lists[0], v) != MARK_NONE);
		assert_true((marks_find(marks, &lists[1], v) != MARK_NONE) == (v % 2 != 0));
	}
	assert_true(marks_find(marks, &lists[0], MANY) == MARK_NONE);
	marks_renew(marks, &lists[0], marks_find(marks, &lists[0], 0), (uint64_t)MANY * TW_SECOND);
	marks_before(marks, &lists[0], (uint64_t)(MANY - 10) * TW_SECOND);
	assert_int_equal(lists[0].count, 11); /* the newest ten and the one that was renewed */
	assert_true(marks_find(marks, &lists[0], 0) != MARK_NONE);
	assert_true(marks_find(marks, &lists[0], 1) == MARK_NONE);
	assert_true(marks_find(marks, &lists[1], 1) != MARK_NONE);
	assert_int_equal(mark_at(marks, lists[0].tail)->value, 0);
	marks_clear(marks, &lists[0]);
	assert_true(marks_find(marks, &lists[0], 0) == MARK_NONE);
	assert_true(marks_find(marks, &lists[1], 3999) != MARK_NONE);
	marks_close(marks);
}

static void test_order(void **state)
{
	struct mark_list list = {0};
	struct marks *marks = marks_open(16);
	(void)state;
	for (uint32_t i = 1; i <= 5; i++) {
		struct event event = event_at(i);
		marks_append(marks, &list, &event, slice_text(""))->value = i;
	}
	marks_remove(marks, &list, mark_at(marks, mark_at(marks, list.head)->next)->next); /* the third */
	marks_remove(marks, &list, list.tail);
	marks_remove(marks, &list, list.head);
	assert_int_equal(list.count, 2);
	assert_int_equal(mark_at(marks, list.head)->value, 2);
	assert_int_equal(mark_at(marks, list.tail)->value, 4);
	assert_int_equal(mark_at(marks, list.tail)->previous, list.head);
	marks_clear(marks, &list);
	assert_int_equal(list.count, 0);
	marks_close(marks);
}

static void test_exhausted(void **state)
{
	struct mark_list full = {0}, late = {0};
	struct marks *marks = marks_open(8);
	struct event event = event_at(9);
	(void)state;
	for (uint32_t v = 0; v < 20; v++)
		add(marks, &full, v, v);
	assert_int_equal(full.count, 8);
	assert_true(marks_find(marks, &full, 11) == MARK_NONE && marks_find(marks, &full, 12) != MARK_NONE);
	assert_null(marks_add(marks, &late, &event, slice_text(""), 1));
	assert_true(marks_find(marks, &late, 1) == MARK_NONE);
	marks_clear(marks, &full);
	assert_non_null(marks_add(marks, &late, &event, slice_text(""), 1));
	marks_close(marks);
}

/* --- identities --------------------------------------------------------------------------------------------- */

static void ended(void *context, struct flow *flow, uint64_t now_ns, const char *how)
{
	(void)context, (void)flow, (void)now_ns, (void)how;
}

static struct flow *flow_of(struct flows *flows, const char *client, uint16_t port, const char *server, const char *name)
{
	struct datagram d = {.transport = TRANSPORT_TCP, .tcp_flags = TCP_SYN, .source_port = port, .target_port = 1883};
	enum direction direction;
	bool is_new;
	assert_true(address_parse(client, &d.source) && address_parse(server, &d.target));
	struct flow *flow = flow_get(flows, &d, flow_hash(flows, &d), &is_new, &direction, ended, NULL);
	flow->tcp_state = FLOW_OPEN;
	flow->session.state = SESSION_UP;
	name_set(&flow->session.client_id, slice_text(name));
	return flow;
}

static void test_identity(void **state)
{
	struct counters counters = {0};
	struct flows *flows = flows_open(64, 1, &counters);
	struct identities *identities = identities_open(64, 1);
	(void)state;
	struct flow *first = flow_of(flows, "10.0.0.1", 1000, "10.0.0.9", "pump");
	struct flow *elsewhere = flow_of(flows, "10.0.0.2", 1000, "10.0.0.8", "pump");
	struct flow *again = flow_of(flows, "10.0.0.1", 1001, "10.0.0.9", "pump");
	struct flow *other = flow_of(flows, "10.0.0.2", 1001, "10.0.0.9", "pump");
	struct flow *nameless = flow_of(flows, "10.0.0.3", 1002, "10.0.0.9", "");
	struct flow *nameless_too = flow_of(flows, "10.0.0.4", 1002, "10.0.0.9", "");
	identity_begins(identities, flows, first);
	identity_begins(identities, flows, elsewhere);
	assert_int_equal(first->session.successor, SUCCESSOR_NONE);
	identity_begins(identities, flows, again);
	assert_int_equal(first->session.successor, SUCCESSOR_SAME_ADDRESS);
	identity_begins(identities, flows, other);
	assert_int_equal(again->session.successor, SUCCESSOR_OTHER_ADDRESS);
	assert_int_equal(first->session.successor, SUCCESSOR_SAME_ADDRESS);
	assert_int_equal(elsewhere->session.successor, SUCCESSOR_NONE);
	identity_begins(identities, flows, nameless);
	identity_begins(identities, flows, nameless_too);
	assert_int_equal(nameless->session.successor, SUCCESSOR_NONE);
	other->session.state = SESSION_ENDED; /* said good-bye: nobody replaces it */
	identity_begins(identities, flows, flow_of(flows, "10.0.0.5", 1003, "10.0.0.9", "pump"));
	assert_int_equal(other->session.successor, SUCCESSOR_NONE);
	identities_close(identities);
	flows_close(flows);
}

/* The server throws the old session out before it lets the new one in: what counts is who was live when the CONNECT came. */
static void test_identity_asked(void **state)
{
	struct counters counters = {0};
	struct flows *flows = flows_open(64, 1, &counters);
	struct identities *identities = identities_open(64, 1);
	(void)state;
	struct flow *first = flow_of(flows, "10.0.0.1", 1000, "10.0.0.9", "pump");
	struct flow *refused = flow_of(flows, "10.0.0.2", 1001, "10.0.0.9", "pump");
	struct flow *second = flow_of(flows, "10.0.0.3", 1002, "10.0.0.9", "pump");
	struct flow *late = flow_of(flows, "10.0.0.4", 1003, "10.0.0.9", "pump");
	identity_asked(identities, flows, first);
	assert_null(identity_begins(identities, flows, first));
	identity_asked(identities, flows, refused);
	assert_int_equal(first->session.successor, SUCCESSOR_OTHER_ADDRESS);
	identity_refused(identities, flows, refused);
	assert_int_equal(first->session.successor, SUCCESSOR_NONE);
	identity_asked(identities, flows, second);
	first->tcp_state = FLOW_CLOSED;
	assert_ptr_equal(identity_begins(identities, flows, second), &first->ends.client);
	second->tcp_state = FLOW_CLOSING; /* it had ended before anybody asked */
	identity_asked(identities, flows, late);
	second->tcp_state = FLOW_CLOSED;
	assert_null(identity_begins(identities, flows, late));
	assert_int_equal(second->session.successor, SUCCESSOR_NONE);
	identities_close(identities);
	flows_close(flows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_exhausted),
		cmocka_unit_test(test_identity), cmocka_unit_test(test_identity_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
