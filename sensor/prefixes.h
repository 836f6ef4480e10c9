/* prefixes.h - values by the first bits of a key of 128 bits: networks, or Ethernet addresses in its first 48 bits. The longest
 * prefix wins. Filled while a file or configuration is read, then only asked: one probe for each length that there is. */
#ifndef TW_PREFIXES_H
#define TW_PREFIXES_H

#include "packet.h"

struct prefixes;

struct prefixes *prefixes_open(void); /* NULL when memory is refused */
void prefixes_close(struct prefixes *prefixes);
/* What is there already stays. False when memory is refused. */
bool prefixes_put(struct prefixes *prefixes, const struct address *key, unsigned bits, uint32_t value);
/* The longest prefix of at most `bits` bits, which it sets to its length. False when there is none. */
bool prefixes_find(const struct prefixes *prefixes, const struct address *key, unsigned *bits, uint32_t *value);
uint32_t prefixes_count(const struct prefixes *prefixes);

/* An Ethernet address as a key. */
struct address prefixes_mac(const uint8_t mac[6]);
/* "00:1B:C5", "001bc5000", "00-1B-C5-00-00-00/36": the digits, and the bits that they or the number say. */
bool prefixes_parse_mac(struct slice text, struct address *key, unsigned *bits);

#endif
