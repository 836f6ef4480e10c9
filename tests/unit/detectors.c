/* Every kind of behaviour: windows that slide exactly, one alert per group and window, updates while it lasts. */
#include "tests/support/cm.h"
#include "tests/support/rig.h"
#include "detectors/detector.h"
#include <stdio.h>

#define BASE(name, id, selection) \
	"title: " name "\nname: " name "\nid: " id "\nlevel: low\nlogsource: {category: iot_session}\n" \
	"detection:\n  s: {" selection "}\n  condition: s\n---\n"
#define FAIL_BASE BASE("failed", "10000000-0000-0000-0000-000000000001", "action: authenticate, outcome: failure")
#define CONNECT_BASE BASE("connected", "20000000-0000-0000-0000-000000000002", "action: connect")
#define PUBLISH_BASE BASE("published", "30000000-0000-0000-0000-000000000003", "action: publish")
#define SUBSCRIBE_BASE BASE("subscribed", "40000000-0000-0000-0000-000000000004", "action: subscribe")
#define CLOSE_BASE BASE("closed", "50000000-0000-0000-0000-000000000005", "action: close")
#define CORRELATION(body) \
	"title: c\nname: c\nid: c0000000-0000-0000-0000-00000000000c\nlevel: high\ncorrelation:\n" body "\n"

static struct rig rig;

static void open_rig(const char *rules)
{
	rig_open(&rig, rules, 4096);
}

static void fail_at(double second, unsigned host)
{
	rig_event(&rig, second, ACTION_AUTHENTICATE, OUTCOME_FAILURE, host);
}

static const struct told *last(void)
{
	assert_true(rig.told_count > 0);
	return &rig.told[rig.told_count - 1];
}

static double seconds_of(uint64_t ns)
{
	return (double)(ns - 1700000000ull * TW_SECOND) / 1e9;
}

/* --- match -------------------------------------------------------------------------------------------------- */

static void test_match(void **state)
{
	(void)state;
	open_rig("title: m\nname: m\nid: 10000000-0000-0000-0000-000000000001\nlevel: high\nlogsource: {category: iot_session}\n"
		 "detection:\n  s: {action: publish}\n  condition: s\nthingwarden: {group-by: [src_ip], timespan: 60s}\n");
	rig_event(&rig, 1, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
	rig_event(&rig, 1.5, ACTION_CONNECT, OUTCOME_UNKNOWN, 1);
	assert_int_equal(rig_alerts(&rig, "m"), 1);
	assert_string_equal(last()->group, "192.0.2.1");
	assert_int_equal(last()->count, 1);
	assert_int_equal(last()->frame, 1);
	rig_event(&rig, 2, ACTION_PUBLISH, OUTCOME_UNKNOWN, 2); /* another group */
	assert_int_equal(rig_alerts(&rig, "m"), 2);
	rig_event(&rig, 3, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
	rig_event(&rig, 50, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
	assert_int_equal(rig.told_count, 2); /* it goes on: no repetition */
	rig_event(&rig, 62, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
	assert_int_equal(rig_updates(&rig, "m"), 1); /* a window later: an update with all of the episode */
	assert_int_equal(last()->count, 4);
	assert_int_equal(last()->update, 1);
	assert_true(last()->id != rig.told[0].id);
	rig_event(&rig, 63, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
	rig_finish(&rig); /* what grew since it was told is told at the end */
	assert_int_equal(rig_updates(&rig, "m"), 2);
	assert_int_equal(last()->count, 5);
	rig_close(&rig);
}

static void test_match_again_later(void **state)
{
	(void)state;
	open_rig("title: m\nname: m\nid: 10000000-0000-0000-0000-000000000001\nlevel: high\nlogsource: {category: iot_session}\n"
		 "detection:\n  s: {action: publish}\n  condition: s\nthingwarden: {group-by: [src_ip], timespan: 60s}\n");
	rig_event(&rig, 1, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
	rig_time(&rig, 200);
	rig_event(&rig, 200, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
	assert_int_equal(rig_alerts(&rig, "m"), 2); /* a window of rest ends the episode */
	assert_int_equal(rig_updates(&rig, "m"), 0);
	rig_close(&rig);
}

/* --- event_count -------------------------------------------------------------------------------------------- */

static void test_event_count(void **state)
{
	(void)state;
	open_rig(FAIL_BASE CORRELATION("  type: event_count\n  rules: [failed]\n  group-by: [src_ip]\n  timespan: 10s\n"
				       "  condition: {gte: 5}"));
	for (unsigned i = 0; i < 4; i++)
		fail_at(i, 1);
	rig_event(&rig, 3.5, ACTION_AUTHENTICATE, OUTCOME_SUCCESS, 1);
	fail_at(3.6, 2);
	assert_int_equal(rig.told_count, 0);
	fail_at(10, 1); /* the first is exactly a window old: still in it */
	assert_int_equal(rig_alerts(&rig, "c"), 1);
	assert_int_equal(last()->count, 5);
	assert_true(seconds_of(last()->first_ns) == 0);
	assert_int_equal(last()->evidence, 5);
	fail_at(10.2, 1);
	assert_int_equal(rig.told_count, 1);
	rig_close(&rig);
}

static void test_event_count_slides(void **state)
{
	(void)state;
	open_rig(FAIL_BASE CORRELATION("  type: event_count\n  rules: [failed]\n  group-by: [src_ip]\n  timespan: 10s\n"
				       "  condition: {gte: 5}"));
	/* Never five within ten seconds, though five in any tumbling window of twelve: nothing may be told. */
	for (unsigned i = 0; i < 100; i++)
		fail_at(i * 2.51, 1);
	assert_int_equal(rig.told_count, 0);
	/* Five astride any boundary of ten seconds. */
	for (unsigned i = 0; i < 5; i++)
		fail_at(1008 + i, 2);
	assert_int_equal(rig_alerts(&rig, "c"), 1);
	rig_close(&rig);
}

/* Against a window counted by hand, at thresholds on both sides of where exact counting ends. */
static void test_event_count_exact(void **state)
{
	static double times[4000];
	(void)state;
	for (unsigned threshold = 3; threshold <= 64; threshold += 61) {
		char text[1024];
		snprintf(text, sizeof text, FAIL_BASE CORRELATION("  type: event_count\n  rules: [failed]\n  group-by: [src_ip]\n  timespan: "
								 "60s\n  condition: {gte: %u}"), threshold);
		struct { uint64_t state; } dice = {7};
		double now = 0;
		unsigned n = 0, expected = 0;
		bool raised = false;
		open_rig(text);
		for (unsigned i = 0; i < 3000; i++) {
			dice.state = dice.state * 6364136223846793005u + 1442695040888963407u;
			now += (double)(dice.state >> 40) / (1 << 24) * 120 / threshold;
			times[n++] = now;
			fail_at(now, 1);
			unsigned in_window = 0;
			for (unsigned j = n; j-- > 0 && now - times[j] <= 60;)
				in_window++;
			if (!raised && in_window >= threshold) {
				expected++;
				raised = true;
				if (rig_alerts(&rig, "c") != expected)
					fail_msg("threshold %u: not raised at event %u", threshold, i);
			}
			if (!raised && rig_alerts(&rig, "c") != expected)
				fail_msg("threshold %u: raised at event %u with %u in the window", threshold, i, in_window);
			if (raised && i % 500 == 499) { /* a rest, then again */
				now += 1000;
				rig_time(&rig, now - 1);
				raised = false;
			}
		}
		assert_true(expected >= 2);
		rig_close(&rig);
	}
}

/* Large thresholds are counted in sixteenths of the window: never too many, never more than a sixteenth too few. */
static void test_event_count_large(void **state)
{
	(void)state;
	open_rig(FAIL_BASE CORRELATION("  type: event_count\n  rules: [failed]\n  group-by: [src_ip]\n  timespan: 16s\n"
				       "  condition: {gte: 1000}"));
	for (unsigned i = 0; i < 5000; i++)
		fail_at(i * 0.0161, 1); /* 994 in any window */
	assert_int_equal(rig.told_count, 0);
	for (unsigned i = 0; i < 1200; i++)
		fail_at(200 + i * 0.0149, 2); /* 1074 in a window, 1006 in fifteen sixteenths */
	assert_int_equal(rig_alerts(&rig, "c"), 1);
	rig_close(&rig);
}

static void test_event_count_compares(void **state)
{
	static const struct { const char *condition; unsigned at; } rows[] = {{"{gt: 2}", 3}, {"{gte: 2}", 2}, {"{eq: 4}", 4}};
	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[1024];
		snprintf(text, sizeof text, FAIL_BASE CORRELATION("  type: event_count\n  rules: [failed]\n  group-by: [src_ip]\n  timespan: "
								 "60s\n  condition: %s"), rows[i].condition);
		open_rig(text);
		for (unsigned n = 1; n < rows[i].at; n++)
			fail_at(n, 1);
		assert_int_equal(rig.told_count, 0);
		fail_at(9, 1);
		assert_int_equal(rig.told_count, 1);
		rig_close(&rig);
	}
}

/* By two fields. Who has no user, or one that was not seen, is nobody else: the conversation stands for it. */
static void test_groups(void **state)
{
	(void)state;
	open_rig(FAIL_BASE CORRELATION("  type: event_count\n  rules: [failed]\n  group-by: [src_ip, user]\n  timespan: 10s\n"
				       "  condition: {gte: 2}"));
	rig.event.flow_id = 1;
	fail_at(0, 1);
	rig.event.flow_id = 2;
	fail_at(1, 1);
	assert_int_equal(rig.told_count, 0);
	rig_user(&rig, "anna");
	fail_at(2, 1);
	rig_user(&rig, "bert");
	fail_at(3, 1);
	assert_int_equal(rig.told_count, 0);
	fail_at(4, 1);
	assert_int_equal(rig.told_count, 1);
	assert_string_equal(last()->group, "192.0.2.1,bert");
	rig.session.user = (struct name){0};
	fail_at(5, 1);
	assert_int_equal(rig.told_count, 2); /* the second of conversation 2 */
	assert_string_equal(last()->group, "192.0.2.1,");
	rig_close(&rig);
}

/* An event without another field to group by is not counted. */
static void test_groups_without(void **state)
{
	(void)state;
	open_rig(FAIL_BASE CORRELATION("  type: event_count\n  rules: [failed]\n  group-by: [src_ip, resource]\n  timespan: 10s\n"
				       "  condition: {gte: 2}"));
	for (unsigned n = 0; n < 5; n++)
		fail_at(n, 1);
	assert_int_equal(rig.told_count, 0);
	rig_close(&rig);
}

/* A full table gives the group up that would end first, and says so. */
static void test_eviction(void **state)
{
	(void)state;
	rig_open(&rig, FAIL_BASE CORRELATION("  type: event_count\n  rules: [failed]\n  group-by: [src_ip]\n  timespan: 3600s\n"
					     "  condition: {gte: 3}"), 16);
	for (unsigned host = 1; host <= 40; host++)
		fail_at(host, host);
	assert_int_equal(rig.counters.groups_evicted, 24);
	fail_at(50, 40);
	fail_at(51, 40);
	assert_int_equal(rig_alerts(&rig, "c"), 1); /* the newest is still known */
	fail_at(52, 1);
	fail_at(53, 1);
	assert_int_equal(rig_alerts(&rig, "c"), 1); /* the first had to begin anew */
	fail_at(54, 1);
	assert_int_equal(rig_alerts(&rig, "c"), 2);
	rig_close(&rig);
}

/* --- value_count -------------------------------------------------------------------------------------------- */

static void publish(double second, const char *topic)
{
	rig_resource(&rig, topic);
	rig_event(&rig, second, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
}

static void test_value_count(void **state)
{
	(void)state;
	open_rig(PUBLISH_BASE CORRELATION("  type: value_count\n  rules: [published]\n  group-by: [src_ip]\n  timespan: 10s\n"
					  "  condition: {field: resource, gte: 3}"));
	publish(0, "a");
	publish(1, "b");
	publish(2, "a");
	publish(3, "b");
	assert_int_equal(rig.told_count, 0);
	publish(10.5, "c"); /* a was last seen at 2, b at 3: both within ten seconds */
	assert_int_equal(rig_alerts(&rig, "c"), 1);
	assert_int_equal(last()->distinct, 3);
	assert_string_equal(last()->samples, "a,b,c");
	rig_close(&rig);
}

static void test_value_count_slides(void **state)
{
	(void)state;
	open_rig(PUBLISH_BASE CORRELATION("  type: value_count\n  rules: [published]\n  group-by: [src_ip]\n  timespan: 10s\n"
					  "  condition: {field: resource, gte: 3}"));
	char name[16];
	for (unsigned i = 0; i < 50; i++) {
		snprintf(name, sizeof name, "t%u", i);
		publish(i * 5.1, name); /* two in any ten seconds */
	}
	assert_int_equal(rig.told_count, 0);
	publish(300, "x");
	publish(305, "y");
	publish(310, "z"); /* x is exactly a window old */
	assert_int_equal(rig.told_count, 1);
	rig_close(&rig);
}

/* --- sums --------------------------------------------------------------------------------------------------- */

static void number(double second, uint16_t value)
{
	rig.ends.client_port = value; /* any number of an event will do */
	rig_event(&rig, second, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
}

#define SUMS(type, condition) \
	PUBLISH_BASE CORRELATION("  type: " type "\n  rules: [published]\n  group-by: [src_ip]\n  timespan: 10s\n  condition: " condition)

static void test_value_sum(void **state)
{
	(void)state;
	open_rig(SUMS("value_sum", "{field: src_port, gte: 100}"));
	number(0, 60);
	number(1, 39);
	number(10.5, 60); /* 60 has left the window: 99 */
	assert_int_equal(rig.told_count, 0);
	number(10.9, 1);
	assert_int_equal(rig.told_count, 1);
	assert_int_equal(last()->count, 100);
	rig_close(&rig);
}

static void test_value_avg(void **state)
{
	(void)state;
	open_rig(SUMS("value_avg", "{field: src_port, gt: 50}"));
	number(0, 10);
	number(1, 90);
	assert_int_equal(rig.told_count, 0); /* 50 */
	number(2, 51);
	assert_int_equal(rig.told_count, 1); /* 50.3 */
	rig_close(&rig);
}

static void test_value_percentile(void **state)
{
	(void)state;
	open_rig(SUMS("value_percentile", "{field: src_port, gte: 1000}"));
	for (unsigned i = 0; i < 99; i++)
		number(i * 0.05, (uint16_t)(i % 7));
	number(5, 5000);
	number(5.1, 5000);
	assert_int_equal(rig.told_count, 0); /* two of a hundred and one are above the 95th */
	for (unsigned i = 0; i < 3; i++)
		number(5.2, 5000);
	assert_int_equal(rig.told_count, 0); /* five of a hundred and four: 99 of 104 are no higher than 6 */
	number(5.3, 5000);
	assert_int_equal(rig.told_count, 1); /* six of a hundred and five */
	rig_close(&rig);
}

/* --- order in time ------------------------------------------------------------------------------------------ */

static void test_temporal(void **state)
{
	(void)state;
	open_rig(CONNECT_BASE PUBLISH_BASE CORRELATION("  type: temporal\n  rules: [connected, published]\n  group-by: [src_ip]\n"
						       "  timespan: 10s"));
	rig_event(&rig, 0, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
	rig_event(&rig, 1, ACTION_CONNECT, OUTCOME_UNKNOWN, 2);
	rig_event(&rig, 10.5, ACTION_CONNECT, OUTCOME_UNKNOWN, 1); /* too late for the first */
	assert_int_equal(rig.told_count, 0);
	rig_event(&rig, 20.5, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
	assert_int_equal(rig.told_count, 1);
	assert_true(seconds_of(last()->first_ns) >= 10.49 && seconds_of(last()->first_ns) <= 10.51);
	rig_event(&rig, 30, ACTION_PUBLISH, OUTCOME_UNKNOWN, 3);
	rig_event(&rig, 31, ACTION_CONNECT, OUTCOME_UNKNOWN, 3); /* any order */
	assert_int_equal(rig.told_count, 2);
	rig_close(&rig);
}

static void test_temporal_ordered(void **state)
{
	(void)state;
	open_rig(CONNECT_BASE PUBLISH_BASE CLOSE_BASE CORRELATION("  type: temporal_ordered\n  rules: [connected, published, closed]\n"
								  "  group-by: [src_ip]\n  timespan: 10s"));
	rig_event(&rig, 0, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
	rig_event(&rig, 1, ACTION_CONNECT, OUTCOME_UNKNOWN, 1);
	rig_event(&rig, 2, ACTION_CLOSE, OUTCOME_UNKNOWN, 1);
	assert_int_equal(rig.told_count, 0);
	rig_event(&rig, 3, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
	rig_event(&rig, 4, ACTION_CLOSE, OUTCOME_UNKNOWN, 1);
	assert_int_equal(rig.told_count, 1);
	assert_true(seconds_of(last()->first_ns) >= 0.99 && seconds_of(last()->first_ns) <= 1.01);
	rig_close(&rig);
}

/* connect 1, publish 2, connect 11, close 12: within ten seconds of the close there is no publish after a connect. */
static void test_temporal_chain(void **state)
{
	(void)state;
	open_rig(CONNECT_BASE PUBLISH_BASE CLOSE_BASE CORRELATION("  type: temporal_ordered\n  rules: [connected, published, closed]\n"
								  "  group-by: [src_ip]\n  timespan: 10s"));
	rig_event(&rig, 1, ACTION_CONNECT, OUTCOME_UNKNOWN, 1);
	rig_event(&rig, 2, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
	rig_event(&rig, 11, ACTION_CONNECT, OUTCOME_UNKNOWN, 1);
	rig_event(&rig, 12, ACTION_CLOSE, OUTCOME_UNKNOWN, 1);
	assert_int_equal(rig.told_count, 0);
	rig_event(&rig, 13, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
	rig_event(&rig, 14, ACTION_CLOSE, OUTCOME_UNKNOWN, 1);
	assert_int_equal(rig.told_count, 1);
	rig_close(&rig);
}

/* --- absence ------------------------------------------------------------------------------------------------ */

#define ABSENCE \
	CONNECT_BASE SUBSCRIBE_BASE PUBLISH_BASE CORRELATION("  type: absence\n  rules: [connected, subscribed, published]\n" \
							     "  group-by: [src_ip]\n  timespan: 10s")

static void test_absence(void **state)
{
	(void)state;
	open_rig(ABSENCE);
	rig_event(&rig, 0, ACTION_CONNECT, OUTCOME_UNKNOWN, 1);
	rig_event(&rig, 1, ACTION_CONNECT, OUTCOME_UNKNOWN, 2);
	rig_event(&rig, 2, ACTION_CONNECT, OUTCOME_UNKNOWN, 3);
	rig_event(&rig, 5, ACTION_SUBSCRIBE, OUTCOME_UNKNOWN, 1);
	rig_event(&rig, 6, ACTION_PUBLISH, OUTCOME_UNKNOWN, 3);
	rig_time(&rig, 10.9);
	assert_int_equal(rig.told_count, 0);
	rig_time(&rig, 12);
	assert_int_equal(rig.told_count, 1);
	assert_string_equal(last()->group, "192.0.2.2");
	assert_int_equal(last()->frame, 2); /* the event that it began with */
	rig_time(&rig, 100);
	assert_int_equal(rig.told_count, 1);
	rig_event(&rig, 101, ACTION_CONNECT, OUTCOME_UNKNOWN, 1); /* and once more, for one that had been heard */
	rig_time(&rig, 120);
	assert_int_equal(rig.told_count, 2);
	rig_close(&rig);
}

/* Beginning again does not put the end off: nothing came within ten seconds of the first time. */
static void test_absence_repeated(void **state)
{
	(void)state;
	open_rig(ABSENCE);
	for (unsigned i = 0; i < 5; i++)
		rig_event(&rig, i * 4, ACTION_CONNECT, OUTCOME_UNKNOWN, 1);
	assert_int_equal(rig_alerts(&rig, "c"), 1);
	assert_true(seconds_of(rig.told[0].time_ns) >= 10 && seconds_of(rig.told[0].time_ns) < 10.5);
	rig_close(&rig);
}

static void test_absence_at_end(void **state)
{
	(void)state;
	open_rig(ABSENCE);
	rig_event(&rig, 0, ACTION_CONNECT, OUTCOME_UNKNOWN, 1);
	rig_finish(&rig); /* the capture ended before the time had come */
	assert_int_equal(rig.told_count, 0);
	rig_close(&rig);
}

/* --- ratio -------------------------------------------------------------------------------------------------- */

static void test_ratio(void **state)
{
	(void)state;
	open_rig(CONNECT_BASE FAIL_BASE CORRELATION("  type: ratio\n  rules: [connected, failed]\n  group-by: [src_ip]\n  timespan: 60s\n"
						    "  condition: {gte: 4}\n  ratio: {gte: 0.5}"));
	for (unsigned i = 0; i < 3; i++)
		rig_event(&rig, i, ACTION_CONNECT, OUTCOME_UNKNOWN, 1);
	fail_at(3, 1);
	fail_at(3, 1);
	assert_int_equal(rig.told_count, 0); /* too few of the first */
	rig_event(&rig, 4, ACTION_CONNECT, OUTCOME_UNKNOWN, 1);
	assert_int_equal(rig.told_count, 1);
	assert_true(last()->ratio == 0.5);
	for (unsigned i = 0; i < 9; i++)
		rig_event(&rig, 5, ACTION_CONNECT, OUTCOME_UNKNOWN, 2);
	for (unsigned i = 0; i < 4; i++)
		fail_at(6, 2);
	assert_int_equal(rig.told_count, 1);
	fail_at(7, 2);
	assert_int_equal(rig.told_count, 2);
	rig_close(&rig);
}

/* With a field numbers are added up, and enough must have come of the second. */
static void test_ratio_of_sums(void **state)
{
	(void)state;
	open_rig(CONNECT_BASE PUBLISH_BASE CORRELATION("  type: ratio\n  rules: [connected, published]\n  group-by: [src_ip]\n"
						       "  timespan: 60s\n  condition: {field: src_port, gte: 1000}\n  ratio: {gte: 3}"));
	rig.ends.client_port = 300;
	rig_event(&rig, 0, ACTION_CONNECT, OUTCOME_UNKNOWN, 1);
	rig.ends.client_port = 900;
	rig_event(&rig, 1, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
	assert_int_equal(rig.told_count, 0); /* three times as much, but not enough */
	rig.ends.client_port = 100;
	rig_event(&rig, 2, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
	assert_int_equal(rig.told_count, 1);
	assert_int_equal(last()->count, 1000);
	assert_true(last()->ratio > 3.3 && last()->ratio < 3.4);
	rig.ends.client_port = 2000;
	rig_event(&rig, 3, ACTION_CONNECT, OUTCOME_UNKNOWN, 2);
	rig_event(&rig, 4, ACTION_PUBLISH, OUTCOME_UNKNOWN, 2);
	assert_int_equal(rig.told_count, 1); /* enough, but no more than was sent */
	rig_close(&rig);
}

/* A ceiling is judged when the window closes: only then is it known that no more came. */
static void test_ratio_below(void **state)
{
	(void)state;
	open_rig(CONNECT_BASE PUBLISH_BASE CORRELATION("  type: ratio\n  rules: [connected, published]\n  group-by: [src_ip]\n"
						       "  timespan: 10s\n  condition: {gte: 4}\n  ratio: {lt: 0.5}"));
	for (unsigned i = 0; i < 4; i++)
		rig_event(&rig, i, ACTION_CONNECT, OUTCOME_UNKNOWN, 1);
	assert_int_equal(rig.told_count, 0);
	rig_time(&rig, 11);
	assert_int_equal(rig.told_count, 1);
	assert_true(last()->ratio == 0);
	for (unsigned i = 0; i < 4; i++) {
		rig_event(&rig, 100 + i, ACTION_CONNECT, OUTCOME_UNKNOWN, 2);
		rig_event(&rig, 100 + i, ACTION_PUBLISH, OUTCOME_UNKNOWN, 2);
	}
	rig_time(&rig, 120);
	assert_int_equal(rig.told_count, 1);
	rig_close(&rig);
}

/* --- first_seen --------------------------------------------------------------------------------------------- */

static void test_first_seen(void **state)
{
	(void)state;
	open_rig(PUBLISH_BASE CORRELATION("  type: first_seen\n  rules: [published]\n  group-by: [src_ip]\n  timespan: 1h\n"
					  "  condition: {field: resource}\n  learning: {count: 4, timespan: 60s}"));
	publish(0, "a");
	publish(1, "b");
	publish(2, "c");
	publish(3, "a");
	publish(30, "d"); /* enough events, too short a time */
	assert_int_equal(rig.told_count, 0);
	publish(61, "a");
	publish(62, "d");
	assert_int_equal(rig.told_count, 0);
	publish(63, "e");
	assert_int_equal(rig.told_count, 1);
	publish(64, "e");
	assert_int_equal(rig.told_count, 1); /* now it is known */
	rig_close(&rig);
}

static void test_first_seen_count(void **state)
{
	(void)state;
	open_rig(PUBLISH_BASE CORRELATION("  type: first_seen\n  rules: [published]\n  group-by: [src_ip]\n  timespan: 1h\n"
					  "  condition: {field: resource}\n  learning: {count: 3}"));
	publish(0, "a");
	publish(100, "b");
	publish(200, "c");
	assert_int_equal(rig.told_count, 0); /* the third is learned from */
	publish(300, "d");
	assert_int_equal(rig.told_count, 1);
	rig_close(&rig);
}

/* --- periodic ----------------------------------------------------------------------------------------------- */

#define PERIODIC \
	CONNECT_BASE CORRELATION("  type: periodic\n  rules: [connected]\n  group-by: [src_ip]\n  timespan: 1h\n" \
				 "  condition: {gte: 6}\n  jitter: 0.1")

static void test_periodic(void **state)
{
	(void)state;
	open_rig(PERIODIC);
	static const double wobble[] = {0, 0.4, -0.5, 0.3, 0, -0.2, 0.1};
	for (unsigned i = 0; i < 5; i++)
		rig_event(&rig, i * 10 + wobble[i], ACTION_CONNECT, OUTCOME_UNKNOWN, 1);
	assert_int_equal(rig.told_count, 0);
	rig_event(&rig, 50 + wobble[5], ACTION_CONNECT, OUTCOME_UNKNOWN, 1);
	assert_int_equal(rig.told_count, 1);
	assert_int_equal(last()->count, 6);
	rig_close(&rig);
}

static void test_not_periodic(void **state)
{
	(void)state;
	open_rig(PERIODIC);
	static const double times[] = {0, 3, 17, 21, 40, 44, 60, 61, 80, 99, 101};
	for (unsigned i = 0; i < sizeof times / sizeof *times; i++)
		rig_event(&rig, times[i], ACTION_CONNECT, OUTCOME_UNKNOWN, 1);
	/* A pause begins another series: five here, five there. */
	for (unsigned i = 0; i < 10; i++)
		rig_event(&rig, 1000 + i * 10 + (i >= 5 ? 500 : 0), ACTION_CONNECT, OUTCOME_UNKNOWN, 2);
	assert_int_equal(rig.told_count, 0);
	rig_close(&rig);
}

/* --- overlap ------------------------------------------------------------------------------------------------ */

static void test_overlap(void **state)
{
	(void)state;
	open_rig(CONNECT_BASE CLOSE_BASE CORRELATION("  type: overlap\n  rules: [connected, closed]\n  group-by: [user]\n  timespan: 1h\n"
						     "  condition: {field: src_ip, gte: 2}"));
	rig_user(&rig, "anna");
	rig.event.flow_id = 1;
	rig_event(&rig, 0, ACTION_CONNECT, OUTCOME_UNKNOWN, 1);
	rig.event.flow_id = 2;
	rig_event(&rig, 1, ACTION_CONNECT, OUTCOME_UNKNOWN, 1); /* twice from one address */
	assert_int_equal(rig.told_count, 0);
	rig.event.flow_id = 1;
	rig_event(&rig, 2, ACTION_CLOSE, OUTCOME_UNKNOWN, 1);
	rig.event.flow_id = 2;
	rig_event(&rig, 3, ACTION_CLOSE, OUTCOME_UNKNOWN, 1);
	rig.event.flow_id = 3;
	rig_event(&rig, 4, ACTION_CONNECT, OUTCOME_UNKNOWN, 2); /* the others are gone */
	assert_int_equal(rig.told_count, 0);
	rig.event.flow_id = 4;
	rig_event(&rig, 5, ACTION_CONNECT, OUTCOME_UNKNOWN, 3);
	assert_int_equal(rig.told_count, 1);
	assert_int_equal(last()->distinct, 2);
	rig_close(&rig);
}

/* --- all of them -------------------------------------------------------------------------------------------- */

/* A correlation of a correlation; the inner one keeps its own alert only when it is told to. */
static void test_chained(void **state)
{
	(void)state;
	open_rig(FAIL_BASE PUBLISH_BASE
		 "title: many\nname: many\nid: a0000000-0000-0000-0000-00000000000a\nlevel: medium\ncorrelation:\n  type: event_count\n"
		 "  rules: [failed]\n  group-by: [src_ip]\n  timespan: 10s\n  condition: {gte: 3}\n---\n"
		 CORRELATION("  type: temporal_ordered\n  rules: [many, published]\n  group-by: [src_ip]\n  timespan: 60s"));
	rig_event(&rig, 0, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
	for (unsigned i = 1; i < 4; i++)
		fail_at(i, 1);
	assert_int_equal(rig_alerts(&rig, "c"), 0);
	rig_event(&rig, 5, ACTION_PUBLISH, OUTCOME_UNKNOWN, 1);
	assert_int_equal(rig_alerts(&rig, "c"), 1);
	rig_event(&rig, 6, ACTION_PUBLISH, OUTCOME_UNKNOWN, 2);
	assert_int_equal(rig_alerts(&rig, "c"), 1);
	rig_close(&rig);
}

/* The same events, the same alerts, their ids too. */
static void test_repeatable(void **state)
{
	static struct rig first;
	(void)state;
	for (unsigned run = 0; run < 2; run++) {
		open_rig(FAIL_BASE CORRELATION("  type: event_count\n  rules: [failed]\n  group-by: [src_ip]\n  timespan: 10s\n"
					       "  condition: {gte: 3}"));
		for (unsigned i = 0; i < 400; i++)
			fail_at(i * 0.7, 1 + i % 5);
		rig_finish(&rig);
		rig_close(&rig);
		if (!run)
			first = rig;
	}
	assert_true(first.told_count > 5);
	assert_int_equal(first.told_count, rig.told_count);
	assert_memory_equal(first.told, rig.told, sizeof *rig.told * rig.told_count);
}

static void test_every_kind_is_here(void **state)
{
	static const char *const tested[] = {"match", "event_count", "value_count", "value_sum", "value_avg", "value_percentile", "temporal",
		"temporal_ordered", "absence", "ratio", "first_seen", "periodic", "overlap", NULL};
	static const char all[] =
#define DETECTOR(name) #name " "
#include "detectors/detectors.def"
#undef DETECTOR
		;
	(void)state;
	char rest[sizeof all];
	memcpy(rest, all, sizeof all);
	for (char *name = strtok(rest, " "); name; name = strtok(NULL, " ")) {
		bool found = false;
		assert_non_null(detector_find(name));
		for (const char *const *t = tested; *t; t++)
			found = found || strcmp(*t, name) == 0;
		if (!found && strcmp(name, "deviation") != 0)
			fail_msg("detector %s has no test here", name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match), cmocka_unit_test(test_match_again_later), cmocka_unit_test(test_event_count),
		cmocka_unit_test(test_event_count_slides), cmocka_unit_test(test_event_count_exact),
		cmocka_unit_test(test_event_count_large), cmocka_unit_test(test_event_count_compares), cmocka_unit_test(test_groups), cmocka_unit_test(test_groups_without),
		cmocka_unit_test(test_eviction), cmocka_unit_test(test_value_count), cmocka_unit_test(test_value_count_slides),
		cmocka_unit_test(test_value_sum), cmocka_unit_test(test_value_avg), cmocka_unit_test(test_value_percentile),
		cmocka_unit_test(test_temporal), cmocka_unit_test(test_temporal_ordered), cmocka_unit_test(test_temporal_chain),
		cmocka_unit_test(test_absence), cmocka_unit_test(test_absence_repeated), cmocka_unit_test(test_absence_at_end),
		cmocka_unit_test(test_ratio), cmocka_unit_test(test_ratio_below), cmocka_unit_test(test_ratio_of_sums),
		cmocka_unit_test(test_first_seen),
		cmocka_unit_test(test_first_seen_count), cmocka_unit_test(test_periodic), cmocka_unit_test(test_not_periodic),
		cmocka_unit_test(test_overlap), cmocka_unit_test(test_chained), cmocka_unit_test(test_repeatable),
		cmocka_unit_test(test_every_kind_is_here),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
