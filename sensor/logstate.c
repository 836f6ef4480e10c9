#include "logstate.h"
#include "log.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOGS = 512, OUTPUTS = 64 };

struct logstate {
	const char *path;
	char *fresh; /* the file that replaces it */
	struct known { char *path; struct follow_place place; } logs[LOGS];
	struct cut { char *path; uint64_t device, inode, bytes; } cuts[OUTPUTS];
	unsigned log_count, cut_count, output_count;
	const char *outputs[OUTPUTS];
	FILE *out;
	bool failed;
};

static bool read_line(struct logstate *s, char *line)
{
	struct known *k = &s->logs[s->log_count];
	struct cut *c = &s->cuts[s->cut_count];
	int at = 0;
	unsigned within;
	line[strcspn(line, "\n")] = 0;
	if (s->log_count < LOGS && sscanf(line, "log %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu32 " %u %" SCNu32 " %" SCNx64 " %n",
			&k->place.device, &k->place.inode, &k->place.place.offset, &k->place.place.number, &within,
			&k->place.head_bytes, &k->place.head_hash, &at) == 7 && at && line[at]) {
		k->place.place.within = within != 0;
		k->path = strdup(line + at);
		s->log_count++;
		return k->path != NULL;
	}
	at = 0;
	if (s->cut_count < OUTPUTS && sscanf(line, "output %" SCNu64 " %" SCNu64 " %" SCNu64 " %n", &c->device, &c->inode,
			&c->bytes, &at) == 3 && at && line[at]) {
		c->path = strdup(line + at);
		s->cut_count++;
		return c->path != NULL;
	}
	return false;
}

struct logstate *logstate_open(const char *path)
{
	struct logstate *s = calloc(1, sizeof *s);
	char *line = NULL;
	size_t room = 0;
	unsigned number = 0;
	bool good = s && asprintf(&s->fresh, "%s.new", path) > 0;
	if (!good) {
		free(s);
		return NULL;
	}
	s->path = path;
	FILE *in = fopen(path, "r");
	if (!in && errno != ENOENT) {
		log_error("%s: %s", path, strerror(errno));
		good = false;
	}
	while (good && in && getline(&line, &room, in) > 0)
		if (++number > 1 && !read_line(s, line)) {
			log_error("%s:%u: not a line of a state file; remove the file to read the logs anew", path, number);
			good = false;
		}
	free(line);
	if (in)
		fclose(in);
	if (good)
		return s;
	logstate_close(s);
	return NULL;
}

void logstate_close(struct logstate *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->log_count; i++)
		free(s->logs[i].path);
	for (unsigned i = 0; i < s->cut_count; i++)
		free(s->cuts[i].path);
	free(s->fresh);
	free(s);
}

const struct follow_place *logstate_log(const struct logstate *s, const char *path)
{
	for (unsigned i = 0; i < s->log_count; i++)
		if (strcmp(s->logs[i].path, path) == 0)
			return &s->logs[i].place;
	return NULL;
}

void logstate_output(struct logstate *s, const char *path, bool cut)
{
	struct stat of;
	if (s->output_count < OUTPUTS)
		s->outputs[s->output_count++] = path;
	for (unsigned i = 0; cut && i < s->cut_count; i++) {
		const struct cut *c = &s->cuts[i];
		if (strcmp(c->path, path) != 0 || stat(path, &of) != 0 || !S_ISREG(of.st_mode))
			continue;
		if ((uint64_t)of.st_dev == c->device && (uint64_t)of.st_ino == c->inode && (uint64_t)of.st_size > c->bytes &&
		    truncate(path, (off_t)c->bytes) != 0)
			log_error("%s: %s", path, strerror(errno));
	}
}

void logstate_begin(struct logstate *s)
{
	int file = open(s->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	s->out = file < 0 ? NULL : fdopen(file, "w");
	if (s->out)
		fprintf(s->out, "thingwarden state 1\n");
}

void logstate_add(struct logstate *s, const char *path, const struct follow_place *p)
{
	if (s->out)
		fprintf(s->out, "log %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32 " %u %" PRIu32 " %" PRIx64 " %s\n", p->device, p->inode,
			p->place.offset, p->place.number, p->place.within, p->head_bytes, p->head_hash, path);
}

bool logstate_commit(struct logstate *s)
{
	struct stat of;
	for (unsigned i = 0; s->out && i < s->output_count; i++)
		if (stat(s->outputs[i], &of) == 0)
			fprintf(s->out, "output %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n", (uint64_t)of.st_dev, (uint64_t)of.st_ino,
				(uint64_t)of.st_size, s->outputs[i]);
	bool good = s->out && !ferror(s->out);
	if (s->out && fclose(s->out) != 0)
		good = false;
	s->out = NULL;
	good = good && rename(s->fresh, s->path) == 0;
	if (!good && !s->failed)
		log_error("%s: %s", s->path, strerror(errno));
	s->failed = !good;
	return good;
}
