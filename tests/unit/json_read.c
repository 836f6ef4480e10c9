/* Answers of receivers: each value with its path; what is no JSON ends the reading. */
#include "tests/support/cm.h"
#include "outputs/body.h"
#include "outputs/json_read.h"
#include <stdio.h>
#include <stdlib.h>

static char seen[4096];

static void take(void *context, const char *path, uint64_t index, struct slice value)
{
	size_t n = strlen(seen);
	(void)context;
	snprintf(seen + n, sizeof seen - n, "%s#%llu=%.*s;", path, (unsigned long long)index, (int)value.size, (const char *)value.at);
}

static bool read_text(const char *text)
{
	*seen = 0;
	return json_read(slice_text(text), take, NULL);
}

static void test_paths(void **state)
{
	(void)state;
	assert_true(read_text("{\"took\":3,\"errors\":true,\"items\":[{\"create\":{\"_id\":\"a\",\"error\":{\"reason\":\"x \\\"y\\\"\"},\"status\":400}},"
			      "{\"create\":{\"status\":201}},7,[8,9],null],\"last\":{\"a\":{\"b\":1},\"c\":-2.5}}"));
	assert_string_equal(seen, "took#0=3;errors#0=true;items[].create._id#0=a;items[].create.error.reason#0=x \"y\";"
				  "items[].create.status#0=400;items[].create.status#1=201;items[]#2=7;items[][]#3=8;items[][]#3=9;"
				  "items[]#4=null;last.a.b#5=1;last.c#5=-2.5;");
	assert_true(read_text("{\"acks\":{\"0\":true,\"12\":false}}"));
	assert_string_equal(seen, "acks.0#0=true;acks.12#0=false;");
	assert_true(read_text("[1,{\"a\":2}]"));
	assert_string_equal(seen, "[]#0=1;[].a#1=2;");
}

static void test_faults(void **state)
{
	static const char *const faults[] = {"", "<html>", "{", "{\"a\":", "{\"a\":1", "[1,2", "{\"a\":\"x", "nul", "{\"a\" 1}", "]"};
	char deep[64] = "", *huge = malloc(100000);
	(void)state;
	for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++)
		assert_false(read_text(faults[i]));
	memset(deep, '[', 40);
	assert_false(read_text(deep));
	/* A key that is longer than any path. */
	memset(huge, 'k', 99999);
	memcpy(huge, "{\"", 2);
	strcpy(huge + 9000, "\":1}");
	assert_false(read_text(huge));
	free(huge);
}

static void test_body(void **state)
{
	struct body body;
	(void)state;
	assert_true(body_open(&body, 32));
	body_string(&body, slice_text("a\"b\\c\n\x01"));
	assert_true(slice_is(body_slice(&body), "\"a\\\"b\\\\c\\u000a\\u0001\""));
	uint32_t before = body.size;
	body_value(&body, slice_text("{\"record\":1}"));
	assert_true(body.full);
	body_bytes(&body, slice_text("x"));
	assert_int_equal(body.size, before); /* a failed body takes nothing more */
	body_cut(&body, 0);
	body_value(&body, slice_text("{\"record\":1}"));
	assert_true(slice_is(body_slice(&body), "{\"record\":1}"));
	body_close(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_paths), cmocka_unit_test(test_faults), cmocka_unit_test(test_body)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
