/* wire.h - a way for bytes to a receiver: UDP, TCP, TLS, or a socket of this machine. Waits, for some seconds at most; who calls has a
 * thread for that. Says once that the receiver is away and why, and once that it is back. */
#ifndef TW_WIRE_H
#define TW_WIRE_H

#include "../sensor/config.h"
#include <stdint.h>

struct wire;

enum wire_kind { WIRE_UDP, WIRE_TCP, WIRE_TLS, WIRE_UNIX };

/* `address`: HOST:PORT, or the path of a socket. The name is looked up when it is first needed and again after a failure. NULL after
 * having reported why. `who` is for messages; all is borrowed. */
struct wire *wire_open(enum wire_kind kind, const char *address, const char *port, const struct config_tls *tls, const char *who);
void wire_close(struct wire *wire);
/* What is open is closed, names and certificates are read again. False after having reported why. */
bool wire_reopen(struct wire *wire);

/* Ends the connection in good order. False: the receiver ended it without having read everything. */
bool wire_finish(struct wire *wire);
/* False: the connection is gone. True as well when there was none. */
bool wire_check(struct wire *wire);
bool wire_keeps_borders(const struct wire *wire); /* a message for each wire_send(): nothing must mark its end */

enum wire_sent {
	WIRE_SENT,
	WIRE_LATER,    /* nothing was taken, or not all: *taken; the rest goes first when it is offered again */
	WIRE_LOST,     /* the connection is gone, and what was taken with it */
	WIRE_TOO_LONG  /* for a datagram */
};
enum wire_sent wire_send(struct wire *wire, const char *at, uint32_t size, uint32_t *taken);

#endif
