#include "log_json.h"
#include <assert.h>
#include <stdlib.h>
#include <yajl/yajl_parse.h>

enum { VALUES = 1024, TEXT_BYTES = 1 << 17, DEPTH = 16, PATH = 256 };

struct log_json {
	yajl_handle handle;
	uint32_t count, used;
	unsigned depth;
	bool refused;              /* not an object, or deeper than is followed */
	uint16_t path_size, path_at[DEPTH + 1]; /* of each container that is open: where its path ends */
	bool list[DEPTH + 1];
	struct log_json_value values[VALUES];
	char path[PATH];
	char text[TEXT_BYTES];
};

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

/* Directly in a list, at a depth that is kept. */
static bool in_list(const struct log_json *j)
{
	return j->depth && j->depth <= DEPTH && j->list[j->depth];
}

static int value(struct log_json *j, enum log_json_type type, const void *at, size_t size)
{
	if (!j->depth)
		j->refused = true;
	if (!j->depth || j->count == VALUES || j->depth > DEPTH)
		return 1;
	uint32_t path_size = j->path_size;
	if (in_list(j) && path_size + 2 <= PATH) {
		memcpy(j->path + path_size, "[]", 2);
		path_size += 2;
	}
	const char *path = keep(j, j->path, path_size), *text = keep(j, at, size);
	if (path && text)
		j->values[j->count++] = (struct log_json_value){slice_of(path, path_size), slice_of(text, (uint32_t)size), (uint8_t)type};
	return 1;
}

static int on_null(void *context)
{
	return value(context, JSON_NULL, "", 0);
}

static int on_boolean(void *context, int is_true)
{
	return value(context, JSON_BOOL, is_true ? "true" : "false", is_true ? 4 : 5);
}

static int on_number(void *context, const char *text, size_t size)
{
	return value(context, JSON_NUMBER, text, size);
}

static int on_string(void *context, const unsigned char *text, size_t size)
{
	return value(context, JSON_TEXT, text, size);
}

static int enter(struct log_json *j, bool list)
{
	if (!j->depth && list)
		j->refused = true;
	if (in_list(j) && j->path_size + 2 <= PATH) {
		memcpy(j->path + j->path_size, "[]", 2);
		j->path_size = (uint16_t)(j->path_size + 2);
	}
	if (++j->depth <= DEPTH) {
		j->list[j->depth] = list;
		j->path_at[j->depth] = j->path_size;
	}
	return 1;
}

static int leave(struct log_json *j)
{
	if (j->depth && --j->depth <= DEPTH && j->depth)
		j->path_size = j->path_at[j->depth];
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
	return leave(context);
}

static int on_key(void *context, const unsigned char *text, size_t size)
{
	struct log_json *j = context;
	if (j->depth > DEPTH)
		return 1;
	uint16_t at = j->path_at[j->depth];
	bool dot = at > 0;
	size = at + dot + size <= PATH ? size : at + dot <= PATH ? (size_t)(PATH - at - dot) : 0;
	if (at + dot <= PATH) {
		if (dot)
			j->path[at] = '.';
		memcpy(j->path + at + dot, text, size);
		j->path_size = (uint16_t)(at + dot + size);
	}
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

bool log_json_read(struct log_json *j, struct slice text)
{
	j->count = j->used = 0;
	j->depth = 0;
	j->path_size = 0;
	j->refused = false;
	if (!j->handle && !handle_open(j))
		return false;
	bool good = yajl_parse(j->handle, text.at, text.size) == yajl_status_ok && j->depth == 0 && !j->refused;
	if (good && yajl_complete_parse(j->handle) == yajl_status_ok)
		return true;
	/* A handle that met a fault is of no use any more. */
	yajl_free(j->handle);
	j->handle = NULL;
	return false;
}

uint32_t log_json_count(const struct log_json *j)
{
	return j->count;
}

const struct log_json_value *log_json_at(const struct log_json *j, uint32_t index)
{
	return index < j->count ? &j->values[index] : NULL;
}

/* The first value of this path from `from` on; j->count when there is none. */
static uint32_t find_from(const struct log_json *j, uint32_t from, const char *path)
{
	uint32_t size = (uint32_t)strlen(path), i = from;
	while (i < j->count && (j->values[i].path.size != size || memcmp(j->values[i].path.at, path, size) != 0))
		i++;
	return i;
}

static const struct log_json_value *find(const struct log_json *j, const char *path)
{
	return log_json_at(j, find_from(j, 0, path));
}

bool log_json_text(const struct log_json *j, const char *path, struct slice *out)
{
	const struct log_json_value *v = find(j, path);
	if (!v || v->type == JSON_NULL)
		return false;
	*out = v->text;
	return true;
}

bool log_json_number(const struct log_json *j, const char *path, uint64_t *out)
{
	const struct log_json_value *v = find(j, path);
	uint64_t number = 0;
	uint32_t n = 0;
	if (!v || (v->type != JSON_NUMBER && v->type != JSON_TEXT))
		return false;
	for (; n < v->text.size && n < 19 && v->text.at[n] >= '0' && v->text.at[n] <= '9'; n++)
		number = number * 10 + (uint64_t)(v->text.at[n] - '0');
	*out = number;
	return n && (n == v->text.size || v->text.at[n] == '.');
}

bool log_json_is(const struct log_json *j, const char *path, const char *text)
{
	struct slice value_of;
	return log_json_text(j, path, &value_of) && slice_is(value_of, text);
}

uint32_t log_json_all(const struct log_json *j, const char *path, struct slice *out, uint32_t max)
{
	uint32_t n = 0;
	for (uint32_t i = find_from(j, 0, path); i < j->count && n < max; i = find_from(j, i + 1, path))
		if (j->values[i].type != JSON_NULL)
			out[n++] = j->values[i].text;
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
