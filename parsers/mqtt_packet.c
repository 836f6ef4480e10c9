#include "mqtt_reading.h"

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

void mqtt_violate(struct reading *r, const char *violation)
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

void mqtt_set_action(struct reading *r, enum action action, enum outcome outcome)
{
	r->event.action = (uint8_t)action;
	r->event.outcome = (uint8_t)outcome;
}

void mqtt_read_own_properties(struct reading *r, struct reader *b)
{
	mqtt_read_properties(b, r->at.type, false, &r->mqtt->own, &r->event, &r->body);
}

uint32_t mqtt_property_or(const struct reading *r, enum mqtt_property property, uint32_t otherwise)
{
	return event_has(&r->event, MQTT_BIT_PROPERTY + (unsigned)property) ? r->mqtt->own.number[property] : otherwise;
}

void mqtt_read_message_id(struct reading *r, struct reader *b)
{
	r->mqtt->message_id = read_be16(b);
	if (b->failed)
		return;
	event_set(&r->event, MQTT_BIT_MESSAGE_ID);
	if (r->mqtt->message_id == 0) /* [MQTT-2.3.1-1], 5.0: [MQTT-2.2.1-3] */
		mqtt_violate(r, "zero_message_id");
}

void mqtt_set_reason(struct reading *r, uint8_t code)
{
	const char *name = mqtt_reason(r->state->version, r->at.type, code);
	r->mqtt->reason_code = code;
	event_set(&r->event, MQTT_BIT_REASON_CODE);
	if (!name && (r->state->version || code))
		mqtt_violate(r, "bad_reason_code");
	if (name && code)
		r->event.reason = slice_text(name);
}

/* --- one packet --------------------------------------------------------------------------------------------- */

static bool direction_legal(uint8_t type, uint8_t direction)
{
	uint32_t both = 1u << MQTT_PUBLISH | 1u << MQTT_PUBACK | 1u << MQTT_PUBREC | 1u << MQTT_PUBREL | 1u << MQTT_PUBCOMP |
			1u << MQTT_DISCONNECT | 1u << MQTT_AUTH;
	uint32_t client = 1u << MQTT_CONNECT | 1u << MQTT_SUBSCRIBE | 1u << MQTT_UNSUBSCRIBE | 1u << MQTT_PINGREQ;
	return both >> type & 1 || (client >> type & 1) == (direction == TO_SERVER);
}

/* MQTT 3.1 gave DUP and QoS a meaning in more packets (section 2.1): PUBREL, SUBSCRIBE and UNSUBSCRIBE may be DUP. */
static bool flags_legal_31(uint8_t type, uint8_t flags)
{
	return mqtt_flags_legal(type, flags) || type != MQTT_CONNECT;
}

/* With an authentication method named, the client waits for CONNACK (MQTT 5.0 [MQTT-3.1.2-30]); without one it need not. */
static bool too_early(const struct reading *r)
{
	const struct mqtt_state *state = r->state;
	uint8_t type = r->at.type;
	return mqtt_is_v5(r) && state->authenticates && !state->answered && r->parse->peer_heard && !r->event.one_sided &&
	       type != MQTT_CONNECT && type != MQTT_AUTH && type != MQTT_DISCONNECT;
}

/* What the packet's place in the conversation says, before its body is read. */
static void place_check(struct reading *r)
{
	const struct mqtt_state *state = r->state;
	uint8_t type = r->at.type, direction = r->parse->direction;
	bool client = direction == TO_SERVER;
	if (!(state->version == 3 ? flags_legal_31(type, r->at.flags) : mqtt_flags_legal(type, r->at.flags)))
		mqtt_violate(r, "reserved_bits");
	if (state->careful)
		return;
	if (!direction_legal(type, direction))
		mqtt_violate(r, "wrong_direction");
	if (client && !state->connected && type != MQTT_CONNECT)
		mqtt_violate(r, "not_connected");
	if (client && r->parse->session->state == SESSION_REFUSED && r->parse->peer_heard && type != MQTT_DISCONNECT)
		mqtt_violate(r, "data_after_refusal");
	if (state->ended[direction])
		mqtt_violate(r, "data_after_disconnect");
	if (client && too_early(r))
		mqtt_violate(r, "data_before_authentication");
	if (state->packet_max[direction] && r->mqtt->bytes > state->packet_max[direction] && r->parse->peer_heard)
		mqtt_violate(r, "packet_too_large");
}

static void body_read(struct reading *r, struct reader *b)
{
	struct filters filters;
	switch (r->at.type) {
	case MQTT_CONNECT:
		mqtt_connect_read(r, b);
		break;
	case MQTT_CONNACK:
		mqtt_connack_read(r, b);
		break;
	case MQTT_PUBLISH:
		mqtt_publish_read(r, b);
		(void)read_rest(b);
		break;
	case MQTT_PUBACK:
	case MQTT_PUBREC:
	case MQTT_PUBREL:
	case MQTT_PUBCOMP:
		mqtt_ack_read(r, b);
		break;
	case MQTT_SUBSCRIBE:
	case MQTT_UNSUBSCRIBE:
		mqtt_subscribe_read(r, b, &filters);
		break;
	case MQTT_SUBACK:
	case MQTT_UNSUBACK:
		mqtt_suback_read(r, b, &filters);
		break;
	case MQTT_DISCONNECT:
		mqtt_disconnect_read(r, b);
		break;
	case MQTT_AUTH:
		mqtt_auth_read(r, b);
		break;
	default:
		mqtt_set_action(r, ACTION_KEEPALIVE, OUTCOME_SUCCESS);
		break;
	}
	if (!r->body.cut && (b->failed || reader_left(b)))
		mqtt_violate(r, "malformed_packet");
	reading_emit(r); /* here: the filters live in this frame */
}

void mqtt_packet_read(struct parse *parse, const struct packet_at *at, struct slice body, bool cut)
{
	struct reading r;
	struct mqtt_event mqtt;
	struct reader b = reader_of(body);
	reading_begin(&r, parse, at, &mqtt);
	r.body.cut = cut;
	place_check(&r);
	body_read(&r, &b);
	if (parse->direction == TO_SERVER && at->type != MQTT_DISCONNECT)
		mqtt_client_spoke(parse, r.state);
}

void mqtt_report(struct parse *parse, uint8_t type, const char *violation)
{
	struct event event = parse->base;
	event.message = type;
	event.action = ACTION_VIOLATION;
	event.outcome = OUTCOME_FAILURE;
	event.reason = slice_text(violation);
	parse->emit(parse, &event);
}
