/* emitter.h - the engine's side of parser.h: what a parser is told of the flow that it reads, and where what it says goes.
 *
 * An event takes the evidence at hand, and ends and session of its flow; it goes to the detectors, by way of fusion.h where wire and
 * logs are seen as one. */
#ifndef TW_EMITTER_H
#define TW_EMITTER_H

#include "flow.h"
#include "../parsers/parser.h"

struct streams;
struct classifier;
struct identities;
struct detect;
struct fusion;

/* Owns nothing that it points to. */
struct emitter {
	/* set by the engine before the first event */
	struct flows *flows;
	struct streams *streams;
	struct classifier *classifier;
	struct memos *memos;
	struct identities *identities;
	struct detect *detect;  /* NULL: no detection */
	struct fusion *fusion;  /* NULL: only the wire, or only logs, are given */
	struct counters *counters;
	void (*event)(void *context, const struct event *event); /* NULL: not wanted */
	void *context;
	flow_ended *ended;      /* of a flow that gives way to one that another carries */
	void *ended_context;
	/* set as time goes on */
	struct event blank;     /* what events begin as: emitter_show() */
	bool macs;              /* events bring them */
	/* the emitter's own */
	uint64_t told_ns;       /* up to which the detectors' timers were told of */
	uint64_t events_of[PROTOCOL_COUNT];
};

/* What shows the events to come, from now on. */
static inline void emitter_show(struct emitter *emitter, uint64_t time_ns, uint32_t frame, uint16_t file)
{
	emitter->blank.time_ns = time_ns;
	emitter->blank.frame = frame;
	emitter->blank.file = file;
}

/* An event of `flow`, of which only what every event has is set. */
void emitter_event_begin(const struct emitter *emitter, struct flow *flow, enum direction direction, struct event *event);
void emitter_event(struct emitter *emitter, const struct event *event);
void emitter_time(struct emitter *emitter, uint64_t now_ns);

/* Around a call of the flow's parser. */
void emitter_parse_begin(struct emitter *emitter, struct flow *flow, enum direction direction, struct parse *parse);
void emitter_parse_end(struct emitter *emitter, struct flow *flow);

#endif
