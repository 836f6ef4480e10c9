/* backlog.h - records that wait in memory for an output: bounded, the oldest gives way. Of an entry's members format is not kept. */
#ifndef TW_BACKLOG_H
#define TW_BACKLOG_H

#include "journal_entry.h"

struct backlog;

struct backlog *backlog_open(uint32_t bytes); /* NULL without memory */
void backlog_close(struct backlog *backlog);

void backlog_put(struct backlog *backlog, const struct journal_entry *entry);
bool backlog_fits(const struct backlog *backlog, uint32_t bytes); /* nothing would have to give way */
/* The oldest, borrowed until it is taken away; false when there is none. */
bool backlog_first(struct backlog *backlog, struct journal_entry *out);
void backlog_take(struct backlog *backlog);

uint32_t backlog_count(const struct backlog *backlog);
uint64_t backlog_lost(const struct backlog *backlog); /* gave way, or were too large to be kept */

#endif
