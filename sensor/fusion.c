#include "fusion.h"
#include "fusion_facts.h"
#include "fusion_pairs.h"
#include "hash.h"
#include <stdlib.h>

enum { LINKS = LIMIT_FUSED, WAYS = 4 };

/* A connection on the wire. */
struct link {
	struct ends ends;
	uint8_t transport;
	bool logged, missed;     /* the log knows of it; it was found that it does not */
	bool refused;            /* a refusal in the log was for it: its end explains no other */
	uint64_t flow_id, seen_ns;
};

struct fusion {
	struct fusion_options options;
	struct held_queue *queue;
	struct pairs *pairs;
	struct facts *facts;
	struct link *links;
	uint32_t first;          /* number of the first fact that waits */
	uint32_t logs_held;
	uint64_t now_ns;
	bool flushing;
};

/* --- twins --------------------------------------------------------------------------------------------------- */

static bool outcomes_agree(const struct fact *log, const struct fact *wire)
{
	switch (log->class) {
	case ACTION_AUTHENTICATE:
	case ACTION_HANDSHAKE:
	case ACTION_DELIVER:
		return log->outcome == wire->outcome;
	case END: /* there is only one, whatever each makes of it */
	case ACTION_VIOLATION:
		return true;
	default:
		return log->outcome == wire->outcome || log->outcome == OUTCOME_UNKNOWN || wire->outcome == OUTCOME_UNKNOWN;
	}
}

static bool ports_agree(uint16_t a, uint16_t b)
{
	return !a || !b || a == b;
}

static bool same_client(const struct fact *log, const struct fact *wire)
{
	return address_equal(&log->client, &wire->client) && ports_agree(log->client_port, wire->client_port);
}

/* Of the same time, server and name, as far as both say. */
static bool may_be(const struct fusion *f, const struct fact *log, const struct fact *wire)
{
	uint64_t apart_ns = log->time_ns > wire->time_ns ? log->time_ns - wire->time_ns : wire->time_ns - log->time_ns;
	return apart_ns <= f->options.tolerance_ns && log->what == wire->what && ports_agree(log->server_port, wire->server_port) &&
	       (!log->name || !wire->name || log->name == wire->name);
}

static bool fits_address(const struct fusion *f, const struct fact *log, const struct fact *wire)
{
	return same_client(log, wire) && may_be(f, log, wire) && outcomes_agree(log, wire);
}

/* Behind address translation the client's address is another one on the other side. */
static bool fits_name(const struct fusion *f, const struct fact *log, const struct fact *wire)
{
	return may_be(f, log, wire) && outcomes_agree(log, wire) &&
	       (!address_known(&log->client) || same_client(log, wire) || pairs_translated(f->pairs, log->log, true));
}

/* Of refusals a log may know the address and guess the port. */
static bool fits_refusal(const struct fusion *f, const struct fact *log, const struct fact *wire)
{
	return log->class == ACTION_AUTHENTICATE && log->outcome == OUTCOME_FAILURE && address_equal(&log->client, &wire->client) &&
	       may_be(f, log, wire) && outcomes_agree(log, wire);
}

static bool contradicts(const struct fusion *f, const struct fact *log, const struct fact *wire)
{
	return log->class == ACTION_AUTHENTICATE && log->client_port && same_client(log, wire) && may_be(f, log, wire) &&
	       log->outcome != wire->outcome && wire->outcome != OUTCOME_UNKNOWN;
}

static struct fact *find(const struct fusion *f, enum chain chain, const struct fact *of,
			 bool (*fits)(const struct fusion *f, const struct fact *log, const struct fact *wire))
{
	struct facts_walk walk = facts_walk(f->facts, chain, of, f->now_ns);
	for (struct fact *other; (other = facts_walk_next(f->facts, &walk));)
		if (of->from_log ? fits(f, of, other) : fits(f, other, of))
			return other;
	return NULL;
}

static struct link *links_of(const struct fusion *f, const struct address *client, uint16_t port)
{
	uint64_t hash = hash_join(hash_bytes(client, sizeof *client, f->options.seed), port);
	return &f->links[(hash & (LINKS / WAYS - 1)) * WAYS];
}

/* NULL when the wire has no such connection. */
static struct link *link_find(const struct fusion *f, const struct fact *fact)
{
	struct link *links = links_of(f, &fact->client, fact->client_port);
	for (struct link *l = links; fact->client_port && l < links + WAYS; l++)
		if (l->ends.client_port == fact->client_port && address_equal(&l->ends.client, &fact->client) &&
		    ports_agree(fact->server_port, l->ends.server_port) && (fact->from_log || l->flow_id == fact->flow_id))
			return l;
	return NULL;
}

/* A newer connection of the same client port takes the place of the one before it, else of the one seen longest ago. */
static void link_touch(const struct fusion *f, const struct event *event)
{
	const struct ends *ends = event->ends;
	struct link *links = links_of(f, &ends->client, ends->client_port), *place = links;
	if (event->transport != TRANSPORT_TCP)
		return;
	for (struct link *l = links; l < links + WAYS; l++) {
		if (memcmp(&l->ends, ends, sizeof *ends) == 0) {
			place = l;
			break;
		}
		if (l->seen_ns < place->seen_ns)
			place = l;
	}
	if (place->flow_id != event->flow_id)
		*place = (struct link){.ends = *ends, .transport = event->transport, .flow_id = event->flow_id};
	place->seen_ns = event->time_ns;
}

/* --- what one learns from the other -------------------------------------------------------------------------- */

static bool says_little(struct slice reason)
{
	return !reason.size || slice_is(reason, "no_disconnect") || slice_is(reason, "reset") || slice_is(reason, "timeout") ||
	       slice_is(reason, "closed") || slice_is(reason, "transport_error");
}

static void wire_learns(struct held *held, const struct fact *wire, const struct event *log)
{
	struct event *event = &held->event;
	struct session *session = &held->session;
	bool end = wire->class == END;
	event->fused = true;
	if (event->outcome == OUTCOME_UNKNOWN || (end && wire->opaque && log->outcome != OUTCOME_UNKNOWN)) {
		event->outcome = log->outcome;
		event->reason = log->reason;
		event->direction = end ? log->direction : event->direction;
	} else if (log->reason.size && event->outcome == log->outcome &&
		   (!event->reason.at || (end && says_little(event->reason) && !says_little(log->reason)))) {
		event->reason = log->reason;
	}
	if (!session->client_id.known && log->session->client_id.known) {
		session->client_id = log->session->client_id;
		session->used = true; /* nobody has seen whether it was */
	}
	if (!session->user.known)
		session->user = log->session->user;
}

static void log_learns_ends(struct held *held, const struct ends *ends, uint8_t transport, uint64_t flow_id)
{
	if (!address_known(&held->ends.client)) {
		held->ends.client = ends->client;
		held->ends.client_port = ends->client_port;
		held->log.ambiguous = false;
	}
	if (!address_known(&held->ends.server))
		held->ends.server = ends->server;
	if (!held->ends.server_port)
		held->ends.server_port = ends->server_port;
	held->event.transport = transport;
	if (flow_id) {
		held->ends.client_port = ends->client_port;
		held->event.flow_id = flow_id;
	}
}

static bool is_refusal(const struct fact *fact)
{
	return (fact->class == ACTION_AUTHENTICATE || fact->class == ACTION_HANDSHAKE) && fact->outcome == OUTCOME_FAILURE;
}

static struct ends ends_of(const struct fact *wire)
{
	return (struct ends){wire->client, wire->server, wire->client_port, wire->server_port};
}

/* False when the log brings news and the wire's event has been told without them. */
static bool join(struct fusion *f, struct fact *log, struct fact *wire, bool address_given)
{
	if (!wire->held && wire->outcome == OUTCOME_UNKNOWN && log->outcome != OUTCOME_UNKNOWN && wire->class != END)
		return false;
	if (wire->held && log->held)
		wire_learns(wire->held, wire, &log->held->event);
	else if (wire->held)
		wire->told = true;
	if (log->held) {
		struct ends ends = ends_of(wire);
		log->held->event.fused = true;
		if (address_given)
			log_learns_ends(log->held, &ends, wire->transport, wire->flow_id);
	}
	f->options.counters->log_fused++;
	log->matched = wire->matched = true;
	wire->log = log->log;
	struct link *link = link_find(f, wire);
	if (link)
		link->logged = true;
	return true;
}

static void match(struct fusion *f, struct fact *fact)
{
	struct fact *other = find(f, BY_ADDRESS, fact, fits_address);
	bool by_name = !other && (other = find(f, BY_NAME, fact, fits_name)) != NULL;
	if (!other)
		return;
	struct fact *log = fact->from_log ? fact : other, *wire = fact->from_log ? other : fact;
	if (!join(f, log, wire, true) || !address_known(&log->client))
		return;
	bool same = log->client_port && same_client(log, wire);
	if (same || (by_name && !same_client(log, wire)))
		pairs_join(f->pairs, log->log, &wire->server, wire->server_port, same ? PAIRS_BY_ADDRESS : PAIRS_BY_NAME);
}

/* --- events of a log that are nobody's twin by name ------------------------------------------------------------ */

/* All that it could be: the one that is taken, and whether they have one address, or are one. */
struct candidates {
	struct fact *any;
	bool one_address, only;
};

static struct candidates candidates_of(const struct fusion *f, const struct fact *log, const struct fact *as, bool opaque)
{
	struct candidates c = {NULL, true, true};
	struct facts_walk walk = facts_walk(f->facts, BY_NOTHING, as, f->now_ns);
	for (struct fact *wire; (wire = facts_walk_next(f->facts, &walk));) {
		struct fact asked = *log;
		asked.what = wire->what;
		if (!may_be(f, &asked, wire) || !pairs_are(f->pairs, log->log, &wire->server, wire->server_port))
			continue;
		const struct link *link = opaque ? link_find(f, wire) : NULL;
		if (opaque ? !wire->opaque || !link || link->refused : !outcomes_agree(&asked, wire) || (wire->class == END && wire->name))
			continue;
		c.only = !c.any;
		c.one_address = c.one_address && (!c.any || address_equal(&c.any->client, &wire->client));
		c.any = wire;
	}
	return c;
}

/* Inside TLS the wire has no refusal, but the end of the connection that it was for. */
static void find_encrypted(struct fusion *f, struct fact *log)
{
	struct fact end = {.class = END, .from_log = true};
	struct candidates c = candidates_of(f, log, &end, true);
	if (!c.any || !c.one_address)
		return;
	struct ends ends = ends_of(c.any);
	struct link *link = link_find(f, c.any);
	if (link)
		link->refused = true;
	ends.client_port = c.only ? ends.client_port : 0;
	log_learns_ends(log->held, &ends, c.any->transport, c.only ? c.any->flow_id : 0);
}

static void find_nameless(struct fusion *f, struct fact *log)
{
	struct candidates c = candidates_of(f, log, log, false);
	bool unknown = !address_known(&log->client);
	if (c.any && join(f, log, c.any, unknown && c.one_address))
		return;
	if (unknown)
		find_encrypted(f, log);
}

static void complete(struct fusion *f, struct fact *log)
{
	struct held *held = log->held;
	struct link *link = address_known(&log->client) ? link_find(f, log) : NULL;
	if (link) {
		link->refused |= is_refusal(log);
		log_learns_ends(held, &link->ends, link->transport, link->flow_id);
	} else if (!address_known(&held->ends.server)) {
		pairs_server(f->pairs, log->log, &held->ends.server, &held->ends.server_port);
	}
}

static void resolve(struct fusion *f, struct fact *log)
{
	bool nameless = !log->name && (is_refusal(log) || log->class == END);
	struct fact *refused = find(f, BY_ADDRESS, log, fits_refusal); /* only now: whose port is the same has come by now */
	if (refused && join(f, log, refused, true))
		return;
	if (nameless && (!address_known(&log->client) || pairs_translated(f->pairs, log->log, false)))
		find_nameless(f, log);
	if (!log->matched)
		complete(f, log);
}

/* --- onwards --------------------------------------------------------------------------------------------------- */

/* For the rules it is as late as it was when the event came. Not `counts`: they have had its twin. */
static void deliver(struct fusion *f, const struct event *event, uint64_t arrived_ns, bool counts)
{
	if (f->options.event)
		f->options.event(f->options.context, event);
	if (!f->options.detect)
		return;
	detect_time(f->options.detect, arrived_ns);
	if (counts)
		detect_event(f->options.detect, event);
}

/* --- what one side lacks --------------------------------------------------------------------------------------- */

static void emit(void *context, const struct event *event)
{
	struct fusion *f = context;
	deliver(f, event, facts_at(f->facts, f->first)->arrived_ns, true);
}

static bool is_login(const struct fact *fact)
{
	return fact->class == ACTION_AUTHENTICATE && fact->outcome == OUTCOME_SUCCESS;
}

static void judge_wire(struct fusion *f, const struct fact *fact)
{
	const struct event *event = &fact->held->event;
	if (fact->matched) {
		if (is_login(fact) || fact->class == ACTION_OPEN)
			pairs_agree(f->pairs, fact->log, event, emit, f);
		return;
	}
	bool hello = event->protocol == PROTOCOL_TLS && fact->class == ACTION_HANDSHAKE && event->direction == TO_SERVER;
	struct link *link = is_login(fact) || hello ? link_find(f, fact) : NULL;
	if (!link || link->logged || link->missed)
		return;
	link->missed = true;
	pairs_suspect_wire(f->pairs, event);
}

static void judge_log(struct fusion *f, const struct fact *fact)
{
	if (fact->matched || fact->class != ACTION_AUTHENTICATE || !fact->client_port)
		return;
	if (find(f, BY_ADDRESS, fact, contradicts))
		pairs_suspect_log(f->pairs, &fact->held->event, "outcome_differs");
	else if (is_login(fact) && !link_find(f, fact))
		pairs_suspect_log(f->pairs, &fact->held->event, "not_on_wire");
}

/* --- the queue ------------------------------------------------------------------------------------------------- */

static bool waits(const struct fusion *f)
{
	return f->first != facts_next(f->facts);
}

static void release(struct fusion *f)
{
	struct fact *fact = facts_at(f->facts, f->first);
	bool hasty = f->flushing || fact->arrived_ns + f->options.tolerance_ns > f->now_ns;
	if (fact->from_log && !fact->matched)
		resolve(f, fact);
	if (!hasty && fact->from_log)
		judge_log(f, fact);
	else if (!hasty)
		judge_wire(f, fact);
	deliver(f, &fact->held->event, fact->arrived_ns, fact->from_log ? !fact->matched : !fact->told);
	f->logs_held -= fact->from_log;
	fact->held = NULL;
	held_drop(f->queue);
	f->first = facts_after(f->first);
}

void fusion_time(struct fusion *f, uint64_t now_ns)
{
	f->now_ns = now_ns > f->now_ns ? now_ns : f->now_ns;
	while (waits(f) && facts_at(f->facts, f->first)->arrived_ns + f->options.tolerance_ns <= f->now_ns)
		release(f);
	if (f->options.detect && f->now_ns > f->options.tolerance_ns)
		detect_time(f->options.detect, f->now_ns - f->options.tolerance_ns);
}

void fusion_flush(struct fusion *f)
{
	f->flushing = true;
	while (waits(f))
		release(f);
	f->flushing = false;
	if (f->options.detect)
		detect_time(f->options.detect, f->now_ns);
}

/* The copy, for which older events may have to go. NULL when there is none of this size. */
static struct held *hold(struct fusion *f, const struct event *event)
{
	struct held *held = NULL;
	while (!facts_room(f->facts, f->first) || !(held = held_put(f->queue, event))) {
		if (!waits(f))
			return NULL;
		f->options.counters->fusion_hurried++;
		release(f);
	}
	return held;
}

void fusion_event(struct fusion *f, const struct event *event, uint64_t now_ns)
{
	fusion_time(f, now_ns);
	struct held *held = hold(f, event);
	if (!held) {
		deliver(f, event, f->now_ns, true);
		return;
	}
	struct fact *fact = facts_new(f->facts, event, f->now_ns);
	fact->held = held;
	f->logs_held += fact->from_log;
	pairs_heard(f->pairs, fact->log, event->time_ns);
	if (!fact->from_log)
		link_touch(f, event);
	match(f, fact);
	if (!fact->matched)
		facts_chain(f->facts, fact);
}

bool fusion_holds_log(const struct fusion *f)
{
	return f->logs_held != 0;
}

/* --- life ------------------------------------------------------------------------------------------------------ */

struct fusion *fusion_open(const struct fusion_options *options)
{
	struct fusion *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->options = *options;
	f->first = 1;
	f->queue = held_open(LIMIT_FUSED_BYTES);
	f->pairs = pairs_open();
	f->facts = facts_open(options->seed, options->tolerance_ns);
	f->links = calloc(LINKS, sizeof *f->links);
	if (f->queue && f->pairs && f->facts && f->links)
		return f;
	fusion_close(f);
	return NULL;
}

void fusion_close(struct fusion *f)
{
	if (!f)
		return;
	free(f->links);
	facts_close(f->facts);
	pairs_close(f->pairs);
	held_close(f->queue);
	free(f);
}
