/* fragments.h - IP fragments become datagrams again (RFC 791 section 3.2, RFC 8200 section 4.5), in bounds.
 * First data wins where fragments overlap; overlaps are counted (RFC 5722: nobody sends them in good faith). */
#ifndef TW_FRAGMENTS_H
#define TW_FRAGMENTS_H

#include "counters.h"
#include "packet.h"

struct fragments;

struct fragment {
	uint64_t time_ns;
	struct address source, target;
	uint32_t id;
	uint8_t protocol;
	uint32_t offset, size; /* bytes */
	bool last;
	struct slice bytes;    /* size of them */
};

struct fragments *fragments_open(uint32_t datagrams, struct counters *counters); /* NULL when memory is refused */
void fragments_close(struct fragments *fragments);

/* True when this fragment completes its datagram: `whole` is valid until the next call. */
bool fragments_add(struct fragments *fragments, const struct fragment *fragment, struct slice *whole);

#endif
