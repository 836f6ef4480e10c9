/* HTTP/2 with prior knowledge (RFC 9113 section 3.4): recognised by its preface and named, not read. */
#include "http.h"

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";


static enum probe http2_probe(struct slice first, uint8_t direction, uint16_t client_port, uint16_t server_port)
{
	uint32_t n = first.size < sizeof preface - 1 ? first.size : sizeof preface - 1;
	(void)direction, (void)client_port, (void)server_port;
	if (memcmp(first.at, preface, n) != 0)
		return PROBE_NO;
	return n < sizeof preface - 1 ? PROBE_MAYBE : PROBE_CLIENT;
}

static enum verdict http2_parse(struct parse *parse, struct slice input)
{
	if (parse->direction == TO_SERVER) {
		const struct http_event detail = {.version = slice_text("2")};
		struct event event = parse->base;
		event.action = ACTION_REQUEST;
		event.message = HTTP_REQUEST;
		event.detail = &detail;
		event_set(&event, HTTP_BIT_VERSION);
		parse->emit(parse, &event);
	}
	parse->consumed = input.size;
	return PARSE_DONE;
}

const struct parser parser_http2 = {
	.name = "http2",
	.protocol = PROTOCOL_HTTP,
	.transport = TRANSPORT_TCP,
	.fields = http_fields,
	.messages = http_messages,
	.probe = http2_probe,
	.parse = http2_parse,
};
