#include "log_json.h"
#include <assert.h>
#include <stdlib.h>
#include <yajl/yajl_parse.h>

enum { VALUES = 1024, TEXTS = 2 * VALUES, TEXT_BYTES = 1 << 17, DEPTH = 16, PATH = 256, SLOTS = 64 };

struct log_json {
	yajl_handle handle;
	struct slice given;        /* what yajl reads: `outline`, or the record */
	uint32_t count, used;
	unsigned depth;
	bool refused;              /* not an object, or deeper than is followed */
	uint16_t path_at[DEPTH + 1]; /* of each container that is open: where its path ends */
	bool list[DEPTH + 1];
	struct slice key;          /* of the member at hand; in `room` when it has escapes */
	uint32_t text_next, text_count;
	struct slice texts[TEXTS]; /* of the outline, in their order; NULL: as yajl reads it */
	struct log_json_value values[VALUES];
	/* Values by path: the first and the last of each slot, then the next of the same slot; numbers from 1, 0 for none. */
	uint16_t first[SLOTS], last[SLOTS], next[VALUES + 1];
	char path[PATH], room[PATH];
	char text[TEXT_BYTES];
	uint8_t outline[TEXT_BYTES];
};

/* --- paths ------------------------------------------------------------------------------------------------------- */

static const char *keep(struct log_json *j, const void *at, size_t size)
{
	if (size >= TEXT_BYTES - j->used)
		return NULL;
	char *copy = j->text + j->used;
	memcpy(copy, at, size);
	copy[size] = 0;
	j->used += (uint32_t)size + 1;
	return copy;
}

/* Puts the path of what comes next behind that of what it is in; how far it goes then. */
static uint32_t path_end(struct log_json *j)
{
	uint32_t at = j->path_at[j->depth];
	if (j->list[j->depth]) {
		if (at + 2 > PATH)
			return at;
		memcpy(j->path + at, "[]", 2);
		return at + 2;
	}
	if (at == PATH)
		return at;
	if (at)
		j->path[at++] = '.';
	struct slice key = slice_head(j->key, PATH - at);
	memcpy(j->path + at, key.at, key.size);
	return at + key.size;
}

static bool path_of(struct log_json *j, struct slice *out)
{
	*out = slice_head(j->key, PATH);
	if (j->depth == 1 && !j->list[1] && (const char *)j->key.at != j->room)
		return true;
	uint32_t size = path_end(j);
	*out = slice_of(keep(j, j->path, size), size);
	return out->at != NULL;
}

static unsigned slot_of(struct slice path)
{
	return path.size ? (path.size * 5u + path.at[0] * 3u + path.at[path.size - 1]) % SLOTS : 0;
}

/* --- what yajl tells --------------------------------------------------------------------------------------------- */

static bool stays(const struct log_json *j, struct slice text)
{
	return (uintptr_t)text.at - (uintptr_t)j->given.at < j->given.size;
}

static void add(struct log_json *j, struct log_json_value value)
{
	unsigned slot = slot_of(value.path);
	j->values[j->count++] = value;
	if (j->first[slot])
		j->next[j->last[slot]] = (uint16_t)j->count;
	else
		j->first[slot] = (uint16_t)j->count;
	j->last[slot] = (uint16_t)j->count;
	j->next[j->count] = 0;
}

static int value(struct log_json *j, enum log_json_type type, struct slice text, bool kept)
{
	struct slice path;
	if (!j->depth)
		j->refused = true;
	if (!j->depth || j->count == VALUES || j->depth > DEPTH || !path_of(j, &path))
		return 1;
	if (!kept)
		text.at = (const uint8_t *)keep(j, text.at, text.size);
	if (text.at)
		add(j, (struct log_json_value){path, text, (uint8_t)type});
	return 1;
}

static int on_null(void *context)
{
	return value(context, JSON_NULL, slice_text(""), true);
}

static int on_boolean(void *context, int is_true)
{
	return value(context, JSON_BOOL, slice_text(is_true ? "true" : "false"), true);
}

static int on_number(void *context, const char *at, size_t size)
{
	struct slice text = slice_of(at, (uint32_t)size);
	return value(context, JSON_NUMBER, text, stays(context, text));
}

/* What stands in the record at this place of the outline. False: what yajl has read is gone when this call is. */
static bool text_of(struct log_json *j, struct slice *text)
{
	if (j->text_next < j->text_count && j->texts[j->text_next++].at) {
		*text = j->texts[j->text_next - 1];
		return true;
	}
	return stays(j, *text);
}

static int on_string(void *context, const unsigned char *at, size_t size)
{
	struct slice text = slice_of(at, (uint32_t)size);
	bool kept = text_of(context, &text);
	return value(context, JSON_TEXT, text, kept);
}

static int on_key(void *context, const unsigned char *at, size_t size)
{
	struct log_json *j = context;
	struct slice key = slice_of(at, (uint32_t)size);
	if (!text_of(j, &key)) {
		key = slice_head(key, PATH);
		memcpy(j->room, key.at, key.size);
		key.at = (const uint8_t *)j->room;
	}
	if (j->depth <= DEPTH)
		j->key = key;
	return 1;
}

static int enter(struct log_json *j, bool list)
{
	if (!j->depth && list)
		j->refused = true;
	uint32_t end = j->depth && j->depth < DEPTH ? path_end(j) : 0;
	if (++j->depth <= DEPTH) {
		j->list[j->depth] = list;
		j->path_at[j->depth] = (uint16_t)end;
	}
	return 1;
}

static int on_map(void *context)
{
	return enter(context, false);
}

static int on_list(void *context)
{
	return enter(context, true);
}

static int on_end(void *context)
{
	struct log_json *j = context;
	j->depth -= j->depth > 0;
	return 1;
}

static const yajl_callbacks callbacks = {.yajl_null = on_null, .yajl_boolean = on_boolean, .yajl_number = on_number,
	.yajl_string = on_string, .yajl_start_map = on_map, .yajl_map_key = on_key, .yajl_end_map = on_end, .yajl_start_array = on_list,
	.yajl_end_array = on_end};

static bool handle_open(struct log_json *j)
{
	j->handle = yajl_alloc(&callbacks, NULL, j);
	return j->handle && yajl_config(j->handle, yajl_allow_multiple_values, 1) &&
	       yajl_config(j->handle, yajl_dont_validate_strings, 1);
}

struct log_json *log_json_open(void)
{
	struct log_json *j = calloc(1, sizeof *j);
	if (j && handle_open(j))
		return j;
	log_json_close(j);
	return NULL;
}

void log_json_close(struct log_json *j)
{
	if (j && j->handle)
		yajl_free(j->handle);
	free(j);
}

/* --- the outline ------------------------------------------------------------------------------------------------- */

static bool has_controls(struct slice s)
{
	uint64_t found = 0, eight;
	uint32_t i = 0;
	for (; i + 8 <= s.size; i += 8) { /* a byte that is less than a blank borrows, and has no upper bit itself */
		memcpy(&eight, s.at + i, 8);
		found |= (eight - 0x2020202020202020u) & ~eight;
	}
	for (; i < s.size; i++)
		found |= s.at[i] < 0x20 ? 0x80u : 0u;
	return found & 0x8080808080808080u;
}

/* The quote that ends the text that begins at `open`; NULL: none. */
static const uint8_t *text_quote(const uint8_t *open, const uint8_t *end)
{
	const uint8_t *at = open, *from;
	while ((at = memchr(at + 1, '"', (size_t)(end - at - 1)))) {
		for (from = at; from[-1] == '\\'; from--)
			;
		if (((at - from) & 1) == 0)
			break;
	}
	return at;
}

/* yajl looks at every byte of a text by itself, which is most of what it does. It is given the record with empty texts instead, and
 * what they hold is taken from the record; those with escapes stay, for yajl knows what they mean. False: yajl must see the record. */
static bool outline(struct log_json *j, struct slice record)
{
	const uint8_t *at = record.at, *end = record.at + record.size;
	uint8_t *out = j->outline;
	if (record.size > sizeof j->outline || has_controls(record))
		return false;
	bool escapes = memchr(at, '\\', record.size) != NULL;
	while (at < end) {
		if (*at != '"') {
			*out++ = *at++;
			continue;
		}
		const uint8_t *quote = text_quote(at, end);
		if (!quote || j->text_count == TEXTS)
			return false;
		uint32_t size = (uint32_t)(quote - at) - 1;
		bool stay = escapes && memchr(at, '\\', size + 1);
		j->texts[j->text_count++] = stay ? (struct slice){NULL, 0} : slice_of(at + 1, size);
		*out++ = '"';
		if (stay) {
			memcpy(out, at + 1, size);
			out += size;
		}
		*out++ = '"';
		at = quote + 1;
	}
	j->given = slice_of(j->outline, (uint32_t)(out - j->outline));
	return true;
}

static bool begin(struct log_json *j)
{
	j->count = j->used = 0;
	j->depth = 0;
	j->refused = false;
	j->text_next = j->text_count = 0;
	memset(j->first, 0, sizeof j->first);
	return j->handle || handle_open(j);
}

/* A handle that met a fault is of no use any more. */
static bool spoilt(struct log_json *j)
{
	if (j->handle)
		yajl_free(j->handle);
	j->handle = NULL;
	return false;
}

static bool fed(struct log_json *j, struct slice text)
{
	return yajl_parse(j->handle, text.at, text.size) == yajl_status_ok && !j->refused;
}

bool log_json_read_member(struct log_json *j, struct slice member)
{
	j->given = member;
	return (begin(j) && fed(j, slice_text("{")) && fed(j, member) && fed(j, slice_text("}")) && j->depth == 0) || spoilt(j);
}

bool log_json_read(struct log_json *j, struct slice text)
{
	if (!begin(j))
		return false;
	if (!outline(j, text)) {
		j->text_count = 0;
		j->given = text;
	}
	bool good = fed(j, j->given) && j->depth == 0;
	/* Behind its last brace an object is whole; behind anything else there may be half a word. */
	bool braced = j->given.size && j->given.at[j->given.size - 1] == '}';
	if (good && (braced || yajl_complete_parse(j->handle) == yajl_status_ok))
		return true;
	return spoilt(j);
}

/* --- values ------------------------------------------------------------------------------------------------------ */

uint32_t log_json_count(const struct log_json *j)
{
	return j->count;
}

const struct log_json_value *log_json_at(const struct log_json *j, uint32_t index)
{
	return index < j->count ? &j->values[index] : NULL;
}

const char *log_json_string(struct log_json *j, const struct log_json_value *value)
{
	return keep(j, value->text.at, value->text.size);
}

/* The first value of this path among `number` and those behind it; 0 when there is none. */
static uint32_t find_from(const struct log_json *j, uint32_t number, struct slice path)
{
	while (number && !slice_equal(j->values[number - 1].path, path))
		number = j->next[number];
	return number;
}

static const struct log_json_value *find(const struct log_json *j, struct slice path)
{
	uint32_t number = find_from(j, j->first[slot_of(path)], path);
	return number ? &j->values[number - 1] : NULL;
}

bool log_json_text_at(const struct log_json *j, struct slice path, struct slice *out)
{
	const struct log_json_value *v = find(j, path);
	if (!v || v->type == JSON_NULL)
		return false;
	*out = v->text;
	return true;
}

bool log_json_number(const struct log_json *j, const char *path, uint64_t *out)
{
	const struct log_json_value *v = find(j, slice_text(path));
	uint64_t number = 0;
	uint32_t n = 0;
	if (!v || (v->type != JSON_NUMBER && v->type != JSON_TEXT))
		return false;
	for (; n < v->text.size && n < 19 && v->text.at[n] >= '0' && v->text.at[n] <= '9'; n++)
		number = number * 10 + (uint64_t)(v->text.at[n] - '0');
	*out = number;
	return n && (n == v->text.size || v->text.at[n] == '.');
}

uint32_t log_json_all(const struct log_json *j, const char *path, struct slice *out, uint32_t max)
{
	struct slice wanted = slice_text(path);
	uint32_t n = 0, number = find_from(j, j->first[slot_of(wanted)], wanted);
	for (; number && n < max; number = find_from(j, j->next[number], wanted))
		if (j->values[number - 1].type != JSON_NULL)
			out[n++] = j->values[number - 1].text;
	return n;
}

/* --- without parsing ----------------------------------------------------------------------------------------- */

/* Is the quote at `at` one within a text? */
static bool is_escaped(struct slice s, uint32_t at)
{
	uint32_t n = at;
	while (n && s.at[n - 1] == '\\')
		n--;
	return (at - n) & 1;
}

static uint32_t text_end(struct slice s, uint32_t at)
{
	const uint8_t *quote;
	while ((quote = memchr(s.at + at + 1, '"', s.size - at - 1))) {
		at = (uint32_t)(quote - s.at);
		if (!is_escaped(s, at))
			return at + 1;
	}
	return s.size;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',';
}

static uint32_t value_end(struct slice s, uint32_t at)
{
	if (s.at[at] == '"')
		return text_end(s, at);
	unsigned depth = 0;
	for (; at < s.size; at++) {
		uint8_t c = s.at[at];
		if (c == '"') {
			at = text_end(s, at) - 1;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			if (depth <= 1)
				return depth ? at + 1 : at;
			depth--;
		} else if (!depth && is_blank(c)) {
			return at;
		}
	}
	return s.size;
}

bool log_json_raw(struct slice text, const char *name, struct slice *out)
{
	char quoted[32] = "\"";
	uint32_t size = (uint32_t)strlen(name) + 2, from;
	const uint8_t *found;
	assert(size <= sizeof quoted);
	memcpy(quoted + 1, name, size - 2);
	quoted[size - 1] = '"';
	for (uint32_t at = 0; (found = memmem(text.at + at, text.size - at, quoted, size)); at = from) {
		uint32_t begin = (uint32_t)(found - text.at);
		for (from = begin + size; from < text.size && is_blank(text.at[from]);)
			from++;
		if (is_escaped(text, begin) || from >= text.size || text.at[from] != ':')
			continue;
		for (from++; from < text.size && is_blank(text.at[from]);)
			from++;
		if (from >= text.size)
			return false;
		*out = slice_of(text.at + from, value_end(text, from) - from);
		return out->size > 0;
	}
	return false;
}

bool log_json_item(struct slice *rest, struct slice *out)
{
	uint32_t at = 0;
	while (at < rest->size && is_blank(rest->at[at]))
		at++;
	if (at >= rest->size || rest->at[at] == ']')
		return false;
	uint32_t end = value_end(*rest, at);
	if (end <= at)
		return false;
	*out = slice_of(rest->at + at, end - at);
	rest->at += end;
	rest->size -= end;
	return true;
}

bool log_json_member(struct slice object, struct slice name, struct slice *out)
{
	uint32_t at = 1;
	if (!object.size || object.at[0] != '{')
		return false;
	for (;;) {
		while (at < object.size && is_blank(object.at[at]))
			at++;
		if (at >= object.size || object.at[at] != '"')
			return false;
		uint32_t end = text_end(object, at);
		bool same = end - at == name.size + 2 && memcmp(object.at + at + 1, name.at, name.size) == 0;
		for (at = end; at < object.size && (is_blank(object.at[at]) || object.at[at] == ':');)
			at++;
		if (at >= object.size)
			return false;
		end = value_end(object, at);
		*out = slice_of(object.at + at, end - at);
		if (same)
			return true;
		if (end <= at)
			return false;
		at = end;
	}
}
