#include "decode.h"
#include "checksum.h"
#include "decode_common.h"
#include "fragments.h"
#include "log.h"
#include <pcap/dlt.h>
#include <stdlib.h>

enum { LAYERS_MAX = 24 }; /* headers and tunnels inside each other */

enum {
	ETHER_IPV4 = DECODE_ETHER_IPV4, ETHER_IPV6 = 0x86dd, ETHER_VLAN = 0x8100, ETHER_QINQ = 0x88a8, ETHER_QINQ_OLD = 0x9100,
	ETHER_MPLS = 0x8847, ETHER_MPLS_MULTI = 0x8848, ETHER_PPPOE = 0x8864, ETHER_BRIDGE = 0x6558, ETHER_ERSPAN2 = 0x88be,
	ETHER_ERSPAN3 = 0x22eb, ETHER_PPP = 0x880b, ETHER_PBB = 0x88e7
};
enum { IP_IN_IP = 4, IPV6_IN_IP = 41, IP_GRE = 47 };

struct decoder {
	struct fragments *fragments;
	struct counters *counters;
};

/* The frame on its way through its headers. */
struct descent {
	struct decoder *decoder;
	const struct packet *packet;
	struct datagram *out;
	struct slice left;
	unsigned layers;
	bool joined;
};

enum step { STEP_ETHERNET, STEP_ETHERTYPE, STEP_IP, STEP_DONE, STEP_NOTHING };

struct next {
	enum step step;
	uint16_t ethertype;
};

static const struct next nothing = {STEP_NOTHING, 0}, done = {STEP_DONE, 0}, inner_ip = {STEP_IP, 0};

struct decoder *decoder_open(uint32_t fragments, struct counters *counters)
{
	struct decoder *decoder = calloc(1, sizeof *decoder);
	if (!decoder)
		return NULL;
	decoder->counters = counters;
	decoder->fragments = fragments_open(fragments, counters);
	if (decoder->fragments)
		return decoder;
	free(decoder);
	return NULL;
}

void decoder_close(struct decoder *decoder)
{
	if (!decoder)
		return;
	fragments_close(decoder->fragments);
	free(decoder);
}

static struct next undecoded(struct descent *d)
{
	d->decoder->counters->undecoded++;
	return nothing;
}

static struct next malformed(struct descent *d)
{
	d->decoder->counters->malformed++;
	return nothing;
}

/* Too few bytes: the capture cut them, or the frame itself was too short. */
static struct next too_short(struct descent *d)
{
	return d->packet->bytes.size < d->packet->wire_bytes ? undecoded(d) : malformed(d);
}

static struct next advance(struct descent *d, uint32_t n, struct next next)
{
	d->left = slice_of(d->left.at + n, d->left.size - n);
	return next;
}

static struct next ethertype(uint16_t type)
{
	return (struct next){STEP_ETHERTYPE, type};
}

/* --- checksums ---------------------------------------------------------------------------------------------- */

static void check_transport(struct descent *d, struct slice transport, uint32_t size, unsigned offset)
{
	const struct datagram *out = d->out;
	unsigned skip = address_is_v4(&out->source) ? 12 : 0;
	if (transport.size < size || size > UINT16_MAX)
		return;
	uint64_t ends = checksum_add(checksum_add(0, out->source.bytes + skip, 16 - skip), out->target.bytes + skip, 16 - skip);
	d->decoder->counters->bad_checksum += checksum_wrong(ends, out->transport, transport.at, size, offset);
}

/* --- transport ---------------------------------------------------------------------------------------------- */

/* RFC 9293 section 3.1. `size` is what IP says; d->left may be shorter when the capture cut it. */
static struct next step_tcp(struct descent *d, uint32_t size)
{
	struct datagram *out = d->out;
	const uint8_t *at = d->left.at;
	if (d->left.size < 20)
		return too_short(d);
	uint32_t header = (uint32_t)(at[12] >> 4) * 4;
	if (header < 20 || header > size)
		return malformed(d);
	if (header > d->left.size)
		return too_short(d);
	out->source_port = load_be16(at);
	out->target_port = load_be16(at + 2);
	out->seq = load_be32(at + 4);
	out->ack = load_be32(at + 8);
	out->tcp_flags = at[13] & 0x3f;
	out->payload = slice_of(at + header, d->left.size - header);
	out->payload_bytes = size - header;
	check_transport(d, d->left, size, 16);
	return done;
}

/* VXLAN (RFC 7348 section 5): flags, with I set, then the VNI. Geneve (RFC 8926 section 3.4): version, options in words. */
static bool step_udp_tunnel(struct descent *d, uint16_t port, struct slice payload, struct next *next)
{
	if (!decode_is_tunnel(port) || payload.size < 8)
		return false;
	if (port == DECODE_GENEVE) {
		uint32_t header = 8 + (uint32_t)(payload.at[0] & 0x3f) * 4;
		if (payload.at[0] >> 6 != 0 || payload.size < header)
			return false;
		d->left = slice_of(payload.at + header, payload.size - header);
		uint16_t type = load_be16(payload.at + 2);
		*next = type == ETHER_BRIDGE ? (struct next){STEP_ETHERNET, 0} : ethertype(type);
		return true;
	}
	if (payload.size < 22 || payload.at[0] != 0x08 || payload.at[7] != 0)
		return false;
	d->left = slice_of(payload.at + 8, payload.size - 8);
	*next = (struct next){STEP_ETHERNET, 0};
	return true;
}

static struct next step_udp(struct descent *d, uint32_t size)
{
	struct datagram *out = d->out;
	const uint8_t *at = d->left.at;
	struct next next;
	if (d->left.size < 8)
		return too_short(d);
	uint32_t length = load_be16(at + 4);
	if (length == 0) /* a jumbogram, RFC 2675 */
		length = size;
	if (length < 8 || length > size)
		return malformed(d);
	out->source_port = load_be16(at);
	out->target_port = load_be16(at + 2);
	struct slice whole = slice_head(d->left, length);
	out->payload = slice_of(at + 8, whole.size - 8);
	out->payload_bytes = length - 8;
	check_transport(d, whole, length, 6);
	return step_udp_tunnel(d, out->target_port, out->payload, &next) ? next : done;
}

static bool embedded_v4(struct slice inner, struct datagram *out, struct slice *transport)
{
	if (inner.size < 20 || inner.at[0] >> 4 != 4)
		return false;
	uint32_t header = (uint32_t)(inner.at[0] & 15) * 4;
	if (header < 20 || inner.size < header + 8)
		return false;
	memcpy(out->source.bytes + 12, inner.at + 12, 4);
	memcpy(out->target.bytes + 12, inner.at + 16, 4);
	out->transport = inner.at[9];
	*transport = slice_of(inner.at + header, inner.size - header);
	return true;
}

static bool embedded_v6(struct slice inner, struct datagram *out, struct slice *transport)
{
	if (inner.size < 48 || inner.at[0] >> 4 != 6)
		return false;
	memcpy(out->source.bytes, inner.at + 8, 16);
	memcpy(out->target.bytes, inner.at + 24, 16);
	out->transport = inner.at[6];
	*transport = slice_of(inner.at + 40, inner.size - 40);
	return true;
}

/* Destination unreachable (RFC 792; RFC 4443 section 3.1) carries the head of the datagram that was refused. */
static struct next step_icmp(struct descent *d, uint8_t protocol)
{
	struct datagram *out = d->out;
	struct slice transport;
	bool v4 = protocol == TRANSPORT_ICMP;
	if (d->left.size < 8 || d->left.at[0] != (v4 ? 3 : 1))
		return undecoded(d);
	struct slice inner = slice_of(d->left.at + 8, d->left.size - 8);
	if (!(v4 ? embedded_v4(inner, out, &transport) : embedded_v6(inner, out, &transport)))
		return undecoded(d);
	if (out->transport != TRANSPORT_TCP && out->transport != TRANSPORT_UDP)
		return undecoded(d);
	/* "Fragmentation needed" refuses nothing. */
	if (v4 && d->left.at[1] == 4)
		return undecoded(d);
	out->source_port = load_be16(transport.at);
	out->target_port = load_be16(transport.at + 2);
	out->seq = out->transport == TRANSPORT_TCP ? load_be32(transport.at + 4) : 0;
	out->payload = slice_of(transport.at, 0);
	out->payload_bytes = 0;
	out->refused = true;
	out->ether = NULL; /* of who refuses */
	return done;
}

/* GRE (RFC 2784, 2890), with ERSPAN inside (draft-foschiano-erspan) and transparent Ethernet bridging. */
static struct next step_gre(struct descent *d)
{
	struct reader r = reader_of(d->left);
	uint16_t flags = read_be16(&r), type = read_be16(&r);
	if (flags & 7) /* version 1 is PPTP's: PPP inside, mostly encrypted */
		return undecoded(d);
	read_skip(&r, (flags & 0x8000 ? 4u : 0u) + (flags & 0x2000 ? 4u : 0u) + (flags & 0x1000 ? 4u : 0u));
	if (type == ETHER_ERSPAN2 && flags & 0x1000) /* type II; type I has neither sequence number nor header */
		read_skip(&r, 8);
	if (type == ETHER_ERSPAN3) {
		struct slice header = read_slice(&r, 12);
		if (header.size && header.at[11] & 1) /* O: a platform specific subheader follows */
			read_skip(&r, 8);
	}
	if (r.failed)
		return too_short(d);
	d->left = read_rest(&r);
	if (type == ETHER_BRIDGE || type == ETHER_ERSPAN2 || type == ETHER_ERSPAN3)
		return (struct next){STEP_ETHERNET, 0};
	return ethertype(type);
}

static struct next step_transport(struct descent *d, uint8_t protocol, uint32_t size)
{
	d->out->transport = protocol;
	switch (protocol) {
	case TRANSPORT_TCP:
		return step_tcp(d, size);
	case TRANSPORT_UDP:
		return step_udp(d, size);
	case TRANSPORT_ICMP:
	case TRANSPORT_ICMPV6:
		return step_icmp(d, protocol);
	case IP_GRE:
		return step_gre(d);
	case IP_IN_IP:
	case IPV6_IN_IP:
		return inner_ip;
	default:
		return undecoded(d);
	}
}

/* --- network ------------------------------------------------------------------------------------------------ */

static struct next fragment(struct descent *d, const struct fragment *piece, uint8_t protocol)
{
	struct slice whole;
	d->decoder->counters->fragments++;
	if (piece->bytes.size < piece->size) /* cut by the snap length: it can never be made whole */
		return undecoded(d);
	if (!fragments_add(d->decoder->fragments, piece, &whole))
		return nothing;
	d->joined = true;
	d->left = whole;
	return step_transport(d, protocol, whole.size);
}

/* From `at` on: as the frame was on the wire, or as much as fragments were joined to. */
static uint32_t bytes_left(const struct descent *d, const uint8_t *at)
{
	if (d->joined)
		return d->left.size - (uint32_t)(at - d->left.at);
	return d->packet->wire_bytes - (uint32_t)(at - d->packet->bytes.at);
}

/* RFC 791 section 3.1. */
static struct next step_ipv4(struct descent *d)
{
	const uint8_t *at = d->left.at;
	if (d->left.size < 20)
		return too_short(d);
	uint32_t header = (uint32_t)(at[0] & 15) * 4, total = load_be16(at + 2);
	if (total == 0) /* segmentation offload: the capture was taken before the length was known */
		total = bytes_left(d, at);
	if (header < 20 || total < header)
		return malformed(d);
	if (header > d->left.size)
		return too_short(d);
	uint64_t sum = checksum_add(0, at, header);
	if (at[10] | at[11]) /* zero: offloaded */
		d->decoder->counters->bad_checksum += checksum_fold(sum) != 0xffff;
	decode_set_v4(&d->out->source, at + 12);
	decode_set_v4(&d->out->target, at + 16);
	d->out->ttl = at[8];
	uint16_t flags = load_be16(at + 6);
	uint8_t protocol = at[9];
	uint32_t size = total - header;
	struct slice body = slice_of(at + header, d->left.size - header);
	d->left = slice_head(body, size); /* what Ethernet padded is no payload */
	if (!d->joined && total > d->left.size + header && d->packet->bytes.size == d->packet->wire_bytes)
		d->decoder->counters->malformed++; /* IP promises more than the frame holds: read what is there */
	d->out->cut = d->left.size < size;
	if (flags & 0x3fff) {
		const struct fragment piece = {d->packet->time_ns, d->out->source, d->out->target, load_be16(at + 4),
					       protocol, (uint32_t)(flags & 0x1fff) * 8, size, !(flags & 0x2000), d->left};
		return fragment(d, &piece, protocol);
	}
	return step_transport(d, protocol, size);
}

enum { V6_HOP_BY_HOP = 0, V6_ROUTING = 43, V6_FRAGMENT = 44, V6_AUTHENTICATION = 51, V6_DESTINATION = 60, V6_MOBILITY = 135 };

/* RFC 8200 section 4: extension headers, then the transport. */
static struct next step_ipv6(struct descent *d)
{
	const uint8_t *at = d->left.at;
	if (d->left.size < 40)
		return too_short(d);
	uint32_t size = load_be16(at + 4);
	uint8_t protocol = at[6];
	memcpy(d->out->source.bytes, at + 8, 16);
	memcpy(d->out->target.bytes, at + 24, 16);
	d->out->ttl = at[7];
	struct slice body = slice_of(at + 40, d->left.size - 40);
	if (size == 0)
		size = bytes_left(d, body.at);
	d->left = slice_head(body, size);
	d->out->cut = d->left.size < size;
	for (unsigned i = 0; i < LAYERS_MAX; i++) {
		uint32_t header;
		if (protocol != V6_HOP_BY_HOP && protocol != V6_ROUTING && protocol != V6_FRAGMENT &&
		    protocol != V6_AUTHENTICATION && protocol != V6_DESTINATION && protocol != V6_MOBILITY)
			return step_transport(d, protocol, size);
		if (d->left.size < 8)
			return too_short(d);
		at = d->left.at;
		header = protocol == V6_FRAGMENT ? 8 : protocol == V6_AUTHENTICATION ? (at[1] + 2u) * 4 : (at[1] + 1u) * 8;
		if (header > d->left.size || header > size)
			return too_short(d);
		size -= header;
		uint16_t flags = load_be16(at + 2);
		bool piece_of_more = protocol == V6_FRAGMENT && flags & 0xfff9; /* an atomic fragment is whole (RFC 6946) */
		protocol = at[0];
		d->left = slice_of(at + header, d->left.size - header);
		if (piece_of_more) {
			const struct fragment piece = {d->packet->time_ns, d->out->source, d->out->target, load_be32(at + 4),
						       protocol, flags & 0xfff8u, size, !(flags & 1), d->left};
			return fragment(d, &piece, protocol);
		}
	}
	return malformed(d);
}

static struct next step_ip(struct descent *d)
{
	if (!d->left.size)
		return too_short(d);
	uint8_t version = d->left.at[0] >> 4;
	return version == 4 ? step_ipv4(d) : version == 6 ? step_ipv6(d) : malformed(d);
}

/* --- link --------------------------------------------------------------------------------------------------- */

static struct next step_vlan(struct descent *d)
{
	if (d->left.size < 4)
		return too_short(d);
	if (!d->out->vlan)
		d->out->vlan = load_be16(d->left.at) & 0xfff;
	return advance(d, 4, ethertype(load_be16(d->left.at + 2)));
}

/* RFC 3032 section 2.1: label, class, bottom of stack, TTL. What follows shows by its first nibble. */
static struct next step_mpls(struct descent *d)
{
	for (unsigned i = 0; i < LAYERS_MAX && d->left.size >= 4; i++) {
		bool bottom = d->left.at[2] & 1;
		(void)advance(d, 4, nothing);
		if (!bottom)
			continue;
		if (d->left.size && (d->left.at[0] >> 4 == 4 || d->left.at[0] >> 4 == 6))
			return inner_ip;
		/* A pseudo wire: with a control word its first nibble is 0 (RFC 4385 section 3). */
		return d->left.size > 4 && d->left.at[0] >> 4 == 0 ? advance(d, 4, (struct next){STEP_ETHERNET, 0}) : undecoded(d);
	}
	return too_short(d);
}

/* RFC 1661 section 2; the protocol field may be compressed to one byte. */
static struct next step_ppp(struct descent *d)
{
	if (d->left.size >= 2 && d->left.at[0] == 0xff && d->left.at[1] == 0x03)
		(void)advance(d, 2, nothing);
	if (d->left.size < 2)
		return too_short(d);
	bool compressed = d->left.at[0] & 1;
	uint16_t protocol = compressed ? d->left.at[0] : load_be16(d->left.at);
	(void)advance(d, compressed ? 1 : 2, nothing);
	switch (protocol) {
	case 0x21:
	case 0x57:
		return inner_ip;
	case 0x281:
	case 0x283:
		return step_mpls(d);
	default:
		return undecoded(d);
	}
}

static struct next step_ethertype(struct descent *d, uint16_t type)
{
	switch (type) {
	case ETHER_IPV4:
	case ETHER_IPV6:
		return inner_ip;
	case ETHER_VLAN:
	case ETHER_QINQ:
	case ETHER_QINQ_OLD:
		return step_vlan(d);
	case ETHER_MPLS:
	case ETHER_MPLS_MULTI:
		return step_mpls(d);
	case ETHER_PPPOE: /* RFC 2516 section 4: version, code, session, length */
		if (d->left.size < 6)
			return too_short(d);
		(void)advance(d, 6, nothing);
		return step_ppp(d);
	case ETHER_PPP:
		return step_ppp(d);
	case ETHER_PBB: /* IEEE 802.1ah: flags and service id, then a whole Ethernet frame */
		return d->left.size < 4 ? too_short(d) : advance(d, 4, (struct next){STEP_ETHERNET, 0});
	case ETHER_BRIDGE:
		return (struct next){STEP_ETHERNET, 0};
	default:
		return undecoded(d);
	}
}

static struct next step_ethernet(struct descent *d)
{
	if (d->left.size < 14)
		return too_short(d);
	uint16_t type = load_be16(d->left.at + 12);
	d->out->ether = d->left.at;
	(void)advance(d, 14, nothing);
	if (type >= 0x600)
		return ethertype(type);
	/* IEEE 802.3 with LLC and SNAP: aa aa 03, an OUI, the type. */
	static const uint8_t snap[3] = {0xaa, 0xaa, 0x03};
	if (d->left.size >= 8 && memcmp(d->left.at, snap, sizeof snap) == 0)
		return advance(d, 8, ethertype(load_be16(d->left.at + 6)));
	return undecoded(d);
}

/* BSD loopback: the address family in the byte order of the host that captured. */
static struct next step_null(struct descent *d)
{
	if (d->left.size < 4)
		return too_short(d);
	return advance(d, 4, inner_ip); /* step_ip() reads the version itself */
}

static struct next step_link(struct descent *d)
{
	switch (d->packet->link_type) {
	case DLT_EN10MB:
		return (struct next){STEP_ETHERNET, 0};
	case DLT_RAW:
	case 14: /* DLT_RAW of OpenBSD */
	case 101: /* LINKTYPE_RAW */
	case DLT_IPV4:
	case DLT_IPV6:
		return inner_ip;
	case DLT_NULL:
	case DLT_LOOP:
		return step_null(d);
	case DLT_LINUX_SLL:
		return d->left.size < 16 ? too_short(d) : advance(d, 16, ethertype(load_be16(d->left.at + 14)));
	case DLT_LINUX_SLL2:
		return d->left.size < 20 ? too_short(d) : advance(d, 20, ethertype(load_be16(d->left.at)));
	case DLT_PPP:
	case DLT_PPP_SERIAL:
		return step_ppp(d);
	case DLT_C_HDLC: /* address, control, an EtherType */
		return d->left.size < 4 ? too_short(d) : advance(d, 4, ethertype(load_be16(d->left.at + 2)));
	default:
		return undecoded(d);
	}
}

bool decode_knows_link(uint16_t link_type)
{
	static const uint16_t known[] = {DLT_EN10MB, DLT_RAW, 14, 101, DLT_IPV4, DLT_IPV6, DLT_NULL, DLT_LOOP, DLT_LINUX_SLL,
					 DLT_LINUX_SLL2, DLT_PPP, DLT_PPP_SERIAL, DLT_C_HDLC};
	for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i] == link_type)
			return true;
	return false;
}

enum decoded decode(struct decoder *decoder, const struct packet *packet, struct datagram *out)
{
	out->time_ns = packet->time_ns;
	out->frame = packet->frame;
	out->file = packet->file;
	out->wire_bytes = packet->wire_bytes;
	out->vlan = 0;
	out->refused = false;
	out->ether = NULL;
	out->cut = false;
	out->tcp_flags = 0;
	if (decode_common(decoder->counters, packet, out))
		return DECODED_DATAGRAM;
	struct descent d = {decoder, packet, out, packet->bytes, 0, false};
	struct next next = step_link(&d);
	while (next.step < STEP_DONE) {
		if (++d.layers > LAYERS_MAX)
			next = malformed(&d);
		else if (next.step == STEP_ETHERNET)
			next = step_ethernet(&d);
		else if (next.step == STEP_ETHERTYPE)
			next = step_ethertype(&d, next.ethertype);
		else
			next = step_ip(&d);
	}
	if (next.step == STEP_NOTHING)
		return DECODED_NOTHING;
	return d.joined ? DECODED_JOINED : DECODED_DATAGRAM;
}
