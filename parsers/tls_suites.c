/* Names and judgements of TLS numbers: suites with their tiers, versions, groups, alerts, and the shipped policies. */
#include "tls.h"

static const struct tls_suite suites[] = {
#define SUITE(number, name, tier) {number, TIER_##tier, #name},
#include "tls_suites.def"
#undef SUITE
};

const struct tls_suite *tls_suite(uint16_t number)
{
	unsigned low = 0, high = sizeof suites / sizeof *suites;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (suites[middle].number == number)
			return &suites[middle];
		if (suites[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Its header, verify_data as long as the suite's hash, the content type, the tag (RFC 8446, 4.4.4, 5.2 and B.4). */
uint32_t tls_finished_size(uint16_t suite)
{
	enum { HEADER = 4, TYPE = 1, SHA256 = 32, SHA384 = 48, TAG = 16, SHORT_TAG = 8 };
	switch (suite) {
	case 0x1301: case 0x1303: case 0x1304:
		return HEADER + SHA256 + TYPE + TAG;
	case 0x1302:
		return HEADER + SHA384 + TYPE + TAG;
	case 0x1305:
		return HEADER + SHA256 + TYPE + SHORT_TAG;
	default:
		return 0;
	}
}

/* --- suites by name ------------------------------------------------------------------------------------------- */

/* What one of the two ways of naming says and the other does not, or says otherwise; '_' stands for '-' too. OpenSSL leaves out RSA
 * when it is key exchange and signature both, and names the suites of TLS 1.3 (TLS_AES_) as IANA does. Its own table of standard names
 * has only what it was built with, which the suites that matter here often are not. */
static const struct { const char *text, *common; } spellings[] = {{"TLS_RSA_WITH_", ""}, {"TLS_AES_", "TLSAES"}, {"TLS_", ""},
	{"WITH_", ""}, {"CBC_", ""}, {"CBC3_", "3"}, {"3DES_EDE_", "DES3"}, {"RC4_128_", "RC4"}, {"POLY1305_SHA256", "POLY1305"},
	{"DH_anon_", "ADH"}, {"ECDH_anon_", "AECDH"}, {"EDH_", "DHE"}, {"PSK_DHE_", "DHEPSK"}, {"SRP_SHA_", "SRP"},
	{"ECDHE_ARIA", "ECDHERSAARIA"}};

/* A name in the spelling that both have in common, a character at a time. */
struct speller {
	const char *at, *end;
	const char *common; /* what is left of a spelling to be handed out */
	bool within;        /* a part of the name has begun */
};

static bool is_parting(char c)
{
	return c == '_' || c == '-';
}

static bool takes(struct speller *s, const char *text)
{
	const char *at = s->at;
	for (; *text && at < s->end && (*at == *text || (is_parting(*at) && is_parting(*text))); at++)
		text++;
	if (*text)
		return false;
	s->at = at;
	return true;
}

/* 0 at the end. */
static char spell(struct speller *s)
{
	for (;;) {
		if (s->common && *s->common)
			return *s->common++;
		if (s->at == s->end)
			return 0;
		s->common = NULL;
		for (unsigned i = 0; !s->within && !s->common && i < sizeof spellings / sizeof *spellings; i++)
			if (takes(s, spellings[i].text))
				s->common = spellings[i].common;
		if (s->common)
			continue;
		s->within = !is_parting(*s->at++);
		if (s->within)
			return s->at[-1];
	}
}

static bool same_name(struct slice a, struct slice b)
{
	struct speller x = {.at = (const char *)a.at, .end = (const char *)a.at + a.size};
	struct speller y = {.at = (const char *)b.at, .end = (const char *)b.at + b.size};
	char c, d;
	do {
		c = spell(&x);
		d = spell(&y);
	} while (c && c == d);
	return c == d;
}

const struct tls_suite *tls_suite_named(struct slice name)
{
	for (unsigned i = 0; name.size && i < sizeof suites / sizeof *suites; i++)
		if (same_name(name, slice_text(suites[i].name)))
			return &suites[i];
	return NULL;
}

const char *tls_ssl2_suite(uint32_t kind)
{
	static const struct { uint32_t kind; const char *name; } kinds[] = {
		{0x010080, "SSL_CK_RC4_128_WITH_MD5"}, {0x020080, "SSL_CK_RC4_128_EXPORT40_WITH_MD5"},
		{0x030080, "SSL_CK_RC2_128_CBC_WITH_MD5"}, {0x040080, "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5"},
		{0x050080, "SSL_CK_IDEA_128_CBC_WITH_MD5"}, {0x060040, "SSL_CK_DES_64_CBC_WITH_MD5"},
		{0x0700c0, "SSL_CK_DES_192_EDE3_CBC_WITH_MD5"}, {0x080080, "SSL_CK_RC4_64_WITH_MD5"}};
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return NULL;
}

const char *tls_tier_name(unsigned tier)
{
	static const char *const names[] = {"broken", "weak", "no_forward_secrecy", "constrained", "good"};
	return tier < sizeof names / sizeof *names ? names[tier] : NULL;
}

/* --- versions ----------------------------------------------------------------------------------------------- */

static const struct { uint16_t number, rank; const char *name; } versions[] = {
	{VERSION_SSL2, 0x0002, "SSLv2"}, {VERSION_SSL3, 0x0300, "SSLv3"}, {VERSION_TLS10, 0x0301, "TLS 1.0"},
	{0x0302, 0x0302, "TLS 1.1"}, {VERSION_TLS12, 0x0303, "TLS 1.2"}, {VERSION_TLS13, 0x0304, "TLS 1.3"},
	{VERSION_DTLS_OLD, 0x0302, "DTLS 0.9"}, /* OpenSSL before the RFC; Cisco AnyConnect */
	{VERSION_DTLS10, 0x0302, "DTLS 1.0"}, {VERSION_DTLS12, 0x0303, "DTLS 1.2"}, {VERSION_DTLS13, 0x0304, "DTLS 1.3"},
	{0x0101, 0x0303, "TLCP 1.1"} /* GB/T 38636 */
};

static bool draft_of_13(uint16_t version)
{
	return version >> 8 == 0x7f || version >> 8 == 0x7e || version >> 8 == 0xfb; /* IETF; Google's trials; Facebook's own */
}

const char *tls_version_name(uint16_t version)
{
	for (unsigned i = 0; i < sizeof versions / sizeof *versions; i++)
		if (versions[i].number == version)
			return versions[i].name;
	return draft_of_13(version) ? "TLS 1.3 draft" : NULL;
}

uint16_t tls_version_rank(uint16_t version)
{
	for (unsigned i = 0; i < sizeof versions / sizeof *versions; i++)
		if (versions[i].number == version)
			return versions[i].rank;
	return draft_of_13(version) ? VERSION_TLS13 : version;
}

/* --- other names -------------------------------------------------------------------------------------------- */

const char *tls_group_name(uint16_t group)
{
	static const struct { uint16_t number; const char *name; } groups[] = {
		{1, "sect163k1"}, {3, "sect163r2"}, {9, "sect283k1"}, {10, "sect283r1"}, {11, "sect409k1"}, {12, "sect409r1"},
		{13, "sect571k1"}, {14, "sect571r1"}, {16, "secp160r1"}, {18, "secp192k1"}, {19, "secp192r1"}, {20, "secp224k1"},
		{21, "secp224r1"}, {22, "secp256k1"}, {23, "secp256r1"}, {24, "secp384r1"}, {25, "secp521r1"},
		{26, "brainpoolP256r1"}, {27, "brainpoolP384r1"}, {28, "brainpoolP512r1"}, {29, "x25519"}, {30, "x448"},
		{31, "brainpoolP256r1tls13"}, {32, "brainpoolP384r1tls13"}, {33, "brainpoolP512r1tls13"}, {41, "curveSM2"},
		{256, "ffdhe2048"}, {257, "ffdhe3072"}, {258, "ffdhe4096"}, {259, "ffdhe6144"}, {260, "ffdhe8192"},
		{512, "MLKEM512"}, {513, "MLKEM768"}, {514, "MLKEM1024"}, {4587, "SecP256r1MLKEM768"}, {4588, "X25519MLKEM768"},
		{4589, "SecP384r1MLKEM1024"}, {25497, "X25519Kyber768Draft00"}};
	for (unsigned i = 0; i < sizeof groups / sizeof *groups; i++)
		if (groups[i].number == group)
			return groups[i].name;
	return NULL;
}

/* IANA TLS Alerts. */
const char *tls_alert_name(uint8_t code)
{
	static const struct { uint8_t code; const char *name; } alerts[] = {
		{0, "close_notify"}, {10, "unexpected_message"}, {20, "bad_record_mac"}, {21, "decryption_failed"},
		{22, "record_overflow"}, {30, "decompression_failure"}, {40, "handshake_failure"}, {41, "no_certificate"},
		{42, "bad_certificate"}, {43, "unsupported_certificate"}, {44, "certificate_revoked"}, {45, "certificate_expired"},
		{46, "certificate_unknown"}, {47, "illegal_parameter"}, {48, "unknown_ca"}, {49, "access_denied"},
		{50, "decode_error"}, {51, "decrypt_error"}, {52, "too_many_cids_requested"}, {60, "export_restriction"},
		{70, "protocol_version"}, {71, "insufficient_security"}, {80, "internal_error"}, {86, "inappropriate_fallback"},
		{90, "user_canceled"}, {100, "no_renegotiation"}, {109, "missing_extension"}, {110, "unsupported_extension"},
		{111, "certificate_unobtainable"}, {112, "unrecognized_name"}, {113, "bad_certificate_status_response"},
		{114, "bad_certificate_hash_value"}, {115, "unknown_psk_identity"}, {116, "certificate_required"},
		{117, "general_error"}, {120, "no_application_protocol"}, {121, "ech_required"}};
	for (unsigned i = 0; i < sizeof alerts / sizeof *alerts; i++)
		if (alerts[i].code == code)
			return alerts[i].name;
	return NULL;
}

/* --- policies ----------------------------------------------------------------------------------------------- */

static bool among(uint16_t suite, const uint16_t *list, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (list[i] == suite)
			return true;
	return false;
}
#define AMONG(suite, ...) \
	among(suite, (const uint16_t[]){__VA_ARGS__}, sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t))

/* BCP 195 (RFC 9325, 3.1.1, 3.1.2 and 4.2): (D)TLS 1.2 or 1.3, authenticated encryption, ephemeral elliptic curves. */
static bool keeps_bcp195(uint16_t rank, uint16_t suite)
{
	const struct tls_suite *known = tls_suite(suite);
	if (!known || known->tier != TIER_GOOD || rank < VERSION_TLS12)
		return false;
	if (rank == VERSION_TLS13)
		return true;
	return strncmp(known->name, "TLS_ECDHE_", 10) == 0 && !strstr(known->name, "_CBC_");
}

/* IBM Watson IoT Platform, "MQTT connectivity": TLS 1.2 with one of four suites. */
static bool keeps_watson_iot(uint16_t rank, uint16_t suite)
{
	return rank == VERSION_TLS12 && AMONG(suite, 0xc030, 0x009d, 0xc02f, 0x009c);
}

/* AWS IoT Core, "Transport security": TLS 1.2 and 1.3 with these, whatever of its security policies is chosen. */
static bool keeps_aws_iot(uint16_t rank, uint16_t suite)
{
	if (rank == VERSION_TLS13)
		return AMONG(suite, 0x1301, 0x1302, 0x1303);
	return rank == VERSION_TLS12 &&
	       AMONG(suite, 0xc02b, 0xc02f, 0xc023, 0xc027, 0xc009, 0xc013, 0xc02c, 0xc030, 0xc024, 0xc028, 0xc014, 0xc00a, 0x009c,
		     0x003c, 0x002f, 0x009d, 0x003d, 0x0035);
}

/* RFC 7925, 4.2 and 4.4: (D)TLS 1.2 with one of two suites; the same cipher in 1.3. */
static bool keeps_constrained(uint16_t rank, uint16_t suite)
{
	return (rank == VERSION_TLS12 && AMONG(suite, 0xc0a8, 0xc0ae)) || (rank == VERSION_TLS13 && suite == 0x1305);
}

unsigned tls_policies_broken(uint16_t version, uint16_t suite, struct slice out[LIST_MAX])
{
	static const struct { const char *name; bool (*keeps)(uint16_t rank, uint16_t suite); } policies[] = {
		{"bcp195", keeps_bcp195}, {"watson_iot", keeps_watson_iot}, {"aws_iot", keeps_aws_iot},
		{"constrained", keeps_constrained}};
	unsigned count = 0;
	for (unsigned i = 0; i < sizeof policies / sizeof *policies; i++)
		if (!policies[i].keeps(tls_version_rank(version), suite))
			out[count++] = slice_text(policies[i].name);
	return count;
}
