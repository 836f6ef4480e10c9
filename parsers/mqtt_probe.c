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

/* What may be the beginning of MQTT, but is too little to tell, is kept up to this size. */
enum { UNDECIDED_MAX = 1024 };

enum fit { FIT_NO, FIT_CUT, FIT_YES };

/* FIT_CUT: what there is of it fits, but it is too little to tell. */
static enum fit body_fit(const struct packet_at *at, struct slice body)
{
	enum { TELLING = 8 };
	if (body_plausible(at, body))
		return FIT_YES;
	if (body.size >= at->length)
		return FIT_NO;
	if (at->type != MQTT_PUBLISH || body.size < 2)
		return body.size < TELLING ? FIT_CUT : FIT_NO;
	uint32_t size = load_be16(body.at);
	if ((at->flags & 6) == 6 || size + 2 > at->length || (size && body.size >= size + 2))
		return FIT_NO;
	for (uint32_t i = 2; i < body.size && size; i++)
		if (body.at[i] < 0x20 || body.at[i] == 0x7f)
			return FIT_NO;
	return size || body.size < TELLING ? FIT_CUT : FIT_NO;
}

/* Filters up to the end, each with its options (MQTT 5.0 section 3.8.3.1: QoS and retain handling are at most 2). */
static bool filters_exact(struct reader r)
{
	bool exact = reader_left(&r) != 0;
	while (exact && reader_left(&r)) {
		struct slice filter = read_be16_slice(&r);
		uint8_t options = read_u8(&r);
		exact = !r.failed && printable(filter) && options <= 0x2e && (options & 3) != 3;
	}
	return exact;
}

/* A whole SUBSCRIBE in which all lengths add up, with the properties of MQTT 5 or without. */
static bool subscribe_exact(struct slice body)
{
	struct reader r = reader_of(body);
	read_skip(&r, 2);
	if (filters_exact(r))
		return true;
	read_skip(&r, read_u8(&r));
	return filters_exact(r);
}

/* Is there enough in it to be no accident? A whole packet of some length, or a PUBLISH up to the end of its topic. */
static bool body_strong(const struct packet_at *at, struct slice body)
{
	enum { STRONG = 12, TOPIC_MIN = 4, TOPIC_MAX = 512 };
	if (at->type == MQTT_SUBSCRIBE)
		return body.size == at->length && subscribe_exact(body);
	if (body.size == at->length && at->length >= STRONG && at->type != MQTT_SUBACK)
		return true;
	uint32_t size = at->type == MQTT_PUBLISH && body.size >= 2 ? load_be16(body.at) : 0;
	return size >= TOPIC_MIN && size <= TOPIC_MAX && at->length >= STRONG;
}

/* How many packets in a row begin here and look right. 0: not MQTT, or, with `cut`, not yet. `strong`: one of them is no accident. */
static unsigned chain(struct slice input, bool *strong, bool *cut)
{
	unsigned count = 0;
	*strong = *cut = false;
	while (input.size && count < 4) {
		struct packet_at at;
		enum verdict verdict = mqtt_header_read(input, &at);
		uint8_t type = input.at[0] >> 4;
		if (verdict == PARSE_BAD || type == MQTT_RESERVED || !mqtt_flags_legal(type, input.at[0] & 15)) {
			*strong = false;
			return 0;
		}
		*cut = verdict == PARSE_MORE;
		if (*cut)
			return count;
		struct slice body = slice_head(slice_of(input.at + at.header, input.size - at.header), at.length);
		enum fit fit = body_fit(&at, body);
		*cut = fit == FIT_CUT;
		if (fit != FIT_YES)
			return fit == FIT_CUT ? count : 0;
		*strong = *strong || body_strong(&at, body);
		*cut = body.size < at.length;
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
	enum { ROW = 3 };
	struct packet_at at;
	bool strong, cut;
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
	unsigned packets = chain(first, &strong, &cut);
	bool publishes = packets && !cut && type == MQTT_PUBLISH; /* short ones, whole: one may be an accident, a row is none */
	if (packets && (known || (strong && (packets > 1 || type == MQTT_PUBLISH || type == MQTT_SUBSCRIBE)) || (publishes && packets >= ROW)))
		return probe_side(type);
	if ((cut || publishes) && first.size < UNDECIDED_MAX)
		return PROBE_MAYBE;
	return known && type == MQTT_RESERVED ? PROBE_YES : PROBE_NO;
}

bool mqtt_find_boundary(struct slice *input, bool begins, uint32_t *passed)
{
	uint32_t keep = input->size;
	for (uint32_t i = 0; i < input->size; i++) {
		bool strong, cut;
		struct slice rest = slice_of(input->at + i, input->size - i);
		unsigned packets = chain(rest, &strong, &cut);
		if (packets && (packets > 1 || strong || (i == 0 && begins))) {
			*passed = i;
			*input = rest;
			return true;
		}
		if ((packets || cut) && keep == input->size && rest.size <= UNDECIDED_MAX)
			keep = i;
	}
	*passed = keep;
	return false;
}
