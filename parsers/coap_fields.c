/* Names: of messages, of codes (IANA "CoAP Method Codes", "Response Codes", "Signaling Codes"), of fields. */
#include "coap.h"
#include <stddef.h>

const char *const coap_messages[] = {
	"", "request", "response", "ack", "reset", "ping", "pong", "csm", "release", "abort", "empty", NULL,
};

#define CODES(X) \
	X(0, 1, get) X(0, 2, post) X(0, 3, put) X(0, 4, delete) X(0, 5, fetch) X(0, 6, patch) X(0, 7, ipatch) \
	X(2, 1, created) X(2, 2, deleted) X(2, 3, valid) X(2, 4, changed) X(2, 5, content) X(2, 31, continue) \
	X(4, 0, bad_request) X(4, 1, unauthorized) X(4, 2, bad_option) X(4, 3, forbidden) X(4, 4, not_found) \
	X(4, 5, method_not_allowed) X(4, 6, not_acceptable) X(4, 8, request_entity_incomplete) X(4, 9, conflict) \
	X(4, 12, precondition_failed) X(4, 13, request_entity_too_large) X(4, 15, unsupported_content_format) \
	X(4, 22, unprocessable_entity) X(4, 29, too_many_requests) \
	X(5, 0, internal_server_error) X(5, 1, not_implemented) X(5, 2, bad_gateway) X(5, 3, service_unavailable) \
	X(5, 4, gateway_timeout) X(5, 5, proxying_not_supported) X(5, 8, hop_limit_reached) \
	X(7, 1, csm) X(7, 2, ping) X(7, 3, pong) X(7, 4, release) X(7, 5, abort)

enum { CODE_UNASSIGNED, CODE_EMPTY,
#define X(class, detail, name) CODE_##name,
	CODES(X)
#undef X
	CODE_COUNT
};

static const char *const code_names[] = {"unassigned", "empty",
#define X(class, detail, name) #name,
	CODES(X)
#undef X
	NULL,
};

static const uint8_t code_indexes[256] = {
	[0] = CODE_EMPTY,
#define X(class, detail, name) [COAP_CODE(class, detail)] = CODE_##name,
	CODES(X)
#undef X
};

uint8_t coap_code_index(uint8_t code)
{
	return code_indexes[code];
}

const char *coap_code_name(unsigned index)
{
	return index < CODE_COUNT ? code_names[index] : NULL;
}

static const char *type_name(unsigned type)
{
	static const char *const names[] = {"con", "non", "ack", "rst"};
	return type < sizeof names / sizeof *names ? names[type] : NULL;
}

#define AT(member) offsetof(struct coap_event, member)
#define ROW(name, type, member, message, bit, names, help) \
	{"coap." name, type, BASE_DETAIL, AT(member), PROTOCOL_COAP, message, bit, true, names, help}
#define ANY(name, type, member, bit, help) ROW(name, type, member, 0, COAP_BIT_##bit, NULL, help)
#define NUMBER(option, type, help) \
	ROW(#option, type, number[COAP_OPTION_##option], 0, COAP_BIT_OPTION + COAP_OPTION_##option, NULL, help)
#define TEXT(option, help) \
	ROW(#option, FIELD_TEXT, text[COAP_OPTION_##option], 0, COAP_BIT_OPTION + COAP_OPTION_##option, NULL, help)
#define OPTION(name, type, member, option, help) \
	ROW(name, type, member, 0, COAP_BIT_OPTION + COAP_OPTION_##option, NULL, help)
#define BLOCK(option) \
	OPTION(#option ".num", FIELD_U32, option.num, option, "number of the block"), \
	OPTION(#option ".more", FIELD_BOOL, option.more, option, "more blocks follow; in a request for Q-Block2: of this body"), \
	OPTION(#option ".size", FIELD_U16, option.size, option, "block size in bytes")

const struct field coap_fields[] = {
	ROW("type", FIELD_ENUM, type, 0, COAP_BIT_UDP, type_name, "UDP: con, non, ack or rst"),
	ANY("code", FIELD_TEXT, code_text, MESSAGE, "class and detail as people write them: 0.01, 2.05, 4.04"),
	ROW("code_name", FIELD_ENUM, code_index, 0, COAP_BIT_MESSAGE, coap_code_name, "its name: get, content, not_found, csm, empty ..."),
	ANY("message_id", FIELD_U16, message_id, UDP, "UDP: message identifier"),
	ANY("token", FIELD_TEXT, token, TOKEN, "token in hexadecimal; empty when it has no bytes"),
	ANY("bytes", FIELD_U32, bytes, MESSAGE, "length of the message without lower headers"),
	ANY("payload_bytes", FIELD_U32, payload_bytes, MESSAGE, "length of the payload"),
	ANY("retransmission", FIELD_BOOL, retransmission, MESSAGE, "the same message was seen before, within its lifetime (RFC 7252 section 4.8.2)"),
	ANY("multicast", FIELD_BOOL, multicast, MESSAGE, "sent to a group, or the answer to what was"),
	ANY("address_proven", FIELD_BOOL, address_proven, MESSAGE,
	    "the client has shown that it receives at its address: TCP, Echo (RFC 9175), an ACK of the server's message"),
	ANY("options", FIELD_TEXTS, options, OPTIONS, "IANA names of the options, each once"),
	ANY("unknown_option", FIELD_U16, unknown_option, UNKNOWN_OPTION, "the last option number that IANA does not list"),

	/* What a response says of its request. */
	ROW("request_bytes", FIELD_U32, request_bytes, COAP_RESPONSE, COAP_BIT_REQUEST, NULL, "length of the request that is answered"),
	ROW("amplification", FIELD_U32, amplification, COAP_RESPONSE, COAP_BIT_REQUEST, NULL,
	    "bytes per byte of the request, rounded down; all bytes when that request was answered before"),
	ROW("request_method", FIELD_TEXT, request_method, COAP_RESPONSE, COAP_BIT_REQUEST, NULL, "get, post ... of the request that is answered"),
	ROW("response_time_ms", FIELD_U32, response_time_ms, COAP_RESPONSE, COAP_BIT_REQUEST, NULL, "milliseconds since that request"),
	ROW("separate", FIELD_BOOL, separate, COAP_RESPONSE, COAP_BIT_REQUEST, NULL, "UDP: not carried by the ACK of a confirmable request"),
	ROW("blocks_continued", FIELD_BOOL, blocks_continued, COAP_REQUEST, COAP_BIT_MESSAGE, NULL,
	    "the block that is asked for follows one that the client was given"),

	/* Options of requests and responses. */
	TEXT(uri_host, "Uri-Host"),
	NUMBER(uri_port, FIELD_U32, "Uri-Port"),
	ANY("uri_path", FIELD_TEXT, uri_path, PATH, "Uri-Path, joined: /a/b; of a response that of its request is in `resource`"),
	OPTION("uri_query", FIELD_TEXTS, uri_query, uri_query, "Uri-Query, the first 16"),
	ANY("location_path", FIELD_TEXT, location_path, LOCATION, "Location-Path, joined"),
	OPTION("location_query", FIELD_TEXTS, location_query, location_query, "Location-Query, the first 16"),
	TEXT(proxy_uri, "Proxy-Uri"),
	TEXT(proxy_scheme, "Proxy-Scheme"),
	NUMBER(content_format, FIELD_U32, "Content-Format number: 0 text, 40 link format, 50 JSON, 60 CBOR, 112 SenML"),
	NUMBER(accept, FIELD_U32, "Accept: the Content-Format asked for"),
	NUMBER(max_age, FIELD_U32, "Max-Age in seconds"),
	OPTION("etag", FIELD_TEXT, etag, etag, "the first ETag, in hexadecimal"),
	NUMBER(if_match, FIELD_U32, "If-Match: length of the first entity tag"),
	NUMBER(if_none_match, FIELD_U32, "If-None-Match is there: 0"),
	NUMBER(observe, FIELD_U32, "Observe: 0 register, 1 deregister in a request; a sequence number in a notification"),
	BLOCK(block1), BLOCK(block2), BLOCK(q_block1), BLOCK(q_block2),
	NUMBER(size1, FIELD_U32, "Size1: length of the request's body"),
	NUMBER(size2, FIELD_U32, "Size2: length of the response's body"),
	NUMBER(hop_limit, FIELD_U32, "Hop-Limit"),
	NUMBER(no_response, FIELD_U32, "No-Response: classes that are not wanted, 2 = 2.xx, 8 = 4.xx, 16 = 5.xx"),
	OPTION("echo_bytes", FIELD_U32, number[COAP_OPTION_echo], echo, "length of the Echo value"),
	OPTION("request_tag", FIELD_TEXT, request_tag, request_tag, "the first Request-Tag, in hexadecimal"),
	OPTION("oscore.flags", FIELD_U8, oscore_flags, oscore, "first byte of the OSCORE option, 0 when it is empty"),
	ANY("oscore.partial_iv", FIELD_U64, partial_iv, PARTIAL_IV, "partial IV: the sender's sequence number"),
	ANY("oscore.kid", FIELD_TEXT, kid, KID, "key id in hexadecimal"),
	ANY("oscore.kid_context", FIELD_TEXT, kid_context, KID_CONTEXT, "key id context in hexadecimal"),
	NUMBER(edhoc, FIELD_U32, "EDHOC (RFC 9668) is there: 0"),
	NUMBER(ocf_accept_version, FIELD_U32, "OCF-Accept-Content-Format-Version"),
	NUMBER(ocf_version, FIELD_U32, "OCF-Content-Format-Version"),

	/* Signalling over TCP and WebSockets, RFC 8323 section 5. */
	ANY("csm.max_message_size", FIELD_U32, max_message_size, MAX_MESSAGE_SIZE, "CSM: largest message that the sender takes"),
	ANY("csm.block_wise_transfer", FIELD_BOOL, block_wise, BLOCK_WISE, "CSM: the sender does block-wise transfers"),
	ANY("ping.custody", FIELD_BOOL, custody, CUSTODY, "Ping, Pong: all before it was processed"),
	ANY("release.alternative_address", FIELD_TEXT, alternative, ALTERNATIVE, "Release: connect there instead"),
	ANY("release.hold_off", FIELD_U32, hold_off_s, HOLD_OFF, "Release: seconds to wait before a new connection"),
	ANY("abort.bad_csm_option", FIELD_U32, bad_csm_option, BAD_CSM, "Abort: the CSM option that was not understood"),
	{0},
};
