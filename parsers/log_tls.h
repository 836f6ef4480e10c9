/* log_tls.h - what programs say of a handshake that failed: OpenSSL's words and Erlang's, which differ in case only. */
#ifndef TW_LOG_TLS_H
#define TW_LOG_TLS_H

#include "log_line.h"

/* "bad_certificate"; "handshake_failure" when the words are none that are known. */
const char *log_tls_reason(struct slice text);
/* An event about the ends in `parse`: an authentication that failed when the server did not believe who the client is. */
void log_tls_failed(struct log_parse *parse, const char *reason);

#endif
