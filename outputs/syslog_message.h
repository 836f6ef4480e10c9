/* syslog_message.h - a record as a syslog message, without framing. Pure.
 *
 *   RFC 5424   <PRI>1 TIMESTAMP HOSTNAME thingwarden PROCID alert [thingwarden@32473 rule="..." level="..." ...] MSG
 *   RFC 3164   <PRI>Mmm dd hh:mm:ss HOSTNAME thingwarden[PID]: MSG       (without HOSTNAME on the machine's own socket)
 *
 * MSG is the record as its format wrote it, newlines apart: they end a message in one framing and are noise in the others. */
#ifndef TW_SYSLOG_MESSAGE_H
#define TW_SYSLOG_MESSAGE_H

#include "output.h"

#define SYSLOG_MESSAGE_MAX (1u << 19)

struct syslog_style {
	bool old;              /* RFC 3164 */
	bool local;            /* the machine's own socket */
	unsigned facility;
	char host[256];        /* syslog_set_host() */
};

/* NULL: the machine's name. */
void syslog_set_host(struct syslog_style *style, const char *name);
/* The number of RFC 5424 section 6.2.1, -1 for an unknown name; NULL is the default. */
int syslog_facility(const char *name);
/* The message's size, 0 when it is too long. `out` holds SYSLOG_MESSAGE_MAX. */
uint32_t syslog_message(const struct syslog_style *style, const struct record *record, char *out);

#endif
