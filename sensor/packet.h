/* packet.h - a captured frame, and what decode.h makes of it. Both borrow the capture's buffer. */
#ifndef TW_PACKET_H
#define TW_PACKET_H

#include "bytes.h"

/* How long the bytes of a packet stay where they are. */
enum stays {
	STAYS_NOT,  /* until the next packet is asked for */
	STAYS,      /* until one that says STAYS_LAST has been dealt with */
	STAYS_LAST  /* the next packet of the input may lie over this one and those before it */
};

struct packet {
	uint64_t time_ns;      /* since 1970, from the capture */
	struct slice bytes;    /* as captured */
	uint32_t wire_bytes;   /* on the wire; more than bytes.size when the capture cut it */
	uint32_t frame;        /* number within its file, from 1, as Wireshark shows it */
	uint16_t file;         /* index of the input, see capture_file_name() */
	uint16_t link_type;    /* DLT_* of its interface */
	uint8_t stays;         /* enum stays */
};

/* IPv4 is held as ::ffff:a.b.c.d, so one comparison serves both families. */
struct address {
	uint8_t bytes[16];
};

static inline bool address_is_v4(const struct address *a)
{
	static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	return memcmp(a->bytes, prefix, sizeof prefix) == 0;
}

static inline bool address_equal(const struct address *a, const struct address *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

/* Text as in RFC 5952 (IPv6) or dotted (IPv4). `out` holds ADDRESS_TEXT_MAX bytes; returns the length without the NUL. */
#define ADDRESS_TEXT_MAX 46
/* Multicast or broadcast: nobody in particular is asked. */
static inline bool address_is_group(const struct address *a)
{
	const uint8_t *b = a->bytes;
	return address_is_v4(a) ? b[12] >= 224 && (b[12] < 240 || (b[12] & b[13] & b[14] & b[15]) == 255) : b[0] == 255;
}

unsigned address_format(const struct address *a, char out[ADDRESS_TEXT_MAX]);
/* False when `text` is neither an IPv4 nor an IPv6 address. */
bool address_parse(const char *text, struct address *out);
/* "10.0.0.0/8", "fd00::/8", or an address, which is a network of one. `*bits` counts from the first of the sixteen bytes: 0 to 128,
 * of IPv4 96 to 128. Bits behind them are cleared. */
bool address_parse_network(const char *text, struct address *out, unsigned *bits);
void address_mask(struct address *address, unsigned bits);

enum transport { TRANSPORT_TCP = 6, TRANSPORT_UDP = 17, TRANSPORT_ICMP = 1, TRANSPORT_ICMPV6 = 58 };

enum tcp_flag { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };

/* One transport unit, fragments already joined. Offsets and sizes were checked: payload lies inside the buffer. */
struct datagram {
	uint64_t time_ns;
	struct address source, target;
	uint16_t source_port, target_port;
	uint8_t transport;         /* enum transport, or another IP protocol number with an empty payload */
	uint8_t tcp_flags;
	uint8_t ttl;
	bool cut;                  /* the capture's snap length ended the payload early; payload_bytes is what IP says */
	uint16_t vlan;             /* outermost VLAN id, 0 when untagged: shown, not part of a flow's identity */
	uint16_t file;
	uint32_t frame;
	uint32_t seq, ack;         /* TCP */
	uint32_t wire_bytes;
	uint32_t payload_bytes;    /* of the transport payload on the wire; >= payload.size */
	struct slice payload;
	const uint8_t *ether;      /* the innermost Ethernet header: target, then source, six bytes each; NULL: there is none */
	/* ICMP port/host unreachable: the datagram that was refused, as it was sent (source = the one who sent it). */
	bool refused;
};

#endif
