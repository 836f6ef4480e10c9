#include "journal_reader.h"
#include "journal_segment.h"
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUFFER = 1 << 20 };

struct journal_reader {
	const char *folder;
	int file;         /* -1: none is open */
	uint64_t segment; /* its first sequence; 0: none was open yet */
	uint64_t last;    /* sequence: nothing up to it is given out */
	uint64_t passed;  /* file offset of the buffer's start */
	uint32_t at, end; /* what is left in the buffer */
	uint64_t damaged;
	uint8_t buffer[BUFFER];
};

struct journal_reader *journal_reader_open(const char *folder, uint64_t after)
{
	struct journal_reader *r = malloc(sizeof *r);
	if (!r)
		return NULL;
	r->folder = folder;
	r->file = -1;
	r->segment = r->damaged = 0;
	r->last = after;
	r->passed = 0;
	r->at = r->end = 0;
	return r;
}

void journal_reader_close(struct journal_reader *r)
{
	if (r && r->file >= 0)
		close(r->file);
	free(r);
}

void journal_reader_go(struct journal_reader *r, uint64_t after)
{
	if (after < r->last) {
		if (r->file >= 0)
			close(r->file);
		r->file = -1;
		r->segment = 0;
	}
	r->last = after;
}

uint64_t journal_reader_damaged(const struct journal_reader *r)
{
	return r->damaged;
}

uint64_t journal_reader_offset(const struct journal_reader *r)
{
	return r->passed + r->at;
}

/* --- segments --------------------------------------------------------------------------------------------------- */

/* The one that comes next; 0 when there is none. At first the last one that may hold what is behind `last`. */
static uint64_t next_segment(const struct journal_reader *r)
{
	uint64_t firsts[LIMIT_JOURNAL_SEGMENTS];
	unsigned count = journal_segments(r->folder, firsts), i = 0;
	if (r->segment) {
		while (i < count && firsts[i] <= r->segment)
			i++;
		return i < count ? firsts[i] : 0;
	}
	while (i + 1 < count && firsts[i + 1] <= r->last + 1)
		i++;
	return count ? firsts[i] : 0;
}

static bool open_segment(struct journal_reader *r, uint64_t first)
{
	char path[JOURNAL_PATH_MAX];
	uint8_t head[JOURNAL_SEGMENT_HEAD];
	journal_segment_path(r->folder, first, path);
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	/* Each entry can speak for itself: a head that is damaged costs nothing but itself. */
	if (pread(file, head, sizeof head, 0) != sizeof head || !journal_segment_valid(head, first))
		r->damaged += sizeof head;
	if (r->file >= 0)
		close(r->file);
	r->file = file;
	r->passed = JOURNAL_SEGMENT_HEAD;
	r->at = r->end = 0;
	return true;
}

/* --- entries ---------------------------------------------------------------------------------------------------- */

/* Reads again from `at` on: what was half written then is whole now. */
static void fill(struct journal_reader *r)
{
	r->passed += r->at;
	r->at = r->end = 0;
	for (ssize_t n = 1; n > 0 && r->end < BUFFER; r->end += n > 0 ? (uint32_t)n : 0)
		n = pread(r->file, r->buffer + r->end, BUFFER - r->end, (off_t)(r->passed + r->end));
}

static enum entry_found look(const struct journal_reader *r, uint32_t at, struct journal_entry *out, uint32_t *size)
{
	return journal_entry_read(slice_of(r->buffer + at, r->end - at), out, size);
}

/* Behind what is damaged, the next whole entry. Stays where it is when there is none up to the end. */
static bool resume(struct journal_reader *r, struct journal_entry *out, uint32_t *size)
{
	uint64_t began = r->passed + r->at;
	for (;;) {
		for (uint32_t at = r->at + 1; at < r->end; at++) {
			enum entry_found found = look(r, at, out, size);
			if (found == ENTRY_WHOLE) {
				r->damaged += r->passed + at - began;
				r->at = at;
				return true;
			}
			if (found == ENTRY_SHORT && r->end == BUFFER && at > BUFFER / 2) {
				r->at = at - 1;
				break;
			}
		}
		if (r->end < BUFFER || r->at == 0)
			break;
		fill(r);
	}
	r->passed = began;
	r->at = 0;
	fill(r);
	return false;
}

/* The entry at hand in the open segment. */
static bool take(struct journal_reader *r, struct journal_entry *out, uint32_t *size)
{
	if (look(r, r->at, out, size) == ENTRY_WHOLE)
		return true;
	fill(r);
	return look(r, r->at, out, size) == ENTRY_WHOLE || (r->end && resume(r, out, size));
}

/* From the segment at hand, read to its end, to the next. An entry may have come between the look at the one and at the other. */
static bool go_on(struct journal_reader *r, struct journal_entry *out, uint32_t *size)
{
	uint64_t next = next_segment(r);
	if (!next)
		return false;
	if (r->file >= 0 && take(r, out, size))
		return true;
	if (r->file >= 0)
		r->damaged += r->end; /* take() has read what is left */
	if (!open_segment(r, next) && r->file >= 0) {
		close(r->file);
		r->file = -1;
	}
	r->segment = next;
	return true;
}

bool journal_reader_next(struct journal_reader *r, uint64_t upto, struct journal_entry *out)
{
	uint32_t size;
	while (r->last < upto) {
		if (r->file < 0 || !take(r, out, &size)) {
			if (!go_on(r, out, &size))
				return false;
			continue;
		}
		if (out->sequence > upto)
			return false;
		r->at += size;
		if (out->sequence <= r->last)
			continue;
		r->last = out->sequence;
		return true;
	}
	return false;
}
