/* log_json.h - one JSON object of a log, flattened (only user of yajl). Bounded; nothing is allocated for a record but what yajl's
 * reused handle grows to.
 *
 * Paths: {"client":{"id":"x"},"topics":["a","b"]} has client.id = x, topics[] = a, topics[] = b. Values are unescaped and
 * live as long as the text that was read, and until the next read. A record with more than it holds keeps what came first. */
#ifndef TW_LOG_JSON_H
#define TW_LOG_JSON_H

#include "../sensor/bytes.h"

enum log_json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_TEXT };

struct log_json_value {
	struct slice path, text; /* text of a number as it stands, of a bool "true" or "false" */
	uint8_t type;
};

struct log_json;

struct log_json *log_json_open(void); /* NULL when memory is refused */
void log_json_close(struct log_json *json);

/* False when the text is not one JSON object; what stood before the fault is kept. */
bool log_json_read(struct log_json *json, struct slice text);
/* The same of one member of an object, `"name": value`, as it has a line of its own where JSON is printed for people. */
bool log_json_read_member(struct log_json *json, struct slice member);
uint32_t log_json_count(const struct log_json *json);
const struct log_json_value *log_json_at(const struct log_json *json, uint32_t index);
/* Its text with a NUL behind it; NULL: there is no room left. */
const char *log_json_string(struct log_json *json, const struct log_json_value *value);

/* The first value of this path; false when there is none, or it is null. */
bool log_json_text_at(const struct log_json *json, struct slice path, struct slice *out);
static inline bool log_json_text(const struct log_json *json, const char *path, struct slice *out)
{
	return log_json_text_at(json, slice_text(path), out);
}

static inline bool log_json_is(const struct log_json *json, const char *path, const char *text)
{
	struct slice value;
	return log_json_text(json, path, &value) && slice_is(value, text);
}

bool log_json_number(const struct log_json *json, const char *path, uint64_t *out); /* whole part; texts of digits too */
/* All values of a path, as "topics[]". */
uint32_t log_json_all(const struct log_json *json, const char *path, struct slice *out, uint32_t max);

/* Without parsing: the raw value of the first member of this name at any depth, as it stands (a text with its quotes). For times,
 * and for lists of records: log_json_item() then takes one after the other. */
bool log_json_raw(struct slice text, const char *name, struct slice *out);
/* The same of a member of the object itself, none deeper. */
bool log_json_member(struct slice object, struct slice name, struct slice *out);
/* Takes the next whole value, [ { or text or number, off the front of a list's inside or of concatenated objects. */
bool log_json_item(struct slice *rest, struct slice *out);

#endif
