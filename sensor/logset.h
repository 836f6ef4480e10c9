/* logset.h - which files are one log: what a rotation adds to names. */
#ifndef TW_LOGSET_H
#define TW_LOGSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "mosquitto.log.2.gz": base "mosquitto.log" (length), age 2. "mosquitto.log-20261123": a date, negative so that an older one has the
 * greater age. The file that is written to has age 0. */
struct logset_name {
	size_t base;
	int64_t age;
};
struct logset_name logset_name(const char *path);

#endif
