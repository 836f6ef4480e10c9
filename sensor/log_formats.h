/* log_formats.h - every log format of parsers/logs.def: by name, and by what a log begins with. */
#ifndef TW_LOG_FORMATS_H
#define TW_LOG_FORMATS_H

#include "../parsers/log_format.h"

/* Formats that the configuration describes: asked before the others, since somebody wants them. Once, before logs are opened; they stay. */
struct log_mapper;
void log_formats_add(const struct log_mapper *mappers, unsigned count);

const struct log_format *log_format_named(const char *name); /* NULL: there is none */
uint32_t log_without_colours(struct slice text, uint8_t *out); /* of a terminal; `out` may be the text itself */
const struct log_format *log_format_of(struct slice head);   /* NULL: nobody knows it */
const char *log_format_names(void);                          /* "mosquitto, ..." for messages */
const struct log_format *log_format_at(unsigned index);      /* NULL behind the last */
const struct log_format *log_format_builtin(unsigned index); /* those of logs.def alone */

#endif
