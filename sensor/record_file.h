/* record_file.h - the common kind of capture file, read in large pieces: classic pcap in this machine's byte order, micro- or
 * nanoseconds. libpcap copies each frame twice on its way; here it lies where the kernel put it. Everything else is libpcap's. */
#ifndef TW_RECORD_FILE_H
#define TW_RECORD_FILE_H

#include "packet.h"
#include <stdio.h>

struct record_file;

/* NULL when the file is of another kind (or memory is refused): it is then as if it had not been looked at. Borrows `file`. */
struct record_file *record_file_open(FILE *file);
void record_file_close(struct record_file *records);

uint32_t record_file_link_type(const struct record_file *records);
uint64_t record_file_at(const struct record_file *records); /* bytes read so far */

/* 1: the next frame, its time, bytes and lengths, and whether they stay (packet.h); 0: the end; -1: damage, told in `fault`. */
int record_file_next(struct record_file *records, struct packet *packet, const char **fault);

#endif
