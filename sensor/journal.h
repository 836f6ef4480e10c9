/* journal.h - records on disk before they are sent: segments of entries (journal_segment.h), appended by the main thread alone. One
 * sensor per journal: a lock on the folder's file `lock`.
 *
 * Each entry is written whole with one write(): it outlives the sensor's death at once, the machine's as `sync` says. What was half
 * written is cut at the next start. When the journal is larger or older than it may be, its oldest segment goes. A folder that cannot
 * be written stops nothing: appending fails, it is said once, and tried again every few seconds. */
#ifndef TW_JOURNAL_H
#define TW_JOURNAL_H

#include "config.h"
#include "journal_entry.h"

struct journal;




/* `config` is borrowed. NULL after having reported that another sensor has this journal, or without memory. */
struct journal *journal_open(const struct config_journal *config, void (*dropping)(void *context, uint64_t behind), void *context);
void journal_close(struct journal *journal);

/* Is the folder in use? What could not be opened is tried again when it is time to. Before each append. */
bool journal_ready(struct journal *journal);
const char *journal_path(const struct journal *journal);
/* The number of the record at hand, rising, whether it is then appended or not. */
uint64_t journal_sequence(struct journal *journal);
/* Numbers up to this one were used before. */
void journal_used(struct journal *journal, uint64_t sequence);
uint64_t journal_last(const struct journal *journal); /* of the last entry; 0: there is none */

/* False when it could not be written; the record must be kept elsewhere. Sets written_ns. */
bool journal_append(struct journal *journal, struct journal_entry *entry);
/* Now and then: what is too old goes. */
void journal_tick(struct journal *journal);

struct journal_counts {
	uint64_t entries;    /* appended */
	uint64_t unwritten;  /* could not be */
	uint64_t bytes;      /* on disk now */
	uint64_t dropped;    /* segments that were removed */
	unsigned segments;
};
struct journal_counts journal_counts(const struct journal *journal);

#endif
