#include "json.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <yajl/yajl_gen.h>

/* A record's texts are cut short at RECORD_MAX; what closes it still fits. */
enum { RECORD_MAX = 1 << 18, TEXT_MAX = 1024, ESCAPED_MAX = 6 };
enum { PARTS = 4096, PART_BYTES = 1 << 20 };

/* A part that was kept: `size` bytes from `at` of the part bytes. Key 0: none. */
struct part {
	uint64_t key;
	uint32_t at, size;
};

struct json {
	yajl_gen gen;
	uint32_t size;
	bool full;
	struct part part;        /* being written, and where it began in the record; key 0: it is not to be kept */
	uint32_t part_bytes;     /* in use */
	struct part parts[PARTS];
	char kept[PART_BYTES];
	char record[2 * RECORD_MAX];
};

static void print(void *context, const char *bytes, size_t size)
{
	struct json *json = context;
	if (size > sizeof json->record - json->size) {
		json->full = true;
		return;
	}
	if (size == 1) /* half of all calls: quotes, commas, braces */
		json->record[json->size] = *bytes;
	else
		memcpy(json->record + json->size, bytes, size);
	json->size += (uint32_t)size;
}

static struct json *writer_open(void)
{
	struct json *json = calloc(1, sizeof *json);
	if (!json || !(json->gen = yajl_gen_alloc(NULL)) || !yajl_gen_config(json->gen, yajl_gen_print_callback, print, json))
		abort();
	return json;
}

struct json *json_begin(void)
{
	static struct json *json;
	if (!json)
		json = writer_open();
	yajl_gen_reset(json->gen, NULL);
	json->size = 0;
	json->full = false;
	return json;
}

struct slice json_end(struct json *json)
{
	return json->full ? slice_text("{}") : slice_of(json->record, json->size);
}

/* --- parts ------------------------------------------------------------------------------------------------------ */

/* Thousands of long topic filters in one SUBSCRIBE would need more than there is. */
static bool fits(const struct json *json, uint32_t size)
{
	return json->size + size * ESCAPED_MAX <= RECORD_MAX;
}

static struct part *part_slot(struct json *json, uint64_t key)
{
	return &json->parts[key % PARTS];
}

/* Where a text might be cut, a part is written anew and not kept. */
bool json_again(struct json *json, unsigned kind, uint64_t of)
{
	uint64_t key = of * JSON_KINDS + kind;
	const struct part *part = part_slot(json, key);
	json->part = (struct part){of ? key : 0, json->size, 0};
	if (!of || part->key != key || !fits(json, part->size + TEXT_MAX))
		return false;
	print(json, json->kept + part->at, part->size);
	return true;
}

void json_keep(struct json *json)
{
	struct part part = {json->part.key, json->part_bytes, json->size - json->part.at};
	if (!part.key || !fits(json, TEXT_MAX) || part.size > PART_BYTES)
		return;
	if (part.size > PART_BYTES - json->part_bytes) { /* all begin anew: those of rules that are gone never come again */
		memset(json->parts, 0, sizeof json->parts);
		part.at = 0;
	}
	memcpy(json->kept + part.at, json->record + json->part.at, part.size);
	json->part_bytes = part.at + part.size;
	*part_slot(json, part.key) = part;
}

/* --- values ----------------------------------------------------------------------------------------------------- */

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
	char digits[NUMBER_TEXT_MAX];
	struct slice text = text_number(number, digits);
	yajl_gen_number(json->gen, (const char *)text.at, text.size);
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

struct slice text_number(uint64_t number, char out[NUMBER_TEXT_MAX])
{
	unsigned at = NUMBER_TEXT_MAX;
	do
		out[--at] = (char)('0' + number % 10);
	while (number /= 10);
	return slice_of(out + at, NUMBER_TEXT_MAX - at);
}

struct slice text_id(uint64_t id, char out[ID_TEXT_MAX])
{
	for (unsigned i = ID_TEXT_MAX; i > 0; id >>= 4)
		out[--i] = "0123456789abcdef"[id & 15];
	return slice_of(out, ID_TEXT_MAX);
}

static void digits_of(unsigned number, unsigned count, char *out)
{
	while (count--) {
		out[count] = (char)('0' + number % 10);
		number /= 10;
	}
}

/* Days change seldom: the last one's text is kept, by each thread. */
uint32_t text_time(uint64_t time_ns, char out[40])
{
	static _Thread_local char date[24];
	static _Thread_local uint64_t last_day = UINT64_MAX;
	static _Thread_local size_t size;
	uint64_t seconds = time_ns / 1000000000u, day = seconds / 86400;
	unsigned second = (unsigned)(seconds % 86400);
	if (day != last_day) {
		struct tm tm;
		gmtime_r(&(time_t){(time_t)seconds}, &tm);
		size = strftime(date, sizeof date, "%Y-%m-%dT", &tm);
		last_day = day;
	}
	memcpy(out, date, size);
	memcpy(out + size, "00:00:00.000000+0000", 20);
	digits_of(second / 3600, 2, out + size);
	digits_of(second / 60 % 60, 2, out + size + 3);
	digits_of(second % 60, 2, out + size + 6);
	digits_of((unsigned)(time_ns % 1000000000u / 1000), 6, out + size + 9);
	return (uint32_t)size + 20;
}
