#include "json.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <yajl/yajl_gen.h>

/* A record's texts are cut short at RECORD_MAX; what closes it still fits, and the buffers that it grew through. */
enum { RECORD_MAX = 1 << 18, ARENA_BYTES = RECORD_MAX * 5, TEXT_MAX = 1024, ESCAPED_MAX = 6 };

/* yajl allocates its state and its growing buffer; here both come from a fixed arena that is reset for each record. */
struct json {
	yajl_gen gen;
	size_t used;
	_Alignas(16) unsigned char arena[ARENA_BYTES];
};

static void *arena_take(void *context, size_t size)
{
	struct json *json = context;
	size = (size + 31) & ~(size_t)15;
	if (size > ARENA_BYTES - json->used)
		return NULL;
	size_t *at = (size_t *)(void *)(json->arena + json->used);
	json->used += size;
	*at = size - 16;
	return at + 2;
}

static void arena_give(void *context, void *at)
{
	(void)context, (void)at;
}

static void *arena_grow(void *context, void *at, size_t size)
{
	size_t old = at ? ((size_t *)at)[-2] : 0;
	void *bigger = arena_take(context, size);
	if (bigger && at)
		memcpy(bigger, at, old < size ? old : size);
	return bigger;
}

struct json *json_begin(void)
{
	static struct json *json;
	if (!json)
		json = calloc(1, sizeof *json);
	if (!json)
		abort();
	const yajl_alloc_funcs functions = {arena_take, arena_grow, arena_give, json};
	json->used = 0;
	json->gen = yajl_gen_alloc(&functions);
	return json;
}

struct slice json_end(struct json *json)
{
	const unsigned char *at;
	size_t size;
	if (yajl_gen_get_buf(json->gen, &at, &size) != yajl_gen_status_ok)
		return slice_text("{}");
	return slice_of(at, (uint32_t)size);
}

void json_open(struct json *json)
{
	yajl_gen_map_open(json->gen);
}

void json_close(struct json *json)
{
	yajl_gen_map_close(json->gen);
}

void json_list(struct json *json)
{
	yajl_gen_array_open(json->gen);
}

void json_list_end(struct json *json)
{
	yajl_gen_array_close(json->gen);
}

void json_cstring(struct json *json, const char *text)
{
	yajl_gen_string(json->gen, (const unsigned char *)text, strlen(text));
}

void json_key(struct json *json, const char *key)
{
	json_cstring(json, key);
}

void json_number(struct json *json, uint64_t number)
{
	char digits[24];
	unsigned at = sizeof digits;
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	yajl_gen_number(json->gen, digits + at, sizeof digits - at);
}

void json_double(struct json *json, double number)
{
	char digits[32];
	int n = snprintf(digits, sizeof digits, "%.3f", number);
	yajl_gen_number(json->gen, digits, (size_t)n);
}

void json_bool(struct json *json, bool value)
{
	yajl_gen_bool(json->gen, value);
}

/* --- text --------------------------------------------------------------------------------------------------- */

/* One code point (RFC 3629); 0 bytes when it is not well-formed. */
static unsigned code_point(struct slice text, uint32_t *out)
{
	uint8_t a = text.at[0];
	unsigned size = a < 0x80 ? 1 : a < 0xc2 ? 0 : a < 0xe0 ? 2 : a < 0xf0 ? 3 : a < 0xf5 ? 4 : 0;
	if (!size || size > text.size)
		return 0;
	uint32_t code = size == 1 ? a : a & (0x7fu >> size);
	for (unsigned i = 1; i < size; i++) {
		if ((text.at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text.at[i] & 0x3f);
	}
	if ((size == 3 && code < 0x800) || (size == 4 && (code < 0x10000 || code > 0x10ffff)) || (code >= 0xd800 && code < 0xe000))
		return 0;
	*out = code;
	return size;
}

/* What could make a line say something else than it does: controls, direction marks, invisible tags. */
static bool deceives(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200b || code == 0x200e || code == 0x200f ||
	       code == 0x2028 || code == 0x2029 || (code >= 0x202a && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
	       code == 0xfeff || (code >= 0xe0000 && code <= 0xe007f);
}

/* Nothing to escape. Without an early exit: the compiler does many bytes at once. */
static bool plain(struct slice text)
{
	unsigned other = 0;
	for (uint32_t i = 0; i < text.size; i++)
		other |= (unsigned)(text.at[i] - 0x20u >= 0x7f - 0x20u);
	return !other;
}

uint32_t text_escape(struct slice text, char *out, uint32_t size)
{
	static const char ellipsis[] = "\xe2\x80\xa6";
	uint32_t n = 0, room = size - (uint32_t)sizeof ellipsis;
	if (text.size <= room && plain(text)) {
		if (text.size)
			memcpy(out, text.at, text.size);
		return text.size;
	}
	while (text.size) {
		uint32_t code = 0;
		unsigned took = code_point(text, &code);
		char shown[16];
		int m;
		if (took && !deceives(code)) {
			memcpy(shown, text.at, took);
			m = (int)took;
		} else if (took) {
			m = snprintf(shown, sizeof shown, code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x", code);
		} else {
			m = snprintf(shown, sizeof shown, "\\x%02x", text.at[0]);
			took = 1;
		}
		if (n + (uint32_t)m > room) {
			memcpy(out + n, ellipsis, sizeof ellipsis - 1);
			return n + (uint32_t)sizeof ellipsis - 1;
		}
		memcpy(out + n, shown, (size_t)m);
		n += (uint32_t)m;
		text = slice_of(text.at + took, text.size - took);
	}
	return n;
}

/* Thousands of long topic filters in one SUBSCRIBE would need more than there is. */
static bool fits(const struct json *json, uint32_t size)
{
	const unsigned char *at;
	size_t used = 0;
	yajl_gen_get_buf(json->gen, &at, &used);
	return used + (size_t)size * ESCAPED_MAX <= RECORD_MAX;
}

void json_text(struct json *json, struct slice text)
{
	char safe[TEXT_MAX];
	if (!fits(json, text.size < TEXT_MAX ? text.size : TEXT_MAX))
		text = slice_text("\xe2\x80\xa6");
	if (text.size <= TEXT_MAX - 8 && plain(text)) {
		yajl_gen_string(json->gen, text.at, text.size);
		return;
	}
	uint32_t size = text_escape(text, safe, sizeof safe);
	yajl_gen_string(json->gen, (const unsigned char *)safe, size);
}

/* Dates are written often and change seldom: the last second's text is kept, by each thread. */
uint32_t text_time(uint64_t time_ns, char out[40])
{
	static _Thread_local char last[24];
	static _Thread_local uint64_t last_s = UINT64_MAX;
	static _Thread_local size_t size;
	uint64_t seconds = time_ns / 1000000000u;
	unsigned micros = (unsigned)(time_ns % 1000000000u / 1000);
	if (seconds != last_s) {
		struct tm tm;
		gmtime_r(&(time_t){(time_t)seconds}, &tm);
		size = strftime(last, sizeof last, "%Y-%m-%dT%H:%M:%S", &tm);
		last_s = seconds;
	}
	memcpy(out, last, size);
	memcpy(out + size, ".000000+0000", 13);
	for (unsigned i = 6; i > 0; i--, micros /= 10)
		out[size + i] = (char)('0' + micros % 10);
	return (uint32_t)size + 12;
}
