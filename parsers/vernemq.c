#include "log_client.h"

/* VerneMQ's console.log.
 *
 *     2026-11-23T14:50:39.607730+00:00 [warning] <0.1.0> vmq_mqtt_fsm:check_user/2:712: can't authenticate client {[],<<"dev01">>} from
 *     10.0.0.1:4711 due to invalid_credentials
 *
 * Erlang's own way of writing: a client is {Mountpoint,<<"id">>}, a topic [<<"a">>,<<"b">>], bytes that are no text <<1,2,3>>. Logins that
 * succeed and sessions that end well are not told: an end says nothing of how long the session was. */

enum { TEXTS = 4096 };

struct vernemq {
	struct mqtt_event detail;
	uint8_t text[TEXTS];
	uint32_t used;
};
_Static_assert(sizeof(struct vernemq) <= LIMIT_LOG_STATE, "fits the memory of a log");

static void put(struct vernemq *v, uint8_t byte)
{
	if (v->used < TEXTS)
		v->text[v->used++] = byte;
}

/* <<"it\"s">> or <<1,2,3>> off the front, its bytes behind what is in `text`. */
static bool take_binary(struct vernemq *v, struct slice *rest)
{
	struct slice r = *rest;
	uint64_t byte;
	if (!log_take(&r, "<<"))
		return false;
	if (log_take(&r, "\"")) {
		uint32_t n = 0;
		for (; n < r.size && r.at[n] != '"'; n++) {
			n += r.at[n] == '\\' && n + 1 < r.size;
			put(v, r.at[n]);
		}
		if (n >= r.size)
			return false;
		r = slice_of(r.at + n + 1, r.size - n - 1);
		log_take(&r, "/utf8");
	} else {
		while (log_take_number(&r, 255, &byte)) {
			put(v, (uint8_t)byte);
			log_take(&r, ",");
			while (log_take(&r, "\n") || log_take(&r, " "))
				;
		}
	}
	if (!log_take(&r, ">>"))
		return false;
	*rest = r;
	return true;
}

/* The name in {[],<<"id">>} or <<"id">>, off the front. */
static bool take_name(struct vernemq *v, struct slice *rest, struct slice *out)
{
	struct slice before;
	uint32_t from = v->used;
	bool subscriber = log_take(rest, "{");
	if (subscriber && !log_take_until(rest, ",", &before))
		return false;
	while (log_take(rest, "\n") || log_take(rest, " "))
		;
	if (!take_binary(v, rest) || (subscriber && !log_take(rest, "}")))
		return false;
	*out = slice_of(v->text + from, v->used - from);
	return true;
}

/* [<<"a">>,<<"b">>] as a/b, off the front. */
static bool take_topic(struct vernemq *v, struct slice *rest, struct slice *out)
{
	uint32_t from = v->used;
	if (!log_take(rest, "["))
		return false;
	for (bool first = true; !log_take(rest, "]"); first = false) {
		log_take(rest, ",");
		while (log_take(rest, "\n") || log_take(rest, " "))
			;
		if (!first)
			put(v, '/');
		if (log_take(rest, "'+'") || log_take(rest, "+"))
			put(v, '+');
		else if (log_take(rest, "'#'") || log_take(rest, "#"))
			put(v, '#');
		else if (!take_binary(v, rest))
			return false;
	}
	*out = slice_of(v->text + from, v->used - from);
	return true;
}

static void set_peer(struct log_parse *parse, struct slice peer)
{
	if (log_end(peer, &parse->ends.client, &parse->ends.client_port))
		parse->base.flow_id = log_flow_id(parse, &parse->ends.client, parse->ends.client_port);
}

/* "client {[],<<"dev01">>} from 10.0.0.1:4711 due to invalid_credentials" */
static bool refused(struct log_parse *parse, struct vernemq *v, struct slice rest)
{
	struct log_login login = {0};
	static const char *const reasons[][2] = {{"invalid_credentials", "bad_user_name_or_password"},
		{"no_matching_hook_found", "not_authorized"}, {"client_identifier_not_valid", "client_identifier_not_valid"}, {NULL, NULL}};
	if (!take_name(v, &rest, &login.client_id))
		return false;
	if (log_take(&rest, " from ")) /* not before 1.5 */
		set_peer(parse, log_take_word(&rest));
	else if (!slice_starts(rest, slice_text(" due to ")))
		return false;
	log_client_login(parse, &v->detail, &login, OUTCOME_FAILURE, log_pick(rest, reasons, "not_authorized"));
	return true;
}

/* "v3 client {[],<<"dev01">>} from 10.0.0.1:4711 due to not_allowed": the line does not say which filter */
static bool subscribe_refused(struct log_parse *parse, struct vernemq *v, struct slice rest)
{
	struct slice client_id, none = {0}, before;
	if (!log_take_until(&rest, "client ", &before) || !take_name(v, &rest, &client_id) || !log_take(&rest, " from "))
		return false;
	set_peer(parse, log_take_word(&rest));
	name_set(&parse->session.client_id, client_id);
	log_client_refused(parse, ACTION_SUBSCRIBE, &none);
	return true;
}

/* "client {[],<<"dev01">>} (user <<"u">>) on topic [<<"a">>] due to not_allowed" */
static bool publish_refused(struct log_parse *parse, struct vernemq *v, struct slice rest)
{
	struct slice client_id, user, topic;
	if (!take_name(v, &rest, &client_id))
		return false;
	name_set(&parse->session.client_id, client_id);
	if (log_take(&rest, " (user ") && take_name(v, &rest, &user))
		name_set(&parse->session.user, user);
	if (!log_take_until(&rest, " on topic ", &user) || !take_topic(v, &rest, &topic))
		return false;
	log_client_refused(parse, ACTION_PUBLISH, &topic);
	return true;
}

/* VerneMQ 1: "[undefined,{[],<<"dev01">>},0,[<<"a">>],<<"payload">>,false] due to not_allowed" */
static bool publish_refused_1(struct log_parse *parse, struct vernemq *v, struct slice rest)
{
	struct slice name, topic;
	uint64_t qos;
	if (!log_take(&rest, "["))
		return false;
	if (!log_take(&rest, "undefined")) {
		if (!take_name(v, &rest, &name))
			return false;
		name_set(&parse->session.user, name);
	}
	if (!log_take(&rest, ",") || !take_name(v, &rest, &name) || !log_take(&rest, ",") || !log_take_number(&rest, 2, &qos) ||
	    !log_take(&rest, ",") || !take_topic(v, &rest, &topic))
		return false;
	name_set(&parse->session.client_id, name);
	log_client_refused(parse, ACTION_PUBLISH, &topic);
	return true;
}

/* "client {[],<<"dev01">>} with username <<"u">> stopped due to keepalive expired" */
static bool expired(struct log_parse *parse, struct vernemq *v, struct slice rest)
{
	struct slice name;
	if (!take_name(v, &rest, &name))
		return false;
	name_set(&parse->session.client_id, name);
	if (log_take(&rest, " with username ") && take_name(v, &rest, &name))
		name_set(&parse->session.user, name);
	if (!log_contains(rest, "stopped due to keepalive expired"))
		return false;
	log_client_end(parse, ACTION_CLOSE, OUTCOME_FAILURE, "keepalive_timeout", TO_SERVER);
	return true;
}

/* "{[],<<"dev01">>} dropped 12 messages" */
static bool dropped(struct log_parse *parse, struct vernemq *v, struct slice rest)
{
	struct slice name;
	uint64_t count;
	if (!take_name(v, &rest, &name) || !log_take(&rest, " dropped ") || !log_take_number(&rest, UINT32_MAX, &count))
		return false;
	name_set(&parse->session.client_id, name);
	parse->log.count = (uint32_t)count;
	log_client_end(parse, ACTION_DELIVER, OUTCOME_FAILURE, "queue_full", TO_CLIENT);
	return true;
}

static bool faulty(struct log_parse *parse, struct vernemq *v, struct slice rest, const char *reason, bool violation)
{
	struct slice name;
	if (take_name(v, &rest, &name))
		name_set(&parse->session.client_id, name);
	if (violation)
		log_client_violation(parse, reason);
	log_client_end(parse, ACTION_CLOSE, OUTCOME_FAILURE, reason, TO_CLIENT);
	return true;
}

static bool bad_name(struct log_parse *parse, struct vernemq *v, struct slice rest)
{
	struct log_login login = {0};
	take_name(v, &rest, &login.client_id);
	log_client_login(parse, &v->detail, &login, OUTCOME_FAILURE, "client_identifier_not_valid");
	return true;
}

static const struct { const char *text; } heads[] = {{"can't authenticate client "}, {"can't authorize SUBSCRIBE from "},
	{"can't auth publish for client "}, {"can't auth publish "}, {"stopped connected session for client "}, {"session for "}, {"subscriber "},
	{"invalid client id "}, {"client "}};
enum { HEADS = sizeof heads / sizeof *heads };

/* The message behind "<0.1.0> module:function/arity:line: ", in VerneMQ 1 "<0.1.0>@module:function:line ", or, in the simple form,
 * behind the level. Only what stands at the beginning or behind one origin counts: a name may hold all the rest. */
static bool find_message(struct slice text, unsigned *head, struct slice *rest)
{
	struct slice behind = text, origin = log_take_word(&behind);
	if (slice_starts(origin, slice_text("<0.")) && log_contains(origin, ">@vmq_"))
		text = behind;
	for (unsigned tries = 0; tries < 2; tries++) {
		for (*head = 0; *head < HEADS; ++*head) {
			*rest = text;
			if (log_take_text(rest, heads[*head].text, (uint32_t)strlen(heads[*head].text)))
				return true;
		}
		if (!log_take_until(&text, ": ", &origin) || origin.size > 120 || log_contains(origin, "<<"))
			return false;
	}
	return false;
}

static void vernemq_envelope(struct log_clock *clock, struct log_record *record)
{
	struct slice word, rest;
	log_level_envelope(clock, record);
	rest = record->text;
	if (record->level || !log_take_until(&rest, ": ", &word))
		return;
	record->level = log_level_of(word);
	if (record->level)
		record->text = rest;
}

/* Erlang breaks long terms: what has no time of its own goes on. A console's has no date. */
static bool vernemq_continues(struct slice before, struct slice line)
{
	(void)before;
	bool digit = line.size >= 20 && line.at[0] >= '0' && line.at[0] <= '9';
	return !digit || (line.at[4] != '-' && !(line.at[2] == ':' && line.at[5] == ':' && line.at[8] == '.'));
}

static enum log_verdict vernemq_parse(struct log_parse *parse)
{
	struct vernemq *v = parse->state;
	struct slice rest = parse->record->text;
	unsigned head;
	bool good;
	if (!parse->record->level)
		return rest.size ? LOG_UNREADABLE : LOG_TAKEN;
	if (!find_message(rest, &head, &rest))
		return LOG_TAKEN;
	v->used = 0;
	switch (head) {
	case 0:
		good = refused(parse, v, rest);
		break;
	case 1:
		good = subscribe_refused(parse, v, rest);
		break;
	case 2:
		good = publish_refused(parse, v, rest);
		break;
	case 3:
		good = publish_refused_1(parse, v, rest);
		break;
	case 4:
		good = faulty(parse, v, rest, "protocol_error", true);
		break;
	case 5:
		good = !log_contains(rest, " stopped abnormally due to ") || faulty(parse, v, rest, "unspecified_error", false);
		break;
	case 6:
		good = !log_contains(rest, " dropped ") || dropped(parse, v, rest);
		break;
	case 7:
		good = bad_name(parse, v, rest);
		break;
	default:
		good = !log_contains(rest, "keepalive expired") || expired(parse, v, rest);
		break;
	}
	return good ? LOG_TAKEN : LOG_UNREADABLE;
}

static unsigned vernemq_probe(struct slice head)
{
	unsigned lines = 0;
	struct slice line, rest;
	struct log_clock clock = {0};
	while (log_take_until(&head, "\n", &line)) {
		struct log_record record = {.line = line};
		unsigned which;
		vernemq_envelope(&clock, &record);
		if (record.level)
			lines += log_contains(record.text, " vmq_") || (find_message(record.text, &which, &rest) && log_contains(rest, "<<"));
	}
	return lines;
}

enum { TELLS = TELLS_ENDS | TELLS_CLIENT_ID };
static const struct log_shows vernemq_shows[] = {
	LOG_SHOWS_LOGIN(LOG_FAILURE, TELLS), LOG_SHOWS(MQTT, SUBSCRIBE, LOG_FAILURE, TELLS),
	LOG_SHOWS(MQTT, CLOSE, LOG_FAILURE, TELLS_NAMES),
	LOG_SHOWS(MQTT, PUBLISH, LOG_FAILURE, TELLS_NAMES | TELLS_RESOURCE),
	LOG_SHOWS(MQTT, DELIVER, LOG_FAILURE, TELLS_CLIENT_ID), {0}};

const struct log_format log_format_vernemq = {
	.name = "vernemq",
	.help = "VerneMQ's console.log: of version 1, of 2 simple or extended",
	.app_proto = "mqtt",
	.state_bytes = sizeof(struct vernemq),
	.probe = vernemq_probe,
	.envelope = vernemq_envelope,
	.continues = vernemq_continues,
	.parse = vernemq_parse,
	.shows = vernemq_shows,
	.detail = {1ull << MQTT_BIT_CLIENT_ID | 1ull << MQTT_BIT_USERNAME | 1ull << MQTT_BIT_VERSION, 0},
};
