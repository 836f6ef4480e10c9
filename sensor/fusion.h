/* fusion.h - wire and broker log of the same sessions, seen as one: between what makes events and the rules.
 *
 * Every event waits for `tolerance`, in the order of its coming. What the wire and a log tell of the same session (address and
 * port, else client identifier), the same action and a time no further apart than the tolerance is one: the wire's event goes to
 * the rules, with the log's reason, outcome and names where the wire shows none; the log's event takes the wire's addresses and
 * counts no more. A log's event that the wire does not show (inside TLS) is completed by the connection that it belongs to. Where
 * the one side lacks what the other has seen, though both have agreed before and after, an event says so: fusion_pairs.h.
 *
 * Under pressure events wait less than the tolerance (counted); what was told already is still recognised. */
#ifndef TW_FUSION_H
#define TW_FUSION_H

#include "counters.h"
#include "detect.h"
#include "event.h"

struct fusion;

struct fusion_options {
	uint64_t tolerance_ns;
	uint64_t seed;
	struct counters *counters;
	struct detect *detect;   /* NULL: no detection; its time is told by fusion.c alone */
	void (*event)(void *context, const struct event *event); /* each, also what the rules do not get; NULL: not wanted */
	void *context;
};

struct fusion *fusion_open(const struct fusion_options *options); /* NULL when memory is refused */
void fusion_close(struct fusion *fusion);

void fusion_event(struct fusion *fusion, const struct event *event, uint64_t now_ns);
/* Event time has come to now_ns: delivers what has waited long enough. */
void fusion_time(struct fusion *fusion, uint64_t now_ns);
/* Delivers all. What has not waited its time is not missed on the other side. */
void fusion_flush(struct fusion *fusion);
/* Does an event of a log wait? */
bool fusion_holds_log(const struct fusion *fusion);

#endif
