/* engine.h - THE LINE: packet -> decode -> flow -> stream -> parser -> event -> detect -> alert -> outputs. */
#ifndef TW_ENGINE_H
#define TW_ENGINE_H

#include "capture.h"
#include "config.h"
#include "conversation.h"
#include "counters.h"
#include "detect.h"

struct engine;

struct engine_options {
	const struct config *config;
	struct rules *rules;      /* NULL: no detection, events only */
	bool live;                /* random seeds */
	void (*alert)(void *context, const struct alert *alert);
	void (*event)(void *context, const struct event *event); /* NULL: events are not wanted */
	void (*conversation)(void *context, const struct conversation *conversation);                        /* NULL as well */
	void (*datagram)(void *context, const struct packet *packet, const struct datagram *datagram);       /* NULL as well */
	void *context;
};

struct engine *engine_open(const struct engine_options *options); /* NULL after having reported why */
void engine_close(struct engine *engine);

/* Borrows the packet during the call, or as long as packet->stays says: packets are gathered into batches so that memory can be
 * fetched ahead. */
void engine_packet(struct engine *engine, const struct packet *packet);
/* An event of a log; the packets before it go first. */
void engine_log(struct engine *engine, const struct event *event);
void engine_idle(struct engine *engine, uint64_t now_ns); /* live tick: time passes without packets */
void engine_finish(struct engine *engine);                /* end of input: flows, then detectors */

/* From now on the wire and logs are one (fusion.h): called before the first packet when both are given, unless the config's tolerance
 * is 0. False when memory is refused. */
bool engine_fuse(struct engine *engine);
struct fusion *engine_fusion(const struct engine *engine); /* NULL when it is not */

/* Live: other rules from now on; the old ones may be closed after it. False when memory is refused: the old ones stay. */
bool engine_exchange(struct engine *engine, struct rules *rules);

/* Events bring the ends' Ethernet addresses from now on, or no longer: with a million flows that is a cache miss an event. */
void engine_macs(struct engine *engine, bool wanted);

struct counters *engine_counters(struct engine *engine);
uint64_t engine_alerts_of(const struct engine *engine, uint32_t rule_index);
/* Events counted by protocol. */
uint64_t engine_events_of(const struct engine *engine, enum protocol protocol);

#endif
