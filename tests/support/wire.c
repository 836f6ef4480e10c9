#include "wire.h"
#include <pcap/dlt.h>
#include <stdio.h>
#include <stdlib.h>

struct address wire_address(const char *text)
{
	struct address address;
	if (!address_parse(text, &address)) {
		fprintf(stderr, "%s is no address\n", text);
		abort();
	}
	return address;
}

void wire_put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void wire_put32(uint8_t *at, uint32_t value)
{
	wire_put16(at, value >> 16);
	wire_put16(at + 2, value);
}

void wire_begin(struct wire *w, struct slice payload)
{
	w->at = WIRE_HEAD;
	w->size = payload.size;
	w->ethertype = 0;
	w->link_type = DLT_RAW;
	if (payload.size > WIRE_ROOM - WIRE_HEAD)
		abort();
	if (payload.size)
		memcpy(w->room + w->at, payload.at, payload.size);
}

uint8_t *wire_front(struct wire *w, uint32_t bytes)
{
	if (bytes > w->at)
		abort();
	w->at -= bytes;
	w->size += bytes;
	memset(w->room + w->at, 0, bytes);
	return w->room + w->at;
}

struct slice wire_bytes(const struct wire *w)
{
	return slice_of(w->room + w->at, w->size);
}

/* One's complement sum, big-endian, not yet inverted. */
static uint32_t sum16(uint32_t sum, const uint8_t *at, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		sum += i & 1 ? at[i] : (uint32_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

uint16_t wire_checksum(uint32_t sum, const uint8_t *at, uint32_t size)
{
	return (uint16_t)~sum16(sum, at, size);
}

static uint16_t transport_checksum(const struct wire *w, const struct address *from, const struct address *to, uint8_t protocol)
{
	uint32_t skip = address_is_v4(from) ? 12 : 0, sum = protocol + w->size;
	sum = sum16(sum, from->bytes + skip, 16 - skip);
	sum = sum16(sum, to->bytes + skip, 16 - skip);
	uint16_t checksum = wire_checksum(sum, w->room + w->at, w->size);
	return checksum ? checksum : 0xffff;
}

void wire_tcp(struct wire *w, const struct address *from, const struct address *to, uint16_t from_port, uint16_t to_port,
	      uint32_t seq, uint32_t ack, uint8_t flags)
{
	uint8_t *at = wire_front(w, 20);
	wire_put16(at, from_port);
	wire_put16(at + 2, to_port);
	wire_put32(at + 4, seq);
	wire_put32(at + 8, ack);
	at[12] = 0x50;
	at[13] = flags;
	wire_put16(at + 14, 8192);
	wire_put16(at + 16, transport_checksum(w, from, to, TRANSPORT_TCP));
}

void wire_udp(struct wire *w, const struct address *from, const struct address *to, uint16_t from_port, uint16_t to_port)
{
	uint8_t *at = wire_front(w, 8);
	wire_put16(at, from_port);
	wire_put16(at + 2, to_port);
	wire_put16(at + 4, w->size);
	wire_put16(at + 6, transport_checksum(w, from, to, TRANSPORT_UDP));
}

static void ipv4(struct wire *w, const struct address *from, const struct address *to, uint8_t protocol, uint32_t id,
		 uint32_t fragment)
{
	uint8_t *at = wire_front(w, 20);
	at[0] = 0x45;
	wire_put16(at + 2, w->size);
	wire_put16(at + 4, id);
	wire_put16(at + 6, (fragment & 1 ? 0x2000u : 0u) | fragment / 8);
	at[8] = 64;
	at[9] = protocol;
	memcpy(at + 12, from->bytes + 12, 4);
	memcpy(at + 16, to->bytes + 12, 4);
	wire_put16(at + 10, wire_checksum(0, at, 20));
	w->ethertype = 0x0800;
}

static void ipv6(struct wire *w, const struct address *from, const struct address *to, uint8_t protocol, uint32_t id,
		 uint32_t fragment)
{
	if (fragment || id) {
		uint8_t *piece = wire_front(w, 8);
		piece[0] = protocol;
		wire_put16(piece + 2, fragment);
		wire_put32(piece + 4, id);
		protocol = 44;
	}
	uint32_t size = w->size;
	uint8_t *at = wire_front(w, 40);
	at[0] = 0x60;
	wire_put16(at + 4, size);
	at[6] = protocol;
	at[7] = 64;
	memcpy(at + 8, from->bytes, 16);
	memcpy(at + 24, to->bytes, 16);
	w->ethertype = 0x86dd;
}

void wire_ip_fragment(struct wire *w, const struct address *from, const struct address *to, uint8_t protocol, uint32_t id,
		      uint32_t fragment)
{
	if (address_is_v4(from))
		ipv4(w, from, to, protocol, id, fragment);
	else
		ipv6(w, from, to, protocol, id, fragment);
}

void wire_ip(struct wire *w, const struct address *from, const struct address *to, uint8_t protocol)
{
	wire_ip_fragment(w, from, to, protocol, 0, 0);
}

void wire_v6_extension(struct wire *w, uint8_t next, unsigned words)
{
	uint8_t *at = wire_front(w, 8 + words * 8);
	at[0] = next;
	at[1] = (uint8_t)words;
}

/* --- around it ---------------------------------------------------------------------------------------------- */

void wire_vlan(struct wire *w, uint16_t tpid, uint16_t id)
{
	uint8_t *at = wire_front(w, 4);
	wire_put16(at, id);
	wire_put16(at + 2, w->ethertype);
	w->ethertype = tpid;
}

void wire_mpls(struct wire *w, uint32_t label, bool bottom)
{
	wire_put32(wire_front(w, 4), label << 12 | (bottom ? 0x100u : 0u) | 64);
	w->ethertype = 0x8847;
}

void wire_ppp(struct wire *w)
{
	uint8_t *at = wire_front(w, 4);
	at[0] = 0xff;
	at[1] = 0x03;
	wire_put16(at + 2, w->ethertype == 0x86dd ? 0x57 : 0x21);
	w->link_type = DLT_PPP;
}

void wire_pppoe(struct wire *w)
{
	wire_put16(wire_front(w, 2), w->ethertype == 0x86dd ? 0x57 : 0x21);
	uint32_t size = w->size;
	uint8_t *at = wire_front(w, 6);
	at[0] = 0x11;
	wire_put16(at + 2, 7);
	wire_put16(at + 4, size);
	w->ethertype = 0x8864;
}

void wire_ethernet(struct wire *w)
{
	uint8_t *at = wire_front(w, 14);
	memset(at, 2, 12);
	wire_put16(at + 12, w->ethertype);
	w->ethertype = 0x6558;
	w->link_type = DLT_EN10MB;
}

void wire_snap(struct wire *w)
{
	static const uint8_t snap[6] = {0xaa, 0xaa, 0x03, 0, 0, 0};
	uint8_t *at = wire_front(w, 8);
	memcpy(at, snap, sizeof snap);
	wire_put16(at + 6, w->ethertype);
	w->ethertype = (uint16_t)w->size;
	wire_ethernet(w);
}

void wire_sll(struct wire *w)
{
	uint8_t *at = wire_front(w, 16);
	at[3] = 1;
	at[5] = 6;
	wire_put16(at + 14, w->ethertype);
	w->link_type = DLT_LINUX_SLL;
}

void wire_sll2(struct wire *w)
{
	uint8_t *at = wire_front(w, 20);
	wire_put16(at, w->ethertype);
	at[7] = 2;
	at[11] = 6;
	w->link_type = DLT_LINUX_SLL2;
}

void wire_null(struct wire *w)
{
	wire_front(w, 4)[0] = w->ethertype == 0x86dd ? 30 : 2;
	w->link_type = DLT_NULL;
}

void wire_raw(struct wire *w)
{
	w->link_type = DLT_RAW;
}

void wire_tunnel_ip(struct wire *w, uint8_t protocol)
{
	struct address from = wire_address("203.0.113.1"), to = wire_address("203.0.113.2");
	wire_ip(w, &from, &to, protocol);
}

void wire_gre(struct wire *w, uint16_t flags, uint16_t type)
{
	uint32_t more = (flags & 0x8000 ? 4u : 0u) + (flags & 0x2000 ? 4u : 0u) + (flags & 0x1000 ? 4u : 0u);
	uint8_t *at = wire_front(w, 4 + more);
	wire_put16(at, flags);
	wire_put16(at + 2, type);
	wire_tunnel_ip(w, 47);
}

void wire_erspan(struct wire *w, unsigned type)
{
	if (type == 1) {
		wire_gre(w, 0, 0x88be);
	} else if (type == 2) {
		wire_put16(wire_front(w, 8), 0x1001);
		wire_gre(w, 0x1000, 0x88be);
	} else {
		uint8_t *at = wire_front(w, 20); /* with a platform specific subheader */
		wire_put16(at, 0x2001);
		at[11] = 1;
		wire_gre(w, 0x1000, 0x22eb);
	}
}

static void tunnel_udp(struct wire *w, uint16_t port)
{
	struct address from = wire_address("203.0.113.1"), to = wire_address("203.0.113.2");
	wire_udp(w, &from, &to, 50000, port);
	wire_ip(w, &from, &to, TRANSPORT_UDP);
}

void wire_vxlan(struct wire *w)
{
	uint8_t *at = wire_front(w, 8);
	at[0] = 0x08;
	at[6] = 42;
	tunnel_udp(w, 4789);
}

void wire_geneve(struct wire *w, unsigned option_words)
{
	uint8_t *at = wire_front(w, 8 + option_words * 4);
	at[0] = (uint8_t)option_words;
	wire_put16(at + 2, w->ethertype);
	at[6] = 42;
	tunnel_udp(w, 6081);
}

struct packet wire_packet(const struct wire *w, uint64_t time_ns, uint32_t frame)
{
	return (struct packet){.time_ns = time_ns, .bytes = wire_bytes(w), .wire_bytes = w->size, .frame = frame,
			       .link_type = w->link_type};
}

/* --- every way ---------------------------------------------------------------------------------------------- */

static void wrap_vlan(struct wire *w) { wire_vlan(w, 0x8100, 7); wire_ethernet(w); }
static void wrap_qinq(struct wire *w) { wire_vlan(w, 0x8100, 7); wire_vlan(w, 0x88a8, 9); wire_ethernet(w); }
static void wrap_qinq_old(struct wire *w) { wire_vlan(w, 0x8100, 7); wire_vlan(w, 0x9100, 9); wire_ethernet(w); }
static void wrap_mpls(struct wire *w) { wire_mpls(w, 16, true); wire_mpls(w, 17, false); wire_ethernet(w); }
static void wrap_pseudo_wire(struct wire *w)
{
	wire_ethernet(w);
	wire_front(w, 4); /* control word */
	wire_mpls(w, 18, true);
	wire_ethernet(w);
}
static void wrap_pppoe(struct wire *w) { wire_pppoe(w); wire_ethernet(w); }
static void wrap_gre(struct wire *w) { wire_gre(w, 0, w->ethertype); wire_ethernet(w); }
static void wrap_gre_key(struct wire *w) { wire_gre(w, 0xb000, w->ethertype); wire_ethernet(w); }
static void wrap_gre_bridge(struct wire *w) { wire_ethernet(w); wire_gre(w, 0x2000, 0x6558); wire_ethernet(w); }
static void wrap_erspan1(struct wire *w) { wire_ethernet(w); wire_erspan(w, 1); wire_ethernet(w); }
static void wrap_erspan2(struct wire *w) { wire_ethernet(w); wire_erspan(w, 2); wire_ethernet(w); }
static void wrap_erspan3(struct wire *w) { wire_ethernet(w); wire_erspan(w, 3); wire_ethernet(w); }
static void wrap_vxlan(struct wire *w) { wire_ethernet(w); wire_vxlan(w); wire_ethernet(w); }
static void wrap_geneve(struct wire *w) { wire_ethernet(w); wire_geneve(w, 0); wire_ethernet(w); }
static void wrap_geneve_ip(struct wire *w) { wire_geneve(w, 3); wire_ethernet(w); }
static void wrap_ip_in_ip(struct wire *w) { wire_tunnel_ip(w, w->ethertype == 0x86dd ? 41 : 4); wire_ethernet(w); }
static void wrap_deep(struct wire *w) { wrap_vlan(w); wire_vxlan(w); wrap_qinq(w); wire_gre(w, 0, 0x6558); wrap_pppoe(w); }
static void wrap_padded(struct wire *w)
{
	wire_ethernet(w);
	w->room[w->at + w->size] = 0xee; /* what Ethernet adds to a short frame is no payload */
	w->room[w->at + w->size + 1] = 0xee;
	w->size += 2;
}

const struct wrapping wire_wrappings[] = {
	{"Ethernet", wire_ethernet}, {"802.3 SNAP", wire_snap}, {"padding", wrap_padded}, {"VLAN", wrap_vlan}, {"QinQ", wrap_qinq},
	{"QinQ 0x9100", wrap_qinq_old}, {"MPLS", wrap_mpls}, {"MPLS pseudo wire", wrap_pseudo_wire}, {"PPPoE", wrap_pppoe},
	{"GRE", wrap_gre}, {"GRE with all", wrap_gre_key}, {"GRE bridging", wrap_gre_bridge}, {"ERSPAN I", wrap_erspan1},
	{"ERSPAN II", wrap_erspan2}, {"ERSPAN III", wrap_erspan3}, {"VXLAN", wrap_vxlan}, {"Geneve", wrap_geneve},
	{"Geneve IP", wrap_geneve_ip}, {"IP in IP", wrap_ip_in_ip}, {"SLL", wire_sll}, {"SLL2", wire_sll2}, {"null", wire_null},
	{"raw", wire_raw}, {"PPP", wire_ppp}, {"many at once", wrap_deep}, {NULL, NULL}};
