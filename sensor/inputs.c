#include "inputs.h"
#include "bytes.h"
#include "log.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 32 };

struct inputs {
	struct input { char *name; uint64_t bytes; } *items;
	unsigned count, room, faults;
};

static void add(struct inputs *inputs, const char *name, uint64_t bytes)
{
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
		inputs->items[inputs->count++] = (struct input){copy, bytes};
}

/* pcap (either endianness, micro- and nanoseconds, the modified one), pcapng, gzip. */
static bool is_capture(const char *name)
{
	static const uint32_t magics[] = {0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1, 0xa1b2cd34, 0x34cdb2a1, 0x0a0d0d0a};
	uint8_t first[4];
	FILE *file = fopen(name, "rb");
	if (!file)
		return true; /* the reader will say why it cannot be opened */
	size_t n = fread(first, 1, sizeof first, file);
	fclose(file);
	if (n < sizeof first)
		return false;
	if (first[0] == 0x1f && first[1] == 0x8b)
		return true;
	for (unsigned i = 0; i < sizeof magics / sizeof *magics; i++)
		if (load_be32(first) == magics[i])
			return true;
	return false;
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
		snprintf(name, sizeof name, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/", entries[i]->d_name);
		if (stat(name, &stat_of) == 0) {
			if (S_ISDIR(stat_of.st_mode))
				walk(inputs, name, depth + 1);
			else if (S_ISREG(stat_of.st_mode) && is_capture(name))
				add(inputs, name, (uint64_t)stat_of.st_size);
		}
		free(entries[i]);
	}
	free(entries);
}

static void named(struct inputs *inputs, const char *name)
{
	struct stat stat_of;
	if (strcmp(name, "-") == 0) {
		add(inputs, name, 0);
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
		add(inputs, name, (uint64_t)stat_of.st_size);
		return;
	}
	unsigned before = inputs->count, faults = inputs->faults;
	walk(inputs, name, 0);
	if (inputs->count == before && inputs->faults == faults) {
		inputs->faults++;
		log_error("%s: no capture in this folder", name);
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
