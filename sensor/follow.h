/* follow.h - the lines of a log that grows, through rotation by renaming, by copying and truncating, and through restarts of the
 * sensor: each line once.
 *
 * A file is known by device and inode, and by the hash of its first bytes where a copy must be recognised or an inode was used
 * again. When it was renamed it is read to its end once its successor has begun; when it was truncated what is left of it is read
 * from its copy, if there is one. */
#ifndef TW_FOLLOW_H
#define TW_FOLLOW_H

#include "logfile.h"
#include <stdio.h>

/* Up to where a log was read. */
struct follow_place {
	uint64_t device, inode;
	struct logfile_place place;
	uint32_t head_bytes;  /* so many bytes of its beginning were hashed */
	uint64_t head_hash;
};

struct follow;

/* `from`: go on there; NULL: at the end of what the file holds now, or, when `whole`, at its beginning. The file need not be
 * there yet. NULL when memory is refused. */
struct follow *follow_open(const char *path, const struct follow_place *from, bool whole);
void follow_close(struct follow *follow);

/* Looks what has become of the file since. Before follow_next(), a few times a second. */
void follow_look(struct follow *follow);
/* False when there is none now. */
bool follow_next(struct follow *follow, struct slice *line, bool *cut, uint32_t *number);
/* Behind the last line that was given. False when no file was read yet. */
bool follow_place(struct follow *follow, struct follow_place *out);
/* What the file begins with, for its format. */
struct slice follow_ahead(struct follow *follow);

#endif
