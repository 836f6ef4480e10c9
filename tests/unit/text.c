/* Texts from the wire, made safe for people and machines. */
#include "tests/support/cm.h"
#include "outputs/json.h"
#include <stdlib.h>

static const char *escaped(const char *text, uint32_t size)
{
	static char out[1024];
	out[text_escape(slice_of(text, size), out, sizeof out - 1)] = 0;
	return out;
}

#define SHOWS(text, shown) assert_string_equal(escaped(text, sizeof text - 1), shown)

static void test_escape(void **state)
{
	(void)state;
	SHOWS("plain text 123 {}\"'", "plain text 123 {}\"'");
	SHOWS("", "");
	SHOWS("a\0b", "a\\x00b");
	SHOWS("\r\n\t\x1b[31m", "\\x0d\\x0a\\x09\\x1b[31m");
	SHOWS("\x7f", "\\x7f");
	SHOWS("caf\xc3\xa9 \xe6\xb8\xa9 \xf0\x9f\x8c\xa1", "caf\xc3\xa9 \xe6\xb8\xa9 \xf0\x9f\x8c\xa1");
	SHOWS("\xc2\x85", "\\x85");                              /* C1 control */
	SHOWS("\xe2\x80\xae" "fdp", "\\u202efdp");                /* right to left override */
	SHOWS("\xe2\x80\x8f\xe2\x80\x8b\xef\xbb\xbf", "\\u200f\\u200b\\ufeff");
	SHOWS("\xe2\x81\xa6\xe2\x81\xa9", "\\u2066\\u2069");      /* isolates */
	SHOWS("\xd8\x9c", "\\u061c");
	SHOWS("\xf3\xa0\x81\x81\xf3\xa0\x81\xbf", "\\U000e0041\\U000e007f"); /* tags: invisible letters */
	SHOWS("\xe2\x80\xa8", "\\u2028");
}

static void test_invalid_utf8(void **state)
{
	(void)state;
	SHOWS("\xff\xfe", "\\xff\\xfe");
	SHOWS("\xc3(", "\\xc3(");
	SHOWS("\xc0\xaf", "\\xc0\\xaf");                          /* overlong */
	SHOWS("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
	SHOWS("\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf");
	SHOWS("\xed\xa0\x80", "\\xed\\xa0\\x80");                  /* surrogate */
	SHOWS("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");          /* beyond U+10FFFF */
	SHOWS("\xe6\xb8", "\\xe6\\xb8");                          /* cut */
	SHOWS("ok\x80", "ok\\x80");
}

/* What is too long ends in an ellipsis, whole characters before it. */
static void test_long(void **state)
{
	char text[4000];
	(void)state;
	memset(text, 'x', sizeof text);
	for (uint32_t room = 16; room < 200; room += 7) {
		char *out = malloc(room);
		uint32_t n = text_escape(slice_of(text, sizeof text), out, room);
		assert_true(n <= room && n >= room - 4);
		assert_memory_equal(out + n - 3, "\xe2\x80\xa6", 3);
		free(out);
	}
	for (unsigned i = 0; i + 3 <= sizeof text; i += 3)
		memcpy(text + i, "\xe6\xb8\xa9", 3);
	for (uint32_t room = 16; room < 60; room++) {
		char *out = malloc(room);
		uint32_t n = text_escape(slice_of(text, sizeof text), out, room);
		assert_true(n <= room && n % 3 == 0);
		free(out);
	}
}

static const char *record(void (*fill)(struct json *json))
{
	static char out[1 << 19];
	struct json *json = json_begin();
	fill(json);
	struct slice text = json_end(json);
	assert_true(text.size < sizeof out);
	memcpy(out, text.at, text.size);
	out[text.size] = 0;
	return out;
}

static void fill_all(struct json *json)
{
	json_open(json);
	json_key(json, "n");
	json_number(json, UINT64_MAX);
	json_key(json, "d");
	json_double(json, 0.5);
	json_key(json, "b");
	json_bool(json, true);
	json_key(json, "list");
	json_list(json);
	json_text(json, slice_text("a\"b\\c"));
	json_text(json, slice_text("\n\xff"));
	json_cstring(json, "c");
	json_list_end(json);
	json_close(json);
}

static void test_json(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) /* the writer is used again and again */
		assert_string_equal(record(fill_all), "{\"n\":18446744073709551615,\"d\":0.500,\"b\":true,\"list\":[\"a\\\"b\\\\c\","
						      "\"\\\\x0a\\\\xff\",\"c\"]}");
}

static uint8_t flood[900];

static void fill_flood(struct json *json)
{
	json_open(json);
	json_key(json, "topics");
	json_list(json);
	for (unsigned i = 0; i < 4000; i++)
		json_text(json, slice_of(flood, sizeof flood));
	json_list_end(json);
	json_close(json);
}

/* More than a record holds, as a SUBSCRIBE with a thousand long filters brings: no crash, no text without end, and the next
 * record is whole. */
static void test_flood(void **state)
{
	(void)state;
	memset(flood, '"', sizeof flood);
	const char *text = record(fill_flood);
	assert_true(strlen(text) >= 2);
	assert_int_equal(text[0], '{');
	memset(flood, 0xff, sizeof flood);
	record(fill_flood);
	assert_string_equal(record(fill_all), "{\"n\":18446744073709551615,\"d\":0.500,\"b\":true,\"list\":[\"a\\\"b\\\\c\",\"\\\\x0a\\\\xff\","
					      "\"c\"]}");
}

/* A record of ten kept parts, whose bytes depend on `of` and kind alone; `written` counts those that were not copied. */
static unsigned written;
static uint64_t part_of;
static bool crowded;

static void fill_parts(struct json *json)
{
	json_open(json);
	json_key(json, "a");
	json_text(json, slice_text("first"));
	for (unsigned i = 0; crowded && i < 300; i++) {
		json_key(json, "k");
		json_text(json, slice_of(flood, sizeof flood));
	}
	for (unsigned kind = 0; kind < 10; kind++) {
		if (json_again(json, kind, part_of))
			continue;
		written++;
		json_key(json, "of");
		json_list(json);
		json_number(json, part_of);
		json_number(json, kind);
		json_text(json, slice_of(flood, sizeof flood));
		json_list_end(json);
		json_key(json, "b");
		json_bool(json, kind & 1);
		json_keep(json);
	}
	json_key(json, "z");
	json_number(json, 1);
	json_close(json);
}

static void expect_parts(uint64_t of, bool full, unsigned times)
{
	static char fresh[1 << 19];
	written = 0;
	crowded = full;
	part_of = 0; /* nothing is kept */
	strcpy(fresh, record(fill_parts));
	assert_int_equal(written, 10);
	written = 0;
	part_of = of;
	const char *text = record(fill_parts);
	assert_int_equal(written, times);
	for (const char *a = fresh, *b = text; *a || *b; a++, b++)
		if (*a != *b) { /* the number is the only difference */
			assert_int_equal(*a, '0');
			a++;
			b += strspn(b, "0123456789");
			assert_int_equal(*a, *b);
		}
}

/* A copied part is what was written, whatever was kept between; where texts are cut nothing is copied. */
static void test_parts(void **state)
{
	(void)state;
	memset(flood, 'x', sizeof flood);
	expect_parts(5, false, 10);
	expect_parts(5, false, 0);
	expect_parts(6, false, 10);
	expect_parts(5, false, 0);
	expect_parts(6, true, 10); /* a full record */
	expect_parts(6, false, 0);
	for (uint64_t of = 100; of < 400; of++) /* more than is kept at a time */
		expect_parts(of, false, 10);
	expect_parts(399, false, 0);
	expect_parts(6, false, 10);
}

static void test_time(void **state)
{
	char out[40];
	(void)state;
	out[text_time(1732443600123456789u, out)] = 0;
	assert_string_equal(out, "2024-11-24T10:20:00.123456+0000");
	out[text_time(0, out)] = 0;
	assert_string_equal(out, "1970-01-01T00:00:00.000000+0000");
	out[text_time(UINT64_MAX, out)] = 0; /* 2554 */
	assert_string_equal(out, "2554-07-21T23:34:33.709551+0000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_escape), cmocka_unit_test(test_invalid_utf8), cmocka_unit_test(test_long),
					   cmocka_unit_test(test_json), cmocka_unit_test(test_flood), cmocka_unit_test(test_parts), cmocka_unit_test(test_time)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
