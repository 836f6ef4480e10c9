#include "logset.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static size_t digits_before(const char *path, size_t end)
{
	size_t n = 0;
	while (n < end && isdigit((unsigned char)path[end - n - 1]))
		n++;
	return n;
}

struct logset_name logset_name(const char *path)
{
	size_t end = strlen(path);
	struct logset_name name = {end, 0};
	if (end > 3 && strcmp(path + end - 3, ".gz") == 0)
		end -= 3;
	size_t n = digits_before(path, end);
	if (n && n <= 4 && end > n + 1 && path[end - n - 1] == '.' && path[end - n - 2] != '/')
		return (struct logset_name){end - n - 1, strtoll(path + end - n, NULL, 10)};
	/* 20261123, 20261123-1795444644, 2026-11-23 */
	size_t from = end;
	while (from && (isdigit((unsigned char)path[from - 1]) || path[from - 1] == '-'))
		from--;
	if (end - from >= 9 && path[from] == '-') {
		int64_t date = 0;
		for (size_t i = from + 1; i < end; i++)
			if (path[i] != '-' && date < INT64_MAX / 100)
				date = date * 10 + (path[i] - '0');
		return (struct logset_name){from, INT64_MAX / 10 - date};
	}
	if (end < name.base) /* only .gz: the oldest that there can be */
		return (struct logset_name){end, INT64_MAX};
	return name;
}
