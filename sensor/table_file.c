#include "table_file.h"
#include "limits.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

bool table_open(struct table *t, const char *path, char separator, char *why, size_t size)
{
	*t = (struct table){.separator = separator, .line = 1, .next_line = 1};
	FILE *file = fopen(path, "rb");
	char *bytes = file ? malloc(LIMIT_REGISTRY_FILE + 1) : NULL;
	size_t n = 0;
	errno = file ? 0 : errno;
	if (bytes)
		n = fread(bytes, 1, LIMIT_REGISTRY_FILE + 1, file);
	bool failed = !file || !bytes || ferror(file);
	if (failed)
		snprintf(why, size, "%s", strerror(errno ? errno : ENOMEM));
	else if (!n || n > LIMIT_REGISTRY_FILE)
		snprintf(why, size, n ? "larger than %u bytes" : "the file is empty", LIMIT_REGISTRY_FILE);
	if (file)
		fclose(file);
	if (failed || !n || n > LIMIT_REGISTRY_FILE) {
		free(bytes);
		return false;
	}
	char *fitting = realloc(bytes, n + 1); /* a row's last byte may be followed by one that is looked at */
	t->bytes = fitting ? fitting : bytes;
	t->bytes[n] = 0;
	t->at = t->bytes + (n >= 3 && memcmp(t->bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
	t->end = t->bytes + n;
	return true;
}

void table_close(struct table *t)
{
	free(t->bytes);
	t->bytes = NULL;
}

/* A field in quotes may hold separators, line breaks and quotes written twice; it becomes shorter in place. */
static struct slice quoted(struct table *t)
{
	char *to = ++t->at, *from = to;
	while (t->at < t->end) {
		char c = *t->at++;
		if (c == '"' && (t->at == t->end || *t->at != '"'))
			break;
		t->at += c == '"';
		t->next_line += c == '\n';
		*to++ = c;
	}
	while (t->at < t->end && *t->at != t->separator && *t->at != '\n') /* what stands behind the quote is nothing */
		t->at++;
	return slice_of(from, (uint32_t)(to - from));
}

static struct slice plain(struct table *t)
{
	char *from = t->at;
	while (t->at < t->end && *t->at != t->separator && *t->at != '\n')
		t->at++;
	return slice_of(from, (uint32_t)(t->at - from));
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\r' || c == '\t' || c == '\n';
}

static struct slice trimmed(struct slice s)
{
	while (s.size && is_space(s.at[s.size - 1]))
		s.size--;
	while (s.size && is_space(s.at[0]))
		s = slice_of(s.at + 1, s.size - 1);
	return s;
}

unsigned table_row(struct table *t, struct slice fields[TABLE_COLUMNS_MAX])
{
	while (t->at < t->end) {
		unsigned count = 0;
		bool blank = true, more = true;
		t->line = t->next_line;
		while (more) {
			struct slice field = trimmed(t->separator == ',' && *t->at == '"' ? quoted(t) : plain(t));
			blank = blank && !field.size;
			if (count < TABLE_COLUMNS_MAX)
				fields[count++] = field;
			more = t->at < t->end && *t->at == t->separator;
			t->next_line += t->at < t->end && *t->at == '\n';
			t->at += t->at < t->end;
		}
		if (!blank)
			return count;
	}
	return 0;
}
