#include "journal_segment.h"
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>

static const char magic[] = "thingwarden journal 001\n";

void journal_segment_path(const char *folder, uint64_t first, char out[JOURNAL_PATH_MAX])
{
	snprintf(out, JOURNAL_PATH_MAX, "%s/%020" PRIu64 ".journal", folder, first);
}

void journal_segment_head(uint64_t first, uint8_t out[JOURNAL_SEGMENT_HEAD])
{
	memcpy(out, magic, 24);
	for (unsigned i = 0; i < 8; i++)
		out[24 + i] = (uint8_t)(first >> 8 * (7 - i));
}

bool journal_segment_valid(const uint8_t head[JOURNAL_SEGMENT_HEAD], uint64_t first)
{
	uint8_t right[JOURNAL_SEGMENT_HEAD];
	journal_segment_head(first, right);
	return memcmp(head, right, sizeof right) == 0;
}

static bool number_of(const char *name, uint64_t *out)
{
	int end = 0;
	return strlen(name) == 28 && strspn(name, "0123456789") == 20 &&
	       sscanf(name, "%" SCNu64 ".journal%n", out, &end) == 1 && end == 28 && *out;
}

static int ascending(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
	return (a > b) - (a < b);
}

unsigned journal_segments(const char *folder, uint64_t out[LIMIT_JOURNAL_SEGMENTS])
{
	unsigned count = 0;
	DIR *dir = opendir(folder);
	for (const struct dirent *entry; dir && count < LIMIT_JOURNAL_SEGMENTS && (entry = readdir(dir));)
		count += number_of(entry->d_name, &out[count]);
	if (dir)
		closedir(dir);
	qsort(out, count, sizeof *out, ascending);
	return count;
}
