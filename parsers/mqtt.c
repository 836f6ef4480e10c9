/* MQTT 3.1, 3.1.1 and 5.0.
 *
 *   byte 1     type (4 bits), flags (4 bits)
 *   byte 2..5  remaining length, a variable byte integer
 *   then       variable header, [properties, MQTT 5], payload
 */
#include "mqtt_reading.h"

/* Of a packet larger than LIMIT_MESSAGE so much is read; the rest is skipped. */
enum { HEAD_BYTES = 65536 };

/* --- framing ------------------------------------------------------------------------------------------------ */

/* How many bytes of a PUBLISH are needed before its payload. 0: not known yet. */
static uint32_t publish_head(const struct mqtt_state *state, const struct packet_at *at, struct slice input)
{
	struct reader r = reader_of(slice_of(input.at + at->header, input.size - at->header));
	uint32_t need = 2u + read_be16(&r) + (at->flags & 6 ? 2u : 0u);
	if (r.failed)
		return at->length < 2 ? at->header + at->length : 0;
	if (state->version == 5 && need < at->length) {
		read_skip(&r, need - 2);
		uint32_t before = reader_left(&r);
		uint32_t properties = read_varint(&r);
		if (r.failed)
			return before >= 4 ? at->header + at->length : 0;
		need += before - reader_left(&r) + properties;
	}
	return at->header + (need < at->length ? need : at->length);
}

/* How much of the packet must be there before it is read: all of it, of a PUBLISH what stands before the payload. */
static uint32_t bytes_needed(const struct mqtt_state *state, const struct packet_at *at, struct slice input)
{
	uint32_t whole = at->header + at->length;
	uint32_t need = at->type == MQTT_PUBLISH ? publish_head(state, at, input) : whole;
	return need > LIMIT_MESSAGE ? HEAD_BYTES : need;
}

static void forget_past(struct mqtt_state *state)
{
	state->careful = true;
	state->inflight[0] = state->inflight[1] = 0;
	state->qos2_open[0] = state->qos2_open[1] = 0;
}

static enum verdict mqtt_parse(struct parse *parse, struct slice input)
{
	struct mqtt_state *state = parse->state;
	uint8_t d = parse->direction;
	if (!state->begun[d]) {
		state->begun[d] = true;
		state->careful = state->careful || parse->midstream;
		state->lost[d] = parse->midstream;
	}
	if (state->lost[d]) {
		uint32_t passed = 0;
		if (!mqtt_find_boundary(&input, &passed)) {
			parse->consumed = input.size;
			return PARSE_MORE;
		}
		parse->consumed = passed;
		state->lost[d] = false;
	}
	while (input.size) {
		struct packet_at at;
		enum verdict verdict = mqtt_header_read(input, &at);
		if (verdict == PARSE_MORE)
			return PARSE_MORE;
		if (verdict == PARSE_BAD) {
			mqtt_report(parse, input.at[0] >> 4, "bad_length");
			return PARSE_BAD;
		}
		uint32_t whole = at.header + at.length, need = bytes_needed(state, &at, input);
		if (!need || input.size < need) {
			parse->want = need;
			return PARSE_MORE;
		}
		bool cut = at.type != MQTT_PUBLISH && whole > LIMIT_MESSAGE;
		parse->counters->messages_cut += cut;
		if (at.type == MQTT_RESERVED)
			mqtt_report(parse, MQTT_RESERVED, "reserved_type");
		else
			mqtt_packet_read(parse, &at, slice_of(input.at + at.header, (need < whole ? need : whole) - at.header), cut);
		if (input.size < whole) {
			parse->consumed += input.size;
			parse->skip = whole - input.size;
			return PARSE_MORE;
		}
		parse->consumed += whole;
		input = slice_of(input.at + whole, input.size - whole);
	}
	return PARSE_MORE;
}

static void mqtt_gap(struct parse *parse, uint64_t missing)
{
	struct mqtt_state *state = parse->state;
	(void)missing;
	forget_past(state);
	state->begun[parse->direction] = true;
	state->lost[parse->direction] = true;
}

static void mqtt_expire(struct parse *parse)
{
	struct session *session = parse->session;
	session->deadline_ns = 0;
	if (session->state != SESSION_UP)
		return;
	session->overdue = true;
	struct event event = parse->base;
	event.action = ACTION_KEEPALIVE;
	event.outcome = OUTCOME_FAILURE;
	event.reason = slice_text("keepalive_exceeded");
	parse->emit(parse, &event);
}

const struct parser parser_mqtt = {
	.name = "mqtt",
	.protocol = PROTOCOL_MQTT,
	.transport = TRANSPORT_TCP,
	.state_bytes = sizeof(struct mqtt_state),
	.fields = mqtt_fields,
	.messages = mqtt_messages,
	.probe = mqtt_probe,
	.parse = mqtt_parse,
	.gap = mqtt_gap,
	.expire = mqtt_expire,
};
