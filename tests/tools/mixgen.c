/* mixgen - a gateway's traffic as a capture, the same for the same arguments.
 *
 *   tool-mixgen [-m mqtt|coap|http|tls|other|full] [-n PACKETS] [-f FLOWS] [-e EXCHANGES] [-s SEED] FILE
 *
 * FLOWS devices, each with its own address, talk to one of four servers at the same time; of a full mix 70 % speak MQTT, 15 %
 * CoAP, 10 % HTTP and 5 % TLS. CoAP: GET, PUT, notifications of Observe, confirmable and not. HTTP: GET and POST on connections
 * that are kept. TLS: a handshake of 1.3 or a resumed one of 1.2, then application data. Other: what nobody
 * knows. MQTT, each with its own client id:
 * A session is opened (TCP handshake, CONNECT, CONNACK), lives for about EXCHANGES exchanges (PUBLISH of QoS 0, 1
 * and 2, deliveries to subscribers, PINGREQ), is closed by DISCONNECT and FIN, now and then by RST, and opened anew.
 * One exchange per device and ten seconds. Segments of many devices interleave; every checksum is right.
 *
 * Standard output tells what was written, one "name count" a line: what a reader must find. The generator stops
 * between two exchanges, so the packets may be up to a few hundred more than asked for.
 */
#include "mixgen_others.h"
#include "mixgen_packet.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUND_NS 10000000000ull /* one exchange per device in this time */
#define STEPS_MAX 6

enum step {
	STEP_END, STEP_SYN, STEP_SYN_ACK, STEP_ACK_C, STEP_ACK_S, STEP_FIN_C, STEP_FIN_S, STEP_RST_C,
	STEP_CONNECT, STEP_CONNACK, STEP_SUBSCRIBE, STEP_SUBACK, STEP_PUBLISH_0, STEP_PUBLISH_1, STEP_PUBLISH_2,
	STEP_PUBACK_S, STEP_PUBREC, STEP_PUBREL, STEP_PUBCOMP, STEP_DELIVER, STEP_PUBACK_C, STEP_PINGREQ,
	STEP_PINGRESP, STEP_DISCONNECT,
	STEP_COAP_GET, STEP_COAP_CONTENT, STEP_COAP_PUT, STEP_COAP_CHANGED, STEP_COAP_OBSERVE, STEP_COAP_NOTIFY, STEP_COAP_ACK,
	STEP_HTTP_GET, STEP_HTTP_OK, STEP_HTTP_POST, STEP_HTTP_CREATED,
	STEP_TLS_CLIENT, STEP_TLS_SERVER, STEP_TLS_FINISHED_C, STEP_TLS_FINISHED_S, STEP_TLS_DATA_C, STEP_TLS_DATA_S, STEP_COUNT
};

enum exchange { OPEN, SUBSCRIBE, PUBLISH_0, PUBLISH_1, PUBLISH_2, DELIVER, PING, CLOSE, DROP, COAP_READ, COAP_WRITE, COAP_REGISTER,
	COAP_TELL, OPEN_TCP, HTTP_READ, HTTP_WRITE, CLOSE_TCP, TLS_HANDSHAKE, TLS_DATA, EXCHANGE_COUNT };

enum speaks { MQTT, COAP, HTTP, TLS, OTHER, FULL };
static const char *const mixes[] = {"mqtt", "coap", "http", "tls", "other", "full"};
static const uint16_t ports[] = {1883, 5683, 80, 8883, 40404};

static const uint8_t exchange_steps[EXCHANGE_COUNT][STEPS_MAX + 1] = {
	[OPEN] = {STEP_SYN, STEP_SYN_ACK, STEP_ACK_C, STEP_CONNECT, STEP_CONNACK, STEP_ACK_C},
	[SUBSCRIBE] = {STEP_SUBSCRIBE, STEP_SUBACK, STEP_ACK_C},
	[PUBLISH_0] = {STEP_PUBLISH_0, STEP_ACK_S},
	[PUBLISH_1] = {STEP_PUBLISH_1, STEP_PUBACK_S, STEP_ACK_C},
	[PUBLISH_2] = {STEP_PUBLISH_2, STEP_PUBREC, STEP_PUBREL, STEP_PUBCOMP, STEP_ACK_C},
	[DELIVER] = {STEP_DELIVER, STEP_PUBACK_C, STEP_ACK_S},
	[PING] = {STEP_PINGREQ, STEP_PINGRESP, STEP_ACK_C},
	[CLOSE] = {STEP_DISCONNECT, STEP_FIN_C, STEP_FIN_S, STEP_ACK_C},
	[DROP] = {STEP_RST_C},
	[COAP_READ] = {STEP_COAP_GET, STEP_COAP_CONTENT},
	[COAP_WRITE] = {STEP_COAP_PUT, STEP_COAP_CHANGED},
	[COAP_REGISTER] = {STEP_COAP_OBSERVE, STEP_COAP_CONTENT},
	[COAP_TELL] = {STEP_COAP_NOTIFY, STEP_COAP_ACK},
	[OPEN_TCP] = {STEP_SYN, STEP_SYN_ACK, STEP_ACK_C},
	[HTTP_READ] = {STEP_HTTP_GET, STEP_HTTP_OK, STEP_ACK_C},
	[HTTP_WRITE] = {STEP_HTTP_POST, STEP_HTTP_CREATED, STEP_ACK_C},
	[CLOSE_TCP] = {STEP_FIN_C, STEP_FIN_S, STEP_ACK_C},
	[TLS_HANDSHAKE] = {STEP_TLS_CLIENT, STEP_TLS_SERVER, STEP_TLS_FINISHED_C, STEP_TLS_FINISHED_S, STEP_ACK_C},
	[TLS_DATA] = {STEP_TLS_DATA_C, STEP_TLS_DATA_S, STEP_ACK_C},
};

/* Sender, TCP flags and, for MQTT, the fixed header's first byte of each step. */
static const struct {
	const char *name; /* of the event it must give; NULL: none */
	uint8_t from_server, flags, first;
} steps[STEP_COUNT] = {
	[STEP_SYN] = {"tcp.syn", 0, TCP_SYN, 0},
	[STEP_SYN_ACK] = {NULL, 1, TCP_SYN | TCP_ACK, 0},
	[STEP_ACK_C] = {NULL, 0, TCP_ACK, 0},
	[STEP_ACK_S] = {NULL, 1, TCP_ACK, 0},
	[STEP_FIN_C] = {"tcp.fin", 0, TCP_FIN | TCP_ACK, 0},
	[STEP_FIN_S] = {NULL, 1, TCP_FIN | TCP_ACK, 0},
	[STEP_RST_C] = {"tcp.rst", 0, TCP_RST | TCP_ACK, 0},
	[STEP_CONNECT] = {"mqtt.connect", 0, TCP_PSH | TCP_ACK, 0x10},
	[STEP_CONNACK] = {"mqtt.connack", 1, TCP_PSH | TCP_ACK, 0x20},
	[STEP_SUBSCRIBE] = {"mqtt.subscribe", 0, TCP_PSH | TCP_ACK, 0x82},
	[STEP_SUBACK] = {"mqtt.suback", 1, TCP_PSH | TCP_ACK, 0x90},
	[STEP_PUBLISH_0] = {"mqtt.publish", 0, TCP_PSH | TCP_ACK, 0x30},
	[STEP_PUBLISH_1] = {"mqtt.publish", 0, TCP_PSH | TCP_ACK, 0x32},
	[STEP_PUBLISH_2] = {"mqtt.publish", 0, TCP_PSH | TCP_ACK, 0x34},
	[STEP_PUBACK_S] = {"mqtt.puback", 1, TCP_PSH | TCP_ACK, 0x40},
	[STEP_PUBREC] = {"mqtt.pubrec", 1, TCP_PSH | TCP_ACK, 0x50},
	[STEP_PUBREL] = {"mqtt.pubrel", 0, TCP_PSH | TCP_ACK, 0x62},
	[STEP_PUBCOMP] = {"mqtt.pubcomp", 1, TCP_PSH | TCP_ACK, 0x70},
	[STEP_DELIVER] = {"mqtt.publish", 1, TCP_PSH | TCP_ACK, 0x32},
	[STEP_PUBACK_C] = {"mqtt.puback", 0, TCP_PSH | TCP_ACK, 0x40},
	[STEP_PINGREQ] = {"mqtt.pingreq", 0, TCP_PSH | TCP_ACK, 0xc0},
	[STEP_PINGRESP] = {"mqtt.pingresp", 1, TCP_PSH | TCP_ACK, 0xd0},
	[STEP_DISCONNECT] = {"mqtt.disconnect", 0, TCP_PSH | TCP_ACK, 0xe0},
	[STEP_COAP_GET] = {"coap.message", 0, 0, 0},
	[STEP_COAP_CONTENT] = {"coap.message", 1, 0, 0},
	[STEP_COAP_PUT] = {"coap.message", 0, 0, 0},
	[STEP_COAP_CHANGED] = {"coap.message", 1, 0, 0},
	[STEP_COAP_OBSERVE] = {"coap.message", 0, 0, 0},
	[STEP_COAP_NOTIFY] = {"coap.message", 1, 0, 0},
	[STEP_COAP_ACK] = {"coap.message", 0, 0, 0},
	[STEP_HTTP_GET] = {"http.request", 0, TCP_PSH | TCP_ACK, 0},
	[STEP_HTTP_OK] = {"http.response", 1, TCP_PSH | TCP_ACK, 0},
	[STEP_HTTP_POST] = {"http.request", 0, TCP_PSH | TCP_ACK, 0},
	[STEP_HTTP_CREATED] = {"http.response", 1, TCP_PSH | TCP_ACK, 0},
	[STEP_TLS_CLIENT] = {"tls.client_hello", 0, TCP_PSH | TCP_ACK, 0},
	[STEP_TLS_SERVER] = {"tls.server_hello", 1, TCP_PSH | TCP_ACK, 0},
	[STEP_TLS_FINISHED_C] = {NULL, 0, TCP_PSH | TCP_ACK, 0},
	[STEP_TLS_FINISHED_S] = {NULL, 1, TCP_PSH | TCP_ACK, 0},
	[STEP_TLS_DATA_C] = {NULL, 0, TCP_PSH | TCP_ACK, 0},
	[STEP_TLS_DATA_S] = {NULL, 1, TCP_PSH | TCP_ACK, 0},
};

/* A device; small, for there are a million. */
struct device {
	uint32_t next_seq[2], heard[2]; /* by sender: sequence number to send, acknowledgement to send */
	uint32_t clock_ms[2];           /* by sender: its last TCP timestamp, which the other side echoes (RFC 7323) */
	uint32_t sessions;
	uint16_t left;                  /* exchanges until this session ends; 0: no session */
	uint16_t message_id;
	uint8_t speaks, subscriber, subscribed, version;
};

struct mix {
	uint64_t packets_wanted, seed, now_ns;
	uint32_t flows, exchanges;
	enum speaks speaks;
	struct device *devices;
	struct packet_writer *writer;
	uint64_t done[STEP_COUNT];
};

static uint64_t mixed(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static void device_init(const struct mix *mix, uint32_t id)
{
	struct device *device = &mix->devices[id];
	uint64_t r = mixed(mix->seed ^ id);
	device->subscriber = r % 20 == 0;
	device->version = (r >> 8) % 10 < 3 ? 5 : 4;
	unsigned percent = (unsigned)(r >> 16) % 100;
	device->speaks = (uint8_t)(mix->speaks != FULL ? mix->speaks : percent < 70 ? MQTT : percent < 85 ? COAP : percent < 95 ? HTTP : TLS);
}

static uint16_t device_port(uint32_t id, const struct device *device)
{
	return (uint16_t)(1024 + (id * 7919u + device->sessions * 61u) % 64000u);
}

/* CoAP has no sessions: a device keeps its port. */
static enum exchange coap_next(struct device *device, uint64_t r)
{
	bool observed = device->subscribed;
	device->sessions = device->left = 1;
	device->subscribed = observed || device->subscriber;
	if (device->subscriber)
		return observed ? COAP_TELL : COAP_REGISTER;
	return r % 100 < 70 ? COAP_READ : COAP_WRITE;
}

/* Of a connection that carries HTTP or TLS. */
static enum exchange stream_next(struct device *device, uint64_t r)
{
	if (--device->left == 0)
		return r % 64 == 0 ? DROP : CLOSE_TCP;
	if (device->speaks == HTTP)
		return r % 100 < 60 ? HTTP_READ : HTTP_WRITE;
	bool up = device->subscribed;
	device->subscribed = 1;
	return up || device->speaks == OTHER ? TLS_DATA : TLS_HANDSHAKE;
}

/* The session's next exchange, by chance; `r` is the device's chance of this round. */
static enum exchange device_next(const struct mix *mix, struct device *device, uint64_t r)
{
	if (device->speaks == COAP)
		return coap_next(device, r);
	if (device->left == 0) {
		uint32_t spread = mix->exchanges / 2;
		device->left = (uint16_t)(1 + mix->exchanges - spread / 2 + (uint32_t)(r >> 32) % (spread + 1));
		device->subscribed = 0;
		device->sessions++;
		return device->speaks == MQTT ? OPEN : OPEN_TCP;
	}
	if (device->speaks != MQTT)
		return stream_next(device, r);
	if (--device->left == 0)
		return r % 64 == 0 ? DROP : CLOSE;
	if (device->subscriber && !device->subscribed) {
		device->subscribed = 1;
		return SUBSCRIBE;
	}
	unsigned percent = (unsigned)(r % 100);
	if (device->subscriber && percent < 30)
		return DELIVER;
	return percent < 40 ? PUBLISH_1 : percent < 43 ? PUBLISH_2 : percent < 90 ? PUBLISH_0 : PING;
}

/* Topic of a device; the last level tells a command (delivered) from a measurement. */
static void put_topic(struct bytes *b, uint32_t id, const char *leaf)
{
	char topic[64];
	int n = snprintf(topic, sizeof topic, "site/%u/dev/%08x/%s", id % 97, id, leaf);
	bytes_u16(b, (uint16_t)n);
	bytes_put(b, topic, (uint32_t)n);
}

static void put_text(struct bytes *b, const char *text, uint32_t size)
{
	bytes_u16(b, (uint16_t)size);
	bytes_put(b, text, size);
}

/* One account per fifty devices, as fleets have them, and one password for each. */
static void put_connect(struct bytes *b, uint32_t id, uint8_t version)
{
	char text[32];
	put_text(b, "MQTT", 4);
	bytes_u8(b, version);
	bytes_u8(b, 0xc2);
	bytes_u16(b, 60);
	if (version == 5)
		bytes_u8(b, 0);
	put_text(b, text, (uint32_t)snprintf(text, sizeof text, "sensor-%08x", id));
	put_text(b, text, (uint32_t)snprintf(text, sizeof text, "fleet%u", id % 251));
	put_text(b, text, (uint32_t)snprintf(text, sizeof text, "Wq7-%u-kx", id % 251 * 31u));
}

static void put_publish(struct bytes *b, struct device *device, uint32_t id, enum step step, uint64_t r)
{
	static const char *const leaves[] = {"temp", "humidity", "power", "status"};
	char text[48];
	put_topic(b, id, step == STEP_DELIVER ? "cmd" : leaves[r % 4]);
	if (step != STEP_PUBLISH_0)
		bytes_u16(b, device->message_id);
	if (device->version == 5)
		bytes_u8(b, 0);
	bytes_put(b, text, (uint32_t)snprintf(text, sizeof text, "{\"n\":%u,\"v\":%u.%u}", (unsigned)(r >> 40),
					      (unsigned)(r >> 16 & 63), (unsigned)(r >> 24 & 7)));
}

static void put_message(struct bytes *b, struct device *device, uint32_t id, enum step step, uint64_t r)
{
	switch (step) {
	case STEP_CONNECT:
		put_connect(b, id, device->version);
		break;
	case STEP_CONNACK:
		bytes_u16(b, 0);
		if (device->version == 5)
			bytes_u8(b, 0);
		break;
	case STEP_SUBSCRIBE:
		bytes_u16(b, device->message_id);
		if (device->version == 5)
			bytes_u8(b, 0);
		put_topic(b, id, "cmd");
		bytes_u8(b, 1);
		break;
	case STEP_SUBACK:
		bytes_u16(b, device->message_id);
		if (device->version == 5)
			bytes_u8(b, 0);
		bytes_u8(b, 1);
		break;
	case STEP_PUBLISH_0:
	case STEP_PUBLISH_1:
	case STEP_PUBLISH_2:
	case STEP_DELIVER:
		put_publish(b, device, id, step, r);
		break;
	case STEP_PINGREQ:
	case STEP_PINGRESP:
	case STEP_DISCONNECT:
		break;
	default: /* acknowledgements of PUBLISH */
		bytes_u16(b, device->message_id);
		break;
	}
}

static void put_other(struct bytes *b, struct device *device, uint32_t id, enum step step, uint64_t r)
{
	uint16_t number = device->message_id, token = (uint16_t)(id ^ device->message_id);
	unsigned value = (unsigned)(r >> 24 & 1023);
	bool con = r >> 50 & 1, v13 = r >> 40 & 3;
	switch (step) {
	case STEP_COAP_GET:
		put_coap_request(b, con ? COAP_CON : COAP_NON, COAP_GET, number, token, -1, "temp");
		break;
	case STEP_COAP_PUT:
		put_coap_request(b, con ? COAP_CON : COAP_NON, COAP_PUT, number, token, -1, "relay");
		break;
	case STEP_COAP_OBSERVE:
		put_coap_request(b, con ? COAP_CON : COAP_NON, COAP_GET, number, (uint16_t)id, 0, "temp");
		break;
	case STEP_COAP_CONTENT:
		put_coap_answer(b, con ? COAP_ACK : COAP_NON, COAP_CONTENT, number,
				device->subscriber ? (uint16_t)id : token, device->subscriber ? number : -1, value);
		break;
	case STEP_COAP_CHANGED:
		put_coap_answer(b, con ? COAP_ACK : COAP_NON, COAP_CHANGED, number, token, -1, value);
		break;
	case STEP_COAP_NOTIFY:
		put_coap_answer(b, COAP_CON, COAP_CONTENT, number, (uint16_t)id, number, value);
		break;
	case STEP_COAP_ACK:
		put_coap_head(b, COAP_ACK, COAP_EMPTY, number, 0);
		break;
	case STEP_HTTP_GET:
	case STEP_HTTP_POST:
		put_http_request(b, step == STEP_HTTP_POST, id, value);
		break;
	case STEP_HTTP_OK:
	case STEP_HTTP_CREATED:
		put_http_response(b, step == STEP_HTTP_CREATED, value);
		break;
	case STEP_TLS_CLIENT:
	case STEP_TLS_SERVER:
		put_tls_hello(b, step == STEP_TLS_CLIENT, v13, r);
		if (step == STEP_TLS_SERVER)
			put_tls_finished(b, r, v13 ? 800 : 40, v13);
		break;
	case STEP_TLS_FINISHED_C:
		put_tls_finished(b, r, v13 ? 53 : 40, v13);
		break;
	case STEP_TLS_FINISHED_S:
		put_tls_record(b, 23, r, v13 ? 240 : 60); /* tickets; of 1.2 the first data */
		break;
	case STEP_TLS_DATA_C:
	case STEP_TLS_DATA_S:
		if (device->speaks == OTHER)
			put_noise(b, r, 40 + value % 128);
		else
			put_tls_record(b, 23, r, 40 + value % 128);
		break;
	default:
		break;
	}
}

static void step_emit(struct mix *mix, uint32_t id, enum step step, uint64_t time_ns, uint64_t r)
{
	struct device *device = &mix->devices[id];
	uint8_t body[1400];
	struct bytes message = {body, 0};
	if (steps[step].first) {
		bytes_u8(&message, steps[step].first);
		bytes_u8(&message, 0);
		put_message(&message, device, id, step, r);
		body[1] = (uint8_t)(message.size - 2);
	} else if (step >= STEP_COAP_GET) {
		put_other(&message, device, id, step, r);
	}
	unsigned from = steps[step].from_server;
	struct packet_spec spec = {
		.time_ns = time_ns, .flags = steps[step].flags, .from_server = from, .payload = message,
		.client_address = 0x0a000000u + id + 1, .client_port = device_port(id, device),
		.server_address = 0xac10000au + id % 4, .server_port = ports[device->speaks],
		.udp = device->speaks == COAP,
	};
	if (step == STEP_SYN) {
		device->next_seq[0] = (uint32_t)(r >> 7);
		device->next_seq[1] = (uint32_t)(r >> 29);
		device->clock_ms[1] = 0;
	}
	device->clock_ms[from] = (uint32_t)(time_ns / 1000000);
	spec.clock_ms = device->clock_ms[from];
	spec.echo_ms = device->clock_ms[!from];
	spec.seq = device->next_seq[from];
	spec.ack = steps[step].flags & TCP_ACK ? device->heard[from] : 0;
	packet_write(mix->writer, &spec);
	device->next_seq[from] += message.size + (steps[step].flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
	device->heard[!from] = device->next_seq[from];
	mix->done[step]++;
}

/* One exchange of each of `count` devices, step by step, so that the flows interleave. Device numbers are scattered by
 * an odd multiplier: neighbours in the capture are no neighbours in a table. */
static void batch_emit(struct mix *mix, uint64_t round, uint32_t first, uint32_t count)
{
	uint64_t length_ns = ROUND_NS / mix->flows * count;
	uint64_t gap_ns = length_ns / 8 < 20000000 ? length_ns / 8 : 20000000; /* half a round trip */
	static const uint64_t prime = 2147483629u;
	static uint8_t exchange[4096];
	for (uint32_t i = 0; i < count; i++) {
		uint32_t id = (uint32_t)((first + i) * prime % mix->flows);
		struct device *device = &mix->devices[id];
		exchange[i] = (uint8_t)device_next(mix, device, mixed(mix->seed + round * mix->flows + id));
		device->message_id = (uint16_t)(device->message_id == 0xffff ? 1 : device->message_id + 1);
	}
	for (unsigned s = 0; s < STEPS_MAX; s++) {
		for (uint32_t i = 0; i < count; i++) {
			uint32_t id = (uint32_t)((first + i) * prime % mix->flows);
			enum step step = exchange_steps[exchange[i]][s];
			if (step != STEP_END)
				step_emit(mix, id, step, mix->now_ns + s * gap_ns + i * (gap_ns / count),
					  mixed(mix->seed + round * mix->flows + id));
		}
	}
	mix->now_ns += length_ns;
}

static void mix_write(struct mix *mix)
{
	uint32_t width = mix->flows / 64 < 16 ? 16 : mix->flows / 64 > 4096 ? 4096 : mix->flows / 64;
	for (uint64_t round = 0;; round++) {
		for (uint32_t first = 0; first < mix->flows; first += width) {
			if (packet_count(mix->writer) >= mix->packets_wanted)
				return;
			batch_emit(mix, round, first, mix->flows - first < width ? mix->flows - first : width);
		}
	}
}

/* Devices that have spoken a protocol. */
static uint64_t mix_count(const struct mix *mix, enum speaks speaks)
{
	uint64_t count = 0;
	for (uint32_t i = 0; i < mix->flows; i++)
		count += mix->devices[i].speaks == speaks && mix->devices[i].sessions;
	return count;
}

/* Sessions that were opened and not yet closed. */
static uint64_t mix_open(const struct mix *mix)
{
	uint64_t open = 0;
	for (uint32_t i = 0; i < mix->flows; i++)
		open += mix->devices[i].left != 0;
	return open;
}

static void mix_tell(const struct mix *mix)
{
	printf("packets %llu\n", (unsigned long long)packet_count(mix->writer));
	printf("bytes %llu\n", (unsigned long long)packet_bytes(mix->writer));
	printf("flows %llu\n", (unsigned long long)(mix->done[STEP_SYN] + mix_count(mix, COAP)));
	printf("open %llu\n", (unsigned long long)mix_open(mix));
	for (unsigned s = 1; s < STEP_COUNT; s++) {
		uint64_t count = mix->done[s];
		bool told = !steps[s].name;
		for (unsigned t = 1; t < STEP_COUNT && !told; t++) {
			if (t == s || !steps[t].name || strcmp(steps[t].name, steps[s].name) != 0)
				continue;
			told = t < s;
			count += mix->done[t];
		}
		if (!told)
			printf("%s %llu\n", steps[s].name, (unsigned long long)count);
	}
}

int main(int argc, char **argv)
{
	struct mix mix = {.packets_wanted = 4900000, .flows = 10000, .exchanges = 50, .seed = 1,
			  .now_ns = 1700000000ull * 1000000000ull};
	for (int option; (option = getopt(argc, argv, "m:n:f:e:s:")) != -1;) {
		uint64_t value = optarg ? strtoull(optarg, NULL, 10) : 0;
		switch (option) {
		case 'm':
			mix.speaks = MQTT;
			while (mix.speaks < FULL && strcmp(mixes[mix.speaks], optarg) != 0)
				mix.speaks++;
			break;
		case 'n': mix.packets_wanted = value; break;
		case 'f': mix.flows = (uint32_t)value; break;
		case 'e': mix.exchanges = (uint32_t)value; break;
		case 's': mix.seed = value; break;
		default: return 2;
		}
	}
	if (optind != argc - 1 || mix.flows < 1 || mix.flows > 16000000 || mix.exchanges < 1 || mix.exchanges > 40000) {
		fprintf(stderr, "usage: %s [-m mqtt|coap|http|tls|other|full] [-n PACKETS] [-f FLOWS] [-e EXCHANGES] [-s SEED] FILE\n", argv[0]);
		return 2;
	}
	mix.seed = mixed(mix.seed);
	mix.devices = calloc(mix.flows, sizeof *mix.devices);
	mix.writer = packet_writer_open(argv[optind]);
	if (!mix.devices || !mix.writer) {
		perror(argv[optind]);
		return 1;
	}
	for (uint32_t i = 0; i < mix.flows; i++)
		device_init(&mix, i);
	mix_write(&mix);
	mix_tell(&mix);
	free(mix.devices);
	return packet_writer_close(mix.writer) ? 0 : 1;
}
