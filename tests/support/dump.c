#include "dump.h"
#include "sensor/hash.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void dump_open(struct dump *d, size_t room, const char *const *without)
{
	*d = (struct dump){.text = malloc(room), .room = room, .without = without};
	if (!d->text)
		abort();
	d->text[0] = 0;
}

void dump_close(struct dump *d)
{
	free(d->text);
	d->text = NULL;
}

void dump_clear(struct dump *d)
{
	d->size = 0;
	d->events = d->violations = 0;
	d->full = false;
	d->text[0] = 0;
}

__attribute__((format(printf, 2, 3))) static void add(struct dump *d, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(d->text + d->size, d->room - d->size, format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t)n >= d->room - d->size) {
		d->full = true;
		d->text[d->size] = 0;
		return;
	}
	d->size += (size_t)n;
}

static void add_text(struct dump *d, struct slice text)
{
	enum { SHOWN = 160 };
	char out[SHOWN * 4 + 32];
	uint32_t n = 0;
	for (uint32_t i = 0; i < text.size && i < SHOWN; i++) {
		uint8_t c = text.at[i];
		if (c >= 0x20 && c < 0x7f && c != '\\')
			out[n++] = (char)c;
		else
			n += (uint32_t)sprintf(out + n, "\\%02x", c);
	}
	out[n] = 0;
	add(d, "%s", out);
	if (text.size > SHOWN)
		add(d, "...%u:%" PRIx64, text.size, hash_slice(text, 0));
}

static void add_value(struct dump *d, const struct field *field, const struct value *value)
{
	switch (field->type) {
	case FIELD_ADDRESS: {
		char text[ADDRESS_TEXT_MAX];
		address_format(value->address, text);
		add(d, "%s", text);
		break;
	}
	case FIELD_CODES:
		for (uint32_t i = 0; i < value->text.size; i++)
			add(d, "%s%u", i ? "," : "", value->text.at[i]);
		break;
	case FIELD_TEXT:
	case FIELD_TEXTS:
	case FIELD_NAME:
	case FIELD_CSTRING:
		for (uint32_t i = 0; i < value->texts.count; i++) {
			add(d, i ? "," : "");
			add_text(d, value->texts.items[i]);
		}
		break;
	case FIELD_ENUM:
		add(d, "%s", field->enum_name((unsigned)value->number) ? field->enum_name((unsigned)value->number) : "?");
		break;
	default:
		add(d, "%" PRIu64, value->number);
		break;
	}
}

static bool left_out(const struct dump *d, const char *name)
{
	for (const char *const *w = d->without; w && *w; w++) {
		size_t size = strlen(*w);
		if ((*w)[size - 1] == '*' ? strncmp(name, *w, size - 1) == 0 : strcmp(name, *w) == 0)
			return true;
	}
	return false;
}

static void add_fields(struct dump *d, const struct field *fields, const struct event *event)
{
	for (const struct field *f = fields; f && f->name; f++) {
		struct value value = {0};
		if (left_out(d, f->name) || !field_get(f, event, &value))
			continue;
		add(d, " %s=", f->name);
		add_value(d, f, &value);
		add(d, "\n");
	}
}

void dump_event(struct dump *d, const struct event *event)
{
	d->events++;
	d->violations += event->action == ACTION_VIOLATION;
	add(d, "%s %s message %u\n", protocol_name(event->protocol), action_name(event->action), event->message);
	add_fields(d, event_fields, event);
	add_fields(d, event->fields, event);
}

void dump_line(struct dump *d, const char *line)
{
	add(d, "%s\n", line);
}

bool dump_equal(const struct dump *a, const struct dump *b)
{
	return !a->full && !b->full && a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

bool dump_begins(const struct dump *whole, const struct dump *part)
{
	return !whole->full && !part->full && part->size <= whole->size && memcmp(whole->text, part->text, part->size) == 0;
}

static int line_size(const char *at)
{
	return (int)strcspn(at, "\n");
}

void dump_explain(const struct dump *a, const struct dump *b)
{
	size_t i = 0, line = 0, head = 0;
	while (i < a->size && i < b->size && a->text[i] == b->text[i]) {
		if (a->text[i++] == '\n') {
			line = i;
			if (a->text[i] != ' ')
				head = i;
		}
	}
	if (a->full || b->full)
		fprintf(stderr, "the dump is too small\n");
	fprintf(stderr, "events: %u and %u; they part in \"%.*s\":\n  %.*s\n  %.*s\n", a->events, b->events,
		line_size(a->text + head), a->text + head, line_size(a->text + line), a->text + line, line_size(b->text + line),
		b->text + line);
}

unsigned dump_count(const struct dump *d, const char *line)
{
	unsigned count = 0;
	size_t size = strlen(line);
	for (const char *at = d->text; (at = strstr(at, line)); at += size)
		count += (at == d->text || at[-1] == '\n') && at[size] == '\n';
	return count;
}
