/* What in a request is a secret, and what looks like HTTP at all. */
#include "http.h"
#include "../sensor/digest.h"
#include <strings.h>

void http_set_text(struct event *event, struct slice *member, enum http_bit bit, struct slice text)
{
	*member = text;
	if (text.at)
		event_set(event, bit);
}

void http_set_length(struct http_writing *w, int64_t length)
{
	w->http.content_length = (uint64_t)length;
	if (length >= 0)
		event_set(&w->event, HTTP_BIT_CONTENT_LENGTH);
}

void http_violate(struct http_writing *w, const char *name)
{
	struct event event = w->event;
	event.action = ACTION_VIOLATION;
	event.outcome = OUTCOME_FAILURE;
	event.reason = slice_text(name);
	w->parse->emit(w->parse, &event);
}

bool http_contains(struct slice text, const char *word)
{
	return text.size && memmem(text.at, text.size, word, strlen(word));
}

unsigned http_header(struct slice name, bool invalid)
{
	static const struct slice names[HTTP_HEADER_NAMES] = {
#define NAME(header, text) [HTTP_HEADER_##header] = {(const uint8_t *)(text), sizeof(text) - 1}
		NAME(AUTHORIZATION, "authorization"), NAME(API_KEY, "x-api-key"), NAME(AUTH_TOKEN, "x-auth-token"),
		NAME(USER_AGENT, "user-agent"), NAME(REFERER, "referer"), NAME(FORWARDED_FOR, "x-forwarded-for"),
		NAME(UPGRADE, "upgrade"), NAME(SERVER, "server"), NAME(LOCATION, "location"),
		NAME(CONTENT_LENGTH, "content-length"), NAME(TRANSFER_ENCODING, "transfer-encoding"), NAME(SOAP_ACTION, "soapaction")
#undef NAME
	};
	/* No two are of one length, but for two pairs, which their first letters tell apart; a length that none has meets one of another. */
	static const uint8_t of_size[] = {[6] = HTTP_HEADER_SERVER, [7] = HTTP_HEADER_REFERER, [8] = HTTP_HEADER_LOCATION,
					  [9] = HTTP_HEADER_API_KEY, [10] = HTTP_HEADER_USER_AGENT, [12] = HTTP_HEADER_AUTH_TOKEN,
					  [13] = HTTP_HEADER_AUTHORIZATION, [14] = HTTP_HEADER_CONTENT_LENGTH,
					  [15] = HTTP_HEADER_FORWARDED_FOR, [17] = HTTP_HEADER_TRANSFER_ENCODING};
	uint8_t clean[24];
	uint32_t size = 0;
	if (invalid) {
		for (uint32_t i = 0; i < name.size && size < sizeof clean; i++)
			if (name.at[i])
				clean[size++] = name.at[i];
		name = slice_of(clean, size);
	}
	unsigned which = name.size < sizeof of_size ? of_size[name.size] : 0;
	if (which == HTTP_HEADER_REFERER && (name.at[0] | 32) == 'u')
		which = HTTP_HEADER_UPGRADE;
	else if (which == HTTP_HEADER_USER_AGENT && (name.at[0] | 32) == 's')
		which = HTTP_HEADER_SOAP_ACTION;
	bool same = names[which].size == name.size && (name.at[0] | 32) == names[which].at[0] &&
		    strncasecmp((const char *)name.at, (const char *)names[which].at, name.size) == 0;
	return same ? which : HTTP_HEADER_COUNT;
}

const char *http_header_fault(unsigned which, struct slice value, bool odd)
{
	bool length = which == HTTP_HEADER_CONTENT_LENGTH, digits = value.size;
	if (value.size && memchr(value.at, 0, value.size))
		return "nul_in_header";
	for (uint32_t i = 0; length && i < value.size; i++)
		digits = digits && value.at[i] >= '0' && value.at[i] <= '9';
	if (length && (odd || !digits))
		return "invalid_content_length";
	return which == HTTP_HEADER_TRANSFER_ENCODING && odd ? "invalid_transfer_encoding" : NULL;
}

struct slice http_join(struct slice head, struct slice more, uint8_t *room, uint32_t size)
{
	uint32_t n = more.size < size - head.size ? more.size : size - head.size;
	if (n)
		memcpy(room + head.size, more.at, n);
	return slice_of(room, head.size + n);
}

bool http_is_folded(struct slice head, const char *name)
{
	size_t size = strlen(name);
	bool named = false;
	while (head.size) {
		const uint8_t *end = memchr(head.at, '\n', head.size);
		uint32_t line = end ? (uint32_t)(end - head.at) + 1 : head.size;
		if (head.at[0] == ' ' || head.at[0] == '\t') {
			if (named)
				return true;
		} else {
			named = line > size && strncasecmp((const char *)head.at, name, size) == 0;
		}
		head = slice_of(head.at + line, head.size - line);
	}
	return false;
}

bool http_is_websocket(struct slice upgrade)
{
	return upgrade.size == 9 && strncasecmp((const char *)upgrade.at, "websocket", 9) == 0;
}

/* The session's user is that of the request at hand: a connection may be shared by many (a proxy). */
static void identify(struct session *session, struct slice user, struct slice secret)
{
	if (user.at)
		name_set(&session->user, user);
	if (!secret.at)
		return;
	session->password = digest_secret(digest_salt(), secret);
	session->credential = digest_pair(digest_salt(), user.at ? user : slice_text(""), secret);
}

struct slice http_upgrade_note(struct slice protocol, struct slice extensions, struct slice path, char note[MEMO_VALUE_MAX])
{
	uint32_t size = 0;
	const char flags[] = {http_contains(extensions, "permessage-deflate") ? 'd' : '-',
			      http_contains(extensions, "client_no_context_takeover") ? 'c' : '-',
			      http_contains(extensions, "server_no_context_takeover") ? 's' : '-', 0};
	const struct slice parts[] = {slice_head(protocol, 40), {(const uint8_t *)"", 1}, {(const uint8_t *)flags, sizeof flags},
				      slice_head(path, 150)};
	for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (parts[i].size)
			memcpy(note + size, parts[i].at, parts[i].size);
		size += parts[i].size;
	}
	return slice_of(note, size);
}

static bool slice_same(struct slice a, const char *text) /* ASCII case apart; `text` begins with a small letter */
{
	return a.size && (a.at[0] | 32) == text[0] && a.size == strlen(text) && strncasecmp((const char *)a.at, text, a.size) == 0;
}

static bool is_secret(struct slice name)
{
	static const char *const names[] = {"password", "passwd", "pass", "pwd", "psw", "passphrase", "secret", "client_secret",
		"token", "access_token", "refresh_token", "auth_token", "id_token", "jwt", "api_key", "apikey", "api-key", "key",
		"auth", "sig", "signature", "sas", "pin", "loginpas", "user_password", "admin_password",
		"sharedaccesssignature", "x-amz-signature", "x-amz-security-token", "x-goog-signature"};
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_same(name, names[i]))
			return true;
	return false;
}

static bool is_user(struct slice name)
{
	static const char *const names[] = {"user", "username", "login", "email", "uname", "usr", "loginuse", "account", "user_name"};
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_same(name, names[i]))
			return true;
	return false;
}

static bool at_word(struct slice text, uint32_t at, const char *word)
{
	uint32_t size = (uint32_t)strlen(word);
	return text.size - at >= size && strncasecmp((const char *)text.at + at, word, size) == 0;
}

/* The words that begin with these two characters, the first of them a small letter or a slash. */
static bool login_word_at(struct slice path, uint32_t at, unsigned first, unsigned second)
{
	switch (first << 8 | second) {
	case 'l' << 8 | 'o':
		return at_word(path, at, "login") || at_word(path, at, "logon");
	case 's' << 8 | 'i':
		return at_word(path, at, "signin") || at_word(path, at, "sign-in") || at_word(path, at, "sign_in");
	case 'a' << 8 | 'u':
		return at_word(path, at, "authenticate");
	case '/' << 8 | 'a':
		return at_word(path, at, "/auth");
	case '/' << 8 | 's':
		return at_word(path, at, "/session");
	case '/' << 8 | 't':
		return at_word(path, at, "/token");
	case '/' << 8 | 'o':
		return at_word(path, at, "/oauth");
	default:
		return false;
	}
}

bool http_login_path(struct slice path)
{
	const uint64_t firsts = 1ull << ('/' & 63) | 1ull << ('l' & 63) | 1ull << ('s' & 63) | 1ull << ('a' & 63);
	for (uint32_t at = 0; at + 1 < path.size; at++) {
		unsigned first = path.at[at] | 32u;
		if (firsts >> (first & 63) & 1 && login_word_at(path, at, first, path.at[at + 1] | 32u))
			return true;
	}
	return false;
}

void http_fill_credentials(struct http_writing *w, struct slice user, struct slice secret, struct slice query, bool posted)
{
	struct http_event *http = &w->http;
	struct slice authorization = w->header[HTTP_HEADER_AUTHORIZATION], form_user = {0}, form_secret = {0};
	const uint8_t *space = authorization.size ? memchr(authorization.at, ' ', authorization.size) : NULL;
	if (authorization.size)
		http_set_text(&w->event, &http->auth_scheme, HTTP_BIT_AUTH,
			      slice_head(authorization, space ? (uint32_t)(space - authorization.at) : authorization.size));
	bool by_form = http_find_secret(w->form, &form_user, &form_secret);
	if (user.at) {
		http_set_text(&w->event, &http->auth_user, HTTP_BIT_AUTH_USER, user);
		identify(w->parse->session, user, secret);
	} else if (by_form || (http->url_secret && http_find_secret(query, &form_user, &form_secret))) {
		identify(w->parse->session, form_user, form_secret);
	}
	http->credentials = authorization.size || by_form || http->url_secret ||
			    w->header[HTTP_HEADER_API_KEY].size || w->header[HTTP_HEADER_AUTH_TOKEN].size;
	http->login = by_form || (posted && http_login_path(http->path));
}

bool http_injects_header(struct slice url)
{
	while (url.size) {
		const uint8_t *escape = memchr(url.at, '%', url.size);
		if (!escape)
			return false;
		uint32_t at = (uint32_t)(escape - url.at);
		if (at_word(url, at, "%0d%0a"))
			return true;
		url = slice_of(escape + 1, url.size - at - 1);
	}
	return false;
}

/* The next "name=value" of a query or form. */
static bool next_pair(struct slice *rest, struct slice *name, struct slice *value)
{
	if (!rest->size)
		return false;
	uint32_t end = 0, equals;
	while (end < rest->size && rest->at[end] != '&' && rest->at[end] != ';' && rest->at[end] != '#')
		end++;
	for (equals = 0; equals < end && rest->at[equals] != '=';)
		equals++;
	*name = slice_of(rest->at, equals);
	*value = equals < end ? slice_of(rest->at + equals + 1, end - equals - 1) : slice_of(rest->at + end, 0);
	uint32_t next = end < rest->size ? end + 1 : end;
	*rest = slice_of(rest->at + next, rest->size - next);
	return true;
}

bool http_find_secret(struct slice query, struct slice *user, struct slice *secret)
{
	struct slice name, value;
	bool found = false;
	while (next_pair(&query, &name, &value)) {
		if (is_user(name)) {
			*user = value;
		} else if (value.size && is_secret(name)) {
			*secret = value;
			found = true;
		}
	}
	return found;
}

struct writer {
	uint8_t *at;
	uint32_t size, room;
};

static void put(struct writer *w, struct slice text)
{
	uint32_t n = text.size < w->room - w->size ? text.size : w->room - w->size;
	memcpy(w->at + w->size, text.at, n);
	w->size += n;
}

/* "http://user:password@host/": where the password begins, and its length; 0 without one. */
static uint32_t authority_password(struct slice url, uint32_t *at)
{
	const uint8_t *slashes = memchr(url.at, ':', url.size) ? memmem(url.at, url.size, "://", 3) : NULL;
	uint32_t begin = slashes ? (uint32_t)(slashes - url.at) + 3 : url.size, colon = 0;
	for (uint32_t i = begin; i < url.size && url.at[i] != '/' && url.at[i] != '?'; i++) {
		if (url.at[i] == ':' && !colon)
			colon = i + 1;
		if (url.at[i] == '@' && colon) {
			*at = colon;
			return i - colon;
		}
	}
	return 0;
}

struct slice http_redact(struct slice url, uint8_t *out, uint32_t size, bool *had)
{
	static const struct slice stars = {(const uint8_t *)"***", 3};
	struct writer w = {out, 0, size};
	struct slice user, secret, name, value;
	const uint8_t *mark = memchr(url.at, '?', url.size);
	uint32_t head = mark ? (uint32_t)(mark - url.at) + 1 : url.size, at = 0;
	struct slice query = slice_of(url.at + head, url.size - head);
	uint32_t password = authority_password(slice_head(url, head), &at);
	*had = http_find_secret(query, &user, &secret);
	if (!*had && !password)
		return url;
	put(&w, slice_of(url.at, at));
	if (password)
		put(&w, stars);
	put(&w, slice_of(url.at + at + password, head - at - password));
	while (query.size) {
		const uint8_t *begin = query.at;
		next_pair(&query, &name, &value);
		put(&w, slice_of(begin, (uint32_t)(value.at - begin)));
		put(&w, value.size && is_secret(name) ? stars : value);
		put(&w, slice_of(value.at + value.size, (uint32_t)(query.at - (value.at + value.size))));
	}
	return slice_of(out, w.size);
}

/* --- is this HTTP? ------------------------------------------------------------------------------------------ */

static bool token(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || (c >= 'a' && c <= 'z');
}

static enum probe probe_response(struct slice first)
{
	static const char head[] = "HTTP/1.";
	uint32_t n = first.size < sizeof head - 1 ? first.size : sizeof head - 1;
	if (memcmp(first.at, head, n) != 0)
		return PROBE_NO;
	if (first.size < 12)
		return PROBE_MAYBE;
	for (unsigned i = 9; i < 12; i++)
		if (first.at[i] < '0' || first.at[i] > '9')
			return PROBE_NO;
	return first.at[8] == ' ' ? PROBE_SERVER : PROBE_NO;
}

/* RFC 9112 section 3: method SP request-target SP HTTP/1.x. SIP and RTSP have the same shape and another version. */
enum probe http_probe(struct slice first, uint8_t direction, uint16_t client_port, uint16_t server_port)
{
	enum { METHOD_MAX = 20, LINE_MAX = 8192 };
	(void)direction, (void)client_port, (void)server_port;
	if (first.size >= 1 && first.at[0] == 'H' && probe_response(first) != PROBE_NO)
		return probe_response(first);
	uint32_t at = 0;
	while (at < first.size && at < METHOD_MAX && token(first.at[at]))
		at++;
	if (at == first.size)
		return at && at < METHOD_MAX && first.at[0] < 'a' ? PROBE_MAYBE : PROBE_NO;
	if (at < 3 || first.at[at] != ' ')
		return PROBE_NO;
	struct slice line = slice_of(first.at + at + 1, first.size - at - 1);
	const uint8_t *end = memchr(line.at, '\n', line.size);
	if (!end) {
		for (uint32_t i = 0; i < line.size; i++)
			if (line.at[i] < 0x20 && line.at[i] != '\t' && line.at[i] != '\r')
				return PROBE_NO;
		return line.size < LINE_MAX ? PROBE_MAYBE : PROBE_NO;
	}
	line.size = (uint32_t)(end - line.at);
	while (line.size && (line.at[line.size - 1] == '\r' || line.at[line.size - 1] == ' '))
		line.size--;
	if (line.size < 8 || memcmp(line.at + line.size - 8, "HTTP/1.", 7) != 0)
		return PROBE_NO;
	return PROBE_CLIENT;
}

/* Where in the midst of a stream a message of this direction seems to begin, or may with more bytes behind it (PROBE_MAYBE);
 * PROBE_NO: not in these bytes. */
static enum probe find_head(struct slice input, uint8_t direction, uint32_t *at)
{
	static const char *const requests[] = {"GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "PATCH ", "OPTIONS ", "CONNECT ", NULL};
	static const char *const responses[] = {"HTTP/1.", NULL};
	for (*at = 0; *at < input.size; ++*at) {
		struct slice rest = slice_of(input.at + *at, input.size - *at);
		for (const char *const *word = direction == TO_SERVER ? requests : responses; *word; word++) {
			uint32_t size = (uint32_t)strlen(*word), known = rest.size < size ? rest.size : size;
			if (memcmp(rest.at, *word, known) != 0)
				continue;
			enum probe probe = known < size ? PROBE_MAYBE : http_probe(rest, direction, 0, 0);
			if (probe != PROBE_NO)
				return probe;
		}
	}
	return PROBE_NO;
}

bool http_find_message(struct slice *input, uint8_t direction, bool *lost, uint32_t *consumed)
{
	uint32_t passed = 0;
	if (!*lost)
		return true;
	enum probe probe = find_head(*input, direction, &passed);
	*consumed += passed;
	*input = slice_of(input->at + passed, input->size - passed);
	*lost = probe == PROBE_NO || probe == PROBE_MAYBE;
	return !*lost;
}

/* To Digest a nonce may be too old, which says nothing against the password (RFC 7616 section 3.3). */
static bool nonce_is_stale(struct slice asked)
{
	const uint8_t *at = asked.size ? memmem(asked.at, asked.size, "stale=", 6) : NULL;
	struct slice value = at ? slice_of(at + 6, asked.size - (uint32_t)(at + 6 - asked.at)) : (struct slice){0};
	if (value.size && value.at[0] == '"')
		value = slice_of(value.at + 1, value.size - 1);
	return value.size >= 4 && strncasecmp((const char *)value.at, "true", 4) == 0;
}

/* NTLM and Negotiate take two rounds: a 401 whose WWW-Authenticate carries the server's token is half-way (RFC 4559). */
static bool login_goes_on(struct slice asked)
{
	static const char *const schemes[] = {"NTLM ", "Negotiate "};
	for (unsigned i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (asked.size > strlen(schemes[i]) && memcmp(asked.at, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return nonce_is_stale(asked);
}

enum outcome http_login_outcome(const struct http_event *http, bool posted, struct slice asked)
{
	if (http->status == 401 && login_goes_on(asked))
		return OUTCOME_UNKNOWN;
	if (http->status == 401 || http->status == 407)
		return http->credentials || http->login || posted ? OUTCOME_FAILURE : OUTCOME_UNKNOWN;
	return http->status < 400 && http->credentials ? OUTCOME_SUCCESS : OUTCOME_UNKNOWN;
}
