/* http.h - the detail of an HTTP event, between http.c (which fills it), http_text.c (what is secret in it) and http_fields.c
 * (its names). Sources: RFC 9110, RFC 9112; Basic authentication RFC 7617. */
#ifndef TW_HTTP_H
#define TW_HTTP_H

#include "parser.h"

enum http_message { HTTP_REQUEST = 1, HTTP_RESPONSE };

/* Presence bits of struct http_event. A text that is empty (at NULL) has no bit of its own: it is absent. */
enum http_bit {
	HTTP_BIT_METHOD, HTTP_BIT_URL, HTTP_BIT_PATH, HTTP_BIT_HOST, HTTP_BIT_PROTOCOL, HTTP_BIT_USER_AGENT, HTTP_BIT_REFERER,
	HTTP_BIT_TYPE, HTTP_BIT_REQUEST_TYPE, HTTP_BIT_LOCATION, HTTP_BIT_SERVER, HTTP_BIT_FORWARDED, HTTP_BIT_AUTH,
	HTTP_BIT_AUTH_USER, HTTP_BIT_STATUS, HTTP_BIT_REQUEST, HTTP_BIT_RESPONSE, HTTP_BIT_UPGRADE, HTTP_BIT_VERSION, HTTP_BIT_CONTENT_LENGTH,
	HTTP_BIT_SOAP_ACTION, HTTP_BIT_SHELL_FUNCTION
};

struct http_event {
	struct slice method, url, path, host, protocol, user_agent, referer, type, request_type, location, server, forwarded_for,
		auth_scheme, auth_user, upgrade, version, soap_action, shell_function;
	uint64_t request_bytes, response_bytes, content_length;
	uint16_t status;
	bool credentials;   /* Authorization, or a password or token in the query or form */
	bool login;         /* looks like a login: a form with a password, or a POST to a path of that name */
	bool url_secret;    /* a password, key or token in the query */
	bool complete;
};

enum { HTTP_URL_MAX = 4096 }; /* longer ones are cut where a secret in them is hidden */

extern const struct field http_fields[];
extern const char *const http_messages[];

/* State of a flow. */
struct http_state {
	uint32_t connection;           /* handle; 0 for none yet */
	bool begun[2], lost[2];        /* lost: looking for the beginning of a message */
	bool upgrading;                /* the client asked for a WebSocket */
};
_Static_assert(sizeof(struct http_state) <= LIMIT_PARSER_STATE, "the state of a flow is bounded");

/* The headers that events show or that frame a message; last, any whose value begins as a shell function. */
enum http_header { HTTP_HEADER_AUTHORIZATION, HTTP_HEADER_API_KEY, HTTP_HEADER_AUTH_TOKEN, HTTP_HEADER_USER_AGENT, HTTP_HEADER_REFERER,
	HTTP_HEADER_FORWARDED_FOR, HTTP_HEADER_UPGRADE, HTTP_HEADER_SERVER, HTTP_HEADER_LOCATION, HTTP_HEADER_CONTENT_LENGTH,
	HTTP_HEADER_TRANSFER_ENCODING, HTTP_HEADER_SOAP_ACTION, HTTP_HEADER_NAMES, HTTP_HEADER_SHELL_FUNCTION = HTTP_HEADER_NAMES,
	HTTP_HEADER_COUNT };
/* Which of them a name is, whatever its case; HTTP_HEADER_COUNT for any other. With `invalid`, NULs within it do not count. */
unsigned http_header(struct slice name, bool invalid);

/* What two servers in a row may read in two ways (RFC 9112 sections 5.1, 5.2 and 6.3), as a reason; NULL: nothing. `odd`: folded,
 * or its name is not clean. */
const char *http_header_fault(unsigned which, struct slice value, bool odd);

/* `head`, which lies at `room`, and what comes behind it, as far as there is room. */
struct slice http_join(struct slice head, struct slice more, uint8_t *room, uint32_t size);
/* Is a header of this name (in small letters) folded? libhtp joins its lines and does not tell. */
bool http_is_folded(struct slice head, const char *name);
/* What a header's value begins with that a shell of 2014 takes for a function to define, and runs what is behind it. */
static inline bool http_is_function(struct slice value)
{
	return value.size >= 4 && memcmp(value.at, "() {", 4) == 0;
}

/* An event on its way. */
struct http_writing {
	struct parse *parse;
	struct event event;
	struct http_event http;
	struct slice form, header[HTTP_HEADER_COUNT]; /* of the request, then of the response */
	const char *fault;             /* of the request's headers */
	uint8_t url[HTTP_URL_MAX], referer[HTTP_URL_MAX], location[HTTP_URL_MAX];
};
void http_set_text(struct event *event, struct slice *member, enum http_bit bit, struct slice text);
void http_set_length(struct http_writing *w, int64_t length);
void http_violate(struct http_writing *w, const char *name);
/* What the request proves and whether it looks like a login. `user` and `secret`: of an Authorization header, absent without one; else
 * those of the form or of `query` become the session's. */
void http_fill_credentials(struct http_writing *w, struct slice user, struct slice secret, struct slice query, bool posted);

/* "not_found"; NULL below 400. */
const char *http_reason(unsigned status);
bool http_contains(struct slice text, const char *word);
bool http_is_websocket(struct slice upgrade);
bool http_login_path(struct slice path);
/* Does a name of `query` ("a=1&b=2") stand for a secret? Its value, and that of the name of a user, if there are any. */
bool http_find_secret(struct slice query, struct slice *user, struct slice *secret);
/* CR LF that was sent encoded, to become a header of its own behind a careless server (CWE-113). */
bool http_injects_header(struct slice url);
/* What a response tells of a login; UNKNOWN: nothing. A 401 to a request without credentials is the server asking for them, not a login
 * that failed. `posted`: a POST with a body; `asked`: WWW-Authenticate. */
enum outcome http_login_outcome(const struct http_event *http, bool posted, struct slice asked);
/* A URL whose secrets' values (of its query, and a password before its host) are `***`, in `out`; the URL itself when it has none.
 * `*had` tells. */
struct slice http_redact(struct slice url, uint8_t *out, uint32_t size, bool *had);
/* The first bytes of either direction: parser.h. */
enum probe http_probe(struct slice first, uint8_t direction, uint16_t client_port, uint16_t server_port);

/* When the direction is lost (its bytes begin in the midst of a message) goes on to where the next message seems to begin, and
 * counts what it passes as consumed. False, and still lost: none begins in these bytes. */
bool http_find_message(struct slice *input, uint8_t direction, bool *lost, uint32_t *consumed);

/* What a WebSocket needs to know of its upgrade lies in the memos under this kind, number 0: sub-protocol, NUL, extensions
 * ('d': permessage-deflate, 'c' and 's': client or server without context takeover), NUL, path. */
#define HTTP_MEMO_UPGRADE 64u
struct slice http_upgrade_note(struct slice protocol, struct slice extensions, struct slice path, char note[MEMO_VALUE_MAX]);

#endif
