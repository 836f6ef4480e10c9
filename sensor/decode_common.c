#include "decode_common.h"
#include "checksum.h"
#include <pcap/dlt.h>

enum { IP = 14, IP_HEADER = 20, TRANSPORT = IP + IP_HEADER, UDP_HEADER = 8, TCP_HEADER = 20 };

static bool read_tcp(const uint8_t *at, uint32_t size, struct datagram *out)
{
	uint32_t header = size < TCP_HEADER ? 0 : (uint32_t)(at[12] >> 4) * 4;
	if (header < TCP_HEADER || header > size)
		return false;
	out->seq = load_be32(at + 4);
	out->ack = load_be32(at + 8);
	out->tcp_flags = at[13] & 0x3f;
	out->payload = slice_of(at + header, size - header);
	return true;
}

/* What may be a tunnel, or says that it has another length, is left to the steps. */
static bool read_udp(const uint8_t *at, uint32_t size, struct datagram *out)
{
	if (load_be16(at + 4) != size || decode_is_tunnel(load_be16(at + 2)))
		return false;
	out->payload = slice_of(at + UDP_HEADER, size - UDP_HEADER);
	return true;
}

bool decode_common(struct counters *counters, const struct packet *packet, struct datagram *out)
{
	const uint8_t *at = packet->bytes.at;
	if (packet->link_type != DLT_EN10MB || packet->bytes.size < TRANSPORT + UDP_HEADER ||
	    load_be16(at + 12) != DECODE_ETHER_IPV4 || at[IP] != 0x45 || load_be16(at + IP + 6) & 0x3fff)
		return false;
	uint32_t total = load_be16(at + IP + 2), size = total - IP_HEADER;
	uint8_t protocol = at[IP + 9];
	if (total < IP_HEADER + UDP_HEADER || total > packet->bytes.size - IP ||
	    !(protocol == TRANSPORT_TCP   ? read_tcp(at + TRANSPORT, size, out)
	      : protocol == TRANSPORT_UDP ? read_udp(at + TRANSPORT, size, out)
					  : false))
		return false;
	decode_set_v4(&out->source, at + IP + 12);
	decode_set_v4(&out->target, at + IP + 16);
	out->transport = protocol;
	out->ether = at;
	out->ttl = at[IP + 8];
	out->source_port = load_be16(at + TRANSPORT);
	out->target_port = load_be16(at + TRANSPORT + 2);
	out->payload_bytes = out->payload.size;
	if (at[IP + 10] | at[IP + 11])
		counters->bad_checksum += checksum_fold(checksum_add(0, at + IP, IP_HEADER)) != 0xffff;
	counters->bad_checksum += checksum_wrong(checksum_add(0, at + IP + 12, 8), protocol, at + TRANSPORT, size,
						 protocol == TRANSPORT_TCP ? 16 : 6);
	return true;
}
