/* tls_client.h - TLS over a connected, non-blocking socket (the outputs' only user of OpenSSL). TLS 1.2 or newer; the receiver's
 * certificate and name are checked unless a person turned that off. */
#ifndef TW_TLS_CLIENT_H
#define TW_TLS_CLIENT_H

#include "../sensor/config.h"
#include <stddef.h>
#include <sys/types.h>

struct tls_client;

/* Reads certificates and key. `host` is the name that is checked when the configuration names none. NULL after having reported
 * why, naming the file; `who` is for messages. */
struct tls_client *tls_client_open(const struct config_tls *config, const char *host, const char *who);
void tls_client_close(struct tls_client *client); /* NULL is fine */

/* The handshake, within `ms`. False: `why` (borrowed until the next call) says what is wrong. */
bool tls_client_begin(struct tls_client *client, int socket, int ms, const char **why);
/* Ends the session; the socket stays the caller's. */
void tls_client_end(struct tls_client *client);

/* Bytes taken; 0: none now, wait for `*events` of poll(2) and offer the same bytes again; -1: the session is over, see `why`. */
ssize_t tls_client_write(struct tls_client *client, const char *at, size_t size, short *events, const char **why);
/* Takes in what the receiver says. False: the session is over. */
bool tls_client_alive(struct tls_client *client, const char **why);

#endif
