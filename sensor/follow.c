#include "follow.h"
#include "hash.h"
#include "log.h"
#include "logset.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD = 256, SIBLINGS_MAX = 256 };

struct follow {
	const char *path;
	struct logfile *file;
	struct follow_place at;  /* of the file at hand; `place` only when it is asked for */
	struct follow_place resume;
	bool resuming, whole, draining, missing_told;
	bool elsewhere;          /* the file at hand is not at `path` (any more): it was renamed, or is a copy */
};

/* --- files ------------------------------------------------------------------------------------------------------ */

static bool same_file(const struct stat *of, const struct follow_place *place)
{
	return (uint64_t)of->st_dev == place->device && (uint64_t)of->st_ino == place->inode;
}

/* Does the file begin as the other did? Also of packed files. */
static bool same_head(const char *path, const struct follow_place *place)
{
	uint8_t head[HEAD];
	uint32_t size = place->head_bytes;
	return size && size <= HEAD && logfile_head(path, head, size) == size && hash_bytes(head, size, 0) == place->head_hash;
}

static bool open_at(struct follow *f, const char *path, const struct logfile_place *place)
{
	struct stat of;
	struct logfile *file = logfile_open(path);
	bool there = file && (logfile_descriptor(file) >= 0 ? fstat(logfile_descriptor(file), &of) : stat(path, &of)) == 0;
	if (!there || (place && !logfile_seek(file, place))) {
		logfile_close(file);
		return false;
	}
	logfile_close(f->file);
	f->file = file;
	f->at = (struct follow_place){.device = (uint64_t)of.st_dev, .inode = (uint64_t)of.st_ino};
	f->draining = false;
	f->elsewhere = strcmp(path, f->path) != 0;
	return true;
}

/* The hash grows with what was read, until it covers HEAD bytes. */
static void hash_head(struct follow *f)
{
	uint8_t head[HEAD];
	uint64_t read_bytes = logfile_place(f->file)->offset;
	uint32_t size = read_bytes < HEAD ? (uint32_t)read_bytes : HEAD;
	int descriptor = logfile_descriptor(f->file);
	if (size <= f->at.head_bytes || descriptor < 0 || pread(descriptor, head, size, 0) != (ssize_t)size)
		return;
	f->at.head_bytes = size;
	f->at.head_hash = hash_bytes(head, size, 0);
}

/* --- siblings: what a rotation has made of the log ---------------------------------------------------------------- */

struct sibling {
	char path[4096];
	int64_t age;
	struct stat of;
};

static int oldest_first(const void *x, const void *y)
{
	const struct sibling *a = x, *b = y;
	return a->age != b->age ? (a->age > b->age ? -1 : 1) : strcmp(a->path, b->path);
}

/* The log's files as a folder lists them, the oldest first, the one at `path` last. */
static unsigned list(const struct follow *f, struct sibling *all)
{
	char folder[4096] = ".";
	const char *slash = strrchr(f->path, '/');
	size_t size = slash ? (size_t)(slash - f->path) + 1 : 0, base = strlen(f->path);
	unsigned count = 0;
	if (size && size < sizeof folder)
		snprintf(folder, sizeof folder, "%.*s", (int)size, f->path);
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && count < SIBLINGS_MAX && (entry = readdir(dir));) {
		struct sibling *s = &all[count];
		if (snprintf(s->path, sizeof s->path, "%.*s%s", (int)size, f->path, entry->d_name) >= (int)sizeof s->path)
			continue;
		bool own = strcmp(s->path, f->path) == 0;
		struct logset_name name = logset_name(s->path);
		if (!own && (name.base != base || strncmp(s->path, f->path, base) != 0))
			continue;
		s->age = own ? 0 : name.age ? name.age : 1;
		count += stat(s->path, &s->of) == 0 && S_ISREG(s->of.st_mode);
	}
	if (dir)
		closedir(dir);
	qsort(all, count, sizeof *all, oldest_first);
	return count;
}

static bool same_list(const struct sibling *a, const struct sibling *b, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(a[i].path, b[i].path) != 0 || a[i].of.st_ino != b[i].of.st_ino)
			return false;
	return true;
}

/* A file that is renamed while a folder is read may be listed twice or not at all, and one that is passed over is lost: the list
 * counts when a second look has seen the same. Allocates: a rotation is rare. */
static unsigned siblings_of(const struct follow *f, struct sibling **out)
{
	enum { LOOKS = 16 };
	struct sibling *all = calloc(2 * SIBLINGS_MAX, sizeof *all);
	unsigned count = all ? list(f, all) : 0;
	for (unsigned looks = 0; all && looks < LOOKS; looks++) {
		memcpy(all + SIBLINGS_MAX, all, count * sizeof *all);
		unsigned before = count;
		count = list(f, all);
		if (count == before && same_list(all, all + SIBLINGS_MAX, count))
			break;
	}
	*out = all;
	return count;
}

/* Which of them is the place's file, or its copy; `count` when none is. */
static unsigned find(const struct sibling *all, unsigned count, const struct follow_place *place)
{
	for (unsigned i = 0; i < count; i++)
		if (same_file(&all[i].of, place) && (!place->head_bytes || same_head(all[i].path, place)) &&
		    (uint64_t)all[i].of.st_size >= place->place.offset)
			return i;
	for (unsigned i = 0; i < count; i++)
		if (same_head(all[i].path, place))
			return i;
	return count;
}

/* A rotation may go on while it is looked at: what was opened must be what was listed. */
static bool open_listed(struct follow *f, const struct sibling *s, const struct logfile_place *place)
{
	struct follow_place listed = {.device = (uint64_t)s->of.st_dev, .inode = (uint64_t)s->of.st_ino};
	struct stat now;
	return stat(s->path, &now) == 0 && same_file(&now, &listed) && open_at(f, s->path, place) && f->at.inode == listed.inode;
}

/* From the file at hand, read to its end, to the next younger one; stays when that has not begun. */
static void go_on(struct follow *f)
{
	struct sibling *all;
	unsigned count = siblings_of(f, &all), i = 0;
	while (i < count && !same_file(&all[i].of, &f->at))
		i++;
	if (i == count)
		i = find(all, count, &f->at);
	unsigned next = i < count ? i + 1 : count ? count - 1 : 0;
	/* That the next has begun, or there is even one behind it, shows that nobody writes to this one any more. */
	bool begun = next < count && (all[next].of.st_size > 0 || next + 1 < count);
	if (begun && !f->draining)
		f->draining = true; /* what was written up to now is read once more, then it is left */
	else if (begun)
		open_listed(f, &all[next], NULL);
	free(all);
}

/* What is at hand was truncated: what it held is in a copy, or lost to everybody. */
static void truncated(struct follow *f)
{
	struct sibling *all;
	unsigned count = siblings_of(f, &all), i = count;
	struct logfile_place place = *logfile_place(f->file);
	for (unsigned n = 0; n < count && i == count; n++)
		if (strcmp(all[n].path, f->path) != 0 && same_head(all[n].path, &f->at))
			i = n;
	if (i == count || !open_listed(f, &all[i], &place))
		open_at(f, f->path, NULL);
	free(all);
}

/* --- life ------------------------------------------------------------------------------------------------------- */

static void begin(struct follow *f)
{
	struct sibling *all;
	struct stat of;
	if (!f->resuming) {
		if (open_at(f, f->path, NULL) && !f->whole && fstat(logfile_descriptor(f->file), &of) == 0) {
			const struct logfile_place end = {.offset = (uint64_t)of.st_size, .number = 1};
			logfile_seek(f->file, &end);
		}
		f->whole = true; /* a file that comes later is new as a whole */
		return;
	}
	unsigned count = siblings_of(f, &all), i = find(all, count, &f->resume);
	if (i < count && open_listed(f, &all[i], &f->resume.place)) {
		f->at.head_bytes = f->resume.head_bytes;
		f->at.head_hash = f->resume.head_hash;
		f->resuming = false;
	} else if (i == count && count) {
		log_note("%s: the file that was read before is gone; reading from the beginning", f->path);
		f->resuming = !open_at(f, f->path, NULL);
	}
	free(all);
}

struct follow *follow_open(const char *path, const struct follow_place *from, bool whole)
{
	struct follow *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->path = path;
	f->whole = whole;
	f->resuming = from != NULL;
	if (from)
		f->resume = *from;
	begin(f);
	f->whole = true;
	return f;
}

void follow_close(struct follow *f)
{
	if (f)
		logfile_close(f->file);
	free(f);
}

void follow_look(struct follow *f)
{
	struct stat of;
	if (!f->file) {
		begin(f);
		return;
	}
	int descriptor = logfile_descriptor(f->file);
	if (descriptor < 0 || fstat(descriptor, &of) != 0)
		return;
	off_t read_to = lseek(descriptor, 0, SEEK_CUR);
	uint8_t head[HEAD];
	uint32_t size = f->at.head_bytes;
	bool changed = size && (pread(descriptor, head, size, 0) != (ssize_t)size || hash_bytes(head, size, 0) != f->at.head_hash);
	if (of.st_size < read_to || changed)
		truncated(f);
}

bool follow_next(struct follow *f, struct slice *line, bool *cut, uint32_t *number)
{
	for (unsigned tries = 0; f->file && tries < 8; tries++) {
		struct stat of;
		*number = logfile_place(f->file)->number;
		if (logfile_next(f->file, false, line, cut) == LINE_TAKEN)
			return true;
		if (f->file && stat(f->path, &of) == 0 && same_file(&of, &f->at)) {
			f->draining = false;
			return false;
		}
		hash_head(f);
		if (f->draining && logfile_next(f->file, true, line, cut) == LINE_TAKEN)
			return true; /* the last line of a file that is left may lack its end */
		go_on(f);
	}
	return false;
}

bool follow_place(struct follow *f, struct follow_place *out)
{
	if (!f->file) {
		*out = f->resume;
		return f->resuming;
	}
	hash_head(f);
	*out = f->at;
	out->place = *logfile_place(f->file);
	return true;
}

struct slice follow_ahead(struct follow *f)
{
	return f->file ? logfile_ahead(f->file) : (struct slice){NULL, 0};
}
