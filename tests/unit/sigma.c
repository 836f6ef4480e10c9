/* Sigma: every modifier, wildcard and condition, on real MQTT events. */
#include "tests/support/cm.h"
#include "tests/support/feed.h"
#include "tests/support/rig.h"
#include "sensor/digest.h"
#include <stdio.h>

static const char stream[] =
	"> 10 v( 2(\"MQTT\") 04 ee 003c 2(\"Sensor-7\") 2(\"dead/Sensor-7\") 2(\"bye\") 2(\"Alice\") 2(\"s3cret\") )\n"
	"< 20020000\n"
	"> 82 v( 000a 2(\"a/b\") 00 2(\"cmd/#\") 02 2(\"x-y*z?\\\\w\") 01 )\n"
	"< 90 v( 000a 00 80 01 )\n"
	"> 32 v( 2(\"Plant/line1/Temp\") 0102 \"21.5\" )\n"
	"> 30 v( 2(\"dGVzdA==\") \"1\" )\n"
	"> 30 v( 2(\"say/c2VjcmV0/x\") \"1\" )\n"
	"> 30 v( 2(\"Sensor-7\") \"1\" )\n"
	"> c000\n";

static struct feed *feed;
static struct fixture *fixture;

struct tally {
	struct rules *rules;
	unsigned count;
};

static void on_found(void *context, struct rule *rule, const struct event *event)
{
	(void)rule, (void)event;
	((struct tally *)context)->count++;
}

static void on_event(void *context, const struct event *event)
{
	struct tally *tally = context;
	rules_match(tally->rules, event, on_found, tally);
}

static const char *const rooms[] = {"a/b", "Plant/line1/Temp", NULL};
static const char *const creds[] = {"root:root", "Alice:s3cret", NULL};
static const char *const nobody[] = {NULL};
static const char *const nets[] = {"203.0.113.0/24", "0.0.0.0/8", "::/8", NULL};
static const struct rule_list lists[] = {{"rooms", rooms}, {"creds", creds}, {"nobody", nobody}, {"nets", nets}};

/* How many events of the stream the detection matches; it is the lines below `detection:`. */
static unsigned matched(const char *detection)
{
	char text[4096], faults[RIG_FAULTS];
	snprintf(text, sizeof text, "title: t\nid: 11111111-2222-3333-4444-555555555555\nlogsource: {product: thingwarden, category: "
		 "iot_session}\nlevel: high\ndetection:\n%s\n", detection);
	struct tally tally = {rig_rules(text, lists, sizeof lists / sizeof *lists, NULL, 0, faults), 0};
	if (!tally.rules)
		fail_msg("%s\n%s", detection, faults);
	feed_begin(feed, all_parsers[0], fixture, NULL);
	feed->hook = on_event;
	feed->context = &tally;
	feed_fixture(feed, fixture);
	rules_close(tally.rules);
	return tally.count;
}

/* One selection, one condition. */
static unsigned one(const char *item)
{
	char text[1024];
	snprintf(text, sizeof text, "  s:\n    %s\n  condition: s", item);
	return matched(text);
}

#define IS(item, expected) \
	do { \
		unsigned found = one(item); \
		if (found != (expected)) \
			fail_msg("%s: matches %u events, not %u", item, found, (unsigned)(expected)); \
	} while (0)

static void test_texts(void **state)
{
	(void)state;
	IS("mqtt.publish.topic: Plant/line1/Temp", 1);
	IS("mqtt.publish.topic: plant/LINE1/temp", 1);
	IS("mqtt.publish.topic|cased: plant/LINE1/temp", 0);
	IS("mqtt.publish.topic|cased: Plant/line1/Temp", 1);
	IS("mqtt.publish.topic: Plant", 0);
	IS("mqtt.publish.topic|startswith: PLANT/", 1);
	IS("mqtt.publish.topic|startswith: lant/", 0);
	IS("mqtt.publish.topic|endswith: /temp", 1);
	IS("mqtt.publish.topic|endswith: /tem", 0);
	IS("mqtt.publish.topic|contains: LINE", 1);
	IS("mqtt.publish.topic|contains|cased: LINE", 0);
	IS("mqtt.publish.topic|contains: [nothing, line]", 1);
	IS("mqtt.publish.topic|contains|all: [plant, line, temp]", 1);
	IS("mqtt.publish.topic|contains|all: [plant, nothing]", 0);
	IS("mqtt.publish.topic|startswith|cased: plant", 0);
	IS("mqtt.publish.topic: [a, Sensor-7, dGVzdA==]", 2);
	IS("action: publish", 4);
	IS("action: [publish, keepalive]", 5);
	IS("client_id: sensor-7", 9);
}

static void test_wildcards(void **state)
{
	(void)state;
	IS("mqtt.publish.topic: Plant/*", 1);
	IS("mqtt.publish.topic: '*'", 4);
	IS("mqtt.publish.topic: '*/line?/*'", 1);
	IS("mqtt.publish.topic: '*/line?1?/*'", 0);
	IS("mqtt.publish.topic: P*t/l*1/T*p", 1);
	IS("mqtt.publish.topic: '*/*/*/*'", 0);
	IS("mqtt.publish.topic|startswith: 'pl?nt'", 1);
	IS("mqtt.publish.topic|contains: 'l*1'", 1);
	IS("mqtt.publish.topic|endswith: 't?mp'", 1);
	/* of the filter x-y*z?\w: in Sigma a backslash makes *, ? and itself plain, and is itself before anything else */
	IS("mqtt.subscribe.topics: 'x-y\\*z\\?\\w'", 1);
	IS("mqtt.subscribe.topics: 'x-y\\*z\\?\\\\w'", 1);
	IS("mqtt.subscribe.topics: 'x-y\\*z\\?w'", 0);
	IS("mqtt.subscribe.topics: 'x-y*\\w'", 1);
	IS("mqtt.subscribe.topics|contains: '\\*'", 1);
	IS("mqtt.subscribe.topics|contains: '\\?\\w'", 1);
	IS("mqtt.publish.topic|contains: '\\*'", 0);
}

static void test_lists_of_texts(void **state)
{
	(void)state;
	IS("mqtt.subscribe.topics: cmd/#", 1);
	IS("mqtt.subscribe.topics: [none, a/b]", 1);
	IS("mqtt.subscribe.topics|all: [cmd/#, a/b]", 1); /* different values may serve */
	IS("mqtt.subscribe.topics|all: [cmd/#, none]", 0);
	IS("resource: a/b", 1);
	IS("mqtt.suback.qos_granted: 128", 1);
	IS("mqtt.suback.qos_granted: 3", 0);
	IS("mqtt.suback.qos_granted|gte: 128", 1);
}

static void test_numbers(void **state)
{
	(void)state;
	IS("mqtt.connect.keepalive: 60", 1);
	IS("mqtt.connect.keepalive: 0x3c", 1);
	IS("mqtt.connect.keepalive: 61", 0);
	IS("mqtt.connect.keepalive|gt: 59", 1);
	IS("mqtt.connect.keepalive|gt: 60", 0);
	IS("mqtt.connect.keepalive|gte: 60", 1);
	IS("mqtt.connect.keepalive|gte: 61", 0);
	IS("mqtt.connect.keepalive|lt: 61", 1);
	IS("mqtt.connect.keepalive|lt: 60", 0);
	IS("mqtt.connect.keepalive|lte: 60", 1);
	IS("mqtt.connect.keepalive|lte: 59", 0);
	IS("mqtt.connect.keepalive|neq: 60", 0);
	IS("mqtt.connect.keepalive|neq: 61", 1);
	IS("mqtt.connect.keepalive: [1, 60]", 1);
	IS("mqtt.connect.flags.will: true", 1);
	IS("mqtt.connect.flags.will: false", 0);
	IS("mqtt.publish.qos: 1", 1);
	IS("mqtt.publish.qos: 0", 3);
}

static void test_neq(void **state)
{
	(void)state;
	IS("mqtt.publish.topic|neq: Sensor-7\n    action: publish", 3);
	IS("mqtt.publish.topic|neq: [Sensor-7, dGVzdA==]\n    action: publish", 2);
	IS("action|neq: publish", 5);
	IS("src_ip|neq: '::'\n    action: publish", 0);
	IS("src_ip|neq: 10.0.0.1\n    action: publish", 4);
	IS("src_ip|cidr|neq: '::/0'\n    action: publish", 0);
	IS("mqtt.publish.topic|re|neq: '^S'\n    action: publish", 3);
	IS("mqtt.publish.topic|fieldref|neq: client_id\n    action: publish", 3);
	IS("credential|neq: Alice:s3cret\n    action: publish", 0);
	IS("credential|neq: Alice:other\n    action: publish", 4);
}

static void test_exists(void **state)
{
	(void)state;
	IS("mqtt.publish.topic|exists: true", 4);
	IS("mqtt.publish.topic|exists: false", 5);
	IS("mqtt.publish.topic: null", 5);
	IS("mqtt.publish.topic: ''", 0);
	IS("mqtt.connect.username|exists: yes", 1);
	IS("reason|exists: false\n    action: publish", 4);
}

static void test_regex(void **state)
{
	(void)state;
	IS("mqtt.publish.topic|re: '^Plant/line[0-9]/'", 1);
	IS("mqtt.publish.topic|re: '^plant/'", 0);
	IS("mqtt.publish.topic|re|i: '^plant/'", 1);
	IS("mqtt.publish.topic|re: 'line\\d'", 1);
	IS("mqtt.publish.topic|re: '(q|l|z)ine\\d'", 1);
	IS("mqtt.publish.topic|re: '(q|z)ine\\d'", 0);
	IS("mqtt.publish.topic|re: '(?=P|Q)'", 1);
	IS("mqtt.publish.topic|re: '(P|Q|R).{200}'", 0);
	IS("mqtt.publish.topic|re: '(a|b|ab)*\\1$'", 0);
	IS("src_ip|re: '^::$'", 9);
}

static void test_addresses(void **state)
{
	(void)state;
	IS("src_ip: '::'", 9);
	IS("src_ip|cidr: '::/64'", 9);
	IS("src_ip|cidr: 10.0.0.0/8", 0);
	IS("src_ip|cidr: ['10.0.0.0/8', '::/127']", 9);
	IS("src_ip|expand: '%nets%'", 9);
	IS("src_ip|startswith: '::'", 9);
}

static void test_fieldref(void **state)
{
	(void)state;
	IS("mqtt.publish.topic|fieldref: client_id", 1);
	IS("mqtt.publish.topic|fieldref: user", 0);
	IS("src_ip|fieldref: dest_ip", 9);
	IS("src_port|fieldref: dest_port", 0);
	IS("mqtt.publish.qos|fieldref: mqtt.publish.qos", 4);
}

static void test_base64(void **state)
{
	(void)state;
	IS("mqtt.publish.topic|base64: test", 0);        /* dGVzdA==, without the padding */
	IS("mqtt.publish.topic|base64|startswith: test", 1);
	IS("mqtt.publish.topic|base64|contains: secret", 1);
	IS("mqtt.publish.topic|base64offset|contains: secret", 1);
	IS("mqtt.publish.topic|base64offset|contains: cret", 1); /* behind `se`: another offset */
	IS("mqtt.publish.topic|base64offset|contains: crew", 0);
}

static void test_expand(void **state)
{
	(void)state;
	IS("mqtt.publish.topic|expand: '%rooms%'", 1);
	IS("mqtt.subscribe.topics|expand: '%rooms%'", 1);
	IS("mqtt.publish.topic|expand: '%nobody%'", 0);
	IS("mqtt.publish.topic|expand: Sensor-7", 1);
	IS("credential|expand: '%creds%'", 9);
	IS("mqtt.publish.topic|expand|neq: '%rooms%'\n    action: publish", 3);
	IS("mqtt.publish.topic|expand|neq: '%nobody%'\n    action: publish", 4);
}

static void test_secrets(void **state)
{
	(void)state;
	IS("credential: Alice:s3cret", 9);
	IS("credential: alice:s3cret", 0);
	IS("credential: Alice:S3cret", 0);
	IS("password: s3cret", 9);
	IS("password: s3cre", 0);
}

#define WHEN(condition, expected) \
	do { \
		unsigned found = matched("  a1: {action: publish}\n  a2: {mqtt.publish.qos: 1}\n  b1: {action: subscribe}\n" \
					 "  b2: {outcome: unknown}\n  _c: {action: keepalive}\n  none: {mqtt.version: 9}\n" \
					 "  condition: " condition); \
		if (found != (expected)) \
			fail_msg("%s: matches %u events, not %u", condition, found, (unsigned)(expected)); \
	} while (0)

/* Of the nine events: a1 publish 4, a2 1 of these, b1 subscribe and its answer 2, _c 1; b2 of connect, subscribe, 4 publishes. */
static void test_conditions(void **state)
{
	(void)state;
	WHEN("a1", 4);
	WHEN("not a1", 5);
	WHEN("a1 and a2", 1);
	WHEN("a1 and not a2", 3);
	WHEN("a1 or b1", 6);
	WHEN("a2 or b1 and none", 1);        /* and binds tighter */
	WHEN("(a2 or b1) and none", 0);
	WHEN("none and b1 or a2", 1);
	WHEN("not a1 and b1", 2);            /* not binds tightest */
	WHEN("not (a1 and b1)", 9);
	WHEN("not a1 or a2", 6);
	WHEN("not not a1", 4);
	WHEN("1 of a*", 4);
	WHEN("all of a*", 1);
	WHEN("any of b*", 7);
	WHEN("all of b*", 1);
	WHEN("1 of them", 7);                /* _c is not of them */
	WHEN("all of them", 0);
	WHEN("1 of a* and not 1 of b*", 0);
	WHEN("not 1 of them", 2);
	WHEN("((((a1))))", 4);
	WHEN("_c", 1);
	WHEN("1 of _c", 1);
	WHEN("[a2, _c]", 2);
}

static void test_selections(void **state)
{
	(void)state;
	assert_int_equal(matched("  s:\n    - {action: publish, mqtt.publish.qos: 1}\n    - {action: keepalive}\n  condition: s"), 2);
	assert_int_equal(matched("  s: {action: publish, outcome: failure}\n  condition: s"), 0);
}

/* A rule is asked only of events that it could match, and the answer does not depend on that. */
static void test_services(void **state)
{
	static const char *const services[] = {"mqtt", "tcp", "http", "coap"};
	static const unsigned expected[] = {9, 0, 0, 0};
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		char text[512], faults[RIG_FAULTS];
		snprintf(text, sizeof text, "title: t\nid: 11111111-2222-3333-4444-555555555555\nlogsource: {product: thingwarden, service: "
			 "%s}\ndetection:\n  s: {src_ip|exists: true}\n  condition: s\n", services[i]);
		struct tally tally = {rig_rules(text, NULL, 0, NULL, 0, faults), 0};
		assert_non_null(tally.rules);
		feed_begin(feed, all_parsers[0], fixture, NULL);
		feed->hook = on_event;
		feed->context = &tally;
		feed_fixture(feed, fixture);
		rules_close(tally.rules);
		assert_int_equal(tally.count, expected[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts), cmocka_unit_test(test_wildcards), cmocka_unit_test(test_lists_of_texts),
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_neq), cmocka_unit_test(test_exists), cmocka_unit_test(test_regex),
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_fieldref), cmocka_unit_test(test_base64),
		cmocka_unit_test(test_expand), cmocka_unit_test(test_secrets), cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_selections), cmocka_unit_test(test_services),
	};
	feed = feed_open();
	fixture = fixture_parse("stream", stream);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fixture_free(fixture);
	feed_close(feed);
	return failed;
}
