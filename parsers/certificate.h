/* certificate.h - one X.509 certificate (RFC 5280) as texts (only user of OpenSSL's X.509).
 * Each is read once and kept in a small table: OpenSSL allocates while it reads, and what a server shows is the same a thousand
 * times. The table is overwritten as it fills. */
#ifndef TW_CERTIFICATE_H
#define TW_CERTIFICATE_H

#include "../sensor/event.h"

enum { CERTIFICATE_NAME_MAX = 256, CERTIFICATE_NAMES_MAX = 24, CERTIFICATE_ROOM = 1024 };

struct certificate {
	char subject[CERTIFICATE_NAME_MAX], issuer[CERTIFICATE_NAME_MAX], common_name[80];
	char serial[64];                 /* "0A:1B:..." */
	char sha1[60], sha256[65];       /* SHA-1 as EVE shows it: with colons */
	char not_before[20], not_after[20]; /* "2026-11-24T15:00:00", UTC */
	char key[16], signature[48];     /* "rsa", "ec"; "sha256WithRSAEncryption" */
	uint64_t not_before_s, not_after_s; /* since 1970 */
	uint32_t key_bits;
	bool self_signed, weak_signature; /* MD5, SHA-1 or older */
	bool valid;                      /* false: it could not be read, and nothing but sha1 and sha256 is set */
	uint32_t alternative_count;
	struct slice alternative[CERTIFICATE_NAMES_MAX]; /* of subjectAltName: DNS names, addresses, URIs, mail */
	char room[CERTIFICATE_ROOM];
	uint32_t room_used;
};

/* Valid until the next call. Never NULL. */
const struct certificate *certificate_read(struct slice der);
/* Is the certificate for this host name (RFC 9525)? Wildcards stand for one whole label. */
bool certificate_is_for(const struct certificate *certificate, struct slice host);

#endif
