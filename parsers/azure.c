/* Azure: IoT Hub resource logs (category Connections), and Event Grid's MQTT broker: resource logs and life cycle events. `properties`
 * is an object, or a text that holds one. IoT Hub masks addresses ("24.9.142.XXX"), Event Grid has none: no event has an address.
 *
 * A device whose token is renewed is told 401003, closes (404104) and comes again: normal, once in the life of a token. So a 401003 of a
 * live or unseen device is no failure until a second one comes without a connection between, and a close is abnormal only when
 * the session was younger than any token. A single refused try of an unknown device therefore shows with outcome unknown. */
#include "log_facts.h"
#include "log_json.h"
#include "../sensor/hash.h"

enum { UNAUTHORIZED = 64, SEEN = 256, SESSIONS = 128 };
#define LIFE "Microsoft.EventGrid.MQTTClient"
static const uint64_t token_ns = 300 * TW_SECOND;

struct azure {
	struct mqtt_event detail;
	uint64_t refused[UNAUTHORIZED]; /* keys of devices whose last word was 401003 */
	uint64_t seen[SEEN];            /* identities of life cycle events */
	struct { uint64_t key, sequence; } newest[SESSIONS]; /* of a session: the highest sequenceNumber */
};
_Static_assert(sizeof(struct azure) <= LIMIT_LOG_STATE, "fits the memory of a log");

static void azure_envelope(struct log_clock *clock, struct log_record *record)
{
	struct slice raw;
	record->text = record->line;
	if (!log_json_raw(record->line, "time", &raw))
		return;
	log_take(&raw, "\"");
	log_take_iso(clock, &raw, &record->time_ns);
}

/* A property, wherever it stands. */
static bool property(struct log_parse *parse, const char *name, struct slice *out)
{
	char path[64] = "properties.";
	strncat(path, name, sizeof path - 12);
	return log_json_text(parse->json[0], path, out) || log_json_text(parse->json[1], name, out);
}

/* The session goes on with who came second. */
static void taken_over(struct log_facts *f)
{
	f->action = ACTION_DISCONNECT;
	f->outcome = OUTCOME_FAILURE;
	f->reason = "session_taken_over";
	f->direction = TO_CLIENT;
	f->keeps_session = true;
}

static void hub(struct log_parse *parse, struct azure *a, struct slice operation, struct log_facts *f)
{
	struct slice code = {0};
	property(parse, "deviceId", &f->client_id);
	log_json_text(parse->json[0], "resultType", &code);
	if (!code.at)
		property(parse, "statusCode", &code);
	if (!code.size)
		code = (struct slice){0};
	uint64_t key = hash_slice(f->client_id, parse->source) | 1;
	uint64_t *slot = &a->refused[key % UNAUTHORIZED];
	struct log_session *session = log_facts_session(parse, f->client_id);
	bool young = session && parse->record->time_ns < session->began_ns + token_ns;
	if (slice_is(code, "401003")) {
		bool again = *slot == key;
		*slot = key;
		f->action = again ? ACTION_CONNECT : ACTION_AUTHENTICATE;
		f->outcome = again ? OUTCOME_FAILURE : OUTCOME_UNKNOWN;
		f->reason = "not_authorized";
		f->direction = TO_CLIENT;
	} else if (slice_is(code, "409002") || slice_is(code, "400027")) {
		taken_over(f);
	} else if (slice_is(operation, "deviceConnect")) {
		f->action = ACTION_CONNECT;
		f->outcome = !code.at || slice_is(code, "0") || slice_is(code, "200") ? OUTCOME_SUCCESS : OUTCOME_FAILURE;
		f->reason = f->outcome == OUTCOME_FAILURE ? "unspecified_error" : NULL;
		if (f->outcome == OUTCOME_SUCCESS && *slot == key)
			*slot = 0;
	} else {
		bool closed = slice_is(code, "404104"), renewal = *slot == key;
		f->action = closed ? ACTION_CLOSE : ACTION_DISCONNECT;
		f->outcome = closed && young && !renewal ? OUTCOME_FAILURE : closed || code.at ? OUTCOME_UNKNOWN : OUTCOME_SUCCESS;
		f->reason = closed ? "no_disconnect" : code.at ? "unspecified_error" : NULL;
	}
}

static const char *grid_reason(struct slice signature)
{
	static const char *const reasons[][2] = {{"AuthenticationError", "not_authorized"}, {"AuthorizationError", "not_authorized"},
		{"QuotaExceeded", "quota_exceeded"}, {"Throttl", "quota_exceeded"}, {NULL, NULL}};
	return log_pick(signature, reasons, "unspecified_error");
}

/* "SessionTakenOver" is Event Grid's word for it in its life cycle events. */
static void grid_end(struct slice signature, struct slice what, struct log_facts *f)
{
	if (log_contains(signature, "TakenOver") || log_contains(what, "TakenOver") || log_contains(what, "taken over")) {
		taken_over(f);
		return;
	}
	bool late = log_contains(what, "Keep Alive"), good = slice_is(signature, "Success") || slice_is(signature, "Succeeded");
	f->action = late ? ACTION_CLOSE : ACTION_DISCONNECT;
	f->outcome = good && !late ? OUTCOME_SUCCESS : late ? OUTCOME_FAILURE : OUTCOME_UNKNOWN;
	f->reason = late ? "keepalive_timeout" : good ? NULL : f->reason;
	f->direction = TO_SERVER;
}

static bool grid(struct log_parse *parse, struct slice category, struct log_facts *f)
{
	struct slice signature = {0}, what = {0};
	log_json_text(parse->json[0], "resultSignature", &signature);
	log_json_text(parse->json[0], "resultDescription", &what);
	log_json_text(parse->json[0], "identity.clientIdentity", &f->user);
	property(parse, "sessionName", &f->client_id);
	f->topic_count = log_json_all(parse->json[0], "properties.topicFilters[]", f->topics, LOG_FACTS_TOPICS);
	if (!f->topic_count)
		f->topic_count = log_json_all(parse->json[1], "topicFilters[]", f->topics, LOG_FACTS_TOPICS);
	if (!f->topic_count)
		f->topic_count = property(parse, "topicName", &f->topics[0]);
	if (!log_json_number(parse->json[0], "properties.operationCount", &f->count))
		log_json_number(parse->json[1], "operationCount", &f->count);
	f->outcome = OUTCOME_FAILURE;
	f->reason = grid_reason(signature);
	f->direction = TO_CLIENT;
	if (slice_is(category, "SuccessfulMqttConnections")) {
		f->action = ACTION_CONNECT;
		f->outcome = OUTCOME_SUCCESS;
		f->reason = NULL;
	} else if (slice_is(category, "FailedMqttConnections")) {
		f->action = ACTION_CONNECT;
	} else if (slice_is(category, "FailedMqttPublishedMessages")) {
		f->action = ACTION_PUBLISH;
		f->direction = TO_SERVER;
	} else if (slice_is(category, "FailedMqttSubscriptionOperations")) {
		f->action = ACTION_SUBSCRIBE;
	} else if (slice_is(category, "MqttDisconnections")) {
		grid_end(signature, what, f);
	} else {
		return false;
	}
	return true;
}

/* --- Event Grid's life cycle events: CloudEvents 1.0 -------------------------------------------------------------- */

/* They come at least once: again with the same source and id (CloudEvents 1.0, `id`). */
static bool is_repeated(struct log_parse *parse, struct azure *a)
{
	struct slice id = {0}, source = {0};
	if (!log_json_text(parse->json[0], "id", &id) || !id.size)
		return false;
	log_json_text(parse->json[0], "source", &source);
	uint64_t key = hash_slice(id, hash_slice(source, 0)) | 1, *slot = &a->seen[key % SEEN];
	bool again = *slot == key;
	*slot = key;
	return again;
}

/* And in any order: an end with a lower number than was seen of its session is that of an earlier connection. */
static bool is_late(struct log_parse *parse, struct azure *a, struct slice session)
{
	uint64_t key = hash_slice(session, parse->source) | 1, number, slot = key % SESSIONS;
	if (!log_json_number(parse->json[0], "data.sequenceNumber", &number))
		return false;
	bool late = a->newest[slot].key == key && number < a->newest[slot].sequence;
	if (!late) {
		a->newest[slot].key = key;
		a->newest[slot].sequence = number;
	}
	return late;
}

/* What the reasons of a disconnection prove; those of the server's own prove nothing of the client. */
static void life_end(struct slice why, struct log_facts *f)
{
	static const struct log_facts_end ends[] = {
		{"ClientInitiatedDisconnect", ACTION_DISCONNECT, OUTCOME_SUCCESS, NULL, TO_SERVER},
		{"ConnectionLost", ACTION_CLOSE, OUTCOME_FAILURE, "no_disconnect", TO_SERVER},
		{"ClientAuthenticationError", ACTION_DISCONNECT, OUTCOME_FAILURE, "not_authorized", TO_CLIENT},
		{"ClientAuthorizationError", ACTION_DISCONNECT, OUTCOME_FAILURE, "not_authorized", TO_CLIENT},
		{"ClientError", ACTION_DISCONNECT, OUTCOME_FAILURE, "protocol_error", TO_CLIENT},
		{"IpForbidden", ACTION_DISCONNECT, OUTCOME_FAILURE, "administrative_action", TO_CLIENT},
		{"QuotaExceeded", ACTION_DISCONNECT, OUTCOME_FAILURE, "quota_exceeded", TO_CLIENT},
		{"SessionOverflow", ACTION_DISCONNECT, OUTCOME_FAILURE, "queue_full", TO_CLIENT},
		{"ServerInitiatedDisconnect", ACTION_DISCONNECT, OUTCOME_UNKNOWN, "administrative_action", TO_CLIENT},
		{NULL, ACTION_DISCONNECT, OUTCOME_UNKNOWN, "unspecified_error", TO_CLIENT}}; /* ServerError, and what may come to be */
	if (slice_is(why, "SessionTakenOver")) {
		taken_over(f);
		return;
	}
	log_facts_ended(f, ends, why, slice_is);
}

/* False: nothing that happened in a session (a client's entry in the namespace was made, changed or deleted). */
static bool life(struct log_parse *parse, struct azure *a, struct slice type, struct log_facts *f)
{
	struct slice why = {0};
	log_json_text(parse->json[0], "data.clientSessionName", &f->client_id);
	log_json_text(parse->json[0], "data.clientAuthenticationName", &f->user);
	bool begins = slice_is(type, LIFE "SessionConnected"), ends = slice_is(type, LIFE "SessionDisconnected");
	if ((!begins && !ends) || is_repeated(parse, a))
		return false;
	bool late = is_late(parse, a, f->client_id);
	if (begins) {
		f->action = ACTION_CONNECT;
		f->outcome = OUTCOME_SUCCESS;
		f->direction = TO_CLIENT;
		return true;
	}
	log_json_text(parse->json[0], "data.disconnectionReason", &why);
	life_end(why, f);
	f->keeps_session = f->keeps_session || late;
	return true;
}

static enum log_verdict one(struct log_parse *parse, struct azure *a, struct slice text)
{
	struct log_facts facts = {0};
	struct log_clock utc = {0};
	struct log_record inner = {.line = text};
	struct slice category = {0}, operation = {0}, type = {0}, properties;
	if (!log_json_read(parse->json[0], text))
		return LOG_UNREADABLE;
	log_json_text(parse->json[0], "type", &type);
	if (!log_json_text(parse->json[0], "category", &category) && !log_contains(type, LIFE))
		return LOG_UNREADABLE;
	if (!log_json_text(parse->json[0], "properties", &properties) || !log_json_read(parse->json[1], properties))
		log_json_read(parse->json[1], slice_text("{}"));
	log_json_text(parse->json[0], "operationName", &operation);
	azure_envelope(&utc, &inner);
	log_facts_next(parse, inner.time_ns);
	if (slice_is(category, "Connections"))
		hub(parse, a, operation, &facts);
	else if (category.at ? !grid(parse, category, &facts) : !life(parse, a, type, &facts))
		return LOG_TAKEN;
	log_facts_emit(parse, &a->detail, &facts);
	return LOG_TAKEN;
}

static enum log_verdict azure_parse(struct log_parse *parse)
{
	struct slice rest = parse->record->text, item, list;
	enum log_verdict verdict = rest.size ? LOG_UNREADABLE : LOG_TAKEN;
	if (log_take(&rest, "[")) /* a batch of CloudEvents */
		verdict = rest.size ? LOG_UNREADABLE : LOG_TAKEN;
	else if (log_json_raw(rest, "records", &list) && log_take(&list, "["))
		rest = list;
	while (log_json_item(&rest, &item)) /* storage has objects one behind the other */
		if (one(parse, parse->state, item) == LOG_TAKEN)
			verdict = LOG_TAKEN;
	return verdict;
}

static unsigned azure_probe(struct slice head)
{
	unsigned lines = 0;
	struct slice line;
	while (log_take_until(&head, "\n", &line))
		lines += (log_contains(line, "\"operationName\"") && log_contains(line, "\"resourceId\"") && log_contains(line, "\"category\"")) ||
			 (log_contains(line, "\"specversion\"") && log_contains(line, LIFE));
	return lines;
}

enum { TELLS = TELLS_NAMES };
static const struct log_shows azure_shows[] = {
	LOG_SHOWS_LOGIN(LOG_SUCCESS | LOG_FAILURE | LOG_UNKNOWN, TELLS),
	LOG_SHOWS(MQTT, CLOSE, LOG_FAILURE | LOG_UNKNOWN, TELLS),
	LOG_SHOWS(MQTT, DISCONNECT, LOG_SUCCESS | LOG_FAILURE | LOG_UNKNOWN, TELLS),
	LOG_SHOWS(MQTT, PUBLISH, LOG_FAILURE, TELLS | TELLS_RESOURCE),
	LOG_SHOWS(MQTT, SUBSCRIBE, LOG_FAILURE, TELLS | TELLS_RESOURCE), {0}};

const struct log_format log_format_azure = {
	.name = "azure",
	.help = "Azure IoT Hub (Connections) and Event Grid MQTT: resource logs, life cycle events",
	.app_proto = "mqtt",
	.state_bytes = sizeof(struct azure),
	.probe = azure_probe,
	.envelope = azure_envelope,
	.parse = azure_parse,
	.json = true,
	.shows = azure_shows,
	.detail = {1ull << MQTT_BIT_CLIENT_ID | 1ull << MQTT_BIT_USERNAME | 1ull << MQTT_BIT_VERSION |
		1ull << MQTT_BIT_TOPIC | 1ull << MQTT_BIT_TOPICS, 0},
};
