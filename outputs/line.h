/* line.h - what CEF and LEEF share: one line of key=value pairs. Texts are made safe as in json.h; what the format gives a meaning
 * of its own is escaped on top; a text that is too long ends in an ellipsis. */
#ifndef TW_LINE_H
#define TW_LINE_H

#include "json.h"
#include "output.h"

/* Room for every pair of a format at its longest, each byte escaped. */
enum { LINE_MAX_BYTES = 1 << 16, LINE_VALUE_MAX = 1023, LINE_JOINED_MAX = 2048 };

struct line {
	char between;          /* pairs */
	const char *special;   /* bytes of a value that need an escape ... */
	bool hex;              /* ... \x7c; false: a backslash before them */
	bool begun;            /* there is a pair */
	uint32_t size;
	char text[LINE_MAX_BYTES];
};

void line_raw(struct line *line, const char *text);
/* A text of at most `max` bytes before its specials are escaped. */
void line_text(struct line *line, struct slice text, uint32_t max, const char *special);

/* Pairs; one without a value is left out. */
void line_pair(struct line *line, const char *key, struct slice value, uint32_t max);
void line_pair_text(struct line *line, const char *key, const char *value, uint32_t max);
void line_pair_number(struct line *line, const char *key, uint64_t value);
void line_pair_ms(struct line *line, const char *key, uint64_t time_ns);
void line_pair_address(struct line *line, const char *key, const struct address *address);

/* Several values as one, from an alert or event: raw, joined by ", ", in a buffer of the caller's. */
struct line_joined {
	uint32_t size;
	char text[LINE_JOINED_MAX];
};
struct slice line_join(struct line_joined *out, struct slices texts);
/* "Berlin, DE, AS3320 Deutsche Telekom AG, network plant floor, vendor Espressif Inc., owner Ann Lee, site hall 2": what is known of
 * an end beyond the traffic. Texts are not yet made safe. */
struct slice line_about(struct line_joined *out, const struct context_end *end);
struct slice line_groups(struct line_joined *out, const struct alert *alert);      /* "client_id=x, src_ip=y" */
struct slice line_frames(struct line_joined *out, const struct alert *alert);      /* "12, 19" */
struct slice line_techniques(struct line_joined *out, const struct rule *rule);    /* "T1110.001 Password Guessing (Credential Access)" */

#endif
