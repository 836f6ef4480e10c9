#include "log_client.h"

/* ejabberd's log, of its mod_mqtt.
 *
 *     2026-11-23 14:50:39.607730+00:00 [info] <0.335.0>@ejabberd_listener:accept/7:273 (<0.486.0>) Accepted connection A -> B
 *     2026-11-23 14:50:39.608692+00:00 [info] <0.486.0>@mod_mqtt_session:authenticate/3:1187 Accepted MQTT authentication for ...
 *
 * On the console "<pid>@module:function/arity:line" is missing. Its line number is another in each version, and the listener serves
 * other protocols too: a connection becomes an event only when a line about MQTT is about it. Debug lines go on over several
 * physical ones and have passwords in them: those that have no time of their own are not looked at. */

enum { KEY_PROCESS = 1, KEY_CLIENT };

struct ejabberd {
	struct mqtt_event detail;
};
_Static_assert(sizeof(struct ejabberd) <= LIMIT_LOG_STATE, "fits the memory of a log");

/* "<0.486.0>@mod_mqtt_session:authenticate/3:1187 ". The process; empty when it is not there. */
static struct slice take_origin(struct slice *rest)
{
	struct slice r = *rest, word, process;
	if (!r.size || r.at[0] != '<')
		return slice_of("", 0);
	word = log_take_word(&r);
	if (!log_take_until(&word, "@", &process))
		return slice_of("", 0);
	*rest = r;
	return process;
}

/* "device01@localhost/dev01": a client identifier may have a '/' and more. */
static void split_identity(struct slice identity, struct log_login *login)
{
	struct slice user, host;
	login->client_id = identity;
	struct slice rest = identity;
	if (!log_take_until(&rest, "@", &user) || !log_take_until(&rest, "/", &host))
		return;
	login->user = slice_of(identity.at, user.size + 1 + host.size);
	login->client_id = rest;
}

/* Where a process's connection comes from, when that fits the address of the line at hand. */
static void join_process(struct log_parse *parse, struct slice process)
{
	const struct log_session *session =
		process.size ? log_session_find(parse->sessions, log_session_key(parse->source, KEY_PROCESS, process)) : NULL;
	if (!session || !address_equal(&session->ends.client, &parse->ends.client))
		return;
	parse->ends = session->ends;
	parse->base.flow_id = session->flow_id;
}

/* "(<0.486.0>) Accepted connection A -> B" */
static bool connection(struct log_parse *parse, struct slice rest)
{
	struct slice process;
	struct ends ends;
	if (!log_take(&rest, "(") || !log_take_until(&rest, ") Accepted connection ", &process) || !log_pair(rest, &ends))
		return false;
	struct log_session *session = log_session_begin(parse->sessions, log_session_key(parse->source, KEY_PROCESS, process),
							parse->record->time_ns);
	session->ends = ends;
	session->flow_id = log_flow_id(parse, &ends.client, ends.client_port);
	return true;
}

static void login(struct log_parse *parse, struct ejabberd *e, struct slice process, struct slice identity)
{
	struct log_login who = {0};
	join_process(parse, process);
	split_identity(identity, &who);
	uint64_t key = log_session_key(parse->source, KEY_CLIENT, identity), number = log_session_key(0, KEY_PROCESS, process);
	const struct log_session *before = log_session_find(parse->sessions, key);
	struct log_session old = {0};
	if (before && before->number == (uint32_t)number)
		return; /* "Opened MQTT session" of the one whose authentication was told */
	if (before)
		old = *before;
	log_client_begin(parse, key, &who)->number = (uint32_t)number;
	log_client_login(parse, &e->detail, &who, OUTCOME_SUCCESS, NULL);
	/* No line says that the old session ended: the new one under its name does. */
	struct ends ends = parse->ends;
	if (old.key)
		log_client_replaced(parse, &old, &ends);
}

static const char *auth_reason(struct slice text)
{
	static const char *const reasons[][2] = {{"Bad User Name or Password", "bad_user_name_or_password"},
		{"Client Identifier not valid", "client_identifier_not_valid"}, {"Not authorized", "not_authorized"},
		{"Bad authentication method", "bad_authentication_method"}, {"Server unavailable", "server_unavailable"},
		{"Server busy", "server_busy"}, {"Banned", "banned"}, {NULL, NULL}};
	return log_pick(text, reasons, "not_authorized");
}

static const char *protocol_reason(struct slice text)
{
	static const char *const reasons[][2] = {{"Unexpected CONNECT", "second_connect"}, {"Unsupported protocol name", "invalid_protocol_name"},
		{"Unsupported protocol version", "unsupported_protocol_version"}, {"Unexpected packet type", "malformed_packet"},
		{"Malformed QoS", "invalid_qos"}, {"Malformed", "malformed_packet"}, {"Unexpected", "protocol_error"},
		{"too big", "packet_too_large"}, {NULL, NULL}};
	return log_pick(text, reasons, "protocol_error");
}

/* "from 127.0.0.1: Authentication failed: Not authorized" */
static bool rejected(struct log_parse *parse, struct ejabberd *e, struct slice process, struct slice rest)
{
	struct log_login nobody = {0};
	struct slice from;
	if (!log_take_until(&rest, ": ", &from) || !log_end(from, &parse->ends.client, &parse->ends.client_port))
		return false;
	join_process(parse, process);
	if (!parse->base.flow_id)
		parse->base.flow_id = log_flow_id(parse, &parse->ends.client, parse->ends.client_port);
	if (log_take(&rest, "Authentication failed: ")) {
		log_client_login(parse, &e->detail, &nobody, OUTCOME_FAILURE, auth_reason(rest));
	} else if (log_take(&rest, "Protocol error: ")) {
		/* MQTT 3.1, which this broker does not speak, is no violation. */
		if (log_contains(rest, "name: MQIsdp"))
			log_client_login(parse, &e->detail, &nobody, OUTCOME_FAILURE, "unsupported_protocol_version");
		else
			log_client_violation(parse, protocol_reason(rest));
	} else {
		struct event event = log_event(parse, PROTOCOL_TCP, ACTION_CLOSE, OUTCOME_UNKNOWN, "closed");
		log_emit(parse, &event);
	}
	return true;
}

static void ended(struct log_parse *parse, struct slice why)
{
	if (log_take(&why, "Peer disconnected with reason: ")) {
		bool well = slice_is(why, "Normal disconnection") || slice_is(why, "Disconnect with Will Message");
		log_client_end(parse, ACTION_DISCONNECT, well ? OUTCOME_SUCCESS : OUTCOME_FAILURE, well ? NULL : "unspecified_error", TO_SERVER);
	} else if (log_take(&why, "Connection failed")) {
		log_client_end(parse, ACTION_CLOSE, OUTCOME_FAILURE,
			       log_contains(why, "connection closed") ? "no_disconnect" : "transport_error", TO_SERVER);
	} else if (log_take(&why, "Idle connection")) {
		log_client_end(parse, ACTION_CLOSE, OUTCOME_FAILURE, "keepalive_timeout", TO_SERVER);
	} else if (log_take(&why, "Protocol error: ")) {
		log_client_violation(parse, protocol_reason(why));
		log_client_end(parse, ACTION_CLOSE, OUTCOME_FAILURE, protocol_reason(why), TO_CLIENT);
	} else {
		bool replaced = log_contains(why, "taken over") || log_contains(why, "replaced");
		log_client_end(parse, ACTION_DISCONNECT, OUTCOME_FAILURE, replaced ? "session_taken_over" : "administrative_action",
			       TO_CLIENT);
	}
}

/* "device01@localhost/dev01 from 127.0.0.1: Peer disconnected with reason: Normal disconnection" */
static bool closing(struct log_parse *parse, struct slice process, struct slice rest)
{
	static const char *const reasons[] = {": Peer disconnected", ": Connection failed", ": Idle connection", ": Protocol error",
		": Session ", ": ", NULL};
	struct slice identity, from, before, why = {0};
	for (const char *const *r = reasons; *r && !why.at; r++) {
		struct slice tail = rest;
		if (log_take_until_last(&tail, *r, &before))
			why = slice_of(before.at + before.size + 2, rest.size - before.size - 2);
	}
	if (!why.at || !log_take_until_last(&before, " from ", &identity))
		return false;
	from = before;
	if (!log_end(from, &parse->ends.client, &parse->ends.client_port))
		return false;
	struct log_login who = {0};
	struct log_session *session = log_session_find(parse->sessions, log_session_key(parse->source, KEY_CLIENT, identity));
	if (session && (!process.size || session->number == (uint32_t)log_session_key(0, KEY_PROCESS, process))) {
		log_about(parse, session);
	} else {
		split_identity(identity, &who);
		join_process(parse, process);
		name_set(&parse->session.client_id, who.client_id);
		if (who.user.at)
			name_set(&parse->session.user, who.user);
	}
	ended(parse, why);
	if (parse->about)
		log_session_end(parse->sessions, parse->about);
	return true;
}

/* "device01@localhost/dev01 by mnesia backend from 127.0.0.1", "device01@localhost/dev01 from 127.0.0.1" */
static bool let_in(struct log_parse *parse, struct ejabberd *e, struct slice process, struct slice rest, bool backend)
{
	struct slice identity, from;
	if (!log_take_until_last(&rest, " from ", &identity) || !log_end(rest, &parse->ends.client, &parse->ends.client_port))
		return false;
	if (backend && log_take_until_last(&identity, " by ", &from))
		identity = from;
	login(parse, e, process, identity);
	return true;
}

/* A line without a time of its own. */
static bool ejabberd_continues(struct slice before, struct slice line)
{
	(void)before;
	return line.size < 20 || line.at[0] < '0' || line.at[0] > '9' || line.at[4] != '-';
}

static enum log_verdict ejabberd_parse(struct log_parse *parse)
{
	struct ejabberd *e = parse->state;
	struct slice rest = log_first_line(parse->record->text);
	struct slice process = take_origin(&rest);
	if (!rest.size)
		return LOG_TAKEN;
	if (parse->record->level == LOG_LEVEL_DEBUG)
		return LOG_TAKEN;
	if (rest.at[0] == '(' && connection(parse, rest))
		return LOG_TAKEN;
	if (log_take(&rest, "Accepted MQTT authentication for "))
		return let_in(parse, e, process, rest, true) ? LOG_TAKEN : LOG_UNREADABLE;
	if (log_take(&rest, "Opened MQTT session for "))
		return let_in(parse, e, process, rest, false) ? LOG_TAKEN : LOG_UNREADABLE;
	if (log_take(&rest, "Closing MQTT session for "))
		return closing(parse, process, rest) ? LOG_TAKEN : LOG_UNREADABLE;
	if (log_take(&rest, "Rejected MQTT connection from "))
		return rejected(parse, e, process, rest) ? LOG_TAKEN : LOG_UNREADABLE;
	return parse->record->level ? LOG_TAKEN : LOG_UNREADABLE;
}

static unsigned ejabberd_probe(struct slice head)
{
	static const char *const own[] = {"Accepted MQTT authentication for ", "Opened MQTT session for ", "Closing MQTT session for ",
		"Rejected MQTT connection from ", "Start accepting TCP connections at ", "Loading modules for ", "ejabberd ", NULL};
	unsigned lines = 0;
	struct slice line;
	struct log_clock clock = {0};
	while (log_take_until(&head, "\n", &line)) {
		struct log_record record = {.line = line};
		log_level_envelope(&clock, &record);
		struct slice text = record.text, process = take_origin(&text);
		bool own_line = process.size && (log_contains(record.text, ">@ejabberd_") || log_contains(record.text, ">@mod_mqtt"));
		if (!record.level)
			continue;
		for (const char *const *o = own; *o && !own_line; o++)
			own_line = slice_starts(text, slice_text(*o));
		lines += own_line;
	}
	return lines;
}

enum { TELLS = TELLS_ENDS | TELLS_SERVER_PORT | TELLS_NAMES };
static const struct log_shows ejabberd_shows[] = {
	LOG_SHOWS_LOGIN(LOG_SUCCESS | LOG_FAILURE, TELLS), LOG_SHOWS(MQTT, CLOSE, LOG_FAILURE, TELLS),
	LOG_SHOWS(MQTT, DISCONNECT, LOG_SUCCESS | LOG_FAILURE, TELLS),
	LOG_SHOWS(MQTT, VIOLATION, LOG_FAILURE, TELLS), {0}};

const struct log_format log_format_ejabberd = {
	.name = "ejabberd",
	.help = "ejabberd's log, of mod_mqtt: level info or debug",
	.app_proto = "mqtt",
	.state_bytes = sizeof(struct ejabberd),
	.probe = ejabberd_probe,
	.envelope = log_level_envelope,
	.continues = ejabberd_continues,
	.parse = ejabberd_parse,
	.shows = ejabberd_shows,
	.detail = {1ull << MQTT_BIT_CLIENT_ID | 1ull << MQTT_BIT_USERNAME | 1ull << MQTT_BIT_VERSION, 0},
};
