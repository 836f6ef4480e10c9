/* conversation.h - what a flow came to, told once when it leaves the flow table. For inventories and reports; no rule sees it.
 * Borrows; dies when the call that was given it returns. */
#ifndef TW_CONVERSATION_H
#define TW_CONVERSATION_H

#include "event.h"

struct conversation {
	const struct ends *ends;
	const char *app_proto;   /* "mqtt", "dns" ...; NULL: unknown */
	const char *parser;      /* which of our parsers read it; NULL: none does */
	uint64_t first_ns, last_ns;
	uint64_t bytes[2];       /* payload on the wire, by enum direction; of TCP without retransmissions */
	uint32_t packets[2];
	uint8_t transport;
	bool midstream;          /* TCP whose beginning was not seen */
};

#endif
