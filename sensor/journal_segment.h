/* journal_segment.h - the files of a journal: "<first sequence>.journal", each a head and then entries (journal_entry.h) in order.
 *
 *    0 "thingwarden journal 001\n"(24) first sequence(8, big-endian)
 */
#ifndef TW_JOURNAL_SEGMENT_H
#define TW_JOURNAL_SEGMENT_H

#include "bytes.h"
#include "limits.h"
#include <stdio.h>

#define JOURNAL_SEGMENT_HEAD 32u
#define JOURNAL_PATH_MAX 4096u

void journal_segment_path(const char *folder, uint64_t first, char out[JOURNAL_PATH_MAX]);
void journal_segment_head(uint64_t first, uint8_t out[JOURNAL_SEGMENT_HEAD]);
bool journal_segment_valid(const uint8_t head[JOURNAL_SEGMENT_HEAD], uint64_t first);

/* The first sequences of the segments in a folder, ascending; how many, LIMIT_JOURNAL_SEGMENTS at most. */
unsigned journal_segments(const char *folder, uint64_t out[LIMIT_JOURNAL_SEGMENTS]);

#endif
