/* The bounded tables: blocks, what parsers remember, names that are kept. */
#include "tests/support/cm.h"
#include "sensor/event.h"
#include "sensor/memo.h"
#include "sensor/pool.h"
#include <stdio.h>

static void test_pool(void **state)
{
	struct pool pool;
	bool taken[64] = {false};
	(void)state;
	assert_true(pool_open(&pool, 24, 64));
	for (unsigned i = 0; i < 64; i++) {
		uint32_t index = pool_take(&pool);
		assert_true(index < 64 && !taken[index]);
		taken[index] = true;
		memset(pool_at(&pool, index), 0xff, 24);
	}
	assert_int_equal(pool_take(&pool), POOL_NONE);
	assert_int_equal(pool_take(&pool), POOL_NONE);
	pool_give(&pool, 7);
	pool_give(&pool, 40);
	uint32_t a = pool_take(&pool), b = pool_take(&pool);
	assert_true((a == 7 && b == 40) || (a == 40 && b == 7));
	assert_int_equal(pool_take(&pool), POOL_NONE);
	pool_close(&pool);
	pool_close(&pool); /* twice is no harm */
}

static void test_memo(void **state)
{
	struct counters counters = {0};
	struct slice value;
	(void)state;
	struct memos *memos = memos_open(64, &counters);
	uint64_t key = memo_key(1, 2, 3);
	assert_false(memo_get(memos, key, &value));
	memo_put(memos, key, slice_text("plant/line/1"));
	assert_true(memo_get(memos, key, &value));
	assert_true(slice_is(value, "plant/line/1"));
	memo_put(memos, key, slice_text("other"));
	assert_true(memo_get(memos, key, &value) && slice_is(value, "other"));
	assert_true(memo_key(1, 2, 3) != memo_key(1, 3, 2) && memo_key(1, 2, 3) != memo_key(2, 2, 3));
	assert_false(memo_get(memos, memo_key(1, 2, 4), &value));
	memo_drop(memos, key);
	assert_false(memo_get(memos, key, &value));
	memo_drop(memos, key);
	memo_put(memos, key, slice_text(""));
	assert_true(memo_get(memos, key, &value));
	assert_int_equal(value.size, 0);
	assert_int_equal(counters.memos_evicted, 0);
	memos_close(memos);
}

static void test_memo_bounds(void **state)
{
	static uint8_t large[1000];
	struct counters counters = {0};
	struct slice value;
	(void)state;
	struct memos *memos = memos_open(64, &counters);
	memset(large, 'x', sizeof large);
	memo_put(memos, memo_key(9, 9, 9), slice_of(large, sizeof large));
	assert_true(memo_get(memos, memo_key(9, 9, 9), &value));
	assert_int_equal(value.size, MEMO_VALUE_MAX);
	for (unsigned i = 0; i < 1000; i++)
		memo_put(memos, memo_key(1, 1, i), slice_of(&i, sizeof i));
	assert_in_range(counters.memos_evicted, 1000 - 64, 1000);
	unsigned kept = 0;
	for (unsigned i = 0; i < 1000; i++) {
		if (!memo_get(memos, memo_key(1, 1, i), &value))
			continue;
		kept++;
		assert_memory_equal(value.at, &i, sizeof i); /* never another one's */
		assert_true(i >= 500);                        /* the oldest gave way */
	}
	assert_in_range(kept, 32, 64);
	memos_close(memos);
}

/* What is not found was never put, as long as memos_whole() says so. */
static void test_memo_whole(void **state)
{
	struct counters counters = {0};
	struct slice value;
	(void)state;
	struct memos *memos = memos_open(64, &counters);
	memo_put(memos, memo_key(1, 1, 0), slice_text("first"));
	uint64_t begun = memos_clock(memos);
	unsigned lost_at = 0;
	for (unsigned i = 1; i < 200; i++) {
		memo_put(memos, memo_key(1, 1, i), slice_text("later"));
		bool all = true;
		for (unsigned j = 1; j <= i; j++)
			all = all && memo_get(memos, memo_key(1, 1, j), &value);
		assert_int_equal(memos_whole(memos, begun), all);
		lost_at = !all && !lost_at ? i : lost_at;
	}
	assert_in_range(lost_at, 9, 100);
	assert_true(memos_whole(memos, memos_clock(memos)));
	memos_close(memos);
}

static struct name name_of(const char *text, uint32_t size)
{
	struct name name = {0};
	name_set(&name, slice_of(text, size));
	return name;
}

static void test_names(void **state)
{
	char text[300];
	(void)state;
	struct name unknown = {0};
	assert_null(name_slice(&unknown).at);
	struct name empty = name_of("", 0);
	assert_true(empty.known && empty.size == 0 && name_slice(&empty).at);
	struct name plain = name_of("sensor-1", 8);
	assert_true(slice_is(name_slice(&plain), "sensor-1"));
	memset(text, 'a', sizeof text);
	struct name full = name_of(text, LIMIT_NAME - 2); /* just fits: as it is */
	assert_int_equal(full.size, LIMIT_NAME - 2);
	assert_memory_equal(full.text, text, LIMIT_NAME - 2);
	struct name one = name_of(text, sizeof text);
	text[sizeof text - 1] = 'b';
	struct name other = name_of(text, sizeof text);
	assert_int_equal(one.size, LIMIT_NAME - 2);
	assert_memory_equal(one.text, text, LIMIT_NAME - 2 - 9);
	assert_int_equal(one.text[LIMIT_NAME - 2 - 9], '~');
	assert_memory_not_equal(one.text, other.text, LIMIT_NAME - 2); /* they differ at the end only, and stay two */
	struct name again = name_of(text, sizeof text);
	assert_memory_equal(again.text, other.text, LIMIT_NAME - 2);
	name_set(&one, slice_text("short")); /* over a longer one */
	assert_true(slice_is(name_slice(&one), "short"));
}

static void test_addresses(void **state)
{
	static const char *const same[] = {"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1:2:3:4"};
	struct address address, v4;
	char text[ADDRESS_TEXT_MAX];
	(void)state;
	for (unsigned i = 0; i < sizeof same / sizeof *same; i++) {
		assert_true(address_parse(same[i], &address));
		assert_int_equal(address_format(&address, text), strlen(same[i]));
		assert_string_equal(text, same[i]);
		assert_int_equal(address_is_v4(&address), strchr(same[i], '.') != NULL);
	}
	assert_true(address_parse("2001:0db8:0:0:0:0:0:1", &address));
	address_format(&address, text);
	assert_string_equal(text, "2001:db8::1");
	assert_true(address_parse("::ffff:192.0.2.1", &address) && address_parse("192.0.2.1", &v4));
	assert_true(address_equal(&address, &v4));
	assert_false(address_parse("192.0.2", &address));
	assert_false(address_parse("192.0.2.256", &address));
	assert_false(address_parse("", &address));
	assert_false(address_parse("2001:db8::1::2", &address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_pool), cmocka_unit_test(test_memo), cmocka_unit_test(test_memo_bounds),
		cmocka_unit_test(test_memo_whole),
					   cmocka_unit_test(test_names), cmocka_unit_test(test_addresses)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
