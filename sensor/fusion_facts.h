/* fusion_facts.h - what is known of the events of the last seconds, so that the twin of one is found: a ring of facts, chained by
 * client address, by client identifier, and, of refusals and ends on the wire, by nothing else than that. */
#ifndef TW_FUSION_FACTS_H
#define TW_FUSION_FACTS_H

#include "event.h"
#include "held.h"

enum chain { BY_ADDRESS, BY_NAME, BY_NOTHING, CHAINS };
/* END: disconnect and close, for a session ends once, whatever it is called. CROWD: a log's line for many events, or of nobody in
 * particular: it has no twin on the wire. */
enum class { END = ACTION_COUNT, CROWD };

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

struct facts;

struct facts *facts_open(uint64_t seed, uint64_t tolerance_ns); /* NULL when memory is refused */
void facts_close(struct facts *facts);

/* Its number, NULL when it is gone or there has been none. */
struct fact *facts_at(const struct facts *facts, uint32_t number);
uint32_t facts_after(uint32_t number);
/* Is there room for another one without losing `first`? */
bool facts_room(const struct facts *facts, uint32_t first);
uint32_t facts_next(const struct facts *facts); /* number that the next one will have */
/* The next one: the oldest is gone. It is in no chain yet. */
struct fact *facts_new(struct facts *facts, const struct event *event, uint64_t arrived_ns);
void facts_chain(struct facts *facts, struct fact *fact);

/* Those of the other side that stand in a chain where `of` would be looked for and are not matched, the newest first; those of the
 * last two tolerances, and not many hundreds. */
struct facts_walk {
	enum chain chain;
	uint64_t key, since_ns;
	uint32_t *from;
	unsigned steps;
};
struct facts_walk facts_walk(const struct facts *facts, enum chain chain, const struct fact *of, uint64_t now_ns);
struct fact *facts_walk_next(const struct facts *facts, struct facts_walk *walk);

#endif
