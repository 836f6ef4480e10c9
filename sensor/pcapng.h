/* pcapng.h - frames from a pcapng file (draft-ietf-opsawg-pcapng): several sections, several interfaces with link types,
 * snap lengths and clocks of their own, either endianness. libpcap reads only files whose interfaces are alike.
 * Borrows the file, which the opener closes. */
#ifndef TW_PCAPNG_H
#define TW_PCAPNG_H

#include "packet.h"
#include <stdio.h>

#define PCAPNG_MAGIC 0x0a0d0d0au /* the first four bytes of such a file, in any byte order */

struct pcapng;

struct pcapng *pcapng_open(FILE *file); /* NULL when memory is refused */
void pcapng_close(struct pcapng *pcapng);

enum pcapng_result { PCAPNG_FRAME, PCAPNG_END, PCAPNG_DAMAGED };

/* Sets time, bytes (valid until the next call), wire_bytes and link_type of `packet`. Of damage, `*what` says which. */
enum pcapng_result pcapng_next(struct pcapng *pcapng, struct packet *packet, const char **what);

#endif
