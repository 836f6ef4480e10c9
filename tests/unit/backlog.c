/* The backlog: what goes in comes out in order and unchanged, the oldest gives way, and what gave way is counted. */
#include "sensor/backlog.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

enum { CAPACITY = 65536, ROUNDS = 200000, LONGEST = 9000 };

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static void put(struct backlog *b, uint64_t number, uint32_t size)
{
	static uint8_t bytes[CAPACITY];
	memset(bytes, (int)(number & 0xff), size);
	const struct record record = {.bytes = slice_of(bytes, size), .id = number, .level = (uint8_t)(number % 5)};
	uint64_t lost = backlog_lost(b);
	bool fits = backlog_fits(b, size);
	backlog_put(b, &(struct journal_entry){.sequence = number, .record = record});
	assert_int_equal(fits, backlog_lost(b) == lost);
}

static void take_and_check(struct backlog *b, uint64_t number)
{
	struct journal_entry entry;
	assert_true(backlog_first(b, &entry));
	const struct record record = entry.record;
	assert_int_equal(entry.sequence, number);
	assert_int_equal(record.id, number);
	assert_int_equal(record.level, number % 5);
	for (uint32_t i = 0; i < record.bytes.size; i++)
		assert_int_equal(record.bytes.at[i], number & 0xff);
	backlog_take(b);
}

static void order_is_kept(void **state)
{
	struct backlog *b = backlog_open(CAPACITY);
	uint64_t seed = 7, in = 0, out = 0;
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (next_random(&seed) % 5 < 3)
			put(b, in++, (uint32_t)(next_random(&seed) % LONGEST));
		else if (backlog_count(b))
			take_and_check(b, out++);
		/* What is gone without having been taken is lost, and is always the oldest. */
		out = in - backlog_count(b);
		struct journal_entry entry;
		if (backlog_first(b, &entry))
			assert_int_equal(entry.record.id, out);
	}
	assert_true(backlog_lost(b) > 0);
	while (backlog_count(b))
		take_and_check(b, out++);
	assert_int_equal(out, in);
	backlog_close(b);
}

static void every_record_is_taken_or_lost(void **state)
{
	struct backlog *b = backlog_open(CAPACITY);
	uint64_t seed = 11, taken = 0;
	(void)state;
	for (uint64_t number = 0; number < ROUNDS; number++) {
		put(b, number, (uint32_t)(next_random(&seed) % 3000));
		while (backlog_count(b) && next_random(&seed) % 3 == 0) {
			backlog_take(b);
			taken++;
		}
	}
	assert_int_equal(taken + backlog_lost(b) + backlog_count(b), ROUNDS);
	backlog_close(b);
}

static void too_large_is_lost_alone(void **state)
{
	struct backlog *b = backlog_open(CAPACITY);
	(void)state;
	put(b, 1, 100);
	put(b, 2, CAPACITY - 100);
	put(b, 3, 0);
	assert_int_equal(backlog_lost(b), 1);
	take_and_check(b, 1);
	take_and_check(b, 3);
	assert_int_equal(backlog_count(b), 0);
	backlog_take(b);
	backlog_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_kept),
		cmocka_unit_test(every_record_is_taken_or_lost),
		cmocka_unit_test(too_large_is_lost_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
