#include "census.h"
#include "rules.h"
#include <stdio.h>
#include <stdlib.h>

struct layer {
	const struct field *suite, *tier, *version;
	uint8_t server_hello;
};

struct census {
	unsigned count;
	struct census_row rows[LIMIT_CENSUS];
	struct census_flows flows;
	struct layer tls, dtls;
	const struct field *mqtt_version, *http_version;
};

static struct layer layer_of(const char *suite, const char *tier, const char *version, const char *server_hello)
{
	const struct field *hello = rules_field(server_hello);
	return (struct layer){rules_field(suite), rules_field(tier), rules_field(version), hello ? hello->message : 0};
}

struct census *census_open(void)
{
	struct census *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->tls = layer_of("tls.cipher_suite", "tls.cipher_tier", "tls.version", "tls.session_resumed");
	c->dtls = layer_of("dtls.cipher_suite", "dtls.cipher_tier", "dtls.version", "dtls.session_resumed");
	c->mqtt_version = rules_field("mqtt.connect.protocol_version");
	c->http_version = rules_field("http.protocol");
	return c;
}

void census_close(struct census *c)
{
	free(c);
}

static bool same(const struct census_row *a, const struct census_row *b)
{
	return a->kind == b->kind && slice_equal(name_slice(&a->name), name_slice(&b->name)) && strcmp(a->version, b->version) == 0 &&
	       strcmp(a->tier, b->tier) == 0 && a->reading == b->reading;
}

/* What is too rare to find a place is summed up under "others" of its kind. */
static void tally(struct census *c, const struct census_row *what)
{
	struct census_row row = *what;
	for (unsigned tries = 0; tries < 2; tries++) {
		unsigned i = 0;
		while (i < c->count && !same(&c->rows[i], &row))
			i++;
		if (i == c->count && c->count < LIMIT_CENSUS - 8) {
			c->rows[c->count] = row;
			c->rows[c->count++].count = 0;
		}
		if (i < c->count) {
			c->rows[i].count += row.count;
			c->rows[i].packets += row.packets;
			c->rows[i].bytes += row.bytes;
			return;
		}
		row = (struct census_row){.kind = row.kind, .count = row.count, .packets = row.packets, .bytes = row.bytes,
					  .reading = row.reading};
		name_set(&row.name, slice_text("others"));
	}
}

static void tally_version(struct census *c, struct slice name)
{
	struct census_row row = {.kind = CENSUS_VERSION, .count = 1};
	name_set(&row.name, name.size ? name : slice_text("unknown"));
	tally(c, &row);
}

static void copy(char *out, size_t size, const struct value *value)
{
	struct slice text = value->texts.count ? slice_head(value->texts.items[0], (uint32_t)size - 1) : (struct slice){NULL, 0};
	if (text.size)
		memcpy(out, text.at, text.size);
	out[text.size] = 0;
}

static void handshake(struct census *c, const struct layer *layer, const struct event *event)
{
	struct census_row row = {.kind = CENSUS_SUITE, .count = 1};
	struct value value;
	if (!layer->suite || event->message != layer->server_hello || !field_get(layer->suite, event, &value) || !value.texts.count)
		return;
	name_set(&row.name, value.texts.items[0]);
	if (layer->tier && field_get(layer->tier, event, &value))
		copy(row.tier, sizeof row.tier, &value);
	if (layer->version && field_get(layer->version, event, &value))
		copy(row.version, sizeof row.version, &value);
	tally(c, &row);
	tally_version(c, slice_text(row.version));
}

void census_event(struct census *c, const struct event *event)
{
	static const char *const mqtt[] = {[3] = "MQTT 3.1", [4] = "MQTT 3.1.1", [5] = "MQTT 5.0"};
	struct value value;
	switch (event->protocol) {
	case PROTOCOL_MQTT:
		if (field_get(c->mqtt_version, event, &value))
			tally_version(c, slice_text(value.number >= 3 && value.number <= 5 ? mqtt[value.number] : NULL));
		break;
	case PROTOCOL_HTTP:
		if (event->action == ACTION_REQUEST && field_get(c->http_version, event, &value) && value.texts.count)
			tally_version(c, value.texts.items[0]);
		break;
	case PROTOCOL_COAP:
		if (event->action == ACTION_REQUEST)
			tally_version(c, slice_text("CoAP"));
		break;
	case PROTOCOL_TLS:
		handshake(c, &c->tls, event);
		break;
	case PROTOCOL_DTLS:
		handshake(c, &c->dtls, event);
		break;
	default:
		break;
	}
}

void census_conversation(struct census *c, const struct conversation *conversation)
{
	const char *parser = conversation->parser;
	bool sealed = parser && (strcmp(parser, "tls") == 0 || strcmp(parser, "dtls") == 0);
	struct census_row row = {
		.kind = CENSUS_APP,
		.count = 1,
		.packets = conversation->packets[0] + (uint64_t)conversation->packets[1],
		.bytes = conversation->bytes[0] + conversation->bytes[1],
		.reading = sealed ? READ_HANDSHAKE : parser ? READ : READ_NOT,
	};
	c->flows.flows++;
	c->flows.one_sided += !conversation->packets[0] || !conversation->packets[1];
	c->flows.midstream += conversation->midstream;
	c->flows.encrypted += sealed;
	if (!row.bytes) /* nothing was said: no protocol went unread */
		return;
	c->flows.unread += !parser;
	c->flows.unread_bytes += parser ? 0 : row.bytes;
	name_set(&row.name, slice_text(conversation->app_proto ? conversation->app_proto : parser ? parser : "unknown"));
	tally(c, &row);
}

/* --- reading ------------------------------------------------------------------------------------------------- */

static int by_weight(const void *a, const void *b)
{
	const struct census_row *left = a, *right = b;
	struct slice x = name_slice(&left->name), y = name_slice(&right->name);
	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	int order = memcmp(x.at, y.at, x.size < y.size ? x.size : y.size);
	order = order ? order : (int)x.size - (int)y.size;
	order = order ? order : strcmp(left->version, right->version);
	order = order ? order : strcmp(left->tier, right->tier);
	return order ? order : (int)left->reading - (int)right->reading;
}

unsigned census_sort(struct census *c)
{
	qsort(c->rows, c->count, sizeof *c->rows, by_weight);
	return c->count;
}

const struct census_row *census_at(const struct census *c, unsigned index)
{
	return &c->rows[index];
}

const struct census_flows *census_flows(const struct census *c)
{
	return &c->flows;
}
