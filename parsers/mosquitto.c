#include "mosquitto.h"
#include "log_client.h"
#include "log_tls.h"
#include "../sensor/hash.h"

/* Eclipse Mosquitto's log. Nothing in it is proven but what the broker itself puts there: client identifiers and user names
 * are the client's words and may imitate the log's own syntax; what is behind the last parenthesis of a line is the
 * broker's. A user name is what the client claimed and the broker accepted. */

enum { KEY_CLIENT = 1 };
static const uint64_t pending_ns = 180 * TW_SECOND; /* the broker itself gives up a silent connection well before */

bool mosquitto_is_unknown(struct slice client_id)
{
	return slice_is(client_id, "<unknown>");
}

/* The broker's own end of a bridge. */
static bool is_bridge(struct slice client_id)
{
	return log_take(&client_id, "local.");
}

struct log_session *mosquitto_session(struct log_parse *parse, struct slice client_id)
{
	if (mosquitto_is_unknown(client_id))
		return NULL;
	return log_session_find(parse->sessions, log_session_key(parse->source, KEY_CLIENT, client_id));
}

void mosquitto_client(struct log_parse *parse, struct slice client_id)
{
	mosquitto_client_of(parse, client_id, mosquitto_session(parse, client_id));
}

void mosquitto_client_of(struct log_parse *parse, struct slice client_id, struct log_session *session)
{
	const struct mosquitto *m = parse->state;
	/* Since 2.1 a line says which connection of this name it is about. */
	if (session && (!m->at.port || (session->ends.client_port == m->at.port && address_equal(&session->ends.client, &m->at.address)))) {
		log_about(parse, session);
		return;
	}
	if (!mosquitto_is_unknown(client_id))
		name_set(&parse->session.client_id, client_id);
	if (m->at.port) {
		parse->ends.client = m->at.address;
		parse->ends.client_port = m->at.port;
		parse->base.flow_id = log_flow_id(parse, &m->at.address, m->at.port);
	}
}

/* --- connections that have not said who they are ----------------------------------------------------------------- */

static void pending_remove(struct mosquitto *m, unsigned at)
{
	memmove(&m->pending[at], &m->pending[at + 1], (m->pending_count - at - 1) * sizeof *m->pending);
	m->pending_count--;
	if (m->gone >= m->pending_count)
		m->gone = m->pending_count ? m->gone : 0;
	if (m->gone == m->pending_count)
		m->pending_count = m->gone = 0;
}

static void pending_add(struct log_parse *parse, struct mosquitto *m)
{
	uint64_t now_ns = parse->record->time_ns;
	while (m->pending_count &&
	       (m->pending_count == MOSQUITTO_PENDING || m->pending[0].time_ns + pending_ns < now_ns)) {
		if (m->gone)
			m->gone--;
		pending_remove(m, 0);
	}
	m->pending[m->pending_count++] = (struct mosquitto_pending){parse->ends, parse->base.flow_id, now_ns};
}

bool mosquitto_pending_take(struct mosquitto *m, struct ends *ends, uint64_t *flow_id)
{
	for (unsigned i = m->pending_count; i-- > 0;) {
		const struct mosquitto_pending *p = &m->pending[i];
		if (!address_equal(&p->ends.client, &ends->client) || (ends->client_port && p->ends.client_port != ends->client_port))
			continue;
		*ends = p->ends;
		*flow_id = p->flow_id;
		pending_remove(m, i);
		return true;
	}
	return false;
}

void mosquitto_someone(struct log_parse *parse, struct mosquitto *m)
{
	if (m->at.port) {
		parse->ends.client = m->at.address;
		parse->ends.client_port = m->at.port;
		if (!mosquitto_pending_take(m, &parse->ends, &parse->base.flow_id))
			parse->base.flow_id = log_flow_id(parse, &m->at.address, m->at.port);
		return;
	}
	if (!m->pending_count)
		return;
	struct mosquitto_pending first = m->pending[0];
	bool one_address = true, one_port = true;
	for (unsigned i = 1; i < m->pending_count; i++) {
		one_address = one_address && address_equal(&m->pending[i].ends.client, &first.ends.client);
		one_port = one_port && m->pending[i].ends.server_port == first.ends.server_port;
	}
	if (!one_port)
		first.ends.server_port = 0;
	if (!one_address) {
		parse->log.ambiguous = true;
		parse->counters->log_ambiguous++;
		parse->ends.server_port = first.ends.server_port;
		if (++m->gone == m->pending_count)
			m->pending_count = m->gone = 0;
		return;
	}
	/* Of several of one address it does not matter which: in the end all have had their turn. */
	if (m->pending_count > 1)
		first.ends.client_port = 0;
	parse->ends = first.ends;
	parse->base.flow_id = first.flow_id;
	pending_remove(m, 0);
}

static bool opened(struct log_parse *parse, struct mosquitto *m, struct slice rest)
{
	struct slice from;
	uint64_t port;
	if (!log_take_until(&rest, " on port ", &from) || !log_end(from, &parse->ends.client, &parse->ends.client_port) ||
	    !log_take_number(&rest, 65535, &port))
		return false;
	parse->ends.server_port = (uint16_t)port;
	parse->base.flow_id = log_flow_id(parse, &parse->ends.client, parse->ends.client_port);
	pending_add(parse, m);
	struct event event = log_event(parse, PROTOCOL_TCP, ACTION_OPEN, OUTCOME_SUCCESS, NULL);
	log_emit(parse, &event);
	return true;
}

/* --- a client is let in ------------------------------------------------------------------------------------------ */

struct login {
	struct slice client_id, user;
	uint64_t version, clean, keepalive_s;
	bool has_user, whole;
};

/* "(p2, c1, k60, u'device01')." as a whole; "p2, " only since 1.6. */
static bool take_flags(struct slice rest, struct login *login)
{
	uint64_t version = 0;
	if (!log_take(&rest, "("))
		return false;
	if (log_take(&rest, "p") && (!log_take_number(&rest, 9, &version) || !log_take(&rest, ", ")))
		return false;
	if (!log_take(&rest, "c") || !log_take_number(&rest, 1, &login->clean) || !log_take(&rest, ", k") ||
	    !log_take_number(&rest, 65535, &login->keepalive_s))
		return false;
	bool user = log_take(&rest, ", u'");
	if (!(user ? log_take_end(&rest, "').") : log_take_end(&rest, ").")) || (!user && rest.size))
		return false;
	login->user = rest;
	/* Before 2.1 the broker's own numbers, since then those of the protocol. 1.4 writes u'' for none. */
	login->version = version == 1 ? 3 : version == 2 ? 4 : version <= 5 ? version : 0;
	login->has_user = user && rest.size;
	return true;
}

static void split_login(struct slice rest, struct login *login)
{
	*login = (struct login){.client_id = rest};
	for (uint32_t n = rest.size; n-- > 1;)
		if (rest.at[n] == '(' && rest.at[n - 1] == ' ' && take_flags(slice_of(rest.at + n, rest.size - n), login)) {
			login->client_id = slice_of(rest.at, n - 1);
			login->whole = true;
			return;
		}
}

static void emit_login(struct log_parse *parse, struct mosquitto *m, const struct login *login, bool was_opened)
{
	struct mqtt_event *detail = &m->detail;
	uint64_t present[2] = {1ull << MQTT_BIT_CLIENT_ID, 0};
	detail->client_id = login->client_id;
	detail->client_id_bytes = login->client_id.size;
	if (login->version) {
		detail->version = (uint8_t)login->version;
		present[0] |= 1ull << MQTT_BIT_VERSION;
	}
	if (login->has_user) {
		detail->username = login->user;
		present[0] |= 1ull << MQTT_BIT_USERNAME;
	}
	parse->log.cut = !login->whole;
	parse->counters->log_cut += !login->whole;
	log_emit_login(parse, was_opened, OUTCOME_SUCCESS, NULL, detail, mqtt_fields, MQTT_CONNECT, present);
}

/* "10.0.0.1:46514 as dev01 (p2, c1, k60, u'device01')." */
static bool connected(struct log_parse *parse, struct mosquitto *m, struct slice rest)
{
	struct login login;
	struct slice from;
	uint64_t flow_id;
	if (!log_take_until(&rest, " as ", &from) || !log_end(from, &parse->ends.client, &parse->ends.client_port))
		return false;
	split_login(rest, &login);
	struct ends ends = parse->ends;
	bool was_opened = mosquitto_pending_take(m, &ends, &flow_id);
	if (!was_opened)
		flow_id = log_flow_id(parse, &ends.client, ends.client_port);
	uint64_t key = log_session_key(parse->source, KEY_CLIENT, login.client_id);
	struct log_session *old = log_session_find(parse->sessions, key), gone = {0};
	bool takes_over = old && m->taken_over == key;
	if (takes_over)
		gone = *old;
	m->taken_over = 0;
	struct log_session *session = log_session_begin(parse->sessions, key, parse->record->time_ns);
	session->ends = ends;
	session->flow_id = flow_id;
	session->version = (uint8_t)login.version;
	session->session.state = SESSION_UP;
	name_set(&session->session.client_id, login.client_id);
	if (login.has_user)
		name_set(&session->session.user, login.user);
	log_about(parse, session);
	emit_login(parse, m, &login, was_opened);
	if (takes_over)
		log_client_replaced(parse, &gone, &ends);
	return true;
}

/* --- a client's end ---------------------------------------------------------------------------------------------- */

static void ended(struct log_parse *parse, struct slice client_id, enum action action, enum outcome outcome, const char *reason,
		  enum direction by)
{
	mosquitto_client(parse, client_id);
	struct event event = log_event(parse, PROTOCOL_MQTT, action, outcome, reason);
	event.direction = (uint8_t)by;
	if (is_bridge(client_id))
		event.outcome = OUTCOME_UNKNOWN;
	log_emit(parse, &event);
	if (parse->about)
		log_session_end(parse->sessions, parse->about);
}

static void closed(struct log_parse *parse, struct mosquitto *m, struct slice client_id)
{
	if (mosquitto_is_unknown(client_id))
		mosquitto_unnamed_end(parse, m, "closed");
	else
		ended(parse, client_id, ACTION_CLOSE, OUTCOME_FAILURE, "no_disconnect", TO_SERVER);
}

static void refused(struct log_parse *parse, struct mosquitto *m, struct slice client_id)
{
	m->tls_reason = NULL;
	if (m->refusals_told) {
		m->refusals_told--;
		return;
	}
	if (!mosquitto_is_unknown(client_id))
		name_set(&parse->session.client_id, client_id);
	mosquitto_someone(parse, m);
	struct event event = log_event(parse, PROTOCOL_MQTT, ACTION_AUTHENTICATE, OUTCOME_FAILURE, "not_authorized");
	event.direction = TO_CLIENT;
	log_emit(parse, &event);
}

static bool taken_over(struct log_parse *parse, struct mosquitto *m, struct slice client_id)
{
	m->taken_over = log_session_key(parse->source, KEY_CLIENT, client_id);
	return true; /* the next line says by whom */
}

/* "dev01 [10.0.0.1:4711]"; of a client that has not said its name yet, its address is in the place of it. */
static void take_end(struct mosquitto *m, struct slice *who)
{
	struct slice end = *who, name;
	struct address address;
	uint16_t none;
	if (!log_take_end(&end, "]") || !log_take_until_last(&end, " [", &name) || !log_end(end, &m->at.address, &m->at.port))
		return;
	bool unnamed = log_end(name, &address, &none) && !none && address_equal(&address, &m->at.address);
	*who = unnamed ? slice_text("<unknown>") : name;
}

static bool is_end(const struct mosquitto_end *a, const struct mosquitto_end *b)
{
	return a->port && a->port == b->port && address_equal(&a->address, &b->address);
}

/* What stands behind "disconnected", a comma or, since 2.1, a colon. */
static bool disconnected(struct log_parse *parse, struct mosquitto *m, struct slice who, struct slice why)
{
	if (!why.size) {
		ended(parse, who, ACTION_DISCONNECT, OUTCOME_SUCCESS, NULL, TO_SERVER);
		m->left = m->at;
	} else if (slice_is(why, "not authorised") || slice_is(why, "no longer authorised")) {
		refused(parse, m, who);
	} else if (slice_is(why, "connection closed by client")) {
		if (!is_end(&m->at, &m->left)) /* it had said good-bye */
			closed(parse, m, who);
	} else if (slice_is(why, "exceeded timeout")) {
		ended(parse, who, ACTION_CLOSE, OUTCOME_FAILURE, "keepalive_timeout", TO_SERVER);
	} else if (slice_is(why, "session taken over")) {
		taken_over(parse, m, who);
	} else if (slice_is(why, "administrative action")) {
		ended(parse, who, ACTION_DISCONNECT, OUTCOME_FAILURE, "administrative_action", TO_CLIENT);
	} else if (mosquitto_sent_away(parse, m, who, why)) {
		return true;
	} else if (m->at.port && !m->tls_reason && mosquitto_is_fault(why)) {
		return mosquitto_due_to(parse, m, who, why);
	} else if (mosquitto_is_unknown(who)) {
		mosquitto_unnamed_end(parse, m, "transport_error");
	} else {
		ended(parse, who, ACTION_CLOSE, OUTCOME_FAILURE, "transport_error", TO_SERVER);
	}
	return true;
}

static bool client_line(struct log_parse *parse, struct mosquitto *m, struct slice rest)
{
	struct slice who = rest, why;
	if (log_take_end(&who, " closed its connection."))
		closed(parse, m, who);
	else if (log_take_end(&who, " already connected, closing old connection."))
		taken_over(parse, m, who);
	else if (log_take_end(&who, " has exceeded timeout, disconnecting."))
		ended(parse, who, ACTION_CLOSE, OUTCOME_FAILURE, "keepalive_timeout", TO_SERVER);
	else if (log_take_end(&who, " been disconnected by administrative action."))
		ended(parse, who, ACTION_DISCONNECT, OUTCOME_FAILURE, "administrative_action", TO_CLIENT);
	else if (log_take_until_last(&rest, " disconnected due to ", &who))
		return mosquitto_due_to(parse, m, who, rest);
	else if (log_take_end(&rest, ".") && log_take_until_last(&rest, " disconnected", &who)) {
		why = rest;
		take_end(m, &who);
		return (!why.size || log_take(&why, ": ") || log_take(&why, ", ")) && disconnected(parse, m, who, why);
	} else {
		return false;
	}
	return true;
}

/* --- lines ------------------------------------------------------------------------------------------------------- */

#define HEAD(text) {text, sizeof(text) - 1}
static const struct { const char *text; uint32_t size; } heads[] = {HEAD("Received "), HEAD("Sending "), HEAD("New connection from "),
	HEAD("New client connected from "), HEAD("Client "), HEAD("New bridge connected from "), HEAD("Denied PUBLISH"),
	HEAD("Dropped too large PUBLISH"), HEAD("Outgoing messages are"), HEAD("OpenSSL Error"), HEAD("Invalid "), HEAD("Too high QoS"),
	HEAD("Bad client "), HEAD("Bad socket "), HEAD("Protocol error from "), HEAD("Expiring client "), HEAD("Socket error on client "),
	HEAD("Error: "), HEAD("mosquitto version "), HEAD("Config loaded from "), HEAD("Opening ipv"), HEAD("Opening websockets"),
	HEAD("No will message"), HEAD("Will message specified"), HEAD("dynsec: "), HEAD("Connecting bridge "), HEAD("Warning: "),
	HEAD("Saving in-memory database"), HEAD("Loading plugin: "), HEAD("Connection from "), HEAD("\t")};

static bool is_message(struct slice text)
{
	for (unsigned i = 0; text.size && i < sizeof heads / sizeof *heads; i++)
		if (text.at[0] == (uint8_t)heads[i].text[0] && log_take_text(&text, heads[i].text, heads[i].size))
			return true;
	return false;
}

/* Behind a prefix of the user's own strftime format, or a syslog header in another language: the message begins after ": ". Only a
 * message that is known is looked for there, for a client identifier may have a ": " as well. An epoch right before it is its time. */
static struct slice behind_prefix(struct log_clock *clock, struct slice text, uint64_t *time_ns)
{
	struct slice rest = text, prefix;
	if (is_message(text) || !text.size)
		return text;
	for (unsigned tried = 0; tried < 4 && log_take_until(&rest, ": ", &prefix) && rest.at - text.at <= 80; tried++)
		if (is_message(rest)) {
			uint64_t epoch_ns;
			if (!*time_ns && log_take_epoch(clock, &prefix, &epoch_ns) && !prefix.size)
				*time_ns = epoch_ns;
			return rest;
		}
	return text;
}

static void mosquitto_envelope(struct log_clock *clock, struct log_record *record)
{
	struct slice rest = record->line;
	uint64_t time_ns;
	/* As a subscriber of $SYS/broker/log/# has it: the topic, then what a file has. */
	if (rest.size && rest.at[0] == '$' && log_take(&rest, "$SYS/broker/log/"))
		log_take_word(&rest);
	struct slice epoch = rest;
	if (!clock->format && log_take_epoch(clock, &epoch, &time_ns) && log_take(&epoch, ": ")) {
		record->time_ns = time_ns;
		record->text = epoch;
	} else {
		struct slice line = record->line;
		record->line = rest;
		log_envelope(clock, record);
		record->line = line;
		record->text = behind_prefix(clock, record->text, &record->time_ns);
	}
}

static bool lines_of(struct log_parse *parse, struct mosquitto *m, struct slice text)
{
	struct slice rest = text;
	m->at.port = 0;
	if (m->block && mosquitto_block_line(parse, m, text))
		return true;
	switch (text.at[0]) {
	case 'N':
		if (log_take(&rest, "New connection from "))
			return opened(parse, m, rest);
		if (log_take(&rest, "New client connected from ") || log_take(&rest, "New bridge connected from "))
			return connected(parse, m, rest);
		break;
	case 'C':
		if (log_take(&rest, "Client connection from "))
			return mosquitto_fault_line(parse, m, text);
		if (log_take(&rest, "Client ") && client_line(parse, m, rest))
			return true;
		break;
	case 'R':
	case 'S':
	case 'D':
	case 'O':
		if (mosquitto_message_line(parse, m, text))
			return true;
		break;
	default:
		break;
	}
	return mosquitto_fault_line(parse, m, text) || is_message(text);
}

/* The broker cuts its lines: a long client identifier makes its line end before the verb, and hides what it did. */
static bool was_cut(struct log_parse *parse)
{
	enum { CUT_BYTES = 990 };
	struct slice rest = parse->record->text;
	if (parse->record->line.size < CUT_BYTES || !log_take(&rest, "Client "))
		return false;
	parse->log.cut = true;
	parse->counters->log_cut++;
	name_set(&parse->session.client_id, rest);
	struct event event = log_event(parse, PROTOCOL_MQTT, ACTION_VIOLATION, OUTCOME_FAILURE, "client_id_too_long");
	log_emit(parse, &event);
	return true;
}

static enum log_verdict mosquitto_parse(struct log_parse *parse)
{
	struct mosquitto *m = parse->state;
	struct slice text = parse->record->text;
	if (!text.size)
		return LOG_TAKEN;
	/* A syslog file has the lines of other programs as well. */
	const struct slice app = parse->record->app;
	if (app.at && !log_contains(app, "mosquitto"))
		return LOG_TAKEN;
	return lines_of(parse, m, text) || was_cut(parse) ? LOG_TAKEN : LOG_UNREADABLE;
}

static unsigned mosquitto_probe(struct slice head)
{
	/* Words that no other log has in these places. */
	static const char *const own[] = {"New connection from ", "New client connected from ", "New bridge connected from ",
		"mosquitto version ", "Opening ipv4 listen socket on port ", "Opening ipv6 listen socket on port ", "Sending CONNACK to ",
		"Received PUBLISH from ", "Received PINGREQ from ", "Received SUBSCRIBE from ", "Received DISCONNECT from ", NULL};
	unsigned lines = 0;
	struct slice line;
	struct log_clock clock = {0};
	while (log_take_until(&head, "\n", &line)) {
		struct log_record record = {.line = line};
		struct slice text;
		mosquitto_envelope(&clock, &record);
		text = record.text;
		for (const char *const *o = own; *o; o++)
			lines += slice_starts(text, slice_text(*o));
		bool client = log_take(&text, "Client ");
		log_take_end(&text, "\r");
		lines += client && (log_take_end(&text, " disconnected.") || log_take_end(&text, " closed its connection.") ||
				    log_take_end(&text, ", not authorised.") || log_take_end(&text, " exceeded timeout, disconnecting."));
	}
	return lines;
}

enum { TELLS = TELLS_ENDS | TELLS_SERVER_PORT | TELLS_NAMES };
static const struct log_shows mosquitto_shows[] = {
	LOG_SHOWS_LOGIN(LOG_SUCCESS | LOG_FAILURE, TELLS), LOG_SHOWS(MQTT, CLOSE, LOG_FAILURE, TELLS),
	LOG_SHOWS(MQTT, DISCONNECT, LOG_SUCCESS | LOG_FAILURE | LOG_UNKNOWN, TELLS),
	LOG_SHOWS(MQTT, VIOLATION, LOG_FAILURE, TELLS), LOG_SHOWS(MQTT, CONNECT, LOG_FAILURE, TELLS),
	LOG_SHOWS(MQTT, DELIVER, LOG_SUCCESS | LOG_FAILURE | LOG_UNKNOWN, TELLS | TELLS_RESOURCE),
	LOG_SHOWS(MQTT, PUBLISH, LOG_SUCCESS | LOG_FAILURE | LOG_UNKNOWN, TELLS | TELLS_RESOURCE),
	LOG_SHOWS(MQTT, SUBSCRIBE, LOG_SUCCESS | LOG_FAILURE | LOG_UNKNOWN, TELLS | TELLS_RESOURCE),
	LOG_SHOWS(MQTT, UNSUBSCRIBE, LOG_SUCCESS | LOG_UNKNOWN, TELLS | TELLS_RESOURCE),
	LOG_SHOWS(TCP, CLOSE, LOG_UNKNOWN, TELLS), LOG_SHOWS(TLS, HANDSHAKE, LOG_SUCCESS, TELLS), LOG_SHOWS_TLS(TELLS), {0}};

const struct log_format log_format_mosquitto = {
	.name = "mosquitto",
	.help = "Eclipse Mosquitto 1.4 to 2.1: file, syslog or $SYS/broker/log; all log types",
	.app_proto = "mqtt",
	.state_bytes = sizeof(struct mosquitto),
	.probe = mosquitto_probe,
	.envelope = mosquitto_envelope,
	.parse = mosquitto_parse,
	.shows = mosquitto_shows,
	.detail = {1ull << MQTT_BIT_CLIENT_ID | 1ull << MQTT_BIT_USERNAME | 1ull << MQTT_BIT_VERSION |
		1ull << MQTT_BIT_CODES | 1ull << MQTT_BIT_HEADER | 1ull << MQTT_BIT_MESSAGE_ID |
		1ull << MQTT_BIT_PAYLOAD | 1ull << MQTT_BIT_REASON_CODE | 1ull << MQTT_BIT_TOPIC |
		1ull << MQTT_BIT_TOPICS, 0},
	.tls_fields = log_tls_fields,
};
