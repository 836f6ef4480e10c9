/* The journal: what is appended comes out in order and unchanged; an end that is half written is cut wherever it breaks off; bits
 * that flip cost the entry they are in; limits are kept; a cursor survives. */
#include "tests/support/cm.h"
#include "sensor/cursor.h"
#include "sensor/journal.h"
#include "sensor/journal_reader.h"
#include "sensor/journal_segment.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char folder[64];
static uint64_t dropped_behind;

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/thingwarden-journal.XXXXXX");
	dropped_behind = 0;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[128];
	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

static void dropping(void *context, uint64_t behind)
{
	(void)context;
	dropped_behind = behind;
}

static struct journal *open_journal(uint64_t segment_bytes, uint64_t max_bytes)
{
	static struct config_journal config;
	config = (struct config_journal){.path = folder, .max_bytes = max_bytes, .segment_bytes = segment_bytes, .max_age_s = 3600,
					 .sync = JOURNAL_SYNC_NEVER};
	struct journal *j = journal_open(&config, dropping, NULL);
	assert_non_null(j);
	return j;
}

/* The n-th record has n % 300 bytes, and something of n in each member. */
static struct record record_of(uint64_t n)
{
	static uint8_t bytes[300];
	struct record r = {.id = n * 77, .time_ns = n << 33, .update = (uint32_t)n, .client_port = (uint16_t)n, .server_port = 1883,
			   .level = (uint8_t)(n % 5), .is_alert = n % 7 != 0};
	memset(bytes, (int)n, sizeof bytes);
	r.bytes = slice_of(bytes, (uint32_t)(n % sizeof bytes));
	r.client.bytes[3] = (uint8_t)n;
	r.server.bytes[15] = 9;
	if (n % 3)
		name_set(&r.client_id, slice_text(n % 3 == 1 ? "" : "sensor-7"));
	snprintf(r.rule, sizeof r.rule, "rule_%u", (unsigned)(n % 11));
	return r;
}

static bool append(struct journal *j, const char *format)
{
	uint64_t sequence = journal_sequence(j);
	struct journal_entry entry = {.sequence = sequence, .format = slice_text(format), .record = record_of(sequence)};
	return journal_append(j, &entry);
}

static void assert_entry(const struct journal_entry *entry, uint64_t n)
{
	const struct record want = record_of(n), *got = &entry->record;
	assert_int_equal(entry->sequence, n);
	assert_true(slice_equal(got->bytes, want.bytes));
	assert_int_equal(got->id, want.id);
	assert_int_equal(got->time_ns, want.time_ns);
	assert_int_equal(got->update, want.update);
	assert_int_equal(got->client_port, want.client_port);
	assert_int_equal(got->server_port, want.server_port);
	assert_int_equal(got->level, want.level);
	assert_int_equal(got->is_alert, want.is_alert);
	assert_memory_equal(&got->client, &want.client, sizeof want.client);
	assert_memory_equal(&got->server, &want.server, sizeof want.server);
	assert_int_equal(got->client_id.known, want.client_id.known);
	assert_true(slice_equal(name_slice(&got->client_id), name_slice(&want.client_id)));
	assert_false(got->user.known);
	assert_string_equal(got->rule, want.rule);
}

/* Reads from `after` on; the entries must be all of those up to `last` but `without`. */
static void assert_reads(uint64_t after, uint64_t last, uint64_t without)
{
	struct journal_reader *reader = journal_reader_open(folder, after);
	struct journal_entry entry;
	for (uint64_t n = after + 1; n <= last; n++) {
		if (n == without)
			continue;
		assert_true(journal_reader_next(reader, UINT64_MAX, &entry));
		assert_entry(&entry, n);
	}
	assert_false(journal_reader_next(reader, UINT64_MAX, &entry));
	journal_reader_close(reader);
}

static void test_order(void **state)
{
	(void)state;
	struct journal *j = open_journal(20000, 1 << 20);
	struct journal_reader *beside = journal_reader_open(folder, 0);
	struct journal_entry entry;
	for (uint64_t n = 1; n <= 1000; n++) {
		assert_true(append(j, n % 2 ? "eve" : "cef"));
		assert_true(journal_reader_next(beside, n, &entry)); /* while it is written */
		assert_entry(&entry, n);
		assert_true(slice_is(entry.format, n % 2 ? "eve" : "cef"));
		assert_false(journal_reader_next(beside, n, &entry));
	}
	journal_reader_close(beside);
	assert_true(journal_counts(j).segments > 5);
	journal_close(j);
	for (uint64_t after = 0; after <= 1000; after += 37)
		assert_reads(after, 1000, 0);
	j = open_journal(20000, 1 << 20);
	assert_int_equal(journal_last(j), 1000);
	assert_true(append(j, "eve"));
	journal_close(j);
	assert_reads(990, 1001, 0);
}

static void segment_path(char path[JOURNAL_PATH_MAX])
{
	uint64_t firsts[LIMIT_JOURNAL_SEGMENTS];
	unsigned count = journal_segments(folder, firsts);
	assert_true(count > 0);
	journal_segment_path(folder, firsts[count - 1], path);
}

static uint64_t size_of(const char *path)
{
	struct stat of;
	assert_int_equal(stat(path, &of), 0);
	return (uint64_t)of.st_size;
}

/* The last entry breaks off after each of its bytes, the file even within its head: the next start goes on behind what is whole. */
static void test_torn(void **state)
{
	char path[JOURNAL_PATH_MAX];
	(void)state;
	struct journal *j = open_journal(1 << 20, 4 << 20);
	for (unsigned i = 0; i < 20; i++)
		append(j, "eve");
	segment_path(path);
	uint64_t whole = size_of(path);
	assert_true(append(j, "eve"));
	journal_close(j);
	uint64_t end = size_of(path);
	uint8_t *bytes = malloc(end);
	FILE *file = fopen(path, "r");
	assert_int_equal(fread(bytes, 1, end, file), end);
	fclose(file);
	for (uint64_t cut = whole; cut < end; cut++) {
		file = fopen(path, "w");
		assert_int_equal(fwrite(bytes, 1, cut, file), cut);
		fclose(file);
		j = open_journal(1 << 20, 4 << 20);
		assert_int_equal(journal_last(j), 20);
		assert_int_equal(size_of(path), whole);
		assert_true(append(j, "eve"));
		journal_close(j);
		assert_int_equal(size_of(path), end);
		assert_reads(0, 21, 0);
	}
	for (uint64_t cut = 0; cut <= JOURNAL_SEGMENT_HEAD; cut++) {
		assert_int_equal(truncate(path, (off_t)cut), 0);
		j = open_journal(1 << 20, 4 << 20);
		assert_true(append(j, "eve"));
		journal_close(j);
		assert_reads(0, 1, 0);
	}
	free(bytes);
}

/* Each byte of the tenth of twenty entries is damaged: the other nineteen are read, and the journal goes on at its end. */
static void test_flipped(void **state)
{
	char path[JOURNAL_PATH_MAX];
	uint64_t begin = 0, end = 0;
	(void)state;
	struct journal *j = open_journal(1 << 20, 4 << 20);
	segment_path(path);
	for (unsigned i = 1; i <= 20; i++) {
		begin = i == 10 ? size_of(path) : begin;
		append(j, "eve");
		end = i == 10 ? size_of(path) : end;
	}
	journal_close(j);
	int file = open(path, O_RDWR);
	for (uint64_t at = begin; at < end; at++) {
		uint8_t byte, flipped;
		assert_int_equal(pread(file, &byte, 1, (off_t)at), 1);
		flipped = (uint8_t)(byte ^ 1u << at % 8);
		assert_int_equal(pwrite(file, &flipped, 1, (off_t)at), 1);
		assert_reads(0, 20, 10);
		if (at % 16 == 0) {
			j = open_journal(1 << 20, 4 << 20);
			assert_int_equal(journal_last(j), 20);
			journal_close(j);
		}
		assert_int_equal(pwrite(file, &byte, 1, (off_t)at), 1);
	}
	close(file);
	assert_reads(0, 20, 0);
}

static void test_full(void **state)
{
	(void)state;
	struct journal *j = open_journal(20000, 60000);
	for (unsigned i = 0; i < 2000; i++) {
		assert_true(append(j, "eve"));
		assert_true(journal_counts(j).bytes <= 60000);
	}
	assert_true(journal_counts(j).dropped > 3);
	assert_true(dropped_behind > 1000);
	journal_close(j);
	assert_reads(dropped_behind - 1, 2000, 0);
	struct journal_reader *reader = journal_reader_open(folder, 0);
	struct journal_entry entry;
	assert_true(journal_reader_next(reader, UINT64_MAX, &entry));
	assert_int_equal(entry.sequence, dropped_behind);
	journal_reader_close(reader);
}

/* The `count` oldest segments were last written so long ago. */
static void make_older(unsigned count, time_t seconds)
{
	uint64_t firsts[LIMIT_JOURNAL_SEGMENTS];
	const struct timespec then = {time(NULL) - seconds, 0}, times[2] = {then, then};
	assert_true(journal_segments(folder, firsts) >= count);
	for (unsigned i = 0; i < count; i++) {
		char path[JOURNAL_PATH_MAX];
		journal_segment_path(folder, firsts[i], path);
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	}
}

/* What is older than max_age goes, by segments, and is counted: when something is appended, and when nothing is. */
static void test_age(void **state)
{
	uint64_t firsts[LIMIT_JOURNAL_SEGMENTS];
	(void)state;
	struct journal *j = open_journal(20000, 1 << 20);
	for (unsigned n = 0; n < 1000; n++)
		assert_true(append(j, "eve"));
	journal_close(j);
	unsigned count = journal_segments(folder, firsts);
	assert_true(count > 5);
	make_older(3, 3500); /* not yet */
	j = open_journal(20000, 1 << 20);
	assert_true(append(j, "eve"));
	assert_int_equal(journal_counts(j).dropped, 0);
	journal_close(j);
	make_older(3, 3700);
	j = open_journal(20000, 1 << 20);
	assert_true(append(j, "eve"));
	assert_int_equal(journal_counts(j).dropped, 3);
	assert_int_equal(dropped_behind, firsts[3]);
	assert_int_equal(journal_counts(j).segments, count - 3);
	journal_close(j);
	assert_reads(firsts[3] - 1, 1002, 0);
	make_older(1, 3700);
	j = open_journal(20000, 1 << 20);
	journal_tick(j);
	assert_int_equal(journal_counts(j).dropped, 1);
	assert_int_equal(dropped_behind, firsts[4]);
	journal_close(j);
	make_older(count - 4, 3700);
	j = open_journal(20000, 1 << 20);
	journal_tick(j);
	assert_int_equal(journal_counts(j).segments, 1); /* the last stays: it is being written */
	journal_close(j);
}

static void test_one_sensor(void **state)
{
	struct config_journal config = {.path = folder, .max_bytes = 1 << 20, .segment_bytes = 1 << 19, .max_age_s = 60};
	(void)state;
	struct journal *j = open_journal(1 << 20, 4 << 20);
	assert_null(journal_open(&config, dropping, NULL));
	journal_close(j);
	j = journal_open(&config, dropping, NULL);
	assert_non_null(j);
	journal_close(j);
}

/* No folder can be made there: nothing but the journal stops. */
static void test_unwritable(void **state)
{
	struct config_journal config = {.path = "/proc/version/journal", .max_bytes = 1 << 20, .segment_bytes = 1 << 19, .max_age_s = 60};
	(void)state;
	struct journal *j = journal_open(&config, dropping, NULL);
	assert_non_null(j);
	assert_false(journal_ready(j));
	assert_false(append(j, "eve"));
	assert_int_equal(journal_counts(j).unwritten, 1);
	assert_int_equal(journal_sequence(j), 2);
	journal_close(j);
}

static void test_cursor(void **state)
{
	struct cursor c = {.output = "syslog tcp siem:514 eve", .format = "eve", .level = 2, .alerts = true, .sequence = 77, .lost = 5};
	struct cursor same = {.output = "syslog tcp siem:514 eve"}, other = {.output = "syslog tcp siem:515 eve"}, all[CURSORS_MAX];
	(void)state;
	assert_int_equal(cursor_load(folder, &same), CURSOR_NONE);
	assert_true(cursor_save(folder, &c));
	assert_int_equal(cursor_load(folder, &same), CURSOR_FOUND);
	assert_int_equal(same.sequence, 77);
	assert_int_equal(same.lost, 5);
	assert_int_equal(cursor_load(folder, &other), CURSOR_NONE);
	assert_int_equal(cursor_list(folder, all), 1);
	assert_string_equal(all[0].output, c.output);
	assert_string_equal(all[0].format, "eve");
	assert_int_equal(all[0].level, 2);
	assert_true(all[0].alerts && !all[0].events);
	struct journal_entry entry = {.format = slice_text("eve"), .record = {.is_alert = true, .level = 2}};
	assert_true(cursor_takes(&all[0], &entry));
	entry.record.level = 1;
	assert_false(cursor_takes(&all[0], &entry));
	entry.record = (struct record){.level = 4};
	assert_false(cursor_takes(&all[0], &entry));
	char command[256];
	snprintf(command, sizeof command, "for f in %s/*.cursor; do truncate -s 60 $f; done", folder);
	assert_int_equal(system(command), 0);
	assert_int_equal(cursor_load(folder, &same), CURSOR_DAMAGED);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		IN_FOLDER(test_order), IN_FOLDER(test_torn), IN_FOLDER(test_flipped), IN_FOLDER(test_full), IN_FOLDER(test_age),
		IN_FOLDER(test_one_sensor), IN_FOLDER(test_unwritable), IN_FOLDER(test_cursor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
