#include "mqtt.h"
#include <stddef.h>

const char *const mqtt_messages[] = {
	"", "connect", "connack", "publish", "puback", "pubrec", "pubrel", "pubcomp", "subscribe", "suback", "unsubscribe",
	"unsuback", "pingreq", "pingresp", "disconnect", "auth", NULL,
};

#define AT(member) offsetof(struct mqtt_event, member)
#define ROW(name, type, member, message, bit, eve, help) \
	{"mqtt." name, type, BASE_DETAIL, AT(member), PROTOCOL_MQTT, message, bit, eve, NULL, help}

/* The fixed header's bits stand in every packet; they mean something in a PUBLISH. */
#define HEADER(name, message) \
	ROW(name ".dup", FIELD_BOOL, dup, message, MQTT_BIT_HEADER, true, "fixed header: sent again"), \
	ROW(name ".qos", FIELD_U8, qos, message, MQTT_BIT_HEADER, true, "fixed header: quality of service"), \
	ROW(name ".retain", FIELD_BOOL, retain, message, MQTT_BIT_HEADER, true, "fixed header: retained")
#define MESSAGE_ID(name, message) \
	ROW(name ".message_id", FIELD_U16, message_id, message, MQTT_BIT_MESSAGE_ID, true, "packet identifier")
#define ACK(name, message) \
	HEADER(name, message), MESSAGE_ID(name, message), \
	ROW(name ".reason_code", FIELD_U8, reason_code, message, MQTT_BIT_REASON_CODE, true, "MQTT 5 reason code; 0 before 5"), \
	TEXT(name, message, reason_string), USER(name, message)

/* EVE knows the properties of these messages only. */
#define EVE_PROPERTIES(message) \
	((message) == MQTT_CONNECT || (message) == MQTT_CONNACK || (message) == MQTT_PUBLISH || (message) == MQTT_DISCONNECT)
#define OWN(name, message, property, type, storage) \
	ROW(name ".properties." #property, type, own.storage[MQTT_PROPERTY_##property], message, \
	    MQTT_BIT_PROPERTY + MQTT_PROPERTY_##property, EVE_PROPERTIES(message), "MQTT 5 property")
#define NUMBER(name, message, property) OWN(name, message, property, FIELD_U32, number)
#define TEXT(name, message, property) OWN(name, message, property, FIELD_TEXT, text)
/* Binary data may be a secret: only its length is told. */
#define LENGTH(name, message, property) \
	ROW(name ".properties." #property "_bytes", FIELD_U32, own.number[MQTT_PROPERTY_##property], message, \
	    MQTT_BIT_PROPERTY + MQTT_PROPERTY_##property, EVE_PROPERTIES(message), "MQTT 5 property: its length in bytes")
#define USER(name, message) \
	ROW(name ".properties.user_property", FIELD_TEXTS, own.user_names, message, MQTT_BIT_USER_PROPERTIES, \
	    EVE_PROPERTIES(message), "names of the user properties, the first 16"), \
	ROW(name ".properties.user_property_value", FIELD_TEXTS, own.user_values, message, MQTT_BIT_USER_PROPERTIES, \
	    EVE_PROPERTIES(message), "values of the user properties, the first 16"), \
	ROW(name ".properties.user_property_count", FIELD_U32, own.user_count, message, MQTT_BIT_USER_PROPERTIES, \
	    EVE_PROPERTIES(message), "how many user properties there are")
#define WILL(property, type, storage) \
	ROW("connect.will.properties." #property, type, will.storage[MQTT_PROPERTY_##property], MQTT_CONNECT, \
	    MQTT_BIT_WILL_PROPERTY + MQTT_PROPERTY_##property, true, "MQTT 5 property of the will")

const struct field mqtt_fields[] = {
	ROW("version", FIELD_U8, version, 0, MQTT_BIT_VERSION, false, "of the session: 3 = 3.1, 4 = 3.1.1, 5 = 5.0"),
	ROW("bytes", FIELD_U32, bytes, 0, MQTT_BIT_HEADER, false, "length of the control packet"),
	ROW("message_id", FIELD_U16, message_id, 0, MQTT_BIT_MESSAGE_ID, false, "packet identifier, of whatever packet has one"),
	ROW("reason_code", FIELD_U8, reason_code, 0, MQTT_BIT_REASON_CODE, false, "return or reason code, of whatever packet has one"),
	ROW("inflight", FIELD_U16, inflight, 0, MQTT_BIT_INFLIGHT, false,
	    "QoS 1 and 2 messages of the client not yet acknowledged, after this packet"),
	ROW("qos2_open", FIELD_U16, qos2_open, 0, MQTT_BIT_INFLIGHT, false,
	    "QoS 2 exchanges of the client not yet completed, after this packet"),

	HEADER("connect", MQTT_CONNECT),
	ROW("connect.protocol_string", FIELD_TEXT, protocol_string, MQTT_CONNECT, MQTT_BIT_CONNECT, true, "MQTT or MQIsdp"),
	ROW("connect.protocol_version", FIELD_U8, protocol_version, MQTT_CONNECT, MQTT_BIT_CONNECT, true, "3, 4 or 5"),
	ROW("connect.flags.clean_session", FIELD_BOOL, clean_session, MQTT_CONNECT, MQTT_BIT_CONNECT, true, "clean session, clean start"),
	ROW("connect.flags.username", FIELD_BOOL, has_username, MQTT_CONNECT, MQTT_BIT_CONNECT, true, "a user name follows"),
	ROW("connect.flags.password", FIELD_BOOL, has_password, MQTT_CONNECT, MQTT_BIT_CONNECT, true, "a password follows"),
	ROW("connect.flags.will", FIELD_BOOL, has_will, MQTT_CONNECT, MQTT_BIT_CONNECT, true, "a will follows"),
	ROW("connect.flags.will_retain", FIELD_BOOL, will_retain, MQTT_CONNECT, MQTT_BIT_CONNECT, true, "the will is to be retained"),
	ROW("connect.keepalive", FIELD_U16, keepalive_s, MQTT_CONNECT, MQTT_BIT_CONNECT, false, "seconds; 0 = none"),
	ROW("connect.client_id", FIELD_TEXT, client_id, MQTT_CONNECT, MQTT_BIT_CLIENT_ID, true, "client identifier as sent"),
	ROW("connect.client_id_bytes", FIELD_U32, client_id_bytes, MQTT_CONNECT, MQTT_BIT_CLIENT_ID, false, "its length"),
	ROW("connect.username", FIELD_TEXT, username, MQTT_CONNECT, MQTT_BIT_USERNAME, true, "user name as sent"),
	ROW("connect.will.topic", FIELD_TEXT, will_topic, MQTT_CONNECT, MQTT_BIT_WILL, true, "topic of the will"),
	ROW("connect.will.qos", FIELD_U8, will_qos, MQTT_CONNECT, MQTT_BIT_WILL, false, "quality of service of the will"),
	ROW("connect.will.bytes", FIELD_U32, will_bytes, MQTT_CONNECT, MQTT_BIT_WILL, false, "length of the will's message"),
	WILL(will_delay_interval, FIELD_U32, number), WILL(payload_format_indicator, FIELD_U32, number),
	WILL(message_expiry_interval, FIELD_U32, number), WILL(content_type, FIELD_TEXT, text),
	WILL(response_topic, FIELD_TEXT, text),
	ROW("connect.will.properties.correlation_data_bytes", FIELD_U32, will.number[MQTT_PROPERTY_correlation_data], MQTT_CONNECT,
	    MQTT_BIT_WILL_PROPERTY + MQTT_PROPERTY_correlation_data, true, "MQTT 5 property of the will: its length in bytes"),
	ROW("connect.will.properties.user_property", FIELD_TEXTS, will.user_names, MQTT_CONNECT, MQTT_BIT_WILL_USER_PROPERTIES, true,
	    "names of the will's user properties, the first 16"),
	ROW("connect.will.properties.user_property_value", FIELD_TEXTS, will.user_values, MQTT_CONNECT, MQTT_BIT_WILL_USER_PROPERTIES,
	    true, "values of the will's user properties, the first 16"),
	ROW("connect.will.properties.user_property_count", FIELD_U32, will.user_count, MQTT_CONNECT, MQTT_BIT_WILL_USER_PROPERTIES,
	    true, "how many user properties the will has"),
	NUMBER("connect", MQTT_CONNECT, session_expiry_interval), NUMBER("connect", MQTT_CONNECT, receive_maximum),
	NUMBER("connect", MQTT_CONNECT, maximum_packet_size), NUMBER("connect", MQTT_CONNECT, topic_alias_maximum),
	NUMBER("connect", MQTT_CONNECT, request_response_information), NUMBER("connect", MQTT_CONNECT, request_problem_information),
	TEXT("connect", MQTT_CONNECT, authentication_method), LENGTH("connect", MQTT_CONNECT, authentication_data),
	USER("connect", MQTT_CONNECT),

	HEADER("connack", MQTT_CONNACK),
	ROW("connack.session_present", FIELD_BOOL, session_present, MQTT_CONNACK, MQTT_BIT_SESSION_PRESENT, true, "the server has kept a session"),
	ROW("connack.return_code", FIELD_U8, reason_code, MQTT_CONNACK, MQTT_BIT_REASON_CODE, true, "return code, MQTT 5 reason code"),
	NUMBER("connack", MQTT_CONNACK, session_expiry_interval), NUMBER("connack", MQTT_CONNACK, receive_maximum),
	NUMBER("connack", MQTT_CONNACK, maximum_qos), NUMBER("connack", MQTT_CONNACK, retain_available),
	NUMBER("connack", MQTT_CONNACK, maximum_packet_size), TEXT("connack", MQTT_CONNACK, assigned_client_identifier),
	NUMBER("connack", MQTT_CONNACK, topic_alias_maximum), TEXT("connack", MQTT_CONNACK, reason_string),
	NUMBER("connack", MQTT_CONNACK, wildcard_subscription_available),
	NUMBER("connack", MQTT_CONNACK, subscription_identifier_available),
	NUMBER("connack", MQTT_CONNACK, shared_subscription_available), NUMBER("connack", MQTT_CONNACK, server_keep_alive),
	TEXT("connack", MQTT_CONNACK, response_information), TEXT("connack", MQTT_CONNACK, server_reference),
	TEXT("connack", MQTT_CONNACK, authentication_method), LENGTH("connack", MQTT_CONNACK, authentication_data),
	USER("connack", MQTT_CONNACK),

	HEADER("publish", MQTT_PUBLISH), MESSAGE_ID("publish", MQTT_PUBLISH),
	ROW("publish.topic", FIELD_TEXT, topic, MQTT_PUBLISH, MQTT_BIT_TOPIC, true, "topic name; that of the alias when the packet has only this"),
	ROW("publish.counted", FIELD_U32, counted, MQTT_PUBLISH, MQTT_BIT_COUNTED, false,
	    "100, on every hundredth message of a client's connection: its sum counts messages and costs the others nothing"),
	ROW("publish.payload_bytes", FIELD_U32, payload_bytes, MQTT_PUBLISH, MQTT_BIT_PAYLOAD, false, "length of the application message"),
	NUMBER("publish", MQTT_PUBLISH, payload_format_indicator), NUMBER("publish", MQTT_PUBLISH, message_expiry_interval),
	NUMBER("publish", MQTT_PUBLISH, topic_alias), TEXT("publish", MQTT_PUBLISH, response_topic),
	LENGTH("publish", MQTT_PUBLISH, correlation_data), NUMBER("publish", MQTT_PUBLISH, subscription_identifier),
	TEXT("publish", MQTT_PUBLISH, content_type), USER("publish", MQTT_PUBLISH),

	ACK("puback", MQTT_PUBACK), ACK("pubrec", MQTT_PUBREC), ACK("pubrel", MQTT_PUBREL), ACK("pubcomp", MQTT_PUBCOMP),

	HEADER("subscribe", MQTT_SUBSCRIBE), MESSAGE_ID("subscribe", MQTT_SUBSCRIBE),
	ROW("subscribe.topics", FIELD_TEXTS, topics, MQTT_SUBSCRIBE, MQTT_BIT_TOPICS, true, "topic filters"),
	ROW("subscribe.qos_asked", FIELD_CODES, codes, MQTT_SUBSCRIBE, MQTT_BIT_TOPICS, false, "the QoS asked for, filter by filter"),
	ROW("subscribe.filter_count", FIELD_U32, topic_count, MQTT_SUBSCRIBE, MQTT_BIT_TOPICS, false, "how many filters"),
	NUMBER("subscribe", MQTT_SUBSCRIBE, subscription_identifier), USER("subscribe", MQTT_SUBSCRIBE),

	HEADER("suback", MQTT_SUBACK), MESSAGE_ID("suback", MQTT_SUBACK),
	ROW("suback.qos_granted", FIELD_CODES, codes, MQTT_SUBACK, MQTT_BIT_CODES, true, "granted QoS or reason code, filter by filter"),
	ROW("suback.refused", FIELD_U32, refused, MQTT_SUBACK, MQTT_BIT_CODES, false, "how many filters were refused"),
	TEXT("suback", MQTT_SUBACK, reason_string), USER("suback", MQTT_SUBACK),

	HEADER("unsubscribe", MQTT_UNSUBSCRIBE), MESSAGE_ID("unsubscribe", MQTT_UNSUBSCRIBE),
	ROW("unsubscribe.topics", FIELD_TEXTS, topics, MQTT_UNSUBSCRIBE, MQTT_BIT_TOPICS, true, "topic filters"),
	ROW("unsubscribe.filter_count", FIELD_U32, topic_count, MQTT_UNSUBSCRIBE, MQTT_BIT_TOPICS, false, "how many filters"),
	USER("unsubscribe", MQTT_UNSUBSCRIBE),

	HEADER("unsuback", MQTT_UNSUBACK), MESSAGE_ID("unsuback", MQTT_UNSUBACK),
	ROW("unsuback.reason_codes", FIELD_CODES, codes, MQTT_UNSUBACK, MQTT_BIT_CODES, true, "MQTT 5 reason codes, filter by filter"),
	TEXT("unsuback", MQTT_UNSUBACK, reason_string), USER("unsuback", MQTT_UNSUBACK),

	HEADER("pingreq", MQTT_PINGREQ), HEADER("pingresp", MQTT_PINGRESP),

	HEADER("disconnect", MQTT_DISCONNECT),
	ROW("disconnect.reason_code", FIELD_U8, reason_code, MQTT_DISCONNECT, MQTT_BIT_REASON_CODE, true, "MQTT 5 reason code; 0 before 5"),
	NUMBER("disconnect", MQTT_DISCONNECT, session_expiry_interval), TEXT("disconnect", MQTT_DISCONNECT, reason_string),
	TEXT("disconnect", MQTT_DISCONNECT, server_reference), USER("disconnect", MQTT_DISCONNECT),

	/* EVE's schema has no object for AUTH. */
	ROW("auth.reason_code", FIELD_U8, reason_code, MQTT_AUTH, MQTT_BIT_REASON_CODE, false, "MQTT 5 reason code"),
	ROW("auth.properties.authentication_method", FIELD_TEXT, own.text[MQTT_PROPERTY_authentication_method], MQTT_AUTH,
	    MQTT_BIT_PROPERTY + MQTT_PROPERTY_authentication_method, false, "MQTT 5 property"),
	ROW("auth.properties.authentication_data_bytes", FIELD_U32, own.number[MQTT_PROPERTY_authentication_data], MQTT_AUTH,
	    MQTT_BIT_PROPERTY + MQTT_PROPERTY_authentication_data, false, "MQTT 5 property: its length in bytes"),
	ROW("auth.properties.reason_string", FIELD_TEXT, own.text[MQTT_PROPERTY_reason_string], MQTT_AUTH,
	    MQTT_BIT_PROPERTY + MQTT_PROPERTY_reason_string, false, "MQTT 5 property"),
	ROW("auth.properties.user_property", FIELD_TEXTS, own.user_names, MQTT_AUTH, MQTT_BIT_USER_PROPERTIES, false,
	    "names of the user properties, the first 16"),
	ROW("auth.properties.user_property_value", FIELD_TEXTS, own.user_values, MQTT_AUTH, MQTT_BIT_USER_PROPERTIES, false,
	    "values of the user properties, the first 16"),
	{0},
};

/* MQTT 5.0 section 2.4, with the packets that may carry each. */
#define ON(type) (1u << (type))
static const struct {
	uint8_t code;
	const char *name;
	uint32_t types;
} reasons[] = {
	{0x00, "success", ON(MQTT_CONNACK) | ON(MQTT_PUBACK) | ON(MQTT_PUBREC) | ON(MQTT_PUBREL) | ON(MQTT_PUBCOMP) |
		ON(MQTT_UNSUBACK) | ON(MQTT_AUTH)},
	{0x00, "normal_disconnection", ON(MQTT_DISCONNECT)},
	{0x00, "granted_qos_0", ON(MQTT_SUBACK)},
	{0x01, "granted_qos_1", ON(MQTT_SUBACK)},
	{0x02, "granted_qos_2", ON(MQTT_SUBACK)},
	{0x04, "disconnect_with_will_message", ON(MQTT_DISCONNECT)},
	{0x10, "no_matching_subscribers", ON(MQTT_PUBACK) | ON(MQTT_PUBREC)},
	{0x11, "no_subscription_existed", ON(MQTT_UNSUBACK)},
	{0x18, "continue_authentication", ON(MQTT_AUTH)},
	{0x19, "re_authenticate", ON(MQTT_AUTH)},
	{0x80, "unspecified_error", ON(MQTT_CONNACK) | ON(MQTT_PUBACK) | ON(MQTT_PUBREC) | ON(MQTT_SUBACK) |
		ON(MQTT_UNSUBACK) | ON(MQTT_DISCONNECT)},
	{0x81, "malformed_packet", ON(MQTT_CONNACK) | ON(MQTT_DISCONNECT)},
	{0x82, "protocol_error", ON(MQTT_CONNACK) | ON(MQTT_DISCONNECT)},
	{0x83, "implementation_specific_error", ON(MQTT_CONNACK) | ON(MQTT_PUBACK) | ON(MQTT_PUBREC) | ON(MQTT_SUBACK) |
		ON(MQTT_UNSUBACK) | ON(MQTT_DISCONNECT)},
	{0x84, "unsupported_protocol_version", ON(MQTT_CONNACK)},
	{0x85, "client_identifier_not_valid", ON(MQTT_CONNACK)},
	{0x86, "bad_user_name_or_password", ON(MQTT_CONNACK)},
	{0x87, "not_authorized", ON(MQTT_CONNACK) | ON(MQTT_PUBACK) | ON(MQTT_PUBREC) | ON(MQTT_SUBACK) |
		ON(MQTT_UNSUBACK) | ON(MQTT_DISCONNECT)},
	{0x88, "server_unavailable", ON(MQTT_CONNACK)},
	{0x89, "server_busy", ON(MQTT_CONNACK) | ON(MQTT_DISCONNECT)},
	{0x8a, "banned", ON(MQTT_CONNACK)},
	{0x8b, "server_shutting_down", ON(MQTT_DISCONNECT)},
	{0x8c, "bad_authentication_method", ON(MQTT_CONNACK) | ON(MQTT_DISCONNECT)},
	{0x8d, "keep_alive_timeout", ON(MQTT_DISCONNECT)},
	{0x8e, "session_taken_over", ON(MQTT_DISCONNECT)},
	{0x8f, "topic_filter_invalid", ON(MQTT_SUBACK) | ON(MQTT_UNSUBACK) | ON(MQTT_DISCONNECT)},
	{0x90, "topic_name_invalid", ON(MQTT_CONNACK) | ON(MQTT_PUBACK) | ON(MQTT_PUBREC) | ON(MQTT_DISCONNECT)},
	{0x91, "packet_identifier_in_use", ON(MQTT_PUBACK) | ON(MQTT_PUBREC) | ON(MQTT_SUBACK) | ON(MQTT_UNSUBACK)},
	{0x92, "packet_identifier_not_found", ON(MQTT_PUBREL) | ON(MQTT_PUBCOMP)},
	{0x93, "receive_maximum_exceeded", ON(MQTT_DISCONNECT)},
	{0x94, "topic_alias_invalid", ON(MQTT_DISCONNECT)},
	{0x95, "packet_too_large", ON(MQTT_CONNACK) | ON(MQTT_DISCONNECT)},
	{0x96, "message_rate_too_high", ON(MQTT_DISCONNECT)},
	{0x97, "quota_exceeded", ON(MQTT_CONNACK) | ON(MQTT_PUBACK) | ON(MQTT_PUBREC) | ON(MQTT_SUBACK) | ON(MQTT_DISCONNECT)},
	{0x98, "administrative_action", ON(MQTT_DISCONNECT)},
	{0x99, "payload_format_invalid", ON(MQTT_CONNACK) | ON(MQTT_PUBACK) | ON(MQTT_PUBREC) | ON(MQTT_DISCONNECT)},
	{0x9a, "retain_not_supported", ON(MQTT_CONNACK) | ON(MQTT_DISCONNECT)},
	{0x9b, "qos_not_supported", ON(MQTT_CONNACK) | ON(MQTT_DISCONNECT)},
	{0x9c, "use_another_server", ON(MQTT_CONNACK) | ON(MQTT_DISCONNECT)},
	{0x9d, "server_moved", ON(MQTT_CONNACK) | ON(MQTT_DISCONNECT)},
	{0x9e, "shared_subscriptions_not_supported", ON(MQTT_SUBACK) | ON(MQTT_DISCONNECT)},
	{0x9f, "connection_rate_exceeded", ON(MQTT_CONNACK) | ON(MQTT_DISCONNECT)},
	{0xa0, "maximum_connect_time", ON(MQTT_DISCONNECT)},
	{0xa1, "subscription_identifiers_not_supported", ON(MQTT_SUBACK) | ON(MQTT_DISCONNECT)},
	{0xa2, "wildcard_subscriptions_not_supported", ON(MQTT_SUBACK) | ON(MQTT_DISCONNECT)},
};

/* MQTT 3.1.1 section 3.2.2.3. */
static const char *const return_codes[] = {"success", "unacceptable_protocol_version", "identifier_rejected",
	"server_unavailable", "bad_user_name_or_password", "not_authorized"};

const char *mqtt_reason(uint8_t version, uint8_t type, uint8_t code)
{
	if (version != 5 && type == MQTT_CONNACK)
		return code < sizeof return_codes / sizeof *return_codes ? return_codes[code] : NULL;
	for (unsigned i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].code == code && reasons[i].types >> type & 1)
			return reasons[i].name;
	return NULL;
}
