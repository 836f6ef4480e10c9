/* inflate.h - bounded decompression of streams of messages (raw deflate, RFC 1951), without allocation: a few decompressors,
 * the one unused for longest gives way (only user of zlib among the parsers). */
#ifndef TW_INFLATE_H
#define TW_INFLATE_H

#include "../sensor/bytes.h"

enum inflated {
	INFLATE_GOOD,
	INFLATE_BAD,  /* no deflate stream */
	INFLATE_BOMB, /* a message became larger than INFLATE_MESSAGE_MAX */
	INFLATE_LOST  /* its decompressor was needed elsewhere: what follows cannot be read */
};

#define INFLATE_MESSAGE_MAX (1u << 20)

/* A piece of a message, `last` of it or not; `fresh`: each message begins without memory of the ones before it.
 * `*handle` is 0 in the beginning; `owner` is the caller's, unique for the stream. The output comes in pieces to `sink`. */
enum inflated inflate_push(uint32_t *handle, uint64_t owner, struct slice piece, bool last, bool fresh,
			   void (*sink)(void *context, struct slice bytes), void *context);
void inflate_close(uint32_t *handle, uint64_t owner);

#endif
