/* group_key.h - the group of a rule that an event belongs to.
 *
 * A client id or user that was not seen, because the session was joined half-way or has none, is nobody else's: its conversation
 * stands for it. A log's server is the log's own where it does not tell the address. A client whose address a log does not tell is
 * nobody: see untold_end(). */
#ifndef TW_GROUP_KEY_H
#define TW_GROUP_KEY_H

#include "rule.h"

enum { GROUP_HASHES = 32 };

/* The hashes of fields' values in the event at hand: many rules group by the same few fields. */
struct group_hashes {
	uint64_t seed;
	uint64_t event; /* number of the one at hand: raise it for each */
	struct hashed {
		const struct field *field;
		uint64_t event, hash;
		bool there;
	} hashed[GROUP_HASHES];
};

/* False when a field to group by is not in the event: it is then not counted. */
bool group_key(struct group_hashes *hashes, const struct rule *rule, unsigned role, const struct event *event, uint64_t *key);

#endif
