/* mixgen_others.h - the messages of CoAP, HTTP and TLS that mixgen.c writes beside MQTT's. Only for it: static, so that the
 * tool stays one file to the build. */
#ifndef TW_MIXGEN_OTHERS_H
#define TW_MIXGEN_OTHERS_H

#include "mixgen_packet.h"

static inline void put_line(struct bytes *b, const char *text)
{
	bytes_put(b, text, (uint32_t)strlen(text));
}

/* --- CoAP (RFC 7252 section 3): version and type and token length, code, message id, token, options, ff, payload -------- */

enum coap_kind { COAP_CON = 0x40, COAP_NON = 0x50, COAP_ACK = 0x60 };
enum coap_code { COAP_EMPTY = 0x00, COAP_GET = 0x01, COAP_PUT = 0x03, COAP_CHANGED = 0x44, COAP_CONTENT = 0x45 };

static inline void put_coap_head(struct bytes *b, enum coap_kind kind, enum coap_code code, uint16_t message_id, uint16_t token)
{
	bytes_u8(b, (unsigned)kind | (code == COAP_EMPTY ? 0 : 2));
	bytes_u8(b, code);
	bytes_u16(b, message_id);
	if (code != COAP_EMPTY)
		bytes_u16(b, token);
}

/* `observe` < 0: no such option. */
static inline void put_coap_request(struct bytes *b, enum coap_kind kind, enum coap_code code, uint16_t message_id,
				    uint16_t token, int observe, const char *leaf)
{
	put_coap_head(b, kind, code, message_id, token);
	if (observe >= 0)
		bytes_u8(b, 6 << 4); /* Observe, empty: 0, register */
	bytes_u8(b, (observe >= 0 ? 5u : 11u) << 4 | 7); /* Uri-Path */
	put_line(b, "sensors");
	bytes_u8(b, (unsigned)strlen(leaf)); /* Uri-Path again */
	put_line(b, leaf);
	if (code == COAP_PUT) {
		bytes_u8(b, 1 << 4 | 1); /* Content-Format */
		bytes_u8(b, 50);
		bytes_u8(b, 0xff);
		put_line(b, "{\"on\":true}");
	}
}

static inline void put_coap_answer(struct bytes *b, enum coap_kind kind, enum coap_code code, uint16_t message_id,
				   uint16_t token, int observe, unsigned value)
{
	put_coap_head(b, kind, code, message_id, token);
	if (observe >= 0) {
		bytes_u8(b, 6 << 4 | 2);
		bytes_u16(b, (unsigned)observe);
	}
	if (code == COAP_CONTENT) {
		char text[32];
		bytes_u8(b, (observe >= 0 ? 6u : 12u) << 4 | 1); /* Content-Format: JSON */
		bytes_u8(b, 50);
		bytes_u8(b, 0xff);
		bytes_put(b, text, (uint32_t)snprintf(text, sizeof text, "{\"t\":%u}", value));
	}
}

/* --- HTTP/1.1 --------------------------------------------------------------------------------------------------------- */

static inline void put_http_request(struct bytes *b, bool post, uint32_t id, unsigned value)
{
	char body[48], text[320];
	int n = post ? snprintf(body, sizeof body, "{\"device\":%u,\"value\":%u}", id, value) : 0;
	bytes_put(b, text, (uint32_t)snprintf(text, sizeof text, "%s /api/v1/devices/%u/%s HTTP/1.1\r\nHost: gateway.example\r\n"
		"User-Agent: esp-http/1.4\r\nAccept: application/json\r\n", post ? "POST" : "GET", id, post ? "readings" : "config"));
	if (post)
		bytes_put(b, text, (uint32_t)snprintf(text, sizeof text, "Content-Type: application/json\r\nContent-Length: %d\r\n", n));
	put_line(b, "\r\n");
	bytes_put(b, body, (uint32_t)n);
}

static inline void put_http_response(struct bytes *b, bool created, unsigned value)
{
	char body[48], text[192];
	int n = snprintf(body, sizeof body, "{\"interval\":%u}", value);
	bytes_put(b, text, (uint32_t)snprintf(text, sizeof text, "HTTP/1.1 %s\r\nServer: nginx\r\nContent-Type: application/json\r\n"
		"Content-Length: %d\r\nConnection: keep-alive\r\n\r\n", created ? "201 Created" : "200 OK", n));
	bytes_put(b, body, (uint32_t)n);
}

/* --- TLS: a full handshake of 1.3, or a resumed one of 1.2; neither shows a certificate ----------------------------------- */

static inline void put_noise(struct bytes *b, uint64_t r, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++) {
		r = r * 6364136223846793005u + 1442695040888963407u;
		bytes_u8(b, (unsigned)(r >> 56));
	}
}

static inline void put_tls_record(struct bytes *b, unsigned type, uint64_t r, uint32_t size)
{
	bytes_u8(b, type);
	bytes_u16(b, 0x0303);
	bytes_u16(b, size);
	put_noise(b, r, size);
}

/* Patches a length of `width` bytes at `at` to what stands behind it. */
static inline void close_length(struct bytes *b, uint32_t at, uint32_t width)
{
	uint32_t size = b->size - at - width;
	for (uint32_t i = 0; i < width; i++)
		b->at[at + i] = (uint8_t)(size >> 8 * (width - 1 - i));
}

static inline uint32_t open_length(struct bytes *b, uint32_t width)
{
	uint32_t at = b->size;
	for (uint32_t i = 0; i < width; i++)
		bytes_u8(b, 0);
	return at;
}

/* RFC 8446 section 4.1.2 and 4.1.3; the key share of X25519. */
static inline void put_tls_hello(struct bytes *b, bool client, bool v13, uint64_t r)
{
	static const char name[] = "broker.example";
	bytes_u8(b, 22);
	bytes_u16(b, 0x0303);
	uint32_t record = open_length(b, 2);
	bytes_u8(b, client ? 1 : 2);
	uint32_t message = open_length(b, 3);
	bytes_u16(b, 0x0303);
	put_noise(b, r, 32);
	bytes_u8(b, 32);
	put_noise(b, r >> 3, 32); /* the server repeats it */
	if (client) {
		static const uint16_t suites[] = {0x1301, 0x1303, 0xc02b, 0xc02f};
		bytes_u16(b, sizeof suites);
		for (unsigned i = 0; i < sizeof suites / sizeof *suites; i++)
			bytes_u16(b, suites[i]);
		bytes_u8(b, 1);
	} else {
		bytes_u16(b, v13 ? 0x1301 : 0xc02f);
	}
	bytes_u8(b, 0);
	uint32_t extensions = open_length(b, 2);
	if (client) {
		bytes_u16(b, 0);
		bytes_u16(b, sizeof name - 1 + 5);
		bytes_u16(b, sizeof name - 1 + 3);
		bytes_u8(b, 0);
		bytes_u16(b, sizeof name - 1);
		bytes_put(b, name, sizeof name - 1);
		bytes_put(b, "\0\x0a\0\4\0\2\0\x1d", 8); /* supported_groups */
		bytes_put(b, "\0\x0d\0\6\0\4\4\3\x08\4", 10); /* signature_algorithms */
	}
	if (v13) {
		bytes_put(b, client ? "\0\x2b\0\3\2\3\4" : "\0\x2b\0\2\3\4", client ? 7 : 6); /* supported_versions */
		bytes_put(b, client ? "\0\x33\0\x26\0\x24\0\x1d\0\x20" : "\0\x33\0\x24\0\x1d\0\x20", client ? 10 : 8); /* key_share */
		put_noise(b, r >> 5, 32);
	} else {
		bytes_put(b, "\xff\1\0\1\0", 5); /* renegotiation_info */
	}
	close_length(b, extensions, 2);
	close_length(b, message, 3);
	close_length(b, record, 2);
}

static inline void put_tls_finished(struct bytes *b, uint64_t r, uint32_t size, bool v13)
{
	bytes_put(b, "\x14\3\3\0\1\1", 6); /* change_cipher_spec */
	put_tls_record(b, v13 ? 23 : 22, r, size);
}

#endif
