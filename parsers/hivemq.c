#include "log_client.h"

/* HiveMQ's event.log.
 *
 *     2026-11-23 14:50:39,607 - Client ID: dev01, IP: 10.0.0.1, Clean Start: true, Session Expiry: 0 connected.
 *
 * No port, no user, no version. Client identifiers and topics are the client's words: what stands behind them is looked for from
 * the end of the line. */

enum { KEY_CLIENT = 1 };

struct hivemq {
	struct mqtt_event detail;
};
_Static_assert(sizeof(struct hivemq) <= LIMIT_LOG_STATE, "fits the memory of a log");

static struct log_session *session_of(struct log_parse *parse, struct slice client_id)
{
	return log_session_find(parse->sessions, log_session_key(parse->source, KEY_CLIENT, client_id));
}

static bool is_unknown(struct slice name)
{
	return slice_is(name, "UNKNOWN");
}

/* The client that a line names, from `address` (empty: the line has none). A session from elsewhere is not the one meant. */
static void about(struct log_parse *parse, struct slice client_id, struct slice address)
{
	struct log_session *session = is_unknown(client_id) ? NULL : session_of(parse, client_id);
	log_end(address, &parse->ends.client, &parse->ends.client_port);
	if (session && (!address.size || address_equal(&session->ends.client, &parse->ends.client)))
		log_about(parse, session);
	else if (!is_unknown(client_id))
		name_set(&parse->session.client_id, client_id);
}

static void finish(struct log_parse *parse)
{
	if (parse->about)
		log_session_end(parse->sessions, parse->about);
}

static bool connected(struct log_parse *parse, struct hivemq *h, struct slice rest)
{
	struct slice client_id, address, before;
	if (!log_take_until_last(&rest, ", Clean Start: ", &before) || !log_take_until_last(&before, ", IP: ", &client_id))
		return false;
	address = before;
	log_end(address, &parse->ends.client, &parse->ends.client_port);
	struct log_login login = {.client_id = is_unknown(client_id) ? (struct slice){0} : client_id};
	log_client_begin(parse, log_session_key(parse->source, KEY_CLIENT, client_id), &login);
	log_client_login(parse, &h->detail, &login, OUTCOME_SUCCESS, NULL);
	return true;
}

/* "Sent a PUBLISH to an unauthorized topic 'a/b', extension requested disconnect", or "..., with QoS '1' and retain 'false'". */
static bool quoted_topic(struct slice text, struct slice *topic)
{
	struct slice before;
	return log_take_until(&text, " topic '", &before) &&
	       (log_take_until_last(&text, "', with QoS '", topic) || log_take_until_last(&text, "'", topic) || (*topic = text, true));
}

static void taken_over(struct log_parse *parse, struct slice client_id)
{
	const struct log_session *now = session_of(parse, client_id);
	struct log_session old = {.ends = parse->ends};
	name_set(&old.session.client_id, client_id);
	bool is_new = now && !address_equal(&now->ends.client, &parse->ends.client);
	if (parse->about)
		old = *parse->about;
	log_client_replaced(parse, &old, is_new ? &now->ends : NULL);
}

static void was_disconnected(struct log_parse *parse, struct hivemq *h, struct slice client_id, struct slice why)
{
	static const char *const reasons[][2] = {{"administrative", "administrative_action"}, {"Maximum packet size", "packet_too_large"},
		{"too large", "packet_too_large"}, {"shutting down", "server_shutting_down"}, {"Topic Alias", "topic_alias_invalid"},
		{"receive maximum", "receive_maximum_exceeded"}, {"overload", "server_busy"}, {NULL, NULL}};
	struct log_login login = {.client_id = is_unknown(client_id) ? (struct slice){0} : client_id};
	struct slice topic = {0}, rest = why;
	if (log_contains(why, "Authentication failed") || log_contains(why, "uthentication time") || log_contains(why, "not authorized to connect")) {
		parse->about = NULL;
		parse->base.session = &parse->session;
		log_client_login(parse, &h->detail, &login, OUTCOME_FAILURE, "not_authorized");
	} else if (log_contains(why, "taken over")) {
		taken_over(parse, client_id);
	} else if (log_contains(why, "idle for too long")) {
		log_client_end(parse, ACTION_CLOSE, OUTCOME_FAILURE, "keepalive_timeout", TO_SERVER);
		finish(parse);
	} else if (log_contains(why, "unauthorized topic") || log_contains(why, "unauthorized subscription")) {
		quoted_topic(why, &topic);
		log_client_refused(parse, log_contains(why, "SUBSCRIBE") ? ACTION_SUBSCRIBE : ACTION_PUBLISH, &topic);
		log_client_end(parse, ACTION_CLOSE, OUTCOME_FAILURE, "not_authorized", TO_CLIENT);
		finish(parse);
	} else if (log_take(&rest, "Sent ")) {
		const char *reason = log_contains(rest, "second CONNECT") ? "second_connect" : "protocol_error";
		log_client_violation(parse, reason);
		if (parse->about)
			log_client_end(parse, ACTION_CLOSE, OUTCOME_FAILURE, reason, TO_CLIENT);
		finish(parse);
	} else {
		log_client_end(parse, ACTION_DISCONNECT, OUTCOME_FAILURE, log_pick(why, reasons, "unspecified_error"), TO_CLIENT);
		finish(parse);
	}
}

/* What the line says, at its first occurrence behind the address: neither the name before nor the reason behind decides. */
static bool client_line(struct log_parse *parse, struct hivemq *h, struct slice rest)
{
	struct slice client_id, address, tail, whole = rest;
	if (log_take_end(&whole, " connected.") && connected(parse, h, whole))
		return true;
	if (log_take_until(&rest, " session has expired at ", &client_id)) {
		about(parse, client_id, slice_of("", 0));
		log_client_end(parse, ACTION_DISCONNECT, OUTCOME_UNKNOWN, "session_expired", TO_CLIENT);
		finish(parse);
		return true;
	}
	/* ", IP: " and an address and the verb: a name may have the first, so all three must fit. */
	while (log_take_until(&rest, ", IP: ", &address)) {
		client_id = slice_of(whole.at, (uint32_t)(rest.at - whole.at) - 6);
		tail = rest;
		address = log_take_word(&tail);
		struct address read;
		uint16_t port;
		if (!log_end(address, &read, &port) && !is_unknown(address))
			continue;
		if (log_take(&tail, "was disconnected. reason: ")) {
			log_take_end(&tail, ".");
			about(parse, client_id, address);
			was_disconnected(parse, h, client_id, tail);
			return true;
		}
		if (!log_take(&tail, "disconnected "))
			continue;
		about(parse, client_id, address);
		if (log_take(&tail, "ungracefully") && !is_unknown(client_id))
			log_client_end(parse, ACTION_CLOSE, OUTCOME_FAILURE, "no_disconnect", TO_SERVER);
		else if (log_take(&tail, "gracefully"))
			log_client_end(parse, ACTION_DISCONNECT, OUTCOME_SUCCESS, NULL, TO_SERVER);
		else
			log_client_end(parse, ACTION_CLOSE, OUTCOME_UNKNOWN, "closed", TO_SERVER);
		finish(parse);
		return true;
	}
	return false;
}

/* "message was dropped. Receiving client: c, topic: t, qos: 1, reason: The client message queue is full." */
static bool dropped(struct log_parse *parse, struct slice rest)
{
	static const char *const reasons[][2] = {{"queue is full", "queue_full"}, {"QoS 0 memory limit", "quota_exceeded"},
		{"not writable", "not_writable"}, {"Maximum packet size", "packet_too_large"}, {"onward delivery", "not_authorized"},
		{NULL, NULL}};
	struct slice before, why, client_id, topic = {0};
	bool client = log_take(&rest, "Receiving client: ");
	if (!client && !log_take(&rest, "Receiving shared subscription group: "))
		return false;
	if (!log_take_until_last(&rest, ", reason: ", &before))
		return false;
	why = rest;
	log_take_until_last(&before, ", qos: ", &before);
	rest = before;
	if (log_take_until(&rest, ", topic: ", &client_id))
		topic = rest;
	else
		log_take_until(&rest, ", messageType: ", &client_id);
	if (client)
		about(parse, client_id, slice_of("", 0));
	struct event event = log_event(parse, PROTOCOL_MQTT, ACTION_DELIVER, OUTCOME_FAILURE, log_pick(why, reasons, "unspecified_error"));
	event.direction = TO_CLIENT;
	event.resource = (struct slices){&topic, topic.at != NULL};
	log_emit(parse, &event);
	return true;
}

static void hivemq_envelope(struct log_clock *clock, struct log_record *record)
{
	log_envelope(clock, record);
	while (record->text.size && record->text.at[0] == ' ')
		record->text = slice_of(record->text.at + 1, record->text.size - 1);
	log_take(&record->text, "- ");
}

static enum log_verdict hivemq_parse(struct log_parse *parse)
{
	struct hivemq *h = parse->state;
	struct slice rest = parse->record->text;
	bool good = !rest.size;
	if (log_take(&rest, "Client ID: "))
		good = client_line(parse, h, rest);
	else if (log_take(&rest, "Outgoing publish message was dropped. ") || log_take(&rest, "Outgoing MQTT packet was dropped. "))
		good = dropped(parse, rest);
	else if (log_take(&rest, "Received AUTH from Client ID: ") || log_take(&rest, "Sent AUTH to Client ID: "))
		good = true;
	return good ? LOG_TAKEN : LOG_UNREADABLE;
}

static unsigned hivemq_probe(struct slice head)
{
	unsigned lines = 0;
	struct slice line;
	struct log_clock clock = {0};
	while (log_take_until(&head, "\n", &line)) {
		struct log_record record = {.line = line};
		hivemq_envelope(&clock, &record);
		struct slice text = record.text;
		lines += (log_take(&text, "Client ID: ") && (log_contains(text, ", IP: ") || log_contains(text, " session has expired at "))) ||
			 log_take(&text, "Outgoing publish message was dropped. ") || log_take(&text, "Outgoing MQTT packet was dropped. ");
	}
	return lines;
}

enum { TELLS = TELLS_ADDRESS | TELLS_CLIENT_ID };
static const struct log_shows hivemq_shows[] = {
	LOG_SHOWS_LOGIN(LOG_SUCCESS | LOG_FAILURE, TELLS), LOG_SHOWS(MQTT, CLOSE, LOG_FAILURE | LOG_UNKNOWN, TELLS),
	LOG_SHOWS(MQTT, DISCONNECT, LOG_SUCCESS | LOG_FAILURE | LOG_UNKNOWN, TELLS),
	LOG_SHOWS(MQTT, DELIVER, LOG_FAILURE, TELLS | TELLS_RESOURCE),
	LOG_SHOWS(MQTT, PUBLISH, LOG_FAILURE, TELLS | TELLS_RESOURCE),
	LOG_SHOWS(MQTT, SUBSCRIBE, LOG_FAILURE, TELLS | TELLS_RESOURCE),
	LOG_SHOWS(MQTT, VIOLATION, LOG_FAILURE, TELLS), {0}};

const struct log_format log_format_hivemq = {
	.name = "hivemq",
	.help = "HiveMQ's event.log",
	.app_proto = "mqtt",
	.state_bytes = sizeof(struct hivemq),
	.probe = hivemq_probe,
	.envelope = hivemq_envelope,
	.parse = hivemq_parse,
	.shows = hivemq_shows,
	.detail = {1ull << MQTT_BIT_CLIENT_ID | 1ull << MQTT_BIT_USERNAME | 1ull << MQTT_BIT_VERSION, 0},
};
