/* digest.h - cryptographic digests (only user of libcrypto's digests; its X.509 is parsers/certificate.c's). */
#ifndef TW_DIGEST_H
#define TW_DIGEST_H

#include "event.h"

/* Salted, truncated SHA-256 of a secret; never 0. For comparing secrets with each other and with a list, not for
 * showing them. The salt is random when live and fixed by the config or a constant in replay. */
uint64_t digest_secret(uint64_t salt, struct slice secret);
/* Of a pair, as `credential` in rules is written "user:password". */
uint64_t digest_pair(uint64_t salt, struct slice user, struct slice password);
/* The process-wide salt, set once at start. */
void digest_set_salt(uint64_t salt);
uint64_t digest_salt(void);

/* For the hashes of tables (hash.h): random when live; in a replay a constant, for the same answer every time. */
uint64_t digest_seed(bool live);

/* Of bytes that are no secret, in lower-case hex with a NUL: fingerprints. */
enum digest_kind { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256 };
#define DIGEST_HEX_MAX 65
void digest_hex(enum digest_kind kind, struct slice bytes, char out[DIGEST_HEX_MAX]);

/* HMAC-SHA256 (RFC 2104) of the parts one after the other, in lower-case hex with a NUL. Keeps nothing of the key. */
void digest_hmac(struct slice key, const struct slice *parts, unsigned count, char out[DIGEST_HEX_MAX]);

/* Community ID v1, seed 0 (github.com/corelight/community-id-spec): "1:" and base64 of SHA-1. */
#define COMMUNITY_ID_MAX 32
void digest_community_id(const struct ends *ends, uint8_t transport, char out[COMMUNITY_ID_MAX]);

#endif
