/* Handshake messages and alerts, whatever carried them, as events. Of the messages the two hellos and Certificate are read:
 *
 *   HandshakeType 1 | length 3 | body         RFC 8446, 4; in DTLS the header has more, which dtls.c takes off */
#include "certificate.h"
#include "tls.h"
#include "../sensor/digest.h"
#include "../sensor/hash.h"

enum { HTTPS = 443, MEMO_SNI = 16, EXPIRES_SOON_S = 30 * 86400, DAY_S = 86400, RSA_BITS_MIN = 2048, EC_BITS_MIN = 224 };

const char *const tls_messages[] = {"", "client_hello", "server_hello", "hello_retry_request", "hello_verify_request", "certificate",
	"alert", NULL};

bool tls_handshake_wanted(uint8_t type)
{
	return type == HANDSHAKE_CLIENT_HELLO || type == HANDSHAKE_SERVER_HELLO || type == HANDSHAKE_HELLO_VERIFY_REQUEST ||
	       type == HANDSHAKE_CERTIFICATE;
}

static bool datagram(const struct parse *parse)
{
	return parse->base.protocol == PROTOCOL_DTLS;
}

static uint64_t sni_key(const struct parse *parse)
{
	return memo_key(parse->flow_id, MEMO_SNI, 0);
}

/* --- events ------------------------------------------------------------------------------------------------- */

/* What every event of the flow shows: what has been agreed so far. */
static struct event event_begin(struct parse *parse, enum tls_message message, struct tls_event *tls)
{
	const struct tls_state *state = parse->state;
	const struct tls_suite *suite = state->suite ? tls_suite(state->suite) : NULL;
	struct event event = parse->base;
	*tls = (struct tls_event){.handshake = tls_messages[message]};
	event.action = ACTION_HANDSHAKE;
	event.message = (uint8_t)message;
	event.detail = tls;
	if (state->version)
		tls->version = tls_version_name(state->version);
	if (suite) {
		tls->suite = suite->name;
		tls->tier = tls_tier_name(suite->tier);
	}
	return event;
}

void tls_violation(struct parse *parse, const char *reason)
{
	struct event event = parse->base;
	event.action = ACTION_VIOLATION;
	event.outcome = OUTCOME_FAILURE;
	event.reason = slice_text(reason);
	parse->emit(parse, &event);
}

/* --- hellos ------------------------------------------------------------------------------------------------- */

/* HTTP has no good-bye whose want would be told: clients drop its connections as they please. */
static bool carries_http(const struct parse *parse, const struct slices *alpns)
{
	for (unsigned i = 0; i < alpns->count; i++)
		if (!slice_starts(alpns->items[i], slice_text("h2")) && !slice_starts(alpns->items[i], slice_text("http/")))
			return false;
	return alpns->count || parse->base.ends->server_port == HTTPS;
}

static void client_hello(struct parse *parse, struct slice body)
{
	struct tls_state *state = parse->state;
	struct tls_hello hello;
	struct tls_event tls;
	struct tls_room room;
	if (!tls_hello_read(body, true, datagram(parse), &hello)) {
		tls_violation(parse, "malformed_client_hello");
		return;
	}
	state->client_hello = true;
	state->random = hello.random;
	state->psk = hello.psk;
	state->session_id = hello.session_id.size ? hash_slice(hello.session_id, 0) : 0;
	if (hello.sni.size)
		memo_put(parse->memos, sni_key(parse), hello.sni);
	else
		memo_drop(parse->memos, sni_key(parse));
	struct event event = event_begin(parse, TLS_CLIENT_HELLO, &tls);
	tls_client_hello_show(&hello, datagram(parse), &tls, &room);
	event_set(&event, TLS_BIT_CLIENT_HELLO);
	if (hello.connection_id)
		event_set(&event, TLS_BIT_CONNECTION_ID);
	if (datagram(parse) || tls.cookie)
		event_set(&event, TLS_BIT_COOKIE);
	if (parse->session->state == SESSION_NONE && !carries_http(parse, &tls.client_alpns))
		parse->session->state = SESSION_ASKED;
	parse->emit(parse, &event);
}

/* A session is resumed when the server repeats the id that the client came with (RFC 5246, F.1.4), in TLS 1.3 when it takes
 * one of the client's pre-shared keys, of which a session ticket is one (RFC 8446, 2.2). */
static bool is_resumed(const struct tls_state *state, const struct tls_hello *hello)
{
	if (tls_version_rank(hello->chosen) >= VERSION_TLS13)
		return hello->psk;
	return hello->session_id.size && state->session_id == hash_slice(hello->session_id, 0);
}

static void server_hello(struct parse *parse, struct slice body)
{
	struct tls_state *state = parse->state;
	struct tls_hello hello;
	struct tls_event tls;
	struct tls_room room;
	if (!tls_hello_read(body, false, datagram(parse), &hello)) {
		tls_violation(parse, "malformed_server_hello");
		return;
	}
	state->version = hello.chosen;
	state->suite = hello.suite;
	state->server_hello = !hello.retry;
	state->raw_key[TO_SERVER] = hello.raw_key[TO_SERVER];
	state->raw_key[TO_CLIENT] = hello.raw_key[TO_CLIENT];
	struct event event = event_begin(parse, hello.retry ? TLS_HELLO_RETRY_REQUEST : TLS_SERVER_HELLO, &tls);
	tls_server_hello_show(&hello, &tls, &room);
	tls.resumed = is_resumed(state, &hello);
	if (tls.resumed && tls_version_rank(hello.chosen) >= VERSION_TLS13 && !hello.group) /* psk_ke */
		tls.tier = tls_tier_name(TIER_NO_FS);
	tls.policies.items = room.policies;
	if (!hello.retry) {
		tls.policies.count = tls_policies_broken(hello.chosen, hello.suite, room.policies);
		event_set(&event, TLS_BIT_RESUMED);
		event.outcome = OUTCOME_SUCCESS;
	}
	if (hello.connection_id)
		event_set(&event, TLS_BIT_CONNECTION_ID);
	struct slice sni;
	if (memo_get(parse->memos, sni_key(parse), &sni))
		tls.sni = sni;
	parse->emit(parse, &event);
}

static void hello_verify_request(struct parse *parse)
{
	struct tls_event tls;
	struct event event = event_begin(parse, TLS_HELLO_VERIFY_REQUEST, &tls);
	parse->emit(parse, &event);
}

/* --- SSL 2 -------------------------------------------------------------------------------------------------- */

/* client_hello 1 | version 2 | cipher bytes 2 | session id bytes 2 | challenge bytes 2 | ciphers, three bytes each | ... */
void tls_ssl2_client_hello(struct parse *parse, struct slice body)
{
	struct tls_state *state = parse->state;
	struct tls_event tls;
	struct slice names[SUITES_MAX], broken[LIST_MAX], version;
	struct reader r = reader_of(body);
	read_skip(&r, 1);
	uint16_t number = read_be16(&r), cipher_bytes = read_be16(&r);
	read_skip(&r, 4);
	struct reader ciphers = reader_of(read_slice(&r, cipher_bytes));
	struct event event = event_begin(parse, TLS_CLIENT_HELLO, &tls);
	if (r.failed || cipher_bytes % 3) {
		tls_violation(parse, "malformed_client_hello");
		return;
	}
	tls.suites.items = names;
	tls.broken.items = broken;
	while (reader_left(&ciphers)) {
		uint32_t kind = read_be24(&ciphers);
		const struct tls_suite *suite = kind >> 16 ? NULL : tls_suite((uint16_t)kind);
		const char *name = kind >> 16 ? tls_ssl2_suite(kind) : suite ? suite->name : NULL;
		if (suite && suite->tier == TIER_SIGNAL)
			continue;
		tls.suite_count++;
		if (name && tls.suites.count < SUITES_MAX)
			names[tls.suites.count++] = slice_text(name);
		if (name && (kind >> 16 || suite->tier == TIER_BROKEN) && tls.broken.count < LIST_MAX)
			broken[tls.broken.count++] = slice_text(name);
	}
	tls.client_version = tls.legacy_version = tls_version_name(number);
	version = slice_text(tls.client_version ? tls.client_version : "");
	tls.versions = (struct slices){&version, tls.client_version != NULL};
	state->client_hello = true;
	parse->session->state = SESSION_ASKED;
	event_set(&event, TLS_BIT_CLIENT_HELLO);
	parse->emit(parse, &event);
}

/* server_hello 4 | session id hit 1 | certificate type 1 | version 2 | ... : the client chooses the cipher, all are broken. */
void tls_ssl2_server_hello(struct parse *parse, struct slice body)
{
	struct tls_state *state = parse->state;
	struct tls_event tls;
	struct slice policies[LIST_MAX];
	struct reader r = reader_of(body);
	read_skip(&r, 1);
	bool hit = read_u8(&r) != 0;
	read_skip(&r, 1);
	state->version = read_be16(&r);
	struct event event = event_begin(parse, TLS_SERVER_HELLO, &tls);
	tls.tier = tls_tier_name(TIER_BROKEN);
	tls.resumed = hit;
	tls.policies = (struct slices){policies, tls_policies_broken(VERSION_SSL2, 0, policies)};
	event_set(&event, TLS_BIT_RESUMED);
	event.outcome = OUTCOME_SUCCESS;
	parse->emit(parse, &event);
}

/* --- certificates ------------------------------------------------------------------------------------------- */

/* What is wrong with it at the time of the event. */
static unsigned find_faults(const struct certificate *c, uint64_t now_s, struct slice host, struct slice out[LIST_MAX])
{
	bool rsa = strcmp(c->key, "rsa") == 0 || strcmp(c->key, "dsa") == 0, ec = strcmp(c->key, "ec") == 0;
	const struct { bool there; const char *name; } faults[] = {
		{now_s > c->not_after_s, "expired"},
		{now_s < c->not_before_s, "not_yet_valid"},
		{now_s <= c->not_after_s && c->not_after_s - now_s < EXPIRES_SOON_S, "expires_soon"},
		{(rsa && c->key_bits < RSA_BITS_MIN) || (ec && c->key_bits < EC_BITS_MIN), "short_key"},
		{c->weak_signature, "weak_signature"},
		{c->self_signed, "self_signed"},
		{host.size && !certificate_is_for(c, host), "name_mismatch"},
	};
	unsigned count = 0;
	for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++)
		if (faults[i].there)
			out[count++] = slice_text(faults[i].name);
	return count;
}

/* Against RFC 6066, 3, some devices send an address as the name: that tells nothing about the certificate. */
static bool is_address(struct slice name)
{
	for (uint32_t i = 0; i < name.size; i++)
		if (name.at[i] != '.' && (name.at[i] < '0' || name.at[i] > '9'))
			return memchr(name.at, ':', name.size) != NULL;
	return true;
}

static void show_certificate(struct parse *parse, const struct certificate *c, struct event *event, struct tls_event *tls,
			     struct slice faults[LIST_MAX])
{
	uint64_t now_s = parse->time_ns / TW_SECOND;
	bool client = parse->direction == TO_SERVER;
	struct slice host = client || is_address(tls->sni) ? (struct slice){NULL, 0} : tls->sni;
	tls->any = (struct tls_names){c->subject, c->issuer, c->serial, c->sha1, c->not_before, c->not_after,
				      {c->alternative, c->alternative_count}};
	*(client ? &tls->client : &tls->server) = tls->any;
	tls->key = c->key;
	tls->key_bits = c->key_bits;
	tls->signature = c->signature;
	tls->common_name = *c->common_name ? c->common_name : NULL;
	tls->self_signed = c->self_signed;
	tls->days_left = c->not_after_s > now_s ? (uint32_t)((c->not_after_s - now_s) / DAY_S) : 0;
	tls->faults = (struct slices){faults, find_faults(c, now_s, host, faults)};
	event_set(event, TLS_BIT_X509);
	if (client && *c->common_name && !parse->session->user.known)
		name_set(&parse->session->user, slice_text(c->common_name));
}

/* certificate_list <0..2^24-1> of certificates <1..2^24-1> (RFC 5246, 7.4.2); a raw public key stands alone (RFC 7250, 3). */
static void certificate(struct parse *parse, struct slice body)
{
	struct tls_state *state = parse->state;
	struct tls_event tls;
	struct slice faults[LIST_MAX], sni, first = {NULL, 0};
	char sha256[DIGEST_HEX_MAX];
	struct reader r = reader_of(body);
	struct slice list = read_slice(&r, read_be24(&r));
	struct event event = event_begin(parse, TLS_CERTIFICATE, &tls);
	bool raw = state->raw_key[parse->direction], malformed = r.failed;
	if (raw)
		first = list;
	for (r = reader_of(list); !raw && reader_left(&r) && !r.failed; tls.chain++) {
		struct slice one = read_slice(&r, read_be24(&r));
		if (!tls.chain)
			first = one;
	}
	malformed = malformed || (!raw && r.failed);
	tls.from = parse->direction == TO_SERVER ? "client" : "server";
	if (memo_get(parse->memos, sni_key(parse), &sni))
		tls.sni = sni;
	if (parse->direction == TO_SERVER)
		state->no_certificate = !first.size;
	if (first.size && !malformed) {
		digest_hex(DIGEST_SHA256, first, sha256);
		tls.sha256 = sha256;
		tls.type = raw ? "raw_public_key" : "x509";
		const struct certificate *c = raw ? NULL : certificate_read(first);
		malformed = c && !c->valid;
		if (c && c->valid)
			show_certificate(parse, c, &event, &tls, faults);
	}
	event_set(&event, TLS_BIT_CERTIFICATES);
	parse->emit(parse, &event);
	if (malformed)
		tls_violation(parse, "malformed_certificate");
}

void tls_handshake(struct parse *parse, uint8_t type, struct slice body)
{
	bool from_client = parse->direction == TO_SERVER;
	switch (type) {
	case HANDSHAKE_CLIENT_HELLO:
		if (from_client)
			client_hello(parse, body);
		break;
	case HANDSHAKE_SERVER_HELLO:
		if (!from_client)
			server_hello(parse, body);
		break;
	case HANDSHAKE_HELLO_VERIFY_REQUEST:
		if (!from_client && datagram(parse))
			hello_verify_request(parse);
		break;
	case HANDSHAKE_CERTIFICATE:
		certificate(parse, body);
		break;
	default:
		break;
	}
}

/* --- alerts ------------------------------------------------------------------------------------------------- */

/* Does the server's alert say that the client could not prove who it is? NULL when it says something else. */
static const char *refused_credential(const struct tls_state *state, uint8_t code)
{
	const struct tls_suite *suite = state->suite ? tls_suite(state->suite) : NULL;
	switch (code) {
	case 20: /* bad_record_mac: of a plain PSK handshake, the key was wrong */
		return suite && strstr(suite->name, "PSK") ? "bad_record_mac" : NULL;
	case 40: /* handshake_failure is what TLS 1.2 has for "I wanted a certificate" (RFC 5246, 7.4.6) */
		return state->no_certificate ? "certificate_required" : NULL;
	case 47: /* illegal_parameter in answer to a ClientHello: OpenSSL's word for a wrong pre-shared key */
		return state->psk && !state->version ? "illegal_parameter" : NULL;
	case 41: case 42: case 43: case 44: case 45: case 46: case 48: case 49: case 51: case 115: case 116:
		return tls_alert_name(code);
	default:
		return NULL;
	}
}

void tls_alert(struct parse *parse, uint8_t level, uint8_t code)
{
	enum { FATAL = 2 };
	struct tls_state *state = parse->state;
	struct tls_event tls;
	struct event event = event_begin(parse, TLS_ALERT, &tls);
	const char *name = tls_alert_name(code);
	tls.alert_level = level == FATAL ? "fatal" : "warning";
	tls.alert = name ? name : "unknown";
	tls.alert_code = code;
	event.reason = slice_text(tls.alert);
	event.outcome = level == FATAL ? OUTCOME_FAILURE : OUTCOME_UNKNOWN;
	event_set(&event, TLS_BIT_ALERT);
	parse->emit(parse, &event);
	if (level != FATAL)
		return;
	parse->session->state = SESSION_REFUSED;
	const char *refused = parse->direction == TO_CLIENT ? refused_credential(state, code) : NULL;
	if (!refused)
		return;
	event.action = ACTION_AUTHENTICATE;
	event.reason = slice_text(refused);
	parse->emit(parse, &event);
}
