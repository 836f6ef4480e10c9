#include "logfile.h"
#include "limits.h"
#include "standard_input.h"
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

enum { BUFFER = 4 * LIMIT_LOG_RECORD };

struct logfile {
	int descriptor;   /* of a plain file; -1 */
	gzFile gzip;
	FILE *stream;     /* standard input */
	uint32_t start, end, searched;
	struct logfile_place place;
	char fault[160];  /* "": none */
	bool fault_told;
	bool coloured;    /* there has been an escape */
	uint8_t bytes[BUFFER];
};

static bool is_gzip(const char *path)
{
	uint8_t first[2] = {0};
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return false;
	bool gzip = read(descriptor, first, sizeof first) == sizeof first && first[0] == 0x1f && first[1] == 0x8b;
	close(descriptor);
	return gzip;
}

struct logfile *logfile_open(const char *path)
{
	struct logfile *file = malloc(sizeof *file); /* not zeroed: pages of the buffer that are not needed are not touched */
	if (!file)
		return NULL;
	memset(file, 0, offsetof(struct logfile, bytes));
	file->descriptor = -1;
	file->place.number = 1;
	if (strcmp(path, "-") == 0)
		file->stream = standard_input();
	else if (is_gzip(path))
		file->gzip = gzopen(path, "rb");
	else
		file->descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (file->stream || file->gzip || file->descriptor >= 0)
		return file;
	free(file);
	return NULL;
}

void logfile_close(struct logfile *file)
{
	if (!file)
		return;
	if (file->gzip)
		gzclose(file->gzip);
	if (file->descriptor >= 0)
		close(file->descriptor);
	free(file);
}

static const char *what_failed(const struct logfile *file)
{
	int number = 0;
	const char *packed = file->gzip ? gzerror(file->gzip, &number) : file->stream ? standard_input_fault() : NULL;
	return number == Z_BUF_ERROR ? "truncated gzip" : packed && *packed ? packed : strerror(errno);
}

/* 0 at the end, -1 when it cannot be read on. */
static int fetch(struct logfile *file, uint8_t *at, uint32_t size)
{
	ssize_t n;
	int number = 0;
	if (file->gzip) {
		n = gzread(file->gzip, at, size);
		(void)gzerror(file->gzip, &number); /* where the file is truncated gzread() says that it ends */
		n = n == 0 && number == Z_BUF_ERROR ? -1 : n;
	} else if (file->stream) {
		n = (ssize_t)fread(at, 1, size, file->stream);
		n = n == 0 && ferror(file->stream) ? -1 : n;
	} else {
		do
			n = read(file->descriptor, at, size);
		while (n < 0 && errno == EINTR);
	}
	if (n < 0)
		snprintf(file->fault, sizeof file->fault, "%s at byte %llu", what_failed(file),
			 (unsigned long long)(file->place.offset + file->end - file->start));
	return n < 0 ? -1 : (int)n;
}

/* Bytes behind those that are there. */
static int fill(struct logfile *file)
{
	if (file->start && file->end == BUFFER) {
		memmove(file->bytes, file->bytes + file->start, file->end - file->start);
		file->end -= file->start;
		file->searched -= file->start;
		file->start = 0;
	}
	int n = *file->fault ? 0 : fetch(file, file->bytes + file->end, BUFFER - file->end);
	if (n > 0) {
		file->coloured = file->coloured || memchr(file->bytes + file->end, 0x1b, (size_t)n);
		file->end += (uint32_t)n;
	}
	return n;
}

static void consume(struct logfile *file, uint32_t upto)
{
	file->place.offset += upto - file->start;
	file->start = file->searched = upto;
	if (file->start == file->end)
		file->start = file->searched = file->end = 0;
}

static struct slice take(struct logfile *file, uint32_t size, uint32_t with_end)
{
	struct slice line = slice_of(file->bytes + file->start, size);
	uint32_t upto = file->start + with_end;
	file->place.offset += with_end;
	file->start = file->searched = upto; /* the buffer is not moved before the next call */
	return line;
}

/* The rest of a line that was cut. True when its end was reached. */
static bool skip_rest(struct logfile *file)
{
	for (;;) {
		const uint8_t *end = memchr(file->bytes + file->start, '\n', file->end - file->start);
		consume(file, end ? (uint32_t)(end - file->bytes) + 1 : file->end);
		if (end) {
			file->place.within = false;
			file->place.number++;
			return true;
		}
		if (fill(file) <= 0)
			return false;
	}
}

static enum line_result ended(struct logfile *file)
{
	bool damaged = *file->fault && !file->fault_told;
	file->fault_told |= damaged;
	return damaged ? LINE_DAMAGED : LINE_NONE;
}

enum line_result logfile_next(struct logfile *file, bool last, struct slice *line, bool *cut)
{
	*cut = false;
	if (file->place.within && !skip_rest(file))
		return ended(file);
	for (;;) {
		const uint8_t *end = memchr(file->bytes + file->searched, '\n', file->end - file->searched);
		uint32_t size = (end ? (uint32_t)(end - file->bytes) : file->end) - file->start;
		if (end && size <= LIMIT_LOG_RECORD) {
			*line = take(file, size, size + 1);
			file->place.number++;
			return LINE_TAKEN;
		}
		if (size > LIMIT_LOG_RECORD) {
			*line = take(file, LIMIT_LOG_RECORD, LIMIT_LOG_RECORD);
			file->place.within = *cut = true;
			return LINE_TAKEN;
		}
		file->searched = file->end;
		if (file->start == file->end)
			consume(file, file->start);
		int n = fill(file);
		if (n <= 0 && (!last || file->start == file->end || (*file->fault && !file->fault_told)))
			return ended(file);
		if (n <= 0) {
			*line = take(file, file->end - file->start, file->end - file->start);
			file->place.number++;
			return LINE_TAKEN;
		}
	}
}

struct slice logfile_ahead(struct logfile *file)
{
	while (file->end < LIMIT_LOG_HEAD && fill(file) > 0)
		;
	return slice_of(file->bytes + file->start, file->end - file->start);
}

const char *logfile_fault(const struct logfile *file)
{
	return file->fault;
}

const struct logfile_place *logfile_place(const struct logfile *file)
{
	return &file->place;
}

bool logfile_coloured(const struct logfile *file)
{
	return file->coloured;
}

bool logfile_seek(struct logfile *file, const struct logfile_place *place)
{
	file->start = file->end = file->searched = 0;
	file->place = *place;
	if (file->gzip)
		return gzseek(file->gzip, (z_off_t)place->offset, SEEK_SET) >= 0;
	return file->descriptor >= 0 && lseek(file->descriptor, (off_t)place->offset, SEEK_SET) >= 0;
}

int logfile_descriptor(const struct logfile *file)
{
	return file->descriptor;
}

uint32_t logfile_head(const char *path, uint8_t *out, uint32_t size)
{
	gzFile gzip = gzopen(path, "rb"); /* what is not packed comes as it is */
	int n = gzip ? gzread(gzip, out, size) : 0;
	if (gzip)
		gzclose(gzip);
	return n > 0 ? (uint32_t)n : 0;
}
