/* HTTP/1.x (RFC 9112), read by libhtp (only user).
 *
 *   method SP target SP HTTP/1.1 CRLF       HTTP/1.1 SP status SP reason CRLF
 *   name: value CRLF ...                    name: value CRLF ...
 *   CRLF [body]                             CRLF [body]
 *
 * A request is an event when its headers are whole, or its form is, or when it has been incomplete for a while (slowloris); a
 * response when it is whole, or the connection ends. Bodies are counted and, forms apart, not looked at; nothing is
 * decompressed. libhtp allocates: its connections are bounded in number, the one unused for longest gives way and reads on
 * from its next message. A flow holds one from request to answer: HTTP knows no state between exchanges (RFC 9110 section 3.3),
 * so the next message of whatever flow is read with what the last has left, which is still in the cache. */
#include "http.h"
#include "slots.h"
#include "../sensor/digest.h"
#include <htp/htp.h>

enum { FORM_MAX = 2048, INCOMPLETE_S = 10, HEADER_MAX = 16384, HEADERS_MAX = 256, TRANSACTIONS_MAX = 16 };

struct connection {
	htp_connp_t *connp;            /* stays, between two messages, for who takes this place next */
	uint8_t *form;                 /* beginning of a form's body; apart, as most places never see one */
	uint32_t form_size;
	struct slice head;             /* the request's headers as sent; what came in pieces is joined where the form will be */
	bool odd;                      /* libhtp has answered anything but "more" (a tunnel, an error): it is for this flow only */
	const htp_tx_t *shown;         /* whose request, once REQUEST_TOLD, `request` is what events show of; NULL: none */
	struct http_event request;
	uint64_t present;              /* its fields */
};

/* Fate of a transaction, in its user data. */
enum { REQUEST_TOLD = 1, RESPONSE_TOLD = 2, INTERIM_TOLD = 4, SLOW_TOLD = 8 };

static htp_cfg_t *config;
static struct connection connections[LIMIT_HTTP_CONNECTIONS];
static struct slot connection_slots[LIMIT_HTTP_CONNECTIONS];
static struct slots slots = {.at = connection_slots, .count = LIMIT_HTTP_CONNECTIONS};
static uint8_t forms[LIMIT_HTTP_CONNECTIONS][FORM_MAX];

/* --- connections -------------------------------------------------------------------------------------------- */

static struct connection *connection_at(uint32_t handle)
{
	return &connections[handle - 1];
}

static void parser_close(struct connection *c)
{
	htp_connp_destroy_all(c->connp);
	c->connp = NULL;
}

static void connection_close(uint32_t handle)
{
	parser_close(connection_at(handle));
	slots_give(&slots, handle);
}

static uint32_t connection_open(struct parse *parse)
{
	bool evicted;
	uint32_t handle = slots_take(&slots, parse->flow_id, &evicted);
	struct connection *c = connection_at(handle);
	parse->counters->http_evicted += evicted;
	if (evicted)
		parser_close(c);
	if (!c->connp) {
		c->connp = htp_connp_create(config);
		htp_connp_open(c->connp, NULL, 0, NULL, 0, NULL);
	}
	if (!c->connp) {
		slots_give(&slots, handle);
		return 0;
	}
	c->form = forms[handle - 1];
	c->form_size = 0;
	c->head = slice_of(c->form, 0);
	c->odd = false;
	c->shown = NULL;
	return handle;
}

static bool connection_held(const struct parse *parse)
{
	return slots_held(&slots, ((const struct http_state *)parse->state)->connection, parse->flow_id);
}

static struct connection *connection_get(struct parse *parse)
{
	struct http_state *state = parse->state;
	if (!connection_held(parse)) {
		/* Evicted: what its directions were in the midst of is lost. */
		state->lost[0] = state->lost[0] || state->connection;
		state->lost[1] = state->lost[1] || state->connection;
		state->connection = connection_open(parse);
	} else {
		slots_use(&slots, state->connection);
	}
	return state->connection ? connection_at(state->connection) : NULL;
}

/* Gives the place back when no message is begun and none waits for its answer: a transaction leaves libhtp's list when both are
 * whole, and they come in order, so the last tells of all. The parser goes when libhtp has logged something, which is of this
 * flow, and now and then, as that list is never shortened. */
static void connection_rest(struct http_state *state)
{
	struct connection *c = connection_at(state->connection);
	const htp_conn_t *conn = htp_connp_get_connection(c->connp);
	size_t count = htp_list_size(conn->transactions);
	if (c->odd || (count && htp_list_get(conn->transactions, count - 1)))
		return;
	if (htp_list_size(conn->messages) || count >= TRANSACTIONS_MAX)
		parser_close(c);
	slots_give(&slots, state->connection);
	state->connection = 0;
}

/* --- what libhtp has found ---------------------------------------------------------------------------------- */

static struct slice text_of(const bstr *text)
{
	return text ? slice_of(bstr_ptr(text), (uint32_t)bstr_len(text)) : (struct slice){NULL, 0};
}

static struct slice header(const htp_table_t *headers, const char *name)
{
	const htp_header_t *h = htp_table_get_c(headers, name);
	return h ? text_of(h->value) : (struct slice){NULL, 0};
}

/* All that events show, in one pass: libhtp's own search takes one for each name. `*fault`, if anybody asks, is the first of them. */
static void headers_read(const htp_table_t *headers, struct slice out[HTTP_HEADER_COUNT], const char **fault)
{
	memset(out, 0, HTTP_HEADER_COUNT * sizeof *out);
	for (size_t i = 0, count = htp_table_size(headers); i < count; i++) {
		const htp_header_t *h = htp_table_get_index(headers, i, NULL);
		unsigned which = http_header(text_of(h->name), h->flags & HTP_FIELD_INVALID);
		if (fault && !*fault)
			*fault = http_header_fault(which, text_of(h->value), h->flags & (HTP_FIELD_INVALID | HTP_FIELD_FOLDED));
		if (which < HTTP_HEADER_COUNT && !out[which].at)
			out[which] = text_of(h->value);
		if (http_is_function(text_of(h->value)) && !out[HTTP_HEADER_SHELL_FUNCTION].at)
			out[HTTP_HEADER_SHELL_FUNCTION] = text_of(h->value);
	}
}

static bool request_seen(const htp_tx_t *tx)
{
	return tx->request_line && !slice_is(text_of(tx->request_uri), "/libhtp::request_uri_not_seen");
}

static struct parse *parse_of(htp_tx_t *tx)
{
	return htp_connp_get_user_data(tx->connp);
}

static struct connection *connection_of(htp_tx_t *tx)
{
	return connection_at(((struct http_state *)parse_of(tx)->state)->connection);
}

static uintptr_t told(const htp_tx_t *tx)
{
	return (uintptr_t)htp_tx_get_user_data(tx);
}

static void tell(htp_tx_t *tx, uintptr_t what)
{
	htp_tx_set_user_data(tx, (void *)(told(tx) | what));
}

static void fill_request(struct http_writing *w, htp_tx_t *tx)
{
	struct http_event *http = &w->http;
	struct event *event = &w->event;
	bool ignored;
	headers_read(tx->request_headers, w->header, &w->fault);
	http_set_text(event, &http->method, HTTP_BIT_METHOD, text_of(tx->request_method));
	if (tx->request_uri)
		http_set_text(event, &http->url, HTTP_BIT_URL,
			 http_redact(text_of(tx->request_uri), w->url, sizeof w->url, &http->url_secret));
	struct slice path = tx->parsed_uri ? text_of(tx->parsed_uri->path) : (struct slice){0};
	http_set_text(event, &http->path, HTTP_BIT_PATH, path);
	http_set_text(event, &http->host, HTTP_BIT_HOST, text_of(tx->request_hostname));
	http_set_text(event, &http->protocol, HTTP_BIT_PROTOCOL, text_of(tx->request_protocol));
	http_set_text(event, &http->user_agent, HTTP_BIT_USER_AGENT, w->header[HTTP_HEADER_USER_AGENT]);
	struct slice referer = w->header[HTTP_HEADER_REFERER];
	if (referer.at)
		http_set_text(event, &http->referer, HTTP_BIT_REFERER, http_redact(referer, w->referer, sizeof w->referer, &ignored));
	http_set_text(event, &http->forwarded_for, HTTP_BIT_FORWARDED, w->header[HTTP_HEADER_FORWARDED_FOR]);
	http_set_text(event, &http->request_type, HTTP_BIT_REQUEST_TYPE, text_of(tx->request_content_type));
	http_set_text(event, &http->upgrade, HTTP_BIT_UPGRADE, w->header[HTTP_HEADER_UPGRADE]);
	http_set_text(event, &http->soap_action, HTTP_BIT_SOAP_ACTION, w->header[HTTP_HEADER_SOAP_ACTION]);
	http_set_text(event, &http->shell_function, HTTP_BIT_SHELL_FUNCTION, w->header[HTTP_HEADER_SHELL_FUNCTION]);
	http_fill_credentials(w, text_of(tx->request_auth_username), text_of(tx->request_auth_password),
			      tx->parsed_uri_raw ? text_of(tx->parsed_uri_raw->query) : (struct slice){0},
			      tx->request_method_number == HTP_M_POST);
	event_set(event, HTTP_BIT_REQUEST);
}

/* What is told of a request stays for its response. Not so what more headers, or a trailer, may still change, and what names somebody:
 * that is said to the session once more. */
static void keep_request(const struct http_writing *w, htp_tx_t *tx)
{
	struct connection *c = connection_of(tx);
	const struct http_event *http = &w->http;
	bool whole = tx->request_transfer_coding == HTP_CODING_NO_BODY || tx->request_transfer_coding == HTP_CODING_IDENTITY;
	bool plain = whole && !http->credentials && http->url.at != w->url && http->referer.at != w->referer;
	c->shown = plain ? tx : NULL;
	if (plain) {
		c->request = *http;
		c->present = w->event.present[0];
	}
}

static void writing_begin(struct http_writing *w, htp_tx_t *tx, enum http_message message, enum direction direction)
{
	w->parse = parse_of(tx);
	w->event = w->parse->base;
	w->event.direction = (uint8_t)direction;
	w->event.message = (uint8_t)message;
	w->event.detail = &w->http;
	w->fault = NULL;
	struct connection *c = connection_of(tx);
	bool seen = request_seen(tx), shown = seen && c->shown == tx && told(tx) & REQUEST_TOLD && message == HTTP_RESPONSE;
	w->http = shown ? c->request : (struct http_event){0};
	w->form = slice_of(c->form, c->form_size);
	if (shown)
		w->event.present[0] = c->present;
	else if (seen)
		fill_request(w, tx);
	w->event.resource = (struct slices){&w->http.path, w->http.path.at != NULL};
}

/* --- violations --------------------------------------------------------------------------------------------- */

/* Some of libhtp's flags are legal, if odd, HTTP: a device that sends no Host is no attacker. */
static void violate_flags(struct http_writing *w, uint64_t flags)
{
	static const struct { uint64_t flag; const char *name; } names[] = {
		{HTP_REQUEST_SMUGGLING, "request_smuggling"}, {HTP_REQUEST_INVALID_T_E, "invalid_transfer_encoding"},
		{HTP_REQUEST_INVALID_C_L, "invalid_content_length"}, {HTP_FIELD_RAW_NUL, "nul_in_header"},
		{HTP_FIELD_UNPARSEABLE, "unparseable_header"}, {HTP_INVALID_FOLDING, "invalid_folding"},
		{HTP_PATH_RAW_NUL | HTP_PATH_ENCODED_NUL, "nul_in_path"}, {HTP_HOST_AMBIGUOUS, "ambiguous_host"},
		{HTP_HOST_INVALID, "invalid_host"}, {HTP_HEADERS_TOO_MANY, "too_many_headers"}};
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (flags & names[i].flag)
			http_violate(w, names[i].name);
}

/* --- events ------------------------------------------------------------------------------------------------- */

static void remember_upgrade(const struct parse *parse, const htp_tx_t *tx, const htp_table_t *headers)
{
	char note[MEMO_VALUE_MAX];
	struct slice path = request_seen(tx) && tx->parsed_uri ? text_of(tx->parsed_uri->path) : (struct slice){0};
	struct slice text = http_upgrade_note(header(headers, "sec-websocket-protocol"), header(headers, "sec-websocket-extensions"), path,
					      note);
	memo_put(parse->memos, memo_key(parse->flow_id, HTTP_MEMO_UPGRADE, 0), text);
}

/* SLOW_TOLD: it is on its way, and will be told once more when it is whole. */
static void tell_request(htp_tx_t *tx, uintptr_t as, const char *reason)
{
	struct http_writing w;
	if (told(tx) & (REQUEST_TOLD | as) || !request_seen(tx))
		return;
	tell(tx, as);
	writing_begin(&w, tx, HTTP_REQUEST, TO_SERVER);
	keep_request(&w, tx);
	if (http_is_websocket(w.http.upgrade) && !reason) {
		((struct http_state *)w.parse->state)->upgrading = true;
		remember_upgrade(w.parse, tx, tx->request_headers);
	}
	w.parse->session->deadline_ns = 0;
	w.event.action = ACTION_REQUEST;
	w.event.reason = slice_text(reason);
	w.event.outcome = reason ? OUTCOME_FAILURE : OUTCOME_UNKNOWN;
	http_set_length(&w, tx->request_content_length);
	w.parse->emit(w.parse, &w.event);
	const char *fault = memchr(bstr_ptr(tx->request_line), 0, bstr_len(tx->request_line)) ? "nul_in_path" : w.fault;
	if (fault)
		http_violate(&w, fault);
	else
		violate_flags(&w, tx->flags);
	if (http_injects_header(w.http.url))
		http_violate(&w, "header_injection");
	if (tx->is_protocol_0_9)
		http_violate(&w, "http_0_9");
}

static void tell_authentication(struct http_writing *w, htp_tx_t *tx)
{
	struct slice asked = w->http.status == 401 ? header(tx->response_headers, "WWW-Authenticate") : (struct slice){0};
	bool posted = tx->request_method_number == HTP_M_POST && tx->request_entity_len > 0;
	enum outcome outcome = http_login_outcome(&w->http, posted, asked);
	if (outcome == OUTCOME_UNKNOWN)
		return;
	w->event.action = ACTION_AUTHENTICATE;
	w->event.outcome = (uint8_t)outcome;
	w->event.reason = slice_text(outcome == OUTCOME_FAILURE ? http_reason(401) : NULL);
	w->parse->emit(w->parse, &w->event);
}

static void tell_response(htp_tx_t *tx, bool complete)
{
	struct http_writing w;
	if (told(tx) & RESPONSE_TOLD || !tx->response_line || (told(tx) & INTERIM_TOLD && tx->response_status_number == 100))
		return;
	tell(tx, RESPONSE_TOLD);
	tell_request(tx, REQUEST_TOLD, NULL); /* answered before its form had come */
	writing_begin(&w, tx, HTTP_RESPONSE, TO_CLIENT);
	struct http_event *http = &w.http;
	bool ignored;
	http->status = tx->response_status_number > 0 ? (uint16_t)tx->response_status_number : 0;
	http->response_bytes = tx->response_message_len > 0 ? (uint64_t)tx->response_message_len : 0;
	http->request_bytes = tx->request_message_len > 0 ? (uint64_t)tx->request_message_len : 0;
	http->complete = complete;
	headers_read(tx->response_headers, w.header, NULL);
	event_set(&w.event, HTTP_BIT_STATUS);
	event_set(&w.event, HTTP_BIT_RESPONSE);
	http_set_text(&w.event, &http->protocol, HTTP_BIT_PROTOCOL, text_of(tx->response_protocol));
	http_set_text(&w.event, &http->type, HTTP_BIT_TYPE, text_of(tx->response_content_type));
	http_set_text(&w.event, &http->server, HTTP_BIT_SERVER, w.header[HTTP_HEADER_SERVER]);
	http_set_text(&w.event, &http->upgrade, HTTP_BIT_UPGRADE, w.header[HTTP_HEADER_UPGRADE]);
	struct slice location = w.header[HTTP_HEADER_LOCATION];
	if (location.at)
		http_set_text(&w.event, &http->location, HTTP_BIT_LOCATION,
			 http_redact(location, w.location, sizeof w.location, &ignored));
	http_set_length(&w, tx->response_content_length);
	w.event.action = ACTION_RESPOND;
	w.event.outcome = http->status >= 400 ? OUTCOME_FAILURE : OUTCOME_SUCCESS;
	w.event.reason = slice_text(http_reason(http->status));
	w.parse->emit(w.parse, &w.event);
	if (tx->flags & HTP_STATUS_LINE_INVALID)
		http_violate(&w, "invalid_status_line");
	tell_authentication(&w, tx);
}

/* --- libhtp calls ------------------------------------------------------------------------------------------- */

static int on_request_headers(htp_tx_t *tx)
{
	struct connection *c = connection_of(tx);
	if (tx->request_transfer_coding == HTP_CODING_CHUNKED && http_is_folded(c->head, "transfer-encoding"))
		tx->flags |= HTP_REQUEST_INVALID_T_E;
	c->head.size = c->form_size = 0;
	bool form = http_contains(text_of(tx->request_content_type), "x-www-form-urlencoded");
	if (!form || tx->request_content_length <= 0 || tx->request_content_length > FORM_MAX)
		tell_request(tx, REQUEST_TOLD, NULL);
	return HTP_OK;
}

static int on_request_head(htp_tx_data_t *data)
{
	struct connection *c = connection_of(data->tx);
	struct slice piece = slice_of(data->data, (uint32_t)data->len);
	bool first = !c->head.size, whole = first && data->is_last;
	c->head = whole ? slice_head(piece, FORM_MAX) : http_join(slice_of(c->form, first ? 0 : c->head.size), piece, c->form, FORM_MAX);
	return HTP_OK;
}

static int on_request_body(htp_tx_data_t *data)
{
	struct connection *c = connection_of(data->tx);
	if (!(told(data->tx) & REQUEST_TOLD) && data->data)
		c->form_size = http_join(slice_of(c->form, c->form_size), slice_of(data->data, (uint32_t)data->len), c->form, FORM_MAX).size;
	return HTP_OK;
}

static int on_request_complete(htp_tx_t *tx)
{
	tell_request(tx, REQUEST_TOLD, NULL);
	return HTP_OK;
}

static int on_response_headers(htp_tx_t *tx)
{
	struct parse *parse = parse_of(tx);
	int status = tx->response_status_number;
	bool tunnel = tx->request_method_number == HTP_M_CONNECT && request_seen(tx) && status >= 200 && status < 300;
	if (status != 101 && !tunnel)
		return HTP_OK;
	tell_response(tx, true);
	parse->consumed = (uint32_t)htp_connp_res_data_consumed(tx->connp);
	parse->becomes_unknown = tunnel || !http_is_websocket(header(tx->response_headers, "upgrade"));
	if (!parse->becomes_unknown) {
		remember_upgrade(parse, tx, tx->response_headers);
		parse->becomes = &parser_websocket;
	}
	return HTP_OK;
}

/* An interim response (RFC 9110 section 15.2): libhtp reads on as if it had not been, and so is it told. */
static int on_response_line(htp_tx_t *tx)
{
	if (tx->response_status_number != 100)
		return HTP_OK;
	htp_tx_set_user_data(tx, (void *)(told(tx) & REQUEST_TOLD));
	tell_response(tx, true);
	htp_tx_set_user_data(tx, (void *)(uintptr_t)(REQUEST_TOLD | INTERIM_TOLD));
	return HTP_OK;
}

static int on_response_complete(htp_tx_t *tx)
{
	tell_response(tx, true);
	return HTP_OK;
}

static bool configure(void)
{
	config = htp_config_create();
	if (!config)
		return false;
	htp_config_set_server_personality(config, HTP_SERVER_GENERIC);
	htp_config_set_tx_auto_destroy(config, 1);
	htp_config_set_parse_request_auth(config, 1);
	htp_config_set_parse_request_cookies(config, 0);
	htp_config_set_response_decompression(config, 0);
	htp_config_set_request_decompression(config, 0);
	htp_config_set_field_limits(config, HEADER_MAX / 2, HEADER_MAX);
	htp_config_set_number_headers_limit(config, HEADERS_MAX);
	htp_config_set_log_level(config, HTP_LOG_ERROR);
	htp_config_register_request_header_data(config, on_request_head);
	htp_config_register_request_headers(config, on_request_headers);
	htp_config_register_request_body_data(config, on_request_body);
	htp_config_register_request_complete(config, on_request_complete);
	htp_config_register_response_line(config, on_response_line);
	htp_config_register_response_headers(config, on_response_headers);
	htp_config_register_response_complete(config, on_response_complete);
	return true;
}

/* --- the parser --------------------------------------------------------------------------------------------- */

static const char *error_name(const struct parse *parse, const htp_connp_t *connp)
{
	const htp_log_t *last = htp_connp_get_last_error(connp);
	if (last && last->msg && strstr(last->msg, "chunk"))
		return "invalid_chunking";
	return parse->direction == TO_SERVER ? "malformed_request" : "malformed_response";
}

static void drop(struct parse *parse)
{
	struct http_state *state = parse->state;
	if (connection_held(parse)) {
		htp_connp_t *connp = connection_at(state->connection)->connp;
		htp_connp_set_user_data(connp, parse);
		htp_tx_t *in = htp_connp_get_in_tx(connp), *out = htp_connp_get_out_tx(connp);
		if (in)
			tell_request(in, REQUEST_TOLD, in->request_progress < HTP_REQUEST_BODY ? "incomplete_request" : NULL);
		if (out)
			tell_response(out, false);
		connection_close(state->connection);
	}
	state->connection = 0;
	parse->session->deadline_ns = 0;
}

/* A request that has begun and is not whole: looked at again when its time is over. */
static void await_request(struct parse *parse, const struct connection *c)
{
	const htp_tx_t *tx = htp_connp_get_in_tx(c->connp);
	if (parse->direction == TO_SERVER && !parse->becomes && !parse->becomes_unknown && tx &&
	    !(told(tx) & (REQUEST_TOLD | SLOW_TOLD)) && !parse->session->deadline_ns)
		parse->session->deadline_ns = parse->time_ns + INCOMPLETE_S * TW_SECOND;
}

/* Sets parse->consumed. False when libhtp cannot go on. */
static bool feed(struct parse *parse, struct connection *c, struct slice input)
{
	htp_connp_set_user_data(c->connp, parse);
	bool request = parse->direction == TO_SERVER;
	int status = request ? htp_connp_req_data(c->connp, NULL, input.at, input.size)
			     : htp_connp_res_data(c->connp, NULL, input.at, input.size);
	c->odd = c->odd || status != HTP_STREAM_DATA;
	if (parse->becomes || parse->becomes_unknown)
		return true;
	parse->consumed = input.size;
	if (status == HTP_STREAM_DATA_OTHER || status == HTP_STREAM_ERROR)
		parse->consumed = (uint32_t)(request ? htp_connp_req_data_consumed(c->connp) : htp_connp_res_data_consumed(c->connp));
	return status != HTP_STREAM_ERROR;
}

/* What comes behind a message that cannot be read is looked for, in both directions: the answer to it tells much. */
static void give_up(struct parse *parse, struct connection *c)
{
	struct http_state *state = parse->state;
	struct http_writing w;
	bool request = parse->direction == TO_SERVER;
	htp_tx_t *tx = request ? htp_connp_get_in_tx(c->connp) : htp_connp_get_out_tx(c->connp);
	if (tx) {
		writing_begin(&w, tx, request ? HTTP_REQUEST : HTTP_RESPONSE, (enum direction)parse->direction);
		http_violate(&w, error_name(parse, c->connp));
	}
	parse->counters->messages_bad++;
	drop(parse);
	state->lost[0] = state->lost[1] = true;
}

static enum verdict http_parse(struct parse *parse, struct slice input)
{
	struct http_state *state = parse->state;
	uint8_t d = parse->direction;
	if (!config && !configure())
		return PARSE_DONE;
	if (!state->begun[d]) {
		state->begun[d] = true;
		state->lost[d] = parse->midstream;
	}
	/* Where the answer cannot be seen, frames tell that it was yes. */
	if (state->upgrading && d == TO_SERVER && input.size && !(input.at[0] >= 'A' && input.at[0] <= 'Z')) {
		parse->becomes = parse->base.one_sided ? &parser_websocket : NULL;
		return PARSE_MORE;
	}
	while (input.size && http_find_message(&input, d, &state->lost[d], &parse->consumed)) {
		struct connection *c = connection_get(parse);
		uint32_t before = parse->consumed;
		if (!c)
			return PARSE_DONE;
		if (state->lost[d]) /* its connection was evicted */
			continue;
		bool good = feed(parse, c, input);
		uint32_t used = parse->consumed < input.size ? parse->consumed : input.size;
		used += !good && !used; /* an error at once: go on behind its first byte */
		parse->consumed = before + used;
		if (good) {
			await_request(parse, c);
			connection_rest(state);
			return PARSE_MORE;
		}
		give_up(parse, c);
		input = slice_of(input.at + used, input.size - used);
	}
	return PARSE_MORE;
}

static void http_gap(struct parse *parse, uint64_t missing)
{
	struct http_state *state = parse->state;
	(void)missing;
	drop(parse);
	state->begun[0] = state->begun[1] = state->lost[0] = state->lost[1] = true;
}

static void http_expire(struct parse *parse)
{
	struct http_state *state = parse->state;
	parse->session->deadline_ns = 0;
	if (!connection_held(parse))
		return;
	htp_connp_set_user_data(connection_at(state->connection)->connp, parse);
	htp_tx_t *tx = htp_connp_get_in_tx(connection_at(state->connection)->connp);
	if (tx)
		tell_request(tx, SLOW_TOLD, "slow_request");
}

/* A body that ends with the connection is whole now. */
static void http_end(struct parse *parse)
{
	struct http_state *state = parse->state;
	if (connection_held(parse)) {
		struct connection *c = connection_at(state->connection);
		htp_connp_set_user_data(c->connp, parse);
		htp_connp_close(c->connp, NULL);
		parse->becomes = NULL;
	}
	drop(parse);
}

const struct parser parser_http = {
	.name = "http",
	.protocol = PROTOCOL_HTTP,
	.transport = TRANSPORT_TCP,
	.state_bytes = sizeof(struct http_state),
	.fields = http_fields,
	.messages = http_messages,
	.probe = http_probe,
	.parse = http_parse,
	.gap = http_gap,
	.expire = http_expire,
	.end = http_end,
};
