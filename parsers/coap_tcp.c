/* CoAP over TCP and in WebSockets: RFC 8323 sections 3 and 4.
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-
 *   |  Len  |  TKL  | extended length | Code | Token | Options | 0xff Payload
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-
 *
 * Len counts options, marker and payload: up to 12 as it is; 13, 14, 15: one, two or four more bytes hold it, less 13, 269, 65805.
 * In a WebSocket Len is 0: a message is what one WebSocket message carries, and `carry` must bring it whole and alone.
 */
#include "coap.h"

enum { TOKEN_MAX = 8, PORT = 5683, HEAD_BYTES = 65536 };

struct frame {
	uint32_t header;  /* bytes before the token */
	uint32_t token;
	uint32_t whole;   /* bytes in all */
	uint8_t code;
	bool huge;        /* too long for 32 bits: no device means that */
};

/* PARSE_DONE: `out` is filled. */
static enum verdict frame_read(struct slice input, struct frame *out)
{
	static const struct { uint32_t bytes, base; } more[] = {{0, 0}, {1, 13}, {2, 269}, {4, 65805}};
	struct reader r = reader_of(input);
	uint8_t head = read_u8(&r);
	unsigned form = head >> 4 < 13 ? 0 : (head >> 4) - 12u;
	uint64_t length = form ? more[form].base : head >> 4;
	struct slice extended = read_slice(&r, more[form].bytes);
	uint64_t added = 0;
	for (uint32_t i = 0; i < extended.size; i++)
		added = added << 8 | extended.at[i];
	length += added;
	*out = (struct frame){.header = 2 + more[form].bytes, .token = head & 15, .code = read_u8(&r)};
	if (r.failed)
		return PARSE_MORE;
	length += out->header + out->token;
	out->huge = length > INT32_MAX;
	out->whole = out->huge ? UINT32_MAX : (uint32_t)length;
	return PARSE_DONE;
}

static bool code_possible(uint8_t code)
{
	unsigned class = code >> 5;
	return class == 0 || class == 2 || class == 4 || class == 5 || class == 7;
}

/* Does a whole message begin here in which every option is registered? `strong`: with enough in it to be no accident. */
static bool frame_plausible(struct slice input, struct frame *frame, bool *strong)
{
	unsigned options;
	if (frame_read(input, frame) != PARSE_DONE || frame->huge || frame->token > TOKEN_MAX || !coap_code_index(frame->code) ||
	    frame->whole > input.size)
		return false;
	struct reader r = reader_of(slice_head(input, frame->whole));
	read_skip(&r, frame->header + frame->token);
	*strong = coap_plausible(&r, frame->code, &options) && (options || frame->code >> 5 == 7);
	return *strong || frame->whole == frame->header + frame->token;
}

/* The first message of either side is a CSM (section 5.3), which is short. Without it only CoAP's port makes a claim. */
static enum probe tcp_probe(struct slice first, uint8_t direction, uint16_t client_port, uint16_t server_port)
{
	struct frame frame;
	bool strong = false, home = client_port == PORT || server_port == PORT;
	(void)direction;
	if (first.at[0] >> 4 > 13 && !home)
		return PROBE_NO;
	if (frame_read(first, &frame) != PARSE_DONE)
		return PROBE_MAYBE;
	if (frame.token > TOKEN_MAX || frame.huge || (!home && (frame.code != COAP_CODE(7, 1) || frame.whole > 64)))
		return PROBE_NO;
	if (home && (!code_possible(frame.code) || !coap_code_index(frame.code)))
		return PROBE_NO;
	if (first.size < frame.whole)
		return frame.code == COAP_CODE(7, 1) && frame.whole <= 64 ? PROBE_MAYBE : home ? PROBE_YES : PROBE_NO;
	struct reader r = reader_of(slice_head(first, frame.whole));
	unsigned options;
	read_skip(&r, frame.header + frame.token);
	if (frame.code == COAP_CODE(7, 1) && !home)
		return coap_plausible(&r, frame.code, &options) && (frame.whole > 2 || first.size > 2) ? PROBE_YES : PROBE_NO;
	return home || (frame_plausible(first, &frame, &strong) && strong) ? PROBE_YES : PROBE_NO;
}

/* What is inside a WebSocket is told by its sub-protocol "coap", not by its first bytes. */
static enum probe ws_probe(struct slice first, uint8_t direction, uint16_t client_port, uint16_t server_port)
{
	(void)first;
	(void)direction;
	(void)client_port;
	(void)server_port;
	return PROBE_NO;
}

/* `missing`: bytes of the message that are not in `message`. */
static void message_read(struct parse *parse, const struct frame *frame, struct slice message, uint32_t missing)
{
	struct coap_reading r;
	struct coap_event coap;
	struct coap_state *state = parse->state;
	struct reader reader = reader_of(message);
	uint32_t token = frame->token;
	r.reliable = true;
	coap_begin(&r, parse, &coap, message, frame->code);
	coap.bytes = message.size + missing;
	r.faults.cut = missing != 0;
	read_skip(&reader, frame->header);
	if (token > TOKEN_MAX) {
		coap_fault(&r.faults, "bad_token_length");
		r.refused = true;
		token = 0;
		(void)read_rest(&reader);
	}
	if (!state->introduced[parse->direction] && !parse->midstream && frame->code != COAP_CODE(7, 1) &&
	    frame->code != COAP_CODE(7, 5))
		coap_fault(&r.faults, "csm_missing"); /* section 5.3 */
	state->introduced[parse->direction] = true;
	coap_finish(&r, &reader, token);
}

/* After a loss: the next place where a message begins that says enough. */
static bool find_boundary(struct slice *input, uint32_t *passed)
{
	struct frame frame;
	bool strong;
	for (uint32_t i = 0; i + 2 <= input->size; i++) {
		struct slice rest = slice_of(input->at + i, input->size - i);
		if (!frame_plausible(rest, &frame, &strong) || !strong)
			continue;
		*passed = i;
		*input = rest;
		return true;
	}
	return false;
}

static enum verdict tcp_parse(struct parse *parse, struct slice input)
{
	struct coap_state *state = parse->state;
	uint8_t d = parse->direction;
	if (state->lost[d]) {
		uint32_t passed = 0;
		if (!find_boundary(&input, &passed)) {
			parse->consumed = input.size;
			return PARSE_MORE;
		}
		parse->consumed = passed;
		state->lost[d] = false;
	}
	while (input.size) {
		struct frame frame;
		if (frame_read(input, &frame) != PARSE_DONE)
			return PARSE_MORE;
		if (frame.huge || !code_possible(frame.code)) {
			coap_report(parse, frame.huge ? "message_too_large" : "reserved_class");
			return PARSE_BAD;
		}
		uint32_t need = frame.whole > LIMIT_MESSAGE ? HEAD_BYTES : frame.whole;
		if (input.size < need) {
			parse->want = need;
			return PARSE_MORE;
		}
		parse->counters->messages_cut += need < frame.whole;
		message_read(parse, &frame, slice_head(input, need), frame.whole - need);
		if (input.size < frame.whole) {
			parse->consumed += input.size;
			parse->skip = frame.whole - input.size;
			return PARSE_MORE;
		}
		parse->consumed += frame.whole;
		input = slice_of(input.at + frame.whole, input.size - frame.whole);
	}
	return PARSE_MORE;
}

static enum verdict ws_parse(struct parse *parse, struct slice input)
{
	struct frame frame;
	parse->consumed = input.size;
	if (frame_read(input, &frame) != PARSE_DONE || input.at[0] >> 4 || !code_possible(frame.code)) {
		coap_report(parse, input.size < 2 ? "short_message" : input.at[0] >> 4 ? "length_in_websocket" : "reserved_class");
		return PARSE_MORE;
	}
	message_read(parse, &frame, input, 0);
	return PARSE_MORE;
}

static void tcp_gap(struct parse *parse, uint64_t missing)
{
	struct coap_state *state = parse->state;
	(void)missing;
	state->lost[parse->direction] = true;
	state->introduced[parse->direction] = true;
	state->begun[0] = state->begun[1] = COAP_HALF_WAY;
}

static void ws_gap(struct parse *parse, uint64_t missing)
{
	tcp_gap(parse, missing);
	((struct coap_state *)parse->state)->lost[parse->direction] = false; /* the next message begins anew */
}

const struct parser parser_coap_tcp = {
	.name = "coap_tcp",
	.protocol = PROTOCOL_COAP,
	.transport = TRANSPORT_TCP,
	.state_bytes = sizeof(struct coap_state),
	.fields = coap_fields,
	.messages = coap_messages,
	.probe = tcp_probe,
	.parse = tcp_parse,
	.gap = tcp_gap,
};

/* Message by message, as datagrams come: what a call brings is one message. */
const struct parser parser_coap_ws = {
	.name = "coap_ws",
	.protocol = PROTOCOL_COAP,
	.transport = TRANSPORT_UDP,
	.state_bytes = sizeof(struct coap_state),
	.fields = coap_fields,
	.messages = coap_messages,
	.probe = ws_probe,
	.parse = ws_parse,
	.gap = ws_gap,
};
