/* logfile.h - lines of a file, a gzip'ed file or standard input, in bounded memory (a user of zlib beside capture.c). */
#ifndef TW_LOGFILE_H
#define TW_LOGFILE_H

#include "bytes.h"

struct logfile;

enum line_result {
	LINE_TAKEN,
	LINE_NONE,   /* nothing whole is there; a growing file may have more later */
	LINE_DAMAGED /* the file cannot be read on: logfile_fault() says why and at which byte; once, then LINE_NONE */
};

/* "-" is standard input. NULL when it cannot be opened (errno) or memory is refused. */
struct logfile *logfile_open(const char *path);
void logfile_close(struct logfile *file);

/* The next line without its end, in the file's own buffer until the next call. Of a line longer than LIMIT_LOG_RECORD the head,
 * `cut`; the rest is skipped. `last`: what has no newline yet is taken for a line. */
enum line_result logfile_next(struct logfile *file, bool last, struct slice *line, bool *cut);
const char *logfile_fault(const struct logfile *file);

/* Where the next line begins, and its number from 1. What is before it need not be read again. */
struct logfile_place {
	uint64_t offset;
	uint32_t number;
	bool within; /* the rest of a line that was cut comes first */
};
const struct logfile_place *logfile_place(const struct logfile *file);
bool logfile_seek(struct logfile *file, const struct logfile_place *place);
int logfile_descriptor(const struct logfile *file); /* -1 of a gzip'ed one */

/* May a line have colours in it, as on a terminal? */
bool logfile_coloured(const struct logfile *file);

/* What comes next, at most the buffer, which stays to be read. */
struct slice logfile_ahead(struct logfile *file);

/* The first bytes, unpacked. 0 when there are none or it cannot be read. */
uint32_t logfile_head(const char *path, uint8_t *out, uint32_t size);

#endif
