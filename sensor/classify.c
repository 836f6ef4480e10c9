#include "classify.h"
#include "pool.h"
#include "slab.h"
#include "../parsers/parser.h"
#include <ctype.h>
#include <ndpi/ndpi_api.h>
#include <stdlib.h>

/* flow->parser_state */
enum { UNDECIDED, OURS, NOT_OURS };

enum { NDPI_PACKETS = 8, PROBES = 64, NAME_MAX_BYTES = 32, HEADER_BYTES = 60, PACKET_BYTES = 2048 };

struct classifier {
	struct classify_options options;
	struct ndpi_detection_module_struct *ndpi;
	struct pool flows;
	char (*names)[NAME_MAX_BYTES]; /* of nDPI's protocols, in lower case */
	unsigned name_count;
	uint8_t packet[HEADER_BYTES + PACKET_BYTES];
};

static const struct parser *const parsers[] = {
#define PARSER(name) &parser_##name,
#include "../parsers/parsers.def"
#undef PARSER
	NULL,
};

static const struct parser *parser_named(const char *name)
{
	for (const struct parser *const *p = parsers; *p; p++)
		if (strcmp((*p)->name, name) == 0)
			return *p;
	return NULL;
}

bool classify_decode_as(const char *text, struct decode_as *out)
{
	static const struct { const char *head; uint8_t transport; } heads[] = {
		{"tcp.port==", TRANSPORT_TCP}, {"udp.port==", TRANSPORT_UDP}};
	for (unsigned i = 0; i < sizeof heads / sizeof *heads; i++) {
		size_t n = strlen(heads[i].head);
		if (strncmp(text, heads[i].head, n) != 0)
			continue;
		char *end;
		unsigned long port = strtoul(text + n, &end, 10);
		if (end == text + n || *end != ',' || port == 0 || port > 65535 || !parser_named(end + 1))
			return false;
		*out = (struct decode_as){heads[i].transport, (uint16_t)port, end + 1};
		return true;
	}
	return false;
}

const char *classify_parser_names(void)
{
	static const char names[] =
#define PARSER(name) ", " #name
#include "../parsers/parsers.def"
#undef PARSER
		;
	return &names[2];
}

/* nDPI asks for memory flow by flow; its hooks have no context. What it asked for before there was a slab is malloc()'s. */
static struct slab *ndpi_slab;

static void *ndpi_take(size_t bytes)
{
	return slab_take(ndpi_slab, bytes);
}

static void ndpi_give(void *at)
{
	slab_give(ndpi_slab, at);
}

static bool ndpi_begin_memory(void)
{
	ndpi_slab = slab_open();
	if (!ndpi_slab)
		return false;
	set_ndpi_malloc(ndpi_take);
	set_ndpi_free(ndpi_give);
	set_ndpi_flow_malloc(ndpi_take);
	set_ndpi_flow_free(ndpi_give);
	return true;
}

static void ndpi_end_memory(void)
{
	set_ndpi_malloc(NULL);
	set_ndpi_free(NULL);
	set_ndpi_flow_malloc(NULL);
	set_ndpi_flow_free(NULL);
	slab_close(ndpi_slab);
	ndpi_slab = NULL;
}

static bool ndpi_begin(struct classifier *c)
{
	c->ndpi = ndpi_init_detection_module(ndpi_no_prefs);
	if (!c->ndpi || !pool_open(&c->flows, SIZEOF_FLOW_STRUCT, c->options.ndpi_flows))
		return false;
	NDPI_PROTOCOL_BITMASK all;
	NDPI_BITMASK_SET_ALL(all);
	ndpi_set_protocol_detection_bitmask2(c->ndpi, &all);
	ndpi_finalize_initialization(c->ndpi);
	c->name_count = ndpi_get_num_supported_protocols(c->ndpi);
	c->names = calloc(c->name_count, sizeof *c->names);
	for (unsigned i = 0; c->names && i < c->name_count; i++) {
		const char *name = ndpi_get_proto_name(c->ndpi, (uint16_t)i);
		for (unsigned j = 0; name[j] && j + 1 < NAME_MAX_BYTES; j++)
			c->names[i][j] = (char)tolower((unsigned char)name[j]);
	}
	return c->names != NULL && ndpi_begin_memory();
}

struct classifier *classifier_open(const struct classify_options *options)
{
	struct classifier *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->options = *options;
	if (!options->ndpi || ndpi_begin(c))
		return c;
	classifier_close(c);
	return NULL;
}

void classifier_close(struct classifier *c)
{
	if (!c)
		return;
	if (c->ndpi)
		ndpi_exit_detection_module(c->ndpi);
	if (ndpi_slab)
		ndpi_end_memory();
	pool_close(&c->flows);
	free(c->names);
	free(c);
}

/* --- our own parsers ---------------------------------------------------------------------------------------- */

static void decide(struct classifier *c, struct flow *flow, const struct parser *parser)
{
	flow->parser = parser;
	flow->parser_state = parser ? OURS : NOT_OURS;
	if (parser) {
		flow->app_proto = parser->name;
		classify_forget(c, flow);
	}
}

static const struct parser *told(const struct classifier *c, const struct flow *flow)
{
	for (unsigned i = 0; i < c->options.decode_as_count; i++) {
		const struct decode_as *as = &c->options.decode_as[i];
		if (as->transport != flow->transport ||
		    (as->port != flow->ends.server_port && as->port != flow->ends.client_port))
			continue;
		return parser_named(as->parser);
	}
	return NULL;
}

void classify_as(struct classifier *c, struct flow *flow, const struct parser *parser)
{
	decide(c, flow, parser);
	memset(flow->state, 0, sizeof flow->state);
	if (!parser) {
		flow->parser_state = UNDECIDED;
		flow->probes = 0;
		flow->app_proto = NULL;
	}
}

static bool has(struct slice text, const char *word)
{
	return memmem(text.at, text.size, word, strlen(word)) != NULL;
}

/* Telnet: IAC, one of WILL, WONT, DO, DONT, an option; twice where there is room for two (RFC 854). */
static bool is_telnet(struct slice b)
{
	bool one = b.size >= 3 && b.at[0] == 0xff && b.at[1] >= 0xfb && b.at[1] <= 0xfe && b.at[2] < 0x40;
	return one && (b.size < 6 || b.at[3] == 0xff);
}

/* A plain protocol that no parser reads, by the first bytes of either side, under nDPI's name. NULL: none that is known. */
static const char *plain_protocol(struct slice bytes, enum direction direction)
{
	enum { CLIENT = 1 << TO_SERVER, SERVER = 1 << TO_CLIENT };
	static const struct { const char *head, *word, *name; uint8_t from; } heads[] = {
		{"SSH-", "", "ssh", CLIENT | SERVER}, {"RFB 00", "", "vnc", CLIENT | SERVER}, {"220", "FTP", "ftp_control", SERVER},
		{"220", "SMTP", "smtp", SERVER}, {"EHLO ", "", "smtp", CLIENT}, {"HELO ", "", "smtp", CLIENT}, {"+OK", "", "pop3", SERVER},
		{"* OK", "", "imap", SERVER}, {"AMQP", "", "amqp", CLIENT}};
	for (unsigned i = 0; i < sizeof heads / sizeof *heads; i++) {
		uint32_t size = (uint32_t)strlen(heads[i].head);
		if (heads[i].from >> direction & 1 && bytes.size >= size && memcmp(bytes.at, heads[i].head, size) == 0 && has(bytes, heads[i].word))
			return heads[i].name;
	}
	return is_telnet(bytes) ? "telnet" : NULL;
}

/* Whoever joins half-way may meet the middle of a message first. */
static enum classified classify_denied(struct classifier *c, struct flow *flow, enum direction direction, struct slice bytes)
{
	if (!flow->app_proto && !flow->midstream && !flow->carried && flow->transport == TRANSPORT_TCP)
		flow->app_proto = plain_protocol(bytes, direction);
	if (flow->midstream ? ++flow->probes < PROBES : direction == TO_CLIENT && !flow->half[TO_SERVER].bytes)
		return CLASSIFIED_PASS;
	decide(c, flow, NULL);
	return CLASSIFIED_NOT;
}

enum classified classify_bytes(struct classifier *c, struct flow *flow, enum direction direction, struct slice bytes)
{
	const struct parser *parser = c->options.decode_as_count && !flow->carried ? told(c, flow) : NULL;
	bool maybe = false;
	if (parser) {
		decide(c, flow, parser);
		return CLASSIFIED_OURS;
	}
	for (const struct parser *const *p = parsers; *p; p++) {
		if ((*p)->transport != flow->transport)
			continue;
		enum probe probe = (*p)->probe(bytes, (uint8_t)direction, flow->ends.client_port, flow->ends.server_port);
		maybe = maybe || probe == PROBE_MAYBE;
		if (probe == PROBE_NO || probe == PROBE_MAYBE)
			continue;
		/* Who opened a TCP connection is its client, whatever it says then. */
		if (!flow->carried && (flow->midstream || flow->transport != TRANSPORT_TCP) &&
		    ((probe == PROBE_CLIENT && direction == TO_CLIENT) || (probe == PROBE_SERVER && direction == TO_SERVER)))
			flow_flip(flow);
		decide(c, flow, *p);
		return CLASSIFIED_OURS;
	}
	if (maybe && ++flow->probes < PROBES)
		return CLASSIFIED_MAYBE;
	return classify_denied(c, flow, direction, bytes);
}

/* --- nDPI --------------------------------------------------------------------------------------------------- */

static uint32_t put_ip(uint8_t *at, const struct ends *ends, bool to_server, uint8_t transport, uint32_t size)
{
	const struct address *from = to_server ? &ends->client : &ends->server;
	const struct address *to = to_server ? &ends->server : &ends->client;
	if (address_is_v4(from) && address_is_v4(to)) {
		uint32_t total = size + 20;
		memset(at, 0, 20);
		at[0] = 0x45;
		at[2] = (uint8_t)(total >> 8);
		at[3] = (uint8_t)total;
		at[8] = 64;
		at[9] = transport;
		memcpy(at + 12, from->bytes + 12, 4);
		memcpy(at + 16, to->bytes + 12, 4);
		return 20;
	}
	memset(at, 0, 40);
	at[0] = 0x60;
	at[4] = (uint8_t)(size >> 8);
	at[5] = (uint8_t)size;
	at[6] = transport;
	at[7] = 64;
	memcpy(at + 8, from->bytes, 16);
	memcpy(at + 24, to->bytes, 16);
	return 40;
}

static void put_be16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_be32(uint8_t *at, uint32_t value)
{
	put_be16(at, value >> 16);
	put_be16(at + 2, value);
}

/* nDPI wants packets: a plain header is put before the payload, whatever tunnels it came through. */
static uint16_t build_packet(struct classifier *c, const struct flow *flow, bool to_server, const struct datagram *d)
{
	uint32_t payload = d->payload.size < PACKET_BYTES ? d->payload.size : PACKET_BYTES;
	uint32_t header = d->transport == TRANSPORT_TCP ? 20 : 8;
	uint8_t *at = c->packet;
	at += put_ip(at, &flow->ends, to_server, d->transport, header + payload);
	memset(at, 0, header);
	put_be16(at, d->source_port);
	put_be16(at + 2, d->target_port);
	if (d->transport == TRANSPORT_TCP) {
		put_be32(at + 4, d->seq);
		put_be32(at + 8, d->ack);
		at[12] = 0x50;
		at[13] = d->tcp_flags;
	} else {
		put_be16(at + 4, header + payload);
	}
	memcpy(at + header, d->payload.at, payload);
	return (uint16_t)(at + header + payload - c->packet);
}

static void ndpi_name(struct classifier *c, struct flow *flow, ndpi_protocol found)
{
	uint16_t id = found.app_protocol != NDPI_PROTOCOL_UNKNOWN ? found.app_protocol : found.master_protocol;
	if (id != NDPI_PROTOCOL_UNKNOWN && id < c->name_count)
		flow->app_proto = c->names[id];
}

/* ndpi_packets counts in flow->probes from here on: our own probes are over. */
void classify_packet(struct classifier *c, struct flow *flow, enum direction direction, const struct datagram *d)
{
	if (!c->ndpi || flow->app_proto || flow->probes == UINT8_MAX)
		return;
	if (flow->ndpi == FLOW_NONE) {
		flow->ndpi = pool_take(&c->flows);
		if (flow->ndpi == POOL_NONE) {
			flow->probes = UINT8_MAX;
			return;
		}
		memset(pool_at(&c->flows, flow->ndpi), 0, SIZEOF_FLOW_STRUCT);
	}
	struct ndpi_flow_struct *state = pool_at(&c->flows, flow->ndpi);
	uint16_t size = build_packet(c, flow, direction == TO_SERVER, d);
	ndpi_protocol found = ndpi_detection_process_packet(c->ndpi, state, c->packet, size, d->time_ns / 1000000);
	ndpi_name(c, flow, found);
	if (flow->app_proto || ++flow->probes >= NDPI_PACKETS) {
		uint8_t guessed;
		if (!flow->app_proto)
			ndpi_name(c, flow, ndpi_detection_giveup(c->ndpi, state, 1, &guessed));
		flow->probes = UINT8_MAX;
		classify_forget(c, flow);
	}
}

void classify_forget(struct classifier *c, struct flow *flow)
{
	if (flow->ndpi == FLOW_NONE)
		return;
	ndpi_free_flow_data(pool_at(&c->flows, flow->ndpi));
	pool_give(&c->flows, flow->ndpi);
	flow->ndpi = FLOW_NONE;
}
