/* context.h - what is known of the two ends of an event beyond the traffic itself: where, in whose network, whose device.
 * Borrows; dies with the next event. Texts that are not known are absent (at NULL). */
#ifndef TW_CONTEXT_H
#define TW_CONTEXT_H

#include "bytes.h"

struct context_end {
	struct slice country;      /* ISO 3166-1 alpha-2 */
	struct slice country_name, city;
	uint32_t asn;              /* autonomous system; 0: not known */
	struct slice as_org;
	struct slice network;      /* the name that the configuration gives the network around the address */
	const uint8_t *mac;        /* six bytes: of the frame as it was tapped, behind a router the router's; NULL: not known */
	struct slice mac_vendor, owner, site;
};

struct context {
	struct context_end src, dest; /* client and server, as src_ip and dest_ip */
};

/* Is there anything to tell of this end? */
static inline bool context_known(const struct context_end *end)
{
	return end->country.at || end->country_name.at || end->city.at || end->asn || end->as_org.at || end->network.at || end->mac ||
	       end->owner.at || end->site.at;
}

#endif
