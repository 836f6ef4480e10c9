/* syslog: RFC 5424 messages over UDP (RFC 5426) or TCP (RFC 6587, octet counting or newlines).
 *
 *    <PRI>1 TIMESTAMP HOSTNAME thingwarden PROCID alert [thingwarden@32473 rule="..." level="..." ...] MSG
 *
 * MSG is the record as its format wrote it. Neither transport acknowledges: over UDP a message may be lost without a trace, over
 * TCP what the receiver's system had taken when its program died is lost. What was being written is written again. */
#include "json.h"
#include "output.h"
#include "../sensor/config.h"
#include "../sensor/log.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_MAX = 1 << 19, HEAD_MAX = 4096, WAIT_MS = 100, BACK_OFF_MS = 500, USER_TIMEOUT_MS = 10000, ADDRESSES_MAX = 8 };

struct syslog {
	char receiver[320]; /* "syslog udp HOST:PORT", for messages */
	const char *address;
	bool stream, counting; /* TCP; octet counting */
	bool away, oversize;   /* said once */
	bool stalled;          /* takes nothing now: no more waiting for it */
	unsigned facility;
	int socket;            /* -1: none */
	bool connecting;
	uint64_t again_ms;     /* not before: back-off */
	unsigned address_count, turn, tried;
	struct { struct sockaddr_storage at; socklen_t size; } addresses[ADDRESSES_MAX];
	char host[256];
	/* The message at hand, what it was made of, and how much of it was written. */
	uint64_t of_id, of_ns;
	uint32_t of_bytes;
	uint32_t size, written;
	char frame[FRAME_MAX];
};

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- the message -------------------------------------------------------------------------------------------- */

static uint32_t add(char *out, uint32_t n, const char *format, ...) __attribute__((format(printf, 3, 4)));
static uint32_t add(char *out, uint32_t n, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int m = vsnprintf(out + n, HEAD_MAX - n, format, arguments);
	va_end(arguments);
	return m > 0 && (uint32_t)m < HEAD_MAX - n ? n + (uint32_t)m : HEAD_MAX - 1;
}

/* PARAM-VALUE (RFC 5424 section 6.3.3): UTF-8, with a backslash before ", \ and ]. */
static uint32_t add_param(char *out, uint32_t n, const char *name, struct slice value)
{
	char safe[256];
	uint32_t size = text_escape(value, safe, sizeof safe);
	n = add(out, n, " %s=\"", name);
	for (uint32_t i = 0; i < size && n + 8 < HEAD_MAX; i++) {
		if (safe[i] == '"' || safe[i] == '\\' || safe[i] == ']')
			out[n++] = '\\';
		out[n++] = safe[i];
	}
	return add(out, n, "\"");
}

static uint32_t add_address(char *out, uint32_t n, const char *name, const struct address *address)
{
	char text[ADDRESS_TEXT_MAX];
	return add_param(out, n, name, slice_of(text, address_format(address, text)));
}

/* 32473 is the enterprise number that IANA keeps for examples (RFC 5612): this project has none of its own. */
static uint32_t add_structured(char *out, uint32_t n, const struct record *r)
{
	if (!r->is_alert)
		return add(out, n, "-");
	n = add(out, n, "[thingwarden@32473");
	n = add_param(out, n, "rule", slice_text(r->rule));
	n = add_param(out, n, "level", slice_text(level_name(r->level)));
	n = add(out, n, " id=\"%016llx\" update=\"%u\"", (unsigned long long)r->id, r->update);
	n = add_address(out, n, "src_ip", &r->client);
	n = add(out, n, " src_port=\"%u\"", r->client_port);
	n = add_address(out, n, "dest_ip", &r->server);
	n = add(out, n, " dest_port=\"%u\"", r->server_port);
	if (r->client_id.known)
		n = add_param(out, n, "client_id", name_slice(&r->client_id));
	if (r->user.known)
		n = add_param(out, n, "user", name_slice(&r->user));
	return add(out, n, "]");
}

static uint32_t head_write(const struct syslog *self, const struct record *r, char *out)
{
	/* informational, notice, warning, error, critical of RFC 5424 section 6.2.1 */
	static const unsigned severities[] = {6, 5, 4, 3, 2};
	char stamp[40];
	uint32_t size = text_time(r->time_ns, stamp), n;
	n = add(out, 0, "<%u>1 %.*sZ %s thingwarden %d %s ", self->facility * 8 + severities[r->level], (int)(size - 5), stamp,
		self->host, (int)getpid(), r->is_alert ? "alert" : "event");
	n = add_structured(out, n, r);
	return add(out, n, " ");
}

/* False when the record is too long for a message. A newline within ends a message in one framing and is noise in the other. */
static bool frame_write(struct syslog *self, const struct record *r)
{
	char head[HEAD_MAX], count[16] = "";
	uint32_t head_size = head_write(self, r, head), count_size = 0;
	uint64_t size = (uint64_t)head_size + r->bytes.size;
	if (size + sizeof count + 1 > FRAME_MAX)
		return false;
	if (self->stream && self->counting)
		count_size = (uint32_t)snprintf(count, sizeof count, "%u ", (unsigned)size);
	memcpy(self->frame, count, count_size);
	memcpy(self->frame + count_size, head, head_size);
	char *message = self->frame + count_size + head_size;
	memcpy(message, r->bytes.at, r->bytes.size);
	for (char *at = message; (at = memchr(at, '\n', (size_t)(message + r->bytes.size - at)));)
		*at = ' ';
	self->of_bytes = r->bytes.size;
	self->of_id = r->id;
	self->of_ns = r->time_ns;
	self->size = count_size + head_size + r->bytes.size;
	if (self->stream && !self->counting)
		self->frame[self->size++] = '\n';
	return true;
}

/* --- the connection ----------------------------------------------------------------------------------------- */

static void lose(struct syslog *self, const char *why)
{
	if (self->socket >= 0)
		close(self->socket);
	self->socket = -1;
	self->connecting = false;
	self->stalled = false;
	self->written = 0;
	self->turn = (self->turn + 1) % self->address_count;
	self->again_ms = 0;
	if (++self->tried < self->address_count) /* a name with several addresses is away when all of them are */
		return;
	self->tried = 0;
	self->again_ms = now_ms() + BACK_OFF_MS;
	if (!self->away)
		log_error("%s: %s; what is to be sent waits", self->receiver, why);
	self->away = true;
}

static bool wait_writable(const struct syslog *self, int ms)
{
	struct pollfd poll_for = {self->socket, POLLOUT, 0};
	return poll(&poll_for, 1, ms) > 0;
}

static bool connect_finish(struct syslog *self, int ms)
{
	int error = 0;
	socklen_t size = sizeof error;
	if (!wait_writable(self, ms)) {
		if (now_ms() > self->again_ms)
			lose(self, strerror(ETIMEDOUT));
		return false;
	}
	if (getsockopt(self->socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error) {
		lose(self, strerror(error ? error : errno));
		return false;
	}
	self->connecting = false;
	self->tried = 0;
	return true;
}

static bool connect_begin(struct syslog *self)
{
	const struct sockaddr *at = (const struct sockaddr *)&self->addresses[self->turn].at;
	unsigned timeout = USER_TIMEOUT_MS;
	int one = 1;
	if (now_ms() < self->again_ms)
		return false;
	self->socket = socket(at->sa_family, (self->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (self->socket < 0) {
		lose(self, strerror(errno));
		return false;
	}
	if (self->stream) {
		setsockopt(self->socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
		setsockopt(self->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		setsockopt(self->socket, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	}
	if (connect(self->socket, at, self->addresses[self->turn].size) == 0) {
		self->tried = 0;
		return true;
	}
	if (errno != EINPROGRESS) {
		lose(self, strerror(errno));
		return false;
	}
	self->connecting = true;
	self->again_ms = now_ms() + USER_TIMEOUT_MS;
	return connect_finish(self, WAIT_MS);
}

/* A receiver never answers: what comes from it is its end. */
static bool still_there(struct syslog *self)
{
	char byte[64];
	ssize_t n;
	if (!self->stream)
		return true;
	do
		n = recv(self->socket, byte, sizeof byte, MSG_DONTWAIT);
	while (n > 0);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return true;
	lose(self, n == 0 ? "the receiver closed the connection" : strerror(errno));
	return false;
}

static bool ready(struct syslog *self)
{
	if (self->socket >= 0 && !self->connecting && still_there(self))
		return true;
	for (unsigned i = 0; i < self->address_count; i++) {
		if (self->connecting ? connect_finish(self, 0) : connect_begin(self))
			return true;
		if (self->again_ms) /* on its way, or all are away */
			return false;
	}
	return false;
}

/* --- sending ------------------------------------------------------------------------------------------------ */

static enum sent datagram_send(struct syslog *self)
{
	for (unsigned tries = 0; tries < 3; tries++) {
		if (send(self->socket, self->frame, self->size, MSG_NOSIGNAL) >= 0)
			return SENT_OK;
		if (errno == EMSGSIZE) {
			if (!self->oversize)
				log_error("%s: a record of %u bytes is too long for a datagram and is not sent; use tcp", self->receiver,
					  self->size);
			self->oversize = true;
			return SENT_REFUSED;
		}
		if (errno == EAGAIN || errno == ENOBUFS)
			(void)wait_writable(self, WAIT_MS);
		else if (errno != EINTR) /* "refused" is the answer to the datagram before this one, which is lost */
			break;
	}
	lose(self, strerror(errno));
	return SENT_RETRY;
}

static enum sent stream_send(struct syslog *self)
{
	while (self->written < self->size) {
		ssize_t n = send(self->socket, self->frame + self->written, self->size - self->written, MSG_NOSIGNAL);
		if (n >= 0) {
			self->written += (uint32_t)n;
			self->stalled = false;
		} else if (errno == EAGAIN) {
			self->stalled = self->stalled || !wait_writable(self, WAIT_MS);
			if (self->stalled)
				return SENT_RETRY;
		} else if (errno != EINTR) {
			lose(self, strerror(errno));
			return SENT_RETRY;
		}
	}
	self->written = 0;
	return SENT_OK;
}

/* The record that was half written may have given way to a newer one while it waited. */
static bool at_hand(const struct syslog *self, const struct record *record)
{
	return self->of_id == record->id && self->of_ns == record->time_ns && self->of_bytes == record->bytes.size;
}

static enum sent send_one(struct syslog *self, const struct record *record)
{
	if (!ready(self))
		return SENT_RETRY;
	if (self->written && !at_hand(self, record) && stream_send(self) != SENT_OK)
		return SENT_RETRY;
	if (!self->written && !frame_write(self, record))
		return SENT_REFUSED;
	enum sent sent = self->stream ? stream_send(self) : datagram_send(self);
	if (sent == SENT_OK && self->away && self->stream) { /* a datagram that was sent proves nothing */
		log_note("%s: is back", self->receiver);
		self->away = false;
	}
	return sent;
}

static void syslog_send(void *handle, struct sending *sending)
{
	for (unsigned i = 0; i < sending->count; i++)
		if ((sending->answers[i] = send_one(handle, &sending->records[i])) == SENT_RETRY)
			return;
}

/* --- life --------------------------------------------------------------------------------------------------- */

static bool resolve(struct syslog *self)
{
	char host[256], port[32] = "514";
	const char *text = self->address, *colon = strrchr(text, ':');
	const struct addrinfo hints = {.ai_socktype = self->stream ? SOCK_STREAM : SOCK_DGRAM};
	struct addrinfo *found;
	bool bare_v6 = colon && *text != '[' && memchr(text, ':', (size_t)(colon - text));
	if (colon && !bare_v6 && (*text != '[' || colon[-1] == ']'))
		snprintf(port, sizeof port, "%s", colon + 1);
	else
		colon = text + strlen(text);
	bool brackets = *text == '[' && colon > text && colon[-1] == ']';
	snprintf(host, sizeof host, "%.*s", (int)(colon - text) - 2 * brackets, text + brackets);
	int error = getaddrinfo(host, port, &hints, &found);
	if (error) {
		log_error("%s: %s", self->receiver, gai_strerror(error));
		return false;
	}
	self->address_count = self->turn = self->tried = 0;
	for (const struct addrinfo *at = found; at && self->address_count < ADDRESSES_MAX; at = at->ai_next) {
		memcpy(&self->addresses[self->address_count].at, at->ai_addr, at->ai_addrlen);
		self->addresses[self->address_count++].size = at->ai_addrlen;
	}
	freeaddrinfo(found);
	return true;
}

/* The number of RFC 5424 section 6.2.1, or -1. */
static int facility_number(const char *name)
{
	static const char *const names[] = {"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
		"authpriv", "ftp", "ntp", "security", "console", "clock", "local0", "local1", "local2", "local3", "local4", "local5",
		"local6", "local7"};
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name ? name : "local4") == 0)
			return (int)i;
	return -1;
}

static bool syslog_check(const struct config_output *config)
{
	if (!config->address)
		log_error("%s: address: is needed for syslog: HOST:PORT", config->place);
	else if (facility_number(config->facility) < 0)
		log_error("%s: facility: \"%s\" is not valid; valid: kern, user, mail, daemon, auth, syslog, lpr, news, uucp, cron, "
			  "authpriv, ftp, ntp, security, console, clock, local0 to local7", config->place, config->facility);
	else
		return true;
	return false;
}

/* HOSTNAME: no spaces, nothing but visible ASCII. */
static void set_host(struct syslog *self, const char *name)
{
	if (name)
		snprintf(self->host, sizeof self->host, "%s", name);
	else if (gethostname(self->host, sizeof self->host - 1) != 0)
		strcpy(self->host, "-");
	for (char *at = self->host; *at; at++)
		if (*at <= ' ' || *at > '~')
			*at = '_';
	if (!*self->host)
		strcpy(self->host, "-");
}

static void *syslog_open(const struct config_output *config)
{
	struct syslog *self = calloc(1, sizeof *self);
	if (!self)
		return NULL;
	self->socket = -1;
	self->address = config->address;
	self->stream = config->transport && strcmp(config->transport, "tcp") == 0;
	self->counting = !config->framing || strcmp(config->framing, "newline") != 0;
	set_host(self, config->sensor);
	self->facility = (unsigned)facility_number(config->facility);
	snprintf(self->receiver, sizeof self->receiver, "syslog %s %s", self->stream ? "tcp" : "udp", config->address);
	if (resolve(self))
		return self;
	free(self);
	return NULL;
}

/* Nothing is held back here: what could not be written waits outside. */
static bool syslog_flush(void *handle)
{
	(void)handle;
	return true;
}

/* The name may lead elsewhere now. A message that is half written ends where it began. */
static bool syslog_reopen(void *handle)
{
	struct syslog *self = handle;
	if (self->written)
		return true;
	if (self->socket >= 0)
		close(self->socket);
	self->socket = -1;
	self->connecting = false;
	self->again_ms = 0;
	return resolve(self);
}

static bool syslog_close(void *handle)
{
	struct syslog *self = handle;
	if (self->socket >= 0)
		close(self->socket);
	free(self);
	return true;
}

const struct output output_syslog = {
	.name = "syslog",
	.batch = 64,
	.remote = true,
	.check = syslog_check,
	.open = syslog_open,
	.send = syslog_send,
	.flush = syslog_flush,
	.reopen = syslog_reopen,
	.close = syslog_close,
};
