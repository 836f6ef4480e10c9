/* enrich.h - who and where the ends of an event are: country, city and autonomous system from databases in the MaxMind format (only
 * user of libmaxminddb), names of networks from the configuration, owner and site from a list of devices, the maker of a network card
 * from a registry. Asked for records that are written, never for a packet; what databases say of an address is remembered.
 *
 * A file that is missing or damaged costs one line, and records go without it. A file that is replaced is read anew; while the new
 * one is damaged the old one stays in use. Databases are read into memory, so that whoever writes over one, or cuts it short, takes
 * nothing from under a look-up. */
#ifndef TW_ENRICH_H
#define TW_ENRICH_H

#include "config.h"
#include "context.h"
#include "event.h"

struct enrich;

struct enrich *enrich_open(const struct config_enrich *config); /* NULL when memory is refused; reported */
void enrich_close(struct enrich *enrich);

/* NULL when nothing is known of either end. Valid until the next call of any function here. */
const struct context *enrich_find(struct enrich *enrich, const struct event *event);
/* Is there a use for the Ethernet addresses of events? */
bool enrich_wants_macs(const struct enrich *enrich);

/* Live, as often as there is time: once a second it looks whether files were replaced. One that is still being written is left for
 * later: it must have been the same at two looks. */
void enrich_look(struct enrich *enrich);
/* SIGHUP: files are looked at now; NULL: the configuration stays as it was. Nothing of the old one is kept, but for the contents of
 * files that it has as well. */
void enrich_reload(struct enrich *enrich, const struct config_enrich *config);

#endif
