/* Conversations in MQTT as hexadecimal text, one packet a line, and the events that must come of them. */
#include "parsers/parser.h"
#include "sensor/digest.h"
#include "tests/support/hex.h"
#include <stdio.h>

static struct counters counters;
static char told[8192]; /* what was emitted, one word an event: "connect", "authenticate/failure/not_authorized" */
static size_t told_bytes;

static void note(struct parse *parse, const struct event *event)
{
	(void)parse;
	char reason[64] = "";
	if (event->reason.at)
		snprintf(reason, sizeof reason, "/%.*s", (int)event->reason.size, (const char *)event->reason.at);
	told_bytes += (size_t)snprintf(told + told_bytes, sizeof told - told_bytes, "%s%s%s%s", told_bytes ? " " : "",
				       action_name(event->action), event->outcome == OUTCOME_FAILURE ? "!" : "", reason);
	for (uint32_t i = 0; i < event->resource.count; i++)
		told_bytes += (size_t)snprintf(told + told_bytes, sizeof told - told_bytes, ":%.*s",
					       (int)event->resource.items[i].size, (const char *)event->resource.items[i].at);
}

struct talk {
	uint64_t state[LIMIT_PARSER_STATE / 8];
	struct session session;
	struct memos *memos;
	bool midstream, one_sided, pipelined;
};

static void say(struct talk *talk, enum direction direction, const uint8_t *bytes, uint32_t size)
{
	while (size) {
		struct parse parse = {.state = talk->state, .session = &talk->session, .memos = talk->memos, .flow_id = 7,
				      .time_ns = 1, .direction = (uint8_t)direction, .midstream = talk->midstream,
				      .peer_heard = !talk->pipelined, .emit = note, .counters = &counters};
		parse.base = (struct event){.session = &talk->session, .one_sided = talk->one_sided, .direction = (uint8_t)direction};
		enum verdict verdict = parser_mqtt.parse(&parse, slice_of(bytes, size));
		if (verdict == PARSE_BAD)
			told_bytes += (size_t)snprintf(told + told_bytes, sizeof told - told_bytes, " BAD");
		uint32_t used = parse.consumed + (uint32_t)parse.skip;
		if (verdict != PARSE_MORE || !used || used >= size)
			return;
		bytes += used;
		size -= used;
	}
}

/* "> 10 0e 'text ..." is a line of the client, "< ..." of the server; 'x stands for characters up to the next blank. */
static void converse(struct talk *talk, const char *text)
{
	uint8_t bytes[1024];
	while (*text) {
		enum direction direction = *text++ == '>' ? TO_SERVER : TO_CLIENT;
		uint32_t size = hex_line(&text, bytes, sizeof bytes);
		uint8_t *copy = malloc(size); /* so that a read beyond it is seen */
		memcpy(copy, bytes, size);
		say(talk, direction, copy, size);
		free(copy);
	}
}

static const char *events_of(struct talk *talk, const char *text)
{
	told_bytes = 0;
	told[0] = '\0';
	counters = (struct counters){0};
	talk->memos = memos_open(64, &counters);
	memset(talk->state, 0, sizeof talk->state);
	talk->session = (struct session){0};
	converse(talk, text);
	memos_close(talk->memos);
	return told;
}

#define SEES(talk_text, expected) \
	do { \
		struct talk talk = {.midstream = false}; \
		assert_string_equal(events_of(&talk, talk_text), expected); \
	} while (0)

/* Client "c", 3.1.1 and 5.0, accepted. */
#define CONNECT4 "> 10 0d 0004 'MQTT 04 02 003c 0001 'c\n"
#define CONNECT5 "> 10 0e 0004 'MQTT 05 02 003c 00 0001 'c\n"
#define UP4 CONNECT4 "< 20 02 00 00\n"
#define UP5 CONNECT5 "< 20 03 00 00 00\n"
#define UP "connect authenticate"

static void test_every_type(void **unused)
{
	(void)unused;
	SEES(UP4 "> 82 06 0001 0001 'a 01\n< 90 03 0001 01\n> 32 06 0001 'a 0002 'x\n< 40 02 0002\n"
	     "> 34 06 0001 'a 0003 'x\n< 50 02 0003\n> 62 02 0003\n< 70 02 0003\n> a2 05 0004 0001 'a\n< b0 02 0004\n"
	     "> c0 00\n< d0 00\n> e0 00\n",
	     UP " subscribe:a subscribe:a publish:a deliver publish:a deliver deliver deliver unsubscribe:a unsubscribe:a "
	     "keepalive keepalive disconnect");
	SEES(UP4 "> 00 00\n> c0 00\n", UP " violation!/reserved_type keepalive");
	SEES("> 10 11 0006 'MQIsdp 03 02 003c 0003 'abc\n< 20 02 00 05\n", "connect authenticate!/not_authorized");
	SEES(CONNECT5 "< 20 03 00 87 00\n", "connect authenticate!/not_authorized");
}

static void test_refusals(void **unused)
{
	(void)unused;
	SEES(UP5 "> 82 0c 0001 00 0001 'a 00 0002 'bb 00\n< 90 05 0001 00 87 01\n",
	     UP " subscribe:a:bb subscribe!/not_authorized:a");
	SEES(UP5 "> 32 07 0001 'a 0002 00 'x\n< 40 03 0002 10\n", UP " publish:a deliver!/no_matching_subscribers:a");
	/* The topic of what was refused is told once, by whichever answer refuses first. */
	SEES(UP5 "> 34 07 0001 'a 0002 00 'x\n< 50 03 0002 87\n< 50 03 0002 87\n",
	     UP " publish:a deliver!/not_authorized:a deliver!/not_authorized");
	SEES(UP5 "> 32 07 0001 'a 0002 00 'x\n< 40 02 0002\n< 40 03 0002 87\n", UP " publish:a deliver deliver!/not_authorized");
	SEES(UP5 "< e0 01 8e\n", UP " disconnect!/session_taken_over");
}

static void test_legal_lookalikes(void **unused)
{
	(void)unused;
	/* Enhanced authentication before CONNACK. */
	SEES("> 10 16 0004 'MQTT 05 02 003c 08 15 0001 'm 16 0001 'd 0001 'c\n< f0 06 18 04 15 0001 'm\n> f0 06 18 04 15 0001 'm\n"
	     "< 20 03 00 00 00\n> f0 06 19 04 15 0001 'm\n< f0 06 00 04 15 0001 'm\n",
	     "connect authenticate/continue_authentication authenticate/continue_authentication authenticate "
	     "authenticate/re_authenticate authenticate");
	/* CONNECT, SUBSCRIBE and PUBLISH in one breath. */
	SEES("> 10 0d 0004 'MQTT 04 02 003c 0001 'c 82 06 0001 0001 'a 00 30 04 0001 'a 'x\n< 20 02 00 00\n",
	     "connect subscribe:a publish:a authenticate");
	/* A pipelined client that is refused has not published after the refusal. */
	struct talk pipelined = {.pipelined = true};
	assert_string_equal(events_of(&pipelined, CONNECT4 "< 20 02 00 05\n> 30 04 0001 'a 'x\n"),
			    "connect authenticate!/not_authorized publish:a");
	SEES(CONNECT4 "< 20 02 00 05\n> 30 04 0001 'a 'x\n",
	     "connect authenticate!/not_authorized publish:a violation!/data_after_refusal:a");
	/* Joined half-way, with an alias that was made before. */
	struct talk midstream = {.midstream = true};
	assert_string_equal(events_of(&midstream, "> 30 07 0000 03 23 0001 'x\n> c0 00\n"), "publish keepalive");
	/* A topic alias in use, a password without a user, an empty client id in MQTT 5. */
	SEES("> 10 10 0004 'MQTT 05 42 003c 00 0000 0001 'p\n< 20 0a 00 00 07 22 000a 12 0001 'z\n> 30 07 0001 'a 03 23 0001\n"
	     "> 30 06 0000 03 23 0001\n", "connect authenticate publish:a publish:a");
	/* MQTT 3.1: flags that promise what is not there; DUP in a PUBREL. */
	SEES("> 10 0f 0006 'MQIsdp 03 c2 003c 0001 'a\n< 20 02 00 00\n> 6a 02 0001\n", UP " deliver");
}

static void violates(const char *talk_text, const char *violation)
{
	struct talk talk = {.midstream = false};
	char *found = strstr(events_of(&talk, talk_text), "violation!/");
	if (!found)
		fail_msg("no violation in \"%s\", events: %s", talk_text, told);
	found[strcspn(found, " :")] = '\0';
	assert_string_equal(found + 11, violation);
}

static void test_violations(void **unused)
{
	(void)unused;
	violates("> 11 0d 0004 'MQTT 04 02 003c 0001 'c\n", "reserved_bits");
	violates("> 10 0d 0004 'MQTT 04 03 003c 0001 'c\n", "bad_connect_flags");
	violates("> 10 0d 0004 'MQTX 04 02 003c 0001 'c\n", "bad_protocol_name");
	violates("> 10 0d 0004 'MQTT 09 02 003c 0001 'c\n", "bad_protocol_version");
	violates("> 10 0c 0004 'MQTT 04 00 003c 0000\n", "empty_client_id");
	violates("> 10 10 0004 'MQTT 04 42 003c 0001 'c 0001 'p\n", "password_without_user");
	violates("> 10 13 0004 'MQTT 04 1e 003c 0001 'c 0001 'w 0001 'x\n", "qos_3");
	violates("> 10 14 0004 'MQTT 04 06 003c 0001 'c 0002 'w# 0001 'x\n", "wildcard_in_topic");
	violates(UP4 CONNECT4, "second_connect");
	violates(UP4 "< 20 02 00 00\n", "second_connack");
	violates(CONNECT4 "< 20 02 01 05\n", "bad_connack_flags");
	violates(UP4 "> 30 ff ff ff ff 7f\n", "bad_length");
	violates(UP4 "> 36 06 0001 'a 0002 'x\n", "qos_3");
	violates(UP4 "> 38 04 0001 'a 'x\n", "dup_qos_0");
	violates(UP4 "> 32 06 0001 'a 0000 'x\n", "zero_message_id");
	violates(UP4 "> 30 05 0002 'a# 'x\n", "wildcard_in_topic");
	violates(UP4 "> 30 04 0002 c0 80\n", "invalid_utf8");
	violates(UP4 "> 30 04 0002 61 00\n", "nul_in_string");
	violates(UP4 "> 30 03 0000 'x\n", "empty_topic");
	violates(UP4 "> 82 06 0001 0001 'a 03\n", "qos_3");
	violates(UP4 "> 82 06 0001 0001 'a 04\n", "reserved_bits");
	violates(UP4 "> 82 02 0001\n", "empty_subscribe");
	violates(UP4 "> 82 07 0001 0002 '#a 00\n", "bad_filter");
	violates(UP4 "> 82 0e 0001 0009 '$share/+/ 00\n", "bad_filter");
	violates(UP4 "> c0 01 00\n", "malformed_packet");
	violates(UP4 "> d0 00\n", "wrong_direction");
	violates(UP4 "< e0 00\n", "wrong_direction");
	violates(UP4 "> e0 00\n> c0 00\n", "data_after_disconnect");
	violates("> c0 00\n", "not_connected");
	violates(UP4 "> f0 00\n", "reserved_type");
	violates(UP5 "> f0 06 18 04 15 0001 'm\n", "unexpected_auth");
	violates("> 10 12 0004 'MQTT 05 02 003c 04 16 0001 'd 0001 'c\n", "authentication_data_without_method");
	violates("> 10 12 0004 'MQTT 05 02 003c 04 15 0001 'm 0001 'c\n> c0 00\n", "data_before_authentication");
	violates("> 10 11 0004 'MQTT 05 02 003c 03 21 0000 0001 'c\n", "bad_property_value");
	violates("> 10 10 0004 'MQTT 05 02 003c 02 17 02 0001 'c\n", "bad_property_value");
	violates("> 10 12 0004 'MQTT 05 02 003c 04 1701 1701 0001 'c\n", "duplicate_property");
	violates("> 10 11 0004 'MQTT 05 02 003c 03 23 0001 0001 'c\n", "misplaced_property");
	violates("> 10 10 0004 'MQTT 05 02 003c 02 7f 02 0001 'c\n", "unknown_property");
	violates(UP5 "> 30 09 0001 'a 05 08 0002 'b+ 'x\n", "wildcard_in_topic");
	violates(UP5 "> 30 07 0001 'a 02 0b 01 'x\n", "misplaced_property");
	violates(UP5 "> 30 07 0001 'a 03 23 0001\n", "topic_alias_invalid");
	violates(UP5 "> 82 07 0001 00 0001 'a 30\n", "bad_subscribe_options");
	violates(UP5 "< 40 03 0001 55\n", "bad_reason_code");
	violates(CONNECT5 "< 20 05 00 00 02 25 00\n> 31 05 0001 'a 00 'x\n", "retain_not_supported");
	violates(CONNECT5 "< 20 05 00 00 02 24 00\n> 32 07 0001 'a 0001 00 'x\n", "qos_not_supported");
	violates(CONNECT5 "< 20 05 00 00 02 28 00\n> 82 07 0001 00 0001 '# 00\n", "wildcard_subscriptions_not_supported");
	violates(CONNECT5 "< 20 06 00 00 03 21 0001\n> 32 06 0001 'a 0001 00\n> 32 06 0001 'a 0002 00\n", "receive_maximum_exceeded");
	violates(CONNECT5 "< 20 08 00 00 05 27 00000005\n> 30 06 0001 'a 00 'xx\n", "packet_too_large");
}

/* A SUBSCRIBE with many filters: the answer still names those that were refused. */
static void test_many_filters(void **unused)
{
	(void)unused;
	static char text[8192];
	size_t n = (size_t)snprintf(text, sizeof text, UP4 "> 82 %02x 04 0001 ", 0x80 | (2 + 30 * 17) % 128);
	assert_int_equal((2 + 30 * 17) / 128, 4);
	for (unsigned i = 0; i < 30; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "000e 'devices/abc/%02u 00 ", i);
	n += (size_t)snprintf(text + n, sizeof text - n, "\n< 90 20 0001 ");
	for (unsigned i = 0; i < 30; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s ", i == 29 ? "80" : "00");
	struct talk talk = {.midstream = false};
	const char *events = events_of(&talk, text);
	assert_non_null(strstr(events, "subscribe!/unspecified_error:devices/abc/29"));
}

static void test_probe(void **unused)
{
	(void)unused;
	static const struct { const char *bytes; uint32_t size; uint16_t port; enum probe probe; } rows[] = {
		{"\x10\x0d\0\4MQTT\4\2\0\x3c\0\1c", 15, 9999, PROBE_CLIENT}, {"\x10", 1, 9999, PROBE_MAYBE},
		{"\x10\x0d\0\4MQ", 6, 9999, PROBE_MAYBE}, {"\x1f\x0d\0\4MQTT\4\2\0\x3c\0\1c", 15, 9999, PROBE_CLIENT},
		{"\x16\x03\x01\x02\0\1\0\1\xfc\3\3", 11, 1883, PROBE_NO}, {"GET / HTTP/1.1\r\n", 16, 1883, PROBE_NO},
		{"\x10\x0d\0\4MQXX\4\2\0\x3c\0\1c", 15, 1883, PROBE_YES}, {"\x10\x0d\0\4MQXX\4\2\0\x3c\0\1c", 15, 9999, PROBE_NO},
		{"\xc0\0", 2, 1883, PROBE_CLIENT}, {"\xd0\0", 2, 1883, PROBE_SERVER}, {"\xc0\0", 2, 9999, PROBE_NO}};
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(parser_mqtt.probe(slice_of(rows[i].bytes, rows[i].size), TO_SERVER, 50000, rows[i].port),
				 rows[i].probe);
}

/* After a loss the parser finds the next packet and does not blame anybody. */
static void test_gap(void **unused)
{
	(void)unused;
	struct talk talk = {.midstream = false};
	told_bytes = 0;
	counters = (struct counters){0};
	talk.memos = memos_open(64, &counters);
	converse(&talk, UP4);
	struct parse parse = {.state = talk.state, .session = &talk.session, .counters = &counters, .emit = note};
	parser_mqtt.gap(&parse, 100);
	converse(&talk, "> ffff 'zzzz 30 0e 0009 'plant/one 'abc c0 00\n");
	memos_close(talk.memos);
	assert_string_equal(told, UP " publish:plant/one keepalive");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_type), cmocka_unit_test(test_refusals), cmocka_unit_test(test_legal_lookalikes),
		cmocka_unit_test(test_violations), cmocka_unit_test(test_many_filters), cmocka_unit_test(test_probe),
		cmocka_unit_test(test_gap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
