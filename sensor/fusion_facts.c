#include "fusion_facts.h"
#include "hash.h"
#include <stdlib.h>

enum { FACTS = LIMIT_FUSED, BUCKETS = 2 * FACTS, STEPS = 256 };

struct facts {
	uint64_t seed, tolerance_ns;
	uint32_t next;           /* number of the next one */
	struct fact *items;      /* by number */
	uint32_t *buckets[CHAINS];
};

struct facts *facts_open(uint64_t seed, uint64_t tolerance_ns)
{
	struct facts *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	*f = (struct facts){.seed = seed, .tolerance_ns = tolerance_ns, .next = 1, .items = calloc(FACTS, sizeof *f->items)};
	bool good = f->items != NULL;
	for (unsigned c = 0; c < CHAINS; c++)
		good = (f->buckets[c] = calloc(BUCKETS, sizeof(uint32_t))) != NULL && good;
	if (good)
		return f;
	facts_close(f);
	return NULL;
}

void facts_close(struct facts *f)
{
	if (!f)
		return;
	for (unsigned c = 0; c < CHAINS; c++)
		free(f->buckets[c]);
	free(f->items);
	free(f);
}

/* --- what an event is about ---------------------------------------------------------------------------------- */

static unsigned class_of(const struct event *event)
{
	if (event_weight(event) > 1 || (event->log && event->log->summary))
		return CROWD;
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

static uint64_t key_of(const struct facts *f, enum chain chain, bool from_log, uint64_t what, const void *value, size_t size)
{
	return hash_join(hash_bytes(value, size, f->seed + chain), what ^ (from_log ? ~0ull : 0)) | 1;
}

static void fill(struct fact *fact, const struct event *event)
{
	struct slice name = name_slice(&event->session->client_id);
	fact->class = (uint8_t)class_of(event);
	fact->outcome = event->outcome;
	fact->transport = event->transport;
	fact->opaque = !event->log && !event->session->client_id.known &&
		       (event->session->state == SESSION_NONE || event->session->state == SESSION_ASKED);
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

struct fact *facts_at(const struct facts *f, uint32_t number)
{
	struct fact *fact = &f->items[number % FACTS];
	return number && fact->number == number ? fact : NULL;
}

static uint64_t lookup_key(const struct facts *f, enum chain chain, bool from_log, const struct fact *of)
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

void facts_chain(struct facts *f, struct fact *fact)
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

struct facts_walk facts_walk(const struct facts *f, enum chain chain, const struct fact *of, uint64_t now_ns)
{
	uint64_t key = lookup_key(f, chain, !of->from_log, of);
	uint64_t since_ns = now_ns > 2 * f->tolerance_ns ? now_ns - 2 * f->tolerance_ns : 0;
	return (struct facts_walk){chain, key, since_ns, &f->buckets[chain][key & (BUCKETS - 1)], key ? 0 : STEPS};
}

/* What is matched or too old leaves the chain on the way. */
struct fact *facts_walk_next(const struct facts *f, struct facts_walk *w)
{
	while (w->steps++ < STEPS) {
		struct fact *fact = facts_at(f, *w->from);
		if (!fact || fact->arrived_ns < w->since_ns) {
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

/* --- the ring ------------------------------------------------------------------------------------------------ */

uint32_t facts_after(uint32_t number)
{
	return number + 1 ? number + 1 : 1;
}

uint32_t facts_next(const struct facts *f)
{
	return f->next;
}

bool facts_room(const struct facts *f, uint32_t first)
{
	return f->next - first < FACTS - 1;
}

struct fact *facts_new(struct facts *f, const struct event *event, uint64_t arrived_ns)
{
	struct fact *fact = &f->items[f->next % FACTS];
	*fact = (struct fact){.number = f->next, .arrived_ns = arrived_ns};
	f->next = facts_after(f->next);
	fill(fact, event);
	return fact;
}
