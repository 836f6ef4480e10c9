/* WebSocket (RFC 6455) with permessage-deflate (RFC 7692), from the upgrade on; what it carries reaches the parser of its
 * sub-protocol, or the one that its first bytes look like.
 *
 *   byte 1    FIN, RSV1-3, opcode (4 bits)
 *   byte 2    MASK, length (7 bits): 126 = two more bytes of it, 127 = eight more
 *   then      [masking key, 4 bytes], payload
 *
 * Payloads are unmasked piece by piece as they come: frames of any size need no room. */
#include "http.h"
#include "inflate.h"
#include <stddef.h>
#include <strings.h>

enum { OP_CONTINUATION, OP_TEXT, OP_BINARY, OP_CLOSE = 8, OP_PING, OP_PONG };
enum { PIECE = 4096, CONTROL_MAX = 125, HEADER_MAX = 14 };
enum websocket_message { WEBSOCKET_UPGRADE = 1, WEBSOCKET_FRAME, WEBSOCKET_CLOSE };
enum { BIT_PATH, BIT_SUBPROTOCOL, BIT_COMPRESSED, BIT_CLOSE, BIT_FRAME };

struct websocket_event {
	struct slice path, subprotocol;
	bool compressed, fin, mask;
	uint8_t opcode;
	uint16_t close_code;
};

struct side {
	uint64_t left;         /* of the payload of the frame at hand */
	uint32_t inflater;     /* inflate.h; 0 none */
	uint8_t key[4];
	uint8_t key_at;
	uint8_t opcode;        /* of the frame at hand; of a continuation, what it continues */
	bool masked, fin, in_message, compressed;
	bool whole;            /* the frame at hand is a message of its own that fits a piece */
	bool lost;             /* looking for the beginning of a frame */
	bool opaque;           /* what it carries can no longer be read */
};

struct websocket_state {
	struct side side[2];
	bool begun, deflate, coap;
	bool fresh[2];         /* each message is compressed by itself (no context takeover) */
	const struct parser *inner;
};
_Static_assert(sizeof(struct websocket_state) <= LIMIT_PARSER_STATE, "the state of a flow is bounded");

static const char *const messages[] = {"", "upgrade", "frame", "close", NULL};

#define ROW(name, type, member, message, bit, help) \
	{"websocket." name, type, BASE_DETAIL, offsetof(struct websocket_event, member), PROTOCOL_WEBSOCKET, message, bit, false, \
	 NULL, help}

static const struct field fields[] = {
	ROW("path", FIELD_TEXT, path, WEBSOCKET_UPGRADE, BIT_PATH, "path of the request that was upgraded"),
	ROW("subprotocol", FIELD_TEXT, subprotocol, WEBSOCKET_UPGRADE, BIT_SUBPROTOCOL, "Sec-WebSocket-Protocol that the server chose"),
	ROW("compressed", FIELD_BOOL, compressed, WEBSOCKET_UPGRADE, BIT_COMPRESSED, "permessage-deflate was agreed"),
	ROW("close_code", FIELD_U16, close_code, WEBSOCKET_CLOSE, BIT_CLOSE, "status code of a close frame; 1005 when it has none"),
	ROW("opcode", FIELD_U8, opcode, WEBSOCKET_FRAME, BIT_FRAME, "opcode of the frame"),
	ROW("fin", FIELD_BOOL, fin, WEBSOCKET_FRAME, BIT_FRAME, "last frame of its message"),
	ROW("mask", FIELD_BOOL, mask, WEBSOCKET_FRAME, BIT_FRAME, "the frame is masked"),
	{0},
};

/* --- events ------------------------------------------------------------------------------------------------- */

static struct slice cut_at_nul(struct slice *rest)
{
	uint32_t n = 0;
	while (n < rest->size && rest->at[n])
		n++;
	struct slice head = slice_head(*rest, n);
	n += n < rest->size;
	*rest = slice_of(rest->at + n, rest->size - n);
	return head;
}

static bool starts(struct slice text, const char *word)
{
	uint32_t size = (uint32_t)strlen(word);
	return text.size >= size && strncasecmp((const char *)text.at, word, size) == 0;
}

/* The upgrade was read by the HTTP parser, which left a note. */
static void begin(struct parse *parse)
{
	struct websocket_state *state = parse->state;
	struct websocket_event detail = {0};
	struct event event = parse->base;
	struct slice note;
	state->begun = true;
	event.message = WEBSOCKET_UPGRADE;
	event.action = ACTION_HANDSHAKE;
	event.outcome = OUTCOME_SUCCESS;
	event.detail = &detail;
	if (memo_get(parse->memos, memo_key(parse->flow_id, HTTP_MEMO_UPGRADE, 0), &note)) {
		detail.subprotocol = cut_at_nul(&note);
		struct slice flags = cut_at_nul(&note);
		detail.path = cut_at_nul(&note);
		state->deflate = flags.size == 3 && flags.at[0] == 'd';
		state->fresh[TO_SERVER] = flags.size == 3 && flags.at[1] == 'c';
		state->fresh[TO_CLIENT] = flags.size == 3 && flags.at[2] == 's';
		detail.compressed = state->deflate;
		event_set(&event, BIT_PATH);
		event_set(&event, BIT_COMPRESSED);
		event.resource = (struct slices){&detail.path, 1};
	}
	if (detail.subprotocol.size)
		event_set(&event, BIT_SUBPROTOCOL);
	if (starts(detail.subprotocol, "mqtt"))
		state->inner = &parser_mqtt;
	state->coap = slice_is(detail.subprotocol, "coap");
	if (state->coap)
		state->inner = &parser_coap_ws;
	parse->emit(parse, &event);
}

static void violate(struct parse *parse, const struct side *side, const char *name)
{
	struct websocket_event detail = {.opcode = side->opcode, .fin = side->fin, .mask = side->masked};
	struct event event = parse->base;
	event.message = WEBSOCKET_FRAME;
	event.action = ACTION_VIOLATION;
	event.outcome = OUTCOME_FAILURE;
	event.reason = slice_text(name);
	event.detail = &detail;
	event_set(&event, BIT_FRAME);
	parse->emit(parse, &event);
}

/* RFC 6455 section 7.4.1. */
static const char *close_reason(uint16_t code)
{
	static const char *const names[] = {NULL, "going_away", "protocol_error", "unsupported_data", "reserved", NULL, "abnormal",
					    "invalid_payload", "policy_violation", "message_too_big", "extension_missing",
					    "internal_error", "service_restart", "try_again_later", "bad_gateway", "tls_handshake"};
	return code >= 1000 && code < 1016 ? names[code - 1000] : "application_code";
}

static void close_frame(struct parse *parse, struct slice payload)
{
	struct reader r = reader_of(payload);
	struct websocket_event detail = {.close_code = payload.size ? read_be16(&r) : 1005};
	struct event event = parse->base;
	event.message = WEBSOCKET_CLOSE;
	event.action = ACTION_DISCONNECT;
	event.outcome = detail.close_code <= 1001 || detail.close_code == 1005 ? OUTCOME_SUCCESS : OUTCOME_FAILURE;
	event.reason = slice_text(close_reason(detail.close_code));
	event.detail = &detail;
	event_set(&event, BIT_CLOSE);
	parse->emit(parse, &event);
}

/* --- payload ------------------------------------------------------------------------------------------------ */

static void carry(struct parse *parse, struct slice bytes)
{
	const struct websocket_state *state = parse->state;
	parse->carry(parse, state->inner, bytes);
}

static void carry_inflated(void *context, struct slice bytes)
{
	carry(context, bytes);
}

static void inflate_piece(struct parse *parse, struct side *side, struct slice piece, bool last)
{
	const struct websocket_state *state = parse->state;
	enum inflated result = inflate_push(&side->inflater, parse->flow_id * 2 + parse->direction, piece, last,
					    state->fresh[parse->direction], carry_inflated, parse);
	if (result == INFLATE_GOOD)
		return;
	side->opaque = true;
	if (result != INFLATE_LOST)
		violate(parse, side, result == INFLATE_BOMB ? "decompression_bomb" : "bad_compressed_data");
}

static void unmask(struct side *side, const uint8_t *from, uint8_t *to, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		to[i] = from[i] ^ side->key[(side->key_at + i) & 3];
	side->key_at = (uint8_t)((side->key_at + size) & 3);
}

/* A piece of a data frame. */
static void payload_piece(struct parse *parse, struct side *side, struct slice piece)
{
	uint8_t plain[PIECE];
	if (side->masked) {
		unmask(side, piece.at, plain, piece.size);
		piece.at = plain;
	}
	side->left -= piece.size;
	if (side->compressed)
		inflate_piece(parse, side, piece, side->fin && !side->left);
	else if (piece.size)
		carry(parse, piece);
}

/* --- frames ------------------------------------------------------------------------------------------------- */

struct frame {
	uint8_t opcode;
	bool fin, rsv1, rsv23, masked;
	uint8_t key[4];
	uint64_t length;
	uint32_t header;
};

/* False: more bytes are needed, `*want` in all. */
static bool frame_read(struct slice input, struct frame *frame, uint32_t *want)
{
	*want = 2;
	if (input.size < 2)
		return false;
	struct reader r = reader_of(input);
	uint8_t first = read_u8(&r), second = read_u8(&r);
	uint32_t length = second & 127u, size = 2u + (length == 126 ? 2 : length == 127 ? 8 : 0) + (second & 128 ? 4 : 0);
	*want = size;
	if (input.size < size)
		return false;
	*frame = (struct frame){.opcode = first & 15, .fin = first & 128, .rsv1 = first & 64, .rsv23 = first & 48,
				.masked = second & 128, .header = size, .length = length};
	if (length == 126)
		frame->length = read_be16(&r);
	if (length == 127)
		frame->length = (uint64_t)read_be32(&r) << 32 | read_be32(&r);
	if (frame->masked)
		memcpy(frame->key, read_slice(&r, 4).at, 4);
	return true;
}

static const char *frame_fault(const struct websocket_state *state, const struct side *side, const struct frame *frame,
			       enum direction direction)
{
	bool control = frame->opcode & 8;
	if (frame->length >> 63)
		return "bad_length";
	if (frame->rsv23 || (frame->rsv1 && (!state->deflate || control || frame->opcode == OP_CONTINUATION)))
		return "reserved_bits";
	if ((frame->opcode & 7) > OP_BINARY)
		return "reserved_opcode";
	if (control && (!frame->fin || frame->length > CONTROL_MAX))
		return "bad_control_frame";
	if (frame->masked != (direction == TO_SERVER))
		return frame->masked ? "masked_server_frame" : "unmasked_client_frame";
	if (frame->opcode == OP_CONTINUATION && !side->in_message)
		return "unexpected_continuation";
	if (!control && frame->opcode != OP_CONTINUATION && side->in_message)
		return "unfinished_message";
	return NULL;
}

static void control_read(struct parse *parse, struct side *side, const struct frame *frame, struct slice payload)
{
	uint8_t plain[CONTROL_MAX + 1];
	struct side at = *side; /* the message around it goes on afterwards */
	memcpy(at.key, frame->key, sizeof at.key);
	at.key_at = 0;
	unmask(&at, payload.at, plain, payload.size);
	if (frame->opcode == OP_CLOSE)
		close_frame(parse, frame->masked ? slice_of(plain, payload.size) : payload);
}

static void data_begin(struct parse *parse, struct side *side, const struct frame *frame)
{
	side->left = frame->length;
	side->masked = frame->masked;
	side->fin = frame->fin;
	side->key_at = 0;
	memcpy(side->key, frame->key, sizeof side->key);
	if (frame->opcode != OP_CONTINUATION) {
		side->opcode = frame->opcode;
		side->compressed = frame->rsv1;
	}
	side->in_message = !frame->fin;
	side->whole = frame->fin && frame->opcode != OP_CONTINUATION && !frame->rsv1 && frame->length <= PIECE;
	if (!side->left && side->fin && side->compressed && !side->opaque)
		inflate_piece(parse, side, slice_of("", 0), true);
}

/* One frame's header, and of a control frame all of it. False: `parse->want` tells how much more is needed. */
static bool frame_take(struct parse *parse, struct side *side, struct slice *input, enum verdict *verdict)
{
	struct frame frame;
	uint32_t want;
	*verdict = PARSE_MORE;
	if (!frame_read(*input, &frame, &want)) {
		parse->want = want;
		return false;
	}
	bool control = frame.opcode & 8;
	const char *fault = frame_fault(parse->state, side, &frame, (enum direction)parse->direction);
	if (fault) {
		violate(parse, &(struct side){.opcode = frame.opcode, .fin = frame.fin, .masked = frame.masked}, fault);
		if (frame.length >> 63 || (control && frame.length > CONTROL_MAX)) {
			*verdict = PARSE_BAD;
			return false;
		}
	}
	uint32_t size = frame.header + (control ? (uint32_t)frame.length : 0);
	if (input->size < size) {
		parse->want = size;
		return false;
	}
	if (control)
		control_read(parse, side, &frame, slice_of(input->at + frame.header, (uint32_t)frame.length));
	else
		data_begin(parse, side, &frame);
	parse->consumed += size;
	*input = slice_of(input->at + size, input->size - size);
	return true;
}

/* After a gap: does a frame of this direction begin here and end where the bytes do, or is another behind it? */
static bool plausible(const struct websocket_state *state, struct slice input, enum direction direction)
{
	struct side none = {0};
	struct frame frame;
	uint32_t want;
	if (!frame_read(input, &frame, &want) || frame_fault(state, &none, &frame, direction) || !frame.fin)
		return false;
	return frame.length == input.size - frame.header ||
	       (frame.length < input.size - frame.header &&
		plausible(state, slice_of(input.at + frame.header + frame.length, input.size - frame.header - (uint32_t)frame.length),
			  direction));
}

static enum verdict websocket_parse(struct parse *parse, struct slice input)
{
	struct websocket_state *state = parse->state;
	struct side *side = &state->side[parse->direction];
	enum verdict verdict = PARSE_MORE;
	if (!state->begun)
		begin(parse);
	if (side->lost && !plausible(state, input, (enum direction)parse->direction)) {
		parse->consumed = input.size;
		return PARSE_MORE;
	}
	side->lost = false;
	while (input.size) {
		if (side->left && state->coap && side->whole && input.size < side->left) {
			parse->want = (uint32_t)side->left; /* a message of CoAP has no length of its own (RFC 8323 section 4.2) */
			return PARSE_MORE;
		}
		if (side->left && (side->opaque || (state->coap && !side->whole))) {
			uint32_t n = side->left < input.size ? (uint32_t)side->left : input.size;
			parse->consumed += n;
			parse->skip = side->left - n;
			side->left = 0;
			input = slice_of(input.at + n, input.size - n);
		} else if (side->left) {
			uint32_t n = side->left < PIECE ? (uint32_t)side->left : PIECE;
			struct slice piece = slice_head(input, n);
			payload_piece(parse, side, piece);
			parse->consumed += piece.size;
			input = slice_of(input.at + piece.size, input.size - piece.size);
		} else if (!frame_take(parse, side, &input, &verdict)) {
			return verdict;
		}
	}
	return PARSE_MORE;
}

static void websocket_gap(struct parse *parse, uint64_t missing)
{
	struct websocket_state *state = parse->state;
	struct side *side = &state->side[parse->direction];
	if (side->compressed && side->left && !state->fresh[parse->direction])
		side->opaque = true;
	parse->carry_lost(parse, missing < side->left ? missing : side->left ? side->left : missing);
	if (missing <= side->left) {
		side->left -= missing;
		side->key_at = (uint8_t)((side->key_at + missing) & 3);
		return;
	}
	side->left = 0;
	side->in_message = false;
	side->lost = true;
}

/* Keepalive is that of the inner protocol: the engine asks its parser. */
static void websocket_end(struct parse *parse)
{
	struct websocket_state *state = parse->state;
	for (unsigned i = 0; i < 2; i++)
		inflate_close(&state->side[i].inflater, parse->flow_id * 2 + i);
}

/* Begins with an upgrade, never with bytes of its own. */
static enum probe websocket_probe(struct slice first, uint8_t direction, uint16_t client_port, uint16_t server_port)
{
	(void)first, (void)direction, (void)client_port, (void)server_port;
	return PROBE_NO;
}

const struct parser parser_websocket = {
	.name = "websocket",
	.protocol = PROTOCOL_WEBSOCKET,
	.transport = TRANSPORT_TCP,
	.state_bytes = sizeof(struct websocket_state),
	.fields = fields,
	.messages = messages,
	.probe = websocket_probe,
	.parse = websocket_parse,
	.gap = websocket_gap,
	.end = websocket_end,
};
