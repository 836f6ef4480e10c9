#include "log_formats.h"
#include <stdio.h>

static const struct log_format *const formats[] = {
#define LOG_FORMAT(name) &log_format_##name,
#include "../parsers/logs.def"
#undef LOG_FORMAT
};

enum { FORMATS = sizeof formats / sizeof *formats };

const struct log_format *log_format_at(unsigned index)
{
	return index < FORMATS ? formats[index] : NULL;
}

const struct log_format *log_format_named(const char *name)
{
	for (unsigned i = 0; i < FORMATS; i++)
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	return NULL;
}

const struct log_format *log_format_of(struct slice head)
{
	const struct log_format *best = NULL;
	unsigned most = 0;
	for (unsigned i = 0; i < FORMATS; i++) {
		unsigned known = formats[i]->probe(head);
		if (known > most) {
			most = known;
			best = formats[i];
		}
	}
	return best;
}

const char *log_format_names(void)
{
	static char names[1024];
	size_t n = 0;
	for (unsigned i = 0; i < FORMATS && n < sizeof names; i++)
		n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", formats[i]->name);
	return names;
}
