#include "fusion_pairs.h"
#include <stdlib.h>

enum { LOGS = 64, PAIRS = 128, SUSPECTS = 8, AGREED_BEFORE = 4 };
/* Nothing at all for so long is a hole: a capture that was stopped, a log of which a part is missing. */
static const uint64_t hole_ns = 300 * TW_SECOND;

struct suspect {
	struct event event;
	struct ends ends;
	struct session session;
	struct log_detail log;
	uint32_t holes; /* of the side that lacks it, until now */
};

struct pair {
	uint64_t log;
	struct address server;
	uint16_t port;
	uint32_t agreed;
	unsigned suspect_count;
	struct suspect suspects[SUSPECTS];
};

struct side {
	uint64_t log, last_ns;
	uint32_t holes;
	bool by_address, by_name;
};

struct pairs {
	struct side wire;
	unsigned log_count, count;
	struct side logs[LOGS];
	struct pair items[PAIRS];
};

struct pairs *pairs_open(void)
{
	return calloc(1, sizeof(struct pairs));
}

void pairs_close(struct pairs *p)
{
	free(p);
}

/* NULL when there are more logs than can be told apart: those are not missed in. */
static struct side *side_of(struct pairs *p, uint64_t log)
{
	if (!log)
		return &p->wire;
	for (unsigned i = 0; i < p->log_count; i++)
		if (p->logs[i].log == log)
			return &p->logs[i];
	if (p->log_count == LOGS)
		return NULL;
	p->logs[p->log_count] = (struct side){.log = log};
	return &p->logs[p->log_count++];
}

void pairs_heard(struct pairs *p, uint64_t log, uint64_t time_ns)
{
	struct side *side = side_of(p, log);
	if (!side || time_ns <= side->last_ns)
		return;
	side->holes += side->last_ns && time_ns - side->last_ns > hole_ns;
	side->last_ns = time_ns;
}

static struct pair *pair_of(struct pairs *p, uint64_t log, const struct address *server, uint16_t port)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->items[i].log == log && p->items[i].port == port && address_equal(&p->items[i].server, server))
			return &p->items[i];
	return NULL;
}

void pairs_join(struct pairs *p, uint64_t log, const struct address *server, uint16_t port, enum pairs_by by)
{
	struct side *side = side_of(p, log);
	if (!side)
		return;
	side->by_address |= by == PAIRS_BY_ADDRESS;
	side->by_name |= by == PAIRS_BY_NAME;
	if (p->count == PAIRS || pair_of(p, log, server, port))
		return;
	struct pair *pair = &p->items[p->count++];
	pair->log = log;
	pair->server = *server;
	pair->port = port;
}

bool pairs_translated(const struct pairs *p, uint64_t log, bool maybe)
{
	for (unsigned i = 0; i < p->log_count; i++)
		if (p->logs[i].log == log)
			return !p->logs[i].by_address && (maybe || p->logs[i].by_name);
	return maybe;
}

bool pairs_are(const struct pairs *p, uint64_t log, const struct address *server, uint16_t port)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->items[i].log == log && p->items[i].port == port && address_equal(&p->items[i].server, server))
			return true;
	return false;
}

bool pairs_server(const struct pairs *p, uint64_t log, struct address *server, uint16_t *port)
{
	const struct pair *only = NULL;
	bool one_port = true;
	for (unsigned i = 0; i < p->count; i++) {
		const struct pair *pair = &p->items[i];
		if (pair->log != log || (*port && pair->port != *port))
			continue;
		if (only && !address_equal(&only->server, &pair->server))
			return false;
		one_port = one_port && (!only || only->port == pair->port);
		only = pair;
	}
	if (!only)
		return false;
	*server = only->server;
	*port = one_port ? only->port : *port;
	return true;
}

/* --- suspicions ---------------------------------------------------------------------------------------------- */

static void suspect(struct pairs *p, struct pair *pair, const struct event *event, const char *reason)
{
	const struct side *lacks = side_of(p, event->log ? 0 : pair->log);
	if (pair->agreed < AGREED_BEFORE || pair->suspect_count == SUSPECTS || !lacks || event->time_ns > lacks->last_ns + hole_ns)
		return;
	struct suspect *s = &pair->suspects[pair->suspect_count++];
	*s = (struct suspect){.event = *event, .ends = *event->ends, .session = *event->session, .holes = lacks->holes};
	s->log = event->log ? *event->log : s->log;
	s->event.reason = slice_text(reason);
	if (!address_known(&s->ends.server))
		s->ends.server = pair->server;
	if (!s->ends.server_port)
		s->ends.server_port = pair->port;
}

void pairs_suspect_wire(struct pairs *p, const struct event *event)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->items[i].port == event->ends->server_port && address_equal(&p->items[i].server, &event->ends->server)) {
			suspect(p, &p->items[i], event, "not_in_log");
			return;
		}
}

/* Programs on the broker's own machine speak to it where no tap is. */
static bool is_loopback(const struct address *a)
{
	static const uint8_t v6[16] = {[15] = 1};
	return address_is_v4(a) ? a->bytes[12] == 127 : memcmp(a->bytes, v6, sizeof v6) == 0;
}

void pairs_suspect_log(struct pairs *p, const struct event *event, const char *reason)
{
	struct address server;
	uint16_t port = event->ends->server_port;
	struct pair *pair = pairs_server(p, event->log->source, &server, &port) && port ? pair_of(p, event->log->source, &server, port) : NULL;
	if (pair && (!is_loopback(&event->ends->client) || is_loopback(&server)))
		suspect(p, pair, event, reason);
}

/* The session's begin is the evidence; that it is missed is known only now. */
static void tell(const struct suspect *s, uint64_t now_ns, void (*emit)(void *context, const struct event *event), void *context)
{
	struct event event = s->event;
	event.time_ns = now_ns;
	event.ends = &s->ends;
	event.session = &s->session;
	event.log = s->event.log ? &s->log : NULL;
	event.protocol = PROTOCOL_TCP;
	event.action = ACTION_VIOLATION;
	event.outcome = OUTCOME_FAILURE;
	event.direction = TO_SERVER;
	event.resource = (struct slices){NULL, 0};
	event.predecessor = (struct address){{0}};
	event.detail = NULL;
	event.fields = NULL;
	event.present[0] = event.present[1] = 0;
	event.message = 0;
	emit(context, &event);
}

void pairs_agree(struct pairs *p, uint64_t log, const struct event *wire, void (*emit)(void *context, const struct event *event),
		 void *context)
{
	struct pair *pair = pair_of(p, log, &wire->ends->server, wire->ends->server_port);
	if (!pair)
		return;
	pair->agreed++;
	unsigned kept = 0;
	for (unsigned i = 0; i < pair->suspect_count; i++) {
		const struct suspect *s = &pair->suspects[i];
		const struct side *lacks = side_of(p, s->event.log ? 0 : log);
		if (!lacks || lacks->holes != s->holes)
			continue;
		if (wire->time_ns > s->event.time_ns)
			tell(s, wire->time_ns, emit, context);
		else
			pair->suspects[kept++] = *s;
	}
	pair->suspect_count = kept;
}
