#include "log_tls.h"
#include "web_log.h"

/* Apache's error log, by the numbers that its messages have since 2.4.
 *
 *     [Mon Nov 23 14:56:21.857423 2026] [auth_basic:error] [pid 7:tid 9] [client 10.0.0.1:49062] AH01617: user x: authentication ...
 *
 * The client's end comes before anything that the client says. */

struct apache_error {
	struct web_request request;
};
_Static_assert(sizeof(struct apache_error) <= LIMIT_LOG_STATE, "fits the memory of a log");

/* "[Mon Nov 23 14:56:21.857423 2026] [auth_basic:error] " */
static bool take_head(struct log_clock *clock, struct log_record *record, struct slice *rest)
{
	struct slice r = *rest, day, when, module, year_text;
	uint64_t year, time_ns;
	struct log_clock near = *clock;
	if (!log_take(&r, "[") || !log_take_until(&r, "] [", &when) || when.size > 64)
		return false;
	day = log_take_word(&when);
	year_text = when;
	if (day.size != 3 || !log_take_until_last(&year_text, " ", &day) || !log_take_number(&year_text, 9999, &year) || year < 1970)
		return false;
	near.around_ns = (uint64_t)log_civil_s((unsigned)year, 7, 2, 0, 0, 0) * TW_SECOND;
	if (!log_take_rfc3164(&near, &when, &time_ns) || !log_take_until(&r, "] ", &module))
		return false;
	clock->hour = near.hour;
	clock->hour_offset_s = near.hour_offset_s;
	record->time_ns = time_ns;
	record->level = log_contains(module, ":error") || log_contains(module, ":crit") ? LOG_LEVEL_ERROR
			: log_contains(module, ":warn") ? LOG_LEVEL_WARNING : log_contains(module, ":notice") ? LOG_LEVEL_NOTICE : LOG_LEVEL_INFO;
	*rest = r;
	return true;
}

static void apache_error_envelope(struct log_clock *clock, struct log_record *record)
{
	web_error_envelope(clock, record, take_head);
}

static const struct { const char *number, *reason; enum action action; } kinds[] = {
	{"AH01617: ", "bad_user_name_or_password", ACTION_AUTHENTICATE}, {"AH01618: ", "bad_user_name_or_password", ACTION_AUTHENTICATE},
	{"AH01790: ", "bad_user_name_or_password", ACTION_AUTHENTICATE}, {"AH01791: ", "bad_user_name_or_password", ACTION_AUTHENTICATE},
	{"AH01792: ", "bad_user_name_or_password", ACTION_AUTHENTICATE},
	{"AH01630: ", "forbidden", ACTION_RESPOND}, {"AH01276: ", "forbidden", ACTION_RESPOND}, {"AH00035: ", "forbidden", ACTION_RESPOND},
	{"AH00128: ", "not_found", ACTION_RESPOND}, {"AH01382: ", "request_timeout", ACTION_RESPOND},
	{"AH00135: ", "not_http", ACTION_VIOLATION}, {"AH00126: ", "bad_request", ACTION_VIOLATION}, {"AH00566: ", "bad_request", ACTION_VIOLATION},
	{"AH00567: ", "bad_request", ACTION_VIOLATION}, {"AH02039: ", "bad_certificate", ACTION_HANDSHAKE},
	{"AH02008: ", "handshake_failure", ACTION_HANDSHAKE}, {"AH01996: ", "not_tls", ACTION_HANDSHAKE}, {NULL, NULL, ACTION_OPEN}};

/* "user device01: authentication failure for ...", "user nobody not found: /st/x", "user `x' in realm `y' not found: /" */
static void set_user(struct log_parse *parse, struct slice text)
{
	static const char *const behind[] = {": authentication failure", ": password mismatch", " not found", "' in realm", NULL};
	struct slice user;
	if (!log_take(&text, "user ") && !log_take(&text, "Digest: user "))
		return;
	log_take(&text, "`");
	for (const char *const *b = behind; *b; b++) {
		struct slice rest = text;
		if (log_take_until(&rest, *b, &user) && (log_take_end(&user, "'"), user.size)) {
			name_set(&parse->session.user, user);
			return;
		}
	}
}

/* Of the path that the message names: "... for "/st/x": Password Mismatch", "... not found: /st/x". */
static void set_path(struct apache_error *a, struct slice text)
{
	struct slice before, url, path;
	if (!log_take_until(&text, " for \"", &before) || !log_take_until(&text, "\"", &url) || !url.size || url.at[0] != '/')
		return;
	if (!log_take_until(&url, "?", &path)) /* a query may hold a secret */
		path = url;
	web_set(&a->request, &a->request.http.path, HTTP_BIT_PATH, path);
}

static enum log_verdict apache_error_parse(struct log_parse *parse)
{
	struct apache_error *a = parse->state;
	struct slice rest = parse->record->text, from;
	if (!parse->record->level)
		return rest.size ? LOG_UNREADABLE : LOG_TAKEN;
	while (log_take(&rest, "[")) {
		bool client = log_take(&rest, "client ") || log_take(&rest, "remote ");
		if (!log_take_until(&rest, "] ", &from))
			return LOG_TAKEN;
		if (client && log_end(from, &parse->ends.client, &parse->ends.client_port))
			parse->base.flow_id = log_flow_id(parse, &parse->ends.client, parse->ends.client_port);
	}
	if (!parse->base.flow_id)
		return LOG_TAKEN;
	a->request.http = (struct http_event){0};
	a->request.present[0] = a->request.present[1] = 0;
	for (unsigned i = 0; kinds[i].number; i++) {
		if (!log_take_text(&rest, kinds[i].number, (uint32_t)strlen(kinds[i].number)))
			continue;
		if (kinds[i].action == ACTION_HANDSHAKE) {
			log_tls_failed(parse, kinds[i].reason);
			return LOG_TAKEN;
		}
		set_user(parse, rest);
		set_path(a, rest);
		web_emit(parse, &a->request, kinds[i].action == ACTION_VIOLATION ? HTTP_REQUEST : HTTP_RESPONSE, kinds[i].action,
			 OUTCOME_FAILURE, kinds[i].reason);
		return LOG_TAKEN;
	}
	return LOG_TAKEN;
}

static unsigned apache_error_probe(struct slice head)
{
	return web_error_probe(head, take_head);
}

static const struct log_shows apache_error_shows[] = WEB_ERROR_SHOWS(TELLS_ENDS | TELLS_USER);

const struct log_format log_format_apache_error = {
	.name = "apache_error",
	.help = "error log of Apache 2.4",
	.app_proto = "http",
	.state_bytes = sizeof(struct apache_error),
	.probe = apache_error_probe,
	.envelope = apache_error_envelope,
	.parse = apache_error_parse,
	.shows = apache_error_shows,
	.detail = WEB_ERROR_DETAIL,
};
