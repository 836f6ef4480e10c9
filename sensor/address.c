#include "packet.h"
#include <arpa/inet.h>
#include <stdlib.h>

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* inet_ntop() goes through printf; every record of an alert has several addresses, nearly all of them IPv4. */
static unsigned format_v4(const uint8_t bytes[4], char *out)
{
	unsigned n = 0;
	for (unsigned i = 0; i < 4; i++) {
		uint8_t byte = bytes[i];
		if (byte >= 100)
			out[n++] = (char)('0' + byte / 100);
		if (byte >= 10)
			out[n++] = (char)('0' + byte / 10 % 10);
		out[n++] = (char)('0' + byte % 10);
		out[n++] = i < 3 ? '.' : 0;
	}
	return n - 1;
}

unsigned address_format(const struct address *a, char out[ADDRESS_TEXT_MAX])
{
	if (address_is_v4(a))
		return format_v4(a->bytes + sizeof v4_prefix, out);
	inet_ntop(AF_INET6, a->bytes, out, ADDRESS_TEXT_MAX);
	return (unsigned)strlen(out);
}

bool address_parse(const char *text, struct address *out)
{
	memcpy(out->bytes, v4_prefix, sizeof v4_prefix);
	return inet_pton(AF_INET, text, out->bytes + sizeof v4_prefix) == 1 || inet_pton(AF_INET6, text, out->bytes) == 1;
}

void address_mask(struct address *address, unsigned bits)
{
	for (unsigned i = 0; i < sizeof address->bytes; i++) {
		unsigned kept = bits > 8 * i ? bits - 8 * i : 0;
		if (kept < 8)
			address->bytes[i] &= (uint8_t)(0xff00u >> kept);
	}
}

bool address_parse_network(const char *text, struct address *out, unsigned *bits)
{
	char address[64], *end;
	const char *slash = strchr(text, '/');
	size_t size = slash ? (size_t)(slash - text) : strlen(text);
	if (size >= sizeof address)
		return false;
	memcpy(address, text, size);
	address[size] = 0;
	if (!address_parse(address, out))
		return false;
	unsigned most = strchr(address, ':') ? 128 : 32;
	unsigned long given = most;
	if (slash) {
		given = strtoul(slash + 1, &end, 10);
		if (slash[1] < '0' || slash[1] > '9' || *end || given > most)
			return false;
	}
	*bits = 128 - most + (unsigned)given;
	address_mask(out, *bits);
	return true;
}
