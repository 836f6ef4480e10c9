/* web_log.h - what access and error logs of web servers share: the events of a request and of its answer. */
#ifndef TW_WEB_LOG_H
#define TW_WEB_LOG_H

#include "http.h"
#include "log_line.h"

enum { WEB_URL = 2048 };

/* Of one record; the texts point into it and into `url`. */
struct web_request {
	struct http_event http;
	uint64_t present[2];
	uint8_t url[WEB_URL], referer[WEB_URL];
};

/* "GET /a?b=c HTTP/1.1" into `request`, secrets taken out. False: it is no request line, and nothing of it may be shown. */
bool web_request_line(struct web_request *request, struct slice line);
/* Why a line is no request of HTTP: what it begins with, in the escapes of the servers or as it is. */
const char *web_not_http(struct slice line);
void web_set(struct web_request *request, struct slice *member, enum http_bit bit, struct slice text);
/* One event of the request with its detail. `reason` a literal or NULL. */
void web_emit(struct log_parse *parse, struct web_request *request, enum http_message message, enum action action,
	      enum outcome outcome, const char *reason);

/* Error logs: lines with a head that is the server's own, as they are or within syslog. `head` takes it off the front of `rest` and
 * fills time and level, or answers false and takes nothing. */
void web_error_envelope(struct log_clock *clock, struct log_record *record,
			bool (*head)(struct log_clock *clock, struct log_record *record, struct slice *rest));
unsigned web_error_probe(struct slice text, bool (*head)(struct log_clock *clock, struct log_record *record, struct slice *rest));
/* What an error log shows beside whom: `.shows`, with `tells` for each, and `.detail`. */
#define WEB_ERROR_SHOWS(tells) \
	{LOG_SHOWS(HTTP, AUTHENTICATE, LOG_FAILURE, (tells) | TELLS_RESOURCE), \
	 LOG_SHOWS(HTTP, RESPOND, LOG_FAILURE, (tells) | TELLS_RESOURCE), \
	 LOG_SHOWS(HTTP, VIOLATION, LOG_FAILURE, (tells) | TELLS_RESOURCE), LOG_SHOWS_TLS(tells), {0}}
#define WEB_ERROR_DETAIL \
	{1ull << HTTP_BIT_METHOD | 1ull << HTTP_BIT_PATH | 1ull << HTTP_BIT_PROTOCOL | 1ull << HTTP_BIT_REQUEST | 1ull << HTTP_BIT_URL, 0}

#endif
