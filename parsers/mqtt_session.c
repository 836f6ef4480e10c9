#include "mqtt_reading.h"
#include "../sensor/digest.h"

/* The client's keepalive runs anew (MQTT 5.0 section 3.1.2.10: one and a half times the interval). */
static void keepalive_restart(struct parse *parse, const struct mqtt_state *state)
{
	struct session *session = parse->session;
	session->overdue = false;
	if (state->keepalive_s && (session->state == SESSION_UP || session->state == SESSION_ASKED))
		session->deadline_ns = parse->time_ns + (uint64_t)state->keepalive_s * (TW_SECOND / 2 * 3);
}

static void keepalive_report(struct parse *parse, const char *reason)
{
	struct event event = parse->base;
	event.action = ACTION_KEEPALIVE;
	event.outcome = OUTCOME_FAILURE;
	event.reason = slice_text(reason);
	parse->emit(parse, &event);
}

void mqtt_expire(struct parse *parse)
{
	struct session *session = parse->session;
	session->deadline_ns = 0;
	if (session->state != SESSION_UP || parse->base.one_sided) /* a client that is not seen is not silent */
		return;
	session->overdue = true;
	keepalive_report(parse, "keepalive_exceeded");
}

void mqtt_client_spoke(struct parse *parse, const struct mqtt_state *state)
{
	struct session *session = parse->session;
	if (session->deadline_ns && session->deadline_ns < parse->time_ns)
		mqtt_expire(parse); /* timers look once a second */
	if (session->overdue && session->state == SESSION_UP && !parse->peer_left)
		keepalive_report(parse, "keepalive_resumed");
	keepalive_restart(parse, state);
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

/* The method names what the data is: data alone is an error (MQTT 5.0 sections 3.1.2.11.10, 3.2.2.3.18, 3.15.2.2.3). */
static void authentication_check(struct reading *r)
{
	if (mqtt_has_property(r, MQTT_PROPERTY_authentication_data) && !mqtt_has_property(r, MQTT_PROPERTY_authentication_method))
		mqtt_violate(r, "authentication_data_without_method");
}

static void client_id_check(struct reading *r)
{
	const struct mqtt_event *mqtt = r->mqtt;
	mqtt_violate(r, mqtt_check_text(mqtt->client_id));
	/* MQTT 3.1 asks for 1 to 23 characters, 3.1.1 for a clean session with an empty name [MQTT-3.1.3-7]. */
	if (!mqtt->client_id.size && !mqtt_is_v5(r) && !(mqtt->clean_session && r->state->version == 4))
		mqtt_violate(r, "empty_client_id");
}

/* MQTT 3.1.1 section 3.1.2: name, level, flags, keepalive. False when it ends before. */
static bool connect_header(struct reading *r, struct reader *b, bool first)
{
	struct mqtt_event *mqtt = r->mqtt;
	mqtt->protocol_string = read_be16_slice(b);
	uint8_t level = read_u8(b), flags = read_u8(b);
	mqtt->protocol_version = level & 0x7f; /* bit 7: a bridge says so (Mosquitto, RSMB) */
	mqtt->keepalive_s = read_be16(b);
	if (b->failed)
		return false;
	event_set(&r->event, MQTT_BIT_CONNECT);
	bool is_31 = slice_is(mqtt->protocol_string, "MQIsdp"), is_mqtt = slice_is(mqtt->protocol_string, "MQTT");
	if (!is_31 && !is_mqtt)
		mqtt_violate(r, "bad_protocol_name");
	else if (is_31 ? mqtt->protocol_version != 3 : mqtt->protocol_version != 4 && mqtt->protocol_version != 5)
		mqtt_violate(r, "bad_protocol_version");
	if (first) {
		r->state->connected = true;
		r->state->answered = false;
		r->state->ended[TO_SERVER] = r->state->ended[TO_CLIENT] = false;
		r->state->version = mqtt->protocol_version;
		r->state->keepalive_s = mqtt->keepalive_s;
	}
	connect_flags(r, flags);
	return true;
}

/* MQTT 3.1 section 3.1: the flags may promise a user name and a password that the length of the packet has no room for;
 * then there are none. */
static bool promised(const struct reading *r, bool flag, const struct reader *b)
{
	return flag && (r->state->version != 3 || reader_left(b));
}

static void connect_credentials(struct reading *r, struct reader *b, bool first)
{
	struct mqtt_event *mqtt = r->mqtt;
	struct slice username = slice_text(""), secret = {NULL, 0};
	bool user = promised(r, mqtt->has_username, b);
	if (user) {
		username = read_be16_slice(b);
		mqtt_violate(r, mqtt_check_text(username));
		user = !b->failed;
	}
	bool password = promised(r, mqtt->has_password, b);
	if (password) {
		secret = read_be16_slice(b);
		password = !b->failed;
	}
	if (user) {
		mqtt->username = username;
		event_set(&r->event, MQTT_BIT_USERNAME);
	}
	if (first)
		session_begin(r, user, username, password, secret);
}

/* MQTT 3.1.1 section 3.1: header, [properties], client id, [will], [user name], [password]. */
void mqtt_connect_read(struct reading *r, struct reader *b)
{
	struct mqtt_event *mqtt = r->mqtt;
	bool first = !r->state->connected || r->state->careful;
	mqtt_set_action(r, ACTION_CONNECT, OUTCOME_UNKNOWN);
	if (!first)
		mqtt_violate(r, "second_connect");
	if (!connect_header(r, b, first))
		return;
	if (mqtt_is_v5(r)) {
		mqtt_read_own_properties(r, b);
		authentication_check(r);
	}
	mqtt->client_id = read_be16_slice(b);
	mqtt->client_id_bytes = mqtt->client_id.size;
	if (b->failed)
		return;
	event_set(&r->event, MQTT_BIT_CLIENT_ID);
	client_id_check(r);
	if (mqtt->has_will)
		will_read(r, b);
	connect_credentials(r, b, first);
	if (!first)
		return;
	r->state->authenticates = mqtt_has_property(r, MQTT_PROPERTY_authentication_method);
	r->state->receive_max[TO_CLIENT] = (uint16_t)mqtt_property_or(r, MQTT_PROPERTY_receive_maximum, UINT16_MAX);
	r->state->alias_max[TO_CLIENT] = (uint16_t)mqtt_property_or(r, MQTT_PROPERTY_topic_alias_maximum, 0);
	r->state->packet_max[TO_CLIENT] = mqtt_property_or(r, MQTT_PROPERTY_maximum_packet_size, 0);
}

static uint8_t connack_refusals(const struct reading *r)
{
	static const struct { uint8_t property, refusal; } kinds[] = {
		{MQTT_PROPERTY_retain_available, REFUSES_RETAIN},
		{MQTT_PROPERTY_wildcard_subscription_available, REFUSES_WILDCARD},
		{MQTT_PROPERTY_shared_subscription_available, REFUSES_SHARED},
		{MQTT_PROPERTY_subscription_identifier_available, REFUSES_IDENTIFIER}};
	uint32_t qos = mqtt_property_or(r, MQTT_PROPERTY_maximum_qos, 2);
	unsigned refuses = (qos < 1 ? REFUSES_QOS_1 : 0u) | (qos < 2 ? REFUSES_QOS_2 : 0u);
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!mqtt_property_or(r, kinds[i].property, 1))
			refuses |= kinds[i].refusal;
	return (uint8_t)refuses;
}

static void connack_accept(struct reading *r)
{
	struct session *session = r->parse->session;
	struct mqtt_state *state = r->state;
	session->state = SESSION_UP;
	state->refuses = connack_refusals(r);
	state->receive_max[TO_SERVER] = (uint16_t)mqtt_property_or(r, MQTT_PROPERTY_receive_maximum, UINT16_MAX);
	state->alias_max[TO_SERVER] = (uint16_t)mqtt_property_or(r, MQTT_PROPERTY_topic_alias_maximum, 0);
	state->packet_max[TO_SERVER] = mqtt_property_or(r, MQTT_PROPERTY_maximum_packet_size, 0);
	state->keepalive_s = (uint16_t)mqtt_property_or(r, MQTT_PROPERTY_server_keep_alive, state->keepalive_s);
	if (mqtt_has_property(r, MQTT_PROPERTY_assigned_client_identifier))
		name_set(&session->client_id, r->mqtt->own.text[MQTT_PROPERTY_assigned_client_identifier]);
	keepalive_restart(r->parse, state);
}

void mqtt_connack_read(struct reading *r, struct reader *b)
{
	struct session *session = r->parse->session;
	uint8_t flags = read_u8(b), code = read_u8(b);
	bool first = !r->state->answered || r->state->careful;
	if (!r->state->version) /* joined half-way: only MQTT 5 has more than two bytes here, and always has */
		r->state->version = reader_left(b) ? 5 : 4;
	r->mqtt->session_present = flags & 1;
	if (b->failed) {
		mqtt_set_action(r, ACTION_AUTHENTICATE, OUTCOME_UNKNOWN);
		return;
	}
	event_set(&r->event, MQTT_BIT_SESSION_PRESENT);
	mqtt_set_action(r, ACTION_AUTHENTICATE, code ? OUTCOME_FAILURE : OUTCOME_SUCCESS);
	if (!first)
		mqtt_violate(r, "second_connack");
	if (flags & 0xfe && r->state->version != 3)
		mqtt_violate(r, "reserved_bits");
	if (flags & 1 && code && r->state->version != 3) /* [MQTT-3.2.2-4], 5.0: [MQTT-3.2.2-6] */
		mqtt_violate(r, "bad_connack_flags");
	mqtt_set_reason(r, code);
	if (mqtt_is_v5(r)) {
		mqtt_read_own_properties(r, b);
		authentication_check(r);
	}
	if (!first)
		return;
	r->state->answered = true;
	if (code) {
		session->state = SESSION_REFUSED;
		session->deadline_ns = 0;
	} else if (session->state != SESSION_ENDED) {
		connack_accept(r);
	}
}

void mqtt_disconnect_read(struct reading *r, struct reader *b)
{
	uint8_t code = 0, direction = r->parse->direction;
	if (reader_left(b) && (mqtt_is_v5(r) || !r->state->version)) {
		r->state->version = 5;
		code = read_u8(b);
		if (reader_left(b))
			mqtt_read_own_properties(r, b);
	}
	if (direction == TO_CLIENT && !r->state->careful) {
		if (r->state->version && !mqtt_is_v5(r)) /* before MQTT 5 a server just closes */
			mqtt_violate(r, "wrong_direction");
		if (mqtt_has_property(r, MQTT_PROPERTY_session_expiry_interval)) /* [MQTT-3.14.2-2] */
			mqtt_violate(r, "misplaced_property");
	}
	mqtt_set_reason(r, code);
	mqtt_set_action(r, ACTION_DISCONNECT, code >= 0x80 ? OUTCOME_FAILURE : OUTCOME_SUCCESS);
	r->state->ended[direction] = true;
	r->parse->session->state = SESSION_ENDED;
	r->parse->session->deadline_ns = 0;
}

/* MQTT 5.0 section 3.15. The client starts and starts again, the server ends; both continue. */
void mqtt_auth_read(struct reading *r, struct reader *b)
{
	enum { CONTINUE = 0x18, AGAIN = 0x19 };
	uint8_t code = reader_left(b) ? read_u8(b) : 0;
	if (!r->state->version)
		r->state->version = 5;
	else if (!mqtt_is_v5(r))
		mqtt_violate(r, "reserved_type");
	mqtt_set_reason(r, code);
	if (reader_left(b))
		mqtt_read_own_properties(r, b);
	authentication_check(r);
	if (r->parse->direction == TO_SERVER ? code == 0 : code == AGAIN)
		mqtt_violate(r, "bad_reason_code");
	if (r->state->connected && !r->state->authenticates && !r->state->careful) /* [MQTT-4.12.0-6] */
		mqtt_violate(r, "unexpected_auth");
	mqtt_set_action(r, ACTION_AUTHENTICATE, code == 0 ? OUTCOME_SUCCESS : OUTCOME_UNKNOWN);
}
