/* decode_common.h - the frame that nearly every one is: TCP or UDP in IPv4 without options in Ethernet, whole and unfragmented. It is
 * read in one go, to the same end as by the steps of decode.c. */
#ifndef TW_DECODE_COMMON_H
#define TW_DECODE_COMMON_H

#include "counters.h"
#include "packet.h"

/* False when it is another frame, or one with a fault: `out` is then to be filled anew. */
bool decode_common(struct counters *counters, const struct packet *packet, struct datagram *out);

enum { DECODE_ETHER_IPV4 = 0x0800 };
enum { DECODE_VXLAN = 4789, DECODE_VXLAN_OLD = 8472, DECODE_GENEVE = 6081 };

/* To this UDP port goes what may carry another frame. */
static inline bool decode_is_tunnel(uint16_t port)
{
	return port == DECODE_VXLAN || port == DECODE_VXLAN_OLD || port == DECODE_GENEVE;
}

static inline void decode_set_v4(struct address *address, const uint8_t *at)
{
	static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	memcpy(address->bytes, prefix, sizeof prefix);
	memcpy(address->bytes + 12, at, 4);
}

#endif
