#include "flow.h"
#include "hash.h"
#include "../parsers/parser.h"
#include <stddef.h>
#include <sys/mman.h>

/* Timer wheel: one slot a second, lists doubly linked by index. A flow that is due beyond the last slot waits in it
 * and is looked at again. */
enum { SLOTS = 4096, FIRST_BUCKETS = 1024 };

struct flows {
	struct flow *pool;
	uint32_t *buckets;
	uint32_t bucket_mask, bucket_limit;
	uint32_t capacity, used, touched, free_head;
	uint64_t seed, tick;
	bool evicting;
	struct counters *counters;
	uint32_t slot[SLOTS];
};

static void *reserve(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	madvise(at, bytes, MADV_HUGEPAGE); /* a million flows would miss the TLB on every packet otherwise */
	return at;
}

struct flows *flows_open(uint32_t capacity, uint64_t seed, struct counters *counters)
{
	struct flows *flows = reserve(sizeof *flows);
	if (!flows)
		return NULL;
	uint32_t limit = FIRST_BUCKETS;
	while (limit < capacity)
		limit *= 2;
	flows->pool = reserve((size_t)capacity * sizeof *flows->pool);
	flows->buckets = reserve((size_t)limit * sizeof *flows->buckets);
	flows->bucket_mask = FIRST_BUCKETS - 1;
	flows->bucket_limit = limit;
	flows->capacity = capacity;
	flows->free_head = FLOW_NONE;
	flows->seed = seed;
	flows->counters = counters;
	memset(flows->slot, 0xff, sizeof flows->slot);
	if (!flows->pool || !flows->buckets) {
		flows_close(flows);
		return NULL;
	}
	memset(flows->buckets, 0xff, FIRST_BUCKETS * sizeof *flows->buckets);
	return flows;
}

void flows_close(struct flows *flows)
{
	if (!flows)
		return;
	if (flows->pool)
		munmap(flows->pool, (size_t)flows->capacity * sizeof *flows->pool);
	if (flows->buckets)
		munmap(flows->buckets, (size_t)flows->bucket_limit * sizeof *flows->buckets);
	munmap(flows, sizeof *flows);
}

/* --- finding ------------------------------------------------------------------------------------------------ */

uint64_t flow_hash(const struct flows *flows, const struct datagram *d)
{
	uint64_t a = hash_bytes(&d->source, sizeof d->source, flows->seed + d->source_port);
	uint64_t b = hash_bytes(&d->target, sizeof d->target, flows->seed + d->target_port);
	return hash_join(a + b, d->transport); /* a sum: both directions agree */
}

void flow_prefetch_bucket(const struct flows *flows, uint64_t hash)
{
	__builtin_prefetch(&flows->buckets[hash & flows->bucket_mask]);
}

void flow_prefetch(const struct flows *flows, uint64_t hash)
{
	uint32_t index = flows->buckets[hash & flows->bucket_mask];
	if (index == FLOW_NONE)
		return;
	/* What nearly every packet needs: not the names of the session, not the end of a large parser's state. */
	static const uint16_t lines[] = {0, 64, 128, 192, 256, offsetof(struct flow, state)};
	const char *flow = (const char *)&flows->pool[index];
	for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++)
		__builtin_prefetch(flow + lines[i]);
}

static uint64_t address_difference(const struct address *a, const struct address *b)
{
	uint64_t x[2], y[2];
	memcpy(x, a, sizeof x);
	memcpy(y, b, sizeof y);
	return (x[0] ^ y[0]) | (x[1] ^ y[1]);
}

/* Which way a packet goes nobody can guess, a branch predictor neither: both ways are compared, without a branch. */
static bool flow_matches(const struct flow *flow, const struct datagram *d, enum direction *direction)
{
	const struct ends *ends = &flow->ends;
	uint64_t forth = address_difference(&ends->client, &d->source) | address_difference(&ends->server, &d->target) |
			 (unsigned)(ends->client_port ^ d->source_port) | (unsigned)(ends->server_port ^ d->target_port);
	uint64_t back = address_difference(&ends->client, &d->target) | address_difference(&ends->server, &d->source) |
			(unsigned)(ends->client_port ^ d->target_port) | (unsigned)(ends->server_port ^ d->source_port);
	*direction = forth ? TO_CLIENT : TO_SERVER;
	return flow->transport == d->transport && (!forth | !back);
}

static struct flow *flow_find(const struct flows *flows, const struct datagram *d, uint64_t hash, enum direction *direction)
{
	uint32_t index = flows->buckets[hash & flows->bucket_mask];
	for (; index != FLOW_NONE; index = flows->pool[index].next) {
		struct flow *flow = &flows->pool[index];
		if (flow->hash == hash && flow_matches(flow, d, direction))
			return flow;
	}
	return NULL;
}

const struct flow *flow_peek(const struct flows *flows, const struct datagram *d, uint64_t hash, enum direction *direction)
{
	return flow_find(flows, d, hash, direction);
}

/* Doubles the buckets: each old chain is shared out between itself and its image. */
static void flows_grow(struct flows *flows)
{
	uint32_t old = flows->bucket_mask + 1;
	flows->bucket_mask = old * 2 - 1;
	for (uint32_t i = 0; i < old; i++) {
		uint32_t index = flows->buckets[i];
		uint32_t *low = &flows->buckets[i], *high = &flows->buckets[i + old];
		for (; index != FLOW_NONE; index = flows->pool[index].next) {
			uint32_t **tail = flows->pool[index].hash & old ? &high : &low;
			**tail = index;
			*tail = &flows->pool[index].next;
		}
		*low = FLOW_NONE;
		*high = FLOW_NONE;
	}
}

/* --- the wheel ---------------------------------------------------------------------------------------------- */

static uint64_t flow_due(const struct flow *flow)
{
	uint64_t due;
	if (flow->transport != TRANSPORT_TCP)
		return flow->last_seen_ns + TIMEOUT_UDP_S * TW_SECOND;
	switch (flow->tcp_state) {
	case FLOW_SYN_SEEN:
		return flow->last_seen_ns + TIMEOUT_TCP_OPENING_S * TW_SECOND;
	case FLOW_CLOSED:
		return flow->last_seen_ns + TIMEOUT_TCP_CLOSED_S * TW_SECOND;
	case FLOW_CLOSING:
		return flow->last_seen_ns + TIMEOUT_UDP_S * TW_SECOND;
	default:
		due = flow->last_seen_ns + TIMEOUT_TCP_S * TW_SECOND;
		break;
	}
	return flow->session.deadline_ns ? flow->session.deadline_ns : due;
}

static void wheel_insert(struct flows *flows, struct flow *flow, uint64_t due_ns)
{
	uint64_t due = due_ns / TW_SECOND + 1, first = flows->tick + 1, last = flows->tick + SLOTS - 1;
	uint32_t index = (uint32_t)(flow - flows->pool);
	if (due < first)
		due = first;
	if (due > last)
		due = last;
	uint32_t *head = &flows->slot[due % SLOTS];
	flow->expires_ns = due * TW_SECOND;
	flow->wheel_prev = FLOW_NONE;
	flow->wheel_next = *head;
	if (*head != FLOW_NONE)
		flows->pool[*head].wheel_prev = index;
	*head = index;
}

static void wheel_remove(struct flows *flows, struct flow *flow)
{
	uint64_t due = flow->expires_ns / TW_SECOND;
	if (flow->wheel_prev != FLOW_NONE)
		flows->pool[flow->wheel_prev].wheel_next = flow->wheel_next;
	else
		flows->slot[due % SLOTS] = flow->wheel_next;
	if (flow->wheel_next != FLOW_NONE)
		flows->pool[flow->wheel_next].wheel_prev = flow->wheel_prev;
}

void flow_reschedule(struct flows *flows, struct flow *flow)
{
	wheel_remove(flows, flow);
	wheel_insert(flows, flow, flow_due(flow));
}

/* --- life --------------------------------------------------------------------------------------------------- */

static void flow_give(struct flows *flows, struct flow *flow)
{
	flow->transport = 0; /* marks it free */
	flow->next = flows->free_head;
	flows->free_head = (uint32_t)(flow - flows->pool);
}

static void flow_free(struct flows *flows, struct flow *flow)
{
	uint32_t index = (uint32_t)(flow - flows->pool);
	uint32_t *link = &flows->buckets[flow->hash & flows->bucket_mask];
	while (*link != index)
		link = &flows->pool[*link].next;
	*link = flow->next;
	wheel_remove(flows, flow);
	flow_carry_end(flows, flow);
	flow_give(flows, flow);
	flows->used--;
}

/* The flow that is due first gives way, but not `keep`. */
static void flow_evict(struct flows *flows, const struct flow *keep, flow_ended *ended, void *context)
{
	for (uint64_t tick = flows->tick + 1; tick < flows->tick + SLOTS; tick++) {
		uint32_t index = flows->slot[tick % SLOTS];
		if (index != FLOW_NONE && &flows->pool[index] == keep)
			index = keep->wheel_next;
		if (index == FLOW_NONE)
			continue;
		struct flow *flow = &flows->pool[index];
		flows->counters->flows_evicted++;
		flows->evicting = true; /* its last bytes may ask for room themselves */
		ended(context, flow, flow->last_seen_ns, "evicted");
		flows->evicting = false;
		flow_free(flows, flow);
		return;
	}
}

static bool port_of_server(uint16_t port)
{
	static const uint16_t known[] = {1883, 8883, 8884, 1884, 5683, 5684, 8080, 8443, 8083, 8084, 9001, 5672, 5671};
	if (port < 1024)
		return true;
	for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i] == port)
			return true;
	return false;
}

static bool sender_is_client(const struct datagram *d)
{
	if (d->transport == TRANSPORT_TCP && (d->tcp_flags & TCP_SYN))
		return !(d->tcp_flags & TCP_ACK);
	return d->refused || !port_of_server(d->source_port) || port_of_server(d->target_port);
}

/* A group's address is nobody's own. */
static void mac_keep(struct flow *flow, enum direction direction, const uint8_t mac[6])
{
	if (mac[0] & 1)
		return;
	memcpy(flow->half[direction].mac_head, mac, 3);
	memcpy(flow->mac_tail[direction], mac + 3, 3);
}

static void flow_begin(struct flow *flow, const struct datagram *d, uint64_t hash, enum direction *direction)
{
	memset(flow, 0, sizeof *flow);
	*direction = sender_is_client(d) ? TO_SERVER : TO_CLIENT;
	if (*direction == TO_SERVER)
		flow->ends = (struct ends){d->source, d->target, d->source_port, d->target_port};
	else
		flow->ends = (struct ends){d->target, d->source, d->target_port, d->source_port};
	flow->transport = d->transport;
	flow->hash = hash;
	flow->first_seen_ns = flow->last_seen_ns = d->time_ns;
	flow->first_frame = d->frame;
	flow->first_file = d->file;
	flow->ndpi = flow->kin = FLOW_NONE;
	for (unsigned i = 0; i < 2; i++)
		flow->half[i].held = flow->half[i].pending = FLOW_NONE;
	if (d->ether) {
		mac_keep(flow, !*direction, d->ether);
		mac_keep(flow, *direction, d->ether + 6);
	}
	/* 53 bits: the number survives every JSON reader. Not seeded: the same on every run. */
	flow->flow_id = hash_join(hash_bytes(&flow->ends, sizeof flow->ends, flow->transport), d->time_ns) >> 11;
}

static bool begins_anew(const struct flow *flow, const struct datagram *d)
{
	return d->transport == TRANSPORT_TCP && (d->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN &&
	       flow->tcp_state >= FLOW_CLOSING;
}

/* Room for one more flow. */
static struct flow *flow_take(struct flows *flows, const struct flow *keep, flow_ended *ended, void *context)
{
	if (flows->free_head == FLOW_NONE && flows->touched == flows->capacity && !flows->evicting)
		flow_evict(flows, keep, ended, context);
	if (flows->free_head == FLOW_NONE)
		return flows->touched < flows->capacity ? &flows->pool[flows->touched++] : NULL;
	struct flow *flow = &flows->pool[flows->free_head];
	flows->free_head = flow->next;
	return flow;
}

struct flow *flow_get(struct flows *flows, const struct datagram *d, uint64_t hash, bool *is_new,
		      enum direction *direction, flow_ended *ended, void *context)
{
	struct flow *flow = flow_find(flows, d, hash, direction);
	*is_new = false;
	if (flow && begins_anew(flow, d)) {
		ended(context, flow, flow->last_seen_ns, "replaced");
		flow_free(flows, flow);
		flow = NULL;
	}
	if (flow) {
		if (d->time_ns > flow->last_seen_ns)
			flow->last_seen_ns = d->time_ns;
		return flow;
	}
	flow = flow_take(flows, NULL, ended, context);
	if (flows->used > flows->bucket_mask && flows->bucket_mask + 1 < flows->bucket_limit)
		flows_grow(flows);
	flow_begin(flow, d, hash, direction);
	uint32_t *bucket = &flows->buckets[hash & flows->bucket_mask];
	flow->next = *bucket;
	*bucket = (uint32_t)(flow - flows->pool);
	flows->used++;
	flows->counters->flows++;
	wheel_insert(flows, flow, flow_due(flow) < flow->last_seen_ns + TIMEOUT_TCP_OPENING_S * TW_SECOND
					  ? flow_due(flow)
					  : flow->last_seen_ns + TIMEOUT_TCP_OPENING_S * TW_SECOND);
	*is_new = true;
	return flow;
}

struct flow *flow_kin(const struct flows *flows, const struct flow *flow)
{
	return flow->kin == FLOW_NONE ? NULL : &flows->pool[flow->kin];
}

struct flow *flow_carry(struct flows *flows, struct flow *carrier, flow_ended *ended, void *context)
{
	if (carrier->kin != FLOW_NONE)
		return flow_kin(flows, carrier);
	struct flow *flow = flow_take(flows, carrier, ended, context);
	if (!flow)
		return NULL;
	*flow = (struct flow){
		.ends = carrier->ends,
		.transport = carrier->transport,
		.tcp_state = FLOW_OPEN,
		.midstream = carrier->midstream,
		.kin = (uint32_t)(carrier - flows->pool),
		.wheel_next = FLOW_NONE,
		.wheel_prev = FLOW_NONE,
		.first_seen_ns = carrier->last_seen_ns,
		.flow_id = carrier->flow_id,
		.ndpi = FLOW_NONE,
		.carried = true,
		.half = {{.held = FLOW_NONE, .pending = FLOW_NONE}, {.held = FLOW_NONE, .pending = FLOW_NONE}},
	};
	carrier->kin = (uint32_t)(flow - flows->pool);
	return flow;
}

void flow_carry_end(struct flows *flows, struct flow *carrier)
{
	struct flow *flow = flow_kin(flows, carrier);
	if (!flow)
		return;
	carrier->kin = FLOW_NONE;
	flow_give(flows, flow);
}

uint32_t flow_index(const struct flows *flows, const struct flow *flow)
{
	return (uint32_t)(flow - flows->pool);
}

struct flow *flow_at(const struct flows *flows, uint32_t index)
{
	return &flows->pool[index];
}

void flow_macs(const struct flow *flow, uint8_t out[2][6])
{
	for (unsigned i = 0; i < 2; i++) {
		memcpy(out[i], flow->half[i].mac_head, 3);
		memcpy(out[i] + 3, flow->mac_tail[i], 3);
	}
}

struct conversation flow_conversation(const struct flow *flow)
{
	return (struct conversation){
		.ends = &flow->ends,
		.app_proto = flow->app_proto,
		.parser = flow->parser ? flow->parser->name : NULL,
		.first_ns = flow->first_seen_ns,
		.last_ns = flow->last_seen_ns,
		.bytes = {flow->half[0].bytes, flow->half[1].bytes},
		.packets = {flow->half[0].packets, flow->half[1].packets},
		.transport = flow->transport,
		.midstream = flow->midstream,
	};
}

void flow_flip(struct flow *flow)
{
	struct half half = flow->half[0];
	flow->half[0] = flow->half[1];
	flow->half[1] = half;
	uint8_t tail[3];
	memcpy(tail, flow->mac_tail[0], sizeof tail);
	memcpy(flow->mac_tail[0], flow->mac_tail[1], sizeof tail);
	memcpy(flow->mac_tail[1], tail, sizeof tail);
	flow->ends = (struct ends){flow->ends.server, flow->ends.client, flow->ends.server_port, flow->ends.client_port};
	flow->flipped = !flow->flipped;
}

static void flow_expire(struct flows *flows, struct flow *flow, uint64_t now_ns, flow_ended *ended,
			flow_ended *deadline, void *context)
{
	uint64_t due = flow_due(flow);
	if (due > now_ns) {
		flow_reschedule(flows, flow);
		return;
	}
	if (flow->session.deadline_ns == due && flow->tcp_state == FLOW_OPEN) {
		deadline(context, flow, due, "deadline");
		if (flow->session.deadline_ns == due)
			flow->session.deadline_ns = 0;
		flow_reschedule(flows, flow);
		return;
	}
	ended(context, flow, due, flow->tcp_state == FLOW_SYN_SEEN ? "no_answer" : "timeout");
	flow_free(flows, flow);
}

void flows_time(struct flows *flows, uint64_t now_ns, flow_ended *ended, flow_ended *deadline, void *context)
{
	uint64_t tick = now_ns / TW_SECOND;
	if (tick <= flows->tick)
		return;
	if (tick - flows->tick >= SLOTS) /* a jump: one turn of the wheel meets everybody */
		flows->tick = tick - SLOTS + 1;
	while (flows->tick < tick) {
		uint32_t *head = &flows->slot[++flows->tick % SLOTS];
		/* What is put back goes to later slots: this list ends. */
		while (*head != FLOW_NONE)
			flow_expire(flows, &flows->pool[*head], now_ns, ended, deadline, context);
	}
}

void flows_finish(struct flows *flows, uint64_t now_ns, flow_ended *ended, void *context)
{
	for (uint32_t i = 0; i < flows->touched; i++)
		if (flows->pool[i].transport && !flows->pool[i].carried) {
			/* One that has ended stands here only so that its late packets are known. */
			flows->counters->flows_active += flows->pool[i].tcp_state != FLOW_CLOSED;
			ended(context, &flows->pool[i], now_ns, "end_of_input");
			flow_free(flows, &flows->pool[i]);
		}
}
