/* wire.h - packets built by hand, from the inside out: payload, transport, network, then whatever is put around it.
 * Lengths and checksums are right unless a test spoils them afterwards. */
#ifndef TW_TEST_WIRE_H
#define TW_TEST_WIRE_H

#include "sensor/packet.h"

enum { WIRE_HEAD = 2048, WIRE_ROOM = WIRE_HEAD + 66000 };

struct wire {
	uint32_t at, size;       /* the packet is room[at .. at + size) */
	uint16_t ethertype;      /* of what is there so far */
	uint16_t link_type;      /* DLT_* */
	uint8_t room[WIRE_ROOM];
};

struct address wire_address(const char *text); /* aborts when it is none */

void wire_begin(struct wire *wire, struct slice payload);
uint8_t *wire_front(struct wire *wire, uint32_t bytes); /* makes room before what is there, zeroed */
struct slice wire_bytes(const struct wire *wire);
void wire_put16(uint8_t *at, uint32_t value);
void wire_put32(uint8_t *at, uint32_t value);

void wire_tcp(struct wire *wire, const struct address *from, const struct address *to, uint16_t from_port, uint16_t to_port,
	      uint32_t seq, uint32_t ack, uint8_t flags);
void wire_udp(struct wire *wire, const struct address *from, const struct address *to, uint16_t from_port, uint16_t to_port);
/* IPv4 or IPv6, as the addresses are. `fragment`: offset in bytes, 1 added when more follow; 0 for a whole packet. */
void wire_ip(struct wire *wire, const struct address *from, const struct address *to, uint8_t protocol);
void wire_ip_fragment(struct wire *wire, const struct address *from, const struct address *to, uint8_t protocol, uint32_t id,
		      uint32_t fragment);

void wire_vlan(struct wire *wire, uint16_t tpid, uint16_t id);
void wire_mpls(struct wire *wire, uint32_t label, bool bottom);
void wire_pppoe(struct wire *wire);
void wire_ethernet(struct wire *wire);
void wire_snap(struct wire *wire);           /* 802.3 with LLC and SNAP */
void wire_sll(struct wire *wire);
void wire_sll2(struct wire *wire);
void wire_null(struct wire *wire);
void wire_raw(struct wire *wire);
void wire_ppp(struct wire *wire);
void wire_gre(struct wire *wire, uint16_t flags, uint16_t type); /* flags: 0x8000 checksum, 0x2000 key, 0x1000 sequence */
void wire_erspan(struct wire *wire, unsigned type);              /* 1, 2 or 3: header and GRE before an Ethernet frame */
void wire_vxlan(struct wire *wire);          /* around an Ethernet frame: VXLAN, UDP, IP of a tunnel */
void wire_geneve(struct wire *wire, unsigned option_words);
/* IP of the tunnel's ends around what is there. */
void wire_tunnel_ip(struct wire *wire, uint8_t protocol);
/* IPv6 extension header before what an IPv6 packet carries: hop by hop 0, routing 43, destination 60, authentication 51. */
void wire_v6_extension(struct wire *wire, uint8_t next, unsigned words);

struct packet wire_packet(const struct wire *wire, uint64_t time_ns, uint32_t frame);

/* Every way that this program must see through. */
struct wrapping {
	const char *name;
	void (*wrap)(struct wire *wire); /* around an IP packet */
};
extern const struct wrapping wire_wrappings[]; /* ends at a NULL name */

uint16_t wire_checksum(uint32_t sum, const uint8_t *at, uint32_t size);

#endif
