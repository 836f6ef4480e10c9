/* jsonl: records as lines, to a file or standard output. */
#include "output.h"
#include "../sensor/config.h"
#include "../sensor/log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER = 1 << 18 };

struct jsonl {
	const char *path;
	FILE *file;
	bool failed; /* said once */
};

static bool fail(struct jsonl *self)
{
	if (!self->failed)
		log_error("%s: %s", strcmp(self->path, "-") == 0 ? "standard output" : self->path, strerror(errno));
	self->failed = true;
	return false;
}

static bool open_file(struct jsonl *self, const char *mode)
{
	self->file = strcmp(self->path, "-") == 0 ? stdout : fopen(self->path, mode);
	if (!self->file)
		return fail(self);
	setvbuf(self->file, NULL, _IOFBF, BUFFER);
	return true;
}

static void *jsonl_open(const struct config_output *config)
{
	struct jsonl *self = calloc(1, sizeof *self);
	if (!self)
		return NULL;
	self->path = config->path ? config->path : "-";
	if (open_file(self, config->append ? "a" : "w"))
		return self;
	free(self);
	return NULL;
}

static enum sent jsonl_send(void *handle, struct slice record, const struct alert *alert)
{
	struct jsonl *self = handle;
	(void)alert;
	if (fwrite(record.at, 1, record.size, self->file) != record.size || putc('\n', self->file) == EOF) {
		fail(self);
		return SENT_REFUSED;
	}
	return SENT_OK;
}

static bool jsonl_flush(void *handle)
{
	struct jsonl *self = handle;
	return (fflush(self->file) == 0 || fail(self)) && !self->failed;
}

static bool jsonl_reopen(void *handle)
{
	struct jsonl *self = handle;
	if (self->file == stdout)
		return true;
	fclose(self->file);
	return open_file(self, "a");
}

static bool jsonl_close(void *handle)
{
	struct jsonl *self = handle;
	bool good = jsonl_flush(self);
	if (self->file != stdout && fclose(self->file) != 0)
		good = fail(self);
	free(self);
	return good;
}

const struct output output_jsonl = {
	.name = "jsonl",
	.open = jsonl_open,
	.send = jsonl_send,
	.flush = jsonl_flush,
	.reopen = jsonl_reopen,
	.close = jsonl_close,
};
