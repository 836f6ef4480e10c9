#include "certificate.h"
#include "../sensor/digest.h"
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

enum { KEPT = 256 };

/* --- texts -------------------------------------------------------------------------------------------------- */

/* "C=DE, O=Example, CN=host": in the order of the certificate, as Suricata writes it. Control characters are escaped. */
static void name_text(X509_NAME *name, char out[CERTIFICATE_NAME_MAX])
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	unsigned long how = (ASN1_STRFLGS_RFC2253 & ~(unsigned long)(ASN1_STRFLGS_ESC_MSB | ASN1_STRFLGS_ESC_2253)) |
			    ASN1_STRFLGS_UTF8_CONVERT | XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN;
	out[0] = 0;
	if (!bio)
		return;
	X509_NAME_print_ex(bio, name, 0, how);
	long size = BIO_get_mem_data(bio, &text);
	if (size > 0)
		snprintf(out, CERTIFICATE_NAME_MAX, "%.*s", (int)(size < CERTIFICATE_NAME_MAX ? size : CERTIFICATE_NAME_MAX - 1), text);
	BIO_free(bio);
}

static void common_name(X509_NAME *name, char out[80])
{
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	unsigned char *text = NULL;
	if (at < 0)
		return;
	int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (size >= 0)
		snprintf(out, 80, "%.*s", size, (const char *)text);
	OPENSSL_free(text);
}

/* Pairs of hex digits with colons between them. */
static void colons(const uint8_t *bytes, uint32_t count, char *out, uint32_t room)
{
	static const char hex[] = "0123456789ABCDEF";
	uint32_t n = 0;
	for (uint32_t i = 0; i < count && n + 3 < room; i++) {
		out[n++] = hex[bytes[i] >> 4];
		out[n++] = hex[bytes[i] & 15];
		out[n++] = ':';
	}
	out[n ? n - 1 : 0] = 0;
}

/* SHA-1 in EVE's lower case with colons, from plain hex. */
static void colons_of_hex(const char *hex, char out[60])
{
	for (unsigned i = 0; i < 20; i++) {
		out[3 * i] = hex[2 * i];
		out[3 * i + 1] = hex[2 * i + 1];
		out[3 * i + 2] = i < 19 ? ':' : 0;
	}
}

static uint64_t time_read(const ASN1_TIME *time, char out[20])
{
	struct tm tm;
	out[0] = 0;
	if (!ASN1_TIME_to_tm(time, &tm))
		return 0;
	time_t seconds = timegm(&tm);
	strftime(out, 20, "%Y-%m-%dT%H:%M:%S", &tm);
	return seconds > 0 ? (uint64_t)seconds : 0;
}

/* --- parts -------------------------------------------------------------------------------------------------- */

static void add_alternative(struct certificate *c, const void *bytes, uint32_t size)
{
	if (c->alternative_count == CERTIFICATE_NAMES_MAX || size > CERTIFICATE_ROOM - c->room_used)
		return;
	memcpy(c->room + c->room_used, bytes, size);
	c->alternative[c->alternative_count++] = slice_of(c->room + c->room_used, size);
	c->room_used += size;
}

static void add_general_name(struct certificate *c, const GENERAL_NAME *name)
{
	int type;
	const ASN1_STRING *text = GENERAL_NAME_get0_value(name, &type);
	if (type == GEN_DNS || type == GEN_EMAIL || type == GEN_URI)
		add_alternative(c, ASN1_STRING_get0_data(text), (uint32_t)ASN1_STRING_length(text));
	if (type != GEN_IPADD)
		return;
	struct address address = {{0}};
	char out[ADDRESS_TEXT_MAX];
	int size = ASN1_STRING_length(text);
	if (size == 4)
		memcpy(address.bytes + 10, "\xff\xff", 2);
	if (size == 4 || size == 16) {
		memcpy(address.bytes + 16 - size, ASN1_STRING_get0_data(text), (size_t)size);
		add_alternative(c, out, address_format(&address, out));
	}
}

static void alternatives(struct certificate *c, X509 *x)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++)
		add_general_name(c, sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
}

static void key_read(struct certificate *c, X509 *x)
{
	const EVP_PKEY *key = X509_get0_pubkey(x);
	if (!key)
		return;
	static const struct { int type; const char *name; } names[] = {{EVP_PKEY_RSA, "rsa"}, {EVP_PKEY_RSA_PSS, "rsa"},
		{EVP_PKEY_EC, "ec"}, {EVP_PKEY_ED25519, "ed25519"}, {EVP_PKEY_ED448, "ed448"}, {EVP_PKEY_DSA, "dsa"},
		{EVP_PKEY_DH, "dh"}};
	const char *name = OBJ_nid2sn(EVP_PKEY_get_base_id(key));
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].type == EVP_PKEY_get_base_id(key))
			name = names[i].name;
	snprintf(c->key, sizeof c->key, "%s", name ? name : "unknown");
	c->key_bits = (uint32_t)EVP_PKEY_get_bits(key);
}

static void signature_read(struct certificate *c, X509 *x)
{
	int digest = NID_undef, nid = X509_get_signature_nid(x);
	const char *name = OBJ_nid2ln(nid);
	snprintf(c->signature, sizeof c->signature, "%s", nid != NID_undef && name ? name : "unknown");
	X509_get_signature_info(x, &digest, NULL, NULL, NULL);
	c->weak_signature = digest == NID_md2 || digest == NID_md4 || digest == NID_md5 || digest == NID_sha1;
}

static void fill(struct certificate *c, X509 *x)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	name_text(X509_get_subject_name(x), c->subject);
	name_text(X509_get_issuer_name(x), c->issuer);
	common_name(X509_get_subject_name(x), c->common_name);
	colons(ASN1_STRING_get0_data(serial), (uint32_t)ASN1_STRING_length(serial), c->serial, sizeof c->serial);
	c->not_before_s = time_read(X509_get0_notBefore(x), c->not_before);
	c->not_after_s = time_read(X509_get0_notAfter(x), c->not_after);
	c->self_signed = X509_get_extension_flags(x) & EXFLAG_SS;
	key_read(c, x);
	signature_read(c, x);
	alternatives(c, x);
	c->valid = true;
}

const struct certificate *certificate_read(struct slice der)
{
	static struct certificate kept[KEPT];
	char sha256[DIGEST_HEX_MAX], sha1[DIGEST_HEX_MAX];
	digest_hex(DIGEST_SHA256, der, sha256);
	unsigned high, low;
	if (sscanf(sha256, "%1x%1x", &high, &low) != 2)
		high = low = 0;
	struct certificate *c = &kept[high << 4 | low];
	if (memcmp(c->sha256, sha256, sizeof c->sha256) == 0)
		return c;
	memset(c, 0, sizeof *c);
	memcpy(c->sha256, sha256, sizeof c->sha256);
	digest_hex(DIGEST_SHA1, der, sha1);
	colons_of_hex(sha1, c->sha1);
	const unsigned char *at = der.at;
	X509 *x = d2i_X509(NULL, &at, (long)der.size);
	if (x)
		fill(c, x);
	X509_free(x);
	return c;
}

/* --- host names --------------------------------------------------------------------------------------------- */

static bool same_name(struct slice a, struct slice b)
{
	if (a.size != b.size)
		return false;
	for (uint32_t i = 0; i < a.size; i++)
		if ((a.at[i] | (a.at[i] >= 'A' && a.at[i] <= 'Z' ? 32 : 0)) != (b.at[i] | (b.at[i] >= 'A' && b.at[i] <= 'Z' ? 32 : 0)))
			return false;
	return true;
}

static bool covers(struct slice pattern, struct slice host)
{
	if (pattern.size < 3 || pattern.at[0] != '*' || pattern.at[1] != '.')
		return same_name(pattern, host);
	const uint8_t *dot = memchr(host.at, '.', host.size);
	uint32_t label = dot ? (uint32_t)(dot - host.at) : 0;
	return label && same_name(slice_of(pattern.at + 1, pattern.size - 1), slice_of(dot, host.size - label));
}

bool certificate_is_for(const struct certificate *c, struct slice host)
{
	if (host.size && host.at[host.size - 1] == '.')
		host.size--;
	for (uint32_t i = 0; i < c->alternative_count; i++)
		if (covers(c->alternative[i], host))
			return true;
	return !c->alternative_count && covers(slice_text(c->common_name), host);
}
