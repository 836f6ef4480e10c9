#include "wire.h"
#include "tls_client.h"
#include "../sensor/log.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECT_MS = 5000, STALL_MS = 2000, FINISH_MS = 5000, SEND_BUFFER = 1 << 17, USER_TIMEOUT_MS = 10000, ADDRESSES_MAX = 8 };

struct wire {
	enum wire_kind kind;
	const char *address, *who;
	char host[256], port[32];
	const struct config_tls *config;
	struct tls_client *tls; /* NULL: none */
	int socket;             /* -1: none */
	bool stream;
	bool away, told_long;   /* said once */
	bool look_up;           /* every address failed: the name may lead elsewhere now */
	unsigned count, turn;
	struct { struct sockaddr_storage at; socklen_t size; } addresses[ADDRESSES_MAX];
};

/* --- names ------------------------------------------------------------------------------------------------------ */

/* HOST, HOST:PORT, [V6]:PORT or a bare V6. */
static void split_address(struct wire *w, const char *port)
{
	const char *text = w->address, *colon = strrchr(text, ':');
	bool bare_v6 = colon && *text != '[' && memchr(text, ':', (size_t)(colon - text));
	if (colon && !bare_v6 && (*text != '[' || colon[-1] == ']'))
		snprintf(w->port, sizeof w->port, "%s", colon + 1);
	else {
		snprintf(w->port, sizeof w->port, "%s", port);
		colon = text + strlen(text);
	}
	bool brackets = *text == '[' && colon > text && colon[-1] == ']';
	snprintf(w->host, sizeof w->host, "%.*s", (int)(colon - text) - 2 * brackets, text + brackets);
}

static bool local_address(struct wire *w)
{
	struct sockaddr_un *at = (struct sockaddr_un *)&w->addresses[0].at;
	if (strlen(w->address) >= sizeof at->sun_path) {
		log_error("%s: %s", w->who, strerror(ENAMETOOLONG));
		return false;
	}
	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(at->sun_path, w->address, strlen(w->address));
	w->addresses[0].size = sizeof *at;
	w->count = 1;
	return true;
}

static bool look_up(struct wire *w)
{
	const struct addrinfo hints = {.ai_socktype = w->stream ? SOCK_STREAM : SOCK_DGRAM};
	struct addrinfo *found;
	if (w->kind == WIRE_UNIX)
		return local_address(w);
	int error = getaddrinfo(w->host, w->port, &hints, &found);
	if (error) {
		if (!w->away)
			log_error("%s: %s", w->who, gai_strerror(error));
		return false;
	}
	w->count = w->turn = 0;
	for (const struct addrinfo *at = found; at && w->count < ADDRESSES_MAX; at = at->ai_next) {
		memcpy(&w->addresses[w->count].at, at->ai_addr, at->ai_addrlen);
		w->addresses[w->count++].size = at->ai_addrlen;
	}
	freeaddrinfo(found);
	return true;
}

/* --- the connection --------------------------------------------------------------------------------------------- */

static void drop(struct wire *w)
{
	if (w->tls)
		tls_client_end(w->tls);
	if (w->socket >= 0)
		close(w->socket);
	w->socket = -1;
}

static void tell_away(struct wire *w, const char *why)
{
	if (!w->away)
		log_error("%s: %s; what is to be sent waits", w->who, why);
	w->away = true;
}

static bool wait_for(const struct wire *w, short events, int ms)
{
	struct pollfd poll_for = {w->socket, events, 0};
	int n;
	do
		n = poll(&poll_for, 1, ms);
	while (n < 0 && errno == EINTR);
	return n > 0;
}

static bool finish_connect(struct wire *w, const char **why)
{
	int error = 0;
	socklen_t size = sizeof error;
	if (!wait_for(w, POLLOUT, CONNECT_MS))
		error = ETIMEDOUT;
	else if (getsockopt(w->socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		error = errno;
	*why = strerror(error);
	return !error;
}

static void set_options(const struct wire *w)
{
	unsigned timeout = USER_TIMEOUT_MS;
	int one = 1, buffer = SEND_BUFFER; /* what it holds is lost with the connection */
	if (!w->stream || w->kind == WIRE_UNIX)
		return;
	setsockopt(w->socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
	setsockopt(w->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(w->socket, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
	setsockopt(w->socket, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
}

static bool connect_to(struct wire *w, unsigned address, const char **why)
{
	const struct sockaddr *at = (const struct sockaddr *)&w->addresses[address].at;
	w->socket = socket(at->sa_family, (w->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool good = w->socket >= 0;
	if (good) {
		set_options(w);
		good = connect(w->socket, at, w->addresses[address].size) == 0;
	}
	*why = strerror(errno);
	if (!good && w->socket >= 0 && errno == EPROTOTYPE && w->kind == WIRE_UNIX && !w->stream) {
		drop(w);
		w->stream = true;
		return connect_to(w, address, why);
	}
	if (!good && w->socket >= 0 && errno == EINPROGRESS)
		good = finish_connect(w, why);
	if (good && w->tls)
		good = tls_client_begin(w->tls, w->socket, CONNECT_MS, why);
	return good;
}

/* A name with several addresses is away when all of them are. */
static bool connect_any(struct wire *w)
{
	const char *why = "";
	if (w->look_up)
		w->look_up = !look_up(w);
	for (unsigned i = 0; i < w->count; i++) {
		if (connect_to(w, w->turn, &why))
			return true;
		char copy[256];
		snprintf(copy, sizeof copy, "%s", why);
		drop(w);
		w->turn = (w->turn + 1) % w->count;
		if (i + 1 == w->count)
			tell_away(w, copy);
	}
	w->look_up = w->kind != WIRE_UNIX;
	return false;
}

/* A receiver of messages never answers: what comes from it is its end. */
static bool is_alive(struct wire *w, const char **why)
{
	char bytes[64];
	ssize_t n;
	if (w->tls)
		return tls_client_alive(w->tls, why);
	if (!w->stream)
		return true;
	do
		n = recv(w->socket, bytes, sizeof bytes, MSG_DONTWAIT);
	while (n > 0);
	*why = n == 0 ? "the receiver closed the connection" : strerror(errno);
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

/* It was there a moment ago: that it is away is said when it cannot be reached. */
static enum wire_sent lose(struct wire *w)
{
	drop(w);
	w->turn = w->count ? (w->turn + 1) % w->count : 0;
	return WIRE_LOST;
}

static ssize_t write_some(struct wire *w, const char *at, uint32_t size, short *events)
{
	const char *why;
	*events = POLLOUT;
	if (w->tls)
		return tls_client_write(w->tls, at, size, events, &why);
	ssize_t n = send(w->socket, at, size, MSG_NOSIGNAL);
	return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static enum wire_sent send_stream(struct wire *w, const char *at, uint32_t size, uint32_t *taken)
{
	while (*taken < size) {
		short events;
		ssize_t n = write_some(w, at + *taken, size - *taken, &events);
		if (n < 0)
			return lose(w);
		*taken += (uint32_t)n;
		if (n == 0 && !wait_for(w, events, STALL_MS))
			return WIRE_LATER;
	}
	return WIRE_SENT;
}

static enum wire_sent send_datagram(struct wire *w, const char *at, uint32_t size, uint32_t *taken)
{
	for (unsigned tries = 0; tries < 3; tries++) {
		if (send(w->socket, at, size, MSG_NOSIGNAL) >= 0) {
			*taken = size;
			return WIRE_SENT;
		}
		if (errno == EMSGSIZE) {
			if (!w->told_long)
				log_error("%s: a record of %u bytes is too long for a datagram and is not sent; use tcp", w->who, size);
			w->told_long = true;
			return WIRE_TOO_LONG;
		}
		if (errno == EAGAIN || errno == ENOBUFS)
			(void)wait_for(w, POLLOUT, STALL_MS);
		else if (errno != EINTR) { /* "refused" is the answer to the datagram before this one, which is lost */
			tell_away(w, strerror(errno));
			return lose(w);
		}
	}
	return WIRE_LATER;
}

enum wire_sent wire_send(struct wire *w, const char *at, uint32_t size, uint32_t *taken)
{
	const char *why;
	if (w->socket >= 0 && !is_alive(w, &why))
		return lose(w);
	if (w->socket < 0 && *taken)
		return WIRE_LOST;
	bool borders = wire_keeps_borders(w);
	if (w->socket < 0 && !connect_any(w))
		return WIRE_LATER;
	if (borders != wire_keeps_borders(w))
		return WIRE_LOST; /* the socket turned out to be one of streams: the message needs its frame */
	enum wire_sent sent = w->stream ? send_stream(w, at, size, taken) : send_datagram(w, at, size, taken);
	if (sent == WIRE_SENT && w->away && w->kind != WIRE_UDP) { /* a datagram that was sent proves nothing */
		log_note("%s: is back", w->who);
		w->away = false;
	}
	return sent;
}

bool wire_check(struct wire *w)
{
	const char *why;
	if (w->socket < 0 || is_alive(w, &why))
		return true;
	lose(w);
	return false;
}

/* We say that no more comes; a receiver that then says the same has read everything before. */
bool wire_finish(struct wire *w)
{
	char bytes[256];
	bool good = wire_check(w);
	if (w->socket >= 0 && w->stream) {
		if (w->tls)
			tls_client_end(w->tls);
		ssize_t n = shutdown(w->socket, SHUT_WR) == 0;
		while (n > 0 && wait_for(w, POLLIN, FINISH_MS))
			n = recv(w->socket, bytes, sizeof bytes, MSG_DONTWAIT);
		good = n >= 0;
	}
	drop(w);
	return good;
}

/* --- life ------------------------------------------------------------------------------------------------------- */

struct wire *wire_open(enum wire_kind kind, const char *address, const char *port, const struct config_tls *tls, const char *who)
{
	struct wire *w = calloc(1, sizeof *w);
	if (!w)
		return NULL;
	w->kind = kind;
	w->address = address;
	w->who = who;
	w->socket = -1;
	w->stream = kind == WIRE_TCP || kind == WIRE_TLS;
	w->config = tls;
	if (kind != WIRE_UNIX)
		split_address(w, port);
	if (kind == WIRE_TLS)
		w->tls = tls_client_open(tls, w->host, who);
	if ((kind != WIRE_TLS || w->tls) && look_up(w))
		return w;
	wire_close(w);
	return NULL;
}

void wire_close(struct wire *w)
{
	if (!w)
		return;
	drop(w);
	tls_client_close(w->tls);
	free(w);
}

bool wire_reopen(struct wire *w)
{
	drop(w);
	w->stream = w->kind == WIRE_TCP || w->kind == WIRE_TLS;
	if (w->kind == WIRE_TLS) {
		struct tls_client *fresh = tls_client_open(w->config, w->host, w->who);
		if (!fresh)
			return false; /* the old certificates go on */
		tls_client_close(w->tls);
		w->tls = fresh;
	}
	return look_up(w);
}

bool wire_keeps_borders(const struct wire *w)
{
	return !w->stream;
}
