/* owners.h - whose a device is and where it stands: a list that a person keeps, as CSV or YAML. A row is keyed by an address or
 * network, an Ethernet address, a client identifier, or several of them; it says owner, site, or both.
 *
 *    address,mac,client_id,owner,site            - {address: 10.1.2.0/24, site: hall 2}
 *    10.1.2.17,,,Ann Lee,hall 2                  - {client_id: pump-7, owner: "Ann Lee"}
 *
 * Columns may stand in any order, others are passed over. */
#ifndef TW_OWNERS_H
#define TW_OWNERS_H

#include "packet.h"
#include <stddef.h>

struct owners;

/* What a row can be found by; NULL or absent: not known. */
struct owner_key {
	const struct address *address;
	const uint8_t *mac;
	struct slice client_id;
};

struct owner {
	struct slice owner, site; /* live as long as the list */
};

/* NULL after having put into `why` what is wrong with the file. A row that is wrong is left out; *left_out counts these, and `why`
 * then tells of the first one. */
struct owners *owners_open(const char *path, unsigned *left_out, char *why, size_t size);
void owners_close(struct owners *owners);
/* Owner and site each from the most telling row that has it: of this very address, of the Ethernet address, of the client
 * identifier, which anybody may claim, of the smallest network around the address. */
struct owner owners_find(const struct owners *owners, const struct owner_key *key);

#endif
