/* pcapng files made here, in both byte orders: interfaces that differ, clocks, damage. */
#include "sensor/pcapng.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static uint8_t file[4096];
static uint32_t size;
static bool big;

static void put(uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		file[size + (big ? bytes - 1 - i : i)] = (uint8_t)(value >> 8 * i);
	size += bytes;
}

static uint32_t begin(uint32_t type)
{
	uint32_t at = size;
	put(type, 4);
	put(0, 4);
	return at;
}

static void end(uint32_t at)
{
	uint32_t total = size - at + 4, here = size;
	size = at + 4;
	put(total, 4);
	size = here;
	put(total, 4);
}

static void section(bool big_endian)
{
	big = big_endian;
	uint32_t at = begin(0x0a0d0d0a);
	put(0x1a2b3c4d, 4);
	put(1, 2);
	put(0, 2);
	put(UINT64_MAX, 8);
	end(at);
}

/* resolution 0: the option is left out, which means microseconds. */
static void interface(uint16_t link_type, uint32_t snap, uint8_t resolution, uint64_t offset_s)
{
	uint32_t at = begin(1);
	put(link_type, 2);
	put(0, 2);
	put(snap, 4);
	if (resolution) {
		put(9, 2);
		put(1, 2);
		put(resolution, 1);
		size += 3;
	}
	if (offset_s) {
		put(14, 2);
		put(8, 2);
		put(offset_s, 8);
	}
	put(0, 4);
	end(at);
}

static void frame(uint32_t index, uint64_t units, const char *bytes, uint32_t n)
{
	uint32_t at = begin(6);
	put(index, 4);
	put(units >> 32, 4);
	put(units, 4);
	put(n, 4);
	put(n + 1, 4);
	memcpy(file + size, bytes, n);
	size += (n + 3) / 4 * 4;
	end(at);
}

static struct pcapng *opened;
static FILE *stream;
static const char *what;

static enum pcapng_result next(struct packet *packet)
{
	return pcapng_next(opened, packet, &what);
}

static void reading(void)
{
	stream = fmemopen(file, size, "rb");
	opened = pcapng_open(stream);
	assert_non_null(opened);
}

static void done(void)
{
	pcapng_close(opened);
	fclose(stream);
	memset(file, 0, sizeof file);
	size = 0;
}

static void sees(uint16_t link_type, uint64_t time_ns, const char *bytes)
{
	struct packet packet;
	assert_int_equal(next(&packet), PCAPNG_FRAME);
	assert_int_equal(packet.link_type, link_type);
	assert_int_equal(packet.time_ns, time_ns);
	assert_int_equal(packet.bytes.size, strlen(bytes));
	assert_memory_equal(packet.bytes.at, bytes, strlen(bytes));
	assert_int_equal(packet.wire_bytes, strlen(bytes) + 1);
}

static void test_interfaces(void **unused)
{
	(void)unused;
	for (unsigned order = 0; order < 2; order++) {
		struct packet packet;
		section(order);
		interface(1, 65535, 0, 0);
		interface(113, 8192, 9, 0);
		interface(276, 0, 0x80 | 10, 100);
		uint32_t at = begin(5); /* statistics: of no interest */
		put(7, 8);
		end(at);
		frame(0, 1700000000000001u, "ether", 5);
		frame(1, 1700000000000000007u, "cooked", 6);
		frame(2, 1536, "two", 3);
		section(!order); /* a second section in the other byte order, with interfaces of its own */
		interface(101, 3, 0, 0);
		frame(0, 5, "raw", 3);
		reading();
		sees(1, 1700000000000001000u, "ether");
		sees(113, 1700000000000000007u, "cooked");
		sees(276, 101500000000u, "two");
		sees(101, 5000, "raw");
		assert_int_equal(next(&packet), PCAPNG_END);
		done();
	}
}

static void test_simple_block(void **unused)
{
	struct packet packet;
	(void)unused;
	section(false);
	interface(1, 4, 0, 0);
	frame(0, 9, "abcd", 4);
	uint32_t at = begin(3);
	put(100, 4);
	memcpy(file + size, "wxyz", 4);
	size += 4;
	end(at);
	reading();
	sees(1, 9000, "abcd");
	assert_int_equal(next(&packet), PCAPNG_FRAME);
	assert_int_equal(packet.bytes.size, 4);
	assert_int_equal(packet.wire_bytes, 100);
	assert_int_equal(packet.time_ns, 9000);
	done();
}

/* Cut at every byte: what is whole is read, then comes the end or a fault, never more. */
static void test_cut(void **unused)
{
	(void)unused;
	section(false);
	interface(1, 0, 0, 0);
	uint32_t first = size;
	frame(0, 1, "abc", 3);
	uint32_t whole = size;
	static uint8_t kept[sizeof file];
	memcpy(kept, file, whole);
	for (uint32_t cut = 1; cut <= whole; cut++) {
		struct packet packet;
		memcpy(file, kept, whole);
		size = cut;
		reading();
		enum pcapng_result result = next(&packet);
		if (cut == whole)
			assert_int_equal(result, PCAPNG_FRAME);
		else if (cut == first || cut == 28)
			assert_int_equal(result, PCAPNG_END);
		else
			assert_int_equal(result, PCAPNG_DAMAGED);
		done();
	}
}

static void damaged(const char *expected)
{
	struct packet packet;
	reading();
	enum pcapng_result result;
	while ((result = next(&packet)) == PCAPNG_FRAME)
		;
	assert_int_equal(result, PCAPNG_DAMAGED);
	assert_string_equal(what, expected);
	done();
}

static void test_damage(void **unused)
{
	(void)unused;
	section(false);
	frame(0, 1, "abc", 3);
	damaged("a damaged frame, or one of an interface that nobody described");
	section(false);
	interface(1, 0, 0, 0);
	file[size - 4]++;
	damaged("a block whose two lengths differ");
	section(false);
	file[8] = 0;
	damaged("a section without a byte order");
	section(true);
	uint32_t at = begin(6);
	size = at + 4;
	put(0xfffffff0, 4);
	damaged("a block of impossible length");
	section(false);
	interface(1, 0, 0, 0);
	at = size;
	frame(0, 1, "abc", 3);
	file[at + 20] = 200; /* captured length beyond the block */
	damaged("a damaged frame, or one of an interface that nobody described");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interfaces), cmocka_unit_test(test_simple_block), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
