/* inventory.h - devices as text: a table for people, JSON lines' big sister for programs, CSV for spreadsheets.
 * Texts from the wire are made safe as in json.h; a CSV cell cannot begin a formula. */
#ifndef TW_INVENTORY_H
#define TW_INVENTORY_H

#include "json.h"
#include "../sensor/device.h"
#include <stdio.h>

const char *inventory_formats(void);          /* "table, json, csv" */
bool inventory_format_valid(const char *name);
/* False when it could not be written (errno says why). */
bool inventory_write(FILE *out, const char *format, struct devices *devices);

/* One device as a JSON object. */
void inventory_put(struct json *json, const struct devices *devices, const struct device *device);

#endif
