#include "fusion.h"
#include "fusion_pairs.h"
#include "hash.h"
#include "held.h"
#include <stdlib.h>

enum { FACTS = LIMIT_FUSED, BUCKETS = 2 * FACTS, LINKS = LIMIT_FUSED, STEPS = 256 };
enum chain { BY_ADDRESS, BY_NAME, BY_NOTHING, CHAINS };
enum class { END = ACTION_COUNT }; /* disconnect and close: a session ends once, whatever it is called */

/* What is known of an event while it waits and for as long afterwards as the table has room. */
struct fact {
	uint64_t key[CHAINS];    /* 0: not in this chain */
	uint32_t older[CHAINS];  /* number of the one before it in the chain; 0: none */
	uint32_t number;         /* from 1, skipping 0 */
	uint8_t class, outcome, transport;
	bool matched, told;      /* told: its twin has been counted, so it is not */
	bool opaque;             /* of the wire: nothing could be read of the session, for it is encrypted */
	uint16_t client_port, server_port;
	struct address client, server; /* zeros when unknown */
	uint64_t time_ns, arrived_ns, flow_id;
	uint64_t log;            /* which; of the wire 0, and when matched that of its twin */
	uint64_t name;           /* hash of the client identifier; 0 unknown or empty */
	uint64_t what;           /* hash of class, direction, resource: what twins have in common */
	bool from_log;
	struct held *held;       /* NULL when delivered */
};

/* A connection on the wire. One of each place of the table: a newer one takes it. */
struct link {
	struct ends ends;
	uint8_t transport;
	bool logged, missed;     /* the log knows of it; it was found that it does not */
	uint64_t flow_id;
};

struct fusion {
	struct fusion_options options;
	struct held_queue *queue;
	struct pairs *pairs;
	struct fact *facts;
	uint32_t *buckets[CHAINS];
	struct link *links;
	uint32_t next, first;    /* numbers: of the next fact, of the first that waits */
	uint32_t logs_held;
	uint64_t now_ns;
	bool flushing;
};

/* --- what an event is about ---------------------------------------------------------------------------------- */

static unsigned class_of(const struct event *event)
{
	return event->action == ACTION_DISCONNECT || event->action == ACTION_CLOSE ? END : event->action;
}

static bool has_direction(unsigned class)
{
	return class == ACTION_PUBLISH || class == ACTION_SUBSCRIBE || class == ACTION_UNSUBSCRIBE || class == ACTION_DELIVER;
}

static uint64_t what_of(const struct event *event)
{
	unsigned class = class_of(event);
	uint64_t what = hash_join(class, has_direction(class) ? event->direction + 1u : 0);
	if ((class == ACTION_PUBLISH || class == ACTION_REQUEST) && event->resource.count)
		what = hash_join(what, hash_slice(event->resource.items[0], 0));
	return what;
}

static uint64_t key_of(const struct fusion *f, enum chain chain, bool from_log, uint64_t what, const void *value, size_t size)
{
	return hash_join(hash_bytes(value, size, f->options.seed + chain), what ^ (from_log ? ~0ull : 0)) | 1;
}

static void fact_fill(struct fact *fact, const struct event *event)
{
	struct slice name = name_slice(&event->session->client_id);
	fact->class = (uint8_t)class_of(event);
	fact->outcome = event->outcome;
	fact->transport = event->transport;
	fact->opaque = !event->log && event->session->state == SESSION_NONE;
	fact->client = event->ends->client;
	fact->server = event->ends->server;
	fact->client_port = event->ends->client_port;
	fact->server_port = event->ends->server_port;
	fact->time_ns = event->time_ns;
	fact->flow_id = event->flow_id;
	fact->from_log = event->log != NULL;
	fact->log = event->log ? event->log->source : 0;
	fact->name = name.size ? hash_slice(name, 0) | 1 : 0;
	fact->what = what_of(event);
}

/* --- chains -------------------------------------------------------------------------------------------------- */

static struct fact *fact_at(const struct fusion *f, uint32_t number)
{
	struct fact *fact = &f->facts[number % FACTS];
	return number && fact->number == number ? fact : NULL;
}

static uint64_t lookup_key(const struct fusion *f, enum chain chain, bool from_log, const struct fact *of)
{
	if (chain == BY_ADDRESS)
		return address_known(&of->client) ? key_of(f, chain, from_log, of->what, &of->client, sizeof of->client) : 0;
	if (chain == BY_NAME)
		return of->name ? key_of(f, chain, from_log, of->what, &of->name, sizeof of->name) : 0;
	return key_of(f, chain, from_log, of->class, &of->class, sizeof of->class);
}

/* Only failures and ends on the wire are looked for without any name. */
static bool is_chained(enum chain chain, const struct fact *fact)
{
	bool refusal = fact->class == ACTION_AUTHENTICATE || fact->class == ACTION_HANDSHAKE;
	return chain != BY_NOTHING || (!fact->from_log && (fact->class == END || (refusal && fact->outcome == OUTCOME_FAILURE)));
}

static void chain_add(struct fusion *f, struct fact *fact)
{
	for (unsigned c = 0; c < CHAINS; c++) {
		fact->key[c] = is_chained(c, fact) ? lookup_key(f, c, fact->from_log, fact) : 0;
		if (!fact->key[c])
			continue;
		uint32_t *bucket = &f->buckets[c][fact->key[c] & (BUCKETS - 1)];
		fact->older[c] = *bucket;
		*bucket = fact->number;
	}
}

struct walk {
	enum chain chain;
	uint64_t key;
	uint32_t *from;
	unsigned steps;
};

static struct walk walk_begin(const struct fusion *f, enum chain chain, const struct fact *of)
{
	uint64_t key = lookup_key(f, chain, !of->from_log, of);
	return (struct walk){chain, key, &f->buckets[chain][key & (BUCKETS - 1)], key ? 0 : STEPS};
}

/* The next unmatched one of the other side, the newest first. What is matched or too old leaves the chain on the way. */
static struct fact *walk_next(const struct fusion *f, struct walk *w)
{
	while (w->steps++ < STEPS) {
		struct fact *fact = fact_at(f, *w->from);
		if (!fact || fact->arrived_ns + 2 * f->options.tolerance_ns < f->now_ns) {
			*w->from = 0;
			return NULL;
		}
		if (fact->matched) {
			*w->from = fact->older[w->chain];
			continue;
		}
		w->from = &fact->older[w->chain];
		if (fact->key[w->chain] == w->key)
			return fact;
	}
	return NULL;
}

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
	struct walk walk = walk_begin(f, chain, of);
	for (struct fact *other; (other = walk_next(f, &walk));)
		if (of->from_log ? fits(f, of, other) : fits(f, other, of))
			return other;
	return NULL;
}

static struct link *link_of(const struct fusion *f, const struct address *client, uint16_t port)
{
	return &f->links[hash_join(hash_bytes(client, sizeof *client, f->options.seed), port) & (LINKS - 1)];
}

/* NULL when the wire has no such connection. */
static struct link *link_find(const struct fusion *f, const struct fact *fact)
{
	struct link *link = link_of(f, &fact->client, fact->client_port);
	bool same = fact->client_port && link->ends.client_port == fact->client_port && address_equal(&link->ends.client, &fact->client) &&
		    ports_agree(fact->server_port, link->ends.server_port) && (fact->from_log || link->flow_id == fact->flow_id);
	return same ? link : NULL;
}

static void link_touch(const struct fusion *f, const struct event *event)
{
	struct link *link = link_of(f, &event->ends->client, event->ends->client_port);
	if (event->transport == TRANSPORT_TCP && link->flow_id != event->flow_id)
		*link = (struct link){.ends = *event->ends, .transport = event->transport, .flow_id = event->flow_id};
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
		other = find(f, BY_ADDRESS, fact, fits_refusal);
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
	struct walk walk = walk_begin(f, BY_NOTHING, as);
	for (struct fact *wire; (wire = walk_next(f, &walk));) {
		struct fact asked = *log;
		asked.what = wire->what;
		if (!may_be(f, &asked, wire) || !pairs_are(f->pairs, log->log, &wire->server, wire->server_port))
			continue;
		if (opaque ? !wire->opaque : !outcomes_agree(&asked, wire) || (wire->class == END && wire->name))
			continue;
		c.only = !c.any;
		c.one_address = c.one_address && (!c.any || address_equal(&c.any->client, &wire->client));
		c.any = wire;
	}
	return c;
}

static void find_nameless(struct fusion *f, struct fact *log)
{
	struct candidates c = candidates_of(f, log, log, false);
	bool unknown = !address_known(&log->client);
	if (c.any && join(f, log, c.any, unknown && c.one_address))
		return;
	/* Inside TLS the wire has no refusal, but the end of the connection that it was for. */
	struct fact end = {.class = END, .from_log = true};
	c = candidates_of(f, log, &end, true);
	if (!unknown || !c.any || !c.one_address)
		return;
	struct ends ends = ends_of(c.any);
	ends.client_port = c.only ? ends.client_port : 0;
	log_learns_ends(log->held, &ends, c.any->transport, c.only ? c.any->flow_id : 0);
}

static void complete(struct fusion *f, struct fact *log)
{
	struct held *held = log->held;
	const struct link *link = address_known(&log->client) ? link_find(f, log) : NULL;
	if (link)
		log_learns_ends(held, &link->ends, link->transport, link->flow_id);
	else if (!address_known(&held->ends.server))
		pairs_server(f->pairs, log->log, &held->ends.server, &held->ends.server_port);
}

static void resolve(struct fusion *f, struct fact *log)
{
	bool refusal = (log->class == ACTION_AUTHENTICATE || log->class == ACTION_HANDSHAKE) && log->outcome == OUTCOME_FAILURE;
	bool nameless = !log->name && (refusal || log->class == END);
	if (nameless && (!address_known(&log->client) || pairs_translated(f->pairs, log->log, false)))
		find_nameless(f, log);
	if (!log->matched)
		complete(f, log);
}

/* --- what one side lacks --------------------------------------------------------------------------------------- */

static void emit(void *context, const struct event *event)
{
	struct fusion *f = context;
	f->options.deliver(f->options.context, event, fact_at(f, f->first)->arrived_ns, true);
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
	return f->first != f->next;
}

static uint32_t after(uint32_t number)
{
	return number + 1 ? number + 1 : 1;
}

static void release(struct fusion *f)
{
	struct fact *fact = fact_at(f, f->first);
	bool hasty = f->flushing || fact->arrived_ns + f->options.tolerance_ns > f->now_ns;
	if (fact->from_log && !fact->matched)
		resolve(f, fact);
	if (!hasty && fact->from_log)
		judge_log(f, fact);
	else if (!hasty)
		judge_wire(f, fact);
	f->options.deliver(f->options.context, &fact->held->event, fact->arrived_ns, fact->from_log ? !fact->matched : !fact->told);
	f->logs_held -= fact->from_log;
	fact->held = NULL;
	held_drop(f->queue);
	f->first = after(f->first);
}

void fusion_time(struct fusion *f, uint64_t now_ns)
{
	f->now_ns = now_ns > f->now_ns ? now_ns : f->now_ns;
	while (waits(f) && fact_at(f, f->first)->arrived_ns + f->options.tolerance_ns <= f->now_ns)
		release(f);
}

void fusion_flush(struct fusion *f)
{
	f->flushing = true;
	while (waits(f))
		release(f);
	f->flushing = false;
}

/* The copy, for which older events may have to go. NULL when there is none of this size. */
static struct held *hold(struct fusion *f, const struct event *event)
{
	struct held *held = NULL;
	while (f->next - f->first >= FACTS - 1 || !(held = held_put(f->queue, event))) {
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
		f->options.deliver(f->options.context, event, f->now_ns, true);
		return;
	}
	struct fact *fact = &f->facts[f->next % FACTS];
	*fact = (struct fact){.number = f->next, .held = held, .arrived_ns = f->now_ns};
	f->next = after(f->next);
	fact_fill(fact, event);
	f->logs_held += fact->from_log;
	pairs_heard(f->pairs, fact->log, event->time_ns);
	if (!fact->from_log)
		link_touch(f, event);
	match(f, fact);
	if (!fact->matched)
		chain_add(f, fact);
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
	f->first = f->next = 1;
	f->queue = held_open(LIMIT_FUSED_BYTES);
	f->pairs = pairs_open(options->tolerance_ns);
	f->facts = calloc(FACTS, sizeof *f->facts);
	f->links = calloc(LINKS, sizeof *f->links);
	bool buckets = true;
	for (unsigned c = 0; c < CHAINS; c++)
		buckets = (f->buckets[c] = calloc(BUCKETS, sizeof(uint32_t))) != NULL && buckets;
	if (f->queue && f->pairs && f->facts && f->links && buckets)
		return f;
	fusion_close(f);
	return NULL;
}

void fusion_close(struct fusion *f)
{
	if (!f)
		return;
	for (unsigned c = 0; c < CHAINS; c++)
		free(f->buckets[c]);
	free(f->links);
	free(f->facts);
	pairs_close(f->pairs);
	held_close(f->queue);
	free(f);
}
