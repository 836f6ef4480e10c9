/* The names of what a TLS or DTLS event tells: one list, shown as tls.* and as dtls.*. Suricata's EVE has an object for TLS only. */
#include "tls.h"
#include <stddef.h>

#define AT(member) offsetof(struct tls_event, member)
#define ANY FIELD_ALWAYS

/* Names of one certificate, of a side that EVE has a place for. */
#define NAMES(F, prefix, side, eve, who) \
	F(prefix "subject", FIELD_CSTRING, side.subject, TLS_CERTIFICATE, ANY, eve, who " certificate: subject") \
	F(prefix "issuerdn", FIELD_CSTRING, side.issuer, TLS_CERTIFICATE, ANY, eve, who " certificate: issuer") \
	F(prefix "serial", FIELD_CSTRING, side.serial, TLS_CERTIFICATE, ANY, eve, who " certificate: serial number") \
	F(prefix "fingerprint", FIELD_CSTRING, side.fingerprint, TLS_CERTIFICATE, ANY, eve, who " certificate: SHA-1") \
	F(prefix "notbefore", FIELD_CSTRING, side.not_before, TLS_CERTIFICATE, ANY, eve, who " certificate: valid from, UTC") \
	F(prefix "notafter", FIELD_CSTRING, side.not_after, TLS_CERTIFICATE, ANY, eve, who " certificate: valid until, UTC") \
	F(prefix "subjectaltname", FIELD_TEXTS, side.alternative, TLS_CERTIFICATE, ANY, eve, \
	  who " certificate: alternative names: hosts, addresses, URIs, mail")

/* F(name, type, member, message, bit, in EVE, help) */
#define FIELDS(F) \
	F("version", FIELD_CSTRING, version, 0, ANY, true, "agreed on: SSLv2, SSLv3, TLS 1.0 to TLS 1.3, DTLS 1.0 to DTLS 1.3") \
	F("sni", FIELD_TEXT, sni, 0, ANY, true, "server name that the client asked for") \
	NAMES(F, "", server, true, "server's") \
	F("session_resumed", FIELD_BOOL, resumed, TLS_SERVER_HELLO, TLS_BIT_RESUMED, true, \
	  "an earlier session goes on; in TLS 1.3: a pre-shared key was taken") \
	F("client_alpns", FIELD_TEXTS, client_alpns, TLS_CLIENT_HELLO, ANY, true, "application protocols offered (ALPN)") \
	F("server_alpns", FIELD_TEXTS, server_alpns, TLS_SERVER_HELLO, ANY, true, "application protocol chosen; encrypted in TLS 1.3") \
	F("ja3.hash", FIELD_CSTRING, ja3, TLS_CLIENT_HELLO, ANY, true, "fingerprint of the client, MD5") \
	F("ja3.string", FIELD_CSTRING, ja3_text, TLS_CLIENT_HELLO, ANY, true, "what ja3.hash is of") \
	F("ja3s.hash", FIELD_CSTRING, ja3s, TLS_SERVER_HELLO, ANY, true, "fingerprint of the server's answer, MD5") \
	F("ja3s.string", FIELD_CSTRING, ja3s_text, TLS_SERVER_HELLO, ANY, true, "what ja3s.hash is of") \
	F("ja4", FIELD_CSTRING, ja4, TLS_CLIENT_HELLO, ANY, true, "fingerprint of the client that does not change with the order of its lists") \
	NAMES(F, "client.", client, true, "client's") \
	F("handshake", FIELD_CSTRING, handshake, 0, ANY, false, \
	  "client_hello, server_hello, hello_retry_request, hello_verify_request, certificate, alert") \
	F("cipher_suite", FIELD_CSTRING, suite, 0, ANY, false, "agreed on, IANA name") \
	F("cipher_tier", FIELD_CSTRING, tier, 0, ANY, false, "of cipher_suite: broken, weak, no_forward_secrecy, constrained, good") \
	F("policy_violations", FIELD_TEXTS, policies, TLS_SERVER_HELLO, ANY, false, \
	  "shipped policies that version and cipher suite break: bcp195, watson_iot, aws_iot, constrained") \
	F("client_version", FIELD_CSTRING, client_version, TLS_CLIENT_HELLO, ANY, false, "the newest version that the client takes") \
	F("offered_versions", FIELD_TEXTS, versions, TLS_CLIENT_HELLO, ANY, false, "versions that the client takes") \
	F("legacy_version", FIELD_CSTRING, legacy_version, 0, ANY, false, "the hello's own version field") \
	F("cipher_suites", FIELD_TEXTS, suites, TLS_CLIENT_HELLO, ANY, false, "offered, in the client's order, IANA names; the first 256") \
	F("cipher_suite_count", FIELD_U32, suite_count, TLS_CLIENT_HELLO, TLS_BIT_CLIENT_HELLO, false, "how many suites are offered") \
	F("offered_tiers", FIELD_TEXTS, tiers, TLS_CLIENT_HELLO, ANY, false, "tiers that the offered suites belong to") \
	F("offered_broken", FIELD_TEXTS, broken, TLS_CLIENT_HELLO, ANY, false, "offered suites of the tier broken; the first 32") \
	F("groups", FIELD_TEXTS, groups, TLS_CLIENT_HELLO, ANY, false, "key exchange groups offered, IANA names") \
	F("group", FIELD_CSTRING, group, 0, ANY, false, "key exchange group chosen; TLS 1.3 only") \
	F("psk_modes", FIELD_TEXTS, psk_modes, TLS_CLIENT_HELLO, ANY, false, "psk_ke (no forward secrecy), psk_dhe_ke") \
	F("psk_offered", FIELD_BOOL, psk_offered, TLS_CLIENT_HELLO, TLS_BIT_CLIENT_HELLO, false, "TLS 1.3: pre-shared keys or tickets offered") \
	F("ticket_offered", FIELD_BOOL, ticket_offered, TLS_CLIENT_HELLO, TLS_BIT_CLIENT_HELLO, false, "a session ticket offered") \
	F("early_data", FIELD_BOOL, early_data, TLS_CLIENT_HELLO, TLS_BIT_CLIENT_HELLO, false, "TLS 1.3: data sent before the handshake is done") \
	F("cookie", FIELD_BOOL, cookie, TLS_CLIENT_HELLO, TLS_BIT_COOKIE, false, "the hello brings the server's cookie back: DTLS, and TLS 1.3 where a server gives one") \
	F("connection_id_bytes", FIELD_U8, connection_id_bytes, 0, TLS_BIT_CONNECTION_ID, false, \
	  "DTLS: length of the connection id that the sender wants to be addressed by") \
	F("alert.level", FIELD_CSTRING, alert_level, TLS_ALERT, ANY, false, "warning or fatal") \
	F("alert.description", FIELD_CSTRING, alert, TLS_ALERT, ANY, false, "IANA name: bad_certificate, unknown_ca, handshake_failure, ...") \
	F("alert.code", FIELD_U8, alert_code, TLS_ALERT, TLS_BIT_ALERT, false, "its number") \
	F("certificate.from", FIELD_CSTRING, from, TLS_CERTIFICATE, ANY, false, "whose it is: server or client") \
	F("certificate.type", FIELD_CSTRING, type, TLS_CERTIFICATE, ANY, false, "x509 or raw_public_key") \
	F("certificate.subject", FIELD_CSTRING, any.subject, TLS_CERTIFICATE, ANY, false, "subject, of whichever side") \
	F("certificate.issuer", FIELD_CSTRING, any.issuer, TLS_CERTIFICATE, ANY, false, "issuer, of whichever side") \
	F("certificate.common_name", FIELD_CSTRING, common_name, TLS_CERTIFICATE, ANY, false, "CN of the subject") \
	F("certificate.serial", FIELD_CSTRING, any.serial, TLS_CERTIFICATE, ANY, false, "serial number, of whichever side") \
	F("certificate.notbefore", FIELD_CSTRING, any.not_before, TLS_CERTIFICATE, ANY, false, "valid from, UTC") \
	F("certificate.notafter", FIELD_CSTRING, any.not_after, TLS_CERTIFICATE, ANY, false, "valid until, UTC") \
	F("certificate.subjectaltname", FIELD_TEXTS, any.alternative, TLS_CERTIFICATE, ANY, false, "alternative names") \
	F("certificate.sha256", FIELD_CSTRING, sha256, TLS_CERTIFICATE, ANY, false, "SHA-256 of the certificate or raw key") \
	F("certificate.key_type", FIELD_CSTRING, key, TLS_CERTIFICATE, ANY, false, "rsa, ec, ed25519, ed448, dsa") \
	F("certificate.key_bits", FIELD_U32, key_bits, TLS_CERTIFICATE, TLS_BIT_X509, false, "length of the key") \
	F("certificate.signature", FIELD_CSTRING, signature, TLS_CERTIFICATE, ANY, false, "signature algorithm") \
	F("certificate.self_signed", FIELD_BOOL, self_signed, TLS_CERTIFICATE, TLS_BIT_X509, false, "issued by itself") \
	F("certificate.days_left", FIELD_U32, days_left, TLS_CERTIFICATE, TLS_BIT_X509, false, \
	  "whole days of validity left at the time of the event; 0 when expired") \
	F("certificate.chain_length", FIELD_U32, chain, TLS_CERTIFICATE, TLS_BIT_CERTIFICATES, false, \
	  "certificates sent; 0: a client was asked for one and has none") \
	F("certificate.faults", FIELD_TEXTS, faults, TLS_CERTIFICATE, ANY, false, \
	  "expired, not_yet_valid, expires_soon (30 days), short_key, weak_signature (MD5, SHA-1), self_signed, name_mismatch")

#define TLS(name, type, member, message, bit, eve, help) \
	{"tls." name, type, BASE_DETAIL, AT(member), PROTOCOL_TLS, message, bit, eve, NULL, help},
#define DTLS(name, type, member, message, bit, eve, help) \
	{"dtls." name, type, BASE_DETAIL, AT(member), PROTOCOL_DTLS, message, bit, false, NULL, help},

const struct field tls_fields[] = {FIELDS(TLS) {0}};
const struct field dtls_fields[] = {FIELDS(DTLS) {0}};
