/* The reader fails once, yields zeros and is empty; the variable byte integer knows its fourth byte. */
#include "tests/support/cm.h"
#include "sensor/bytes.h"
#include <stdlib.h>

/* A copy that ends where it ends: the sanitizer guards the rest. */
static struct slice exact(const void *at, uint32_t size)
{
	static uint8_t *last;
	free(last);
	last = malloc(size ? size : 1);
	memcpy(last, at, size);
	return slice_of(last, size);
}

static void test_numbers(void **state)
{
	(void)state;
	struct reader r = reader_of(exact("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a", 10));
	assert_int_equal(read_u8(&r), 0x01);
	assert_int_equal(read_be16(&r), 0x0203);
	assert_int_equal(read_be24(&r), 0x040506);
	assert_int_equal(read_be32(&r), 0x0708090a);
	assert_false(r.failed);
	assert_int_equal(reader_left(&r), 0);
}

static void test_fails_once(void **state)
{
	(void)state;
	struct reader r = reader_of(exact("\xff\xff\xff", 3));
	assert_int_equal(read_be32(&r), 0);
	assert_true(r.failed);
	assert_int_equal(reader_left(&r), 0); /* what was there is not there any more: loops end */
	assert_int_equal(read_u8(&r), 0);
	assert_int_equal(read_be16(&r), 0);
	assert_int_equal(read_be24(&r), 0);
	assert_int_equal(read_varint(&r), 0);
	assert_int_equal(read_slice(&r, 1).size, 0);
	assert_non_null(read_slice(&r, 1).at);
	assert_int_equal(read_be16_slice(&r).size, 0);
	assert_int_equal(read_slice(&r, UINT32_MAX).size, 0);
	assert_true(r.failed);
}

static void test_slices(void **state)
{
	(void)state;
	struct reader r = reader_of(exact("\x00\x03" "abc" "\x00\x00" "\x00\x09" "x", 10));
	assert_true(slice_is(read_be16_slice(&r), "abc"));
	struct slice empty = read_be16_slice(&r);
	assert_true(empty.at && empty.size == 0 && !r.failed);
	assert_int_equal(read_be16_slice(&r).size, 0); /* promises nine bytes, one is there */
	assert_true(r.failed);
	r = reader_of(exact("abcdef", 6));
	read_skip(&r, 2);
	assert_true(slice_is(read_slice(&r, 2), "cd"));
	assert_true(slice_is(read_rest(&r), "ef"));
	read_skip(&r, 0);
	assert_false(r.failed);
	read_skip(&r, 1);
	assert_true(r.failed);
}

static void test_varint(void **state)
{
	static const struct { const char *bytes; uint32_t size, value, used; } good[] = {
		{"\x00", 1, 0, 1}, {"\x7f", 1, 127, 1}, {"\x80\x01", 2, 128, 2}, {"\xff\x7f", 2, 16383, 2},
		{"\x80\x80\x01", 3, 16384, 3}, {"\xff\xff\x7f", 3, 2097151, 3}, {"\x80\x80\x80\x01", 4, 2097152, 4},
		{"\xff\xff\xff\x7f", 4, 268435455, 4}, {"\x80\x00", 2, 0, 2} /* longer than it need be */};
	static const struct { const char *bytes; uint32_t size; } bad[] = {
		{"", 0}, {"\x80", 1}, {"\xff\xff", 2}, {"\xff\xff\xff", 3}, {"\xff\xff\xff\xff", 4}, {"\xff\xff\xff\xff\x01", 5},
		{"\x80\x80\x80\x80\x01", 5}};
	(void)state;
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
		struct reader r = reader_of(exact(good[i].bytes, good[i].size));
		assert_int_equal(read_varint(&r), good[i].value);
		assert_false(r.failed);
		assert_int_equal(good[i].size - reader_left(&r), good[i].used);
	}
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct reader r = reader_of(exact(bad[i].bytes, bad[i].size));
		assert_int_equal(read_varint(&r), 0);
		assert_true(r.failed);
		assert_int_equal(reader_left(&r), 0);
	}
}

static void test_compare(void **state)
{
	(void)state;
	assert_true(slice_equal(slice_text("a"), slice_of("abc", 1)));
	assert_false(slice_equal(slice_text("a"), slice_text("ab")));
	assert_true(slice_equal((struct slice){NULL, 0}, slice_text("")));
	assert_true(slice_starts(slice_text("abc"), slice_text("ab")));
	assert_true(slice_starts(slice_text("abc"), slice_text("")));
	assert_false(slice_starts(slice_text("ab"), slice_text("abc")));
	assert_int_equal(slice_head(slice_text("abc"), 2).size, 2);
	assert_int_equal(slice_head(slice_text("abc"), 9).size, 3);
	assert_int_equal(slice_text(NULL).size, 0);
	assert_int_equal(load_be16((const uint8_t *)"\xff\xfe"), 0xfffe);
	assert_int_equal(load_be32((const uint8_t *)"\xff\xfe\xfd\xfc"), 0xfffefdfc);
	exact("", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers), cmocka_unit_test(test_fails_once), cmocka_unit_test(test_slices),
					   cmocka_unit_test(test_varint), cmocka_unit_test(test_compare)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
