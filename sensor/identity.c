#include "identity.h"
#include "hash.h"
#include "pool.h"
#include <stdlib.h>

/* Of one name, flow indices plus 1; 0: nobody. */
struct place {
	uint32_t holder; /* whom the server let in last */
	uint32_t asker;  /* who asked last, and the holder was live */
};

struct identities {
	struct pool places;
	uint32_t mask;
	uint64_t seed;
};

struct identities *identities_open(uint32_t flows, uint64_t seed)
{
	struct identities *identities = calloc(1, sizeof *identities);
	uint32_t places = 1024;
	while (places < flows && places < 1u << 31)
		places *= 2;
	if (!identities)
		return NULL;
	identities->mask = places - 1;
	identities->seed = seed;
	if (pool_open(&identities->places, sizeof(struct place), places))
		return identities;
	identities_close(identities);
	return NULL;
}

void identities_close(struct identities *identities)
{
	if (!identities)
		return;
	pool_close(&identities->places);
	free(identities);
}

/* A session of which one side has said FIN ends by itself. */
static bool is_live(const struct flow *flow)
{
	return flow->tcp_state < FLOW_CLOSING && flow->session.state == SESSION_UP;
}

static struct place *place_of(struct identities *identities, const struct flow *flow)
{
	struct slice name = name_slice(&flow->session.client_id);
	if (!name.size)
		return NULL;
	uint64_t hash = hash_join(hash_bytes(&flow->ends.server, sizeof flow->ends.server, identities->seed),
				  hash_slice(name, identities->seed));
	return pool_at(&identities->places, (uint32_t)hash & identities->mask);
}

/* The other flow that holds the name of this one; NULL when there is none. */
static struct flow *rival_of(const struct place *place, const struct flows *flows, const struct flow *flow)
{
	struct flow *held = place->holder ? flow_at(flows, place->holder - 1) : NULL;
	bool same = held && held != flow && held->transport && !held->carried &&
		    slice_equal(name_slice(&held->session.client_id), name_slice(&flow->session.client_id)) &&
		    address_equal(&held->ends.server, &flow->ends.server);
	return same ? held : NULL;
}

static uint8_t successor_of(const struct flow *held, const struct flow *flow)
{
	return address_equal(&held->ends.client, &flow->ends.client) ? SUCCESSOR_SAME_ADDRESS : SUCCESSOR_OTHER_ADDRESS;
}

void identity_asked(struct identities *identities, const struct flows *flows, const struct flow *flow)
{
	struct place *place = place_of(identities, flow);
	struct flow *held = place ? rival_of(place, flows, flow) : NULL;
	if (!held || !is_live(held))
		return;
	place->asker = flow_index(flows, flow) + 1;
	held->session.successor = successor_of(held, flow);
}

/* Has this flow asked while the holder was live? That is told once. */
static bool take_asked(struct place *place, const struct flows *flows, const struct flow *flow)
{
	bool asked = place->asker == flow_index(flows, flow) + 1;
	if (asked)
		place->asker = 0;
	return asked;
}

void identity_refused(struct identities *identities, const struct flows *flows, const struct flow *flow)
{
	struct place *place = place_of(identities, flow);
	struct flow *held = place && take_asked(place, flows, flow) ? rival_of(place, flows, flow) : NULL;
	if (held)
		held->session.successor = SUCCESSOR_NONE;
}

const struct address *identity_begins(struct identities *identities, const struct flows *flows, const struct flow *flow)
{
	struct place *place = place_of(identities, flow);
	if (!place)
		return NULL;
	struct flow *held = rival_of(place, flows, flow);
	bool asked = take_asked(place, flows, flow);
	place->holder = flow_index(flows, flow) + 1;
	if (!held || !(asked || is_live(held)))
		return NULL;
	held->session.successor = successor_of(held, flow);
	return held->session.successor == SUCCESSOR_OTHER_ADDRESS ? &held->ends.client : NULL;
}
