#include "mqtt_reading.h"

/* --- the fixed header --------------------------------------------------------------------------------------- */

/* PARSE_DONE: `at` is filled. A header that is malformed is PARSE_BAD. */
enum verdict mqtt_header_read(struct slice input, struct packet_at *at)
{
	if (input.size < 2)
		return PARSE_MORE;
	uint32_t length = 0;
	for (unsigned i = 1; i <= 4; i++) {
		if (i >= input.size)
			return PARSE_MORE;
		length |= (uint32_t)(input.at[i] & 0x7f) << (7 * (i - 1));
		if (!(input.at[i] & 0x80)) {
			*at = (struct packet_at){input.at[0] >> 4, input.at[0] & 15, i + 1, length};
			return PARSE_DONE;
		}
	}
	return PARSE_BAD;
}

bool mqtt_flags_legal(uint8_t type, uint8_t flags)
{
	if (type == MQTT_PUBLISH)
		return true; /* judged by themselves */
	return flags == (type == MQTT_PUBREL || type == MQTT_SUBSCRIBE || type == MQTT_UNSUBSCRIBE ? 2 : 0);
}

/* --- plausibility: is this MQTT? ---------------------------------------------------------------------------- */

static bool printable(struct slice text)
{
	for (uint32_t i = 0; i < text.size; i++)
		if (text.at[i] < 0x20 || text.at[i] == 0x7f)
			return false;
	return text.size != 0 && !mqtt_check_text(text);
}

static bool names_mqtt(struct slice body)
{
	struct reader r = reader_of(body);
	struct slice name = read_be16_slice(&r);
	return slice_is(name, "MQTT") || slice_is(name, "MQIsdp");
}

/* Is what follows a reason code the property list of an MQTT 5 packet, and its end? Short lists only. */
static bool ends_in_properties(struct slice body, uint32_t at, uint32_t length)
{
	return length == at || (length > at && (body.size <= at || body.at[at] == length - at - 1));
}

/* An empty topic is legal in MQTT 5 when an alias stands for it. */
static bool has_alias(const struct packet_at *at, struct slice body)
{
	enum { TOPIC_ALIAS = 0x23 };
	struct reader r = reader_of(body);
	read_skip(&r, at->flags & 6 ? 4 : 2);
	struct slice properties = read_slice(&r, read_u8(&r));
	return !r.failed && properties.size >= 3 && memchr(properties.at, TOPIC_ALIAS, properties.size);
}

static bool publish_plausible(const struct packet_at *at, struct slice body)
{
	struct reader r = reader_of(body);
	struct slice topic = read_be16_slice(&r);
	if ((at->flags & 6) == 6 || at->length < 3 || r.failed)
		return false;
	return topic.size ? printable(topic) : has_alias(at, body);
}

/* Could this be the body of a packet of this type? `body` may be cut short. */
static bool body_plausible(const struct packet_at *at, struct slice body)
{
	uint32_t n = at->length;
	struct reader r = reader_of(body);
	switch (at->type) {
	case MQTT_CONNECT:
		return names_mqtt(body);
	case MQTT_CONNACK:
		return n >= 2 && body.size >= 2 && body.at[0] <= 1 && (n == 2 || body.size < 3 || n == 3u + body.at[2]);
	case MQTT_PUBLISH:
		return publish_plausible(at, body);
	case MQTT_PUBACK:
	case MQTT_PUBREC:
	case MQTT_PUBREL:
	case MQTT_PUBCOMP:
		return n >= 2 && read_be16(&r) != 0 && (n == 2 || (!r.failed && ends_in_properties(body, 3, n)));
	case MQTT_SUBSCRIBE:
	case MQTT_UNSUBSCRIBE:
		return n >= 5 && body.size >= 5 && read_be16(&r) != 0;
	case MQTT_SUBACK:
		return n >= 3 && n < 512 && read_be16(&r) != 0;
	case MQTT_UNSUBACK:
		return n >= 2 && n < 512 && read_be16(&r) != 0;
	case MQTT_PINGREQ:
	case MQTT_PINGRESP:
		return n == 0;
	case MQTT_DISCONNECT:
		return n == 0 || ends_in_properties(body, 1, n);
	case MQTT_AUTH:
		return n >= 2 && body.size && (body.at[0] == 0 || body.at[0] == 0x18 || body.at[0] == 0x19) &&
		       ends_in_properties(body, 1, n);
	default:
		return false;
	}
}

/* How many packets in a row begin here and look right; the last may be cut. 0: not MQTT. `strong` is set when one of
 * them has enough in it to be no accident. */
static unsigned chain(struct slice input, bool *strong)
{
	unsigned count = 0;
	*strong = false;
	while (input.size && count < 4) {
		struct packet_at at;
		if (mqtt_header_read(input, &at) != PARSE_DONE)
			return input.size < 5 ? count : 0;
		struct slice body = slice_head(slice_of(input.at + at.header, input.size - at.header), at.length);
		if (!mqtt_flags_legal(at.type, at.flags) || !body_plausible(&at, body))
			return 0;
		*strong = *strong || (body.size == at.length && at.length >= 12 && at.type != MQTT_SUBACK);
		count++;
		uint32_t whole = at.header + body.size;
		input = slice_of(input.at + whole, input.size - whole);
	}
	return count;
}

static bool mqtt_port(uint16_t port)
{
	return port == 1883 || port == 1884 || port == 2883;
}

/* Any flags: a CONNECT with reserved bits is a faulty one. */
static enum probe probe_connect(struct slice first, const struct packet_at *at, bool known)
{
	static const struct { const char *bytes; uint32_t size; } names[] = {{"\0\4MQTT", 6}, {"\0\6MQIsdp", 8}};
	struct slice body = slice_of(first.at + at->header, first.size - at->header);
	if (names_mqtt(body))
		return PROBE_CLIENT;
	for (unsigned i = 0; i < sizeof names / sizeof *names && at->length >= 10; i++)
		if (body.size < names[i].size && memcmp(body.at, names[i].bytes, body.size) == 0)
			return PROBE_MAYBE;
	/* A CONNECT with another protocol name is the business of the port that it was sent to. */
	return known && !at->flags ? PROBE_YES : PROBE_NO;
}

/* Some packets only one side sends. */
static enum probe probe_side(uint8_t type)
{
	switch (type) {
	case MQTT_SUBSCRIBE:
	case MQTT_UNSUBSCRIBE:
	case MQTT_PINGREQ:
		return PROBE_CLIENT;
	case MQTT_CONNACK:
	case MQTT_SUBACK:
	case MQTT_UNSUBACK:
	case MQTT_PINGRESP:
		return PROBE_SERVER;
	default:
		return PROBE_YES;
	}
}

enum probe mqtt_probe(struct slice first, uint8_t direction, uint16_t client_port, uint16_t server_port)
{
	struct packet_at at;
	bool strong;
	bool known = mqtt_port(client_port) || mqtt_port(server_port);
	enum verdict verdict = mqtt_header_read(first, &at);
	(void)direction;
	if (verdict == PARSE_BAD)
		return PROBE_NO;
	uint8_t type = first.at[0] >> 4;
	if (verdict == PARSE_MORE)
		return known || type == MQTT_CONNECT || (type && mqtt_flags_legal(type, first.at[0] & 15)) ? PROBE_MAYBE : PROBE_NO;
	if (type == MQTT_CONNECT)
		return probe_connect(first, &at, known);
	unsigned packets = chain(first, &strong);
	if (known)
		return packets ? probe_side(type) : type == MQTT_RESERVED ? PROBE_YES : PROBE_NO;
	return packets && strong && (packets > 1 || type == MQTT_PUBLISH) ? probe_side(type) : PROBE_NO;
}

/* --- after a loss ------------------------------------------------------------------------------------------- */

enum place { PLACE_NO, PLACE_MAYBE, PLACE_YES };

enum {
	TOPIC_MAX = 1024,  /* a longer one is no landmark */
	WAIT_MAX = 32768   /* so large a packet is not waited for on suspicion */
};

/* Could a packet begin here of which only these bytes are known? */
static bool may_begin(const struct packet_at *at, struct slice body)
{
	struct reader r = reader_of(body);
	if (at->length > WAIT_MAX || !mqtt_flags_legal(at->type, at->flags))
		return false;
	if (at->type != MQTT_PUBLISH)
		return body.size < 5 && at->length >= 2 && at->type != MQTT_RESERVED;
	uint32_t topic = read_be16(&r);
	if ((at->flags & 6) == 6 || at->length < 3)
		return false;
	if (r.failed)
		return true;
	struct slice seen = slice_head(read_rest(&r), topic);
	for (uint32_t i = 0; i < seen.size; i++)
		if (seen.at[i] < 0x20 || seen.at[i] == 0x7f)
			return false;
	return topic && topic <= TOPIC_MAX && topic + 2 <= at->length;
}

/* Does a row of packets begin here? Alone and not all there, one is only a suspicion, except where a segment begins. */
static enum place place_judge(struct slice input, bool first)
{
	unsigned count = 0;
	bool strong = false;
	while (input.size && count < 4) {
		struct packet_at at;
		enum verdict verdict = mqtt_header_read(input, &at);
		if (verdict == PARSE_BAD)
			return PLACE_NO;
		if (verdict == PARSE_MORE)
			break;
		struct slice body = slice_head(slice_of(input.at + at.header, input.size - at.header), at.length);
		bool whole = body.size == at.length;
		if (!mqtt_flags_legal(at.type, at.flags) || !body_plausible(&at, body)) {
			if (whole || !may_begin(&at, body))
				return PLACE_NO;
			break;
		}
		if (!whole && !first && !count && at.length > WAIT_MAX)
			return PLACE_NO;
		strong = strong || (whole && at.length >= 12 && at.type != MQTT_SUBACK);
		count++;
		uint32_t used = at.header + body.size;
		input = slice_of(input.at + used, input.size - used);
	}
	return count && (first || count > 1 || strong) ? PLACE_YES : PLACE_MAYBE;
}

/* After a loss: the next place where a row of packets begins. False when there is none in these bytes: `*passed` of them are
 * of no use, behind them one may begin that is not all there. */
bool mqtt_find_boundary(struct slice *input, uint32_t *passed)
{
	uint32_t suspicion = input->size;
	for (uint32_t i = 0; i < input->size; i++) {
		struct slice rest = slice_of(input->at + i, input->size - i);
		switch (place_judge(rest, i == 0)) {
		case PLACE_YES:
			*passed = i;
			*input = rest;
			return true;
		case PLACE_MAYBE:
			suspicion = suspicion < i ? suspicion : i;
			break;
		default:
			break;
		}
	}
	*passed = suspicion;
	return false;
}
