/* journal_entry.h - one record as it stands in the journal: pure functions between struct record and bytes.
 *
 *    0 magic(4) bytes of the entry(4) CRC-32 of what follows(4)
 *   12 flags(1) level(1) sizes of format(1) rule(1) client id(1) user(1), zero(2)
 *   20 sequence(8) written(8) time(8) id(8) update(4) ports(2+2) addresses(16+16)
 *   92 format, rule, client id, user, and to the end the record as the format wrote it
 *
 * Numbers are big-endian; field by field, so that neither padding nor this machine's layout gets to the disk. */
#ifndef TW_JOURNAL_ENTRY_H
#define TW_JOURNAL_ENTRY_H

#include "../outputs/output.h"

#define JOURNAL_ENTRY_HEAD 92u
#define JOURNAL_ENTRY_MAX (JOURNAL_ENTRY_HEAD + 4 * 256 + LIMIT_RECORD)

struct journal_entry {
	uint64_t sequence;   /* rises from entry to entry, with holes */
	uint64_t written_ns; /* wall clock */
	struct slice format; /* its name: borrowed, as record.bytes is */
	struct record record;
};

/* Returns the entry's size. `out` holds JOURNAL_ENTRY_MAX; the record is of LIMIT_RECORD bytes at most. */
uint32_t journal_entry_write(const struct journal_entry *entry, uint8_t *out);

enum entry_found {
	ENTRY_WHOLE, /* *entry and *size are set */
	ENTRY_SHORT, /* what is there may be the beginning of one */
	ENTRY_BAD    /* is none, or is damaged */
};
enum entry_found journal_entry_read(struct slice bytes, struct journal_entry *entry, uint32_t *size);

#endif
