/* log_formats.h - every log format of parsers/logs.def: by name, and by what a log begins with. */
#ifndef TW_LOG_FORMATS_H
#define TW_LOG_FORMATS_H

#include "../parsers/log_format.h"

const struct log_format *log_format_named(const char *name); /* NULL: there is none */
const struct log_format *log_format_of(struct slice head);   /* NULL: nobody knows it */
const char *log_format_names(void);                          /* "mosquitto, ..." for messages */
const struct log_format *log_format_at(unsigned index);      /* NULL behind the last */

#endif
