/* tls.h - what tls.c (records over TCP), dtls.c (records over UDP), tls_handshake.c (messages), tls_hello.c, tls_fields.c and
 * tls_suites.c share. Sources: RFC 8446 (TLS 1.3), 5246 (1.2), 6101 (SSL 3), 6347 and 9147 (DTLS), draft-hickman-netscape-ssl (SSL 2). */
#ifndef TW_TLS_H
#define TW_TLS_H

#include "parser.h"

/* Numbers of event.message. */
enum tls_message {
	TLS_CLIENT_HELLO = 1, TLS_SERVER_HELLO, TLS_HELLO_RETRY_REQUEST, TLS_HELLO_VERIFY_REQUEST, TLS_CERTIFICATE, TLS_ALERT
};
extern const char *const tls_messages[];

/* Handshake types on the wire (RFC 8446, B.3) that are read. */
enum tls_handshake_type { HANDSHAKE_CLIENT_HELLO = 1, HANDSHAKE_SERVER_HELLO = 2, HANDSHAKE_HELLO_VERIFY_REQUEST = 3,
	HANDSHAKE_CERTIFICATE = 11 };

enum { VERSION_SSL2 = 0x0002, VERSION_SSL3 = 0x0300, VERSION_TLS10 = 0x0301, VERSION_TLS12 = 0x0303, VERSION_TLS13 = 0x0304,
	VERSION_DTLS_OLD = 0x0100, VERSION_DTLS10 = 0xfeff, VERSION_DTLS12 = 0xfefd, VERSION_DTLS13 = 0xfefc };

/* A handshake message larger than this is not read. The largest of use are certificate chains. */
#define TLS_MESSAGE_MAX 65536u

/* State of a flow; both directions. */
struct tls_state {
	uint64_t session_id;      /* hash of what the client wants to resume; 0 for none */
	uint32_t random;          /* of the ClientHello: tells a new one from one sent again */
	uint32_t delivered[2];    /* DTLS: message_seq 0..31 that were read */
	uint32_t gathered[2];     /* DTLS: bytes known of the message in fragments, from its beginning on; TLS: bytes left of the handshake record at hand */
	uint16_t gathering[2];    /* DTLS: its message_seq */
	uint16_t version, suite;  /* chosen by the server; 0 while unknown */
	uint16_t alerted[2];      /* DTLS: the newest alert, as it was sent */
	bool begun[2], lost[2];
	bool changed[2];          /* ChangeCipherSpec seen that means something: up to TLS 1.2 */
	bool client_hello, server_hello; /* were read; a HelloRetryRequest is no ServerHello */
	bool finished;            /* the client's Finished has been seen: whatever it sends next is what it came for */
	bool raw_key[2];          /* the certificates of this side are raw public keys (RFC 7250) */
	bool psk;                 /* the client has offered a pre-shared key of TLS 1.3 */
	bool no_certificate;      /* the client was asked for a certificate and had none */
};
_Static_assert(sizeof(struct tls_state) <= LIMIT_PARSER_STATE, "the state of a flow is bounded");

/* Presence bits of struct tls_event: of numbers only, an absent text is a text that points nowhere. */
enum tls_bit { TLS_BIT_CLIENT_HELLO, TLS_BIT_SERVER_HELLO, TLS_BIT_RESUMED, TLS_BIT_ALERT, TLS_BIT_CERTIFICATES, TLS_BIT_X509, TLS_BIT_KEY,
	TLS_BIT_CONNECTION_ID, TLS_BIT_COOKIE };

/* One certificate as shown: EVE has an object for the server's and one for the client's. */
struct tls_names {
	const char *subject, *issuer, *serial, *fingerprint, *not_before, *not_after;
	struct slices alternative;
};

struct tls_event {
	const char *handshake;
	const char *version, *client_version, *legacy_version;
	const char *suite, *tier, *group;
	struct slices versions, suites, tiers, broken, client_alpns, server_alpns, groups, psk_modes, policies;
	struct slice sni;
	uint32_t suite_count, chain;
	bool resumed, psk_offered, ticket_offered, early_data, cookie;
	uint8_t connection_id_bytes;
	const char *ja3, *ja3_text, *ja3s, *ja3s_text, *ja4;
	const char *alert_level, *alert;
	uint8_t alert_code;
	/* of a certificate, the first of its chain */
	struct tls_names server, client, any;
	const char *from, *type, *sha256, *key, *signature, *common_name;
	struct slices faults;
	uint32_t key_bits, days_left;
	bool self_signed;
};

extern const struct field tls_fields[], dtls_fields[];

/* --- tls_handshake.c ---------------------------------------------------------------------------------------- */

/* A whole handshake message without its header. */
void tls_handshake(struct parse *parse, uint8_t type, struct slice body);
bool tls_handshake_wanted(uint8_t type);
void tls_alert(struct parse *parse, uint8_t level, uint8_t code);
void tls_violation(struct parse *parse, const char *reason);
/* SSL 2 hellos, from their message type on. */
void tls_ssl2_client_hello(struct parse *parse, struct slice body);
void tls_ssl2_server_hello(struct parse *parse, struct slice body);

/* --- tls_hello.c -------------------------------------------------------------------------------------------- */

enum { SUITES_MAX = 256, LIST_MAX = 32, TEXT_ROOM = 1024, JA3_MAX = 8192 };

/* Where the texts and lists of a hello lie while its event is emitted. Too large to be cleared for each. */
struct tls_room {
	struct slice versions[LIST_MAX], suites[SUITES_MAX], tiers[LIST_MAX], broken[LIST_MAX], alpns[LIST_MAX], groups[LIST_MAX],
		psk_modes[LIST_MAX], policies[LIST_MAX];
	char text[TEXT_ROOM]; /* names that no table has: "0x1234" */
	uint32_t text_used;
	char ja3_text[JA3_MAX], ja3[65], ja4[40];
};

/* What a hello said, as numbers; lists are slices of the message. */
struct tls_hello {
	uint16_t version;         /* of the hello itself, what older peers look at */
	uint16_t chosen;          /* ServerHello: supported_versions, else `version` */
	uint16_t suite;           /* ServerHello */
	uint32_t random;
	bool retry;               /* a ServerHello that is a HelloRetryRequest */
	struct slice session_id, cookie, suites, extensions;
	struct slice versions, groups, points, algorithms, alpn, psk_modes, sni; /* bodies of the lists; at NULL when absent */
	bool psk, ticket, early_data, raw_key[2];
	uint16_t group;           /* ServerHello: key share */
	bool connection_id;
	uint8_t connection_id_bytes;
};

/* False when it contradicts itself. */
bool tls_hello_read(struct slice body, bool client, bool datagram, struct tls_hello *out);
/* Fills in what the event shows of it. */
void tls_client_hello_show(const struct tls_hello *hello, bool datagram, struct tls_event *event, struct tls_room *room);
void tls_server_hello_show(const struct tls_hello *hello, struct tls_event *event, struct tls_room *room);
bool tls_grease(uint16_t number);

/* --- tls_suites.c ------------------------------------------------------------------------------------------- */

enum tls_tier { TIER_BROKEN, TIER_WEAK, TIER_NO_FS, TIER_CONSTRAINED, TIER_GOOD, TIER_SIGNAL, TIER_COUNT };

struct tls_suite {
	uint16_t number;
	uint8_t tier;
	const char *name;
};
const struct tls_suite *tls_suite(uint16_t number); /* NULL for a number that no table has */
/* By its name, IANA's or OpenSSL's ("ECDHE-RSA-AES128-SHA"); NULL for a name that no table has. */
const struct tls_suite *tls_suite_named(struct slice name);
/* The three-byte cipher kinds of SSL 2. */
const char *tls_ssl2_suite(uint32_t kind);
/* Length of an encrypted record of TLS 1.3 that holds a Finished alone; 0 for other suites. */
uint32_t tls_finished_size(uint16_t suite);
const char *tls_tier_name(unsigned tier);
const char *tls_version_name(uint16_t version);
/* DTLS numbers as the TLS version that they were made from, drafts of 1.3 as 1.3: these can be compared. */
uint16_t tls_version_rank(uint16_t version);
const char *tls_group_name(uint16_t group);
const char *tls_alert_name(uint8_t code);
/* Names of the shipped policies that version and suite break; returns how many. */
unsigned tls_policies_broken(uint16_t version, uint16_t suite, struct slice out[LIST_MAX]);

#endif
