#include "device.h"
#include "alert.h"
#include "hash.h"
#include "pool.h"
#include "rules.h"
#include <stdio.h>
#include <stdlib.h>

enum { BUCKETS = 2 * LIMIT_DEVICES, NEIGHBOURS = 4096, NONE = 0 };

/* What an event's own fields say of its client or server. */
static const struct told {
	const char *field;
	enum fact_kind kind;
	bool of_server;
} told[] = {
	{"mqtt.connect.protocol_version", FACT_VERSION, false},
	{"http.http_user_agent", FACT_SOFTWARE, false},
	{"http.protocol", FACT_VERSION, false},
	{"http.hostname", FACT_NAME, true},
	{"http.server", FACT_SOFTWARE, true},
	{"tls.ja3.hash", FACT_JA3, false},
	{"tls.ja4", FACT_JA4, false},
	{"tls.sni", FACT_NAME, true},
	{"tls.version", FACT_VERSION, false},
	{"dtls.ja3.hash", FACT_JA3, false},
	{"dtls.ja4", FACT_JA4, false},
	{"dtls.sni", FACT_NAME, true},
	{"dtls.version", FACT_VERSION, false},
};
enum { TOLD = sizeof told / sizeof *told };

/* Who sent a frame lately: of devices that nothing is known of yet. */
struct neighbour {
	struct address address;
	uint8_t mac[6];
	bool known;
};

/* Devices and facts are numbered from 1; 0 is none. */
struct devices {
	struct pool devices, facts;
	uint32_t *buckets;
	uint32_t *order;
	uint32_t count;
	uint64_t refused;
	const struct field *field[TOLD];
	struct neighbour neighbours[NEIGHBOURS];
};

const char *fact_name(unsigned kind)
{
	static const char *const names[] = {"client_ids", "users", "protocols", "versions", "other_protocols", "servers", "services",
		"resources", "names", "software", "ja3", "ja4"};
	return kind < FACT_KINDS ? names[kind] : NULL;
}

struct devices *devices_open(void)
{
	struct devices *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->buckets = calloc(BUCKETS, sizeof *d->buckets);
	if (!d->buckets || !pool_open(&d->devices, sizeof(struct device), LIMIT_DEVICES + 1) ||
	    !pool_open(&d->facts, sizeof(struct fact), LIMIT_DEVICE_FACTS + 1)) {
		devices_close(d);
		return NULL;
	}
	(void)pool_take(&d->devices); /* 0 */
	(void)pool_take(&d->facts);
	for (unsigned i = 0; i < TOLD; i++)
		d->field[i] = rules_field(told[i].field);
	return d;
}

void devices_close(struct devices *d)
{
	if (!d)
		return;
	pool_close(&d->devices);
	pool_close(&d->facts);
	free(d->buckets);
	free(d->order);
	free(d);
}

/* --- finding ------------------------------------------------------------------------------------------------- */

static uint64_t key_of(const struct address *address, const struct name *label)
{
	return hash_join(hash_bytes(address, sizeof *address, 0), label->known ? hash_slice(name_slice(label), 0) : 0);
}

static bool is_it(const struct device *device, const struct address *address, const struct name *label)
{
	return address_equal(&device->address, address) && device->label.known == label->known &&
	       slice_equal(name_slice(&device->label), name_slice(label));
}

static struct device *find(const struct devices *d, const struct address *address, const struct name *label)
{
	uint32_t i = d->buckets[key_of(address, label) % BUCKETS];
	while (i != NONE) {
		struct device *device = pool_at(&d->devices, i);
		if (is_it(device, address, label))
			return device;
		i = device->next;
	}
	return NULL;
}

static void set_mac(struct device *device, const uint8_t mac[6])
{
	if (device->mac_known && memcmp(device->mac, mac, 6) != 0)
		device->mac_varies = true;
	else
		memcpy(device->mac, mac, 6);
	device->mac_known = true;
}

static struct neighbour *neighbour_of(struct devices *d, const struct address *address)
{
	return &d->neighbours[hash_bytes(address, sizeof *address, 0) % NEIGHBOURS];
}

/* The device of an address or label, made when it is new; NULL when the table is full or nobody is named. */
static struct device *get(struct devices *d, const struct address *address, const struct name *label, uint64_t time_ns)
{
	static const struct name nobody;
	if (address_known(address))
		label = &nobody;
	else if (!label->known)
		return NULL;
	struct device *device = find(d, address, label);
	if (!device) {
		uint32_t i = pool_take(&d->devices);
		if (i == POOL_NONE) {
			d->refused++;
			return NULL;
		}
		uint32_t *bucket = &d->buckets[key_of(address, label) % BUCKETS];
		device = pool_at(&d->devices, i);
		*device = (struct device){.address = *address, .label = *label, .first_ns = time_ns, .last_ns = time_ns, .next = *bucket};
		*bucket = i;
		d->count++;
		const struct neighbour *neighbour = neighbour_of(d, address);
		if (neighbour->known && address_equal(&neighbour->address, address))
			set_mac(device, neighbour->mac);
	}
	device->first_ns = time_ns < device->first_ns ? time_ns : device->first_ns;
	device->last_ns = time_ns > device->last_ns ? time_ns : device->last_ns;
	return device;
}

/* --- facts --------------------------------------------------------------------------------------------------- */

static void add_name(struct devices *d, struct device *device, enum fact_kind kind, const struct name *value)
{
	uint32_t *link = &device->facts[kind];
	if (!value->known || !value->size)
		return;
	while (*link != NONE) {
		struct fact *fact = pool_at(&d->facts, *link);
		if (fact->value.size == value->size && memcmp(fact->value.text, value->text, value->size) == 0) {
			fact->count++;
			return;
		}
		link = &fact->next;
	}
	uint32_t i = device->fact_count[kind] < LIMIT_FACTS_OF_KIND ? pool_take(&d->facts) : POOL_NONE;
	if (i == POOL_NONE) {
		device->missed[kind]++;
		return;
	}
	struct fact *fact = pool_at(&d->facts, i);
	*fact = (struct fact){*value, 1, NONE};
	device->fact_count[kind]++;
	*link = i;
}

static void add(struct devices *d, struct device *device, enum fact_kind kind, struct slice value)
{
	struct name name;
	if (!value.size)
		return;
	name_set(&name, value);
	add_name(d, device, kind, &name);
}

static void add_text(struct devices *d, struct device *device, enum fact_kind kind, const char *text)
{
	add(d, device, kind, slice_text(text));
}

static const char *mqtt_version(uint64_t number)
{
	return number == 3 ? "MQTT 3.1" : number == 4 ? "MQTT 3.1.1" : number == 5 ? "MQTT 5.0" : NULL;
}

static void add_told(struct devices *d, struct device *client, struct device *server, const struct event *event)
{
	struct value value;
	for (unsigned i = 0; i < TOLD; i++) {
		const struct field *field = d->field[i];
		struct device *device = told[i].of_server ? server : client;
		if (!field || !device || field->protocol != event->protocol || !field_get(field, event, &value))
			continue;
		if (field->type == FIELD_U8)
			add_text(d, device, told[i].kind, mqtt_version(value.number));
		else if (value.texts.count)
			add(d, device, told[i].kind, value.texts.items[0]);
	}
}

static void add_resources(struct devices *d, struct device *device, const struct event *event)
{
	for (uint32_t i = 0; device && i < event->resource.count && i < LIMIT_FACTS_OF_KIND; i++)
		add(d, device, FACT_RESOURCE, event->resource.items[i]);
}

static void add_server(struct devices *d, struct device *client, const struct address *server, uint16_t port)
{
	char text[ADDRESS_TEXT_MAX + 16], address[ADDRESS_TEXT_MAX];
	address_format(server, address);
	snprintf(text, sizeof text, address_is_v4(server) ? "%s:%u" : "[%s]:%u", address, port);
	add_text(d, client, FACT_SERVER, text);
}

static void add_service(struct devices *d, struct device *server, uint16_t port, uint8_t transport, const char *app)
{
	char text[64];
	snprintf(text, sizeof text, "%u/%s%s%s", port, transport == TRANSPORT_UDP ? "udp" : "tcp", app ? " " : "", app ? app : "");
	add_text(d, server, FACT_SERVICE, text);
}

/* --- what is told -------------------------------------------------------------------------------------------- */

/* Of a connection that got no answer the server may not exist. */
static bool server_spoke(const struct event *event)
{
	return event->source == SOURCE_LOG || event->direction == TO_CLIENT || event->outcome == OUTCOME_SUCCESS;
}

void devices_event(struct devices *d, const struct event *event)
{
	static const struct name nobody;
	const struct session *session = event->session;
	bool spoken = event->protocol != PROTOCOL_TCP && event->protocol != PROTOCOL_UDP;
	struct device *client = get(d, &event->ends->client, &session->client_id, event->time_ns);
	struct device *server = server_spoke(event) && !address_is_group(&event->ends->server)
		? get(d, &event->ends->server, &nobody, event->time_ns) : NULL;
	if (server && spoken) {
		add_text(d, server, FACT_PROTOCOL, protocol_name(event->protocol));
		server->events++;
		if (event->protocol == PROTOCOL_COAP)
			add_resources(d, server, event);
	}
	add_told(d, client, server, event);
	if (!client)
		return;
	client->events++;
	add_name(d, client, FACT_CLIENT_ID, &session->client_id);
	add_name(d, client, FACT_USER, &session->user);
	if (spoken)
		add_text(d, client, FACT_PROTOCOL, protocol_name(event->protocol));
	add_resources(d, client, event);
	if (event->source == SOURCE_LOG && event->action == ACTION_CONNECT && address_known(&event->ends->server))
		add_server(d, client, &event->ends->server, event->ends->server_port);
}

void devices_conversation(struct devices *d, const struct conversation *c)
{
	static const struct name nobody;
	const struct ends *ends = c->ends;
	struct device *client = c->packets[TO_SERVER] ? get(d, &ends->client, &nobody, c->first_ns) : NULL;
	struct device *server = c->packets[TO_CLIENT] ? get(d, &ends->server, &nobody, c->first_ns) : NULL;
	for (unsigned side = 0; side < 2; side++) {
		struct device *device = side ? server : client;
		if (!device)
			continue;
		device->flows++;
		device->last_ns = c->last_ns > device->last_ns ? c->last_ns : device->last_ns;
		device->packets_sent += c->packets[side ? TO_CLIENT : TO_SERVER];
		device->packets_received += c->packets[side ? TO_SERVER : TO_CLIENT];
		device->bytes_sent += c->bytes[side ? TO_CLIENT : TO_SERVER];
		device->bytes_received += c->bytes[side ? TO_SERVER : TO_CLIENT];
		if (!c->parser && c->app_proto)
			add_text(d, device, FACT_APP, c->app_proto);
	}
	if (client)
		add_server(d, client, &ends->server, ends->server_port);
	if (server && (c->app_proto || c->bytes[TO_CLIENT]))
		add_service(d, server, ends->server_port, c->transport, c->app_proto);
}

/* The sender of an Ethernet frame whose IP header stands right behind the link's and its VLAN tags: not one inside a tunnel. */
void devices_datagram(struct devices *d, const struct packet *packet, const struct datagram *datagram)
{
	enum { ETHERNET = 1, VLAN = 0x8100, QINQ = 0x88a8, IPV4 = 0x0800, IPV6 = 0x86dd };
	static const struct name nobody;
	struct reader r = reader_of(packet->bytes);
	if (packet->link_type != ETHERNET)
		return;
	read_skip(&r, 6);
	struct slice mac = read_slice(&r, 6), source;
	uint16_t type = read_be16(&r);
	for (unsigned tags = 0; tags < 2 && (type == VLAN || type == QINQ); tags++) {
		read_skip(&r, 2);
		type = read_be16(&r);
	}
	bool v4 = address_is_v4(&datagram->source);
	read_skip(&r, v4 ? 12 : 8);
	source = read_slice(&r, v4 ? 4 : 16);
	if (type != (v4 ? IPV4 : IPV6) || !source.size ||
	    memcmp(source.at, datagram->source.bytes + (16 - source.size), source.size) != 0)
		return;
	struct device *device = find(d, &datagram->source, &nobody);
	if (device) {
		set_mac(device, mac.at);
		return;
	}
	struct neighbour *neighbour = neighbour_of(d, &datagram->source);
	neighbour->address = datagram->source;
	memcpy(neighbour->mac, mac.at, sizeof neighbour->mac);
	neighbour->known = true;
}

void devices_alert(struct devices *d, const struct alert *alert)
{
	const struct event *event = alert->event;
	struct device *device = get(d, &event->ends->client, &event->session->client_id, event->time_ns);
	if (device && !alert->update)
		device->alerts[alert->rule->level]++;
}

/* --- reading ------------------------------------------------------------------------------------------------- */

static int by_address(const void *a, const void *b, void *context)
{
	const struct devices *d = context;
	const struct device *left = pool_at(&d->devices, *(const uint32_t *)a), *right = pool_at(&d->devices, *(const uint32_t *)b);
	int order = memcmp(&left->address, &right->address, sizeof left->address);
	struct slice x = name_slice(&left->label), y = name_slice(&right->label);
	uint32_t shorter = x.size < y.size ? x.size : y.size;
	if (order == 0 && shorter)
		order = memcmp(x.at, y.at, shorter);
	return order ? order : x.size < y.size ? -1 : x.size > y.size;
}

uint32_t devices_sort(struct devices *d)
{
	free(d->order);
	d->order = calloc(d->count ? d->count : 1, sizeof *d->order);
	if (!d->order)
		return 0;
	for (uint32_t i = 0; i < d->count; i++)
		d->order[i] = i + 1;
	qsort_r(d->order, d->count, sizeof *d->order, by_address, d);
	return d->count;
}

const struct device *devices_at(const struct devices *d, uint32_t index)
{
	return pool_at(&d->devices, d->order[index]);
}

const struct fact *device_fact(const struct devices *d, const struct device *device, enum fact_kind kind, const struct fact *last)
{
	uint32_t i = last ? last->next : device->facts[kind];
	return i == NONE ? NULL : pool_at(&d->facts, i);
}

uint64_t devices_refused(const struct devices *d)
{
	return d->refused;
}
