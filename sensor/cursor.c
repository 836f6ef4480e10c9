#include "cursor.h"
#include "hash.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, TEXT_BYTES = 1024 };

static const char shape[] = "thingwarden cursor 1\noutput %s\nformat %s\nlevel %u\ntakes %u\nsequence %" PRIu64 "\nlost %" PRIu64
			    "\nend\n";

static void path_of(const char *folder, const struct cursor *cursor, const char *ending, char out[PATH_BYTES])
{
	uint64_t hash = hash_slice(slice_text(cursor->output), 0);
	snprintf(out, PATH_BYTES, "%s/%016" PRIx64 ".%s", folder, hash, ending);
}

static enum cursor_found read_file(const char *path, struct cursor *out)
{
	char text[TEXT_BYTES] = "";
	unsigned level = 0, takes = 0;
	int end = 0;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return errno == ENOENT ? CURSOR_NONE : CURSOR_DAMAGED;
	ssize_t n = read(file, text, sizeof text - 1);
	close(file);
	int found = n <= 0 ? 0 : sscanf(text, "thingwarden cursor 1\noutput %511[^\n]\nformat %31s\nlevel %u\ntakes %u\nsequence %" SCNu64
					"\nlost %" SCNu64 "\nend%n", out->output, out->format, &level, &takes, &out->sequence,
					&out->lost, &end);
	out->level = (uint8_t)level;
	out->alerts = takes & 1;
	out->events = takes & 2;
	return found == 6 && end ? CURSOR_FOUND : CURSOR_DAMAGED;
}

enum cursor_found cursor_load(const char *folder, struct cursor *cursor)
{
	char path[PATH_BYTES];
	struct cursor saved = {0};
	path_of(folder, cursor, "cursor", path);
	enum cursor_found found = read_file(path, &saved);
	if (found == CURSOR_FOUND) {
		cursor->sequence = saved.sequence;
		cursor->lost = saved.lost;
	}
	return found;
}

bool cursor_save(const char *folder, const struct cursor *cursor)
{
	char path[PATH_BYTES], fresh[PATH_BYTES], text[TEXT_BYTES];
	path_of(folder, cursor, "cursor", path);
	path_of(folder, cursor, "cursor.new", fresh);
	int size = snprintf(text, sizeof text, shape, cursor->output, cursor->format, cursor->level,
			    (unsigned)cursor->alerts + 2 * (unsigned)cursor->events, cursor->sequence, cursor->lost);
	int file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (file < 0)
		return false;
	bool good = write(file, text, (size_t)size) == size;
	int error = good ? 0 : errno ? errno : ENOSPC;
	close(file);
	good = good && rename(fresh, path) == 0;
	if (error)
		errno = error;
	return good;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(((const struct cursor *)x)->output, ((const struct cursor *)y)->output);
}

unsigned cursor_list(const char *folder, struct cursor out[CURSORS_MAX])
{
	unsigned count = 0;
	DIR *dir = opendir(folder);
	for (const struct dirent *entry; dir && count < CURSORS_MAX && (entry = readdir(dir));) {
		char path[PATH_BYTES];
		const char *ending = strrchr(entry->d_name, '.');
		if (!ending || strcmp(ending, ".cursor") != 0)
			continue;
		out[count] = (struct cursor){0};
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		count += read_file(path, &out[count]) == CURSOR_FOUND;
	}
	if (dir)
		closedir(dir);
	qsort(out, count, sizeof *out, by_name);
	return count;
}

bool cursor_takes(const struct cursor *cursor, const struct journal_entry *entry)
{
	const struct record *r = &entry->record;
	return (r->is_alert ? cursor->alerts && r->level >= cursor->level : cursor->events) &&
	       slice_is(entry->format, cursor->format);
}
