#include "listen.h"
#include "limits.h"
#include "log.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEERS = 64, MESSAGE = LIMIT_LOG_RECORD };

/* One sender over TCP. */
struct peer {
	int socket;      /* -1: free */
	bool ended;      /* it will send no more: what is left is a message */
	bool skipping;   /* the rest of a message that was cut */
	uint64_t skip;   /* ... so many octets, when they were counted */
	uint32_t start, end;
	uint64_t used;   /* when it last said something: the one that was silent longest makes room */
	uint8_t bytes[2 * MESSAGE];
};

struct listener {
	const char *address;
	int socket;
	bool stream;
	unsigned turn;
	uint64_t calls;
	uint8_t datagram[MESSAGE + 1];
	struct peer *peers;
};

/* --- opening ---------------------------------------------------------------------------------------------------- */

static bool split(const char *address, bool *stream, char host[64], char port[8])
{
	if (strncmp(address, "udp://", 6) != 0 && strncmp(address, "tcp://", 6) != 0)
		return false;
	*stream = address[0] == 't';
	const char *at = address + 6, *colon = strrchr(at, ':');
	if (!colon || colon == at || strlen(colon + 1) < 1 || strlen(colon + 1) > 5 || (size_t)(colon - at) >= 64)
		return false;
	bool bracket = at[0] == '[' && colon[-1] == ']';
	snprintf(host, 64, "%.*s", (int)(colon - at) - 2 * bracket, at + bracket);
	snprintf(port, 8, "%s", colon + 1);
	return true;
}

static int bind_to(const struct addrinfo *to, bool stream)
{
	int on = 1, s = socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to->ai_protocol);
	if (s < 0)
		return -1;
	if (stream)
		(void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	else
		(void)setsockopt(s, SOL_SOCKET, SO_RCVBUF, &(int){4 << 20}, sizeof(int));
	if (bind(s, to->ai_addr, to->ai_addrlen) == 0 && (!stream || listen(s, 16) == 0))
		return s;
	int error = errno;
	close(s);
	errno = error;
	return -1;
}

static bool open_socket(struct listener *l)
{
	char host[64], port[8];
	struct addrinfo *found = NULL;
	if (!split(l->address, &l->stream, host, port)) {
		log_error("listen %s: valid is udp://ADDRESS:PORT or tcp://ADDRESS:PORT", l->address);
		return false;
	}
	const struct addrinfo hints = {.ai_socktype = l->stream ? SOCK_STREAM : SOCK_DGRAM,
				       .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	int error = getaddrinfo(host, port, &hints, &found);
	if (error) {
		log_error("listen %s: %s", l->address, gai_strerror(error));
		return false;
	}
	l->socket = bind_to(found, l->stream);
	freeaddrinfo(found);
	if (l->socket < 0)
		log_error("listen %s: %s", l->address, strerror(errno));
	return l->socket >= 0;
}

struct listener *listener_open(const char *address)
{
	struct listener *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->address = address;
	l->socket = -1;
	if (open_socket(l) && (!l->stream || (l->peers = calloc(PEERS, sizeof *l->peers)))) {
		for (unsigned i = 0; l->stream && i < PEERS; i++)
			l->peers[i].socket = -1;
		return l;
	}
	listener_close(l);
	return NULL;
}

void listener_close(struct listener *l)
{
	if (!l)
		return;
	for (unsigned i = 0; l->peers && i < PEERS; i++)
		if (l->peers[i].socket >= 0)
			close(l->peers[i].socket);
	if (l->socket >= 0)
		close(l->socket);
	free(l->peers);
	free(l);
}

/* --- messages --------------------------------------------------------------------------------------------------- */

static struct slice trimmed(struct slice message)
{
	while (message.size && (message.at[message.size - 1] == '\n' || message.at[message.size - 1] == '\r' ||
				message.at[message.size - 1] == 0))
		message.size--;
	return message;
}

static bool next_datagram(struct listener *l, struct slice *message, bool *cut)
{
	ssize_t n = recv(l->socket, l->datagram, sizeof l->datagram, 0);
	if (n < 0)
		return false;
	*cut = n > MESSAGE;
	*message = trimmed(slice_of(l->datagram, (uint32_t)(n > MESSAGE ? MESSAGE : n)));
	return true;
}

static void accept_peers(struct listener *l)
{
	int s;
	while ((s = accept4(l->socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct peer *room = &l->peers[0];
		for (unsigned i = 0; i < PEERS && room->socket >= 0; i++)
			if (l->peers[i].socket < 0 || l->peers[i].used < room->used)
				room = &l->peers[i];
		if (room->socket >= 0)
			close(room->socket);
		memset(room, 0, offsetof(struct peer, bytes));
		room->socket = s;
		room->used = ++l->calls;
	}
}

static void receive(struct listener *l, struct peer *p)
{
	if (p->start == p->end)
		p->start = p->end = 0;
	if (p->start && p->end == sizeof p->bytes) {
		memmove(p->bytes, p->bytes + p->start, p->end - p->start);
		p->end -= p->start;
		p->start = 0;
	}
	if (p->end == sizeof p->bytes || p->ended)
		return;
	ssize_t n = recv(p->socket, p->bytes + p->end, sizeof p->bytes - p->end, 0);
	if (n > 0) {
		p->end += (uint32_t)n;
		p->used = ++l->calls;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		p->ended = true;
	}
}

/* The rest of a message that was longer than a record may be. */
static void skip(struct peer *p)
{
	uint32_t left = p->end - p->start;
	if (p->skip) {
		uint32_t n = p->skip < left ? (uint32_t)p->skip : left;
		p->skip -= n;
		p->start += n;
		p->skipping = p->skip > 0;
		return;
	}
	const uint8_t *end = memchr(p->bytes + p->start, '\n', left);
	p->start = end ? (uint32_t)(end - p->bytes) + 1 : p->end;
	p->skipping = !end;
}

static struct slice take(struct peer *p, uint32_t before, uint32_t size, uint32_t behind)
{
	struct slice message = slice_of(p->bytes + p->start + before, size);
	p->start += before + size + behind;
	return trimmed(message);
}

/* "123 <13>1 ...": a number, a blank, so many octets. Returns the digits and the blank, 0 when it does not begin so. */
static uint32_t octet_count(const struct peer *p, uint64_t *octets)
{
	uint32_t n = 0, left = p->end - p->start;
	const uint8_t *at = p->bytes + p->start;
	for (*octets = 0; n < left && n < 10 && at[n] >= '0' && at[n] <= '9'; n++)
		*octets = *octets * 10 + (uint64_t)(at[n] - '0');
	return n && n < left && at[n] == ' ' && at[0] != '0' ? n + 1 : 0;
}

static bool peer_message(struct peer *p, struct slice *message, bool *cut)
{
	uint64_t octets;
	if (p->skipping)
		skip(p);
	uint32_t left = p->end - p->start, head;
	if (p->skipping || !left)
		return false;
	if ((head = octet_count(p, &octets))) {
		*cut = octets > MESSAGE;
		uint32_t size = *cut ? MESSAGE : (uint32_t)octets;
		if (left - head < size && !p->ended)
			return false;
		size = left - head < size ? left - head : size;
		*message = take(p, head, size, 0);
		p->skip = *cut ? octets - size : 0;
		p->skipping = *cut;
		return true;
	}
	const uint8_t *end = memchr(p->bytes + p->start, '\n', left);
	uint32_t size = end ? (uint32_t)(end - p->bytes) - p->start : left;
	*cut = size > MESSAGE;
	if (!end && !*cut && !p->ended)
		return false;
	*message = take(p, 0, *cut ? MESSAGE : size, !*cut && end);
	p->skipping = *cut;
	p->skip = 0;
	return true;
}

bool listener_next(struct listener *l, struct slice *message, bool *cut)
{
	*cut = false;
	if (!l->stream)
		return next_datagram(l, message, cut);
	accept_peers(l);
	for (unsigned tried = 0; tried < PEERS; tried++) {
		struct peer *p = &l->peers[l->turn % PEERS];
		if (p->socket >= 0) {
			if (peer_message(p, message, cut))
				return true; /* it goes on being its turn */
			receive(l, p);
			if (peer_message(p, message, cut))
				return true;
			if (p->ended && p->start == p->end) {
				close(p->socket);
				p->socket = -1;
			}
		}
		l->turn++;
	}
	return false;
}
