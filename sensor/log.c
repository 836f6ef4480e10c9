#include "log.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Threads log as well: a line is written whole. */
static void log_line(const char *kind, const char *format, va_list arguments)
{
	flockfile(stderr);
	fprintf(stderr, "thingwarden: %s", kind);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	funlockfile(stderr);
}

void log_error(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	log_line("", format, arguments);
	va_end(arguments);
}

void log_note(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	log_line("note: ", format, arguments);
	va_end(arguments);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Levenshtein distance over one row; words longer than the row are never near. */
static unsigned distance(const char *a, const char *b)
{
	enum { LONGEST = 63 };
	unsigned row[LONGEST + 1];
	size_t a_size = strlen(a), b_size = strlen(b);
	if (a_size > LONGEST || b_size > LONGEST)
		return LONGEST;
	for (unsigned j = 0; j <= b_size; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_size; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_size; j++) {
			unsigned above = row[j];
			row[j] = least(least(above, row[j - 1]) + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[b_size];
}

const char *log_nearest(const char *word, const char *const *choices)
{
	const char *nearest = NULL;
	unsigned best = (unsigned)strlen(word) / 3 + 1; /* further away is not a typing error */
	for (; *choices; choices++) {
		unsigned d = distance(word, *choices);
		if (d <= best && (d < best || !nearest)) {
			best = d;
			nearest = *choices;
		}
	}
	return nearest;
}
