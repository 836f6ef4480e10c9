/* standard_input.h - standard input as the one stream that captures and logs are read from: unpacked when it begins as gzip (RFC 1952)
 * does, which may be several members, else stdin itself (a user of zlib beside capture.c). */
#ifndef TW_STANDARD_INPUT_H
#define TW_STANDARD_INPUT_H

#include <stdint.h>
#include <stdio.h>

/* The same at each call until it is closed, which whoever reads it may do. Its ftell() is what was unpacked. NULL: no memory. */
FILE *standard_input(void);
/* The first bytes of a stream that nobody has read from, which stay to be read. How many there are. */
uint32_t first_bytes(FILE *stream, uint8_t *out, uint32_t size);
/* Those of standard input, unpacked: `size` at most 4. */
uint32_t standard_input_peek(uint8_t *out, uint32_t size);
/* What is wrong with what is packed; the stream has ferror() then. NULL: nothing so far. */
const char *standard_input_fault(void);

#endif
