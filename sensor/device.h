/* device.h - the devices that were seen, and what was seen of them: names, addresses, protocols, topics, fingerprints. Made from
 * events, from flows as they end and from link headers; only when asked for (`inventory`, `--report`).
 *
 * A device is an address that has sent something; in a log that does not say addresses it is a client identifier. Of each kind
 * of fact a few values are kept, the first ones, with how often each was seen; what found no place is counted. A full table takes no
 * new device and counts what it refused: a flood of invented addresses shall not push the real ones out. */
#ifndef TW_DEVICE_H
#define TW_DEVICE_H

#include "conversation.h"

enum fact_kind {
	FACT_CLIENT_ID, FACT_USER,
	FACT_PROTOCOL,   /* that a parser read, as client or server */
	FACT_VERSION,    /* "MQTT 3.1.1", "TLS 1.2", "HTTP/1.1" */
	FACT_APP,        /* of flows that no parser reads, as nDPI calls them */
	FACT_SERVER,     /* whom it called: address and port */
	FACT_SERVICE,    /* what it answered on: "1883/tcp mqtt" */
	FACT_RESOURCE,   /* topics, paths */
	FACT_NAME,       /* what others called it: TLS server name, HTTP host */
	FACT_SOFTWARE,   /* User-Agent, Server */
	FACT_JA3, FACT_JA4, FACT_KINDS
};
const char *fact_name(unsigned kind); /* "client_ids", as JSON and CSV call it */

struct fact {
	struct name value;
	uint32_t count;
	uint32_t next;
};

#define DEVICE_LEVELS 5u /* of enum level */

struct device {
	struct address address;  /* all zero: a log did not say */
	struct name label;       /* then: its client identifier */
	uint64_t first_ns, last_ns;
	uint64_t events, flows;
	uint64_t packets_sent, packets_received, bytes_sent, bytes_received; /* payload, in flows that have ended */
	uint64_t missed[FACT_KINDS];      /* occurrences of values that found no place */
	uint32_t facts[FACT_KINDS];       /* see device_fact() */
	uint32_t alerts[DEVICE_LEVELS];   /* as client of the event that completed them, updates apart */
	uint32_t next;
	uint8_t fact_count[FACT_KINDS];
	uint8_t mac[6];          /* sender of its frames on this link: of a device behind a router, the router's */
	bool mac_known, mac_varies;
};

struct devices;
struct alert;
struct packet;
struct datagram;

struct devices *devices_open(void); /* NULL when memory is refused */
void devices_close(struct devices *devices);

void devices_event(struct devices *devices, const struct event *event);
void devices_conversation(struct devices *devices, const struct conversation *conversation);
void devices_datagram(struct devices *devices, const struct packet *packet, const struct datagram *datagram);
void devices_alert(struct devices *devices, const struct alert *alert);

/* In order of addresses, then of labels; call after the last event. */
uint32_t devices_sort(struct devices *devices); /* how many there are */
const struct device *devices_at(const struct devices *devices, uint32_t index);
/* Facts of a kind in the order in which they were first seen; `last` NULL begins, NULL ends. */
const struct fact *device_fact(const struct devices *devices, const struct device *device, enum fact_kind kind, const struct fact *last);
uint64_t devices_refused(const struct devices *devices); /* mentions of devices that found no place */

#endif
