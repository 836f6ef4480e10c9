/* What the readers of logs share: times that are not read twice, JSON of which yajl sees the outline, the table of sessions. */
#include "tests/support/cm.h"
#include "parsers/log_json.h"
#include "parsers/log_line.h"
#include <stdio.h>
#include <stdlib.h>

/* --- times ------------------------------------------------------------------------------------------------------- */

static void takes(struct log_clock *clock, bool (*take)(struct log_clock *, struct slice *, uint64_t *), const char *text,
		  uint64_t ms, const char *behind)
{
	struct slice rest = slice_text(text);
	uint64_t time_ns = 0;
	assert_true(take(clock, &rest, &time_ns));
	assert_int_equal(time_ns / 1000000, ms);
	assert_true(slice_is(rest, behind));
}

static bool refuses(struct log_clock *clock, bool (*take)(struct log_clock *, struct slice *, uint64_t *), const char *text)
{
	struct slice rest = slice_text(text);
	uint64_t time_ns;
	return !take(clock, &rest, &time_ns) && slice_is(rest, text);
}

/* Each text twice: what the first has left behind must not change the second, nor what begins alike. */
static void test_same_times(void **state)
{
	struct log_clock clock = {0};
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		takes(&clock, log_take_epoch, "1795500000: x", 1795500000000, ": x");
	takes(&clock, log_take_epoch, "1795500000.25: x", 1795500000250, ": x");
	takes(&clock, log_take_epoch, "1795500000123: x", 1795500000123, ": x");
	assert_true(refuses(&clock, log_take_iso, "1795500000: x"));
	for (unsigned i = 0; i < 2; i++)
		takes(&clock, log_take_iso, "2026-11-24T06:00:00+0000: x", 1795500000000, ": x");
	takes(&clock, log_take_iso, "2026-11-24T06:00:00+0100: x", 1795496400000, ": x");
	takes(&clock, log_take_iso, "2026-11-24T06:00:00.5+0000: x", 1795500000500, ": x");
	takes(&clock, log_take_iso, "2026-11-24T06:00:00.123456789123Z x", 1795500000123, " x");
	takes(&clock, log_take_iso, "2026-11-24T06:00:00: x", 1795500000000, ": x");
	assert_true(refuses(&clock, log_take_iso, "2026-11-24T06:00"));
	for (unsigned i = 0; i < 2; i++)
		takes(&clock, log_take_clf, "24/Nov/2026:06:00:00 +0000] x", 1795500000000, "] x");
	takes(&clock, log_take_clf, "24/Nov/2026:06:00:01 +0000] x", 1795500001000, "] x");
	clock.format = "%d.%m.%Y %H:%M:%S";
	for (unsigned i = 0; i < 2; i++)
		takes(&clock, log_take_format, "24.11.2026 06:00:00 x", 1795500000000, " x");
	takes(&clock, log_take_format, "24.11.2026 06:00:01 x", 1795500001000, " x");
}

/* A time without a year is near what is known to be near, whatever the same text was before. */
static void test_years(void **state)
{
	struct log_clock clock = {.around_ns = 1795500000 * TW_SECOND};
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		takes(&clock, log_take_rfc3164, "Nov 24 06:00:00 host", 1795500000000, " host");
	clock.around_ns -= 365 * 86400 * TW_SECOND;
	takes(&clock, log_take_rfc3164, "Nov 24 06:00:00 host", 1763964000000, " host");
}

static void test_ends(void **state)
{
	static const char *const none[] = {"", "10.0.0", "10.0.0.256", "10.0.0.1.2", "1000.0.0.1", "10.0.0.1:", "10.0.0.1:65536", "10..0.1",
		".10.0.0.1", "10.0.0.1 ", "10.0.0.1:80x"};
	struct address address = {{0}}, before = {{0}};
	uint16_t port;
	char text[ADDRESS_TEXT_MAX];
	(void)state;
	for (unsigned i = 0; i < sizeof none / sizeof *none; i++) {
		assert_false(log_end(slice_text(none[i]), &address, &port));
		assert_memory_equal(&address, &before, sizeof address);
		assert_int_equal(port, 0);
	}
	assert_true(log_end(slice_text("10.20.0.255:65535"), &address, &port) && port == 65535);
	address_format(&address, text);
	assert_string_equal(text, "10.20.0.255");
	assert_true(log_end(slice_text("fe80::1:1883"), &address, &port) && port == 1883);
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static bool shown(struct log_json *json, const char *text, char *out, size_t size)
{
	const struct log_json_value *v;
	bool good = log_json_read(json, slice_text(text));
	size_t n = 0;
	*out = 0;
	for (uint32_t i = 0; (v = log_json_at(json, i)) && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%.*s:%u=%.*s;", (int)v->path.size, (const char *)v->path.at, v->type, (int)v->text.size,
				      (const char *)v->text.at);
	return good;
}

/* A control character makes yajl read the record itself: both ways must tell the same. */
static void test_outline(void **state)
{
	static const char *const records[] = {
		"{\"a\":\"x\",\"b\":{\"c\":[1,\"y\",{\"d\":null},[true,[\"z\"]]],\"e\":-2.5e3},\"f\":\"\",\"\":\"g\"}",
		"{ \"a\" : \"q\\\"\\\\\" , \"b\\u0041\":\"\\u00e9\\n\", \"c\": \"plain\", \"d\\\\\":{\"e\\\"\":\"f\"} }",
		"{\"\":{\"a\":1},\"a\":{\"\":2,\"b\":{\"\":\"c\"}},\"a\":\"again\",\"t\":[\"a\",\"b\",{\"u\":\"c\"},\"d\"]}",
		"{\"a\":\"x\",\"b\":tru}", "{\"a\":\"x\" \"b\"}", "{\"a\":\"x\",\"b\":\"y", "{\"a\":\"x\\\"}", "[\"a\",\"b\"]", "\"a\"", "{\"a\":\"b\"}}",
		"{\"a\":1 2}", "{\"a\":\"b\"}{\"c\":\"d\"}", "{\"a\":\"\\q\"}", "{\"k\":\"\xc3\xa9\xff\"}", "{1:2}", "", "{"};
	struct log_json *json = log_json_open();
	char outlined[512], whole[512], with_tab[256];
	(void)state;
	assert_non_null(json);
	for (unsigned i = 0; i < sizeof records / sizeof *records; i++) {
		snprintf(with_tab, sizeof with_tab, "\t%s", records[i]);
		bool good = shown(json, with_tab, whole, sizeof whole);
		assert_int_equal(shown(json, records[i], outlined, sizeof outlined), good);
		assert_string_equal(outlined, whole);
	}
	assert_true(shown(json, records[0], outlined, sizeof outlined));
	assert_string_equal(outlined, "a:3=x;b.c[]:2=1;b.c[]:3=y;b.c[].d:0=;b.c[][]:1=true;b.c[][][]:3=z;b.e:2=-2.5e3;f:3=;:3=g;");
	assert_true(shown(json, records[1], outlined, sizeof outlined));
	assert_string_equal(outlined, "a:3=q\"\\;bA:3=\xc3\xa9\n;c:3=plain;d\\.e\":3=f;");
	assert_false(log_json_read(json, slice_text("{\"a\":\"a\nb\"}"))); /* as it always was */
	log_json_close(json);
}

static void test_paths(void **state)
{
	struct log_json *json = log_json_open();
	struct slice texts[4], text;
	uint64_t number;
	char many[8192] = "{", *at = many + 1;
	(void)state;
	assert_true(log_json_read(json, slice_text("{\"t\":[\"a\",null,\"b\"],\"n\":\"12.5\",\"n\":3,\"none\":null,\"s\":\"x\"}")));
	assert_int_equal(log_json_all(json, "t[]", texts, 4), 2);
	assert_true(slice_is(texts[0], "a") && slice_is(texts[1], "b"));
	assert_true(log_json_number(json, "n", &number) && number == 12);
	assert_false(log_json_text(json, "none", &text) || log_json_text(json, "absent", &text) || log_json_text(json, "", &text));
	assert_string_equal(log_json_string(json, log_json_at(json, log_json_count(json) - 1)), "x");
	for (unsigned i = 0; i < 400; i++) /* many share a slot */
		at += sprintf(at, "%s\"key%03u\":\"%u\"", i ? "," : "", i, i);
	strcpy(at, "}");
	assert_true(log_json_read(json, slice_text(many)));
	for (unsigned i = 0; i < 400; i++) {
		char name[16];
		snprintf(name, sizeof name, "key%03u", i);
		assert_true(log_json_number(json, name, &number) && number == i);
	}
	assert_false(log_json_text(json, "t[]", &text));
	log_json_close(json);
}

/* --- sessions ---------------------------------------------------------------------------------------------------- */

static uint64_t key_of(unsigned i)
{
	return log_session_key(1, 2, slice_of(&i, sizeof i));
}

/* More and more of them: each is found, and those that have ended are not. */
static void test_sessions(void **state)
{
	enum { COUNT = 4000 };
	struct counters counters = {0};
	struct log_sessions *sessions = log_sessions_open(8 * COUNT, &counters);
	(void)state;
	assert_non_null(sessions);
	for (unsigned i = 0; i < COUNT; i++) {
		log_session_begin(sessions, key_of(i), i)->flow_id = i;
		if (i % 3 == 2) {
			log_session_end(sessions, log_session_find(sessions, key_of(i)));
			assert_null(log_session_find(sessions, key_of(i)));
		}
	}
	for (unsigned i = 0; i < COUNT; i++) {
		struct log_session *session = log_session_find(sessions, key_of(i));
		assert_true(i % 3 == 2 ? !session : session && session->flow_id == i);
	}
	assert_int_equal(counters.log_sessions_evicted, 0);
	struct log_session *again = log_session_begin(sessions, key_of(0), 9);
	assert_true(again->flow_id == 0 && again->began_ns == 9 && log_session_find(sessions, key_of(0)) == again);
	log_session_end(sessions, again);
	log_session_end(sessions, again); /* twice is once */
	assert_ptr_not_equal(log_session_begin(sessions, key_of(COUNT), 10), log_session_begin(sessions, key_of(COUNT + 1), 10));
	log_sessions_close(sessions);
}

/* A full table forgets whom it heard of longest ago. */
static void test_eviction(void **state)
{
	enum { ROOM = 64 };
	struct counters counters = {0};
	struct log_sessions *sessions = log_sessions_open(ROOM, &counters);
	unsigned found = 0;
	(void)state;
	for (unsigned i = 0; i < 4 * ROOM; i++)
		log_session_begin(sessions, key_of(i), i + 1);
	for (unsigned i = 0; i < 4 * ROOM; i++)
		found += log_session_find(sessions, key_of(i)) != NULL;
	assert_int_equal(found + counters.log_sessions_evicted, 4 * ROOM);
	assert_true(found <= ROOM && log_session_find(sessions, key_of(4 * ROOM - 1)));
	assert_null(log_session_find(sessions, key_of(0)));
	log_sessions_close(sessions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_times), cmocka_unit_test(test_years), cmocka_unit_test(test_ends),
		cmocka_unit_test(test_outline), cmocka_unit_test(test_paths), cmocka_unit_test(test_sessions), cmocka_unit_test(test_eviction)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
