#include "log_formats.h"
#include "log_wrapping.h"
#include "../parsers/log_line.h"
#include "../parsers/log_mapper.h"
#include <stdio.h>

static const struct log_format *const formats[] = {
#define LOG_FORMAT(name) &log_format_##name,
#include "../parsers/logs.def"
#undef LOG_FORMAT
};

enum { FORMATS = sizeof formats / sizeof *formats };

static const struct log_mapper *mappers;
static unsigned mapper_count;

void log_formats_add(const struct log_mapper *added, unsigned count)
{
	mappers = added;
	mapper_count = count;
}

const struct log_format *log_format_builtin(unsigned index)
{
	return index < FORMATS ? formats[index] : NULL;
}

const struct log_format *log_format_at(unsigned index)
{
	if (index < mapper_count)
		return &mappers[index].format;
	return log_format_builtin(index - mapper_count);
}

const struct log_format *log_format_named(const char *name)
{
	const struct log_format *format;
	for (unsigned i = 0; (format = log_format_at(i)); i++)
		if (strcmp(format->name, name) == 0)
			break;
	return format;
}

uint32_t log_without_colours(struct slice text, uint8_t *out)
{
	uint32_t to = 0;
	for (uint32_t i = 0; i < text.size;) {
		if (text.at[i] == 0x1b && i + 1 < text.size && text.at[i + 1] == '[') {
			for (i += 2; i < text.size && (text.at[i] < 0x40 || text.at[i] > 0x7e); i++)
				;
			i++;
		} else {
			out[to++] = text.at[i++];
		}
	}
	return to;
}

/* The whole lines of `head` as formats know them, in `plain`. */
static struct slice bare(struct slice head, uint8_t *plain)
{
	struct log_wrapping wrapping = {0};
	struct log_json *json = log_json_open();
	struct slice line;
	uint32_t size = 0;
	uint64_t time_ns;
	while (json && log_take_until(&head, "\n", &line)) {
		line = slice_of(plain + size, log_without_colours(line, plain + size));
		log_unwrap(&wrapping, json, &line, &time_ns);
		memmove(plain + size, line.at, line.size);
		size += line.size;
		plain[size++] = '\n';
	}
	log_json_close(json);
	return slice_of(plain, log_without_colours(slice_of(plain, size), plain));
}

const struct log_format *log_format_of(struct slice head)
{
	static uint8_t plain[LIMIT_LOG_HEAD + 1];
	const struct log_format *best = NULL, *format;
	unsigned most = 0;
	if (head.size <= sizeof plain)
		head = bare(head, plain);
	for (unsigned i = 0; (format = log_format_at(i)); i++) {
		unsigned known = format->probe ? format->probe(head) : log_mapper_probe(format, head);
		if (known > most) {
			most = known;
			best = format;
		}
	}
	return best;
}

const char *log_format_names(void)
{
	static char names[1024];
	size_t n = 0;
	for (unsigned i = 0; log_format_at(i) && n < sizeof names; i++)
		n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", log_format_at(i)->name);
	return names;
}
