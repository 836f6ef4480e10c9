/* json_read.h - the answers of receivers: each value of a JSON document with its path (yajl). What is no JSON, or too deep, ends the
 * reading. */
#ifndef TW_JSON_READ_H
#define TW_JSON_READ_H

#include "../sensor/bytes.h"

/* Texts without their quotes, "true", "false", "null", numbers as they stand. `path` is "items[].create.status"; `index` that of the
 * outermost list that the value is in. Both borrowed for the call. */
bool json_read(struct slice text, void (*take)(void *context, const char *path, uint64_t index, struct slice value), void *context);

#endif
