/* listen.h - logs that come over the network as syslog: RFC 3164 and 5424 over UDP (a datagram is a message) and TCP (RFC 6587:
 * octet-counted or ended by a newline, as each message begins). Bounded: so many connections, so many bytes of each. */
#ifndef TW_LISTEN_H
#define TW_LISTEN_H

#include "bytes.h"

struct listener;

/* "udp://127.0.0.1:5514", "tcp://[::1]:5514". NULL after having reported why. */
struct listener *listener_open(const char *address);
void listener_close(struct listener *listener);

/* The next message without its end, in the listener's own buffer until the next call; never waits. False when there is none now. */
bool listener_next(struct listener *listener, struct slice *message, bool *cut);

#endif
