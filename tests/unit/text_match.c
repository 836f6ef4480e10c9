/* A set of patterns says what its patterns say one by one, as wildcards. */
#include "sensor/arena.h"
#include "sensor/text_match.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static uint32_t seed = 1;

static uint32_t chance(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

static struct slice word(char *room, uint32_t most, const char *letters)
{
	uint32_t size = 1 + chance(most);
	for (uint32_t i = 0; i < size; i++)
		room[i] = letters[chance((uint32_t)strlen(letters))];
	return slice_of(room, size);
}

static bool one_by_one(const struct slice *patterns, const enum text_op *ops, uint32_t count, struct slice text, bool cased)
{
	for (uint32_t i = 0; i < count; i++) {
		char room[16];
		const char *before = ops[i] == TEXT_ENDS || ops[i] == TEXT_CONTAINS ? "*" : "";
		const char *after = ops[i] == TEXT_STARTS || ops[i] == TEXT_CONTAINS ? "*" : "";
		snprintf(room, sizeof room, "%s%.*s%s", before, (int)patterns[i].size, (const char *)patterns[i].at, after);
		if (text_glob(text, slice_text(room), cased))
			return true;
	}
	return false;
}

static void sets(void **state)
{
	(void)state;
	unsigned held = 0;
	for (unsigned round = 0; round < 20000; round++) {
		char room[6][8], letters[12];
		struct slice patterns[5];
		enum text_op ops[5];
		bool cased = round & 1;
		struct arena *arena = arena_open();
		for (unsigned i = 0; i < 5; i++) {
			patterns[i] = word(room[i], 5, "ab/");
			ops[i] = (enum text_op)chance(TEXT_OPS);
		}
		const struct text_set *set = text_set_new(arena, cased, patterns, ops, 5);
		struct slice text = word(letters, 10, "aAbB//xy");
		bool expected = one_by_one(patterns, ops, 5, text, cased);
		assert_int_equal(text_set_holds(set, text), expected);
		held += expected;
		struct slice listed[5];
		enum text_op as[5];
		assert_int_equal(text_set_count(set), 5);
		assert_int_equal(text_set_list(set, listed, as), 5);
		assert_int_equal(one_by_one(listed, as, 5, text, cased), expected);
		arena_close(arena);
	}
	assert_in_range(held, 2000, 18000);
}

static void edges(void **state)
{
	(void)state;
	struct arena *arena = arena_open();
	const struct slice patterns[] = {slice_text("/set"), slice_text("cmnd/"), slice_text("on"), slice_text("/rpc/")};
	const enum text_op ops[] = {TEXT_ENDS, TEXT_STARTS, TEXT_WHOLE, TEXT_CONTAINS};
	const struct text_set *set = text_set_new(arena, false, patterns, ops, 4);
	assert_true(text_set_holds(set, slice_text("lamp/SET")));
	assert_true(text_set_holds(set, slice_text("/set")));
	assert_true(text_set_holds(set, slice_text("cmnd/")));
	assert_true(text_set_holds(set, slice_text("ON")));
	assert_true(text_set_holds(set, slice_text("a/rpc/b")));
	assert_false(text_set_holds(set, slice_text("set")));
	assert_false(text_set_holds(set, slice_text("ons")));
	assert_false(text_set_holds(set, slice_text("a/rpc")));
	assert_false(text_set_holds(set, (struct slice){NULL, 0}));
	arena_close(arena);
}

static void contains(void **state)
{
	(void)state;
	unsigned held = 0;
	for (unsigned round = 0; round < 20000; round++) {
		char room[5], letters[12];
		bool cased = round & 1;
		struct slice part = word(room, 3, "ab/"), text = word(letters, 10, "aAbB//xy");
		bool expected = one_by_one(&part, &(enum text_op){TEXT_CONTAINS}, 1, text, cased);
		assert_int_equal(text_contains(text, part, cased), expected);
		held += expected;
	}
	assert_in_range(held, 2000, 18000);
	assert_true(text_contains(slice_text("a"), slice_text(""), false));
	assert_false(text_contains(slice_text(""), slice_text("a"), false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(sets), cmocka_unit_test(contains), cmocka_unit_test(edges)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
