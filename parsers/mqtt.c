/* MQTT 3.1, 3.1.1 and 5.0.
 *
 *   byte 1     type (4 bits), flags (4 bits)
 *   byte 2..5  remaining length, a variable byte integer
 *   then       variable header, [properties, MQTT 5], payload
 */
#include "mqtt.h"
#include "../sensor/digest.h"
#include "../sensor/hash.h"

struct mqtt_state {
	uint8_t version;              /* 0 while unknown */
	bool connected;               /* CONNECT was seen */
	bool careful;                 /* joined half-way or bytes were lost: what contradicts the past is no violation */
	bool lost[2];                 /* looking for a packet boundary, by direction */
	bool begun[2];
	uint16_t keepalive_s;
	uint16_t alias_max[2];        /* of publishes in a direction */
	uint16_t receive_max[2];
	uint16_t inflight[2], qos2_open[2];
	uint32_t packet_max[2];       /* 0: no limit */
};
_Static_assert(sizeof(struct mqtt_state) <= LIMIT_PARSER_STATE, "the state of a flow is bounded");

enum { MEMO_ALIAS, MEMO_FILTERS };

/* Of a packet larger than LIMIT_MESSAGE so much is read; the rest is skipped. */
enum { HEAD_BYTES = 65536 };

struct packet_at {
	uint8_t type, flags;
	uint32_t header;              /* bytes of the fixed header */
	uint32_t length;              /* remaining length */
};

struct reading {
	struct parse *parse;
	struct mqtt_state *state;
	struct packet_at at;
	struct event event;
	struct mqtt_event *mqtt;
	struct mqtt_body body;
};

/* --- the fixed header --------------------------------------------------------------------------------------- */

/* PARSE_DONE: `at` is filled. A header that is malformed is PARSE_BAD. */
static enum verdict header_read(struct slice input, struct packet_at *at)
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

static bool flags_legal(uint8_t type, uint8_t flags)
{
	if (type == MQTT_PUBLISH)
		return true; /* judged by themselves */
	return flags == (type == MQTT_PUBREL || type == MQTT_SUBSCRIBE || type == MQTT_UNSUBSCRIBE ? 2 : 0);
}

/* MQTT 3.1 gave DUP and QoS a meaning in more packets (section 2.1): PUBREL, SUBSCRIBE and UNSUBSCRIBE may be DUP. */
static bool flags_legal_31(uint8_t type, uint8_t flags)
{
	return flags_legal(type, flags) || type != MQTT_CONNECT;
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

/* Could this be the body of a packet of this type? `body` may be cut short. */
static bool body_plausible(const struct packet_at *at, struct slice body)
{
	uint32_t n = at->length;
	struct reader r = reader_of(body);
	switch (at->type) {
	case MQTT_CONNECT:
		return names_mqtt(body);
	case MQTT_CONNACK:
		return n >= 2 && body.size >= 2 && body.at[0] <= 1 && (n == 2 || n == 3u + body.at[n > 2 && body.size > 2 ? 2 : 1]);
	case MQTT_PUBLISH:
		return (at->flags & 6) != 6 && n >= 3 && printable(read_be16_slice(&r)) && !r.failed;
	case MQTT_PUBACK:
	case MQTT_PUBREC:
	case MQTT_PUBREL:
	case MQTT_PUBCOMP:
		return n >= 2 && n <= 4 && read_be16(&r) != 0;
	case MQTT_SUBSCRIBE:
	case MQTT_UNSUBSCRIBE:
		return n >= 5 && body.size >= 5 && read_be16(&r) != 0 && (body.at[2] == 0 || body.size > 4);
	case MQTT_SUBACK:
		return n >= 3 && n < 512 && read_be16(&r) != 0;
	case MQTT_UNSUBACK:
		return n >= 2 && n < 512 && read_be16(&r) != 0;
	case MQTT_PINGREQ:
	case MQTT_PINGRESP:
		return n == 0;
	case MQTT_DISCONNECT:
		return n <= 2;
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
		if (header_read(input, &at) != PARSE_DONE)
			return input.size < 5 ? count : 0;
		struct slice body = slice_head(slice_of(input.at + at.header, input.size - at.header), at.length);
		if (!flags_legal(at.type, at.flags) || !body_plausible(&at, body))
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

static enum probe mqtt_probe(struct slice first, uint8_t direction, uint16_t client_port, uint16_t server_port)
{
	struct packet_at at;
	bool strong;
	bool known = mqtt_port(client_port) || mqtt_port(server_port);
	enum verdict verdict = header_read(first, &at);
	(void)direction;
	if (verdict == PARSE_BAD)
		return PROBE_NO;
	if (first.at[0] == MQTT_CONNECT << 4) {
		if (verdict == PARSE_MORE)
			return PROBE_MAYBE;
		struct slice body = slice_of(first.at + at.header, first.size - at.header);
		if (at.length < 10)
			return PROBE_NO;
		if (names_mqtt(body))
			return PROBE_CLIENT;
		if (body.size < 8 && (body.size < 1 || body.at[0] == 0) && (body.size < 2 || body.at[1] == 4 || body.at[1] == 6) &&
		    (body.size < 3 || body.at[2] == 'M'))
			return PROBE_MAYBE;
		/* A CONNECT with another protocol name is the business of the port that it was sent to. */
		return known ? PROBE_YES : PROBE_NO;
	}
	if (verdict == PARSE_MORE)
		return known ? PROBE_MAYBE : PROBE_NO;
	if (known)
		return chain(first, &strong) || at.type == MQTT_RESERVED ? PROBE_YES : PROBE_NO;
	unsigned packets = chain(first, &strong);
	return packets && strong && (packets > 1 || at.type == MQTT_PUBLISH) ? PROBE_YES : PROBE_NO;
}

/* --- events ------------------------------------------------------------------------------------------------- */

static void reading_begin(struct reading *r, struct parse *parse, const struct packet_at *at, struct mqtt_event *mqtt)
{
	r->parse = parse;
	r->state = parse->state;
	r->at = *at;
	r->event = parse->base;
	r->event.message = at->type;
	r->event.detail = mqtt;
	r->mqtt = mqtt;
	r->body = (struct mqtt_body){NULL, false};
	mqtt->type = at->type;
	mqtt->dup = at->flags >> 3 & 1;
	mqtt->qos = at->flags >> 1 & 3;
	mqtt->retain = at->flags & 1;
	mqtt->bytes = at->header + at->length;
	event_set(&r->event, MQTT_BIT_HEADER);
}

static void violate(struct reading *r, const char *violation)
{
	if (violation && !r->body.violation)
		r->body.violation = violation;
}

static void reading_emit(struct reading *r)
{
	if (r->state->version) {
		r->mqtt->version = r->state->version;
		event_set(&r->event, MQTT_BIT_VERSION);
	}
	r->parse->emit(r->parse, &r->event);
	if (!r->body.violation)
		return;
	struct event event = r->parse->base;
	event.message = r->event.message;
	event.detail = r->mqtt;
	event.present[0] = r->event.present[0] & (1ull << MQTT_BIT_HEADER | 1ull << MQTT_BIT_VERSION);
	event.resource = r->event.resource;
	event.action = ACTION_VIOLATION;
	event.outcome = OUTCOME_FAILURE;
	event.reason = slice_text(r->body.violation);
	r->parse->emit(r->parse, &event);
}

static void set_action(struct reading *r, enum action action, enum outcome outcome)
{
	r->event.action = (uint8_t)action;
	r->event.outcome = (uint8_t)outcome;
}

static bool is_v5(const struct reading *r)
{
	return r->state->version == 5;
}

static void read_own_properties(struct reading *r, struct reader *b)
{
	mqtt_read_properties(b, r->at.type, false, &r->mqtt->own, &r->event, &r->body);
}

static uint32_t property_or(const struct reading *r, enum mqtt_property property, uint32_t otherwise)
{
	return event_has(&r->event, MQTT_BIT_PROPERTY + (unsigned)property) ? r->mqtt->own.number[property] : otherwise;
}

static void read_message_id(struct reading *r, struct reader *b)
{
	r->mqtt->message_id = read_be16(b);
	if (b->failed)
		return;
	event_set(&r->event, MQTT_BIT_MESSAGE_ID);
	if (r->mqtt->message_id == 0)
		violate(r, "zero_message_id");
}

static void set_reason(struct reading *r, uint8_t code)
{
	const char *name = mqtt_reason(r->state->version, r->at.type, code);
	r->mqtt->reason_code = code;
	event_set(&r->event, MQTT_BIT_REASON_CODE);
	if (!name && (r->state->version || code))
		violate(r, "bad_reason_code");
	if (name && code)
		r->event.reason = slice_text(name);
}

/* --- session ------------------------------------------------------------------------------------------------ */

/* The client has spoken: its keepalive runs anew (MQTT 5.0 section 3.1.2.10: one and a half times the interval). */
static void keepalive_restart(struct parse *parse, const struct mqtt_state *state)
{
	struct session *session = parse->session;
	session->overdue = false;
	if (state->keepalive_s && (session->state == SESSION_UP || session->state == SESSION_ASKED))
		session->deadline_ns = parse->time_ns + (uint64_t)state->keepalive_s * (TW_SECOND / 2 * 3);
}

static void session_begin(struct reading *r, bool user, struct slice username, bool password, struct slice secret)
{
	struct session *session = r->parse->session;
	name_set(&session->client_id, r->mqtt->client_id);
	if (user)
		name_set(&session->user, username);
	if (password) {
		session->password = digest_secret(digest_salt(), secret);
		session->credential = digest_pair(digest_salt(), username, secret);
	}
	session->state = SESSION_ASKED;
}

static void will_read(struct reading *r, struct reader *b)
{
	struct mqtt_event *mqtt = r->mqtt;
	if (is_v5(r))
		mqtt_read_properties(b, MQTT_CONNECT, true, &mqtt->will, &r->event, &r->body);
	mqtt->will_topic = read_be16_slice(b);
	mqtt->will_bytes = read_be16_slice(b).size;
	if (b->failed)
		return;
	event_set(&r->event, MQTT_BIT_WILL);
	violate(r, mqtt_check_text(mqtt->will_topic));
	if (memchr(mqtt->will_topic.at, '#', mqtt->will_topic.size) || memchr(mqtt->will_topic.at, '+', mqtt->will_topic.size))
		violate(r, "wildcard_in_topic");
	else if (!mqtt->will_topic.size)
		violate(r, "empty_topic");
}

static void connect_flags(struct reading *r, uint8_t flags)
{
	struct mqtt_event *mqtt = r->mqtt;
	mqtt->clean_session = flags & 2;
	mqtt->has_will = flags & 4;
	mqtt->will_qos = flags >> 3 & 3;
	mqtt->will_retain = flags & 32;
	mqtt->has_password = flags & 64;
	mqtt->has_username = flags & 128;
	if (flags & 1 || (!mqtt->has_will && flags & 0x38))
		violate(r, "bad_connect_flags");
	if (mqtt->will_qos == 3)
		violate(r, "qos_3");
	if (mqtt->has_password && !mqtt->has_username && !is_v5(r))
		violate(r, "password_without_user");
}

/* MQTT 3.1.1 section 3.1: name, level, flags, keepalive, [properties], client id, [will], [user name], [password]. */
static void connect_read(struct reading *r, struct reader *b)
{
	struct mqtt_event *mqtt = r->mqtt;
	bool first = !r->state->connected;
	mqtt->protocol_string = read_be16_slice(b);
	uint8_t level = read_u8(b), flags = read_u8(b);
	mqtt->protocol_version = level & 0x7f; /* bit 7: a bridge says so (Mosquitto, RSMB) */
	mqtt->keepalive_s = read_be16(b);
	set_action(r, ACTION_CONNECT, OUTCOME_UNKNOWN);
	if (!first)
		violate(r, "second_connect");
	if (b->failed)
		return;
	event_set(&r->event, MQTT_BIT_CONNECT);
	bool is_31 = slice_is(mqtt->protocol_string, "MQIsdp"), is_mqtt = slice_is(mqtt->protocol_string, "MQTT");
	if (!is_31 && !is_mqtt)
		violate(r, "bad_protocol_name");
	else if (is_31 ? mqtt->protocol_version != 3 : mqtt->protocol_version != 4 && mqtt->protocol_version != 5)
		violate(r, "bad_protocol_version");
	if (first) {
		r->state->connected = true;
		r->state->version = mqtt->protocol_version;
		r->state->keepalive_s = mqtt->keepalive_s;
	}
	connect_flags(r, flags);
	if (is_v5(r))
		read_own_properties(r, b);
	mqtt->client_id = read_be16_slice(b);
	mqtt->client_id_bytes = mqtt->client_id.size;
	if (b->failed)
		return;
	event_set(&r->event, MQTT_BIT_CLIENT_ID);
	violate(r, mqtt_check_text(mqtt->client_id));
	if (mqtt->has_will)
		will_read(r, b);
	struct slice secret = {NULL, 0};
	if (mqtt->has_username) {
		mqtt->username = read_be16_slice(b);
		violate(r, mqtt_check_text(mqtt->username));
		if (!b->failed)
			event_set(&r->event, MQTT_BIT_USERNAME);
	}
	if (mqtt->has_password)
		secret = read_be16_slice(b);
	if (!first)
		return;
	session_begin(r, mqtt->has_username && event_has(&r->event, MQTT_BIT_USERNAME),
		      mqtt->has_username ? mqtt->username : slice_text(""), mqtt->has_password && !b->failed, secret);
	r->state->receive_max[TO_CLIENT] = (uint16_t)property_or(r, MQTT_PROPERTY_receive_maximum, UINT16_MAX);
	r->state->alias_max[TO_CLIENT] = (uint16_t)property_or(r, MQTT_PROPERTY_topic_alias_maximum, 0);
	r->state->packet_max[TO_CLIENT] = property_or(r, MQTT_PROPERTY_maximum_packet_size, 0);
}

static void connack_accept(struct reading *r)
{
	struct session *session = r->parse->session;
	struct mqtt_state *state = r->state;
	session->state = SESSION_UP;
	state->receive_max[TO_SERVER] = (uint16_t)property_or(r, MQTT_PROPERTY_receive_maximum, UINT16_MAX);
	state->alias_max[TO_SERVER] = (uint16_t)property_or(r, MQTT_PROPERTY_topic_alias_maximum, 0);
	state->packet_max[TO_SERVER] = property_or(r, MQTT_PROPERTY_maximum_packet_size, 0);
	state->keepalive_s = (uint16_t)property_or(r, MQTT_PROPERTY_server_keep_alive, state->keepalive_s);
	if (event_has(&r->event, MQTT_BIT_PROPERTY + MQTT_PROPERTY_assigned_client_identifier))
		name_set(&session->client_id, r->mqtt->own.text[MQTT_PROPERTY_assigned_client_identifier]);
	keepalive_restart(r->parse, state);
}

static void connack_read(struct reading *r, struct reader *b)
{
	uint8_t flags = read_u8(b), code = read_u8(b);
	if (!r->state->version && reader_left(b)) /* joined half-way: only MQTT 5 has more than two bytes here */
		r->state->version = 5;
	r->mqtt->session_present = flags & 1;
	if (b->failed) {
		set_action(r, ACTION_AUTHENTICATE, OUTCOME_UNKNOWN);
		return;
	}
	event_set(&r->event, MQTT_BIT_SESSION_PRESENT);
	set_action(r, ACTION_AUTHENTICATE, code ? OUTCOME_FAILURE : OUTCOME_SUCCESS);
	if (flags & 0xfe && r->state->version != 3)
		violate(r, "reserved_bits");
	set_reason(r, code);
	if (is_v5(r))
		read_own_properties(r, b);
	if (code) {
		r->parse->session->state = SESSION_REFUSED;
		r->parse->session->deadline_ns = 0;
	} else if (r->parse->session->state != SESSION_ENDED) {
		connack_accept(r);
	}
}

static void disconnect_read(struct reading *r, struct reader *b)
{
	uint8_t code = 0;
	if (reader_left(b) && (is_v5(r) || !r->state->version)) {
		r->state->version = 5;
		code = read_u8(b);
		if (reader_left(b))
			read_own_properties(r, b);
	}
	set_reason(r, code);
	set_action(r, ACTION_DISCONNECT, code >= 0x80 ? OUTCOME_FAILURE : OUTCOME_SUCCESS);
	r->parse->session->state = SESSION_ENDED;
	r->parse->session->deadline_ns = 0;
}

static void auth_read(struct reading *r, struct reader *b)
{
	uint8_t code = reader_left(b) ? read_u8(b) : 0;
	if (r->state->version && !is_v5(r))
		violate(r, "reserved_type");
	r->state->version = 5;
	set_reason(r, code);
	if (reader_left(b))
		read_own_properties(r, b);
	set_action(r, ACTION_AUTHENTICATE, code ? OUTCOME_UNKNOWN : OUTCOME_SUCCESS);
}

/* --- publish and its acknowledgements ----------------------------------------------------------------------- */

static void show_inflight(struct reading *r)
{
	r->mqtt->inflight = r->state->inflight[TO_SERVER];
	r->mqtt->qos2_open = r->state->qos2_open[TO_SERVER];
	event_set(&r->event, MQTT_BIT_INFLIGHT);
}

static void count_up(uint16_t *count)
{
	if (*count < UINT16_MAX)
		++*count;
}

static void count_down(uint16_t *count)
{
	if (*count)
		--*count;
}

static void publish_count(struct reading *r)
{
	struct mqtt_state *state = r->state;
	uint8_t d = r->parse->direction;
	if (r->mqtt->qos == 0 || r->mqtt->dup)
		return;
	count_up(&state->inflight[d]);
	if (r->mqtt->qos == 2)
		count_up(&state->qos2_open[d]);
	if (is_v5(r) && !state->careful && !r->event.one_sided && state->receive_max[d] && state->inflight[d] > state->receive_max[d])
		violate(r, "receive_maximum_exceeded");
}

static void ack_count(struct reading *r)
{
	struct mqtt_state *state = r->state;
	unsigned d = !r->parse->direction; /* an acknowledgement travels against the message */
	uint8_t type = r->at.type;
	bool ends = type == MQTT_PUBACK || type == MQTT_PUBCOMP || (type == MQTT_PUBREC && r->mqtt->reason_code >= 0x80);
	if (!ends)
		return;
	count_down(&state->inflight[d]);
	if (type != MQTT_PUBACK)
		count_down(&state->qos2_open[d]);
}

static void resolve_alias(struct reading *r)
{
	struct mqtt_event *mqtt = r->mqtt;
	uint8_t d = r->parse->direction;
	if (!event_has(&r->event, MQTT_BIT_PROPERTY + MQTT_PROPERTY_topic_alias)) {
		if (!mqtt->topic.size)
			violate(r, "empty_topic");
		return;
	}
	uint32_t alias = mqtt->own.number[MQTT_PROPERTY_topic_alias];
	uint64_t key = memo_key(r->parse->flow_id, MEMO_ALIAS, alias << 1 | d);
	if (alias == 0 || (alias > r->state->alias_max[d] && !r->state->careful && !r->event.one_sided && r->state->connected))
		violate(r, "topic_alias_invalid");
	if (mqtt->topic.size)
		memo_put(r->parse->memos, key, mqtt->topic);
	else if (!memo_get(r->parse->memos, key, &mqtt->topic) && !r->state->careful)
		violate(r, "topic_alias_invalid");
}

static void topic_check(struct reading *r)
{
	struct slice topic = r->mqtt->topic;
	violate(r, mqtt_check_text(topic));
	for (uint32_t i = 0; i < topic.size; i++)
		if (topic.at[i] == '#' || topic.at[i] == '+') {
			violate(r, "wildcard_in_topic");
			return;
		}
}

/* MQTT 3.1.1 section 3.3: topic, [packet identifier], [properties], payload. */
static void publish_read(struct reading *r, struct reader *b)
{
	struct mqtt_event *mqtt = r->mqtt;
	set_action(r, ACTION_PUBLISH, OUTCOME_UNKNOWN);
	if (mqtt->qos == 3)
		violate(r, "qos_3");
	if (mqtt->dup && mqtt->qos == 0)
		violate(r, "malformed_packet");
	uint32_t before = reader_left(b);
	mqtt->topic = read_be16_slice(b);
	if (b->failed)
		return;
	event_set(&r->event, MQTT_BIT_TOPIC);
	topic_check(r);
	if (mqtt->qos)
		read_message_id(r, b);
	if (is_v5(r)) {
		read_own_properties(r, b);
		resolve_alias(r);
	} else if (!mqtt->topic.size) {
		violate(r, "empty_topic");
	}
	if (!b->failed) {
		mqtt->payload_bytes = r->at.length - (before - reader_left(b));
		event_set(&r->event, MQTT_BIT_PAYLOAD);
	}
	if (mqtt->topic.size)
		r->event.resource = (struct slices){&mqtt->topic, 1};
	publish_count(r);
	if (r->parse->direction == TO_SERVER)
		show_inflight(r);
}

static void ack_read(struct reading *r, struct reader *b)
{
	read_message_id(r, b);
	uint8_t code = 0;
	if (reader_left(b) && (is_v5(r) || !r->state->version)) {
		code = read_u8(b);
		if (reader_left(b))
			read_own_properties(r, b);
	}
	set_reason(r, code);
	bool failed = code >= 0x80 || code == 0x10;
	set_action(r, ACTION_DELIVER, failed ? OUTCOME_FAILURE
			     : r->at.type == MQTT_PUBREL ? OUTCOME_UNKNOWN : OUTCOME_SUCCESS);
	ack_count(r);
	if (r->parse->direction == TO_CLIENT)
		show_inflight(r);
}

/* --- subscriptions ------------------------------------------------------------------------------------------ */

struct filters {
	struct slice topic[MQTT_TOPICS_MAX];
	uint8_t qos[MQTT_TOPICS_MAX];
	uint32_t count;
};

static void filters_keep(struct reading *r, const struct filters *filters)
{
	uint8_t packed[MEMO_VALUE_MAX];
	uint32_t used = 0, n = filters->count < MQTT_TOPICS_MAX ? filters->count : MQTT_TOPICS_MAX;
	for (uint32_t i = 0; i < n && used + 2 <= sizeof packed; i++) {
		uint32_t room = (uint32_t)sizeof packed - used - 1;
		uint32_t size = filters->topic[i].size < room ? filters->topic[i].size : room;
		size = size < UINT8_MAX ? size : UINT8_MAX;
		packed[used] = (uint8_t)size;
		memcpy(packed + used + 1, filters->topic[i].at, size);
		used += size + 1;
	}
	memo_put(r->parse->memos, memo_key(r->parse->flow_id, MEMO_FILTERS, r->mqtt->message_id), slice_of(packed, used));
}

static void filter_options_check(struct reading *r, uint8_t options)
{
	if ((options & 3) == 3)
		violate(r, "qos_3");
	if (r->state->version && options & (is_v5(r) ? 0xc0 : 0xfc))
		violate(r, "reserved_bits");
}

static void filters_read(struct reading *r, struct reader *b, struct filters *filters)
{
	bool options = r->at.type == MQTT_SUBSCRIBE;
	filters->count = 0;
	while (reader_left(b)) {
		struct slice topic = read_be16_slice(b);
		uint8_t option = options ? read_u8(b) : 0;
		if (b->failed)
			break;
		const char *bad = mqtt_check_text(topic);
		violate(r, bad ? bad : mqtt_filter_valid(topic) ? NULL : "bad_filter");
		if (options)
			filter_options_check(r, option);
		if (filters->count < MQTT_TOPICS_MAX) {
			filters->topic[filters->count] = topic;
			filters->qos[filters->count] = option & 3;
		}
		filters->count++;
	}
	if (!filters->count)
		violate(r, "empty_subscribe");
}

/* Joined half-way the version is not known: an MQTT 5 SUBSCRIBE shows by its empty property list, where 3.1.1 has the high
 * byte of the first filter's length and a plausible length after it. */
static bool looks_like_v5(const struct reader *b)
{
	struct reader r = *b;
	while (reader_left(&r)) {
		read_be16_slice(&r);
		read_u8(&r);
	}
	return r.failed;
}

static void subscribe_read(struct reading *r, struct reader *b, struct filters *filters)
{
	struct mqtt_event *mqtt = r->mqtt;
	set_action(r, r->at.type == MQTT_SUBSCRIBE ? ACTION_SUBSCRIBE : ACTION_UNSUBSCRIBE, OUTCOME_UNKNOWN);
	read_message_id(r, b);
	if (!r->state->version && r->at.type == MQTT_SUBSCRIBE && looks_like_v5(b))
		r->state->version = 5;
	if (is_v5(r))
		read_own_properties(r, b);
	filters_read(r, b, filters);
	uint32_t shown = filters->count < MQTT_TOPICS_MAX ? filters->count : MQTT_TOPICS_MAX;
	mqtt->topics = (struct slices){filters->topic, shown};
	mqtt->codes = slice_of(filters->qos, shown);
	mqtt->topic_count = filters->count;
	event_set(&r->event, MQTT_BIT_TOPICS);
	r->event.resource = mqtt->topics;
	filters_keep(r, filters);
}

/* Names the filters that an answer speaks of: the refused ones when there are such, else all. */
static void answered_filters(struct reading *r, struct filters *filters)
{
	struct slice packed;
	filters->count = 0;
	if (!memo_get(r->parse->memos, memo_key(r->parse->flow_id, MEMO_FILTERS, r->mqtt->message_id), &packed))
		return;
	struct reader list = reader_of(packed);
	for (uint32_t i = 0; i < r->mqtt->codes.size && reader_left(&list); i++) {
		struct slice topic = read_slice(&list, read_u8(&list));
		if (!list.failed && (!r->mqtt->refused || r->mqtt->codes.at[i] >= 0x80) && filters->count < MQTT_TOPICS_MAX)
			filters->topic[filters->count++] = topic;
	}
	r->event.resource = (struct slices){filters->topic, filters->count};
}

static void suback_read(struct reading *r, struct reader *b, struct filters *filters)
{
	struct mqtt_event *mqtt = r->mqtt;
	read_message_id(r, b);
	if (is_v5(r))
		read_own_properties(r, b);
	mqtt->codes = read_rest(b);
	mqtt->refused = 0;
	const char *reason = NULL;
	for (uint32_t i = 0; i < mqtt->codes.size; i++) {
		uint8_t code = mqtt->codes.at[i];
		const char *name = mqtt_reason(r->state->version == 5 ? 5 : 4, r->at.type, code);
		if (!name || (r->state->version && !is_v5(r) && code > 2 && code != 0x80))
			violate(r, "bad_reason_code");
		mqtt->refused += code >= 0x80;
		if (code >= 0x80 && !reason)
			reason = name ? name : "unspecified_error";
	}
	if (mqtt->codes.size || is_v5(r))
		event_set(&r->event, MQTT_BIT_CODES);
	set_action(r, r->at.type == MQTT_SUBACK ? ACTION_SUBSCRIBE : ACTION_UNSUBSCRIBE,
		   mqtt->refused ? OUTCOME_FAILURE : OUTCOME_SUCCESS);
	if (reason)
		r->event.reason = slice_text(reason);
	answered_filters(r, filters);
}

/* --- one packet --------------------------------------------------------------------------------------------- */

static bool direction_legal(uint8_t type, uint8_t direction)
{
	uint32_t both = 1u << MQTT_PUBLISH | 1u << MQTT_PUBACK | 1u << MQTT_PUBREC | 1u << MQTT_PUBREL | 1u << MQTT_PUBCOMP |
			1u << MQTT_DISCONNECT | 1u << MQTT_AUTH;
	uint32_t client = 1u << MQTT_CONNECT | 1u << MQTT_SUBSCRIBE | 1u << MQTT_UNSUBSCRIBE | 1u << MQTT_PINGREQ;
	return both >> type & 1 || (client >> type & 1) == (direction == TO_SERVER);
}

/* What the packet's place in the conversation says, before its body is read. */
static void place_check(struct reading *r)
{
	const struct session *session = r->parse->session;
	uint8_t type = r->at.type;
	bool client = r->parse->direction == TO_SERVER;
	if (!(r->state->version == 3 ? flags_legal_31(type, r->at.flags) : flags_legal(type, r->at.flags)))
		violate(r, "reserved_bits");
	if (r->state->careful)
		return;
	if (!direction_legal(type, r->parse->direction))
		violate(r, "malformed_packet");
	if (client && !r->state->connected && type != MQTT_CONNECT)
		violate(r, "not_connected");
	if (client && session->state == SESSION_REFUSED && r->parse->peer_heard && type != MQTT_DISCONNECT)
		violate(r, "data_after_refusal");
	if (r->state->packet_max[r->parse->direction] && r->mqtt->bytes > r->state->packet_max[r->parse->direction])
		violate(r, "packet_too_large");
}

static void body_read(struct reading *r, struct reader *b)
{
	struct filters filters;
	switch (r->at.type) {
	case MQTT_CONNECT:
		connect_read(r, b);
		break;
	case MQTT_CONNACK:
		connack_read(r, b);
		break;
	case MQTT_PUBLISH:
		publish_read(r, b);
		(void)read_rest(b);
		break;
	case MQTT_PUBACK:
	case MQTT_PUBREC:
	case MQTT_PUBREL:
	case MQTT_PUBCOMP:
		ack_read(r, b);
		break;
	case MQTT_SUBSCRIBE:
	case MQTT_UNSUBSCRIBE:
		subscribe_read(r, b, &filters);
		break;
	case MQTT_SUBACK:
	case MQTT_UNSUBACK:
		suback_read(r, b, &filters);
		break;
	case MQTT_DISCONNECT:
		disconnect_read(r, b);
		break;
	case MQTT_AUTH:
		auth_read(r, b);
		break;
	default:
		set_action(r, ACTION_KEEPALIVE, OUTCOME_SUCCESS);
		break;
	}
	if (!r->body.cut && (b->failed || reader_left(b)))
		violate(r, "malformed_packet");
	reading_emit(r); /* here: the filters live in this frame */
}

static void packet_read(struct parse *parse, const struct packet_at *at, struct slice body, bool cut)
{
	struct reading r;
	struct mqtt_event mqtt;
	struct reader b = reader_of(body);
	reading_begin(&r, parse, at, &mqtt);
	r.body.cut = cut;
	place_check(&r);
	body_read(&r, &b);
	if (parse->direction == TO_SERVER && at->type != MQTT_DISCONNECT)
		keepalive_restart(parse, r.state);
}

static void report(struct parse *parse, uint8_t type, const char *violation)
{
	struct event event = parse->base;
	event.message = type;
	event.action = ACTION_VIOLATION;
	event.outcome = OUTCOME_FAILURE;
	event.reason = slice_text(violation);
	parse->emit(parse, &event);
}

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

/* After a loss: the next place where a row of packets begins. False when there is none in these bytes. */
static bool find_boundary(struct slice *input, uint32_t *passed)
{
	bool strong;
	for (uint32_t i = 0; i < input->size; i++) {
		struct slice rest = slice_of(input->at + i, input->size - i);
		unsigned packets = chain(rest, &strong);
		if (packets && (i == 0 || packets > 1 || strong)) {
			*passed = i;
			*input = rest;
			return true;
		}
	}
	return false;
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
		if (!find_boundary(&input, &passed)) {
			parse->consumed = input.size;
			return PARSE_MORE;
		}
		parse->consumed = passed;
		state->lost[d] = false;
	}
	while (input.size) {
		struct packet_at at;
		enum verdict verdict = header_read(input, &at);
		if (verdict == PARSE_MORE)
			return PARSE_MORE;
		if (verdict == PARSE_BAD) {
			report(parse, input.at[0] >> 4, "bad_length");
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
			report(parse, MQTT_RESERVED, "reserved_type");
		else
			packet_read(parse, &at, slice_of(input.at + at.header, (need < whole ? need : whole) - at.header), cut);
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
