/* cursor.h - up to where an output has sent what is in the journal: one small file of text in the journal's folder for each output,
 * replaced as a whole. It also says what the output takes, so that what waits can be counted without the configuration. */
#ifndef TW_CURSOR_H
#define TW_CURSOR_H

#include "journal_entry.h"

#define CURSOR_OUTPUT_MAX 512u
#define CURSORS_MAX 64u

struct cursor {
	char output[CURSOR_OUTPUT_MAX]; /* "syslog tcp siem:514 eve": who it is */
	char format[32];
	uint8_t level;                  /* least */
	bool alerts, events;
	uint64_t sequence;              /* everything up to it was sent, refused or lost */
	uint64_t lost;                  /* went with the oldest segments, ever */
};

enum cursor_found { CURSOR_FOUND, CURSOR_NONE, CURSOR_DAMAGED };

/* "<folder>/<hash of cursor->output>.cursor" */
enum cursor_found cursor_load(const char *folder, struct cursor *cursor); /* sequence and lost of the one for cursor->output */
bool cursor_save(const char *folder, const struct cursor *cursor);        /* false: errno says why */
/* Every cursor of a journal, by name; how many, CURSORS_MAX at most. */
unsigned cursor_list(const char *folder, struct cursor out[CURSORS_MAX]);

bool cursor_takes(const struct cursor *cursor, const struct journal_entry *entry);

#endif
