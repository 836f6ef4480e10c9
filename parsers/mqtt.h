/* mqtt.h - the detail of an MQTT event, between mqtt.c (which fills it), mqtt_body.c and mqtt_fields.c (its names).
 * Sources: OASIS MQTT 3.1.1 and 5.0, IBM/Eurotech MQTT 3.1. */
#ifndef TW_MQTT_H
#define TW_MQTT_H

#include "parser.h"

enum mqtt_type {
	MQTT_RESERVED, MQTT_CONNECT, MQTT_CONNACK, MQTT_PUBLISH, MQTT_PUBACK, MQTT_PUBREC, MQTT_PUBREL, MQTT_PUBCOMP,
	MQTT_SUBSCRIBE, MQTT_SUBACK, MQTT_UNSUBSCRIBE, MQTT_UNSUBACK, MQTT_PINGREQ, MQTT_PINGRESP, MQTT_DISCONNECT, MQTT_AUTH
};

#define MQTT_TOPICS_MAX 1024u    /* of one SUBSCRIBE; more are counted, not shown */
#define MQTT_USER_PROPERTIES_MAX 16u

/* MQTT 5.0 section 2.2.2.2: identifier, name, type, and the packets that may carry it (W: in the will). The order is that of
 * the presence bits. */
#define MQTT_PROPERTIES(X) \
	X(0x01, payload_format_indicator, BYTE) \
	X(0x02, message_expiry_interval, FOUR) \
	X(0x03, content_type, TEXT) \
	X(0x08, response_topic, TEXT) \
	X(0x09, correlation_data, DATA) \
	X(0x0b, subscription_identifier, VARINT) \
	X(0x11, session_expiry_interval, FOUR) \
	X(0x12, assigned_client_identifier, TEXT) \
	X(0x13, server_keep_alive, TWO) \
	X(0x15, authentication_method, TEXT) \
	X(0x16, authentication_data, DATA) \
	X(0x17, request_problem_information, BYTE) \
	X(0x18, will_delay_interval, FOUR) \
	X(0x19, request_response_information, BYTE) \
	X(0x1a, response_information, TEXT) \
	X(0x1c, server_reference, TEXT) \
	X(0x1f, reason_string, TEXT) \
	X(0x21, receive_maximum, TWO) \
	X(0x22, topic_alias_maximum, TWO) \
	X(0x23, topic_alias, TWO) \
	X(0x24, maximum_qos, BYTE) \
	X(0x25, retain_available, BYTE) \
	X(0x27, maximum_packet_size, FOUR) \
	X(0x28, wildcard_subscription_available, BYTE) \
	X(0x29, subscription_identifier_available, BYTE) \
	X(0x2a, shared_subscription_available, BYTE)

enum mqtt_property {
#define X(id, name, type) MQTT_PROPERTY_##name,
	MQTT_PROPERTIES(X)
#undef X
	MQTT_PROPERTY_COUNT
};

/* Numbers as they are; TEXT as a slice; DATA only by its length, for it may be a secret. */
struct mqtt_properties {
	uint32_t number[MQTT_PROPERTY_COUNT];
	struct slice text[MQTT_PROPERTY_COUNT];
	struct slices user_names, user_values;
	uint32_t user_count;
	struct slice name[MQTT_USER_PROPERTIES_MAX], value[MQTT_USER_PROPERTIES_MAX];
};

/* Presence bits of struct mqtt_event. */
enum mqtt_bit {
	MQTT_BIT_HEADER,     /* dup, qos, retain, bytes */
	MQTT_BIT_VERSION, MQTT_BIT_MESSAGE_ID, MQTT_BIT_REASON_CODE, MQTT_BIT_CONNECT, MQTT_BIT_CLIENT_ID,
	MQTT_BIT_USERNAME, MQTT_BIT_WILL, MQTT_BIT_SESSION_PRESENT, MQTT_BIT_TOPIC, MQTT_BIT_PAYLOAD, MQTT_BIT_ALIAS,
	MQTT_BIT_COUNTED, MQTT_BIT_TOPICS, MQTT_BIT_CODES, MQTT_BIT_INFLIGHT, MQTT_BIT_USER_PROPERTIES, MQTT_BIT_WILL_USER_PROPERTIES,
	MQTT_BIT_PROPERTY,   /* the first of MQTT_PROPERTY_COUNT */
	MQTT_BIT_WILL_PROPERTY = MQTT_BIT_PROPERTY + MQTT_PROPERTY_COUNT,
	MQTT_BIT_COUNT = MQTT_BIT_WILL_PROPERTY + MQTT_PROPERTY_COUNT
};
_Static_assert(MQTT_BIT_COUNT <= 128, "an event has 128 presence bits");

struct mqtt_event {
	uint8_t type, qos;
	bool dup, retain;
	uint8_t version;             /* 3 = 3.1, 4 = 3.1.1, 5 */
	uint8_t reason_code, will_qos, protocol_version;
	bool clean_session, has_username, has_password, has_will, will_retain, session_present;
	uint16_t message_id, keepalive_s, topic_alias;
	uint16_t inflight, qos2_open;
	uint32_t counted;
	uint32_t bytes, payload_bytes, topic_count, refused, will_bytes, client_id_bytes;
	struct slice protocol_string, client_id, username, topic, will_topic;
	struct slices topics;
	struct slice codes;          /* granted QoS, reason codes; of a SUBSCRIBE the QoS asked for */
	struct mqtt_properties *properties, *will_properties;
	/* Texts that fields point to through their own slices; numbers that fields read. */
	struct mqtt_properties own, will;
};

extern const struct field mqtt_fields[];
extern const char *const mqtt_messages[];

/* "not_authorized"; NULL when the version does not know the code for this packet. */
const char *mqtt_reason(uint8_t version, uint8_t type, uint8_t code);

/* What reading a body came to. */
struct mqtt_body {
	const char *violation; /* the first one; NULL for none */
	bool cut;              /* only the head of the packet is there: missing bytes are no fault */
};

/* The property list of a packet (MQTT 5.0 section 2.2.2). Sets presence bits from `first_bit` on. */
void mqtt_read_properties(struct reader *r, uint8_t type, bool in_will, struct mqtt_properties *out,
			  struct event *event, struct mqtt_body *body);
/* A UTF-8 string of MQTT (section 1.5.4): NULL when it is well-formed, else the name of the violation. */
const char *mqtt_check_text(struct slice text);
bool mqtt_filter_valid(struct slice filter);

#endif
