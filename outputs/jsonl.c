/* jsonl: records as lines, to a file or standard output. */
#include "output.h"
#include "../sensor/config.h"
#include "../sensor/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 18 };

/* Records are gathered and written whole: what a full disk leaves of a record at the end is cut off again, so that the file
 * holds nothing but whole lines. */
struct jsonl {
	const char *path;
	int file;
	bool screen; /* standard output: not ours to open, close or cut */
	bool failed; /* since it was last opened: said once */
	bool live;   /* the file outlives the run: it may be rotated under us */
	dev_t device;
	ino_t inode;
	time_t looked_s; /* when it was last looked whether the path still leads to it */
	uint32_t size;
	uint8_t buffer[BUFFER];
};

static bool fail(struct jsonl *self)
{
	if (!self->failed)
		log_error("%s: %s", self->screen ? "standard output" : self->path, strerror(errno));
	self->failed = true;
	return false;
}

static bool open_file(struct jsonl *self, int how)
{
	int file = self->screen ? STDOUT_FILENO : open(self->path, O_WRONLY | O_CREAT | O_CLOEXEC | how, 0640);
	struct stat of;
	if (file < 0)
		return fail(self);
	self->file = file;
	self->inode = 0; /* no regular file: nobody rotates it */
	if (!self->screen && fstat(file, &of) == 0 && S_ISREG(of.st_mode)) {
		self->device = of.st_dev;
		self->inode = of.st_ino;
	}
	return true;
}

static void *jsonl_open(const struct config_output *config)
{
	struct jsonl *self = calloc(1, sizeof *self);
	if (!self)
		return NULL;
	self->path = config->path ? config->path : "-";
	self->screen = strcmp(self->path, "-") == 0;
	self->live = config->append;
	if (open_file(self, config->append ? O_APPEND : O_TRUNC))
		return self;
	free(self);
	return NULL;
}

static void cut(struct jsonl *self, size_t partial)
{
	struct stat stat;
	if (partial && !self->screen && fstat(self->file, &stat) == 0 && S_ISREG(stat.st_mode) && (size_t)stat.st_size >= partial &&
	    ftruncate(self->file, stat.st_size - (off_t)partial) == 0)
		(void)lseek(self->file, 0, SEEK_END);
}

/* False when something was lost. */
static bool write_out(struct jsonl *self, const uint8_t *at, size_t size)
{
	const uint8_t *begin = at, *end = at + size;
	while (at < end) {
		ssize_t n = write(self->file, at, (size_t)(end - at));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			fail(self);
			const uint8_t *line = at;
			while (line > begin && line[-1] != '\n')
				line--;
			cut(self, (size_t)(at - line));
			return false;
		}
		at += n;
	}
	return true;
}

/* Once a second: whoever rotates logs renames the file or removes it, and may not tell. When the path cannot be opened, the file
 * that is open goes on. */
static void follow_rotation(struct jsonl *self)
{
	struct timespec now;
	struct stat of;
	if (!self->live || !self->inode || clock_gettime(CLOCK_MONOTONIC_COARSE, &now) != 0 || now.tv_sec == self->looked_s)
		return;
	self->looked_s = now.tv_sec;
	if (stat(self->path, &of) == 0 ? of.st_dev == self->device && of.st_ino == self->inode : errno != ENOENT)
		return;
	int before = self->file;
	if (open_file(self, O_APPEND))
		close(before);
}

static bool write_buffer(struct jsonl *self)
{
	uint32_t size = self->size;
	self->size = 0;
	if (size)
		follow_rotation(self);
	return write_out(self, self->buffer, size);
}

static enum sent send_one(struct jsonl *self, const struct record *record)
{
	struct slice bytes = record->bytes;
	if (bytes.size >= BUFFER)
		return SENT_REFUSED; /* no format writes so long a record */
	bool good = bytes.size < BUFFER - self->size || write_buffer(self);
	memcpy(self->buffer + self->size, bytes.at, bytes.size);
	self->size += bytes.size;
	self->buffer[self->size++] = '\n';
	return good ? SENT_OK : SENT_REFUSED;
}

static void jsonl_send(void *handle, struct sending *sending)
{
	for (unsigned i = 0; i < sending->count; i++)
		if ((sending->answers[i] = send_one(handle, &sending->records[i])) == SENT_RETRY)
			return;
}

static bool jsonl_flush(void *handle)
{
	struct jsonl *self = handle;
	return write_buffer(self) && !self->failed;
}

/* When the path cannot be opened now, the file that is open goes on being written. */
static bool jsonl_reopen(void *handle)
{
	struct jsonl *self = handle;
	int before = self->file;
	bool good = write_buffer(self);
	self->failed = false;
	if (self->screen || !open_file(self, O_APPEND))
		return good && self->screen;
	close(before);
	return good;
}

static bool jsonl_close(void *handle)
{
	struct jsonl *self = handle;
	bool good = jsonl_flush(self);
	if (!self->screen && close(self->file) != 0)
		good = fail(self);
	free(self);
	return good;
}

static const char *const config_keys[] = {OUTPUT_KEYS, "path", NULL};

const struct output output_jsonl = {
	.name = "jsonl",
	.keys = config_keys,
	.open = jsonl_open,
	.send = jsonl_send,
	.flush = jsonl_flush,
	.reopen = jsonl_reopen,
	.close = jsonl_close,
};
