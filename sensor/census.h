/* census.h - which protocols, versions and cipher suites there were, and which of it nobody could read. Only when asked for. */
#ifndef TW_CENSUS_H
#define TW_CENSUS_H

#include "conversation.h"

enum census_kind {
	CENSUS_VERSION, /* name "MQTT 3.1.1" or the like; count: messages that say so */
	CENSUS_SUITE,   /* name a cipher suite, with version and tier; count: handshakes that chose it */
	CENSUS_APP      /* name a protocol as flows have it; count: flows, with packets and bytes */
};
enum census_reading { READ, READ_HANDSHAKE, READ_NOT };

struct census_row {
	enum census_kind kind;
	struct name name;
	char version[16], tier[24];
	uint64_t count, packets, bytes;
	enum census_reading reading; /* CENSUS_APP: what of it can be read */
};

struct census;

struct census *census_open(void); /* NULL when memory is refused */
void census_close(struct census *census);
void census_event(struct census *census, const struct event *event);
void census_conversation(struct census *census, const struct conversation *conversation);

/* Rows in order of kind, then the most frequent first, then by name; call after the last event. */
unsigned census_sort(struct census *census);
const struct census_row *census_at(const struct census *census, unsigned index);

struct census_flows {
	uint64_t flows, one_sided, midstream, encrypted, unread, unread_bytes;
};
const struct census_flows *census_flows(const struct census *census);

#endif
