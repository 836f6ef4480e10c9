/* logzone.h - the time zone of a log that does not tell it. */
#ifndef TW_LOGZONE_H
#define TW_LOGZONE_H

#include "../parsers/log_format.h"

/* "UTC", "+01:00", "-0330", or a name of the system's time zone database; NULL is UTC, "local" the machine's. False when it is none
 * of these. Borrows the name. */
bool logzone_set(struct log_clock *clock, const char *zone);

#endif
