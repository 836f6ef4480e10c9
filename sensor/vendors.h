/* vendors.h - who made the network card: a registry of Ethernet address blocks, as the IEEE gives it (oui.csv, mam.csv, oui36.csv)
 * or as Wireshark does (manuf). */
#ifndef TW_VENDORS_H
#define TW_VENDORS_H

#include "bytes.h"
#include <stddef.h>

struct vendors;

/* NULL after having put into `why` what is wrong with the file. */
struct vendors *vendors_open(const char *path, char *why, size_t size);
void vendors_close(struct vendors *vendors);
/* Lives as long as `vendors`; absent when nobody holds the block, or the address was made up (the local bit). */
struct slice vendors_find(const struct vendors *vendors, const uint8_t mac[6]);

#endif
