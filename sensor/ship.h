/* ship.h - the way of records to one remote output: the one implementation of queueing, order, back-off and at-least-once.
 *
 * A thread for each output takes what waits, from the journal and from memory, in the order of its sequence, and offers it in batches.
 * RETRY: the batch is offered again later, and nothing newer before it; waiting grows from try to try, by chance shorter or longer, so
 * that sensors that lost the same receiver do not come back together. An output that is away delays nobody else. */
#ifndef TW_SHIP_H
#define TW_SHIP_H

#include "cursor.h"
#include "journal.h"
#include "journal_reader.h"

struct ship;

struct ship_options {
	const struct output *output;
	void *self;            /* the output's; closed by ship_close() */
	struct cursor takes;   /* whose output, format, level, alerts and events are set */
	bool patient;          /* a replay: when the queue is full it waits, as long as the receiver takes something */
};

struct ship *ship_open(const struct ship_options *options); /* NULL without memory or thread */
/* The journal is in use: goes on where its cursor stands, or from now on when there is none. */
void ship_attach(struct ship *ship, struct journal *journal);

/* A record that is in no journal is copied; one that is there is only told of. Sequences rise from call to call. */
void ship_put(struct ship *ship, const struct journal_entry *entry, bool journaled);
/* Entries of the journal below this sequence go now: what was not taken of them is lost. `counter` reads the journal. */
void ship_dropping(struct ship *ship, struct journal_reader *counter, uint64_t behind);
void ship_reopen(struct ship *ship);

/* To the end: first hurry every ship, then drain each, then close each. */
void ship_hurry(struct ship *ship);
void ship_drain(struct ship *ship); /* until nothing waits, or nothing has moved for some seconds */

struct ship_counts {
	uint64_t sent, retried, refused, lost, waiting;
	uint64_t oldest_ns;  /* wall clock at which the oldest that waits was raised; 0: nothing waits */
	uint64_t journaled;  /* of those that wait: are in the journal, for the next start */
	bool failed;         /* the output said that something went wrong */
};
struct ship_counts ship_counts(struct ship *ship);
/* Ends the thread and closes the output. The counts as they were at the end. */
struct ship_counts ship_close(struct ship *ship);

#endif
