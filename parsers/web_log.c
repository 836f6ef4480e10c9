#include "web_log.h"

static bool is_method(struct slice word)
{
	for (uint32_t i = 0; i < word.size; i++)
		if ((word.at[i] < 'A' || word.at[i] > 'Z') && word.at[i] != '-' && word.at[i] != '_')
			return false;
	return word.size && word.size <= 24;
}

void web_set(struct web_request *request, struct slice *member, enum http_bit bit, struct slice text)
{
	*member = text;
	request->present[bit >> 6 & 1] |= 1ull << (bit & 63);
}

bool web_request_line(struct web_request *request, struct slice line)
{
	struct http_event *http = &request->http;
	struct slice rest = line, method = log_take_word(&rest), url, user = {0}, secret = {0};
	if (!is_method(method) || !rest.size || !log_take_until_last(&rest, " HTTP/", &url) || !rest.size || rest.size > 4)
		return false;
	struct slice protocol = slice_of(rest.at - 5, rest.size + 5), query = url, path;
	web_set(request, &http->method, HTTP_BIT_METHOD, method);
	web_set(request, &http->protocol, HTTP_BIT_PROTOCOL, protocol);
	if (!log_take_until(&query, "?", &path)) {
		path = url;
		query = slice_of(url.at + url.size, 0);
	}
	web_set(request, &http->path, HTTP_BIT_PATH, path);
	web_set(request, &http->url, HTTP_BIT_URL, http_redact(url, request->url, sizeof request->url, &http->url_secret));
	http->credentials = http_find_secret(query, &user, &secret);
	http->login = slice_is(method, "POST") && http_login_path(path);
	request->present[0] |= 1ull << HTTP_BIT_REQUEST;
	return true;
}

const char *web_not_http(struct slice line)
{
	if (log_contains(line, "MQTT") || log_contains(line, "MQIsdp"))
		return "mqtt_not_http";
	if (slice_starts(line, slice_text("\\x16\\x03")) || slice_starts(line, slice_text("\x16\x03")))
		return "tls_not_http";
	return "not_http";
}

void web_emit(struct log_parse *parse, struct web_request *request, enum http_message message, enum action action,
	      enum outcome outcome, const char *reason)
{
	struct event event = log_event(parse, PROTOCOL_HTTP, action, outcome, reason);
	event.direction = message == HTTP_REQUEST ? TO_SERVER : TO_CLIENT;
	event.message = (uint8_t)message;
	event.detail = &request->http;
	event.fields = http_fields;
	memcpy(event.present, request->present, sizeof event.present);
	event.resource = (struct slices){&request->http.path, request->http.path.at != NULL};
	log_emit(parse, &event);
}

void web_error_envelope(struct log_clock *clock, struct log_record *record,
			bool (*head)(struct log_clock *clock, struct log_record *record, struct slice *rest))
{
	struct slice rest = record->line;
	if (!head(clock, record, &rest) && log_take_syslog(clock, &rest, record))
		head(clock, record, &rest);
	record->text = rest;
}

unsigned web_error_probe(struct slice text, bool (*head)(struct log_clock *clock, struct log_record *record, struct slice *rest))
{
	unsigned lines = 0;
	struct slice line;
	struct log_clock clock = {0};
	while (log_take_until(&text, "\n", &line)) {
		struct log_record record = {.line = line};
		struct slice rest = line;
		lines += head(&clock, &record, &rest);
	}
	return lines;
}
