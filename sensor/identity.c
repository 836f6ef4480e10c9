#include "identity.h"
#include "hash.h"
#include "pool.h"
#include <stdlib.h>

struct identities {
	struct pool places; /* flow index plus 1; 0: nobody */
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
	if (pool_open(&identities->places, sizeof(uint32_t), places))
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

static bool is_live(const struct flow *flow)
{
	return flow->transport && !flow->carried && flow->tcp_state != FLOW_CLOSED && flow->session.state == SESSION_UP;
}

const struct address *identity_begins(struct identities *identities, const struct flows *flows, const struct flow *flow)
{
	struct slice name = name_slice(&flow->session.client_id);
	if (!name.size)
		return NULL;
	uint64_t hash = hash_join(hash_bytes(&flow->ends.server, sizeof flow->ends.server, identities->seed),
				  hash_slice(name, identities->seed));
	uint32_t *place = pool_at(&identities->places, (uint32_t)hash & identities->mask);
	struct flow *held = *place ? flow_at(flows, *place - 1) : NULL;
	*place = flow_index(flows, flow) + 1;
	if (!held || held == flow || !is_live(held) || !slice_equal(name_slice(&held->session.client_id), name) ||
	    !address_equal(&held->ends.server, &flow->ends.server))
		return NULL;
	bool same = address_equal(&held->ends.client, &flow->ends.client);
	held->session.successor = same ? SUCCESSOR_SAME_ADDRESS : SUCCESSOR_OTHER_ADDRESS;
	return same ? NULL : &held->ends.client;
}
