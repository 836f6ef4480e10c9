#include "engine.h"
#include "classify.h"
#include "decode.h"
#include "digest.h"
#include "emitter.h"
#include "fusion.h"
#include "identity.h"
#include "log.h"
#include "stream.h"
#include "transport.h"
#include "../parsers/parser.h"
#include <stdlib.h>

/* Packets wait in a batch while the memory of their flows is on its way from DRAM; with a million flows nearly every
 * packet would stall on it otherwise. */
enum { BATCH = 32, AHEAD = 6, NEAR = 3, BATCH_BYTES = 65536 };

struct waiting {
	struct datagram datagram;
	uint64_t hash;
};

struct engine {
	struct engine_options options;
	struct counters counters;
	struct decoder *decoder;
	struct flows *flows;
	struct streams *streams;
	struct classifier *classifier;
	struct memos *memos;
	struct identities *identities;
	struct detect *detect;
	struct emitter emitter;
	uint64_t now_ns;
	unsigned batch_count;
	uint32_t batch_bytes;
	struct waiting batch[BATCH];
	uint8_t bytes[BATCH_BYTES];
};

/* --- what the stream tells ---------------------------------------------------------------------------------- */

static void engine_spoke(struct engine *e, struct flow *flow)
{
	struct event event;
	emitter_event_begin(&e->emitter, flow, TO_SERVER, &event);
	transport_spoke(&event);
	emitter_event(&e->emitter, &event);
}

static void engine_parser_end(struct engine *e, struct flow *flow)
{
	struct parse parse;
	if (!flow->parser || !flow->parser->end)
		return;
	emitter_parse_begin(&e->emitter, flow, TO_SERVER, &parse);
	flow->parser->end(&parse);
	memset(flow->state, 0, sizeof flow->state);
}

/* Another protocol begins in both directions. */
static void engine_become(struct engine *e, struct flow *flow, const struct parser *parser)
{
	engine_parser_end(e, flow);
	classify_as(e->classifier, flow, parser);
	for (unsigned i = 0; i < 2; i++) {
		flow->half[i].dead = false;
		flow->half[i].want = 0;
	}
}

static struct taken on_bytes(void *context, struct flow *flow, enum direction direction, struct slice bytes, bool whole);

static struct taken engine_parse(struct engine *e, struct flow *flow, enum direction direction, struct slice bytes, bool whole)
{
	struct parse parse;
	emitter_parse_begin(&e->emitter, flow, direction, &parse);
	parse.cut = flow->transport == TRANSPORT_UDP && !whole;
	enum verdict verdict = flow->parser->parse(&parse, bytes);
	emitter_parse_end(&e->emitter, flow);
	e->counters.messages_bad += verdict == PARSE_BAD;
	if (!parse.becomes && !parse.becomes_unknown)
		return (struct taken){parse.consumed, parse.skip, parse.want, verdict != PARSE_MORE};
	engine_become(e, flow, parse.becomes);
	bytes = slice_of(bytes.at + parse.consumed, bytes.size - parse.consumed);
	struct taken taken = bytes.size || parse.becomes ? on_bytes(e, flow, direction, bytes, whole) : (struct taken){0};
	taken.consumed += parse.consumed;
	return taken;
}

static struct taken on_bytes(void *context, struct flow *flow, enum direction direction, struct slice bytes, bool whole)
{
	struct engine *e = context;
	bool flipped = flow->flipped;
	enum classified classified = flow->parser ? CLASSIFIED_OURS : flow->parser_state ? CLASSIFIED_NOT
				   : classify_bytes(e->classifier, flow, direction, bytes);
	if (classified == CLASSIFIED_MAYBE && whole)
		return (struct taken){0};
	if (flow->flipped != flipped) /* the bytes have shown that client and server were taken for each other */
		direction = !direction;
	if (flow->parser)
		return engine_parse(e, flow, direction, bytes, whole);
	bool nobody = classified == CLASSIFIED_NOT;
	if (nobody && direction == TO_SERVER && flow->transport == TRANSPORT_TCP && !flow->carried)
		engine_spoke(e, flow);
	return (struct taken){.consumed = bytes.size, .done = nobody};
}

static void on_gap(void *context, struct flow *flow, enum direction direction, uint64_t missing)
{
	struct engine *e = context;
	bool nothing_yet = flow->session.state == SESSION_NONE && !flow->session.used;
	if (direction == TO_SERVER && nothing_yet && !flow->carried && !flow->escaped) { /* what it said is not known, but it spoke */
		flow->escaped = true;
		engine_spoke(e, flow);
	}
	if (!flow->parser || !flow->parser->gap)
		return;
	struct parse parse;
	emitter_parse_begin(&e->emitter, flow, direction, &parse);
	flow->parser->gap(&parse, missing);
	emitter_parse_end(&e->emitter, flow);
}

static void on_opened(void *context, struct flow *flow)
{
	struct engine *e = context;
	struct event event;
	if (flow->midstream)
		return;
	emitter_event_begin(&e->emitter, flow, TO_SERVER, &event);
	transport_opened(&event, flow);
	emitter_event(&e->emitter, &event);
}

static void engine_streams_end(struct engine *e, struct flow *flow)
{
	stream_end(e->streams, flow);
	struct flow *inner = flow_kin(e->flows, flow);
	if (inner) {
		stream_end(e->streams, inner);
		engine_parser_end(e, inner);
		flow_carry_end(e->flows, flow);
	}
	engine_parser_end(e, flow);
}

static void engine_failed(struct engine *e, struct flow *flow, const char *reason)
{
	struct event event;
	emitter_event_begin(&e->emitter, flow, TO_SERVER, &event);
	transport_failed(&event, reason);
	emitter_event(&e->emitter, &event);
}

static void on_refused(void *context, struct flow *flow)
{
	engine_failed(context, flow, "refused");
}

static void on_closed(void *context, struct flow *flow, const char *how, enum direction by)
{
	struct engine *e = context;
	struct event event;
	struct transport_detail detail;
	engine_streams_end(e, flow);
	emitter_event_begin(&e->emitter, flow, by, &event);
	transport_closed(&event, &detail, flow, how, by);
	emitter_event(&e->emitter, &event);
	classify_forget(e->classifier, flow);
}

/* --- what the flow table tells ------------------------------------------------------------------------------ */

/* What happens without a packet is shown by the flow's first. */
static void evidence_of(struct engine *e, const struct flow *flow, uint64_t now_ns)
{
	emitter_show(&e->emitter, now_ns, flow->first_frame, flow->first_file);
}

static void on_ended(void *context, struct flow *flow, uint64_t now_ns, const char *how)
{
	struct engine *e = context;
	evidence_of(e, flow, now_ns);
	bool ran_out = strcmp(how, "timeout") == 0;
	if (flow->transport == TRANSPORT_TCP) {
		if (strcmp(how, "no_answer") == 0)
			engine_failed(e, flow, how);
		else if (flow->tcp_state == FLOW_CLOSING) /* one side had said FIN, the other one fell silent */
			on_closed(e, flow, "fin", flow->half[TO_SERVER].fin_first ? TO_SERVER : TO_CLIENT);
		else if (ran_out && flow->tcp_state != FLOW_CLOSED)
			on_closed(e, flow, how, TO_SERVER);
		else
			engine_streams_end(e, flow);
	} else {
		engine_streams_end(e, flow);
		if (ran_out && transport_unanswered(flow))
			engine_failed(e, flow, "no_answer");
	}
	if (e->options.conversation && !flow->carried) /* one that is carried is told with its carrier */
		e->options.conversation(e->options.context, (const struct conversation[]){flow_conversation(flow)});
	classify_forget(e->classifier, flow);
}

static void on_deadline(void *context, struct flow *flow, uint64_t now_ns, const char *how)
{
	struct engine *e = context;
	struct parse parse;
	(void)how;
	struct flow *inner = flow_kin(e->flows, flow);
	struct flow *speaker = inner && inner->parser ? inner : flow;
	if (!speaker->parser || !speaker->parser->expire) {
		flow->session.deadline_ns = 0;
		return;
	}
	evidence_of(e, flow, now_ns);
	emitter_parse_begin(&e->emitter, speaker, TO_SERVER, &parse);
	parse.missed = (int32_t)(flow->half[TO_CLIENT].last_ack - flow->half[TO_SERVER].next_seq) > 0;
	speaker->parser->expire(&parse);
}

static void engine_time(struct engine *e, uint64_t now_ns)
{
	if (now_ns <= e->now_ns)
		return;
	e->now_ns = now_ns;
	flows_time(e->flows, now_ns, on_ended, on_deadline, e);
	emitter_time(&e->emitter, now_ns);
}

/* --- the line ----------------------------------------------------------------------------------------------- */

/* A flow that has begun to end is given less time than the wheel had set for it. */
static void engine_tcp(struct engine *e, struct flow *flow, enum direction direction, const struct datagram *d)
{
	uint8_t before = flow->tcp_state;
	stream_push(e->streams, flow, direction, d);
	if (flow->tcp_state != before && flow->tcp_state >= FLOW_CLOSING)
		flow_reschedule(e->flows, flow);
}

static void engine_udp(struct engine *e, struct flow *flow, enum direction direction, const struct datagram *d)
{
	struct half *half = &flow->half[direction];
	half->packets++;
	half->bytes += d->payload_bytes;
	if (d->refused) {
		if (direction == TO_CLIENT) /* the asker has gone before an answer came: says nothing of whom it asked */
			return;
		flow->session.state = SESSION_REFUSED;
		engine_failed(e, flow, "unreachable");
		return;
	}
	if (d->payload.size && flow->parser_state != 2)
		(void)on_bytes(e, flow, direction, d->payload, !d->cut);
}

static void engine_datagram(struct engine *e, const struct datagram *d, uint64_t hash)
{
	bool is_new;
	enum direction direction;
	engine_time(e, d->time_ns);
	struct flow *flow = flow_get(e->flows, d, hash, &is_new, &direction, on_ended, e);
	emitter_show(&e->emitter, d->time_ns, d->frame, d->file); /* here: on_ended() has spoken of the past */
	if (d->transport == TRANSPORT_TCP)
		engine_tcp(e, flow, direction, d);
	else
		engine_udp(e, flow, direction, d);
	if (!flow->parser && d->payload.size && !d->refused)
		classify_packet(e->classifier, flow, direction, d);
}

/* What the parser of a datagram will look for in its memory may be fetched once its flow is there. */
static void engine_prepare(const struct engine *e, const struct waiting *w)
{
	enum direction direction;
	const struct datagram *d = &w->datagram;
	const struct flow *flow = d->transport == TRANSPORT_UDP ? flow_peek(e->flows, d, w->hash, &direction) : NULL;
	if (flow && flow->parser && flow->parser->prepare)
		flow->parser->prepare(flow->state, e->memos, (uint8_t)direction, d->payload);
}

/* Each packet takes three steps: its flow is sent for, then what its parser needs, and then it is dealt with. */
static void engine_flush(struct engine *e)
{
	unsigned count = e->batch_count;
	for (unsigned i = 0; count && i < count + AHEAD; i++) {
		if (i < count)
			flow_prefetch(e->flows, e->batch[i].hash);
		if (i >= AHEAD - NEAR && i - (AHEAD - NEAR) < count)
			engine_prepare(e, &e->batch[i - (AHEAD - NEAR)]);
		if (i >= AHEAD)
			engine_datagram(e, &e->batch[i - AHEAD].datagram, e->batch[i - AHEAD].hash);
	}
	e->batch_count = 0;
	e->batch_bytes = 0;
}

static void engine_now(struct engine *e, const struct datagram *d)
{
	engine_flush(e);
	engine_datagram(e, d, flow_hash(e->flows, d));
}

/* The packet waits for its neighbours when its bytes can. */
static void engine_decode(struct engine *e, const struct packet *packet, bool waits)
{
	struct waiting *slot = &e->batch[e->batch_count];
	enum decoded decoded = decode(e->decoder, packet, &slot->datagram);
	if (e->options.datagram && decoded != DECODED_NOTHING)
		e->options.datagram(e->options.context, packet, &slot->datagram);
	switch (decoded) {
	case DECODED_NOTHING:
		return;
	case DECODED_JOINED: {
		struct datagram joined = slot->datagram;
		engine_now(e, &joined);
		return;
	}
	case DECODED_DATAGRAM:
		break;
	}
	if (!waits) {
		struct datagram large = slot->datagram;
		engine_now(e, &large);
		return;
	}
	slot->hash = flow_hash(e->flows, &slot->datagram);
	flow_prefetch_bucket(e->flows, slot->hash);
	if (++e->batch_count == BATCH || e->options.live) /* live, a packet must not wait for its neighbours */
		engine_flush(e);
}

void engine_packet(struct engine *e, const struct packet *packet)
{
	e->counters.packets++;
	e->counters.bytes += packet->wire_bytes;
	e->counters.truncated += packet->bytes.size < packet->wire_bytes;
	if (packet->stays) {
		engine_decode(e, packet, true);
		if (packet->stays == STAYS_LAST)
			engine_flush(e);
		return;
	}
	struct packet copy = *packet;
	bool fits = packet->bytes.size <= BATCH_BYTES - e->batch_bytes;
	if (fits) {
		memcpy(e->bytes + e->batch_bytes, packet->bytes.at, packet->bytes.size);
		copy.bytes.at = e->bytes + e->batch_bytes;
		e->batch_bytes += packet->bytes.size;
	}
	engine_decode(e, &copy, fits);
}

void engine_log(struct engine *e, const struct event *event)
{
	engine_flush(e);
	engine_time(e, event->time_ns);
	emitter_event(&e->emitter, event);
}

void engine_idle(struct engine *e, uint64_t now_ns)
{
	engine_flush(e);
	engine_time(e, now_ns);
}

bool engine_fuse(struct engine *e)
{
	const struct fusion_options options = {
		.tolerance_ns = e->options.config->fusion_tolerance_s * TW_SECOND, .seed = digest_seed(e->options.live),
		.counters = &e->counters, .detect = e->detect, .event = e->options.event, .context = e->options.context};
	e->emitter.fusion = options.tolerance_ns ? fusion_open(&options) : NULL;
	return e->emitter.fusion || !options.tolerance_ns;
}

struct fusion *engine_fusion(const struct engine *e)
{
	return e->emitter.fusion;
}

void engine_finish(struct engine *e)
{
	engine_flush(e);
	flows_finish(e->flows, e->now_ns, on_ended, e);
	if (e->emitter.fusion)
		fusion_flush(e->emitter.fusion);
	if (e->detect)
		detect_finish(e->detect);
}

/* --- life --------------------------------------------------------------------------------------------------- */

static void on_alert(void *context, const struct alert *alert)
{
	struct engine *e = context;
	++*(alert->update ? &e->counters.updates : &e->counters.alerts);
	e->options.alert(e->options.context, alert);
}

static bool engine_start(struct engine *e)
{
	const struct config *config = e->options.config;
	uint64_t seed = digest_seed(e->options.live);
	const struct stream_receiver receiver = {on_bytes, on_gap, on_opened, on_refused, on_closed, e};
	const struct classify_options classify = {config->decode_as, config->decode_as_count, LIMIT_NDPI_FLOWS, config->ndpi};
	const struct detect_options detect = {e->options.rules, config->limit_groups, seed, &e->counters, on_alert, e};
	e->decoder = decoder_open(config->limit_fragments, &e->counters);
	e->flows = flows_open(config->limit_flows, seed, &e->counters);
	e->streams = streams_open(config->limit_segments, &e->counters, &receiver);
	e->memos = memos_open(config->limit_memos, &e->counters);
	e->identities = identities_open(config->limit_flows, seed);
	e->classifier = classifier_open(&classify);
	if (e->options.rules)
		e->detect = detect_open(&detect);
	e->emitter = (struct emitter){.flows = e->flows, .streams = e->streams, .classifier = e->classifier, .memos = e->memos,
				      .identities = e->identities, .detect = e->detect, .counters = &e->counters,
				      .event = e->options.event, .context = e->options.context, .ended = on_ended, .ended_context = e};
	return e->decoder && e->flows && e->streams && e->memos && e->identities && e->classifier && (e->detect || !e->options.rules);
}

struct engine *engine_open(const struct engine_options *options)
{
	struct engine *e = calloc(1, sizeof *e);
	if (e) {
		e->options = *options;
		if (engine_start(e))
			return e;
		engine_close(e);
	}
	log_error("not enough memory for the tables; lower `limits` in the configuration");
	return NULL;
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	fusion_close(e->emitter.fusion);
	detect_close(e->detect);
	classifier_close(e->classifier);
	memos_close(e->memos);
	identities_close(e->identities);
	streams_close(e->streams);
	flows_close(e->flows);
	decoder_close(e->decoder);
	free(e);
}

bool engine_exchange(struct engine *e, struct rules *rules)
{
	engine_flush(e);
	if (!detect_exchange(e->detect, rules))
		return false;
	e->options.rules = rules;
	return true;
}

void engine_macs(struct engine *e, bool wanted)
{
	e->emitter.macs = wanted;
}

struct counters *engine_counters(struct engine *e)
{
	return &e->counters;
}

uint64_t engine_alerts_of(const struct engine *e, uint32_t rule_index)
{
	return e->detect ? detect_alerts_of(e->detect, rule_index) : 0;
}

uint64_t engine_events_of(const struct engine *e, enum protocol protocol)
{
	return e->emitter.events_of[protocol];
}
