#include "digest.h"
#include <openssl/evp.h>
#include <stdio.h>

static uint64_t process_salt;


uint64_t digest_salt(void)
{
	return process_salt;
}

/* Fetched once: EVP_sha256() would look its provider up, and allocate, on every use. */
struct digester {
	const char *name;
	EVP_MD *type;
	EVP_MD_CTX *context;
};

static EVP_MD_CTX *digest_begin(struct digester *digester)
{
	if (!digester->context) {
		digester->type = EVP_MD_fetch(NULL, digester->name, NULL);
		digester->context = EVP_MD_CTX_new();
	}
	EVP_DigestInit_ex(digester->context, digester->type, NULL);
	return digester->context;
}

static struct digester sha256 = {"SHA256", NULL, NULL}, sha1 = {"SHA1", NULL, NULL};

void digest_set_salt(uint64_t salt)
{
	process_salt = salt;
	(void)digest_begin(&sha256); /* what they allocate, they allocate now */
	(void)digest_begin(&sha1);
}

static uint64_t digest_parts(uint64_t salt, const struct slice *parts, unsigned count)
{
	uint8_t out[EVP_MAX_MD_SIZE] = {0};
	EVP_MD_CTX *context = digest_begin(&sha256);
	EVP_DigestUpdate(context, &salt, sizeof salt);
	for (unsigned i = 0; i < count; i++) {
		EVP_DigestUpdate(context, &parts[i].size, sizeof parts[i].size); /* "a","bc" is not "ab","c" */
		EVP_DigestUpdate(context, parts[i].at, parts[i].size);
	}
	EVP_DigestFinal_ex(context, out, NULL);
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
	uint8_t digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *context = digest_begin(&sha1);
	EVP_DigestUpdate(context, seed, sizeof seed);
	EVP_DigestUpdate(context, a, size);
	EVP_DigestUpdate(context, b, size);
	EVP_DigestUpdate(context, tail, sizeof tail);
	EVP_DigestFinal_ex(context, digest, NULL);
	memcpy(out, "1:", 2);
	EVP_EncodeBlock((unsigned char *)out + 2, digest, 20);
}
