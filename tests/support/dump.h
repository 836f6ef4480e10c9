/* dump.h - events as text, every field of them, for comparing what two runs said. Allocates only when it is made. */
#ifndef TW_TEST_DUMP_H
#define TW_TEST_DUMP_H

#include "sensor/event.h"
#include <stddef.h>

struct dump {
	char *text;
	size_t size, room;
	unsigned events, violations;
	bool full;
	const char *const *without; /* names of fields left out, or their beginnings before a '*'; NULL for none */
};

void dump_open(struct dump *dump, size_t room, const char *const *without);
void dump_close(struct dump *dump);
void dump_clear(struct dump *dump);
void dump_event(struct dump *dump, const struct event *event);
void dump_line(struct dump *dump, const char *line);
bool dump_equal(const struct dump *a, const struct dump *b);
/* Does `whole` begin with `part`? */
bool dump_begins(const struct dump *whole, const struct dump *part);
/* The first line where they part, from both, on standard error. */
void dump_explain(const struct dump *a, const struct dump *b);
/* How many events have this line, e.g. " mqtt.publish.topic=a/b". */
unsigned dump_count(const struct dump *dump, const char *line);

#endif
