/* fusion_pairs.h - which log is of which server, and what the one has that the other lacks.
 *
 * A pair is a log and an address and port on the wire whose sessions were recognised as the same. A session that only one side
 * has is a suspicion at first. It becomes an event when the pair agrees about a later session, and neither side was silent
 * in between: so neither the ends of the inputs nor holes in them are taken for a disagreement. */
#ifndef TW_FUSION_PAIRS_H
#define TW_FUSION_PAIRS_H

#include "event.h"

struct pairs;

struct pairs *pairs_open(void); /* NULL when memory is refused */
void pairs_close(struct pairs *pairs);

/* Something was heard of a log, or, with `log` 0, of the wire. */
void pairs_heard(struct pairs *pairs, uint64_t log, uint64_t time_ns);

/* A session of both. By address: address and port were the same; else the name alone, and the addresses were not. */
enum pairs_by { PAIRS_BY_ADDRESS, PAIRS_BY_NAME };
void pairs_join(struct pairs *pairs, uint64_t log, const struct address *server, uint16_t port, enum pairs_by by);
/* Is the log known to see other client addresses than the wire does (address translation between them)? `maybe` while unknown. */
bool pairs_translated(const struct pairs *pairs, uint64_t log, bool maybe);
/* Is this server one that the log is of? */
bool pairs_are(const struct pairs *pairs, uint64_t log, const struct address *server, uint16_t port);
/* The only server of the log, at this port unless it is 0. False when there is none, or more than one. */
bool pairs_server(const struct pairs *pairs, uint64_t log, struct address *server, uint16_t *port);

/* A session that the wire has and no log of its server, or the reverse. */
void pairs_suspect_wire(struct pairs *pairs, const struct event *event);
void pairs_suspect_log(struct pairs *pairs, const struct event *event, const char *reason);
/* A session that both have, as the wire shows it, in the order of time: emits what has become certain by it. */
void pairs_agree(struct pairs *pairs, uint64_t log, const struct event *wire,
		 void (*emit)(void *context, const struct event *event), void *context);

#endif
