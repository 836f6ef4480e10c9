/* Rules that compare a field with another: templates (expand, foreign) and fieldref with contains, startswith, endswith. */
#include "sensor/rules.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static const char head[] = "title: t\nid: 00000001-0000-4000-8000-000000000000\nname: t\n"
			   "logsource: {product: thingwarden, service: mqtt}\ndetection:\n  a:\n    ";

static struct rules *load(const char *item, FILE *faults)
{
	char path[] = "/tmp/thingwarden-unit-XXXXXX.yml";
	int fd = mkstemps(path, 4);
	FILE *file = fdopen(fd, "w");
	fprintf(file, "%s%s\n  condition: a\n", head, item);
	fclose(file);
	const char *paths[] = {path, NULL};
	struct rules *rules = rules_open(&(struct rule_options){.paths = paths, .faults = faults});
	unlink(path);
	return rules;
}

static void count(void *context, struct rule *rule, const struct event *event)
{
	(void)rule;
	(void)event;
	++*(unsigned *)context;
}

/* Does the rule match a message with this topic, or a second one, of this client? */
static bool matches(const char *item, const char *client, const char *topic, const char *second)
{
	struct rules *rules = load(item, stderr);
	assert_non_null(rules);
	struct session session = {0};
	struct ends ends = {0};
	struct slice topics[] = {slice_text(topic), slice_text(second ? second : "")};
	if (client)
		name_set(&session.client_id, slice_text(client));
	struct event event = {.ends = &ends, .session = &session, .resource = {topics, second ? 2 : 1}, .protocol = PROTOCOL_MQTT,
			      .action = ACTION_PUBLISH};
	unsigned found = 0;
	rules_match(rules, &event, count, &found);
	rules_close(rules);
	return found == 1;
}

static const char own[] = "resource|expand: 'devices/%client_id%/*'", foreign[] = "resource|expand|foreign: 'devices/%client_id%/*'";

static void own_place(void **state)
{
	(void)state;
	assert_true(matches(own, "pump-1", "devices/pump-1/set", NULL));
	assert_true(matches(own, "pump-1", "devices/PUMP-1/set", NULL));
	assert_false(matches(own, "pump-1", "devices/pump-11/set", NULL));
	assert_false(matches(own, "pump-1", "devices/pump-1", NULL));
	assert_false(matches(own, "pump-1", "device/pump-1/set", NULL));
	assert_false(matches(own, NULL, "devices/pump-1/set", NULL));
	assert_false(matches("resource|expand|neq: 'devices/%client_id%/*'", "pump-1", "devices/pump-1/set", NULL));
	assert_true(matches("resource|expand|neq: 'devices/%client_id%/*'", "pump-1", "devices/pump-2/set", NULL));
}

static void foreign_place(void **state)
{
	(void)state;
	assert_false(matches(foreign, "pump-1", "devices/pump-1/set", NULL));
	assert_true(matches(foreign, "pump-1", "devices/pump-2/set", NULL));
	assert_true(matches(foreign, "pump-1", "devices/pump-11/set", NULL));
	assert_true(matches(foreign, "pump-1", "devices/+/set", NULL));
	assert_true(matches(foreign, "pump-1", "devices//set", NULL));
	assert_true(matches(foreign, "", "devices/pump-1/set", NULL));
	assert_false(matches(foreign, NULL, "devices/pump-1/set", NULL));
	assert_false(matches(foreign, "pump-1", "plant/pump-2/set", NULL));
	assert_true(matches("resource|expand|foreign|cased: 'devices/%client_id%/*'", "pump-1", "devices/Pump-1/set", NULL));
}

/* One topic of one's own does not excuse the other. */
static void several(void **state)
{
	(void)state;
	assert_true(matches(foreign, "pump-1", "devices/pump-1/set", "devices/pump-2/set"));
	assert_true(matches(own, "pump-1", "devices/pump-2/set", "devices/pump-1/set"));
}

/* A name with slashes, and one that was cut. */
static void long_names(void **state)
{
	(void)state;
	static const char name[] = "a-name-that-is-much-longer-than-the-bytes-that-are-kept-of-any-name-1";
	char topic[256];
	snprintf(topic, sizeof topic, "devices/%s/set", name);
	assert_true(matches(own, name, topic, NULL));
	assert_false(matches(foreign, name, topic, NULL));
	assert_true(matches(own, "gateway/filter", "devices/gateway/set", NULL));
	assert_true(matches(own, "gateway/filter", "devices/gateway/filter/set", NULL));
	topic[strlen("devices/") + sizeof name - 2] = '2';
	assert_true(matches(foreign, name, topic, NULL));
}

static void fieldref(void **state)
{
	(void)state;
	assert_true(matches("resource|fieldref: client_id", "pump-1", "pump-1", NULL));
	assert_false(matches("resource|fieldref: client_id", "pump-1", "pump-1/a", NULL));
	assert_true(matches("resource|startswith|fieldref: client_id", "pump-1", "pump-1/a", NULL));
	assert_false(matches("resource|startswith|fieldref: client_id", "pump-1", "a/pump-1", NULL));
	assert_true(matches("resource|endswith|fieldref: client_id", "pump-1", "a/pump-1", NULL));
	assert_true(matches("resource|contains|fieldref: client_id", "pump-1", "a/pump-1/b", NULL));
	assert_false(matches("resource|contains|fieldref: client_id", "", "a/pump-1/b", NULL));
	assert_false(matches("resource|contains|fieldref: client_id", NULL, "a/pump-1/b", NULL));
}

static void faults(void **state)
{
	(void)state;
	static const char *const items[][2] = {
		{"resource|expand: 'devices/%client_ix%/*'", "unknown field client_ix; did you mean client_id?"},
		{"resource|expand: 'devices/*/%client_id%'", "wildcards may only follow the placeholder"},
		{"resource|expand: 'devices/%frame%/x'", "resource and frame must both be texts"},
		{"frame|contains|fieldref: file", "contains, startswith and endswith are for texts"},
		{"frame|fieldref: client_id", "of different kinds"},
		{"resource|foreign: a", "foreign is for templates"},
		{"resource|expand: '%lost%'", "there is no list %lost%"},
	};
	for (unsigned i = 0; i < sizeof items / sizeof *items; i++) {
		char *said = NULL;
		size_t size = 0;
		FILE *stream = open_memstream(&said, &size);
		struct rules *rules = load(items[i][0], stream);
		fclose(stream);
		assert_null(rules);
		assert_non_null(strstr(said, items[i][1]));
		free(said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_place), cmocka_unit_test(foreign_place), cmocka_unit_test(several),
		cmocka_unit_test(long_names), cmocka_unit_test(fieldref), cmocka_unit_test(faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
