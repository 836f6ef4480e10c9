#include "inputs.h"
#include "bytes.h"
#include "limits.h"
#include "log.h"
#include "log_formats.h"
#include "logfile.h"
#include "standard_input.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 32 };

struct inputs {
	struct input { char *name; uint64_t bytes; bool log; dev_t device; ino_t node; } *items;
	unsigned count, room, faults, repeated;
	const char **captures, **logs;
};

/* A log that is given twice, by its name and with its folder, or by two names, would count twice. */
static bool is_there(const struct inputs *inputs, const char *name, const struct stat *stat_of)
{
	for (unsigned i = 0; i < inputs->count; i++) {
		const struct input *other = &inputs->items[i];
		if (!other->log || other->device != stat_of->st_dev || other->node != stat_of->st_ino)
			continue;
		log_error("%s: is read once, as %s", name, other->name);
		return true;
	}
	return false;
}

/* `stat_of`: NULL for standard input. */
static void add(struct inputs *inputs, const char *name, const struct stat *stat_of, bool log)
{
	if (log && stat_of && is_there(inputs, name, stat_of)) {
		inputs->repeated++;
		return;
	}
	if (inputs->count == inputs->room) {
		unsigned room = inputs->room ? inputs->room * 2 : 64;
		struct input *items = realloc(inputs->items, room * sizeof *items);
		if (!items)
			return;
		inputs->items = items;
		inputs->room = room;
	}
	char *copy = strdup(name);
	if (copy)
		inputs->items[inputs->count++] = stat_of ? (struct input){copy, (uint64_t)stat_of->st_size, log, stat_of->st_dev, stat_of->st_ino}
							 : (struct input){.name = copy, .log = log};
}

enum kind { KIND_UNKNOWN, KIND_CAPTURE, KIND_LOG };

/* pcap (either endianness, micro- and nanoseconds, the modified one), pcapng. */
static bool is_capture(const uint8_t *first, uint32_t size)
{
	static const uint32_t magics[] = {0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1, 0xa1b2cd34, 0x34cdb2a1, 0x0a0d0d0a};
	for (unsigned i = 0; size >= 4 && i < sizeof magics / sizeof *magics; i++)
		if (load_be32(first) == magics[i])
			return true;
	return false;
}

static enum kind kind_of(const char *name)
{
	static uint8_t head[LIMIT_LOG_HEAD + 1];
	uint32_t n = logfile_head(name, head, LIMIT_LOG_HEAD);
	if (is_capture(head, n))
		return KIND_CAPTURE;
	head[n] = '\n';
	return n && log_format_of(slice_of(head, n + 1)) ? KIND_LOG : KIND_UNKNOWN;
}

static enum kind kind_of_stdin(void)
{
	uint8_t head[4];
	uint32_t n = standard_input_peek(head, sizeof head);
	return !n || is_capture(head, n) ? KIND_CAPTURE : KIND_LOG;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void walk(struct inputs *inputs, const char *path, unsigned depth)
{
	struct dirent **entries;
	int count = depth < DEPTH_MAX ? scandir(path, &entries, visible, alphasort) : -1;
	if (count < 0) {
		inputs->faults++;
		log_error("%s: %s", path, depth < DEPTH_MAX ? strerror(errno) : "folders nested too deep");
		return;
	}
	for (int i = 0; i < count; i++) {
		char name[4096];
		struct stat stat_of;
		enum kind kind;
		snprintf(name, sizeof name, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/", entries[i]->d_name);
		if (stat(name, &stat_of) == 0) {
			if (S_ISDIR(stat_of.st_mode))
				walk(inputs, name, depth + 1);
			else if (S_ISREG(stat_of.st_mode) && (kind = kind_of(name)))
				add(inputs, name, &stat_of, kind == KIND_LOG);
		}
		free(entries[i]);
	}
	free(entries);
}

static void named(struct inputs *inputs, const char *name)
{
	struct stat stat_of;
	if (strcmp(name, "-") == 0) {
		add(inputs, name, NULL, kind_of_stdin() == KIND_LOG);
		return;
	}
	if (stat(name, &stat_of) != 0) {
		inputs->faults++;
		log_error("%s: %s", name, strerror(errno));
		return;
	}
	if (!S_ISDIR(stat_of.st_mode)) {
		if (S_ISREG(stat_of.st_mode) && stat_of.st_size == 0) {
			inputs->faults++;
			log_error("%s: the file is empty", name);
			return;
		}
		/* What is neither goes to the captures: their reader says what is wrong with it. */
		add(inputs, name, &stat_of, S_ISREG(stat_of.st_mode) && kind_of(name) == KIND_LOG);
		return;
	}
	unsigned before = inputs->count + inputs->repeated, faults = inputs->faults;
	walk(inputs, name, 0);
	if (inputs->count + inputs->repeated == before && inputs->faults == faults) {
		inputs->faults++;
		log_error("%s: no capture and no log in this folder", name);
	}
}

struct inputs *inputs_find(const char *const *names)
{
	struct inputs *inputs = calloc(1, sizeof *inputs);
	for (; inputs && *names; names++)
		named(inputs, *names);
	return inputs;
}

void inputs_close(struct inputs *inputs)
{
	if (!inputs)
		return;
	for (unsigned i = 0; i < inputs->count; i++)
		free(inputs->items[i].name);
	free(inputs->items);
	free(inputs->captures);
	free(inputs->logs);
	free(inputs);
}

unsigned inputs_count(const struct inputs *inputs)
{
	return inputs->count;
}

unsigned inputs_faults(const struct inputs *inputs)
{
	return inputs->faults;
}

const char *inputs_name(const struct inputs *inputs, unsigned index)
{
	return inputs->items[index].name;
}

uint64_t inputs_bytes(const struct inputs *inputs, unsigned index)
{
	return inputs->items[index].bytes;
}

static const char *const *names_of(const struct inputs *inputs, bool logs, const char ***list)
{
	unsigned n = 0;
	free(*list);
	*list = calloc(inputs->count + 1, sizeof **list);
	for (unsigned i = 0; *list && i < inputs->count; i++)
		if (inputs->items[i].log == logs)
			(*list)[n++] = inputs->items[i].name;
	return *list;
}

const char *const *inputs_captures(struct inputs *inputs)
{
	return names_of(inputs, false, &inputs->captures);
}

const char *const *inputs_logs(struct inputs *inputs)
{
	return names_of(inputs, true, &inputs->logs);
}
