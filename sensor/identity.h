/* identity.h - who holds a client identifier at a server. When somebody asks for it while its session is live, that session learns
 * of its successor: a device that lost its link and came back from the same address hands over, another address takes over.
 *
 * What counts is who was live when the CONNECT came: brokers throw the old session out first and let the new one in then.
 *
 * One place per flow of the table, found by hash and verified with the flow itself: a clash of hashes costs the memory of the
 * older of two identities, nothing else. */
#ifndef TW_IDENTITY_H
#define TW_IDENTITY_H

#include "flow.h"

struct identities;

struct identities *identities_open(uint32_t flows, uint64_t seed); /* NULL when memory is refused */
void identities_close(struct identities *identities);

/* The flow's client asks to be let in under the name that its session has. */
void identity_asked(struct identities *identities, const struct flows *flows, const struct flow *flow);
/* The server has not let it in: who held the name has no successor. */
void identity_refused(struct identities *identities, const struct flows *flows, const struct flow *flow);
/* The server has let it in. The address of the session that it takes over, NULL when it takes none from another address: it lies
 * in the other flow. */
const struct address *identity_begins(struct identities *identities, const struct flows *flows, const struct flow *flow);

#endif
