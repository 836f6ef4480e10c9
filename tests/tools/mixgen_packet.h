/* mixgen_packet.h - a TCP segment or UDP datagram in IPv4 in Ethernet, written to a capture (pcap, microseconds). Only for mixgen.c:
 * static, so that the tool stays one file to the build. */
#ifndef TW_MIXGEN_PACKET_H
#define TW_MIXGEN_PACKET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10

/* A buffer that its user knows to be large enough. */
struct bytes {
	uint8_t *at;
	uint32_t size;
};

struct packet_spec {
	uint64_t time_ns;
	uint32_t client_address, server_address;
	uint16_t client_port, server_port;
	uint32_t seq, ack;
	uint32_t clock_ms, echo_ms; /* TCP timestamps: own, the peer's last */
	uint8_t flags;
	bool from_server, udp;
	struct bytes payload;
};

struct packet_writer {
	FILE *file;
	uint64_t packets, bytes, last_ns;
	uint16_t ip_id;
};

static inline void bytes_put(struct bytes *b, const void *from, uint32_t size)
{
	memcpy(b->at + b->size, from, size);
	b->size += size;
}

static inline void bytes_u8(struct bytes *b, unsigned value)
{
	b->at[b->size++] = (uint8_t)value;
}

static inline void bytes_u16(struct bytes *b, unsigned value)
{
	bytes_u8(b, value >> 8);
	bytes_u8(b, value);
}

static inline void bytes_u32(struct bytes *b, uint32_t value)
{
	bytes_u16(b, value >> 16);
	bytes_u16(b, value);
}

/* RFC 1071. `sum` carries what came before, e.g. the pseudo header. */
static inline uint16_t packet_checksum(const uint8_t *at, uint32_t size, uint32_t sum)
{
	for (; size > 1; at += 2, size -= 2)
		sum += (uint32_t)at[0] << 8 | at[1];
	if (size)
		sum += (uint32_t)at[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* As Linux sends it: MSS, SACK permitted, timestamps and window scale on a SYN, timestamps elsewhere. */
static inline void packet_tcp_options(struct bytes *b, const struct packet_spec *spec)
{
	static const uint8_t syn[] = {2, 4, 0x05, 0xb4, 4, 2}, plain[] = {1, 1}, scale[] = {1, 3, 3, 7};
	bool is_syn = spec->flags & TCP_SYN;
	bytes_put(b, is_syn ? syn : plain, is_syn ? sizeof syn : sizeof plain);
	bytes_u8(b, 8);
	bytes_u8(b, 10);
	bytes_u32(b, spec->clock_ms);
	bytes_u32(b, spec->echo_ms);
	if (is_syn)
		bytes_put(b, scale, sizeof scale);
}

static inline uint32_t packet_build(struct packet_writer *writer, const struct packet_spec *spec, uint8_t *at)
{
	struct bytes b = {at, 0};
	uint32_t ends[2] = {spec->client_address, spec->server_address};
	uint16_t ports[2] = {spec->client_port, spec->server_port};
	unsigned from = spec->from_server;
	uint32_t header = spec->udp ? 8 : spec->flags & TCP_SYN ? 40 : 32, size = header + spec->payload.size;
	for (unsigned i = 0; i < 2; i++) { /* locally administered addresses: to, then from */
		bytes_u16(&b, 0x0200);
		bytes_u32(&b, ends[from ? i : !i]);
	}
	bytes_u16(&b, 0x0800);
	uint8_t *ip = at + b.size;
	bytes_u16(&b, 0x4500);
	bytes_u16(&b, 20 + size);
	bytes_u16(&b, writer->ip_id++);
	bytes_u16(&b, 0x4000);
	bytes_u16(&b, 64u << 8 | (spec->udp ? 17 : 6));
	bytes_u16(&b, 0);
	bytes_u32(&b, ends[from]);
	bytes_u32(&b, ends[!from]);
	uint16_t sum = packet_checksum(ip, 20, 0);
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
	uint8_t *transport = at + b.size;
	bytes_u16(&b, ports[from]);
	bytes_u16(&b, ports[!from]);
	if (spec->udp) {
		bytes_u16(&b, size);
		bytes_u16(&b, 0);
	} else {
		bytes_u32(&b, spec->seq);
		bytes_u32(&b, spec->ack);
		bytes_u16(&b, header / 4 << 12 | spec->flags);
		bytes_u16(&b, 502);
		bytes_u32(&b, 0);
		packet_tcp_options(&b, spec);
	}
	bytes_put(&b, spec->payload.at, spec->payload.size);
	uint32_t pseudo = (ends[0] >> 16) + (ends[0] & 0xffff) + (ends[1] >> 16) + (ends[1] & 0xffff) + (spec->udp ? 17 : 6) + size;
	sum = packet_checksum(transport, size, pseudo);
	uint8_t *field = transport + (spec->udp ? 6 : 16);
	field[0] = (uint8_t)(sum >> 8);
	field[1] = (uint8_t)sum;
	return b.size;
}

/* NULL with errno when the file cannot be made. */
static inline struct packet_writer *packet_writer_open(const char *path)
{
	static const uint32_t header[] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65535, 1};
	struct packet_writer *writer = calloc(1, sizeof *writer);
	if (!writer)
		return NULL;
	writer->file = fopen(path, "wb");
	if (!writer->file || fwrite(header, sizeof header, 1, writer->file) != 1) {
		free(writer);
		return NULL;
	}
	setvbuf(writer->file, NULL, _IOFBF, 1 << 20);
	return writer;
}

/* Times never go back: a packet that is said to be earlier than the last gets the last one's time. */
static inline void packet_write(struct packet_writer *writer, const struct packet_spec *spec)
{
	uint8_t frame[1536];
	uint32_t size = packet_build(writer, spec, frame);
	if (spec->time_ns > writer->last_ns)
		writer->last_ns = spec->time_ns;
	uint32_t record[] = {(uint32_t)(writer->last_ns / 1000000000), (uint32_t)(writer->last_ns % 1000000000 / 1000),
			     size, size};
	fwrite(record, sizeof record, 1, writer->file);
	fwrite(frame, size, 1, writer->file);
	writer->packets++;
	writer->bytes += size;
}

static inline uint64_t packet_count(const struct packet_writer *writer)
{
	return writer->packets;
}

static inline uint64_t packet_bytes(const struct packet_writer *writer)
{
	return writer->bytes;
}

/* False with errno when something could not be written. */
static inline bool packet_writer_close(struct packet_writer *writer)
{
	bool well = !ferror(writer->file);
	well = fclose(writer->file) == 0 && well;
	if (!well)
		perror("mixgen");
	free(writer);
	return well;
}

#endif
