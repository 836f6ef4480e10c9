#include "log_client.h"

uint8_t log_level_of(struct slice word)
{
#define LEVEL(name, level) {name, sizeof(name) - 1, LOG_LEVEL_##level}
	static const struct { const char *name; uint8_t size, level; } levels[] = {LEVEL("info", INFO), LEVEL("debug", DEBUG),
		LEVEL("dbug", DEBUG), LEVEL("notice", NOTICE), LEVEL("noti", NOTICE), LEVEL("warning", WARNING), LEVEL("warn", WARNING),
		LEVEL("error", ERROR), LEVEL("erro", ERROR), LEVEL("critical", ERROR), LEVEL("crit", ERROR), LEVEL("alert", ERROR),
		LEVEL("emergency", ERROR)};
#undef LEVEL
	for (unsigned i = 0; i < sizeof levels / sizeof *levels; i++)
		if (word.size == levels[i].size && strncasecmp((const char *)word.at, levels[i].name, word.size) == 0)
			return levels[i].level;
	return LOG_LEVEL_NONE;
}

bool log_take_level(struct slice *rest, uint8_t *level)
{
	struct slice r = *rest, word;
	if (!log_take(&r, "[") || !log_take_until(&r, "] ", &word) || !(*level = log_level_of(word)))
		return false;
	*rest = r;
	return true;
}

void log_level_envelope(struct log_clock *clock, struct log_record *record)
{
	struct slice rest = record->line;
	uint64_t time_ns;
	/* Before syslog is looked for: "[info] <0.1.0>@module:" would pass for its host and tag. */
	if ((log_take_iso(clock, &rest, &time_ns) || log_take_epoch(clock, &rest, &time_ns) || log_take_of_day(clock, &rest, &time_ns)) &&
	    log_take(&rest, " ") && log_take_level(&rest, &record->level)) {
		record->time_ns = time_ns;
		record->text = rest;
		return;
	}
	log_envelope(clock, record);
	log_take_level(&record->text, &record->level);
}

struct slice log_first_line(struct slice text)
{
	const uint8_t *end = text.size ? memchr(text.at, '\n', text.size) : NULL;
	return end ? slice_of(text.at, (uint32_t)(end - text.at)) : text;
}

struct slice log_unquoted(struct slice text)
{
	struct slice rest = text;
	if (log_take(&rest, "<<\"") && log_take_end(&rest, "\">>"))
		return rest;
	rest = text;
	if ((log_take(&rest, "\"") && log_take_end(&rest, "\"")) || (rest = text, log_take(&rest, "'") && log_take_end(&rest, "'")))
		return rest;
	return text;
}

bool log_pair(struct slice text, struct ends *ends)
{
	struct slice rest = log_unquoted(text), from;
	struct ends both = {0};
	if (!log_take_until(&rest, " -> ", &from) || !log_end(from, &both.client, &both.client_port) ||
	    !log_end(rest, &both.server, &both.server_port))
		return false;
	*ends = both;
	return true;
}

struct log_session *log_client_begin(struct log_parse *parse, uint64_t key, const struct log_login *login)
{
	struct log_session *session = log_session_begin(parse->sessions, key, parse->record->time_ns);
	session->ends = parse->ends;
	session->flow_id = parse->base.flow_id ? parse->base.flow_id
					       : log_flow_id(parse, &parse->ends.client, parse->ends.client_port);
	session->version = login->version;
	session->session.state = SESSION_UP;
	if (login->client_id.at)
		name_set(&session->session.client_id, login->client_id);
	if (login->user.at)
		name_set(&session->session.user, login->user);
	log_about(parse, session);
	return session;
}

void log_client_login(struct log_parse *parse, struct mqtt_event *detail, const struct log_login *login, enum outcome outcome,
		      const char *reason)
{
	uint64_t present[2] = {0};
	if (!parse->about) {
		if (login->client_id.at)
			name_set(&parse->session.client_id, login->client_id);
		if (login->user.at)
			name_set(&parse->session.user, login->user);
	}
	if (login->client_id.at) {
		detail->client_id = login->client_id;
		detail->client_id_bytes = login->client_id.size;
		present[0] |= 1ull << MQTT_BIT_CLIENT_ID;
	}
	if (login->user.at) {
		detail->username = login->user;
		present[0] |= 1ull << MQTT_BIT_USERNAME;
	}
	if (login->version) {
		detail->version = login->version;
		present[0] |= 1ull << MQTT_BIT_VERSION;
	}
	detail->type = MQTT_CONNECT;
	log_emit_login(parse, login->opened, outcome, reason, detail, mqtt_fields, MQTT_CONNECT, present);
}

void log_client_end(struct log_parse *parse, enum action action, enum outcome outcome, const char *reason, enum direction by)
{
	struct event event = log_event(parse, PROTOCOL_MQTT, action, outcome, reason);
	event.direction = (uint8_t)by;
	log_emit(parse, &event);
}

void log_client_replaced(struct log_parse *parse, const struct log_session *old, const struct ends *new_ends)
{
	struct session session = old->session;
	bool same = new_ends && address_equal(&old->ends.client, &new_ends->client);
	session.successor = !new_ends ? SUCCESSOR_NONE : same ? SUCCESSOR_SAME_ADDRESS : SUCCESSOR_OTHER_ADDRESS;
	parse->about = NULL;
	parse->ends = old->ends;
	struct event event = log_event(parse, PROTOCOL_MQTT, ACTION_DISCONNECT, same ? OUTCOME_SUCCESS : OUTCOME_FAILURE,
				       "session_taken_over");
	event.session = &session;
	event.flow_id = old->flow_id;
	event.direction = TO_CLIENT;
	log_emit(parse, &event);
}

void log_client_violation(struct log_parse *parse, const char *reason)
{
	struct event event = log_event(parse, PROTOCOL_MQTT, ACTION_VIOLATION, OUTCOME_FAILURE, reason);
	log_emit(parse, &event);
}

void log_client_refused(struct log_parse *parse, enum action action, const struct slice *topic)
{
	struct event event = log_event(parse, PROTOCOL_MQTT, action, OUTCOME_FAILURE, "not_authorized");
	event.direction = TO_CLIENT;
	event.resource = (struct slices){topic, topic->at != NULL};
	log_emit(parse, &event);
}

const char *log_pick(struct slice text, const char *const (*table)[2], const char *otherwise)
{
	for (; (*table)[0]; table++)
		if (log_contains(text, (*table)[0]))
			return (*table)[1];
	return otherwise;
}
