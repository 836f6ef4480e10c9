/* log_tls.h - what programs say of a handshake: what it agreed on, why it failed. OpenSSL's words and Erlang's differ in case only. */
#ifndef TW_LOG_TLS_H
#define TW_LOG_TLS_H

#include "log_line.h"

/* "bad_certificate"; "handshake_failure" when the words are none that are known. */
const char *log_tls_reason(struct slice text);
/* An event about the ends in `parse`: a handshake that led to the suite of this name, IANA's or OpenSSL's. `version` as in tls.version;
 * NULL: the line does not say. */
extern const char *const log_tls_fields[]; /* what it tells, for log_format.tls_fields */
void log_tls_agreed(struct log_parse *parse, const char *version, struct slice suite);
/* An event about the ends in `parse`: an authentication that failed when the server did not believe who the client is. */
void log_tls_failed(struct log_parse *parse, const char *reason);

#endif
