#include "log_client.h"
#include "log_json.h"

/* NanoMQ: its log and what its webhook posts.
 *
 *     2026-11-23 14:50:39 [4711] WARN  broker/acl_handler.c:52: acl deny publish clientid [dev01] username [u] topic [a/b]
 *     {"proto_ver":4,"keepalive":60,"conn_ack":"success","username":"u","clientid":"dev01","action":"client_connack"}
 *
 * Neither has an address as a rule, and the webhook's lines have no time: they take that of their arrival. */

enum { KEY_CLIENT = 1 };

struct nanomq {
	struct mqtt_event detail;
};
_Static_assert(sizeof(struct nanomq) <= LIMIT_LOG_STATE, "fits the memory of a log");

/* --- the log ------------------------------------------------------------------------------------------------------ */

/* "[4711] WARN  path/file.c:52: "; the console has "file.c:52 function: ". */
static bool take_head(struct slice *rest, uint8_t *level)
{
	struct slice r = *rest, word;
	uint64_t number;
	if (!log_take(&r, "[") || !log_take_number(&r, UINT64_MAX >> 1, &number) || !log_take(&r, "] "))
		return false;
	word = log_take_word(&r);
	*level = log_level_of(word);
	while (log_take(&r, " "))
		;
	if (!(*level || slice_is(word, "FATAL") || slice_is(word, "TRACE")) || !log_take_until(&r, ": ", &word) || word.size > 160)
		return false;
	*level = *level ? *level : slice_is(word, "FATAL") ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG;
	*rest = r;
	return true;
}

/* "publish clientid [dev01] username [u] topic [a/b]": the names are the client's, the last brackets the broker's. */
static bool denied(struct log_parse *parse, struct slice rest)
{
	struct slice client_id, user, topic;
	enum action action = log_take(&rest, "publish") ? ACTION_PUBLISH : ACTION_SUBSCRIBE;
	if (action == ACTION_SUBSCRIBE && !log_take(&rest, "subscribe"))
		return false;
	if (!log_take(&rest, " clientid [") || !log_take_until(&rest, "] username [", &client_id) ||
	    !log_take_until(&rest, "] topic [", &user))
		return false;
	topic = rest;
	if (!log_take_end(&topic, "]"))
		return false;
	name_set(&parse->session.client_id, client_id);
	name_set(&parse->session.user, user);
	log_client_refused(parse, action, &topic);
	return true;
}

static void login_failed(struct log_parse *parse, struct nanomq *n, const char *reason)
{
	struct log_login nobody = {.opened = true};
	log_client_login(parse, &n->detail, &nobody, OUTCOME_FAILURE, reason);
}

/* "mqtts recv error mapped clientid=dev01 username=u ip=10.0.0.1 pipe=1 raw_rv=31 ... reason_code=0x80" */
static bool receive_error(struct log_parse *parse, struct slice rest)
{
	struct slice client_id, user, before;
	if (!log_take(&rest, "clientid=") || !log_take_until(&rest, " username=", &client_id) ||
	    !log_take_until_last(&rest, " pipe=", &before) || !log_take_until_last(&before, " ip=", &user))
		return false;
	log_end(before, &parse->ends.client, &parse->ends.client_port);
	name_set(&parse->session.client_id, client_id);
	name_set(&parse->session.user, user);
	log_client_end(parse, ACTION_CLOSE, OUTCOME_FAILURE, "transport_error", TO_SERVER);
	return true;
}

static bool message(struct log_parse *parse, struct nanomq *n, struct slice rest)
{
	struct slice before, none = {0};
	uint64_t code;
	if (log_take(&rest, "acl deny ")) {
		return denied(parse, rest);
	} else if (slice_is(rest, "acl deny")) { /* before 0.25 it does not say whom, and what only by the place in the source */
		bool subscribes = log_contains(parse->record->line, "/sub_handler.c:");
		log_client_refused(parse, subscribes ? ACTION_SUBSCRIBE : ACTION_PUBLISH, &none);
	} else if (log_take(&rest, "Invalid auth info")) {
		login_failed(parse, n, "not_authorized");
	} else if (log_take(&rest, "Warning: close pipe ") && log_contains(rest, "KeepAlive timeout")) {
		log_client_end(parse, ACTION_CLOSE, OUTCOME_FAILURE, "keepalive_timeout", TO_SERVER);
	} else if (log_take(&rest, "connect nego error ") && log_take_until(&rest, "MQTT reason code ", &before) &&
		   log_take_number(&rest, 255, &code)) {
		const char *reason = mqtt_reason(code < 128 ? 4 : 5, MQTT_CONNACK, (uint8_t)code);
		/* Refused credentials have a line of their own. */
		if (code != 4 && code != 5 && code != 0x86 && code != 0x87)
			login_failed(parse, n, reason ? reason : "unspecified_error");
	} else if (log_take(&rest, "warning msg dropped!")) {
		log_client_end(parse, ACTION_DELIVER, OUTCOME_FAILURE, "queue_full", TO_CLIENT);
	} else if (log_take(&rest, "mqtts recv error mapped ")) {
		return receive_error(parse, rest);
	}
	return true;
}

/* --- the webhook -------------------------------------------------------------------------------------------------- */

static bool given(const struct log_json *json, const char *path, struct slice *out)
{
	return (log_json_text(json, path, out) && !slice_is(*out, "undefined") && !slice_is(*out, "(null)")) || (*out = (struct slice){0}, false);
}

static void about_client(struct log_parse *parse, const struct log_login *login)
{
	struct log_session *session = login->client_id.at
		? log_session_find(parse->sessions, log_session_key(parse->source, KEY_CLIENT, login->client_id)) : NULL;
	if (session) {
		log_about(parse, session);
		return;
	}
	if (login->client_id.at)
		name_set(&parse->session.client_id, login->client_id);
	if (login->user.at)
		name_set(&parse->session.user, login->user);
}

static void connack(struct log_parse *parse, struct nanomq *n, struct log_login *login)
{
	static const char *const reasons[][2] = {{"ad user", "bad_user_name_or_password"}, {"dentifier", "client_identifier_not_valid"},
		{"rotocol version", "unsupported_protocol_version"}, {"navailable", "server_unavailable"}, {NULL, NULL}};
	struct slice answer = {0};
	uint64_t version = 0;
	if (log_json_number(parse->json[0], "proto_ver", &version) && version >= 3 && version <= 5)
		login->version = (uint8_t)version;
	log_json_text(parse->json[0], "conn_ack", &answer);
	bool good = slice_is(answer, "success");
	if (good && login->client_id.at)
		log_client_begin(parse, log_session_key(parse->source, KEY_CLIENT, login->client_id), login);
	log_client_login(parse, &n->detail, login, good ? OUTCOME_SUCCESS : OUTCOME_FAILURE,
			 good ? NULL : log_pick(answer, reasons, "not_authorized"));
}

static void published(struct log_parse *parse, const char *path)
{
	struct slice topic;
	bool known = log_json_text(parse->json[0], path, &topic);
	struct event event = log_event(parse, PROTOCOL_MQTT, ACTION_PUBLISH, OUTCOME_UNKNOWN, NULL);
	event.resource = (struct slices){&topic, known};
	log_emit(parse, &event);
}

static bool webhook(struct log_parse *parse, struct nanomq *n)
{
	const struct log_json *json = parse->json[0];
	struct log_login login = {0};
	struct slice ip;
	if (!log_json_read(parse->json[0], parse->record->text))
		return false;
	if (!given(json, "clientid", &login.client_id))
		given(json, "from_client_id", &login.client_id);
	if (!given(json, "username", &login.user))
		given(json, "from_username", &login.user);
	if (given(json, "ipaddress", &ip) || given(json, "ip", &ip))
		log_end(ip, &parse->ends.client, &parse->ends.client_port);
	if (log_json_is(json, "action", "client_connack")) {
		connack(parse, n, &login);
		return true;
	}
	about_client(parse, &login);
	if (log_json_is(json, "action", "client_disconnected")) {
		bool well = log_json_is(json, "reason", "normal");
		bool silent = log_json_text(json, "reason", &ip) && (log_contains(ip, "eep") || log_contains(ip, "timeout"));
		if (well)
			log_client_end(parse, ACTION_DISCONNECT, OUTCOME_SUCCESS, NULL, TO_SERVER);
		else
			log_client_end(parse, ACTION_CLOSE, OUTCOME_FAILURE, silent ? "keepalive_timeout" : "no_disconnect", TO_SERVER);
		if (parse->about)
			log_session_end(parse->sessions, parse->about);
	} else if (log_json_is(json, "action", "message_publish")) {
		published(parse, "topic");
	}
	return true;
}

/* --- records ------------------------------------------------------------------------------------------------------ */

static void nanomq_envelope(struct log_clock *clock, struct log_record *record)
{
	struct slice raw;
	uint64_t time_ns;
	if (!record->line.size || record->line.at[0] != '{') {
		log_envelope(clock, record);
		take_head(&record->text, &record->level);
	} else if (log_json_raw(record->line, "ts", &raw) && log_take_epoch(clock, &raw, &time_ns)) {
		record->time_ns = time_ns;
	}
}

static enum log_verdict nanomq_parse(struct log_parse *parse)
{
	struct nanomq *n = parse->state;
	struct slice text = parse->record->text;
	if (text.size && text.at[0] == '{')
		return webhook(parse, n) ? LOG_TAKEN : LOG_UNREADABLE;
	if (!parse->record->level)
		return text.size ? LOG_UNREADABLE : LOG_TAKEN;
	return message(parse, n, text) ? LOG_TAKEN : LOG_UNREADABLE;
}

static unsigned nanomq_probe(struct slice head)
{
	static const char *const actions[] = {"\"action\":\"client_connack\"", "\"action\":\"client_disconnected\"",
		"\"action\":\"message_publish\"", "\"action\":\"client_connect\"", NULL};
	unsigned lines = 0;
	struct slice line;
	struct log_clock clock = {0};
	while (log_take_until(&head, "\n", &line)) {
		struct log_record record = {.line = line, .text = line};
		uint8_t level;
		log_envelope(&clock, &record);
		lines += record.time_ns && take_head(&record.text, &level);
		for (const char *const *a = actions; *a && line.size && line.at[0] == '{'; a++)
			lines += log_contains(line, *a);
	}
	return lines;
}

enum { TELLS = TELLS_NAMES };
static const struct log_shows nanomq_shows[] = {
	LOG_SHOWS_LOGIN(LOG_SUCCESS | LOG_FAILURE, TELLS), LOG_SHOWS(MQTT, CLOSE, LOG_FAILURE, TELLS),
	LOG_SHOWS(MQTT, DISCONNECT, LOG_SUCCESS, TELLS), LOG_SHOWS(MQTT, DELIVER, LOG_FAILURE, TELLS),
	LOG_SHOWS(MQTT, PUBLISH, LOG_FAILURE | LOG_UNKNOWN, TELLS | TELLS_RESOURCE),
	LOG_SHOWS(MQTT, SUBSCRIBE, LOG_FAILURE, TELLS | TELLS_RESOURCE), {0}};

const struct log_format log_format_nanomq = {
	.name = "nanomq",
	.help = "NanoMQ: its log, or the JSON of its webhook a line each",
	.app_proto = "mqtt",
	.state_bytes = sizeof(struct nanomq),
	.probe = nanomq_probe,
	.envelope = nanomq_envelope,
	.parse = nanomq_parse,
	.json = true,
	.shows = nanomq_shows,
	.detail = {1ull << MQTT_BIT_CLIENT_ID | 1ull << MQTT_BIT_USERNAME | 1ull << MQTT_BIT_VERSION |
		1ull << MQTT_BIT_TOPIC | 1ull << MQTT_BIT_HEADER, 0},
};
