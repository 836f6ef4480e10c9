#include "web_log.h"

/* Access logs of nginx and Apache, "common" and "combined", with the virtual host before it or not:
 *
 *     10.0.0.1 - device01 [23/Nov/2026:14:56:17 +0000] "GET /x HTTP/1.1" 401 179 "-" "curl/7.88.1"
 *
 * The user is what the client claimed, also when it was refused. In quotes nginx writes \x22 for a quote, Apache \": both end at the
 * first quote that no backslash is before. The line is written when the request ends. What came instead of a request stands in the
 * line byte by byte, with the password of a CONNECT of MQTT: nothing of it is shown. */

struct web_access {
	struct web_request request;
};
_Static_assert(sizeof(struct web_access) <= LIMIT_LOG_STATE, "fits the memory of a log");

static bool take_quoted(struct slice *rest, struct slice *out)
{
	if (!rest->size || rest->at[0] != '"')
		return false;
	const uint8_t *quote = memchr(rest->at + 1, '"', rest->size - 1);
	if (!quote)
		return false;
	uint32_t n = (uint32_t)(quote - rest->at);
	if (memchr(rest->at + 1, '\\', n - 1))
		for (n = 1; n < rest->size && rest->at[n] != '"';)
			n += rest->at[n] == '\\' ? 2 : 1;
	if (n >= rest->size)
		return false;
	*out = slice_of(rest->at + 1, n - 1);
	*rest = slice_of(rest->at + n + 1, rest->size - n - 1);
	log_take(rest, " ");
	return true;
}

struct access_line {
	struct slice request, referer, agent;
	uint64_t status, bytes;
};

/* "10.0.0.1 - user [23/Nov/2026:14:56:17 +0000] ": a user name may have blanks and brackets; the time behind it must be one. */
static bool take_head(struct log_clock *clock, struct slice text, struct log_record *record)
{
	struct log_head *head = &record->head;
	struct slice r = text, from = log_take_word(&r), ident, before;
	uint64_t time_ns;
	head->host = (struct slice){NULL, 0};
	if (!log_end(from, &head->address, &head->port)) {
		head->host = from;
		from = log_take_word(&r);
		if (!log_end(from, &head->address, &head->port))
			return false;
	}
	ident = log_take_word(&r);
	const uint8_t *user = r.at;
	while (ident.size && log_take_until(&r, " [", &before)) {
		head->user = slice_of(user, (uint32_t)(r.at - user) - 2);
		if (log_take_clf(clock, &r, &time_ns) && log_take(&r, "] ")) {
			head->size = (uint32_t)(r.at - text.at);
			record->time_ns = time_ns;
			return true;
		}
	}
	return false;
}

/* What is behind the head. */
static bool take_line(struct slice rest, struct access_line *line)
{
	*line = (struct access_line){0};
	if (!take_quoted(&rest, &line->request) || !log_take_number(&rest, 999, &line->status))
		return false;
	log_take(&rest, " ");
	struct slice bytes = log_take_word(&rest);
	if (!slice_is(bytes, "-") && !log_take_number(&bytes, UINT64_MAX >> 1, &line->bytes))
		return false;
	if (take_quoted(&rest, &line->referer))
		take_quoted(&rest, &line->agent);
	return true;
}

static bool take_record(const struct log_record *record, struct access_line *line)
{
	uint32_t size = record->head.size;
	return size && take_line(slice_of(record->text.at + size, record->text.size - size), line);
}

static bool is_given(struct slice text)
{
	return text.size && !slice_is(text, "-");
}

static void answered(struct log_parse *parse, struct web_access *a, const struct access_line *line)
{
	struct http_event *http = &a->request.http;
	unsigned status = (unsigned)line->status;
	bool failed = status >= 400, named = is_given(parse->record->head.user);
	http->status = (uint16_t)status;
	http->response_bytes = line->bytes;
	a->request.present[0] |= 1ull << HTTP_BIT_STATUS | 1ull << HTTP_BIT_RESPONSE;
	web_emit(parse, &a->request, HTTP_RESPONSE, ACTION_RESPOND, failed ? OUTCOME_FAILURE : OUTCOME_SUCCESS, http_reason(status));
	/* A 401 to nobody is the server asking; a server that does not ask logs no user. */
	if ((status == 401 || status == 407) && (named || http->credentials || http->login))
		web_emit(parse, &a->request, HTTP_RESPONSE, ACTION_AUTHENTICATE, OUTCOME_FAILURE, http_reason(status));
	else if (status < 400 && named)
		web_emit(parse, &a->request, HTTP_RESPONSE, ACTION_AUTHENTICATE, OUTCOME_SUCCESS, NULL);
}

static void web_access_envelope(struct log_clock *clock, struct log_record *record)
{
	struct slice rest = record->line;
	if (take_head(clock, rest, record) || !rest.size || (rest.at[0] != '<' && rest.at[0] < 'A'))
		return;
	if (log_take_syslog(clock, &rest, record)) {
		record->text = rest;
		take_head(clock, rest, record);
	}
}

static enum log_verdict web_access_parse(struct log_parse *parse)
{
	struct web_access *a = parse->state;
	const struct log_head *head = &parse->record->head;
	struct access_line line;
	bool ignored;
	if (!parse->record->text.size)
		return LOG_TAKEN;
	if (!take_record(parse->record, &line))
		return LOG_UNREADABLE;
	a->request.http = (struct http_event){0};
	a->request.present[0] = a->request.present[1] = 0;
	parse->ends.client = head->address;
	parse->ends.client_port = head->port;
	parse->base.flow_id = log_flow_id(parse, &head->address, head->port);
	if (head->host.size) {
		struct slice port = head->host, host;
		web_set(&a->request, &a->request.http.host, HTTP_BIT_HOST, log_take_until_last(&port, ":", &host) ? host : head->host);
	}
	if (is_given(line.agent))
		web_set(&a->request, &a->request.http.user_agent, HTTP_BIT_USER_AGENT, line.agent);
	if (is_given(line.referer))
		web_set(&a->request, &a->request.http.referer, HTTP_BIT_REFERER,
			http_redact(line.referer, a->request.referer, sizeof a->request.referer, &ignored));
	if (is_given(head->user))
		name_set(&parse->session.user, head->user);
	if (web_request_line(&a->request, line.request))
		web_emit(parse, &a->request, HTTP_REQUEST, ACTION_REQUEST, OUTCOME_UNKNOWN, NULL);
	else if (is_given(line.request))
		web_emit(parse, &a->request, HTTP_REQUEST, ACTION_VIOLATION, OUTCOME_FAILURE, web_not_http(line.request));
	answered(parse, a, &line);
	return LOG_TAKEN;
}

static unsigned web_access_probe(struct slice head)
{
	unsigned lines = 0;
	struct slice line;
	struct log_clock clock = {0};
	struct access_line read;
	while (log_take_until(&head, "\n", &line)) {
		struct log_record record = {.line = line, .text = line};
		log_take_end(&record.line, "\r");
		record.text = record.line;
		web_access_envelope(&clock, &record);
		lines += take_record(&record, &read);
	}
	return lines;
}

enum { TELLS = TELLS_ADDRESS | TELLS_USER };
static const struct log_shows web_access_shows[] = {
	LOG_SHOWS(HTTP, AUTHENTICATE, LOG_SUCCESS | LOG_FAILURE, TELLS | TELLS_RESOURCE),
	LOG_SHOWS(HTTP, REQUEST, LOG_UNKNOWN, TELLS | TELLS_RESOURCE),
	LOG_SHOWS(HTTP, RESPOND, LOG_SUCCESS | LOG_FAILURE, TELLS | TELLS_RESOURCE),
	LOG_SHOWS(HTTP, VIOLATION, LOG_FAILURE, TELLS | TELLS_RESOURCE), {0}};

const struct log_format log_format_web_access = {
	.name = "web_access",
	.help = "access log of nginx or Apache: common, combined, vhost_combined",
	.app_proto = "http",
	.state_bytes = sizeof(struct web_access),
	.probe = web_access_probe,
	.envelope = web_access_envelope,
	.parse = web_access_parse,
	.shows = web_access_shows,
	.detail = {1ull << HTTP_BIT_METHOD | 1ull << HTTP_BIT_PATH | 1ull << HTTP_BIT_PROTOCOL |
		1ull << HTTP_BIT_REQUEST | 1ull << HTTP_BIT_URL | 1ull << HTTP_BIT_HOST | 1ull << HTTP_BIT_REFERER |
		1ull << HTTP_BIT_RESPONSE | 1ull << HTTP_BIT_STATUS | 1ull << HTTP_BIT_USER_AGENT, 0},
};
