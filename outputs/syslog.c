/* syslog: messages (syslog_message.h) over UDP (RFC 5426), TCP (RFC 6587, octet counting or newlines), TLS (RFC 5425) or the
 * machine's own socket.
 *
 * None of them acknowledges: over UDP a message may be lost without a trace. Over TCP and TLS what was sent in the last moments before
 * the connection broke is sent again (unsure.h). */
#include "output.h"
#include "syslog_message.h"
#include "unsure.h"
#include "wire.h"
#include "../sensor/log.h"
#include "../sensor/steady.h"
#include <stdio.h>
#include <stdlib.h>

struct syslog {
	char who[320]; /* "syslog udp HOST:PORT", for messages */
	struct syslog_style style;
	struct config_tls tls;
	struct wire *wire;
	bool counting;
	/* The message at hand, and how much of it was written: of a batch that is offered again, the first. */
	uint32_t size, written;
	char frame[16 + SYSLOG_MESSAGE_MAX + 1];
	char message[SYSLOG_MESSAGE_MAX];
	struct unsure unsure;
};

static const struct kind { const char *name; enum wire_kind kind; const char *port; } kinds[] = {
	{"udp", WIRE_UDP, "514"}, {"tcp", WIRE_TCP, "514"}, {"tls", WIRE_TLS, "6514"}, {"unix", WIRE_UNIX, ""},
};

static const struct kind *kind_of(const struct config_output *config)
{
	for (unsigned i = 0; config->transport && i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].name, config->transport) == 0)
			return &kinds[i];
	return kinds;
}

/* --- sending ------------------------------------------------------------------------------------------------ */

/* False when the record is too long for a message. */
static bool write_frame(struct syslog *self, const struct record *record)
{
	uint32_t size = syslog_message(&self->style, record, self->message), head = 0;
	bool borders = wire_keeps_borders(self->wire);
	if (!size)
		return false;
	if (!borders && self->counting)
		head = (uint32_t)snprintf(self->frame, 16, "%u ", size);
	memcpy(self->frame + head, self->message, size);
	self->size = head + size;
	if (!borders && !self->counting)
		self->frame[self->size++] = '\n';
	return true;
}

static enum wire_sent send_bytes(struct syslog *self, const char *at, uint32_t size)
{
	enum wire_sent sent = wire_send(self->wire, at, size, &self->written);
	if (sent != WIRE_LATER)
		self->written = 0;
	if (sent == WIRE_LOST)
		unsure_lost(&self->unsure, steady_ms());
	return sent;
}

/* What the last connection may have lost. */
static enum wire_sent send_again(struct syslog *self)
{
	enum wire_sent sent = WIRE_SENT;
	struct slice again;
	while (sent == WIRE_SENT && unsure_first(&self->unsure, &again)) {
		sent = send_bytes(self, (const char *)again.at, again.size);
		if (sent == WIRE_SENT)
			unsure_again(&self->unsure, steady_ms());
	}
	return sent;
}

static enum wire_sent send_all(struct syslog *self, const struct record *record)
{
	enum wire_sent sent = send_again(self);
	if (sent != WIRE_SENT)
		return sent;
	if (!self->written && !write_frame(self, record))
		return WIRE_TOO_LONG;
	sent = send_bytes(self, self->frame, self->size);
	if (sent == WIRE_SENT && !wire_keeps_borders(self->wire))
		unsure_sent(&self->unsure, slice_of(self->frame, self->size), steady_ms());
	return sent;
}

static enum sent send_one(struct syslog *self, const struct record *record)
{
	enum wire_sent sent = send_all(self, record);
	if (sent == WIRE_LOST)
		sent = send_all(self, record);
	return sent == WIRE_SENT ? SENT_OK : sent == WIRE_TOO_LONG ? SENT_REFUSED : SENT_RETRY;
}

static void syslog_send(void *handle, struct sending *sending)
{
	for (unsigned i = 0; i < sending->count; i++)
		if ((sending->answers[i] = send_one(handle, &sending->records[i])) == SENT_RETRY)
			return;
}

/* --- life --------------------------------------------------------------------------------------------------- */

static bool syslog_check(const struct config_output *config)
{
	const struct kind *kind = kind_of(config);
	if (!config->address && kind->kind != WIRE_UNIX)
		log_error("%s: address: is needed for syslog: HOST:PORT", config->place);
	else if (syslog_facility(config->facility) < 0)
		log_error("%s: facility: \"%s\" is not valid; valid: kern, user, mail, daemon, auth, syslog, lpr, news, uucp, cron, "
			  "authpriv, ftp, ntp, security, console, clock, local0 to local7", config->place, config->facility);
	else if (config->tls.on && kind->kind != WIRE_TLS)
		log_error("%s: tls: needs `transport: tls`", config->place);
	else if (kind->kind == WIRE_TLS && config->framing && strcmp(config->framing, "newline") == 0)
		log_error("%s: framing: \"newline\" is not valid over tls; valid: octet-counting", config->place);
	else
		return true;
	return false;
}

static void *syslog_open(const struct config_output *config)
{
	struct syslog *self = calloc(1, sizeof *self);
	const struct kind *kind = kind_of(config);
	bool local = kind->kind == WIRE_UNIX;
	if (!self)
		return NULL;
	const char *address = !local ? config->address : config->path ? config->path : config->address ? config->address : "/dev/log";
	self->counting = !local && (!config->framing || strcmp(config->framing, "newline") != 0);
	self->style.local = local;
	self->style.old = config->protocol ? strcmp(config->protocol, "rfc3164") == 0 : local;
	self->style.facility = (unsigned)syslog_facility(config->facility);
	syslog_set_host(&self->style, config->sensor);
	snprintf(self->who, sizeof self->who, "syslog %s %s", kind->name, address);
	self->tls = config->tls;
	self->wire = wire_open(kind->kind, address, kind->port, &self->tls, self->who);
	if (self->wire)
		return self;
	free(self);
	return NULL;
}

/* Nothing is held back here. But a connection that is gone may have taken something with it. */
static bool syslog_flush(void *handle)
{
	struct syslog *self = handle;
	if (self->written)
		return true;
	if (!wire_check(self->wire))
		unsure_lost(&self->unsure, steady_ms());
	(void)send_again(self);
	return true;
}

/* A message that is half written is written again. */
static bool syslog_reopen(void *handle)
{
	struct syslog *self = handle;
	self->written = 0;
	return wire_reopen(self->wire);
}

static bool syslog_close(void *handle)
{
	enum { TRIES = 5 };
	struct syslog *self = handle;
	for (unsigned i = 0; i < TRIES && !wire_finish(self->wire); i++) {
		self->written = 0;
		unsure_lost(&self->unsure, steady_ms());
		(void)send_again(self);
	}
	wire_close(self->wire);
	free(self);
	return true;
}

static const char *const config_keys[] = {OUTPUT_KEYS, "address", "path", "transport", "framing", "protocol", "facility", "tls", NULL};

const struct output output_syslog = {
	.name = "syslog",
	.keys = config_keys,
	.batch = 64,
	.remote = true,
	.check = syslog_check,
	.open = syslog_open,
	.send = syslog_send,
	.flush = syslog_flush,
	.reopen = syslog_reopen,
	.close = syslog_close,
};
