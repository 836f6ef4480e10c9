/* journal_reader.h - the entries of a journal in order, while it is being written or afterwards. What is damaged is skipped up to the
 * next whole entry and counted. A segment that is removed meanwhile is read to its end. */
#ifndef TW_JOURNAL_READER_H
#define TW_JOURNAL_READER_H

#include "journal_entry.h"

struct journal_reader;

/* From the first entry whose sequence is greater than `after`. NULL without memory. `folder` is borrowed. */
struct journal_reader *journal_reader_open(const char *folder, uint64_t after);
void journal_reader_close(struct journal_reader *reader);

/* The next entry up to this sequence, borrowed until the next call; false when there is none (yet). Entries up to `upto` have been
 * written when this is called; what is behind them may be half written. */
bool journal_reader_next(struct journal_reader *reader, uint64_t upto, struct journal_entry *out);
/* Goes on behind this sequence, back or forth. */
void journal_reader_go(struct journal_reader *reader, uint64_t after);

uint64_t journal_reader_damaged(const struct journal_reader *reader); /* bytes that were skipped */
uint64_t journal_reader_offset(const struct journal_reader *reader);  /* in its segment's file, behind the entry last given */

#endif
