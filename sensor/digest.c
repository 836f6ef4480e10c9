/* The low-level functions: those behind EVP allocate at every use, and a password on the wire may cost no allocation. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "digest.h"
#include "log.h"

/* The old calls of OpenSSL: those of EVP allocate a context for every digest (3.0). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <sys/random.h>

static uint64_t process_salt;

uint64_t digest_salt(void)
{
	return process_salt;
}

void digest_set_salt(uint64_t salt)
{
	process_salt = salt;
}

static uint64_t digest_parts(uint64_t salt, const struct slice *parts, unsigned count)
{
	uint8_t out[SHA256_DIGEST_LENGTH];
	SHA256_CTX context;
	SHA256_Init(&context);
	SHA256_Update(&context, &salt, sizeof salt);
	for (unsigned i = 0; i < count; i++) {
		SHA256_Update(&context, &parts[i].size, sizeof parts[i].size); /* "a","bc" is not "ab","c" */
		SHA256_Update(&context, parts[i].at, parts[i].size);
	}
	SHA256_Final(out, &context);
	uint64_t digest;
	memcpy(&digest, out, sizeof digest);
	return digest ? digest : 1;
}

uint64_t digest_secret(uint64_t salt, struct slice secret)
{
	return digest_parts(salt, &secret, 1);
}

uint64_t digest_pair(uint64_t salt, struct slice user, struct slice password)
{
	return digest_parts(salt, (struct slice[]){user, password}, 2);
}

static void write_hex(const uint8_t *digest, unsigned size, char out[DIGEST_HEX_MAX])
{
	for (unsigned i = 0; i < size; i++) {
		out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	out[2 * size] = 0;
}

void digest_hex(enum digest_kind kind, struct slice bytes, char out[DIGEST_HEX_MAX])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	union {
		MD5_CTX md5;
		SHA_CTX sha1;
		SHA256_CTX sha256;
	} context;
	unsigned size = kind == DIGEST_MD5 ? MD5_DIGEST_LENGTH : kind == DIGEST_SHA1 ? SHA_DIGEST_LENGTH : SHA256_DIGEST_LENGTH;
	switch (kind) {
	case DIGEST_MD5:
		MD5_Init(&context.md5);
		MD5_Update(&context.md5, bytes.at, bytes.size);
		MD5_Final(digest, &context.md5);
		break;
	case DIGEST_SHA1:
		SHA1_Init(&context.sha1);
		SHA1_Update(&context.sha1, bytes.at, bytes.size);
		SHA1_Final(digest, &context.sha1);
		break;
	case DIGEST_SHA256:
		SHA256_Init(&context.sha256);
		SHA256_Update(&context.sha256, bytes.at, bytes.size);
		SHA256_Final(digest, &context.sha256);
		break;
	}
	write_hex(digest, size, out);
}

/* One pass of RFC 2104: the key, padded and masked, then what it is to vouch for. */
static void hmac_pass(const uint8_t key[SHA256_CBLOCK], uint8_t mask, const struct slice *parts, unsigned count,
		      uint8_t out[SHA256_DIGEST_LENGTH])
{
	uint8_t block[SHA256_CBLOCK];
	SHA256_CTX context;
	for (unsigned i = 0; i < sizeof block; i++)
		block[i] = key[i] ^ mask;
	SHA256_Init(&context);
	SHA256_Update(&context, block, sizeof block);
	for (unsigned i = 0; i < count; i++)
		SHA256_Update(&context, parts[i].at, parts[i].size);
	SHA256_Final(out, &context);
	explicit_bzero(block, sizeof block);
	explicit_bzero(&context, sizeof context);
}

void digest_hmac(struct slice key, const struct slice *parts, unsigned count, char out[DIGEST_HEX_MAX])
{
	uint8_t padded[SHA256_CBLOCK] = {0}, digest[SHA256_DIGEST_LENGTH];
	if (key.size > sizeof padded)
		SHA256(key.at, key.size, padded);
	else
		memcpy(padded, key.at, key.size);
	hmac_pass(padded, 0x36, parts, count, digest);
	hmac_pass(padded, 0x5c, &(struct slice){digest, sizeof digest}, 1, digest);
	explicit_bzero(padded, sizeof padded);
	write_hex(digest, sizeof digest, out);
}

void digest_community_id(const struct ends *ends, uint8_t transport, char out[COMMUNITY_ID_MAX])
{
	bool v4 = address_is_v4(&ends->client) && address_is_v4(&ends->server);
	unsigned skip = v4 ? 12 : 0, size = v4 ? 4 : 16;
	const uint8_t *a = ends->client.bytes + skip, *b = ends->server.bytes + skip;
	uint16_t a_port = ends->client_port, b_port = ends->server_port;
	int order = memcmp(a, b, size);
	if (order > 0 || (order == 0 && a_port > b_port)) { /* the smaller end first, so both directions agree */
		const uint8_t *address = a;
		uint16_t port = a_port;
		a = b, b = address;
		a_port = b_port, b_port = port;
	}
	const uint8_t seed[2] = {0, 0}, tail[6] = {transport, 0, (uint8_t)(a_port >> 8), (uint8_t)a_port,
						   (uint8_t)(b_port >> 8), (uint8_t)b_port};
	uint8_t digest[SHA_DIGEST_LENGTH];
	SHA_CTX context;
	SHA1_Init(&context);
	SHA1_Update(&context, seed, sizeof seed);
	SHA1_Update(&context, a, size);
	SHA1_Update(&context, b, size);
	SHA1_Update(&context, tail, sizeof tail);
	SHA1_Final(digest, &context);
	memcpy(out, "1:", 2);
	EVP_EncodeBlock((unsigned char *)out + 2, digest, sizeof digest);
}

uint64_t digest_seed(bool live)
{
	uint64_t seed = 0x7468696e67776172u; /* replay: the same answer every time */
	if (live && getrandom(&seed, sizeof seed, 0) != sizeof seed)
		log_note("no random numbers from the kernel: tables are seeded with a constant");
	return seed;
}
