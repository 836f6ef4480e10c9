/* unsure.h - messages that a connection took and that may be lost with it: nobody acknowledges them, and what a receiver's system holds
 * when its program dies is gone. They are kept for a while, bounded, and sent again on the next connection; a receiver knows the
 * second one by its id. */
#ifndef TW_UNSURE_H
#define TW_UNSURE_H

#include "../sensor/bytes.h"

#define UNSURE_MESSAGES 8192u
#define UNSURE_BYTES (1u << 22) /* more than the buffers on the way hold, ours bounded (wire.c) and a usual receiver's */
#define UNSURE_MS 30000u

struct unsure {
	unsigned count;
	unsigned again; /* the next that is sent again; count: none */
	uint32_t used;
	struct { uint32_t at, size; uint64_t ms; } items[UNSURE_MESSAGES];
	char bytes[UNSURE_BYTES];
};

/* It was sent now. The oldest give way; a message of more than half the room is not kept. */
void unsure_sent(struct unsure *unsure, struct slice message, uint64_t now_ms);
/* The connection is gone: what it took lately is to be sent again. */
void unsure_lost(struct unsure *unsure, uint64_t now_ms);

/* What is to be sent again first, until unsure_again() says that it was. */
bool unsure_first(const struct unsure *unsure, struct slice *message);
void unsure_again(struct unsure *unsure, uint64_t now_ms);

#endif
