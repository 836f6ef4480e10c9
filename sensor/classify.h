/* classify.h - which protocol a flow speaks: our parsers' own first-bytes checks, on any port, and nDPI (only user)
 * for every other flow, first packets only, so that inventory and rules know app_proto. */
#ifndef TW_CLASSIFY_H
#define TW_CLASSIFY_H

#include "flow.h"

struct classifier;

struct decode_as { uint8_t transport; uint16_t port; const char *parser; }; /* --decode-as tcp.port==N,mqtt */

/* Reads "tcp.port==18830,mqtt"; false when it is not of this form or names no parser. Borrows the name from `text`. */
bool classify_decode_as(const char *text, struct decode_as *out);
const char *classify_parser_names(void); /* "mqtt, ..." for messages */

struct classify_options {
	const struct decode_as *decode_as;
	unsigned decode_as_count;
	uint32_t ndpi_flows;
	bool ndpi;                 /* false: our own checks only */
};

/* NULL when memory is refused or nDPI does not start. */
struct classifier *classifier_open(const struct classify_options *options);
void classifier_close(struct classifier *classifier);

/* In-order payload of a flow without a parser. Sets flow->parser and flow->app_proto when it knows, flips the flow when
 * the bytes show that client and server were taken for each other. */
enum classified {
	CLASSIFIED_OURS,  /* flow->parser */
	CLASSIFIED_MAYBE, /* ask again with more behind these bytes */
	CLASSIFIED_PASS,  /* not these bytes, but later or the other side's may be: a server's banner, or joined half-way */
	CLASSIFIED_NOT    /* for good */
};
enum classified classify_bytes(struct classifier *classifier, struct flow *flow, enum direction direction, struct slice bytes);
/* From here on the flow speaks `parser`, whose state begins zeroed; NULL: that is to be found out. */
void classify_as(struct classifier *classifier, struct flow *flow, const struct parser *parser);
/* Each datagram of a flow that none of our parsers took, until nDPI has an answer or gives up: sets flow->app_proto.
 * `ip` is the packet from its IP header on, as nDPI wants it. */
void classify_packet(struct classifier *classifier, struct flow *flow, enum direction direction,
		     const struct datagram *d);
void classify_forget(struct classifier *classifier, struct flow *flow);

#endif
