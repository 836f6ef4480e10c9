#include "http_client.h"
#include "secret.h"
#include "../sensor/log.h"
#include "../sensor/steady.h"
#include <curl/curl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/mman.h>
#include <zlib.h>

enum { ANSWER_MAX = 1 << 20, HEADER_ROOM = 12288, URL_MAX = 2048, CONNECT_MS = 5000, TIMEOUT_S = 10, GZIP_FROM = 1024,
	RETRY_AFTER_MAX_S = 3600 };

struct http_client {
	char name[320];        /* "hec https://host:8088" */
	char url[URL_MAX];     /* as configured, with the kind's path and query */
	uint32_t origin_size;  /* of "https://host:8088" in it */
	const struct config_output *config;
	struct http_kind kind;
	CURL *curl;
	char error[CURL_ERROR_SIZE];
	struct secret token, password;
	char *authorization;   /* the whole header, in a room of its own; empty: none */
	struct curl_slist *connect_to;
	z_stream deflate;
	bool deflating;
	uint8_t *packed;
	uint32_t packed_room;
	uint8_t *answer;       /* ANSWER_MAX */
	uint32_t answer_size;
	bool away;             /* something was said, and all is not well since */
	char said[512];
};

/* --- memory of libcurl ---------------------------------------------------------------------------------------- */

/* libcurl copies headers, and with them the secret, into memory that it gives back as it is: here it is wiped first. What goes over
 * TLS it keeps in a large buffer as long as the connection lives: that stays out of core dumps, as the secret itself does. */
enum { PAGE = 4096, LARGE = 32768 };

static void *hiding_malloc(size_t size)
{
	if (size < LARGE)
		return malloc(size);
	size = (size + PAGE - 1) & ~(size_t)(PAGE - 1);
	void *at = aligned_alloc(PAGE, size);
	if (at)
		(void)madvise(at, size, MADV_DONTDUMP);
	return at;
}

static void wiping_free(void *at)
{
	size_t size = at ? malloc_usable_size(at) : 0;
	if (at)
		explicit_bzero(at, size);
	if (size >= LARGE && (uintptr_t)at % PAGE == 0)
		(void)madvise(at, size & ~(size_t)(PAGE - 1), MADV_DODUMP);
	free(at);
}

static void *wiping_realloc(void *at, size_t size)
{
	size_t old = at ? malloc_usable_size(at) : 0;
	void *fresh = hiding_malloc(size);
	if (!fresh)
		return NULL;
	memcpy(fresh, at ? at : fresh, old < size ? old : size);
	wiping_free(at);
	return fresh;
}

/* It writes headers on the stack as well, below the one who called it. */
static __attribute__((noinline)) void wipe_stack(void)
{
	char below[LARGE];
	explicit_bzero(below, sizeof below);
}

static void library_begin(void)
{
	curl_global_init_mem(CURL_GLOBAL_DEFAULT, hiding_malloc, wiping_free, wiping_realloc, strdup, calloc);
}

/* --- the configuration ---------------------------------------------------------------------------------------- */

/* The size of "https://host:port", 0 when it is no such URL. */
static uint32_t origin_of(const char *url)
{
	uint32_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
	uint32_t host = (uint32_t)strcspn(url + scheme, "/?#");
	return scheme && host ? scheme + host : 0;
}

static bool secure(const char *url)
{
	return strncmp(url, "https:", 6) == 0;
}

/* A URL may hold a password: it is never shown. */
static const char *url_fault(const char *url)
{
	uint32_t origin = origin_of(url);
	if (!origin)
		return "must begin with https://HOST or http://HOST";
	if (memchr(url, '@', origin))
		return "must not hold a user or password; use user: and password_file: or password_env:";
	if (strlen(url) > URL_MAX / 2)
		return "is too long";
	for (const char *at = url; *at; at++)
		if (*at <= ' ' || *at > '~' || *at == '#')
			return "must hold no spaces, #, or characters beyond ASCII";
	return NULL;
}

static bool fault(const struct config_output *config, const char *key, const char *what)
{
	log_error("%s: %s: %s", config->place, key, what);
	return false;
}

static bool text_clean(const char *text)
{
	for (; text && *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			return false;
	return true;
}

static bool token_header_valid(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == strlen(name);
}

bool http_check(const struct config_output *config, const char *name)
{
	if (!config->url) {
		log_error("%s: url: is needed for %s: https://HOST:PORT", config->place, name);
		return false;
	}
	if (url_fault(config->url))
		return fault(config, "url", url_fault(config->url));
	if (config->proxy && (!origin_of(config->proxy) || memchr(config->proxy, '@', origin_of(config->proxy))))
		return fault(config, "proxy", "must be http://HOST:PORT, without a user or password");
	if (config->tls.on && !secure(config->url))
		return fault(config, "tls", "goes with a url: of https://");
	if (config->token_header && !token_header_valid(config->token_header))
		return fault(config, "token_header", "must be the name of a header, such as X-Api-Key");
	if (!config->user != !secret_named(&config->password))
		return fault(config, "user", "goes with password_file: or password_env:, and these with user:");
	if (!text_clean(config->user) || (config->user && strchr(config->user, ':')))
		return fault(config, "user", "must hold no colon and no control characters");
	if (config->user && secret_named(&config->token))
		return fault(config, "user", "either user: and a password, or a token");
	return secret_check(&config->token, config->place, "token") && secret_check(&config->password, config->place, "password") &&
	       secret_check(&config->secret, config->place, "secret");
}

/* --- secrets -------------------------------------------------------------------------------------------------- */

static uint32_t base64(const char *in, uint32_t size, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *at = (const uint8_t *)in;
	uint32_t n = 0;
	for (uint32_t i = 0; i < size; i += 3) {
		uint32_t left = size - i, bits = (uint32_t)at[i] << 16;
		bits |= left > 1 ? (uint32_t)at[i + 1] << 8 : 0;
		bits |= left > 2 ? at[i + 2] : 0;
		out[n++] = digits[bits >> 18];
		out[n++] = digits[bits >> 12 & 63];
		out[n++] = left > 1 ? digits[bits >> 6 & 63] : '=';
		out[n++] = left > 2 ? digits[bits & 63] : '=';
	}
	return n;
}

static bool secrets_read(struct http_client *client)
{
	const struct config_output *config = client->config;
	bool good = secret_read(&client->token, &config->token, client->name, "token");
	good = secret_read(&client->password, &config->password, client->name, "password") && good;
	char *out = client->authorization;
	explicit_bzero(out, HEADER_ROOM);
	if (client->token.text && config->token_header) {
		snprintf(out, HEADER_ROOM, "%s: %s", config->token_header, client->token.text);
	} else if (client->token.text) {
		snprintf(out, HEADER_ROOM, "Authorization: %s %s", client->kind.token_scheme, client->token.text);
	} else if (client->password.text) {
		char *pair = out + HEADER_ROOM / 2; /* the other half of the room is for the moment */
		uint32_t size = (uint32_t)snprintf(pair, HEADER_ROOM / 2, "%.1024s:%s", config->user, client->password.text);
		char *plain = secret_room(HEADER_ROOM / 2);
		if (!plain)
			return false;
		memcpy(plain, pair, size);
		explicit_bzero(pair, size);
		uint32_t head = (uint32_t)snprintf(out, HEADER_ROOM, "Authorization: Basic ");
		out[head + base64(plain, size, out + head)] = 0;
		secret_room_give(plain, HEADER_ROOM / 2);
	}
	return good;
}

/* --- life ----------------------------------------------------------------------------------------------------- */

static size_t on_answer(char *at, size_t one, size_t size, void *context)
{
	struct http_client *client = context;
	size_t room = ANSWER_MAX - client->answer_size, take = size < room ? size : room;
	(void)one;
	memcpy(client->answer + client->answer_size, at, take);
	client->answer_size += (uint32_t)take;
	return size;
}

/* libcurl verifies the name in the URL. Another one, by `server_name`, takes its place there, and the connection goes to where it
 * was to go. */
static bool set_server_name(struct http_client *client)
{
	const char *name = client->config->tls.server_name;
	char host[256], port[16] = "443", rule[800], rest[URL_MAX - 320];
	if (!name || !secure(client->url))
		return true;
	snprintf(host, sizeof host, "%.*s", (int)(client->origin_size - 8), client->url + 8);
	char *colon = strrchr(host, ':');
	if (colon && !strchr(colon, ']')) {
		snprintf(port, sizeof port, "%s", colon + 1);
		*colon = 0;
	}
	snprintf(rest, sizeof rest, "%s", client->url + client->origin_size);
	int origin = snprintf(client->url, sizeof client->url, "https://%.250s:%s", name, port);
	client->origin_size = (uint32_t)origin;
	snprintf(client->url + origin, sizeof client->url - (size_t)origin, "%s", rest);
	snprintf(rule, sizeof rule, "::%s:%s", host, port);
	client->connect_to = curl_slist_append(NULL, rule);
	return client->connect_to && curl_easy_setopt(client->curl, CURLOPT_CONNECT_TO, client->connect_to) == CURLE_OK;
}

static bool set_tls(struct http_client *client)
{
	const struct config_tls *tls = &client->config->tls;
	bool verify = !tls->on || tls->verify;
	CURLcode bad = curl_easy_setopt(client->curl, CURLOPT_SSL_VERIFYPEER, (long)verify);
	bad |= curl_easy_setopt(client->curl, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	bad |= curl_easy_setopt(client->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (tls->ca)
		bad |= curl_easy_setopt(client->curl, CURLOPT_CAINFO, tls->ca);
	if (tls->certificate)
		bad |= curl_easy_setopt(client->curl, CURLOPT_SSLCERT, tls->certificate);
	if (tls->key)
		bad |= curl_easy_setopt(client->curl, CURLOPT_SSLKEY, tls->key);
	return bad == CURLE_OK && set_server_name(client);
}

static bool set_all(struct http_client *client)
{
	const struct config_output *config = client->config;
	CURL *curl = client->curl;
	uint32_t seconds = config->timeout_s ? config->timeout_s : TIMEOUT_S;
	CURLcode bad = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	bad |= curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	bad |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	bad |= curl_easy_setopt(curl, CURLOPT_PROXY, config->proxy ? config->proxy : "");
	bad |= curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
	bad |= curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	bad |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	bad |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)seconds * 1000);
	bad |= curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
	bad |= curl_easy_setopt(curl, CURLOPT_USERAGENT, "thingwarden/" TW_VERSION);
	return bad == CURLE_OK && set_tls(client);
}

static bool connection_new(struct http_client *client)
{
	const char *url = client->config->url, *path = client->kind.path, *query = client->kind.query;
	if (client->curl)
		curl_easy_cleanup(client->curl);
	curl_slist_free_all(client->connect_to);
	client->connect_to = NULL;
	client->origin_size = origin_of(url);
	uint32_t size = (uint32_t)strcspn(url, "?");
	while (size > client->origin_size && url[size - 1] == '/')
		size--;
	bool add = path && (client->kind.below || size == client->origin_size);
	snprintf(client->url, sizeof client->url, "%.*s%s%s", add ? (int)size : (int)strcspn(url, "?"), url, add ? path : "",
		 query ? query : strchr(url, '?') ? strchr(url, '?') : "");
	client->curl = curl_easy_init();
	if (client->curl && set_all(client))
		return true;
	log_error("%s: libcurl cannot be set up", client->name);
	return false;
}

static bool packing_open(struct http_client *client, uint32_t room)
{
	enum { GZIP = 15 + 16 };
	if (!client->kind.gzip || client->config->plain)
		return true;
	if (deflateInit2(&client->deflate, Z_BEST_SPEED, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	client->deflating = true;
	client->packed_room = (uint32_t)deflateBound(&client->deflate, room);
	client->packed = malloc(client->packed_room);
	return client->packed != NULL;
}

struct http_client *http_open(const struct config_output *config, const struct http_kind *kind, uint32_t room)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, library_begin);
	struct http_client *client = calloc(1, sizeof *client);
	if (!client)
		return NULL;
	client->config = config;
	client->kind = *kind;
	snprintf(client->name, sizeof client->name, "%s %.*s", kind->name, (int)origin_of(config->url), config->url);
	client->authorization = secret_room(HEADER_ROOM);
	client->answer = malloc(ANSWER_MAX);
	if (!client->authorization || !client->answer || !packing_open(client, room))
		log_error("%s: no memory", client->name);
	else if (secrets_read(client) && connection_new(client)) {
		if (config->tls.on && !config->tls.verify)
			log_note("%s: `verify: false`: whoever answers there is believed to be the receiver", client->name);
		return client;
	}
	http_close(client);
	return NULL;
}

void http_close(struct http_client *client)
{
	if (!client)
		return;
	if (client->curl)
		curl_easy_cleanup(client->curl);
	curl_slist_free_all(client->connect_to);
	if (client->deflating)
		deflateEnd(&client->deflate);
	secret_close(&client->token);
	secret_close(&client->password);
	secret_room_give(client->authorization, HEADER_ROOM);
	free(client->packed);
	free(client->answer);
	free(client);
}

bool http_reopen(struct http_client *client)
{
	bool good = secrets_read(client);
	*client->said = 0;
	return connection_new(client) && good;
}

/* --- a request ------------------------------------------------------------------------------------------------ */

static bool pack(struct http_client *client, struct slice *body)
{
	if (!client->deflating || body->size < GZIP_FROM)
		return false;
	union { const uint8_t *in; uint8_t *at; } input = {body->at}; /* zlib takes no const, and writes nothing there */
	deflateReset(&client->deflate);
	client->deflate.next_in = input.at;
	client->deflate.avail_in = body->size;
	client->deflate.next_out = client->packed;
	client->deflate.avail_out = client->packed_room;
	if (deflate(&client->deflate, Z_FINISH) != Z_STREAM_END)
		return false;
	*body = slice_of(client->packed, client->packed_room - client->deflate.avail_out);
	return true;
}

static void set_url(struct http_client *client, const char *path)
{
	char url[URL_MAX];
	snprintf(url, sizeof url, "%.*s%s", (int)client->origin_size, client->url, path);
	curl_easy_setopt(client->curl, CURLOPT_URL, path ? url : client->url);
}

/* The list is made here: libcurl's own would be a copy of the secret. */
static void add_header(struct curl_slist *list, unsigned *count, char *text)
{
	list[*count] = (struct curl_slist){text, NULL};
	if (*count)
		list[*count - 1].next = &list[*count];
	++*count;
}

static CURLcode perform(struct http_client *client, const struct http_request *request)
{
	static char no_expect[] = "Expect:", gzip[] = "Content-Encoding: gzip";
	struct curl_slist headers[HTTP_HEADERS_MAX + 5];
	struct slice body = request->body;
	char type[128], lines[HTTP_HEADERS_MAX][256], host[300];
	unsigned count = 0;
	snprintf(type, sizeof type, "Content-Type: %s", request->content_type);
	add_header(headers, &count, type);
	add_header(headers, &count, no_expect); /* no waiting for "100 Continue" */
	if (client->connect_to) {
		uint32_t scheme = 8, size = origin_of(client->config->url) - scheme;
		snprintf(host, sizeof host, "Host: %.*s", (int)size, client->config->url + scheme);
		add_header(headers, &count, host);
	}
	if (*client->authorization)
		add_header(headers, &count, client->authorization);
	if (pack(client, &body))
		add_header(headers, &count, gzip);
	for (unsigned i = 0; i < HTTP_HEADERS_MAX && request->headers[i]; i++) {
		snprintf(lines[i], sizeof lines[i], "%s", request->headers[i]);
		add_header(headers, &count, lines[i]);
	}
	set_url(client, request->path);
	curl_easy_setopt(client->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body.at);
	curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE, (long)body.size);
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
	client->answer_size = 0;
	*client->error = 0;
	CURLcode code = curl_easy_perform(client->curl);
	wipe_stack();
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL); /* they end with this call */
	curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, NULL);
	return code;
}

/* A kept connection may have been closed by the receiver in the meantime: libcurl tries a fresh one by itself. */
void http_post(struct http_client *client, const struct http_request *request, struct http_answer *answer)
{
	long status = 0;
	curl_off_t wait = 0;
	CURLcode code = perform(client, request);
	*answer = (struct http_answer){.body = {client->answer, client->answer_size}};
	if (code != CURLE_OK) {
		char said[CURL_ERROR_SIZE];
		snprintf(said, sizeof said, "%s", *client->error ? client->error : curl_easy_strerror(code));
		for (char *at = said; *at; at++) /* "after 12 ms" would be a new message each time */
			if (strncmp(at, " after ", 7) == 0 && strchr("0123456789", at[7]))
				*at-- = 0;
		http_complain(client, "%s; what is to be sent waits", said);
		return;
	}
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &wait);
	answer->status = (int)status;
	answer->retry_after_ms = (uint32_t)(wait < 0 ? 0 : wait > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : wait) * 1000;
}

/* A receiver's words may be part of it. */
static void compose(const struct http_client *client, char *text, size_t room, const char *format, va_list arguments)
{
	vsnprintf(text, room, format, arguments);
	const char *const secrets[] = {client->token.text, client->password.text};
	for (unsigned i = 0; i < 2; i++)
		if (secrets[i] && strstr(text, secrets[i]))
			snprintf(text, room, "the receiver refuses, and sends the secret back: its words are not shown");
	for (char *at = text; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
}

void http_complain(struct http_client *client, const char *format, ...)
{
	char text[sizeof client->said];
	va_list arguments;
	va_start(arguments, format);
	compose(client, text, sizeof text, format, arguments);
	va_end(arguments);
	if (strcmp(text, client->said) != 0)
		log_error("%s: %s", client->name, text);
	memcpy(client->said, text, sizeof text);
	client->away = true;
}

void http_remark(struct http_client *client, const char *format, ...)
{
	char text[sizeof client->said];
	va_list arguments;
	va_start(arguments, format);
	compose(client, text, sizeof text, format, arguments);
	va_end(arguments);
	log_error("%s: %s", client->name, text);
}

void http_fine(struct http_client *client)
{
	if (client->away)
		log_note("%s: is well again", client->name);
	client->away = false;
	*client->said = 0;
}

bool http_time_left(const struct http_client *client, uint64_t began_ms)
{
	uint32_t seconds = client->config->timeout_s ? client->config->timeout_s : TIMEOUT_S;
	return steady_ms() - began_ms + seconds * 1000ull <= (LIMIT_SEND_S - 1) * 1000ull;
}

enum http_verdict http_verdict(const struct http_answer *answer)
{
	int status = answer->status;
	if (status >= 200 && status < 300)
		return HTTP_OK;
	/* A redirect is not followed: a person has to look at it, as at a wrong path or a wrong secret. */
	if ((status >= 300 && status < 400) || status == 401 || status == 403 || status == 404 || status == 405 || status == 407)
		return HTTP_DENIED;
	if (status == 413)
		return HTTP_TOO_LARGE;
	if (status < 200 || status == 408 || status == 425 || status == 429 || status >= 500)
		return HTTP_AGAIN;
	return HTTP_REFUSED;
}
