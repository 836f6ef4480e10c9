#include "mqtt_reading.h"
#include "../sensor/digest.h"

/* The client has spoken: its keepalive runs anew (MQTT 5.0 section 3.1.2.10: one and a half times the interval). */
void mqtt_keepalive_restart(struct parse *parse, const struct mqtt_state *state)
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
	if (mqtt_is_v5(r))
		mqtt_read_properties(b, MQTT_CONNECT, true, &mqtt->will, &r->event, &r->body);
	mqtt->will_topic = read_be16_slice(b);
	mqtt->will_bytes = read_be16_slice(b).size;
	if (b->failed)
		return;
	event_set(&r->event, MQTT_BIT_WILL);
	mqtt_violate(r, mqtt_check_text(mqtt->will_topic));
	if (memchr(mqtt->will_topic.at, '#', mqtt->will_topic.size) || memchr(mqtt->will_topic.at, '+', mqtt->will_topic.size))
		mqtt_violate(r, "wildcard_in_topic");
	else if (!mqtt->will_topic.size)
		mqtt_violate(r, "empty_topic");
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
		mqtt_violate(r, "bad_connect_flags");
	if (mqtt->will_qos == 3)
		mqtt_violate(r, "qos_3");
	if (mqtt->has_password && !mqtt->has_username && !mqtt_is_v5(r))
		mqtt_violate(r, "password_without_user");
}

/* MQTT 3.1.1 section 3.1: name, level, flags, keepalive, [properties], client id, [will], [user name], [password]. */
void mqtt_connect_read(struct reading *r, struct reader *b)
{
	struct mqtt_event *mqtt = r->mqtt;
	bool first = !r->state->connected;
	mqtt->protocol_string = read_be16_slice(b);
	uint8_t level = read_u8(b), flags = read_u8(b);
	mqtt->protocol_version = level & 0x7f; /* bit 7: a bridge says so (Mosquitto, RSMB) */
	mqtt->keepalive_s = read_be16(b);
	mqtt_set_action(r, ACTION_CONNECT, OUTCOME_UNKNOWN);
	if (!first)
		mqtt_violate(r, "second_connect");
	if (b->failed)
		return;
	event_set(&r->event, MQTT_BIT_CONNECT);
	bool is_31 = slice_is(mqtt->protocol_string, "MQIsdp"), is_mqtt = slice_is(mqtt->protocol_string, "MQTT");
	if (!is_31 && !is_mqtt)
		mqtt_violate(r, "bad_protocol_name");
	else if (is_31 ? mqtt->protocol_version != 3 : mqtt->protocol_version != 4 && mqtt->protocol_version != 5)
		mqtt_violate(r, "bad_protocol_version");
	if (first) {
		r->state->connected = true;
		r->state->version = mqtt->protocol_version;
		r->state->keepalive_s = mqtt->keepalive_s;
	}
	connect_flags(r, flags);
	if (mqtt_is_v5(r))
		mqtt_read_own_properties(r, b);
	mqtt->client_id = read_be16_slice(b);
	mqtt->client_id_bytes = mqtt->client_id.size;
	if (b->failed)
		return;
	event_set(&r->event, MQTT_BIT_CLIENT_ID);
	mqtt_violate(r, mqtt_check_text(mqtt->client_id));
	if (mqtt->has_will)
		will_read(r, b);
	struct slice secret = {NULL, 0};
	if (mqtt->has_username) {
		mqtt->username = read_be16_slice(b);
		mqtt_violate(r, mqtt_check_text(mqtt->username));
		if (!b->failed)
			event_set(&r->event, MQTT_BIT_USERNAME);
	}
	if (mqtt->has_password)
		secret = read_be16_slice(b);
	if (!first)
		return;
	session_begin(r, mqtt->has_username && event_has(&r->event, MQTT_BIT_USERNAME),
		      mqtt->has_username ? mqtt->username : slice_text(""), mqtt->has_password && !b->failed, secret);
	r->state->receive_max[TO_CLIENT] = (uint16_t)mqtt_property_or(r, MQTT_PROPERTY_receive_maximum, UINT16_MAX);
	r->state->alias_max[TO_CLIENT] = (uint16_t)mqtt_property_or(r, MQTT_PROPERTY_topic_alias_maximum, 0);
	r->state->packet_max[TO_CLIENT] = mqtt_property_or(r, MQTT_PROPERTY_maximum_packet_size, 0);
}

static void connack_accept(struct reading *r)
{
	struct session *session = r->parse->session;
	struct mqtt_state *state = r->state;
	session->state = SESSION_UP;
	state->receive_max[TO_SERVER] = (uint16_t)mqtt_property_or(r, MQTT_PROPERTY_receive_maximum, UINT16_MAX);
	state->alias_max[TO_SERVER] = (uint16_t)mqtt_property_or(r, MQTT_PROPERTY_topic_alias_maximum, 0);
	state->packet_max[TO_SERVER] = mqtt_property_or(r, MQTT_PROPERTY_maximum_packet_size, 0);
	state->keepalive_s = (uint16_t)mqtt_property_or(r, MQTT_PROPERTY_server_keep_alive, state->keepalive_s);
	if (event_has(&r->event, MQTT_BIT_PROPERTY + MQTT_PROPERTY_assigned_client_identifier))
		name_set(&session->client_id, r->mqtt->own.text[MQTT_PROPERTY_assigned_client_identifier]);
	mqtt_keepalive_restart(r->parse, state);
}

void mqtt_connack_read(struct reading *r, struct reader *b)
{
	uint8_t flags = read_u8(b), code = read_u8(b);
	if (!r->state->version && reader_left(b)) /* joined half-way: only MQTT 5 has more than two bytes here */
		r->state->version = 5;
	r->mqtt->session_present = flags & 1;
	if (b->failed) {
		mqtt_set_action(r, ACTION_AUTHENTICATE, OUTCOME_UNKNOWN);
		return;
	}
	event_set(&r->event, MQTT_BIT_SESSION_PRESENT);
	mqtt_set_action(r, ACTION_AUTHENTICATE, code ? OUTCOME_FAILURE : OUTCOME_SUCCESS);
	if (flags & 0xfe && r->state->version != 3)
		mqtt_violate(r, "reserved_bits");
	mqtt_set_reason(r, code);
	if (mqtt_is_v5(r))
		mqtt_read_own_properties(r, b);
	if (code) {
		r->parse->session->state = SESSION_REFUSED;
		r->parse->session->deadline_ns = 0;
	} else if (r->parse->session->state != SESSION_ENDED) {
		connack_accept(r);
	}
}

void mqtt_disconnect_read(struct reading *r, struct reader *b)
{
	uint8_t code = 0;
	if (reader_left(b) && (mqtt_is_v5(r) || !r->state->version)) {
		r->state->version = 5;
		code = read_u8(b);
		if (reader_left(b))
			mqtt_read_own_properties(r, b);
	}
	mqtt_set_reason(r, code);
	mqtt_set_action(r, ACTION_DISCONNECT, code >= 0x80 ? OUTCOME_FAILURE : OUTCOME_SUCCESS);
	r->parse->session->state = SESSION_ENDED;
	r->parse->session->deadline_ns = 0;
}

void mqtt_auth_read(struct reading *r, struct reader *b)
{
	uint8_t code = reader_left(b) ? read_u8(b) : 0;
	if (r->state->version && !mqtt_is_v5(r))
		mqtt_violate(r, "reserved_type");
	r->state->version = 5;
	mqtt_set_reason(r, code);
	if (reader_left(b))
		mqtt_read_own_properties(r, b);
	mqtt_set_action(r, ACTION_AUTHENTICATE, code ? OUTCOME_UNKNOWN : OUTCOME_SUCCESS);
}
