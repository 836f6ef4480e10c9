#include "log_client.h"
#include "log_tls.h"
#include "mosquitto.h"

/* Refusals, protocol violations, and what a handshake of TLS led to. */

void mosquitto_unnamed_end(struct log_parse *parse, struct mosquitto *m, const char *reason)
{
	const char *tls = m->tls_reason;
	m->tls_reason = NULL;
	mosquitto_someone(parse, m);
	if (tls) {
		log_tls_failed(parse, tls);
		return;
	}
	/* Nobody was let in: no session ended abnormally. */
	struct event event = log_event(parse, PROTOCOL_TCP, ACTION_CLOSE, OUTCOME_UNKNOWN, reason);
	log_emit(parse, &event);
}

static void violation(struct log_parse *parse, const char *reason)
{
	struct event event = log_event(parse, PROTOCOL_MQTT, ACTION_VIOLATION, OUTCOME_FAILURE, reason);
	log_emit(parse, &event);
}

static const char *const faults[][2] = {
	{"protocol error", "protocol_error"}, {"malformed packet", "malformed_packet"}, {"oversize", "packet_too_large"},
	{"packet too large", "packet_too_large"}, {"receive maximum", "receive_maximum_exceeded"},
	{"not allowed feature", "not_allowed_feature"}, {"out of memory", "server_busy"}, {"topic alias", "topic_alias_invalid"},
	{NULL, NULL}};

bool mosquitto_is_fault(struct slice why)
{
	return log_pick(why, faults, NULL) != NULL;
}

bool mosquitto_due_to(struct log_parse *parse, struct mosquitto *m, struct slice client_id, struct slice why)
{
	const char *reason = log_pick(why, faults, "protocol_error");
	bool unknown = mosquitto_is_unknown(client_id), told = m->violations_told > 0;
	m->tls_reason = NULL;
	m->violations_told = 0;
	if (unknown)
		mosquitto_someone(parse, m);
	else
		mosquitto_client(parse, client_id);
	if (!told)
		violation(parse, reason);
	if (parse->about) {
		struct event event = log_event(parse, PROTOCOL_MQTT, ACTION_CLOSE, OUTCOME_FAILURE, reason);
		event.direction = TO_CLIENT;
		log_emit(parse, &event);
		log_session_end(parse->sessions, parse->about);
	} else if (unknown && told) {
		struct event event = log_event(parse, PROTOCOL_TCP, ACTION_CLOSE, OUTCOME_UNKNOWN, reason);
		log_emit(parse, &event);
	}
	return true;
}

bool mosquitto_sent_away(struct log_parse *parse, struct mosquitto *m, struct slice client_id, struct slice why)
{
	static const char *const logins[][2] = {{"bad username or password", "bad_user_name_or_password"},
		{"client identifier not valid", "client_identifier_not_valid"}, {"client banned", "banned"},
		{"bad authentication method", "bad_authentication_method"}, {NULL, NULL}};
	static const char *const limits[][2] = {{"server unavailable", "server_unavailable"}, {"server busy", "server_busy"},
		{"quota exceeded", "quota_exceeded"}, {"connection rate exceeded", "connection_rate_exceeded"},
		{"implementation specific error", "implementation_specific_error"}, {NULL, NULL}};
	const char *login = log_pick(why, logins, NULL), *reason = login ? login : log_pick(why, limits, NULL);
	if (!reason)
		return false;
	m->tls_reason = NULL;
	mosquitto_client(parse, client_id);
	bool was_in = parse->about != NULL;
	if (!was_in)
		mosquitto_someone(parse, m);
	struct event event = log_event(parse, PROTOCOL_MQTT, was_in ? ACTION_DISCONNECT : login ? ACTION_AUTHENTICATE : ACTION_CONNECT,
				       OUTCOME_FAILURE, reason);
	event.direction = TO_CLIENT;
	log_emit(parse, &event);
	if (was_in)
		log_session_end(parse->sessions, parse->about);
	return true;
}

/* A violation of somebody of whom the line has the address; the connection still waits for its end. */
static bool by_address(struct log_parse *parse, struct mosquitto *m, struct slice address, const char *reason)
{
	if (!log_end(address, &parse->ends.client, &parse->ends.client_port))
		return false;
	const struct mosquitto_pending *only = NULL;
	for (unsigned i = 0, fits = 0; i < m->pending_count; i++)
		if (address_equal(&m->pending[i].ends.client, &parse->ends.client) &&
		    (!parse->ends.client_port || m->pending[i].ends.client_port == parse->ends.client_port))
			only = ++fits == 1 ? &m->pending[i] : NULL;
	if (only) {
		parse->ends = only->ends;
		parse->base.flow_id = only->flow_id;
	}
	violation(parse, reason);
	m->violations_told = 1;
	return true;
}

static bool by_client(struct log_parse *parse, struct mosquitto *m, struct slice client_id, const char *reason)
{
	mosquitto_client(parse, client_id);
	violation(parse, reason);
	m->violations_told = 1;
	return true;
}

static bool invalid_line(struct log_parse *parse, struct mosquitto *m, struct slice rest)
{
	struct slice what;
	if (log_take(&rest, "protocol version "))
		return log_take_until(&rest, " in CONNECT from ", &what) && log_take_end(&rest, ".") &&
		       by_address(parse, m, rest, "unsupported_protocol_version");
	if (log_take(&rest, "protocol \""))
		return log_take_until_last(&rest, "\" in CONNECT from ", &what) && log_take_end(&rest, ".") &&
		       by_address(parse, m, rest, "invalid_protocol_name");
	if (log_take(&rest, "subscription string from "))
		return log_take_end(&rest, ", disconnecting.") &&
		       (by_address(parse, m, rest, "topic_filter_invalid") || by_client(parse, m, rest, "topic_filter_invalid"));
	if (log_take(&rest, "QoS in PUBLISH from ") || log_take(&rest, "QoS in subscription command from "))
		return log_take_end(&rest, ", disconnecting.") && by_client(parse, m, rest, "invalid_qos");
	return false;
}

/* "Client connection from 127.0.0.1 failed: error:0A000102:SSL routines::unsupported protocol." */
static bool connection_line(struct log_parse *parse, struct mosquitto *m, struct slice rest)
{
	struct slice from = log_take_word(&rest);
	uint64_t flow_id;
	if (!log_end(from, &parse->ends.client, &parse->ends.client_port))
		return false;
	if (mosquitto_pending_take(m, &parse->ends, &flow_id))
		parse->base.flow_id = flow_id;
	if (log_take(&rest, "failed: ")) {
		log_tls_failed(parse, log_tls_reason(rest));
		return true;
	}
	if (!log_take(&rest, "denied: "))
		return false;
	struct event event = log_event(parse, PROTOCOL_MQTT, ACTION_CONNECT, OUTCOME_FAILURE, "quota_exceeded");
	event.direction = TO_CLIENT;
	log_emit(parse, &event);
	return true;
}

/* 2.1: "Client from 10.0.0.1:4711 appears to be using TLS to connect to a non-TLS listener." */
static bool wrong_listener(struct log_parse *parse, struct slice rest)
{
	struct slice from = log_take_word(&rest);
	if (!log_take(&rest, "appears to be using TLS") || !log_end(from, &parse->ends.client, &parse->ends.client_port))
		return false;
	struct event event = log_event(parse, PROTOCOL_TLS, ACTION_HANDSHAKE, OUTCOME_FAILURE, "not_a_tls_listener");
	event.direction = TO_CLIENT;
	log_emit(parse, &event);
	return true;
}

/* 2.1: "Client cam1 negotiated TLSv1.0 cipher ECDHE-RSA-AES128-SHA". The version is the oldest that the cipher is for
 * (SSL_get_cipher_version), not the one agreed on. Behind a proxy (PROXY protocol 2) "Connection from 10.0.0.1:4711 negotiated TLSv1.2
 * cipher AES128-SHA" has what the proxy says of the connection. */
static bool negotiated(struct log_parse *parse, struct slice rest, bool proxied)
{
	static const char *const versions[][2] = {{"TLSv1.3", "TLS 1.3"}, {"TLSv1.2", "TLS 1.2"}, {"TLSv1.1", "TLS 1.1"},
		{"TLSv1", "TLS 1.0"}, {"SSLv3", "SSLv3"}, {NULL, NULL}};
	struct slice version, who;
	if (!log_take_until_last(&rest, " cipher ", &version) || log_contains(rest, " ") ||
	    !log_take_until_last(&version, " negotiated ", &who))
		return false;
	if (!proxied)
		mosquitto_client(parse, who);
	else if (log_end(who, &parse->ends.client, &parse->ends.client_port))
		parse->base.flow_id = log_flow_id(parse, &parse->ends.client, parse->ends.client_port);
	else
		return false;
	log_tls_agreed(parse, proxied ? log_pick(version, versions, NULL) : NULL, rest);
	return true;
}

static bool expired(struct log_parse *parse, struct slice client_id)
{
	mosquitto_client(parse, client_id);
	struct event event = log_event(parse, PROTOCOL_MQTT, ACTION_DISCONNECT, OUTCOME_UNKNOWN, "session_expired");
	event.direction = TO_CLIENT;
	log_emit(parse, &event);
	if (parse->about)
		log_session_end(parse->sessions, parse->about);
	return true;
}

/* 1.6: "Socket error on client dev01, disconnecting." */
static bool socket_error(struct log_parse *parse, struct mosquitto *m, struct slice client_id)
{
	if (mosquitto_is_unknown(client_id)) {
		mosquitto_unnamed_end(parse, m, "transport_error");
		return true;
	}
	mosquitto_client(parse, client_id);
	struct event event = log_event(parse, PROTOCOL_MQTT, ACTION_CLOSE, OUTCOME_FAILURE, "no_disconnect");
	log_emit(parse, &event);
	if (parse->about)
		log_session_end(parse->sessions, parse->about);
	return true;
}

bool mosquitto_fault_line(struct log_parse *parse, struct mosquitto *m, struct slice text)
{
	struct slice rest = text, what;
	switch (text.at[0]) {
	case 'O':
		if (!log_take(&rest, "OpenSSL Error"))
			return false;
		m->tls_reason = log_tls_reason(rest);
		return true;
	case 'I':
		return log_take(&rest, "Invalid ") && invalid_line(parse, m, rest);
	case 'T':
		return log_take(&rest, "Too high QoS in PUBLISH from ") && log_take_end(&rest, ", disconnecting.") &&
		       by_client(parse, m, rest, "qos_not_supported");
	case 'B':
		return log_take(&rest, "Bad client ") && log_take_end(&rest, " sending multiple CONNECT messages.") &&
		       by_client(parse, m, rest, "second_connect");
	case 'P': /* since 2.1 the address of who has no name yet */
		return log_take(&rest, "Protocol error from ") && log_take_until_last(&rest, ": ", &what) &&
		       (by_address(parse, m, what, "protocol_error") || by_client(parse, m, what, "protocol_error"));
	case 'E':
		return log_take(&rest, "Expiring client ") && log_take_end(&rest, " due to timeout.") && expired(parse, rest);
	case 'S':
		return log_take(&rest, "Socket error on client ") && log_take_end(&rest, ", disconnecting.") &&
		       socket_error(parse, m, rest);
	case 'C':
		if (log_take(&rest, "Connection from "))
			return negotiated(parse, rest, true);
		if (log_take(&rest, "Client connection from "))
			return connection_line(parse, m, rest);
		return (log_take(&rest, "Client from ") && wrong_listener(parse, rest)) ||
		       (log_take(&rest, "Client ") && negotiated(parse, rest, false));
	case 'W':
		if (log_take(&rest, "Will message specified"))
			m->block = MOSQUITTO_WILL;
		return m->block == MOSQUITTO_WILL;
	default:
		return false;
	}
}
