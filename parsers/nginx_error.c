#include "log_tls.h"
#include "web_log.h"

/* nginx's error log, levels info to error.
 *
 *     2026/11/23 14:56:17 [error] 10258#10258: *3 user "x": password mismatch, client: 10.0.0.1, server: , request: "GET / HTTP/1.1", host: "h"
 *
 * nginx escapes nothing here: a user name or a request may imitate the words behind it. When ", client: " stands there more than
 * once it is not known which one is nginx's, and the event says so. What the client sent instead of a request is not shown. */

struct nginx_error {
	struct web_request request;
};
_Static_assert(sizeof(struct nginx_error) <= LIMIT_LOG_STATE, "fits the memory of a log");

static const struct { const char *text; uint8_t level; } levels[] = {{" [debug] ", LOG_LEVEL_DEBUG}, {" [info] ", LOG_LEVEL_INFO},
	{" [notice] ", LOG_LEVEL_NOTICE}, {" [warn] ", LOG_LEVEL_WARNING}, {" [error] ", LOG_LEVEL_ERROR}, {" [crit] ", LOG_LEVEL_ERROR},
	{" [alert] ", LOG_LEVEL_ERROR}, {" [emerg] ", LOG_LEVEL_ERROR}};

/* "2026/11/23 14:56:17 [error] 10258#10258: " */
static bool take_head(struct log_clock *clock, struct log_record *record, struct slice *rest)
{
	struct slice r = *rest;
	uint64_t number, time_ns;
	unsigned level = 0, count = sizeof levels / sizeof *levels;
	if (!log_take_iso(clock, &r, &time_ns))
		return false;
	while (level < count && !log_take_text(&r, levels[level].text, (uint32_t)strlen(levels[level].text)))
		level++;
	if (level == count || !log_take_number(&r, UINT32_MAX, &number) || !log_take(&r, "#") ||
	    !log_take_number(&r, UINT32_MAX, &number) || !log_take(&r, ": "))
		return false;
	record->time_ns = time_ns;
	record->level = levels[level].level;
	*rest = r;
	return true;
}

static void nginx_error_envelope(struct log_clock *clock, struct log_record *record)
{
	web_error_envelope(clock, record, take_head);
}

/* The text before ", client: ", the client's address and the request, where they are certain. */
static void split(struct log_parse *parse, struct nginx_error *n, struct slice *text)
{
	struct slice rest = *text, before, again, more, address, line;
	if (!log_take_until(&rest, ", client: ", &before))
		return;
	again = rest;
	if (log_take_until(&again, ", client: ", &more)) {
		parse->log.ambiguous = true;
		parse->counters->log_ambiguous++;
		if (!slice_starts(before, slice_text("user \"")))
			*text = before;
		return;
	}
	*text = before;
	if (!log_take_until(&rest, ", ", &address)) {
		address = rest;
		rest = slice_of("", 0);
	}
	log_end(address, &parse->ends.client, &parse->ends.client_port);
	parse->base.flow_id = log_flow_id(parse, &parse->ends.client, parse->ends.client_port);
	if (log_take_until(&rest, "request: \"", &before) && log_take_until(&rest, "\"", &line))
		web_request_line(&n->request, line);
}

static void login_failed(struct log_parse *parse, struct nginx_error *n, struct slice user)
{
	name_set(&parse->session.user, user);
	web_emit(parse, &n->request, HTTP_RESPONSE, ACTION_AUTHENTICATE, OUTCOME_FAILURE, "bad_user_name_or_password");
}

/* "client SSL certificate verify error: (18:self-signed certificate)", the numbers of X509_V_ERR_*. */
static const char *certificate_reason(struct slice text)
{
	static const char *const reasons[][2] = {{"(10:", "certificate_expired"}, {"(23:", "certificate_revoked"}, {"(19:", "unknown_ca"},
		{"(20:", "unknown_ca"}, {"(2:", "unknown_ca"}, {NULL, NULL}};
	for (unsigned i = 0; reasons[i][0]; i++)
		if (log_contains(text, reasons[i][0]))
			return reasons[i][1];
	return "bad_certificate";
}

static bool tls(struct log_parse *parse, struct slice text)
{
	if (log_contains(text, "client SSL certificate verify error: "))
		log_tls_failed(parse, certificate_reason(text));
	else if (log_contains(text, "client sent no required SSL certificate"))
		log_tls_failed(parse, "certificate_required");
	else if (log_contains(text, "client sent plain HTTP request to HTTPS port"))
		log_tls_failed(parse, "not_tls");
	else if (log_take(&text, "SSL_do_handshake() failed ") && log_contains(text, "while SSL handshaking"))
		log_tls_failed(parse, log_tls_reason(text));
	else
		return false;
	return true;
}

static const struct { const char *text, *reason; } answers[] = {{"access forbidden by rule", "forbidden"},
	{"is forbidden", "forbidden"}, {"limiting requests", "too_many_requests"}, {"limiting connections", "too_many_requests"},
	{"client intended to send too large body", "content_too_large"}, {"No such file or directory", "not_found"},
	{"upstream timed out", "gateway_timeout"}, {"while connecting to upstream", "bad_gateway"},
	{"client timed out", "request_timeout"}, {NULL, NULL}};

static bool is_violation(struct slice text)
{
	return log_take(&text, "client sent ") && !log_take(&text, "too large") &&
	       (log_take(&text, "invalid ") || log_contains(text, "while reading client request"));
}

static void connection_line(struct log_parse *parse, struct nginx_error *n, struct slice text)
{
	struct slice user, rest = text;
	if (log_take(&rest, "user \"")) {
		if (log_take_until(&rest, "\": password mismatch", &user) || log_take_until(&rest, "\" was not found in ", &user))
			login_failed(parse, n, user);
		return;
	}
	if (tls(parse, text))
		return;
	if (is_violation(text)) {
		web_emit(parse, &n->request, HTTP_REQUEST, ACTION_VIOLATION, OUTCOME_FAILURE,
			 log_contains(text, "invalid method") ? "not_http" : "bad_request");
		return;
	}
	for (unsigned i = 0; answers[i].text; i++)
		if (log_contains(text, answers[i].text)) {
			web_emit(parse, &n->request, HTTP_RESPONSE, ACTION_RESPOND, OUTCOME_FAILURE, answers[i].reason);
			return;
		}
}

static enum log_verdict nginx_error_parse(struct log_parse *parse)
{
	struct nginx_error *n = parse->state;
	struct slice text = parse->record->text;
	uint64_t number;
	if (!parse->record->level)
		return text.size ? LOG_UNREADABLE : LOG_TAKEN;
	if (!log_take(&text, "*") || !log_take_number(&text, UINT64_MAX >> 1, &number) || !log_take(&text, " "))
		return LOG_TAKEN; /* of no connection */
	n->request.http = (struct http_event){0};
	n->request.present[0] = n->request.present[1] = 0;
	split(parse, n, &text);
	connection_line(parse, n, text);
	return LOG_TAKEN;
}

static unsigned nginx_error_probe(struct slice head)
{
	return web_error_probe(head, take_head);
}

static const struct log_shows nginx_error_shows[] = WEB_ERROR_SHOWS(TELLS_ADDRESS | TELLS_USER);

const struct log_format log_format_nginx_error = {
	.name = "nginx_error",
	.help = "error log of nginx, level info to error",
	.app_proto = "http",
	.state_bytes = sizeof(struct nginx_error),
	.probe = nginx_error_probe,
	.envelope = nginx_error_envelope,
	.parse = nginx_error_parse,
	.shows = nginx_error_shows,
	.detail = WEB_ERROR_DETAIL,
};
