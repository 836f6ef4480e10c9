#include "packet.h"
#include <arpa/inet.h>

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

unsigned address_format(const struct address *a, char out[ADDRESS_TEXT_MAX])
{
	if (address_is_v4(a))
		inet_ntop(AF_INET, a->bytes + sizeof v4_prefix, out, ADDRESS_TEXT_MAX);
	else
		inet_ntop(AF_INET6, a->bytes, out, ADDRESS_TEXT_MAX);
	return (unsigned)strlen(out);
}

bool address_parse(const char *text, struct address *out)
{
	memcpy(out->bytes, v4_prefix, sizeof v4_prefix);
	return inet_pton(AF_INET, text, out->bytes + sizeof v4_prefix) == 1 || inet_pton(AF_INET6, text, out->bytes) == 1;
}
