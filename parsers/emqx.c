/* EMQX 4 (text), 5 and 6 (text and JSON). Values of the text are not quoted and their order varies: a key that is there twice may
 * have been forged by a client's name, and the event is then ambiguous and names nobody. EMQX writes some messages once in a period
 * for all clients together; log_events_throttled_during_last_period tells how many more there were, which log.count has. */
#include "log_facts.h"
#include "log_json.h"
#include <stdio.h>

struct emqx {
	struct mqtt_event detail;
	uint8_t denied; /* enum action: what permission was denied for last, in a line of its own; 0 (no denial) at first */
};

struct record {
	struct log_parse *parse;
	struct slice text;
	bool json, twice;
};

static void emqx_envelope(struct log_clock *clock, struct log_record *record)
{
	struct slice raw;
	if (!record->line.size || record->line.at[0] != '{') {
		log_level_envelope(clock, record);
		return;
	}
	record->text = record->line;
	if (log_json_raw(record->line, "time", &raw)) {
		log_take(&raw, "\"");
		if (!log_take_iso(clock, &raw, &record->time_ns))
			log_take_epoch(clock, &raw, &record->time_ns);
	}
	if (log_json_raw(record->line, "level", &raw))
		record->level = log_level_of(log_unquoted(raw));
}

/* Does ", key: " begin at `at`? */
static bool is_key(struct slice text, uint32_t at)
{
	uint32_t n = at + 2;
	if (at + 2 >= text.size || text.at[at] != ',' || text.at[at + 1] != ' ')
		return false;
	while (n < text.size && ((text.at[n] >= 'a' && text.at[n] <= 'z') || text.at[n] == '_'))
		n++;
	return n > at + 2 && n + 1 < text.size && text.at[n] == ':' && text.at[n + 1] == ' ';
}

static bool text_value(struct record *r, const char *key, struct slice *out)
{
	struct slice text = r->text;
	uint32_t size = (uint32_t)strlen(key);
	unsigned found = 0;
	for (uint32_t at = 0; at + size + 2 <= text.size; at++) {
		bool begins = at == 0 || (at >= 2 && text.at[at - 1] == ' ' && text.at[at - 2] == ',');
		if (!begins || memcmp(text.at + at, key, size) != 0 || text.at[at + size] != ':' || text.at[at + size + 1] != ' ')
			continue;
		uint32_t from = at + size + 2, end = from;
		while (end < text.size && !is_key(text, end))
			end++;
		if (!found++)
			*out = slice_of(text.at + from, end - from);
	}
	r->twice = r->twice || found > 1;
	return found > 0;
}

static bool value(struct record *r, const char *key, struct slice *out)
{
	return r->json ? log_json_text(r->parse->json[0], key, out) : text_value(r, key, out);
}

#define DENIED "authorization_permission_denied"
#define SUMMARY "log_events_throttled_during_last_period"

/* Messages of EMQX and what they are. */
static const struct { const char *name; enum action action; const char *reason; enum direction by; } messages[] = {
	{"authentication_failure", ACTION_AUTHENTICATE, "not_authorized", TO_CLIENT},
	{"cannot_publish_to_topic", ACTION_PUBLISH, "unspecified_error", TO_SERVER}, /* 5.0, and later of other reasons */
	{"cannot_publish_to_topic_due_to_not_authorized", ACTION_PUBLISH, "not_authorized", TO_SERVER},
	{"cannot_publish_to_topic_due_to_quota_exceeded", ACTION_PUBLISH, "quota_exceeded", TO_SERVER},
	{"cannot_subscribe_topic_filter", ACTION_SUBSCRIBE, "not_authorized", TO_CLIENT},
	{"dropped_msg_due_to_mqueue_is_full", ACTION_DELIVER, "queue_full", TO_CLIENT},
	{"dropped_qos0_msg", ACTION_DELIVER, "queue_full", TO_CLIENT},
	{"flapping_detected", ACTION_CONNECT, "banned", TO_CLIENT},
	{"clientid_registration_throttled", ACTION_CONNECT, "quota_exceeded", TO_CLIENT},
	{"connection_rejected_due_to_license_limit_reached", ACTION_CONNECT, "quota_exceeded", TO_CLIENT},
	{"frame_parse_failed", ACTION_VIOLATION, "malformed_packet", TO_SERVER},
	{"socket_error", ACTION_CLOSE, "transport_error", TO_SERVER},
};
enum { MESSAGES = sizeof messages / sizeof *messages, SUMMARY_LIMIT = 60000 };

static void set_message(struct log_facts *f, unsigned i)
{
	f->action = messages[i].action;
	f->outcome = OUTCOME_FAILURE;
	f->reason = messages[i].reason;
	f->direction = messages[i].by;
}

/* "#{authentication_failure => 12,dropped_qos0_msg => 3}", in JSON an object. */
static bool dropped(const struct record *r, const char *name, uint64_t *count)
{
	char path[96];
	struct slice rest = r->text, before;
	snprintf(path, sizeof path, r->json ? "dropped.%s" : "%s => ", name);
	return r->json ? log_json_number(r->parse->json[0], path, count)
		       : log_take_until(&rest, path, &before) && log_take_number(&rest, UINT32_MAX, count);
}

static void set_denied(struct log_facts *f, enum action action)
{
	f->action = action;
	f->direction = action == ACTION_SUBSCRIBE ? TO_CLIENT : TO_SERVER;
	f->outcome = OUTCOME_FAILURE;
	f->reason = "not_authorized";
}

static void summary_emit(struct record *r, struct emqx *e, struct log_facts *facts, uint64_t count)
{
	log_facts_next(r->parse, 0);
	facts->count = count < SUMMARY_LIMIT ? count : SUMMARY_LIMIT;
	r->parse->log.ambiguous = r->parse->log.summary = true;
	r->parse->counters->log_ambiguous++;
	if (facts->action == ACTION_CONNECT)
		facts->outcome = OUTCOME_UNKNOWN; /* tried: the summary has no session to refuse */
	log_facts_emit(r->parse, &e->detail, facts);
}

static void summary(struct record *r, struct emqx *e)
{
	uint64_t count = 0;
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct log_facts facts = {0};
		if (!dropped(r, messages[i].name, &count) || !count)
			continue;
		set_message(&facts, i);
		summary_emit(r, e, &facts, count);
	}
	/* Not said for what: as the one of the same period that has a line. */
	if (dropped(r, DENIED, &count) && count) {
		struct log_facts facts = {0};
		set_denied(&facts, e->denied ? (enum action)e->denied : ACTION_SUBSCRIBE);
		summary_emit(r, e, &facts, count);
	}
}

static const char *auth_reason(struct slice reason, const char *otherwise)
{
	static const char *const reasons[][2] = {{"bad_username_or_password", "bad_user_name_or_password"},
		{"bad_authentication_method", "bad_authentication_method"}, {"banned", "banned"}, {"server_unavailable", "server_unavailable"},
		{"server_busy", "server_busy"}, {"clientid_not_valid", "client_identifier_not_valid"}, {NULL, NULL}};
	return log_pick(reason, reasons, otherwise);
}

static const char *publish_reason(struct slice reason, const char *otherwise)
{
	static const char *const reasons[][2] = {{"not_authorized", "not_authorized"}, {"quota_exceeded", "quota_exceeded"},
		{"topic_name_invalid", "topic_name_invalid"}, {"topic_alias_invalid", "topic_alias_invalid"},
		{"packet_too_large", "packet_too_large"}, {"qos_not_supported", "qos_not_supported"},
		{"retain_not_supported", "retain_not_supported"}, {NULL, NULL}};
	return log_pick(reason, reasons, otherwise);
}

/* Does EMQX call a message that we read so? */
static bool is_message(struct slice name)
{
	for (unsigned i = 0; i < MESSAGES; i++)
		if (slice_is(name, messages[i].name))
			return true;
	return slice_is(name, DENIED) || slice_is(name, SUMMARY);
}

static bool message_facts(struct record *r, struct emqx *e, struct slice message, struct log_facts *f)
{
	struct slice reason, what;
	if (slice_is(message, DENIED)) {
		set_denied(f, value(r, "action", &what) && log_contains(what, "SUBSCRIBE") ? ACTION_SUBSCRIBE : ACTION_PUBLISH);
		e->denied = (uint8_t)f->action;
		return true;
	}
	for (unsigned i = 0; i < MESSAGES; i++)
		if (slice_is(message, messages[i].name)) {
			set_message(f, i);
			if (f->action == ACTION_AUTHENTICATE && value(r, "reason", &reason))
				f->reason = auth_reason(reason, f->reason);
			if (slice_is(message, "cannot_publish_to_topic") && value(r, "reason", &reason))
				f->reason = publish_reason(reason, f->reason);
			f->action = f->action == ACTION_AUTHENTICATE ? ACTION_CONNECT : f->action;
			return true;
		}
	return false;
}

static enum log_verdict keyed(struct record *r, struct emqx *e)
{
	struct log_facts facts = {0};
	struct slice message;
	if (!value(r, "msg", &message))
		return LOG_UNREADABLE;
	if (slice_is(message, SUMMARY)) {
		summary(r, e);
		return LOG_TAKEN;
	}
	if (!message_facts(r, e, message, &facts))
		return LOG_TAKEN;
	if (!value(r, "clientid", &facts.client_id))
		value(r, "client_id", &facts.client_id);
	value(r, "username", &facts.user);
	value(r, "peername", &facts.from);
	if (!facts.from.at)
		value(r, "peer_host", &facts.from);
	facts.topic_count = value(r, "topic", &facts.topics[0]) || value(r, "topic_filter", &facts.topics[0]);
	if (slice_is(facts.user, "undefined"))
		facts.user = (struct slice){0};
	if (r->twice) {
		facts.client_id = facts.user = facts.from = (struct slice){0};
		facts.topic_count = 0;
		r->parse->log.ambiguous = true;
		r->parse->counters->log_ambiguous++;
	}
	log_facts_emit(r->parse, &e->detail, &facts);
	return LOG_TAKEN;
}

/* --- EMQX 4: `<<"id">>@10.0.0.1:4711 [Protocol] MESSAGE` or `id@10.0.0.1:4711 MESSAGE` ------------------------------ */

/* Who, off the front. An identifier may have an @ or a blank: the end that is an address counts. */
static bool take_client(struct slice *rest, struct log_facts *f)
{
	struct slice text = *rest;
	for (uint32_t at = 0; at < text.size; at++) {
		struct slice behind = slice_of(text.at + at + 1, text.size - at - 1);
		struct address address;
		uint16_t port;
		if (text.at[at] != '@')
			continue;
		f->from = log_take_word(&behind);
		if (log_end(f->from, &address, &port)) {
			f->client_id = log_unquoted(slice_of(text.at, at));
			*rest = behind;
			return true;
		}
	}
	return false;
}

/* False: nothing that is told. */
static bool version_4_facts(struct slice rest, struct log_facts *f)
{
	if (rest.size && rest.at[0] == '[')
		log_take_word(&rest);
	struct slice words = rest, tail, who;
	f->outcome = OUTCOME_FAILURE;
	f->reason = "not_authorized";
	f->direction = TO_CLIENT;
	if (log_take(&words, "Client ") && log_take_until_last(&words, "') login failed for ", &tail)) {
		f->action = ACTION_CONNECT;
		f->reason = auth_reason(words, f->reason);
		if (log_take_until_last(&tail, " (Username: '", &who) && !slice_is(tail, "undefined"))
			f->user = tail;
	} else if (words = rest, log_take(&words, "Cannot publish message to ") && log_take_until_last(&words, " due to ", &f->topics[0])) {
		f->action = ACTION_PUBLISH;
		f->direction = TO_SERVER;
		f->topic_count = 1;
	} else if (words = rest, log_take(&words, "Cannot subscribe ") && log_take_until_last(&words, " due to ", &f->topics[0])) {
		f->action = ACTION_SUBSCRIBE;
		f->topic_count = 1;
	} else if (words = rest, log_take(&words, "Dropped msg due to mqueue is full") || log_take(&words, "Dropped qos0 msg")) {
		f->action = ACTION_DELIVER;
		f->reason = "queue_full";
	} else if (words = rest, log_take(&words, "socket_error")) {
		f->action = ACTION_CLOSE;
		f->reason = "transport_error";
		f->direction = TO_SERVER;
	} else {
		return false;
	}
	return true;
}

static bool version_4(struct log_parse *parse, struct emqx *e)
{
	struct slice rest = parse->record->text;
	struct log_facts facts = {0};
	if (!take_client(&rest, &facts))
		return false;
	if (version_4_facts(rest, &facts))
		log_facts_emit(parse, &e->detail, &facts);
	return true;
}

static enum log_verdict emqx_parse(struct log_parse *parse)
{
	struct emqx *e = parse->state;
	struct record r = {.parse = parse, .text = parse->record->text};
	if (!r.text.size)
		return LOG_TAKEN;
	r.json = r.text.at[0] == '{';
	if (r.json && !log_json_read(parse->json[0], r.text))
		return LOG_UNREADABLE;
	if (keyed(&r, e) == LOG_TAKEN)
		return LOG_TAKEN;
	return (!r.json && version_4(parse, e)) || parse->record->level ? LOG_TAKEN : LOG_UNREADABLE;
}

/* Without log_parse.json, which a probe has not. */
static bool raw_value(struct record *r, const char *key, struct slice *out)
{
	if (!r->json)
		return text_value(r, key, out);
	if (!log_json_raw(r->text, key, out))
		return false;
	*out = log_unquoted(*out);
	return true;
}

static bool is_own(struct record *r)
{
	struct log_facts facts = {0};
	struct slice word, rest = r->text;
	if (raw_value(r, "mfa", &word) && log_take(&word, "emqx"))
		return true;
	if (raw_value(r, "tag", &word) && (slice_is(word, "AUTHN") || slice_is(word, "AUTHZ")))
		return true;
	if (raw_value(r, "msg", &word))
		return is_message(word);
	return !r->json && take_client(&rest, &facts) && version_4_facts(rest, &facts);
}

static unsigned emqx_probe(struct slice head)
{
	unsigned lines = 0;
	struct slice line;
	struct log_clock clock = {0};
	while (log_take_until(&head, "\n", &line)) {
		struct log_record record = {.line = line};
		emqx_envelope(&clock, &record);
		struct record r = {.text = record.text, .json = line.size && line.at[0] == '{'};
		lines += record.level && is_own(&r);
	}
	return lines;
}

enum { TELLS = TELLS_ENDS | TELLS_NAMES };
static const struct log_shows emqx_shows[] = {
	LOG_SHOWS_LOGIN(LOG_SUCCESS | LOG_FAILURE, TELLS | TELLS_SUMMARY),
	LOG_SHOWS(MQTT, CLOSE, LOG_FAILURE | LOG_UNKNOWN, TELLS | TELLS_SUMMARY),
	LOG_SHOWS(MQTT, DISCONNECT, LOG_SUCCESS | LOG_FAILURE | LOG_UNKNOWN, TELLS | TELLS_SUMMARY),
	LOG_SHOWS(MQTT, DELIVER, LOG_FAILURE, TELLS | TELLS_RESOURCE | TELLS_SUMMARY),
	LOG_SHOWS(MQTT, PUBLISH, LOG_FAILURE | LOG_UNKNOWN, TELLS | TELLS_RESOURCE | TELLS_SUMMARY),
	LOG_SHOWS(MQTT, SUBSCRIBE, LOG_FAILURE | LOG_UNKNOWN | LOG_SUCCESS, TELLS | TELLS_RESOURCE | TELLS_SUMMARY),
	LOG_SHOWS(MQTT, VIOLATION, LOG_FAILURE, TELLS | TELLS_SUMMARY), {0}};

const struct log_format log_format_emqx = {
	.name = "emqx",
	.help = "EMQX 4 to 6: text or JSON; what it throttles is counted",
	.app_proto = "mqtt",
	.state_bytes = sizeof(struct emqx),
	.probe = emqx_probe,
	.envelope = emqx_envelope,
	.parse = emqx_parse,
	.json = true,
	.shows = emqx_shows,
	.detail = {1ull << MQTT_BIT_CLIENT_ID | 1ull << MQTT_BIT_USERNAME | 1ull << MQTT_BIT_VERSION |
		1ull << MQTT_BIT_TOPIC | 1ull << MQTT_BIT_TOPICS, 0},
};
