/* CoAP over UDP: RFC 7252 section 3.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |Ver| T |  TKL  |      Code     |          Message ID           |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |   Token (TKL bytes) ...  Options ...  0xff  Payload ...
 */
#include "coap.h"
#include "../sensor/hash.h"

enum { HEADER = 4, TOKEN_MAX = 8, PORT = 5683 };

/* --- is this CoAP? ------------------------------------------------------------------------------------------ */

bool coap_plausible(struct reader *r, uint8_t code, unsigned *options)
{
	struct coap_event coap;
	struct event event = {0};
	struct coap_faults faults = {.count = 0};
	coap_read_options(r, code >> 5 == 7 ? code : 0, &coap, &event, &faults);
	*options = coap.options.count;
	return !faults.count && !event_has(&event, COAP_BIT_UNKNOWN_OPTION);
}

/* uTP, the transport of BitTorrent, opens with 0x41 0x00 and 20 bytes in all: a CON with a token but no code. */
static bool looks_like_utp(struct slice first)
{
	return first.size == 20 && first.at[0] == 0x41 && first.at[1] == 0;
}

/* On CoAP's own port a message may be wrong in one place and still be told. */
static enum probe probe_at_home(struct slice first, uint8_t code, bool version, unsigned token_bytes, bool good)
{
	bool assigned = coap_code_index(code) && code >> 5 != 7;
	if (looks_like_utp(first) || !assigned || (!version && (!good || token_bytes > TOKEN_MAX)))
		return PROBE_NO;
	return code == 0 ? PROBE_YES : code >> 5 ? PROBE_SERVER : PROBE_CLIENT;
}

/* Elsewhere every byte must be right, and there must be enough of them to be no accident: an option in an answer, a path, a host
 * or OSCORE in a request. What says less is asked again. */
static enum probe coap_probe(struct slice first, uint8_t direction, uint16_t client_port, uint16_t server_port)
{
	(void)direction;
	if (first.size < HEADER)
		return PROBE_NO;
	uint8_t code = first.at[1], class = code >> 5;
	unsigned token_bytes = first.at[0] & 15, options = 0;
	bool version = first.at[0] >> 6 == 1, ack = (first.at[0] >> 4 & 3) >= COAP_TYPE_ACK;
	struct reader r = reader_of(slice_of(first.at + HEADER, first.size - HEADER));
	read_skip(&r, token_bytes);
	bool good = !r.failed && coap_plausible(&r, code, &options);
	if (client_port == PORT || server_port == PORT)
		return probe_at_home(first, code, version, token_bytes, good);
	if (!version || !good || token_bytes > TOKEN_MAX || !coap_code_index(code) || class == 7)
		return PROBE_NO;
	if (code == 0)
		return first.size == HEADER ? PROBE_MAYBE : PROBE_NO;
	if (class == 0 ? ack : (first.at[0] >> 4 & 3) == COAP_TYPE_RST)
		return PROBE_NO;
	if (!options)
		return PROBE_MAYBE;
	return class ? PROBE_SERVER : PROBE_CLIENT;
}

/* --- events ------------------------------------------------------------------------------------------------- */

static bool is_multicast(const struct address *address)
{
	return address_is_v4(address) ? address->bytes[12] >> 4 == 14 : address->bytes[0] == 0xff;
}

static uint64_t endpoint(const struct address *address, uint16_t port)
{
	return hash_bytes(address, sizeof *address, port);
}

static void set_endpoints(struct coap_reading *r)
{
	uint64_t *known = r->state->endpoint;
	const struct ends *ends = r->parse->base.ends;
	if (!known[0]) {
		known[0] = endpoint(&ends->client, ends->client_port);
		known[1] = endpoint(&ends->server, ends->server_port);
	}
	r->client = known[0];
	r->server = known[1];
}

void coap_begin(struct coap_reading *r, struct parse *parse, struct coap_event *coap, struct slice bytes, uint8_t code)
{
	r->parse = parse;
	r->state = parse->state;
	r->coap = coap;
	r->event = parse->base;
	r->event.detail = coap;
	r->faults.count = 0;
	r->faults.cut = false;
	r->refused = false;
	r->asker = 0;
	r->bytes = bytes;
	set_endpoints(r);
	r->multicast = is_multicast(&parse->base.ends->server);
	coap->code = code;
	coap->code_index = coap_code_index(code);
	coap->dotted[0] = (char)('0' + (code >> 5));
	coap->dotted[1] = '.';
	coap->dotted[2] = (char)('0' + (code & 31) / 10);
	coap->dotted[3] = (char)('0' + (code & 31) % 10);
	coap->code_text = slice_of(coap->dotted, sizeof coap->dotted);
	coap->bytes = bytes.size;
	coap->retransmission = coap->blocks_continued = false;
	coap->multicast = r->multicast;
	coap->message_id = 0;
	event_set(&r->event, COAP_BIT_MESSAGE);
}

void coap_turn(struct coap_reading *r)
{
	const struct ends *ends = r->parse->base.ends;
	uint64_t client = r->client;
	r->client = r->server;
	r->server = client;
	r->asker = !r->asker;
	r->swapped = (struct ends){ends->server, ends->client, ends->server_port, ends->client_port};
	r->event.ends = r->asker ? &r->swapped : ends;
	r->event.direction = !r->event.direction;
}

static void set_action(struct coap_reading *r, enum action action, enum outcome outcome)
{
	r->event.action = (uint8_t)action;
	r->event.outcome = (uint8_t)outcome;
}

static void request_read(struct coap_reading *r)
{
	const struct coap_event *coap = r->coap;
	const struct event *event = &r->event;
	bool observable = coap->code_index == coap_code_index(COAP_CODE(0, 1)) || coap->code_index == coap_code_index(COAP_CODE(0, 5));
	r->event.message = COAP_REQUEST;
	set_action(r, ACTION_REQUEST, OUTCOME_UNKNOWN);
	if (observable && coap_has(event, COAP_OPTION_observe) && coap->number[COAP_OPTION_observe] <= 1)
		set_action(r, coap->number[COAP_OPTION_observe] ? ACTION_UNSUBSCRIBE : ACTION_SUBSCRIBE, OUTCOME_UNKNOWN);
	if (coap_has(event, COAP_OPTION_hop_limit) && !coap->number[COAP_OPTION_hop_limit])
		coap_fault(&r->faults, "hop_limit_zero"); /* RFC 8768 section 3 */
	if (coap_has(event, COAP_OPTION_proxy_uri)) {
		r->event.resource = (struct slices){&coap->text[COAP_OPTION_proxy_uri], 1};
	} else if (event_has(event, COAP_BIT_PATH) || !coap_has(event, COAP_OPTION_oscore)) { /* OSCORE hides the path */
		if (!event_has(event, COAP_BIT_PATH))
			r->coap->uri_path = slice_text("/");
		event_set(&r->event, COAP_BIT_PATH);
		r->event.resource = (struct slices){&coap->uri_path, 1};
	}
}

static void response_read(struct coap_reading *r)
{
	unsigned class = r->coap->code >> 5;
	r->event.message = COAP_RESPONSE;
	set_action(r, ACTION_RESPOND, class == 2 ? OUTCOME_SUCCESS : class == 3 ? OUTCOME_UNKNOWN : OUTCOME_FAILURE);
	if (class >= 4) {
		const char *name = coap_code_name(r->coap->code_index);
		r->event.reason = slice_text(r->coap->code_index ? name : class == 4 ? "client_error" : "server_error");
	}
}

static void empty_read(struct coap_reading *r)
{
	static const uint8_t messages[] = {COAP_PING, COAP_EMPTY, COAP_ACK, COAP_RESET};
	r->event.message = r->reliable ? COAP_EMPTY : messages[r->coap->type];
	switch (r->event.message) {
	case COAP_ACK:
		set_action(r, ACTION_DELIVER, OUTCOME_SUCCESS);
		break;
	case COAP_RESET:
		set_action(r, ACTION_DELIVER, OUTCOME_FAILURE);
		break;
	default:
		set_action(r, ACTION_KEEPALIVE, OUTCOME_UNKNOWN);
		break;
	}
}

/* RFC 8323 section 5. */
static void signal_read(struct coap_reading *r)
{
	static const struct { uint8_t message, action, outcome; } signals[] = {
		{COAP_EMPTY, ACTION_KEEPALIVE, OUTCOME_UNKNOWN}, {COAP_CSM, ACTION_CONNECT, OUTCOME_UNKNOWN},
		{COAP_PING, ACTION_KEEPALIVE, OUTCOME_UNKNOWN}, {COAP_PONG, ACTION_KEEPALIVE, OUTCOME_SUCCESS},
		{COAP_RELEASE, ACTION_DISCONNECT, OUTCOME_SUCCESS}, {COAP_ABORT, ACTION_DISCONNECT, OUTCOME_FAILURE}};
	unsigned detail = r->coap->code & 31;
	detail = detail < sizeof signals / sizeof *signals ? detail : 0;
	r->event.message = signals[detail].message;
	set_action(r, signals[detail].action, signals[detail].outcome);
	if (detail == 1 && r->parse->direction == TO_CLIENT)
		set_action(r, ACTION_HANDSHAKE, OUTCOME_SUCCESS);
	if (detail == 5)
		r->event.reason = slice_text("abort");
	if (detail >= 4)
		r->parse->session->state = SESSION_ENDED;
}

/* --- what a login is in CoAP -------------------------------------------------------------------------------- */

static void tell_login(struct coap_reading *r, enum outcome outcome)
{
	struct event event = r->event;
	event.action = ACTION_AUTHENTICATE;
	event.outcome = (uint8_t)outcome;
	r->parse->emit(r->parse, &event);
}

/* A 4.01 is a refused login, unless it only asks for freshness (Echo, RFC 9175 section 2.3); a success on the path that was refused
 * is an accepted one. */
static void login_check(struct coap_reading *r)
{
	uint32_t *refused = &r->state->refused[r->asker];
	if (r->coap->retransmission || !r->event.resource.count || (!*refused && r->coap->code != COAP_CODE(4, 1)))
		return;
	uint32_t path = (uint32_t)hash_slice(r->event.resource.items[0], 0) | 1;
	if (r->coap->code == COAP_CODE(4, 1) && !coap_has(&r->event, COAP_OPTION_echo)) {
		*refused = path;
		tell_login(r, OUTCOME_FAILURE);
	} else if (r->coap->code >> 5 == 2 && *refused == path) {
		*refused = 0;
		tell_login(r, OUTCOME_SUCCESS);
	}
}

static void reading_emit(struct coap_reading *r)
{
	if (r->coap->retransmission && r->event.action != ACTION_REQUEST)
		r->event.outcome = OUTCOME_UNKNOWN; /* it failed or succeeded once */
	r->parse->emit(r->parse, &r->event);
	if (r->event.message == COAP_RESPONSE)
		login_check(r);
	for (unsigned i = 0; i < r->faults.count; i++) {
		struct event event = r->event;
		event.action = ACTION_VIOLATION;
		event.outcome = OUTCOME_FAILURE;
		event.reason = slice_text(r->faults.name[i]);
		r->parse->emit(r->parse, &event);
	}
}

void coap_report(struct parse *parse, const char *violation)
{
	struct event event = parse->base;
	event.action = ACTION_VIOLATION;
	event.outcome = OUTCOME_FAILURE;
	event.reason = slice_text(violation);
	parse->emit(parse, &event);
}

static void body_read(struct coap_reading *r)
{
	unsigned class = r->coap->code >> 5;
	if (class == 0)
		request_read(r);
	else
		response_read(r);
	if ((class == 0) != (r->parse->direction == TO_SERVER))
		coap_turn(r);
	r->coap->address_proven = r->reliable || r->state->proven[r->asker];
	if (r->refused)
		return;
	if (class == 0)
		coap_request_seen(r);
	else
		coap_response_seen(r);
}

void coap_finish(struct coap_reading *r, struct reader *reader, uint32_t token_bytes)
{
	struct coap_event *coap = r->coap;
	uint8_t code = coap->code, class = code >> 5;
	coap->token_raw = read_slice(reader, token_bytes);
	coap_memory_begin(r);
	coap->token = slice_of(coap->token_hex, coap_hex(coap->token_raw, coap->token_hex, sizeof coap->token_hex));
	if (reader->failed && !r->faults.cut)
		coap_fault(&r->faults, "token_beyond_end");
	event_set(&r->event, COAP_BIT_TOKEN);
	r->content = hash_slice(r->bytes, 0);
	coap_read_options(reader, class == 7 ? code : 0, coap, &r->event, &r->faults);
	coap->payload_bytes = coap->payload.size;
	coap->address_proven = r->reliable;
	if (code == 0) {
		empty_read(r);
		if (!r->reliable && !r->refused)
			coap_empty_seen(r);
	} else if (class == 7 && r->reliable) {
		signal_read(r);
	} else if (class == 1 || class >= 6) {
		coap_fault(&r->faults, "reserved_class");
		set_action(r, ACTION_KEEPALIVE, OUTCOME_UNKNOWN);
	} else {
		body_read(r);
	}
	reading_emit(r);
}

/* --- one datagram ------------------------------------------------------------------------------------------- */

/* Section 4: which codes a type may carry. */
static void type_check(struct coap_reading *r, uint8_t type, uint8_t code, uint32_t more)
{
	if (code == 0 && more)
		coap_fault(&r->faults, "empty_with_content");
	else if (code == 0 && type == COAP_NON)
		coap_fault(&r->faults, "empty_non");
	else if (code && type == COAP_TYPE_RST)
		coap_fault(&r->faults, "reset_with_code");
	else if (code && code >> 5 == 0 && type == COAP_TYPE_ACK)
		coap_fault(&r->faults, "request_in_ack");
	if (code >> 5 == 7)
		coap_fault(&r->faults, "signal_over_udp"); /* RFC 8323 section 5 */
	r->refused = r->faults.count != 0;
}

static enum verdict coap_parse(struct parse *parse, struct slice input)
{
	struct coap_reading r;
	struct coap_event coap;
	parse->consumed = input.size;
	if (input.size < HEADER || input.at[0] >> 6 != 1) {
		if (!parse->cut)
			coap_report(parse, input.size < HEADER ? "short_message" : "bad_version");
		return PARSE_BAD;
	}
	struct reader reader = reader_of(input);
	uint8_t head = read_u8(&reader), code = read_u8(&reader), token_bytes = head & 15;
	r.reliable = false;
	coap_begin(&r, parse, &coap, input, code);
	r.faults.cut = parse->cut;
	coap.type = head >> 4 & 3;
	coap.message_id = read_be16(&reader);
	event_set(&r.event, COAP_BIT_UDP);
	type_check(&r, coap.type, code, reader_left(&reader));
	if (token_bytes > TOKEN_MAX) {
		/* Reserved: nothing behind the header can be read (section 3). */
		coap_fault(&r.faults, "bad_token_length");
		r.refused = true;
		(void)read_rest(&reader);
		token_bytes = 0;
	}
	if (code == 0) {
		(void)read_rest(&reader);
		token_bytes = 0;
	}
	coap_finish(&r, &reader, token_bytes);
	return PARSE_MORE;
}

static void coap_prepare(const void *state, const struct memos *memos, uint8_t direction, struct slice input)
{
	struct reader reader = reader_of(input);
	uint8_t first = read_u8(&reader), code = read_u8(&reader);
	struct coap_head head = {.type = first >> 4 & 3, .code = code};
	head.message_id = read_be16(&reader);
	head.token = read_slice(&reader, first & 15);
	if (!reader.failed)
		coap_memory_prepare(state, memos, direction, &head);
}

const struct parser parser_coap = {
	.name = "coap",
	.protocol = PROTOCOL_COAP,
	.transport = TRANSPORT_UDP,
	.state_bytes = sizeof(struct coap_state),
	.fields = coap_fields,
	.messages = coap_messages,
	.probe = coap_probe,
	.parse = coap_parse,
	.prepare = coap_prepare,
};
