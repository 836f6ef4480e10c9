/* MQTT 3.1, 3.1.1 and 5.0.
 *
 *   byte 1     type (4 bits), flags (4 bits)
 *   byte 2..5  remaining length, a variable byte integer
 *   then       variable header, [properties, MQTT 5], payload
 */
#include "mqtt_reading.h"

/* Of a packet larger than LIMIT_MESSAGE so much is read; the rest is skipped. */
enum { HEAD_BYTES = LIMIT_MESSAGE / 2 };

/* How many bytes of a PUBLISH are needed before its payload. 0: not known yet. */
static uint32_t publish_head(const struct mqtt_state *state, const struct packet_at *at, struct slice input)
{
	uint32_t whole = at->header + at->length;
	uint32_t unknown = input.size < whole ? 0 : whole; /* the whole packet is there and contradicts itself */
	struct slice body = slice_of(input.at + at->header, input.size - at->header);
	struct reader r = reader_of(slice_head(body, at->length));
	uint32_t need = 2u + read_be16(&r) + (at->flags & 6 ? 2u : 0u);
	if (r.failed)
		return unknown;
	if (state->version == 5 && need < at->length) {
		read_skip(&r, need - 2);
		uint32_t before = reader_left(&r);
		uint32_t properties = read_varint(&r);
		if (r.failed)
			return before >= 4 ? whole : unknown;
		need += before - reader_left(&r) + properties;
	}
	return at->header + (need < at->length ? need : at->length);
}

static void forget_past(struct mqtt_state *state)
{
	state->careful = true;
	state->inflight[0] = state->inflight[1] = 0;
	state->qos2_open[0] = state->qos2_open[1] = 0;
}

/* The first bytes of a direction; after a loss, those before the next boundary. False when all are passed over or too few. */
static bool find_place(struct parse *parse, struct slice *input)
{
	struct mqtt_state *state = parse->state;
	uint8_t d = parse->direction;
	uint32_t passed = 0;
	if (!state->begun[d]) {
		state->begun[d] = true;
		state->careful = state->careful || parse->midstream;
		state->lost[d] = parse->midstream ? PLACE_LOST : PLACE_KNOWN;
	}
	if (state->lost[d] == PLACE_KNOWN)
		return true;
	bool found = mqtt_find_boundary(input, state->lost[d] == PLACE_LOST, &passed);
	parse->consumed += passed;
	if (found)
		state->lost[d] = PLACE_KNOWN;
	else if (passed)
		state->lost[d] = PLACE_SEARCHED;
	return found;
}

/* What cannot be a packet. Once bytes were lost it is more likely that the boundary was none than that the sender is at
 * fault: PARSE_MORE, and the search goes on. */
static enum verdict no_packet(struct parse *parse, uint8_t type, const char *violation)
{
	struct mqtt_state *state = parse->state;
	if (!state->careful) {
		mqtt_report(parse, type, violation);
		return PARSE_BAD;
	}
	state->lost[parse->direction] = PLACE_SEARCHED;
	return PARSE_MORE;
}

/* One packet off the front of `input`: `*used` of its bytes are finished with. PARSE_MORE: it is not whole yet. */
static enum verdict next_packet(struct parse *parse, struct slice input, uint32_t *used)
{
	struct packet_at at;
	enum verdict verdict = mqtt_header_read(input, &at);
	*used = 0;
	if (verdict == PARSE_MORE)
		return PARSE_MORE;
	if (verdict == PARSE_BAD || (at.type == MQTT_RESERVED && ((struct mqtt_state *)parse->state)->careful)) {
		*used = 1;
		return no_packet(parse, input.at[0] >> 4, "bad_length") == PARSE_BAD ? PARSE_BAD : PARSE_DONE;
	}
	uint32_t whole = at.header + at.length;
	uint32_t need = at.type == MQTT_PUBLISH ? publish_head(parse->state, &at, input) : whole;
	bool cut = need > LIMIT_MESSAGE;
	need = cut ? HEAD_BYTES : need;
	if (!need || input.size < need) {
		parse->want = need;
		return PARSE_MORE;
	}
	parse->counters->messages_cut += cut;
	if (at.type == MQTT_RESERVED)
		mqtt_report(parse, MQTT_RESERVED, "reserved_type");
	else
		mqtt_packet_read(parse, &at, slice_of(input.at + at.header, (need < whole ? need : whole) - at.header), cut);
	*used = input.size < whole ? input.size : whole;
	parse->skip = whole - *used;
	return PARSE_DONE;
}

static enum verdict mqtt_parse(struct parse *parse, struct slice input)
{
	struct mqtt_state *state = parse->state;
	while (input.size) {
		uint32_t used;
		if ((state->lost[parse->direction] || !state->begun[parse->direction]) && !find_place(parse, &input))
			return PARSE_MORE;
		enum verdict verdict = next_packet(parse, input, &used);
		if (verdict != PARSE_DONE)
			return verdict;
		parse->consumed += used;
		input = slice_of(input.at + used, input.size - used);
	}
	return PARSE_MORE;
}

static void mqtt_gap(struct parse *parse, uint64_t missing)
{
	struct mqtt_state *state = parse->state;
	(void)missing;
	forget_past(state);
	state->begun[parse->direction] = true;
	state->lost[parse->direction] = PLACE_LOST;
	if (parse->direction == TO_SERVER)
		parse->session->overdue = false; /* what was lost it had said in time, for all we know */
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
