/* Conversations in CoAP as hexadecimal text, one datagram a line, and the events that must come of them. */
#include "parsers/parser.h"
#include "tests/support/hex.h"
#include <stdio.h>

static struct counters counters;
static char told[8192]; /* what was emitted, one word an event: "request:/a", "respond!/not_found:/a" */
static size_t told_bytes;
static uint64_t now_ns;

static struct ends ends = {.client_port = 40000, .server_port = 5683};

/* A field of the event at hand; 0 when it has none. */
static uint64_t number(const struct event *event, const char *name)
{
	struct value value;
	for (const struct field *f = event->fields; f->name; f++)
		if (strcmp(f->name, name) == 0 && field_get(f, event, &value))
			return value.number;
	return 0;
}

static void note(struct parse *parse, const struct event *event)
{
	(void)parse;
	char reason[64] = "", path[64] = "";
	if (event->reason.at)
		snprintf(reason, sizeof reason, "/%.*s", (int)event->reason.size, (const char *)event->reason.at);
	if (event->resource.count)
		snprintf(path, sizeof path, ":%.*s", (int)event->resource.items[0].size, (const char *)event->resource.items[0].at);
	bool again = event->action != ACTION_VIOLATION && event->detail && number(event, "coap.retransmission");
	told_bytes += (size_t)snprintf(told + told_bytes, sizeof told - told_bytes, "%s%s%s%s%s%s", told_bytes ? " " : "",
				       action_name(event->action), event->outcome == OUTCOME_FAILURE ? "!" : "", reason, path,
				       again ? "(again)" : "");
}

/* "> 40 01 'text ..." is a datagram of the client, "< ..." of the server, "+ N" lets N seconds pass. */
static void converse(struct memos *memos, uint64_t *state, const char *text)
{
	struct session session = {0};
	uint8_t bytes[512];
	while (*text) {
		char kind = *text++;
		if (kind == '+')
			now_ns += strtoull(text, (char **)(uintptr_t)&text, 10) * TW_SECOND;
		uint32_t size = hex_line(&text, bytes, sizeof bytes);
		if (kind == '+')
			continue;
		uint8_t *copy = malloc(size + 1); /* so that a read beyond it is seen */
		memcpy(copy + 1, bytes, size);
		struct parse parse = {.state = state, .session = &session, .memos = memos, .flow_id = 7, .time_ns = now_ns,
				      .direction = kind == '<' ? TO_CLIENT : TO_SERVER, .emit = note, .counters = &counters};
		parse.base = (struct event){.session = &session, .ends = &ends, .fields = parser_coap.fields, .direction = parse.direction,
					    .protocol = PROTOCOL_COAP};
		if (parser_coap.parse(&parse, slice_of(copy + 1, size)) == PARSE_BAD)
			told_bytes += (size_t)snprintf(told + told_bytes, sizeof told - told_bytes, " BAD");
		free(copy);
	}
}

static const char *events_of(const char *text)
{
	uint64_t state[LIMIT_PARSER_STATE / 8] = {0};
	struct memos *memos = memos_open(64, &counters);
	told_bytes = 0;
	told[0] = '\0';
	now_ns = 1000 * TW_SECOND;
	converse(memos, state, text);
	memos_close(memos);
	return told;
}

static void test_retransmission(void **unused)
{
	(void)unused;
	/* The same datagram within 247 s is a retransmission, after that a new request; other content under its id is a fault. */
	assert_string_equal(events_of("> 41 01 1001 01 b1 'a\n+ 246\n> 41 01 1001 01 b1 'a"), "request:/a request:/a(again)");
	assert_string_equal(events_of("> 41 01 1001 01 b1 'a\n+ 248\n> 41 01 1001 01 b1 'a"), "request:/a request:/a");
	assert_string_equal(events_of("> 41 01 1001 01 b1 'a\n> 41 01 1001 02 b1 'b"),
			    "request:/a request:/b violation!/message_id_reused:/b");
	/* A non-confirmable message lives for 145 s (section 4.8.2). */
	assert_string_equal(events_of("> 51 01 1001 01 b1 'a\n+ 146\n> 51 01 1001 02 b1 'b"), "request:/a request:/b");
	/* One refusal, however often it is sent. */
	assert_string_equal(events_of("> 41 01 1001 01 b1 'a\n< 61 81 1001 01\n> 41 01 1001 01 b1 'a\n< 61 81 1001 01"),
			    "request:/a respond!/unauthorized:/a authenticate!/unauthorized:/a request:/a(again) "
			    "respond/unauthorized:/a(again)");
}

static void test_responses(void **unused)
{
	(void)unused;
	/* Separate, and acknowledged. */
	assert_string_equal(events_of("> 41 01 1001 01 b1 'a\n< 60 00 1001\n+ 9\n< 41 45 2001 01 ff '5\n> 60 00 2001"),
			    "request:/a deliver respond:/a deliver");
	assert_string_equal(events_of("> 41 01 1001 01 b1 'a\n< 61 84 1001 01"), "request:/a respond!/not_found:/a");
	assert_string_equal(events_of("> 41 01 1001 01 b1 'a\n< 51 45 2001 02 ff '5"), "request:/a respond violation!/unknown_token");
	assert_string_equal(events_of("> 41 01 1001 01 b1 'a\n< 61 45 1001 01 ff '5\n< 51 45 2001 01 ff '6"),
			    "request:/a respond:/a respond:/a violation!/second_response:/a");
	/* A server that does not remember its answers gives a newer one to a retransmission. */
	assert_string_equal(events_of("> 41 01 1001 01 b1 'a\n< 61 45 1001 01 ff '5\n> 41 01 1001 01 b1 'a\n< 61 45 1001 01 ff '6"),
			    "request:/a respond:/a request:/a(again) respond:/a(again)");
	/* An ACK whose request a tap may have lost says nothing; one that means a request and has another token does. */
	assert_string_equal(events_of("> 41 01 1001 01 b1 'a\n< 61 45 1001 01 ff '5\n< 61 45 1005 05 ff '5"), "request:/a respond:/a respond");
	assert_string_equal(events_of("> 41 01 1001 01 b1 'a\n< 61 45 1001 02 ff '5"), "request:/a respond violation!/unknown_token");
	/* A confirmable one is judged by its receiver. */
	assert_string_equal(events_of("> 41 01 1001 01 b1 'a\n< 41 45 2001 05 ff '5\n> 60 00 2001"), "request:/a respond deliver");
	assert_string_equal(events_of("> 41 01 1001 01 b1 'a\n< 41 45 2001 05 ff '5\n> 70 00 2001"),
			    "request:/a respond deliver!/response_rejected violation!/unknown_token");
	/* Joined half-way nothing is known of what was asked. */
	assert_string_equal(events_of("< 51 45 2001 02 ff '5"), "respond");
}

static void test_observe(void **unused)
{
	(void)unused;
	assert_string_equal(events_of("> 41 01 1001 01 60 51 't\n< 61 45 1001 01 61 01 ff '5\n+ 4000\n< 41 45 2001 01 61 02 ff '6\n> 60 00 2001"),
			    "subscribe:/t respond:/t deliver:/t deliver");
	/* Ended by deregistration: what was on its way is no surprise. */
	assert_string_equal(events_of("> 41 01 1001 01 60 51 't\n< 61 45 1001 01 61 01 ff '5\n> 41 01 1002 01 61 01 51 't\n"
				      "< 51 45 2001 01 61 02 ff '6\n< 61 45 1002 01 ff '6"),
			    "subscribe:/t respond:/t unsubscribe:/t respond:/t respond:/t");
	/* Rejected, the registration unseen. */
	assert_string_equal(events_of("< 41 45 2001 01 61 02 ff '6\n> 70 00 2001"),
			    "respond deliver!/notification_rejected violation!/notification_unregistered");
	assert_string_equal(events_of("> 41 01 1001 01 b1 'a\n< 61 45 1001 01 ff '5\n< 51 45 2001 09 61 02 ff '6"),
			    "request:/a respond:/a respond violation!/notification_unregistered");
}

static void test_ping_and_turns(void **unused)
{
	(void)unused;
	assert_string_equal(events_of("> 40 00 1001\n< 70 00 1001\n< 40 00 2001\n> 70 00 2001"), "keepalive keepalive keepalive keepalive");
	/* The server asks, the client answers. */
	assert_string_equal(events_of("> 41 02 1001 01 b2 'rd\n< 61 41 1001 01\n< 41 01 1001 01 b1 '3\n> 61 45 1001 01 ff '9"),
			    "request:/rd respond:/rd request:/3 respond:/3");
}

static void test_login(void **unused)
{
	(void)unused;
	/* 4.01 with Echo asks for freshness; a success on the path that was refused is a login. */
	assert_string_equal(events_of("> 41 01 1001 01 b1 'd\n< 61 81 1001 01 d1 ef 'x\n> 41 01 1002 02 b1 'd d1 e4 'x\n< 61 45 1002 02 ff '1"),
			    "request:/d respond!/unauthorized:/d request:/d respond:/d");
	assert_string_equal(events_of("> 41 01 1001 01 b1 'd\n< 61 81 1001 01\n> 41 01 1002 02 b1 'p\n< 61 45 1002 02 ff '1\n"
				      "> 41 01 1003 03 b1 'd\n< 61 45 1003 03 ff '1"),
			    "request:/d respond!/unauthorized:/d authenticate!/unauthorized:/d request:/p respond:/p request:/d respond:/d "
			    "authenticate:/d");
}

static void test_malformed(void **unused)
{
	(void)unused;
	static const struct { const char *said, *told; } cases[] = {
		{"> 40 01 10", "violation!/short_message BAD"},
		{"> 80 01 1001", "violation!/bad_version BAD"},
		{"> 49 01 1001 'ninebytes", "request:/ violation!/bad_token_length:/"},
		{"> 42 01 1001 01", "request:/ violation!/token_beyond_end:/"},
		{"> 40 00 1001 ff", "keepalive violation!/empty_with_content"},
		{"> 50 00 1001", "keepalive violation!/empty_non"},
		{"> 70 01 1001", "request:/ violation!/reset_with_code:/"},
		{"> 60 01 1001 b1 'a", "request:/a violation!/request_in_ack:/a"},
		{"> 40 20 1001", "keepalive violation!/reserved_class"},
		{"> 40 01 1001 b1 'a ff", "request:/a violation!/empty_payload:/a"},
		{"> 40 01 1001 f1 'a", "request:/ violation!/reserved_option_header:/"},
		{"> 40 01 1001 b4 'abc", "request:/ violation!/option_beyond_end:/"},
		{"> 40 01 1001 30", "request:/ violation!/bad_option_length:/"},
		{"> 40 01 1001 d0 00", "request:/ violation!/unknown_critical_option:/"},
		{"> 40 01 1001 71 00 01 00", "request:/ violation!/repeated_option:/"},
		{"> 40 01 1001 b2 '..", "request:/.. violation!/dot_segment:/.."},
		{"> 40 01 1001 b1 ff", "request:/\xff violation!/invalid_utf8:/\xff"},
		{"> 40 01 1001 d1 03 00", "request:/ violation!/hop_limit_zero:/"},
		{"> 40 02 1001 91 e0", "request violation!/oscore_reserved_bits"},
		/* Elective and unknown, experimental, empty: all legal. */
		{"> 40 01 1001 d0 0d", "request:/"},
		{"> 40 01 1001 b0", "request:/"},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(events_of(cases[i].said), cases[i].told);
}

static enum probe probe(const char *bytes, uint32_t size, uint16_t port)
{
	return parser_coap.probe(slice_of(bytes, size), TO_SERVER, 40000, port);
}

static void test_probe(void **unused)
{
	(void)unused;
	static const char get[] = "\x41\x01\x10\x01\x01\xb1" "a", content[] = "\x41\x45\x10\x01\x01\xc0\xff" "5", ping[] = "\x40\x00\x10\x01";
	static const char utp[] = "\x41\x00\x12\x34\0\0\0\1\0\0\0\0\0\x0f\0\0\0\1\0\0";
	assert_int_equal(probe(get, 7, 5683), PROBE_CLIENT);
	assert_int_equal(probe(get, 7, 7777), PROBE_CLIENT);
	assert_int_equal(probe(content, 8, 7777), PROBE_SERVER);
	assert_int_equal(probe(ping, 4, 7777), PROBE_MAYBE);
	assert_int_equal(probe(ping, 4, 5683), PROBE_YES);
	assert_int_equal(probe(utp, 20, 7777), PROBE_NO);
	assert_int_equal(probe(utp, 20, 5683), PROBE_NO);
	assert_int_equal(probe("REGISTER sip:example.org SIP/2.0\r\n", 34, 5060), PROBE_NO);
	assert_int_equal(probe("\x41\x01\x10\x01\x01\xb2" "a", 7, 7777), PROBE_NO); /* an option beyond the end */
	assert_int_equal(probe("\x41\x01\x10\x01\x01\xb2" "a", 7, 5683), PROBE_CLIENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retransmission), cmocka_unit_test(test_responses), cmocka_unit_test(test_observe),
		cmocka_unit_test(test_ping_and_turns), cmocka_unit_test(test_login), cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_probe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
