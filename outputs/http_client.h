/* http_client.h - POST to one receiver over a connection that is kept (only user of libcurl, and of zlib for what is sent). One
 * thread at a time. TLS is verified unless `verify: false`; redirects are not followed; a proxy is used only when it is configured;
 * answers are bounded in size and time. No secret is ever in a message, nor is the path of the URL, which may be one. */
#ifndef TW_HTTP_CLIENT_H
#define TW_HTTP_CLIENT_H

#include "body.h"
#include "../sensor/config.h"

struct http_client;

enum http_auth { HTTP_AUTH_NONE, HTTP_AUTH_BASIC, HTTP_AUTH_TOKEN };

struct http_kind {
	const char *name;        /* "hec", for messages */
	const char *token_scheme;/* "Splunk", "ApiKey", "Bearer": what goes before the token */
	const char *path;        /* when the URL has none, or `below`: always added to the URL's; NULL: "/" */
	bool below;
	const char *query;       /* always added, with its "?"; NULL: none */
	bool gzip;               /* unless `gzip: false` */
};

enum { HTTP_HEADERS_MAX = 6 };

struct http_request {
	const char *path;        /* instead of the URL's; NULL: the URL's */
	const char *content_type;
	const char *headers[HTTP_HEADERS_MAX]; /* "Name: value", no secrets; ends at NULL */
	struct slice body;
};

struct http_answer {
	int status;              /* 0: there was none, or not a whole one; it was said why */
	uint32_t retry_after_ms;
	struct slice body;       /* borrowed until the next request; a long one is cut */
};

/* The keys that every HTTP output shares. False after having reported place, key and what is valid. */
bool http_check(const struct config_output *config, const char *name);
/* Bodies are of at most `room` bytes. NULL after having reported why. */
struct http_client *http_open(const struct config_output *config, const struct http_kind *kind, uint32_t room);
void http_close(struct http_client *client);
/* Secrets and certificates are read anew, a new connection is made. False: what was there stays; reported. */
bool http_reopen(struct http_client *client);

void http_post(struct http_client *client, const struct http_request *request, struct http_answer *answer);

/* What went wrong, once until something else does or all is well: "hec https://host:8088: TEXT". What a receiver said may be part of
 * it: without control characters, and without the secret, should it send that back. */
__attribute__((format(printf, 2, 3))) void http_complain(struct http_client *client, const char *format, ...);
/* The same of what does not end. */
__attribute__((format(printf, 2, 3))) void http_remark(struct http_client *client, const char *format, ...);
void http_fine(struct http_client *client);

/* Milliseconds of a clock that only goes forward. */
/* May another request be made in a send() that began then? */
bool http_time_left(const struct http_client *client, uint64_t began_ms);

/* What a status means that is not 200, for all of HTTP's receivers. */
enum http_verdict { HTTP_OK, HTTP_AGAIN, HTTP_DENIED, HTTP_TOO_LARGE, HTTP_REFUSED };
enum http_verdict http_verdict(const struct http_answer *answer);

#endif
