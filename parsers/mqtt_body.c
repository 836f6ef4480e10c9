#include "mqtt.h"

enum property_type { BYTE, TWO, FOUR, VARINT, TEXT, DATA };

#define ON(type) (1u << (type))
enum { IN_WILL = 1u << 16, ACKS = ON(MQTT_PUBACK) | ON(MQTT_PUBREC) | ON(MQTT_PUBREL) | ON(MQTT_PUBCOMP) | ON(MQTT_SUBACK) |
	ON(MQTT_UNSUBACK) };

/* Which packets may carry a property: MQTT 5.0 section 2.2.2.2, table 2-4. */
static const uint32_t property_in[MQTT_PROPERTY_COUNT] = {
	[MQTT_PROPERTY_payload_format_indicator] = ON(MQTT_PUBLISH) | IN_WILL,
	[MQTT_PROPERTY_message_expiry_interval] = ON(MQTT_PUBLISH) | IN_WILL,
	[MQTT_PROPERTY_content_type] = ON(MQTT_PUBLISH) | IN_WILL,
	[MQTT_PROPERTY_response_topic] = ON(MQTT_PUBLISH) | IN_WILL,
	[MQTT_PROPERTY_correlation_data] = ON(MQTT_PUBLISH) | IN_WILL,
	[MQTT_PROPERTY_subscription_identifier] = ON(MQTT_PUBLISH) | ON(MQTT_SUBSCRIBE),
	[MQTT_PROPERTY_session_expiry_interval] = ON(MQTT_CONNECT) | ON(MQTT_CONNACK) | ON(MQTT_DISCONNECT),
	[MQTT_PROPERTY_assigned_client_identifier] = ON(MQTT_CONNACK),
	[MQTT_PROPERTY_server_keep_alive] = ON(MQTT_CONNACK),
	[MQTT_PROPERTY_authentication_method] = ON(MQTT_CONNECT) | ON(MQTT_CONNACK) | ON(MQTT_AUTH),
	[MQTT_PROPERTY_authentication_data] = ON(MQTT_CONNECT) | ON(MQTT_CONNACK) | ON(MQTT_AUTH),
	[MQTT_PROPERTY_request_problem_information] = ON(MQTT_CONNECT),
	[MQTT_PROPERTY_will_delay_interval] = IN_WILL,
	[MQTT_PROPERTY_request_response_information] = ON(MQTT_CONNECT),
	[MQTT_PROPERTY_response_information] = ON(MQTT_CONNACK),
	[MQTT_PROPERTY_server_reference] = ON(MQTT_CONNACK) | ON(MQTT_DISCONNECT),
	[MQTT_PROPERTY_reason_string] = ON(MQTT_CONNACK) | ACKS | ON(MQTT_DISCONNECT) | ON(MQTT_AUTH),
	[MQTT_PROPERTY_receive_maximum] = ON(MQTT_CONNECT) | ON(MQTT_CONNACK),
	[MQTT_PROPERTY_topic_alias_maximum] = ON(MQTT_CONNECT) | ON(MQTT_CONNACK),
	[MQTT_PROPERTY_topic_alias] = ON(MQTT_PUBLISH),
	[MQTT_PROPERTY_maximum_qos] = ON(MQTT_CONNACK),
	[MQTT_PROPERTY_retain_available] = ON(MQTT_CONNACK),
	[MQTT_PROPERTY_maximum_packet_size] = ON(MQTT_CONNECT) | ON(MQTT_CONNACK),
	[MQTT_PROPERTY_wildcard_subscription_available] = ON(MQTT_CONNACK),
	[MQTT_PROPERTY_subscription_identifier_available] = ON(MQTT_CONNACK),
	[MQTT_PROPERTY_shared_subscription_available] = ON(MQTT_CONNACK),
};

static const struct { uint8_t id, type; } property_kinds[MQTT_PROPERTY_COUNT] = {
#define X(id, name, type) {id, type},
	MQTT_PROPERTIES(X)
#undef X
};

enum { USER_PROPERTY = 0x26, LAST_PROPERTY = 0x2a };

/* Identifier to index, made by the compiler; 255 where there is none. */
static uint8_t property_index(uint8_t id)
{
	static const uint8_t index[LAST_PROPERTY + 1] = {
#define X(id, name, type) [id] = MQTT_PROPERTY_##name + 1,
		MQTT_PROPERTIES(X)
#undef X
	};
	return id <= LAST_PROPERTY ? (uint8_t)(index[id] - 1) : 255;
}

static void fault(struct mqtt_body *body, const char *violation)
{
	if (violation && !body->violation)
		body->violation = violation;
}

/* --- text --------------------------------------------------------------------------------------------------- */

/* Length of the well-formed sequence at `at` (RFC 3629, table in section 4), 0 when it is none. */
static unsigned utf8_sequence(const uint8_t *at, uint32_t left)
{
	uint8_t a = at[0];
	unsigned size = a < 0x80 ? 1 : a < 0xc2 ? 0 : a < 0xe0 ? 2 : a < 0xf0 ? 3 : a < 0xf5 ? 4 : 0;
	if (size == 0 || size > left)
		return 0;
	for (unsigned i = 1; i < size; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((a == 0xe0 && at[1] < 0xa0) || (a == 0xed && at[1] > 0x9f) || (a == 0xf0 && at[1] < 0x90) ||
	    (a == 0xf4 && at[1] > 0x8f))
		return 0;
	return size;
}

const char *mqtt_check_text(struct slice text)
{
	const uint8_t *at = text.at;
	uint32_t left = text.size;
	while (left) {
		uint64_t eight;
		if (left >= sizeof eight) { /* eight ASCII characters, none of them NUL, at a time */
			memcpy(&eight, at, sizeof eight);
			uint64_t zero = (eight - 0x0101010101010101u) & ~eight;
			if (!((eight | zero) & 0x8080808080808080u)) {
				at += sizeof eight;
				left -= (uint32_t)sizeof eight;
				continue;
			}
		}
		unsigned size = utf8_sequence(at, left);
		if (size == 0)
			return "invalid_utf8";
		if (*at == 0)
			return "nul_in_string";
		at += size;
		left -= size;
	}
	return NULL;
}

/* MQTT 5.0 section 4.8.2: $share/NAME/FILTER, neither of them empty, the name without a wildcard. Brokers take it from
 * MQTT 3.1.1 clients as well. */
static bool share_valid(struct slice filter)
{
	uint32_t at = 7;
	while (at < filter.size && filter.at[at] != '/') {
		if (filter.at[at] == '#' || filter.at[at] == '+')
			return false;
		at++;
	}
	return at > 7 && at + 1 < filter.size;
}

/* MQTT 5.0 section 4.7.1: '#' only as the last level, '#' and '+' only as a whole level. */
bool mqtt_filter_valid(struct slice filter)
{
	for (uint32_t i = 0; i < filter.size; i++) {
		uint8_t c = filter.at[i];
		if (c != '#' && c != '+')
			continue;
		bool begins = i == 0 || filter.at[i - 1] == '/';
		bool ends = i + 1 == filter.size || (c == '+' && filter.at[i + 1] == '/');
		if (!begins || !ends)
			return false;
	}
	return filter.size != 0 && (!slice_starts(filter, slice_text("$share/")) || share_valid(filter));
}

/* --- properties --------------------------------------------------------------------------------------------- */

static void read_user_property(struct reader *r, struct mqtt_properties *out, struct mqtt_body *body)
{
	struct slice name = read_be16_slice(r), value = read_be16_slice(r);
	if (r->failed)
		return;
	fault(body, mqtt_check_text(name));
	fault(body, mqtt_check_text(value));
	if (out->user_count < MQTT_USER_PROPERTIES_MAX) {
		out->name[out->user_count] = name;
		out->value[out->user_count] = value;
		out->user_names = (struct slices){out->name, out->user_count + 1};
		out->user_values = (struct slices){out->value, out->user_count + 1};
	}
	out->user_count++;
}

/* Section 2.2.2.2 makes other values of these an error; of the payload format indicator it does not say so. */
static bool number_legal(unsigned index, uint32_t number)
{
	switch (index) {
	case MQTT_PROPERTY_receive_maximum:
	case MQTT_PROPERTY_maximum_packet_size:
	case MQTT_PROPERTY_subscription_identifier:
		return number != 0;
	case MQTT_PROPERTY_payload_format_indicator:
		return true;
	default:
		return property_kinds[index].type != BYTE || number <= 1;
	}
}

static bool has_wildcard(struct slice topic)
{
	return memchr(topic.at, '#', topic.size) || memchr(topic.at, '+', topic.size);
}

static void read_property(struct reader *r, unsigned index, struct mqtt_properties *out, struct mqtt_body *body)
{
	switch (property_kinds[index].type) {
	case BYTE:
		out->number[index] = read_u8(r);
		break;
	case TWO:
		out->number[index] = read_be16(r);
		break;
	case FOUR:
		out->number[index] = read_be32(r);
		break;
	case VARINT:
		out->number[index] = read_varint(r);
		break;
	case TEXT:
		out->text[index] = read_be16_slice(r);
		fault(body, mqtt_check_text(out->text[index]));
		if (index == MQTT_PROPERTY_response_topic && has_wildcard(out->text[index])) /* [MQTT-3.3.2-14] */
			fault(body, "wildcard_in_topic");
		return;
	default:
		out->number[index] = read_be16_slice(r).size;
		return;
	}
	if (!r->failed && !number_legal(index, out->number[index]))
		fault(body, "bad_property_value");
}

void mqtt_read_properties(struct reader *r, uint8_t type, bool in_will, struct mqtt_properties *out,
			  struct event *event, struct mqtt_body *body)
{
	unsigned first_bit = in_will ? MQTT_BIT_WILL_PROPERTY : MQTT_BIT_PROPERTY;
	uint32_t size = read_varint(r);
	if (body->cut && size > reader_left(r))
		size = reader_left(r);
	struct reader list = reader_of(read_slice(r, size));
	out->user_count = 0;
	while (reader_left(&list)) {
		uint8_t id = read_u8(&list);
		unsigned index = property_index(id);
		if (id == USER_PROPERTY) {
			read_user_property(&list, out, body);
			continue;
		}
		if (index >= MQTT_PROPERTY_COUNT) { /* its length is unknown: the rest of the list is lost */
			if (!list.failed)
				fault(body, "unknown_property");
			break;
		}
		if (!(property_in[index] & (in_will ? (uint32_t)IN_WILL : ON(type))))
			fault(body, "misplaced_property");
		bool again = event_has(event, first_bit + index);
		if (again && !(type == MQTT_PUBLISH && index == MQTT_PROPERTY_subscription_identifier))
			fault(body, "duplicate_property");
		read_property(&list, index, out, body);
		if (!list.failed)
			event_set(event, first_bit + index);
	}
	if (list.failed && !body->cut)
		fault(body, "malformed_packet");
	if (out->user_count)
		event_set(event, in_will ? MQTT_BIT_WILL_USER_PROPERTIES : MQTT_BIT_USER_PROPERTIES);
}
