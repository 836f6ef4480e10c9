/* AWS IoT Core: version 2 of its log (JSON, bare, in CloudWatch's envelope, many in `logEvents` and `events` lists, or as AWS's
 * command line prints these), version 1 (text) and lifecycle events. The cloud may deliver a record twice: the last ones are
 * remembered. `principalId` is the user. */
#include "log_facts.h"
#include "log_json.h"
#include "../sensor/hash.h"

enum { REMEMBERED = 256, KINDS = 1024, NESTED = 2 };

struct aws {
	struct mqtt_event detail;
	struct log_clock utc;
	uint64_t seen[REMEMBERED];
	uint16_t kinds[KINDS]; /* how many of `seen` have these lower bits */
	uint32_t next;
};
_Static_assert(sizeof(struct aws) <= LIMIT_LOG_STATE, "fits the memory of a log");

static uint64_t time_of(struct log_clock *clock, struct slice text)
{
	struct slice raw;
	uint64_t time_ns = 0;
	if (!log_json_raw(text, "timestamp", &raw))
		return 0;
	log_take(&raw, "\"");
	if (!log_take_iso(clock, &raw, &time_ns))
		log_take_epoch(clock, &raw, &time_ns);
	return time_ns;
}

static void aws_envelope(struct log_clock *clock, struct log_record *record)
{
	struct slice rest = record->line;
	if (rest.size && rest.at[0] == '{') {
		record->time_ns = time_of(clock, rest);
	} else if (log_take_iso(clock, &rest, &record->time_ns)) { /* no syslog: its TRACEID:... is no host */
		log_take(&rest, " ");
		record->text = rest;
		/* `aws logs tail`: the name of the stream, then the record. */
		log_take_word(&rest);
		if (rest.size && rest.at[0] == '{')
			record->text = rest;
	}
}

static bool seen_before(struct aws *a, struct slice text)
{
	uint64_t hash = hash_slice(text, 1), *oldest = &a->seen[a->next % REMEMBERED];
	for (unsigned i = 0; a->kinds[hash % KINDS] && i < REMEMBERED; i++)
		if (a->seen[i] == hash)
			return true;
	if (a->next >= REMEMBERED)
		a->kinds[*oldest % KINDS]--;
	*oldest = hash;
	a->kinds[hash % KINDS]++;
	a->next = a->next == 2 * REMEMBERED - 1 ? REMEMBERED : a->next + 1;
	return false;
}

static const char *refusal(struct slice why)
{
	static const char *const reasons[][2] = {{"AUTH", "not_authorized"}, {"FORBIDDEN", "not_authorized"}, {"THROTTL", "quota_exceeded"},
		{"LIMIT", "quota_exceeded"}, {"SERVER", "server_unavailable"}, {NULL, NULL}};
	return log_pick(why, reasons, "unspecified_error");
}

static void ending(struct log_facts *f, struct slice why)
{
	static const struct log_facts_end ends[] = {
		{"CLIENT_INITIATED", ACTION_DISCONNECT, OUTCOME_SUCCESS, NULL, TO_SERVER},
		{"CONNECTION_LOST", ACTION_CLOSE, OUTCOME_FAILURE, "no_disconnect", TO_SERVER},
		{"KEEP_ALIVE_TIMEOUT", ACTION_CLOSE, OUTCOME_FAILURE, "keepalive_timeout", TO_SERVER},
		{"DUPLICATE_CLIENT", ACTION_DISCONNECT, OUTCOME_FAILURE, "session_taken_over", TO_CLIENT},
		{"AUTH_ERROR", ACTION_DISCONNECT, OUTCOME_FAILURE, "not_authorized", TO_CLIENT},
		{"FORBIDDEN", ACTION_DISCONNECT, OUTCOME_FAILURE, "not_authorized", TO_CLIENT},
		{"CLIENT_ERROR", ACTION_CLOSE, OUTCOME_FAILURE, "protocol_error", TO_CLIENT},
		{"THROTTLED", ACTION_DISCONNECT, OUTCOME_FAILURE, "quota_exceeded", TO_CLIENT},
		{"INITIATED_DISCONNECT", ACTION_DISCONNECT, OUTCOME_FAILURE, "administrative_action", TO_CLIENT},
		{NULL, ACTION_DISCONNECT, OUTCOME_UNKNOWN, NULL, TO_SERVER}};
	log_facts_ended(f, ends, why, log_contains);
	f->keeps_session = slice_is(slice_text(f->reason), "session_taken_over");
}

static bool facts_of(const struct log_json *json, struct slice type, struct log_facts *f)
{
	struct slice why = {0};
	bool failed = log_json_is(json, "status", "Failure");
	f->outcome = failed ? OUTCOME_FAILURE : OUTCOME_SUCCESS;
	if (!log_json_text(json, "disconnectReason", &why) && !log_json_text(json, "reason", &why))
		log_json_text(json, "connectFailureReason", &why);
	f->reason = failed ? refusal(why) : NULL;
	if (slice_is(type, "Connect") || slice_is(type, "connected") || slice_is(type, "connect_failed")) {
		f->action = ACTION_CONNECT;
		if (slice_is(type, "connect_failed")) {
			f->outcome = OUTCOME_FAILURE;
			f->reason = refusal(why);
		}
	} else if (slice_is(type, "Disconnect") || slice_is(type, "disconnected")) {
		f->outcome = OUTCOME_UNKNOWN;
		f->reason = NULL;
		ending(f, why);
	} else if (slice_is(type, "Publish-In")) {
		f->action = ACTION_PUBLISH;
		f->outcome = failed ? OUTCOME_FAILURE : OUTCOME_UNKNOWN;
	} else if (slice_is(type, "Publish-Out") || (slice_is(type, "Queued") && failed)) {
		f->action = ACTION_DELIVER;
		f->direction = TO_CLIENT;
	} else if (slice_is(type, "Subscribe") || slice_is(type, "subscribed")) {
		f->action = ACTION_SUBSCRIBE;
		f->direction = failed ? TO_CLIENT : TO_SERVER;
	} else if (slice_is(type, "Unsubscribe") || slice_is(type, "unsubscribed")) {
		f->action = ACTION_UNSUBSCRIBE;
	} else {
		return false;
	}
	return true;
}

static void topics(const struct log_json *json, struct log_facts *f)
{
	f->topic_count = log_json_all(json, "subscriptions[].topicName", f->topics, LOG_FACTS_TOPICS);
	if (!f->topic_count)
		f->topic_count = log_json_all(json, "subscriptions[]", f->topics, LOG_FACTS_TOPICS);
	if (!f->topic_count)
		f->topic_count = log_json_all(json, "topics[]", f->topics, LOG_FACTS_TOPICS);
	if (!f->topic_count)
		f->topic_count = log_json_text(json, "topicName", &f->topics[0]);
}

static enum log_verdict one(struct log_parse *parse, struct aws *a, struct log_json *json, struct slice text)
{
	struct log_facts facts = {0};
	struct slice type;
	if (!log_json_text(json, "eventType", &type))
		return LOG_UNREADABLE;
	if (seen_before(a, text))
		return LOG_TAKEN;
	log_facts_next(parse, time_of(&a->utc, text));
	log_json_text(json, "clientId", &facts.client_id);
	if (!log_json_text(json, "principalId", &facts.user))
		log_json_text(json, "principalIdentifier", &facts.user);
	if (!log_json_text(json, "sourceIp", &facts.from))
		log_json_text(json, "ipAddress", &facts.from);
	log_json_number(json, "sourcePort", &facts.port);
	topics(json, &facts);
	if (facts_of(json, type, &facts))
		log_facts_emit(parse, &a->detail, &facts);
	return LOG_TAKEN;
}

/* Version 1: "TRACEID:.. PRINCIPALID:.. [ERROR] EVENT:MQTT Client Connect MESSAGE:Connect Status: AUTHORIZATION_FAILURE". */
static enum log_verdict version_1(struct log_parse *parse, struct aws *a, struct slice text)
{
	struct log_facts f = {.outcome = OUTCOME_FAILURE};
	struct slice rest = text, before, status;
	if (!log_take_until(&rest, "PRINCIPALID:", &before))
		return LOG_UNREADABLE;
	f.user = log_take_word(&rest);
	bool connect = log_contains(rest, "MESSAGE:Connect") || log_contains(rest, "Connect Status:");
	bool publish = log_contains(rest, "EVENT:PublishEvent");
	struct slice topic = rest;
	if (log_take_until(&topic, "TOPICNAME:", &before) && log_take_until_last(&topic, " MESSAGE:", &f.topics[0]))
		f.topic_count = 1;
	if (!(connect || publish) || !log_take_until_last(&rest, "Status: ", &before))
		return LOG_TAKEN;
	status = rest;
	bool good = slice_is(status, "SUCCESS");
	f.action = connect ? ACTION_CONNECT : ACTION_PUBLISH;
	f.outcome = !good ? OUTCOME_FAILURE : connect ? OUTCOME_SUCCESS : OUTCOME_UNKNOWN;
	f.reason = good ? NULL : refusal(status);
	log_facts_emit(parse, &a->detail, &f);
	return LOG_TAKEN;
}

static enum log_verdict unwrap(struct log_parse *parse, struct aws *a, struct slice text, unsigned depth)
{
	struct log_json *json = parse->json[depth ? 1 : 0];
	struct slice list, item, message;
	enum log_verdict verdict = LOG_UNREADABLE;
	if (text.size && text.at[0] != '{')
		return version_1(parse, a, text);
	bool lists = depth < NESTED && text.size && memchr(text.at, '[', text.size);
	if (lists && (log_json_raw(text, "logEvents", &list) || log_json_raw(text, "events", &list)) && log_take(&list, "[")) {
		while (log_json_item(&list, &item))
			if (unwrap(parse, a, item, NESTED - 1) == LOG_TAKEN)
				verdict = LOG_TAKEN;
		return verdict;
	}
	if (!log_json_read(depth ? parse->json[0] : json, text))
		return LOG_UNREADABLE;
	json = parse->json[0];
	/* Within an envelope the record itself is a text. */
	if (log_json_text(json, "message", &message) && log_contains(message, "eventType"))
		return log_json_read(parse->json[1], message) ? one(parse, a, parse->json[1], message) : LOG_UNREADABLE;
	return one(parse, a, json, text);
}

/* Lists as `aws logs filter-log-events` prints them: each member of a record has a line, and the one of the record is its message. */
static bool printed(struct log_parse *parse, struct aws *a, struct slice line)
{
	struct slice rest = line, message;
	while (log_take(&rest, " ") || log_take(&rest, "\t"))
		;
	log_take_end(&rest, ",");
	if (slice_is(rest, "{") || slice_is(rest, "}") || slice_is(rest, "[") || slice_is(rest, "]"))
		return true;
	if (rest.size == line.size || rest.size < 2 || rest.at[0] != '"')
		return false;
	if (slice_starts(rest, slice_text("\"message\": \"")) && log_json_read_member(parse->json[0], rest) &&
	    log_json_text(parse->json[0], "message", &message) && log_json_read(parse->json[1], message))
		one(parse, a, parse->json[1], message);
	return true;
}

static enum log_verdict aws_parse(struct log_parse *parse)
{
	struct slice text = parse->record->text;
	if (!text.size || printed(parse, parse->state, text))
		return LOG_TAKEN;
	return unwrap(parse, parse->state, text, 0);
}

static unsigned aws_probe(struct slice head)
{
	unsigned lines = 0;
	struct slice line;
	while (log_take_until(&head, "\n", &line))
		lines += log_contains(line, "eventType\"") || log_contains(line, "eventType\\\"")
				 ? log_contains(line, "principalI") || log_contains(line, "traceId") || log_contains(line, "accountId")
				 : log_contains(line, "TRACEID:") && log_contains(line, "PRINCIPALID:");
	return lines;
}

enum { TELLS = TELLS_ENDS | TELLS_NAMES };
static const struct log_shows aws_iot_shows[] = {
	LOG_SHOWS_LOGIN(LOG_SUCCESS | LOG_FAILURE, TELLS), LOG_SHOWS(MQTT, CLOSE, LOG_FAILURE, TELLS),
	LOG_SHOWS(MQTT, DISCONNECT, LOG_SUCCESS | LOG_FAILURE | LOG_UNKNOWN, TELLS),
	LOG_SHOWS(MQTT, DELIVER, LOG_SUCCESS | LOG_FAILURE | LOG_UNKNOWN, TELLS | TELLS_RESOURCE),
	LOG_SHOWS(MQTT, PUBLISH, LOG_SUCCESS | LOG_FAILURE | LOG_UNKNOWN, TELLS | TELLS_RESOURCE),
	LOG_SHOWS(MQTT, SUBSCRIBE, LOG_SUCCESS | LOG_FAILURE, TELLS | TELLS_RESOURCE),
	LOG_SHOWS(MQTT, UNSUBSCRIBE, LOG_SUCCESS | LOG_FAILURE, TELLS | TELLS_RESOURCE), {0}};

const struct log_format log_format_aws_iot = {
	.name = "aws_iot",
	.help = "AWS IoT Core: CloudWatch log (versions 1 and 2), Firehose, lifecycle events",
	.app_proto = "mqtt",
	.state_bytes = sizeof(struct aws),
	.probe = aws_probe,
	.envelope = aws_envelope,
	.parse = aws_parse,
	.json = true,
	.shows = aws_iot_shows,
	.detail = {1ull << MQTT_BIT_CLIENT_ID | 1ull << MQTT_BIT_USERNAME | 1ull << MQTT_BIT_VERSION |
		1ull << MQTT_BIT_TOPIC | 1ull << MQTT_BIT_TOPICS, 0},
};
