/* backlog.h - records that wait in memory for an output whose receiver is away: bounded, the oldest gives way. */
#ifndef TW_BACKLOG_H
#define TW_BACKLOG_H

#include "../outputs/output.h"

struct backlog;

struct backlog *backlog_open(uint32_t bytes); /* NULL without memory */
void backlog_close(struct backlog *backlog);

void backlog_put(struct backlog *backlog, const struct record *record);
/* The oldest, borrowed until it is taken away; false when there is none. */
bool backlog_first(struct backlog *backlog, struct record *out);
void backlog_take(struct backlog *backlog);

uint32_t backlog_count(const struct backlog *backlog);
uint64_t backlog_lost(const struct backlog *backlog); /* gave way, or were too large to be kept */

#endif
