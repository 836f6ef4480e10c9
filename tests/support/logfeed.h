/* logfeed.h - a log format fed from memory: each record in an allocation of its exact size, so that a read outside it is seen. */
#ifndef TW_LOGFEED_H
#define TW_LOGFEED_H

#include "parsers/log_format.h"

struct logfeed;

struct logfeed *logfeed_open(void);
void logfeed_close(struct logfeed *feed);
void logfeed_begin(struct logfeed *feed, const struct log_format *format, void (*hook)(void *context, const struct event *event),
		   void *context);
/* A line, without its end; continuations are joined as logsource does. */
void logfeed_line(struct logfeed *feed, struct slice line);
void logfeed_end(struct logfeed *feed);
unsigned logfeed_unreadable(const struct logfeed *feed);
/* What an event must not be; NULL: all were well. */
const char *logfeed_broken(const struct logfeed *feed);

#endif
