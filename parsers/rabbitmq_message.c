#include "rabbitmq.h"
#include "log_tls.h"

/* What the MQTT plug-in says, by the beginnings of its messages.
 *
 * A connection is known by its two ends and by the process that serves it; a message has one or the other. A refusal is told in
 * two: first the user and why, then the ends. Topics stand in AMQP's form, with '.' for '/': that cannot be undone for certain,
 * so they stay as they are. */

enum { KEY_PROCESS = 1, KEY_CONNECTION, KEY_CLIENT, KEY_REPLACED };
enum { REFUSAL_NONE, REFUSAL_PASSWORD, REFUSAL_RIGHTS, REFUSAL_QUOTA }; /* log_session.number of a process that is not up */

static const char *const refusals[] = {NULL, "bad_user_name_or_password", "not_authorized", "quota_exceeded"};

static struct log_session *by_process(struct log_parse *parse, struct slice process)
{
	return process.size ? log_session_find(parse->sessions, log_session_key(parse->source, KEY_PROCESS, process)) : NULL;
}

static struct log_session *by_ends(struct log_parse *parse, const struct ends *ends)
{
	return log_session_find(parse->sessions, log_session_key(parse->source, KEY_CONNECTION, slice_of(ends, sizeof *ends)));
}

/* The ends that the message names, and the session they have. False when the text is no pair. */
static bool about_pair(struct log_parse *parse, struct slice pair)
{
	struct ends ends;
	if (!log_pair(pair, &ends))
		return false;
	struct log_session *session = by_ends(parse, &ends);
	if (session)
		log_about(parse, session);
	parse->ends = ends;
	return true;
}

/* Of a process that is not up: what its earlier lines said. */
static struct log_session *waiting(struct log_parse *parse, struct slice process)
{
	struct log_session *session = by_process(parse, process);
	if (process.size && !session)
		session = log_session_begin(parse->sessions, log_session_key(parse->source, KEY_PROCESS, process),
					    parse->record->time_ns);
	if (session)
		session->touched_ns = parse->record->time_ns;
	return session;
}

static void forget(struct log_parse *parse, struct slice process)
{
	struct log_session *session = by_process(parse, process);
	if (session)
		log_session_end(parse->sessions, session);
	if (parse->about)
		log_session_end(parse->sessions, parse->about);
}

/* --- beginnings -------------------------------------------------------------------------------------------------- */

/* Debug only: "MQTT accepting TCP connection <0.766.0> (A -> B)". */
static bool opened(struct log_parse *parse, struct slice process, struct slice rest)
{
	struct slice self = log_take_word(&rest);
	if (!log_take(&rest, "(") || !log_take_end(&rest, ")") || !log_pair(rest, &parse->ends))
		return false;
	parse->base.flow_id = log_flow_id(parse, &parse->ends.client, parse->ends.client_port);
	struct log_session *session = waiting(parse, process.size ? process : self);
	if (session) {
		session->ends = parse->ends;
		session->flow_id = parse->base.flow_id;
	}
	struct event event = log_event(parse, PROTOCOL_TCP, ACTION_OPEN, OUTCOME_SUCCESS, NULL);
	log_emit(parse, &event);
	return true;
}

/* Debug only: client ID: "x" (expanded to "x"), username: "u", clean session: true, protocol version: 4, keepalive: 60 */
static bool asked(struct log_parse *parse, struct slice process, struct slice rest)
{
	struct slice before = {0}, user;
	uint64_t version = 0;
	struct log_session *session = waiting(parse, process);
	if (!session || session->session.state == SESSION_UP) /* a second CONNECT names nobody anew */
		return true;
	if (log_take_until_last(&rest, ", protocol version: ", &before) && log_take_number(&rest, 5, &version))
		session->version = (uint8_t)version;
	rest = before.at ? before : rest;
	if ((log_take_until_last(&rest, ", clean session: ", &before) || log_take_until_last(&rest, ", clean start: ", &before)) &&
	    (rest = before, log_take_until_last(&rest, ", username: ", &before))) {
		user = rest;
		if (!slice_is(user, "undefined") && !slice_is(user, "none"))
			name_set(&session->session.user, log_unquoted(user));
		rest = before;
		if (log_take_until_last(&rest, " (expanded to ", &before))
			log_take_end(&rest, ")"); /* with the name that the broker gave to a client that had none */
		name_set(&session->session.client_id, log_unquoted(rest));
	}
	return true;
}

static void let_in(struct log_parse *parse, struct rabbitmq *r, struct slice process, struct slice client_id)
{
	struct log_session *earlier = by_process(parse, process);
	struct log_session known = earlier ? *earlier : (struct log_session){0};
	struct log_login login = {.client_id = client_id, .user = name_slice(&known.session.user), .version = known.version,
		.opened = known.flow_id != 0};
	struct ends ends = parse->ends;
	parse->base.flow_id = known.flow_id;
	struct log_session *client = log_client_begin(parse, log_session_key(parse->source, KEY_CLIENT, client_id), &login);
	parse->base.flow_id = client->flow_id;
	if (process.size)
		log_client_begin(parse, log_session_key(parse->source, KEY_PROCESS, process), &login);
	log_client_begin(parse, log_session_key(parse->source, KEY_CONNECTION, slice_of(&ends, sizeof ends)), &login);
	log_client_login(parse, &r->detail, &login, OUTCOME_SUCCESS, NULL);
	struct log_session *replaced = log_session_find(parse->sessions, log_session_key(parse->source, KEY_REPLACED, client_id));
	if (replaced) {
		struct log_session old = *replaced;
		log_session_end(parse->sessions, replaced);
		log_client_replaced(parse, &old, &ends);
	}
}

/* 3.10: "<0.766.0> (A -> B, client id: dev01)". */
static bool accepted_310(struct log_parse *parse, struct rabbitmq *r, struct slice process, struct slice rest)
{
	struct slice self = log_take_word(&rest), pair, client_id;
	if (!log_take(&rest, "(") || !log_take_until(&rest, ", client id: ", &pair) || !log_pair(pair, &parse->ends))
		return false;
	client_id = log_first_line(rest);
	parse->log.cut = client_id.size < rest.size;
	if (!parse->log.cut)
		log_take_end(&client_id, ")");
	let_in(parse, r, process.size ? process : self, client_id);
	return true;
}

/* 3.12: "A -> B for client ID dev01". */
static bool accepted(struct log_parse *parse, struct rabbitmq *r, struct slice process, struct slice rest)
{
	struct slice pair, client_id;
	if (!log_take_until(&rest, " for client ID ", &pair) || !log_pair(pair, &parse->ends))
		return false;
	client_id = log_first_line(rest);
	parse->log.cut = client_id.size < rest.size;
	let_in(parse, r, process, client_id);
	return true;
}

/* --- refusals ---------------------------------------------------------------------------------------------------- */

static bool refusal(struct log_parse *parse, struct slice process, struct slice user, unsigned why)
{
	struct log_session *session = waiting(parse, process);
	if (!session) /* nothing joins this line to the next, which has the address: that one is counted */
		return true;
	session->number = why;
	if (user.at)
		name_set(&session->session.user, log_first_line(user));
	return true;
}

/* " for user 'alice', authentication failed: Refused", ": no credentials provided" */
static bool login_failed(struct log_parse *parse, struct slice process, struct slice rest)
{
	struct slice user;
	if (!log_take(&rest, " for user '"))
		return refusal(parse, process, (struct slice){0}, REFUSAL_PASSWORD);
	if (log_take_until_last(&rest, "', authentication failed", &user))
		return refusal(parse, process, user, REFUSAL_PASSWORD);
	return log_take_until_last(&rest, "': ", &user) && refusal(parse, process, user, REFUSAL_RIGHTS);
}

/* 3.12: "access refused for user 'alice':user 'alice' - invalid credentials", "... 'alice' to vhost 'x'", "connection limit ..." */
static bool connection_failed(struct log_parse *parse, struct slice process, struct slice rest)
{
	struct slice user;
	if (!log_take(&rest, "access refused for user '"))
		return refusal(parse, process, (struct slice){0}, log_contains(rest, " limit ") ? REFUSAL_QUOTA : REFUSAL_RIGHTS);
	if (log_take_until(&rest, "':", &user))
		return refusal(parse, process, user, REFUSAL_PASSWORD);
	return log_take_until(&rest, "' to vhost", &user) && refusal(parse, process, user, REFUSAL_RIGHTS);
}

static void refused(struct log_parse *parse, struct rabbitmq *r, struct slice process, const char *reason)
{
	const struct log_session *session = by_process(parse, process);
	struct log_session known = session ? *session : (struct log_session){0};
	struct log_login login = {.client_id = name_slice(&known.session.client_id), .user = name_slice(&known.session.user),
		.version = known.version, .opened = known.flow_id != 0};
	parse->base.flow_id = known.flow_id ? known.flow_id : log_flow_id(parse, &parse->ends.client, parse->ends.client_port);
	if (known.number && known.number < sizeof refusals / sizeof *refusals)
		reason = refusals[known.number];
	log_client_login(parse, &r->detail, &login, OUTCOME_FAILURE, reason);
	forget(parse, process);
}

/* "A -> B is closing due to an authentication failure"; the same is said of a session that published what it may not. */
static bool closing_due(struct log_parse *parse, struct rabbitmq *r, struct slice process, struct slice rest)
{
	struct slice pair;
	if (!log_take_until(&rest, " is closing due to an ", &pair) || !about_pair(parse, pair))
		return false;
	bool rights = log_take(&rest, "authorization");
	const struct log_session *session = by_process(parse, process);
	if (parse->about || (rights && !(session && session->number))) {
		log_client_end(parse, ACTION_CLOSE, OUTCOME_FAILURE, "not_authorized", TO_CLIENT);
		forget(parse, process);
		return true;
	}
	refused(parse, r, process, rights ? "not_authorized" : "bad_user_name_or_password");
	return true;
}

/* "A -> B with Connect Reason Code 134"; 3.12: "with CONNACK return code 4". */
static bool rejected(struct log_parse *parse, struct rabbitmq *r, struct slice process, struct slice rest)
{
	struct slice pair, before;
	uint64_t code = 0;
	if (!log_take_until(&rest, " with ", &pair) || !about_pair(parse, pair) || !log_take_until_last(&rest, "ode ", &before) ||
	    !log_take_number(&rest, 255, &code))
		return false;
	const char *reason = mqtt_reason(code < 128 ? 4 : 5, MQTT_CONNACK, (uint8_t)code);
	refused(parse, r, process, reason ? reason : "not_authorized");
	return true;
}

static bool bad_client_id(struct log_parse *parse, struct rabbitmq *r, struct slice process, struct slice rest)
{
	struct slice pair;
	if (!log_take_until(&rest, ": ", &pair) || !about_pair(parse, pair))
		return false;
	refused(parse, r, process, "client_identifier_not_valid");
	return true;
}

/* --- ends -------------------------------------------------------------------------------------------------------- */

/* The client went away; only at the level "debug" when it had not been let in. */
static bool peer_closed(struct log_parse *parse, struct slice process, struct slice rest)
{
	struct slice pair;
	if (!log_take_until(&rest, " will terminate because peer closed", &pair) || !about_pair(parse, pair))
		return false;
	if (parse->about || parse->log.level != LOG_LEVEL_DEBUG) {
		log_client_end(parse, ACTION_CLOSE, OUTCOME_FAILURE, "no_disconnect", TO_SERVER);
	} else {
		struct event event = log_event(parse, PROTOCOL_TCP, ACTION_CLOSE, OUTCOME_UNKNOWN, "closed");
		log_emit(parse, &event);
	}
	forget(parse, process);
	return true;
}

/* "<0.766.0> (A -> B)", "\"A -> B\" (keepalive timeout)", 4.x: "<<\"A -> B\">> (login timeout)" */
static bool closing(struct log_parse *parse, struct slice process, struct slice rest)
{
	struct slice pair;
	if (log_take_end(&rest, " (keepalive timeout)")) {
		if (!about_pair(parse, rest))
			return false;
		log_client_end(parse, ACTION_CLOSE, OUTCOME_FAILURE, "keepalive_timeout", TO_SERVER);
	} else if (log_take_end(&rest, " (login timeout)")) {
		if (!about_pair(parse, rest))
			return false;
		struct event event = log_event(parse, PROTOCOL_TCP, ACTION_CLOSE, OUTCOME_UNKNOWN, "login_timeout");
		log_emit(parse, &event);
	} else {
		if (!log_take_until(&rest, " (", &pair) || !log_take_end(&rest, ")") || !about_pair(parse, rest))
			return false;
		log_client_end(parse, ACTION_DISCONNECT, OUTCOME_SUCCESS, NULL, TO_SERVER);
	}
	forget(parse, process);
	return true;
}

/* "\"A -> B\" with duplicate id 'dev04'", behind the line of the new session or, as two processes write them, just before it: then
 * the end is kept until it is known who came. 4.x: "... with client ID 'x', reason: maintenance" */
static bool disconnecting(struct log_parse *parse, struct slice process, struct slice rest)
{
	struct slice pair, client_id;
	if (!log_take_until(&rest, " with ", &pair) || !about_pair(parse, pair))
		return false;
	if (!log_take(&rest, "duplicate id '")) {
		log_client_end(parse, ACTION_DISCONNECT, OUTCOME_FAILURE, "administrative_action", TO_CLIENT);
		forget(parse, process);
		return true;
	}
	client_id = rest;
	log_take_end(&client_id, "'");
	struct log_session old = parse->about ? *parse->about : (struct log_session){.ends = parse->ends};
	const struct log_session *new_one =
		log_session_find(parse->sessions, log_session_key(parse->source, KEY_CLIENT, client_id));
	bool is_known = new_one && memcmp(&new_one->ends, &old.ends, sizeof old.ends) != 0, is_early = parse->about && !is_known;
	struct ends new_ends = is_known ? new_one->ends : (struct ends){0};
	if (!parse->about)
		name_set(&old.session.client_id, client_id);
	forget(parse, process);
	if (is_early) {
		uint64_t key = log_session_key(parse->source, KEY_REPLACED, client_id);
		struct log_session *kept = log_session_begin(parse->sessions, key, parse->record->time_ns);
		uint64_t touched_ns = kept->touched_ns;
		*kept = old;
		kept->key = key;
		kept->touched_ns = touched_ns;
		return true;
	}
	log_client_replaced(parse, &old, is_known ? &new_ends : NULL);
	return true;
}

static bool shut_down(struct log_parse *parse, struct slice process, struct slice rest)
{
	struct slice pair;
	if (!log_take_until(&rest, ": ", &pair) || !about_pair(parse, pair))
		return false;
	log_client_end(parse, ACTION_DISCONNECT, OUTCOME_FAILURE, "administrative_action", TO_CLIENT);
	forget(parse, process);
	return true;
}

/* --- violations, TLS --------------------------------------------------------------------------------------------- */

static bool fault(struct log_parse *parse, struct slice process, struct slice pair, const char *reason, bool violation)
{
	if (!about_pair(parse, pair))
		return false;
	if (violation)
		log_client_violation(parse, reason);
	if (parse->about)
		log_client_end(parse, ACTION_CLOSE, OUTCOME_FAILURE, reason, TO_CLIENT);
	forget(parse, process);
	return true;
}

/* " a framing error on connection A -> B: protocol_header_corrupt", " duplicate connect/login attempt for user ...", TLS */
static bool detected(struct log_parse *parse, struct slice process, struct slice rest)
{
	struct slice pair, what;
	if (log_take(&rest, "duplicate connect/login attempt")) {
		struct log_session *session = by_process(parse, process);
		if (session)
			log_about(parse, session);
		log_client_violation(parse, "second_connect");
		return true;
	}
	if (log_take(&rest, "a framing error on connection "))
		return log_take_until(&rest, ": ", &pair) && fault(parse, process, pair, "malformed_packet", true);
	if (log_take(&rest, "TLS upgrade error on ") || log_take(&rest, "TLS certificate verification error on ")) {
		if (!log_take_until(&rest, ": ", &pair) || !about_pair(parse, pair))
			return false;
		parse->base.flow_id = log_flow_id(parse, &parse->ends.client, parse->ends.client_port);
		log_tls_failed(parse, slice_is(rest, "connection closed") ? "closed" : log_tls_reason(rest));
		return true;
	}
	if (log_take(&rest, "network error on ")) {
		if (!log_take_until(&rest, ": ", &pair) || !about_pair(parse, pair))
			return false;
		log_client_end(parse, ACTION_CLOSE, parse->about ? OUTCOME_FAILURE : OUTCOME_UNKNOWN, "transport_error", TO_SERVER);
		forget(parse, process);
		return true;
	}
	if (!log_take(&rest, "TLS ClientHello") || !log_take_until(&rest, " from ", &what))
		return false;
	if (!log_pair(rest, &parse->ends))
		log_end(log_take_word(&rest), &parse->ends.client, &parse->ends.client_port);
	log_tls_failed(parse, "not_a_tls_listener");
	return true;
}

static bool protocol_error(struct log_parse *parse, struct slice process, struct slice rest)
{
	struct slice pair;
	if (!log_take_until(&rest, ": ", &pair))
		return false;
	/* Of a subscription that was refused an event has been made of the line before. */
	if (log_take(&rest, "access_refused"))
		return fault(parse, process, pair, "not_authorized", false);
	return fault(parse, process, pair, slice_is(rest, "connect_expected") ? "not_connected" : "protocol_error", true);
}

/* --- topics ------------------------------------------------------------------------------------------------------ */

/* "... access to topic 'admin.x' in exchange 'amq.topic' in vhost '/' refused for user 'bob'" */
static bool refused_topic(struct log_parse *parse, struct slice text, enum action action)
{
	struct slice before, topic;
	if (!log_take_until(&text, "access to topic '", &before) || !log_take_until(&text, "' in exchange '", &topic))
		return false;
	log_client_refused(parse, action, &topic);
	return true;
}

/* "<0.1288.0> (A -> B, vhost: '/', user: 'bob'), channel 1:", then "operation queue.bind caused a channel exception
 * access_refused: access to topic ...": a subscription. */
static bool channel_error(struct log_parse *parse, struct slice rest)
{
	struct slice before, pair;
	if (!log_take_until(&rest, " (", &before) || !log_take_until(&rest, ", vhost: ", &pair) || !about_pair(parse, pair))
		return true; /* of AMQP's clients, whose connections have names of their own */
	if (!parse->about)
		return true;
	if (log_contains(rest, "operation queue.bind ") && log_contains(rest, "access_refused"))
		refused_topic(parse, rest, ACTION_SUBSCRIBE);
	return true;
}

static bool operation_refused(struct log_parse *parse, struct slice process, struct slice rest)
{
	struct log_session *session = by_process(parse, process);
	if (session)
		log_about(parse, session);
	return refused_topic(parse, rest, ACTION_PUBLISH);
}

/* 3.12: "MQTT topic access refused: write access to topic ..." */
static bool topic_refused(struct log_parse *parse, struct slice process, struct slice rest)
{
	struct log_session *session = by_process(parse, process);
	if (session)
		log_about(parse, session);
	return refused_topic(parse, rest, log_take(&rest, "read ") ? ACTION_SUBSCRIBE : ACTION_PUBLISH);
}

static bool mqtt_message(struct log_parse *parse, struct rabbitmq *r, struct slice process, struct slice rest)
{
	struct slice pair;
	if (log_take(&rest, "login failed"))
		return login_failed(parse, process, rest);
	if (log_take(&rest, "connection failed: "))
		return connection_failed(parse, process, rest);
	if (log_take(&rest, "connection "))
		return closing_due(parse, r, process, rest) || peer_closed(parse, process, rest);
	if (log_take(&rest, "detected "))
		return detected(parse, process, rest);
	if (log_take(&rest, "disconnecting client "))
		return disconnecting(parse, process, rest);
	if (log_take(&rest, "closing connection "))
		return shut_down(parse, process, rest);
	if (log_take(&rest, "protocol error on connection "))
		return protocol_error(parse, process, rest);
	if (log_take(&rest, "cannot parse frame for connection ")) /* 3.7 to 3.9 */
		return log_take_until(&rest, ", ", &pair) && fault(parse, process, pair, "malformed_packet", true);
	if (log_take(&rest, "cannot parse a "))
		return log_take_until(&rest, " on connection ", &pair) && log_take_until(&rest, ", ", &pair) &&
		       fault(parse, process, pair, "malformed_packet", true);
	if (log_take(&rest, "cannot accept connection "))
		return bad_client_id(parse, r, process, rest);
	if (log_take(&rest, "topic access refused: "))
		return topic_refused(parse, process, rest);
	return log_take(&rest, "accepting TCP connection ") && opened(parse, process, rest);
}

bool rabbitmq_message(struct log_parse *parse, struct rabbitmq *r, struct slice process, struct slice text)
{
	struct slice rest = text;
	if (log_take(&rest, "MQTT "))
		return mqtt_message(parse, r, process, rest);
	if (log_take(&rest, "accepting MQTT connection "))
		return accepted_310(parse, r, process, rest);
	if (log_take(&rest, "Accepted MQTT connection "))
		return accepted(parse, r, process, rest);
	if (log_take(&rest, "Rejected MQTT connection "))
		return rejected(parse, r, process, rest);
	if (log_take(&rest, "closing MQTT connection "))
		return closing(parse, process, rest);
	if (log_take(&rest, "Received a CONNECT, client ID: "))
		return asked(parse, process, rest);
	if (log_take(&rest, "Channel error on connection "))
		return channel_error(parse, rest);
	if (log_take(&rest, "operation resulted in an error (access_refused): "))
		return operation_refused(parse, process, rest);
	if (!log_take(&rest, "TLS server: In state "))
		return false;
	log_tls_failed(parse, log_tls_reason(log_first_line(rest)));
	return true;
}
