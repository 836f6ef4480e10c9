/* Brokers of npm that log with pino: aedes-logging and mosca, an object a line. There are no addresses. aedes-logging writes whole
 * client objects, passwords included, when a login fails: of a record only the names looked for here are taken. */
#include "log_facts.h"
#include "log_json.h"

struct pino {
	struct mqtt_event detail;
	uint64_t closing;       /* key of the client whose end the line before has told; mosca writes "closed" behind it */
};
_Static_assert(sizeof(struct pino) <= LIMIT_LOG_STATE, "fits the memory of a log");

static void pino_envelope(struct log_clock *clock, struct log_record *record)
{
	struct slice rest = record->line, raw;
	uint64_t level = 0;
	if (rest.size && rest.at[0] != '{')
		log_take_syslog(clock, &rest, record);
	record->text = rest;
	if (log_json_raw(rest, "time", &raw)) {
		log_take(&raw, "\"");
		if (!log_take_epoch(clock, &raw, &record->time_ns))
			log_take_iso(clock, &raw, &record->time_ns);
	}
	if (log_json_raw(rest, "level", &raw) && log_take_number(&raw, 100, &level))
		record->level = level >= 50 ? LOG_LEVEL_ERROR : level >= 40 ? LOG_LEVEL_WARNING : level >= 30 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

/* mosca at level debug tells why it closes, before the "closed" that is there at info as well. */
static bool closing(struct log_facts *f, struct slice why)
{
	static const struct log_facts_end ends[] = {
		{"disconnect request", ACTION_DISCONNECT, OUTCOME_SUCCESS, NULL, TO_SERVER},
		{"close", ACTION_CLOSE, OUTCOME_FAILURE, "no_disconnect", TO_SERVER},
		{"read ECONNRESET", ACTION_CLOSE, OUTCOME_FAILURE, "reset", TO_SERVER},
		{"keepalive timeout", ACTION_CLOSE, OUTCOME_FAILURE, "keepalive_timeout", TO_SERVER},
		{"new connection request", ACTION_DISCONNECT, OUTCOME_FAILURE, "session_taken_over", TO_CLIENT},
		{"publish not authorized", ACTION_CLOSE, OUTCOME_FAILURE, "not_authorized", TO_CLIENT},
		{NULL, ACTION_CLOSE, OUTCOME_FAILURE, "protocol_error", TO_CLIENT}};
	log_facts_ended(f, ends, why, slice_is);
	return true;
}

/* A login: in mosca's words, in aedes' own for each return code, and "Auth error" as its documentation has an application say. */
static bool refused(struct log_facts *f, struct slice message)
{
	static const char *const answers[][2] = {{"authentication denied", "not_authorized"}, {"not authorized", "not_authorized"},
		{"Auth error", "not_authorized"}, {"bad user name or password", "bad_user_name_or_password"},
		{"identifier rejected", "identifier_rejected"}, {"Server unavailable", "server_unavailable"},
		{"unacceptable protocol version", "unsupported_protocol_version"}};
	for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++)
		if (slice_is(message, answers[i][0])) {
			f->action = ACTION_CONNECT;
			f->outcome = OUTCOME_FAILURE;
			f->reason = answers[i][1];
			return true;
		}
	return false;
}

/* aedes-logging tells what became of each filter of a SUBSCRIBE: its QoS, or 128 for one that was refused. */
static void subscribed(struct log_parse *parse, struct pino *p, const struct log_facts *who)
{
	struct slice topics[LOG_FACTS_TOPICS], qos[LOG_FACTS_TOPICS];
	uint32_t count = log_json_all(parse->json[0], "subscriptions[].topic", topics, LOG_FACTS_TOPICS);
	if (count != log_json_all(parse->json[0], "subscriptions[].qos", qos, LOG_FACTS_TOPICS))
		return;
	struct log_facts granted = {.client_id = who->client_id, .action = ACTION_SUBSCRIBE, .outcome = OUTCOME_SUCCESS};
	struct log_facts denied = {.client_id = who->client_id, .action = ACTION_SUBSCRIBE, .outcome = OUTCOME_FAILURE,
		.reason = "not_authorized", .direction = TO_CLIENT};
	for (uint32_t i = 0; i < count; i++) {
		struct log_facts *f = slice_is(qos[i], "128") ? &denied : &granted;
		f->topics[f->topic_count++] = topics[i];
	}
	if (granted.topic_count)
		log_facts_emit(parse, &p->detail, &granted);
	if (granted.topic_count && denied.topic_count)
		log_facts_next(parse, 0);
	if (denied.topic_count)
		log_facts_emit(parse, &p->detail, &denied);
}

/* False: nothing that is an event. */
static bool told(struct log_parse *parse, struct pino *p, struct slice message, struct log_facts *f)
{
	struct slice rest = message;
	uint64_t key = f->client_id.at ? log_session_key(parse->source, 1, f->client_id) : 0;
	*f = (struct log_facts){.client_id = f->client_id, .user = f->user, .topic_count = f->topic_count, .topics = {f->topics[0]}};
	if (log_take(&rest, "closing client, reason: ")) {
		p->closing = key;
		return closing(f, rest);
	}
	if (slice_is(message, "client connected") || slice_is(message, "connected")) {
		f->action = ACTION_CONNECT;
		f->outcome = OUTCOME_SUCCESS;
	} else if (refused(f, message)) {
		return true;
	} else if (slice_is(message, "keep alive timeout")) {
		p->closing = key;
		return closing(f, slice_text("keepalive timeout"));
	} else if (slice_is(message, "read ECONNRESET")) {
		p->closing = key;
		return closing(f, message);
	} else if (slice_is(message, "closed") || slice_is(message, "disconnected")) {
		bool known = p->closing == key && key;
		p->closing = 0;
		f->action = ACTION_DISCONNECT; /* how it ended is not said */
		return !known;
	} else if (slice_is(message, "subscribe not authorized")) {
		f->action = ACTION_SUBSCRIBE;
		f->outcome = OUTCOME_FAILURE;
		f->reason = "not_authorized";
		f->direction = TO_CLIENT;
	} else if (slice_is(message, "published") || slice_is(message, "published packet")) {
		f->action = ACTION_PUBLISH;
		f->outcome = OUTCOME_UNKNOWN; /* taken; whom it reached is not said */
		return f->client_id.size != 0; /* else the broker's own */
	} else if (slice_is(message, "subscribed to topic") || slice_is(message, "unsubscribed")) {
		f->action = slice_is(message, "unsubscribed") ? ACTION_UNSUBSCRIBE : ACTION_SUBSCRIBE;
		f->outcome = OUTCOME_SUCCESS;
	} else {
		return false;
	}
	return true;
}

static enum log_verdict pino_parse(struct log_parse *parse)
{
	struct pino *p = parse->state;
	struct log_json *json = parse->json[0];
	struct log_facts facts = {0};
	struct slice message;
	if (!parse->record->text.size)
		return LOG_TAKEN;
	if (!log_json_read(json, parse->record->text) || !log_json_text(json, "msg", &message))
		return LOG_UNREADABLE;
	if (!log_json_text(json, "client.id", &facts.client_id))
		log_json_text(json, "client", &facts.client_id);
	log_json_text(json, "username", &facts.user);
	static const char *const topics[] = {"topic", "message.topic", "packet.topic"};
	for (unsigned i = 0; i < sizeof topics / sizeof *topics && !facts.topic_count; i++)
		facts.topic_count = log_json_text(json, topics[i], &facts.topics[0]);
	if (slice_is(message, "subscribed"))
		subscribed(parse, p, &facts);
	else if (told(parse, p, message, &facts))
		log_facts_emit(parse, &p->detail, &facts);
	return LOG_TAKEN;
}

static unsigned pino_probe(struct slice head)
{
	unsigned lines = 0;
	struct slice line, value;
	while (log_take_until(&head, "\n", &line))
		lines += line.size && line.at[0] == '{' && log_json_raw(line, "pid", &value) && log_json_raw(line, "hostname", &value) &&
			 log_json_raw(line, "msg", &value) && log_json_raw(line, "level", &value) && value.size == 2;
	return lines;
}

enum { TELLS = TELLS_NAMES };
static const struct log_shows pino_shows[] = {
	LOG_SHOWS_LOGIN(LOG_SUCCESS | LOG_FAILURE, TELLS), LOG_SHOWS(MQTT, CLOSE, LOG_FAILURE, TELLS),
	LOG_SHOWS(MQTT, DISCONNECT, LOG_SUCCESS | LOG_FAILURE | LOG_UNKNOWN, TELLS),
	LOG_SHOWS(MQTT, SUBSCRIBE, LOG_SUCCESS | LOG_FAILURE, TELLS | TELLS_RESOURCE),
	LOG_SHOWS(MQTT, UNSUBSCRIBE, LOG_SUCCESS, TELLS | TELLS_RESOURCE), LOG_SHOWS(MQTT, PUBLISH, LOG_UNKNOWN, TELLS | TELLS_RESOURCE), {0}};

const struct log_format log_format_pino = {
	.name = "pino",
	.help = "aedes (aedes-logging) and mosca: pino's JSON lines",
	.app_proto = "mqtt",
	.state_bytes = sizeof(struct pino),
	.probe = pino_probe,
	.envelope = pino_envelope,
	.parse = pino_parse,
	.json = true,
	.shows = pino_shows,
	.detail = {1ull << MQTT_BIT_CLIENT_ID | 1ull << MQTT_BIT_USERNAME | 1ull << MQTT_BIT_VERSION |
		1ull << MQTT_BIT_TOPICS | 1ull << MQTT_BIT_TOPIC, 0},
};
