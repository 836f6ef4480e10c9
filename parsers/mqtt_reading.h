/* mqtt_reading.h - what the files of the MQTT parser share: the state of a flow and one packet while it is read.
 *
 * mqtt.c frames, mqtt_probe.c tells MQTT from other bytes, mqtt_packet.c judges a packet's place and hands its body to
 * mqtt_session.c (CONNECT, CONNACK, DISCONNECT, AUTH), mqtt_message.c (PUBLISH and acknowledgements) or
 * mqtt_subscribe.c (SUBSCRIBE to UNSUBACK). */
#ifndef TW_MQTT_READING_H
#define TW_MQTT_READING_H

#include "mqtt.h"

struct mqtt_state {
	uint8_t version;              /* 0 while unknown */
	bool connected;               /* CONNECT was seen */
	bool answered;                /* CONNACK was seen */
	bool authenticates;           /* CONNECT named an authentication method (MQTT 5.0 section 4.12) */
	bool careful;                 /* joined half-way or bytes were lost: what contradicts the past is no violation */
	bool ended[2];                /* DISCONNECT was seen, by direction */
	uint8_t lost[2];              /* enum place: looking for a packet boundary, by direction */
	bool begun[2];
	uint8_t refuses;              /* enum refusal: what the server said in CONNACK that it does not do */
	uint16_t keepalive_s;
	uint16_t alias_max[2];        /* of publishes in a direction */
	uint16_t receive_max[2];
	uint16_t inflight[2], qos2_open[2];
	uint32_t packet_max[2];       /* 0: no limit */
	uint32_t published;           /* messages of the client */
};
_Static_assert(sizeof(struct mqtt_state) <= LIMIT_PARSER_STATE, "the state of a flow is bounded");

enum place { PLACE_KNOWN, PLACE_LOST /* the next byte may well be a boundary */, PLACE_SEARCHED };

enum refusal { REFUSES_QOS_1 = 1, REFUSES_QOS_2 = 2, REFUSES_RETAIN = 4, REFUSES_WILDCARD = 8, REFUSES_SHARED = 16,
	REFUSES_IDENTIFIER = 32 };

enum { MEMO_ALIAS, MEMO_FILTERS, MEMO_MESSAGE };

/* The fixed header of a packet. */
struct packet_at {
	uint8_t type, flags;
	uint32_t header;              /* bytes of the fixed header */
	uint32_t length;              /* remaining length */
};

struct reading {
	struct parse *parse;
	struct mqtt_state *state;
	struct packet_at at;
	struct event event;
	struct mqtt_event *mqtt;
	struct mqtt_body body;
};

/* The filters of a SUBSCRIBE, or those that an answer speaks of. */
struct filters {
	struct slice topic[MQTT_TOPICS_MAX];
	uint8_t qos[MQTT_TOPICS_MAX];
	uint32_t count;
};

/* PARSE_DONE: `at` is filled. A header that is malformed is PARSE_BAD. */
enum verdict mqtt_header_read(struct slice input, struct packet_at *at);
bool mqtt_flags_legal(uint8_t type, uint8_t flags);
enum probe mqtt_probe(struct slice first, uint8_t direction, uint16_t client_port, uint16_t server_port);
/* After a loss: the next place where a row of packets begins; `passed` bytes stand before it. False when there is none in these bytes:
 * so many of them are of no more use. `begins`: a boundary at the first byte needs less evidence. */
bool mqtt_find_boundary(struct slice *input, bool begins, uint32_t *passed);

/* Reads one packet, whole or up to the payload of a PUBLISH, and emits its event; `cut`: only its head is there. */
void mqtt_packet_read(struct parse *parse, const struct packet_at *at, struct slice body, bool cut);
void mqtt_report(struct parse *parse, uint8_t type, const char *violation);

/* Helpers of the body readers. The first violation of a packet is the one that is told. */
void mqtt_violate(struct reading *r, const char *violation);
void mqtt_set_action(struct reading *r, enum action action, enum outcome outcome);
void mqtt_set_reason(struct reading *r, uint8_t code);
void mqtt_read_own_properties(struct reading *r, struct reader *b);
void mqtt_read_message_id(struct reading *r, struct reader *b);
uint32_t mqtt_property_or(const struct reading *r, enum mqtt_property property, uint32_t otherwise);

static inline bool mqtt_is_v5(const struct reading *r)
{
	return r->state->version == 5;
}

static inline bool mqtt_has_property(const struct reading *r, enum mqtt_property property)
{
	return event_has(&r->event, MQTT_BIT_PROPERTY + (unsigned)property);
}

/* The sender knew better than to do what its peer had refused: it had read the refusal, and so have we. */
static inline bool mqtt_refused(const struct reading *r, unsigned refusal)
{
	return r->state->refuses & refusal && r->parse->direction == TO_SERVER && r->parse->peer_heard && !r->state->careful;
}

/* The body readers. */
void mqtt_connect_read(struct reading *r, struct reader *b);
void mqtt_connack_read(struct reading *r, struct reader *b);
void mqtt_disconnect_read(struct reading *r, struct reader *b);
void mqtt_auth_read(struct reading *r, struct reader *b);
void mqtt_publish_read(struct reading *r, struct reader *b);
void mqtt_ack_read(struct reading *r, struct reader *b);
/* `filters` must live until the event was emitted. */
void mqtt_subscribe_read(struct reading *r, struct reader *b, struct filters *filters);
void mqtt_suback_read(struct reading *r, struct reader *b, struct filters *filters);

/* The client has spoken: its keepalive runs anew. When it ran out before, the server has not ended the session as it had to. */
void mqtt_client_spoke(struct parse *parse, const struct mqtt_state *state);
/* The client's keepalive ran out. */
void mqtt_expire(struct parse *parse);

#endif
