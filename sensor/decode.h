/* decode.h - link, network and transport headers: a frame becomes a datagram.
 *
 * Ethernet, VLAN/QinQ, Linux cooked v1 and v2, null/loopback, raw IP, PPP, PPPoE, MPLS, GRE, ERSPAN, VXLAN, Geneve,
 * IP in IP; IPv4, IPv6 with extension headers; fragments joined (fragments.h); TCP, UDP, and ICMP errors that refuse
 * a datagram. Tunnels nest to a bound. Length and checksum faults are counted. */
#ifndef TW_DECODE_H
#define TW_DECODE_H

#include "counters.h"
#include "packet.h"

struct decoder;

struct decoder *decoder_open(uint32_t fragments, struct counters *counters); /* NULL when memory is refused */
void decoder_close(struct decoder *decoder);

enum decoded {
	DECODED_NOTHING,  /* not IP, not TCP/UDP, malformed, or a fragment that waits: counted */
	DECODED_DATAGRAM, /* payload borrows the packet */
	DECODED_JOINED    /* payload borrows the decoder until its next call */
};
enum decoded decode(struct decoder *decoder, const struct packet *packet, struct datagram *out);

bool decode_knows_link(uint16_t link_type);

#endif
