#include "mosquitto.h"

/* Subscriptions, messages and their answers: lines of log types that the broker writes only when asked to
 * (`log_type all`, or debug and subscribe). */

/* --- blocks: SUBSCRIBE, UNSUBSCRIBE, a will ---------------------------------------------------------------------- */

static struct slice block_client(const struct mosquitto *m)
{
	return slice_of(m->filters, m->block_id_size);
}

static void block_begin(struct mosquitto *m, enum mosquitto_block block, struct slice client_id)
{
	client_id = slice_head(client_id, MOSQUITTO_FILTER_BYTES / 2);
	m->block = (uint8_t)block;
	m->filter_count = 0;
	m->block_cut = false;
	m->block_id_size = (uint16_t)client_id.size;
	memcpy(m->filters, client_id.at, client_id.size);
	m->filter_at[0] = m->block_id_size;
}

static struct slice filter_of(const struct mosquitto *m, unsigned i)
{
	return slice_of(m->filters + m->filter_at[i], (uint32_t)(m->filter_at[i + 1] - m->filter_at[i]));
}

/* "sensors/a (QoS 1)", since 2.1 with " (denied)" behind a refused one. */
static void block_filter(struct mosquitto *m, struct slice text)
{
	enum { NOT_GRANTED = 0xff, REFUSED = 0x80 };
	bool denied = log_take_end(&text, " (denied)");
	uint8_t asked = 0;
	if (log_take_end(&text, " (QoS 0)") || log_take_end(&text, " (QoS 1)") || log_take_end(&text, " (QoS 2)"))
		asked = (uint8_t)(text.at[text.size + 6] - '0');
	if (m->filter_count == MOSQUITTO_FILTERS || m->filter_at[m->filter_count] + text.size > MOSQUITTO_FILTER_BYTES) {
		m->block_cut = true;
		return;
	}
	unsigned i = m->filter_count++;
	memcpy(m->filters + m->filter_at[i], text.at, text.size);
	m->filter_at[i + 1] = (uint16_t)(m->filter_at[i] + text.size);
	m->asked[i] = asked;
	m->granted[i] = denied ? REFUSED : NOT_GRANTED;
	m->grants_seen |= denied;
}

/* "b1 1 sensors/a": granted; of an UNSUBSCRIBE "b1 sensors/a". */
static bool block_grant(struct mosquitto *m, struct slice text)
{
	if (!slice_starts(text, block_client(m)))
		return false;
	text = slice_of(text.at + m->block_id_size, text.size - m->block_id_size);
	if (!log_take(&text, " "))
		return false;
	uint64_t qos = 0;
	if (m->block == MOSQUITTO_SUBSCRIBE && (!log_take_number(&text, 2, &qos) || !log_take(&text, " ")))
		return false;
	for (unsigned i = 0; i < m->filter_count; i++)
		if (m->granted[i] > 2 && slice_equal(filter_of(m, i), text)) {
			m->granted[i] = (uint8_t)qos;
			m->grants_seen = true;
			return true;
		}
	return m->block_cut;
}

static void emit_subscribe(struct log_parse *parse, struct mosquitto *m, struct slices filters, enum action action)
{
	struct mqtt_event *detail = &m->detail;
	enum mqtt_type type = action == ACTION_SUBSCRIBE ? MQTT_SUBSCRIBE : MQTT_UNSUBSCRIBE;
	struct event event = log_mqtt_event(parse, detail, type, action, OUTCOME_UNKNOWN, NULL);
	event.resource = detail->topics = filters;
	detail->topic_count = filters.count;
	detail->codes = slice_of(m->asked, filters.count);
	event_set(&event, MQTT_BIT_TOPICS);
	log_emit(parse, &event);
}

static void emit_suback(struct log_parse *parse, struct mosquitto *m, struct slice *filters)
{
	struct slice asked_for[MOSQUITTO_FILTERS];
	unsigned refused = 0;
	for (unsigned i = 0; i < m->filter_count; i++)
		if (m->granted[i] > 2) {
			m->granted[i] = 0x80;
			asked_for[refused++] = filters[i];
		}
	struct event event = log_mqtt_event(parse, &m->detail, MQTT_SUBACK, ACTION_SUBSCRIBE,
					    refused ? OUTCOME_FAILURE : OUTCOME_SUCCESS, refused ? "not_authorized" : NULL);
	event.direction = TO_CLIENT;
	event.resource = refused ? (struct slices){asked_for, refused} : (struct slices){filters, m->filter_count};
	m->detail.codes = slice_of(m->granted, m->filter_count);
	event_set(&event, MQTT_BIT_CODES);
	log_emit(parse, &event);
}

static void block_end(struct log_parse *parse, struct mosquitto *m, bool answered)
{
	struct slice filters[MOSQUITTO_FILTERS];
	uint8_t block = m->block;
	m->block = MOSQUITTO_NO_BLOCK;
	if (block == MOSQUITTO_WILL || !m->filter_count)
		return;
	for (unsigned i = 0; i < m->filter_count; i++)
		filters[i] = filter_of(m, i);
	mosquitto_client(parse, block_client(m));
	parse->log.cut = m->block_cut;
	emit_subscribe(parse, m, (struct slices){filters, m->filter_count},
		       block == MOSQUITTO_SUBSCRIBE ? ACTION_SUBSCRIBE : ACTION_UNSUBSCRIBE);
	/* A filter without a line that grants it was refused, unless the broker does not write such lines at all. */
	if (block == MOSQUITTO_SUBSCRIBE && answered && m->grants_seen)
		emit_suback(parse, m, filters);
}

bool mosquitto_block_line(struct log_parse *parse, struct mosquitto *m, struct slice text)
{
	struct slice rest = text;
	if (log_take(&rest, "\t") || log_take(&rest, "#011")) { /* as rsyslog writes a tabulator */
		if (m->block != MOSQUITTO_WILL)
			block_filter(m, rest);
		return true;
	}
	if (m->block != MOSQUITTO_WILL && block_grant(m, text))
		return true;
	bool answered = log_take(&rest, "Sending SUBACK to ") || log_take(&rest, "Sending UNSUBACK to ");
	bool ours = answered && slice_equal(rest, block_client(m));
	block_end(parse, m, ours);
	/* What broke the block is a line of its own; its event must not be about the block's client. */
	if (!ours) {
		parse->about = NULL;
		parse->ends = (struct ends){0};
		parse->base.session = &parse->session;
		parse->base.flow_id = 0;
		parse->log.cut = false;
	}
	return ours;
}

/* --- messages ---------------------------------------------------------------------------------------------------- */

struct message {
	struct slice client_id, topic;
	struct log_session *session; /* of the client; NULL: it is not known */
	uint64_t dup, qos, retain, id, bytes;
};

/* "(d0, q1, r0, m7, '" at the front. */
static bool take_head(struct slice *rest, struct message *message)
{
	return log_take(rest, "(d") && log_take_number(rest, 1, &message->dup) && log_take(rest, ", q") &&
	       log_take_number(rest, 3, &message->qos) && log_take(rest, ", r") && log_take_number(rest, 1, &message->retain) &&
	       log_take(rest, ", m") && log_take_number(rest, 65535, &message->id) && log_take(rest, ", '");
}

/* "ID (d0, q1, r0, m7, 'topic', ... (1 bytes))". Identifier and topic are the client's words: where more than one cut is
 * possible, that with a known client is taken, else the first. */
static bool split_message(struct log_parse *parse, struct slice text, struct message *out)
{
	struct slice tail, body, topic;
	bool found = false;
	if (!log_take_end(&text, " bytes))"))
		return false;
	tail = text;
	if (!log_take_until_last(&tail, "', ... (", &body) || !log_take_number(&tail, UINT32_MAX, &out->bytes) || tail.size)
		return false;
	struct message message = *out;
	const uint8_t *open;
	for (uint32_t n = 0; n < body.size && (open = memchr(body.at + n, '(', body.size - n)); n++) {
		n = (uint32_t)(open - body.at);
		topic = slice_of(open, body.size - n);
		if (!n || open[-1] != ' ' || !take_head(&topic, &message))
			continue;
		message.client_id = slice_of(body.at, n - 1);
		message.topic = topic;
		message.session = mosquitto_session(parse, message.client_id);
		if (message.session || !found)
			*out = message;
		found = true;
		if (message.session)
			break;
	}
	return found;
}

static bool publish(struct log_parse *parse, struct mosquitto *m, struct slice rest, enum direction direction, enum outcome outcome,
		    const char *reason)
{
	struct message message = {0};
	struct mqtt_event *detail = &m->detail;
	if (!split_message(parse, rest, &message))
		return false;
	mosquitto_client_of(parse, message.client_id, message.session);
	struct event event = log_mqtt_event(parse, detail, MQTT_PUBLISH, ACTION_PUBLISH, outcome, reason);
	event.direction = (uint8_t)direction;
	event.resource = (struct slices){&detail->topic, 1};
	detail->topic = message.topic;
	detail->dup = message.dup;
	detail->qos = (uint8_t)message.qos;
	detail->retain = message.retain;
	detail->message_id = (uint16_t)message.id;
	detail->payload_bytes = detail->bytes = (uint32_t)message.bytes;
	event_set(&event, MQTT_BIT_TOPIC);
	event_set(&event, MQTT_BIT_HEADER);
	event_set(&event, MQTT_BIT_PAYLOAD);
	if (message.qos)
		event_set(&event, MQTT_BIT_MESSAGE_ID);
	log_emit(parse, &event);
	return true;
}

/* "b1 (m8, rc135)", before 2.0 "b1 (Mid: 8)" or "b1 (m8)". The code is the broker's opinion: before MQTT 5 no client is told. */
static bool acknowledged(struct log_parse *parse, struct mosquitto *m, struct slice rest, enum mqtt_type type)
{
	struct slice client_id;
	uint64_t id = 0, code = 0;
	if (!log_take_until_last(&rest, " (", &client_id))
		return true;
	if (!(log_take(&rest, "m") || log_take(&rest, "Mid: ")) || !log_take_number(&rest, 65535, &id))
		return true;
	if (log_take(&rest, ", rc") && !log_take_number(&rest, 255, &code))
		return true;
	mosquitto_client(parse, client_id);
	const char *reason = code ? mqtt_reason(5, (uint8_t)type, (uint8_t)code) : NULL;
	struct event event = log_mqtt_event(parse, &m->detail, type, ACTION_DELIVER,
					    code >= 0x80 || code == 0x10 ? OUTCOME_FAILURE : OUTCOME_SUCCESS, reason);
	event.direction = TO_CLIENT;
	m->detail.message_id = (uint16_t)id;
	m->detail.reason_code = (uint8_t)code;
	event_set(&event, MQTT_BIT_MESSAGE_ID);
	event_set(&event, MQTT_BIT_REASON_CODE);
	log_emit(parse, &event);
	return true;
}

/* "dev01 (0, 0)", and when it is a refusal "127.0.0.1 (0, 5)": the only line of it that has the address. */
static bool connack(struct log_parse *parse, struct mosquitto *m, struct slice rest)
{
	struct slice to;
	struct ends ends = {0};
	uint64_t present, code, flow_id;
	if (!log_take_until_last(&rest, " (", &to) || !log_take_number(&rest, 1, &present) || !log_take(&rest, ", ") ||
	    !log_take_number(&rest, 255, &code) || !log_take(&rest, ")"))
		return false;
	if (!code)
		return true; /* the line that let it in has said so */
	if (log_end(to, &ends.client, &ends.client_port)) {
		if (mosquitto_pending_take(m, &ends, &flow_id))
			parse->base.flow_id = flow_id;
		parse->ends = ends;
	} else {
		mosquitto_client(parse, to);
	}
	const char *reason = mqtt_reason(code < 0x80 ? 4 : 5, MQTT_CONNACK, (uint8_t)code);
	struct event event = log_mqtt_event(parse, &m->detail, MQTT_CONNACK, ACTION_AUTHENTICATE, OUTCOME_FAILURE, reason);
	event.direction = TO_CLIENT;
	m->detail.reason_code = (uint8_t)code;
	event_set(&event, MQTT_BIT_REASON_CODE);
	log_emit(parse, &event);
	if (code == 4 || code == 5 || code == 134 || code == 135)
		m->refusals_told = 1;
	return true;
}

static bool received(struct log_parse *parse, struct mosquitto *m, struct slice rest)
{
	if (log_take(&rest, "PUBLISH from "))
		return publish(parse, m, rest, TO_SERVER, OUTCOME_UNKNOWN, NULL);
	if (log_take(&rest, "SUBSCRIBE from "))
		block_begin(m, MOSQUITTO_SUBSCRIBE, rest);
	else if (log_take(&rest, "UNSUBSCRIBE from "))
		block_begin(m, MOSQUITTO_UNSUBSCRIBE, rest);
	return true; /* PINGREQ, DISCONNECT (which has a line of its own), acknowledgements */
}

static bool sending(struct log_parse *parse, struct mosquitto *m, struct slice rest)
{
	if (log_take(&rest, "PUBLISH to "))
		return publish(parse, m, rest, TO_CLIENT, OUTCOME_UNKNOWN, NULL);
	if (log_take(&rest, "PUBACK to "))
		return acknowledged(parse, m, rest, MQTT_PUBACK);
	if (log_take(&rest, "PUBREC to "))
		return acknowledged(parse, m, rest, MQTT_PUBREC);
	if (log_take(&rest, "CONNACK to "))
		return connack(parse, m, rest);
	return true;
}

static bool dropped(struct log_parse *parse, struct slice rest)
{
	if (!log_take_end(&rest, "."))
		return false;
	mosquitto_client(parse, rest);
	struct event event = log_event(parse, PROTOCOL_MQTT, ACTION_DELIVER, OUTCOME_FAILURE, "queue_full");
	event.direction = TO_CLIENT;
	log_emit(parse, &event);
	return true;
}

bool mosquitto_message_line(struct log_parse *parse, struct mosquitto *m, struct slice text)
{
	struct slice rest = text;
	if (log_take(&rest, "Received "))
		return received(parse, m, rest);
	if (log_take(&rest, "Sending "))
		return sending(parse, m, rest);
	if (log_take(&rest, "Denied PUBLISH from "))
		return publish(parse, m, rest, TO_SERVER, OUTCOME_FAILURE, "not_authorized");
	if (log_take(&rest, "Dropped too large PUBLISH from "))
		return publish(parse, m, rest, TO_SERVER, OUTCOME_FAILURE, "packet_too_large");
	if (log_take(&rest, "Outgoing messages are being dropped for client "))
		return dropped(parse, rest);
	return false;
}
