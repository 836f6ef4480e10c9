/* The configuration: what is read, and what is said about faults: file:line:column, key, the value and the valid choices. */
#include "tests/support/cm.h"
#include "tests/support/rig.h"
#include "sensor/config.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char said[16384];

/* Loads a text; what is said about it lands in `said`, its path shown as FILE. */
static struct config *load(const char *text)
{
	FILE *real = stderr;
	struct memory_file file = memory_open(text, strlen(text));
	memset(said, 0, sizeof said);
	stderr = fmemopen(said, sizeof said - 1, "w");
	struct config *config = config_load(file.path);
	fclose(stderr);
	stderr = real;
	size_t size = strlen(file.path);
	for (char *at; (at = strstr(said, file.path));) {
		memcpy(at, "FILE", 4);
		memmove(at + 4, at + size, strlen(at + size) + 1);
	}
	memory_close(&file);
	return config;
}

static void refused(const char *text, const char *const *words)
{
	struct config *config = load(text);
	if (config) {
		config_free(config);
		fail_msg("accepted:\n%s", text);
	}
	for (; *words; words++)
		if (!strstr(said, *words))
			fail_msg("\"%s\" is not said about\n%s\nbut: %s", *words, text, said);
}

#define REFUSED(text, ...) refused(text, (const char *const[]){__VA_ARGS__, NULL})

static const struct rule_list *list_of(const struct config *config, const char *name)
{
	for (unsigned i = 0; i < config->list_count; i++)
		if (strcmp(config->lists[i].name, name) == 0)
			return &config->lists[i];
	return NULL;
}

static void test_defaults(void **state)
{
	(void)state;
	struct config *config = config_default();
	assert_int_equal(config->limit_flows, LIMIT_FLOWS);
	assert_true(config->ndpi);
	assert_int_equal(config->output_count, 0);
	assert_non_null(list_of(config, "home_net"));
	assert_non_null(list_of(config, "default_credentials"));
	config_free(config);
	config_free(NULL);
	static const char *const empty[] = {"", "# nothing but a comment\n", "---\n"};
	for (unsigned i = 0; i < 2; i++) {
		config = load(empty[i]);
		if (!config)
			fail_msg("an empty file is refused: %s", said);
		assert_int_equal(config->limit_groups, LIMIT_GROUPS);
		config_free(config);
	}
	config_free(load(empty[2])); /* whatever it is, no crash */
}

static void test_all_of_it(void **state)
{
	(void)state;
	struct config *config = load("sensor: gw-1\nfilter: tcp port 1883\nsalt: pepper\nndpi: false\ninterfaces: [eth0, eth1]\n"
				     "home_net: [10.1.0.0/16]\ndecode_as: ['tcp.port==18830,mqtt']\n"
				     "lists:\n  - {name: known_clients, values: [a, b]}\n  - {name: mine, values: [c]}\n"
				     "rules:\n  overrides:\n    - {rule: x, threshold: 10, timespan: 5m, level: low}\n    - {rule: y, disabled: true}\n"
				     "outputs:\n  - {type: jsonl, format: eve, path: a.json, events: true, level: high}\n"
				     "limits: {flows: 1000, groups: 2000, segments: 300, fragments: 16, memos: 64}\n");
	if (!config)
		fail_msg("%s", said);
	assert_string_equal(config->sensor_name, "gw-1");
	assert_string_equal(config->filter, "tcp port 1883");
	assert_string_equal(config->salt, "pepper");
	assert_false(config->ndpi);
	assert_string_equal(config->interfaces[1], "eth1");
	assert_null(config->interfaces[2]);
	assert_string_equal(list_of(config, "home_net")->values[0], "10.1.0.0/16");
	assert_null(list_of(config, "home_net")->values[1]);
	assert_string_equal(list_of(config, "known_clients")->values[1], "b");
	assert_string_equal(list_of(config, "mine")->values[0], "c");
	assert_int_equal(config->decode_as_count, 1);
	assert_int_equal(config->decode_as[0].port, 18830);
	assert_int_equal(config->override_count, 2);
	assert_int_equal(config->overrides[0].threshold, 10);
	assert_string_equal(config->overrides[0].timespan, "5m");
	assert_true(config->overrides[1].disabled && config->overrides[1].threshold < 0);
	assert_int_equal(config->output_count, 1);
	assert_string_equal(config->outputs[0].type, "jsonl");
	assert_true(config->outputs[0].events);
	assert_int_equal(config->limit_flows, 1000);
	assert_int_equal(config->limit_groups, 2000);
	assert_int_equal(config->limit_segments, 300);
	assert_int_equal(config->limit_fragments, 16);
	assert_int_equal(config->limit_memos, 64);
	config_free(config);
}

static void test_keys(void **state)
{
	(void)state;
	REFUSED("sensr: x\n", "FILE:1:1: ", "sensr", "did you mean sensor");
	REFUSED("sensor: x\nlimits:\n  flow: 4\n", "FILE:3:", "flow", "flows");
	REFUSED("outputs:\n  - {type: jsonl, pth: a}\n", "FILE:2:", "pth", "path");
	REFUSED("rules:\n  overides: []\n", "FILE:2:", "overides", "overrides");
}

static void test_journal(void **state)
{
	(void)state;
	struct config *config = load("journal: {path: /j, max_size: 64M, max_age: 2h, segment_size: 4M, sync: always, events: true}\n");
	assert_non_null(config);
	assert_string_equal(config->journal.path, "/j");
	assert_int_equal(config->journal.max_bytes, 64 << 20);
	assert_int_equal(config->journal.segment_bytes, 4 << 20);
	assert_int_equal(config->journal.max_age_s, 7200);
	assert_int_equal(config->journal.sync, JOURNAL_SYNC_ALWAYS);
	assert_true(config->journal.events);
	config_free(config);
	config = load("journal: {path: /j, max_size: 2M}\n"); /* segments become smaller by themselves */
	assert_non_null(config);
	assert_true(config->journal.segment_bytes * 2 <= config->journal.max_bytes);
	config_free(config);
	config = config_default();
	assert_null(config->journal.path);
	config_free(config);
}

static void test_values(void **state)
{
	(void)state;
	REFUSED("outputs:\n  - {type: jsnl}\n", "FILE:2:", "type", "\"jsnl\"", "jsonl, syslog");
	REFUSED("outputs:\n  - {type: jsonl, format: eev, path: a}\n", "FILE:2:", "format", "\"eev\"", "eve");
	REFUSED("outputs:\n  - {type: syslog, address: 'a:1', transport: tpc}\n", "FILE:2:", "transport", "\"tpc\"", "udp, tcp");
	REFUSED("outputs:\n  - {type: syslog, address: 'a:1', framing: none}\n", "FILE:2:", "framing", "octet-counting, newline");
	REFUSED("outputs:\n  - {type: jsonl, path: a, level: hgh}\n", "FILE:2:", "level", "informational, low, medium, high, critical");
	REFUSED("rules:\n  overrides:\n    - {rule: a, level: hgh}\n", "FILE:3:", "level", "\"hgh\"", "critical");
	REFUSED("outputs:\n  - {type: syslog, address: 'a:1', protocol: rfc1}\n", "FILE:2:", "protocol", "rfc5424, rfc3164");
	REFUSED("outputs:\n  - {type: syslog, address: 'a:1', transport: tcp, tls: {verify: true}}\n", "FILE:2:", "transport: tls");
	REFUSED("outputs:\n  - {type: syslog, address: 'a:1', transport: tls, framing: newline}\n", "FILE:2:", "octet-counting");
	REFUSED("journal: {path: j, max_size: lots}\n", "FILE:1:", "max_size", "\"lots\"", "2M to");
	REFUSED("journal: {path: j, max_age: 5}\n", "FILE:1:", "max_age", "1m to 3650d");
	REFUSED("journal: {path: j, max_size: 4M, segment_size: 8M}\n", "FILE:1:", "segment_size", "2 to");
	REFUSED("journal: {path: j, sync: often}\n", "FILE:1:", "sync", "never, interval, always");
	REFUSED("journal: {pth: j}\n", "FILE:1:", "pth", "path, max_size");
	REFUSED("limits:\n  flows: 4\n", "FILE:2:", "flows", "\"4\"", "16 to ");
	REFUSED("limits:\n  memos: 4294967295\n", "FILE:2:", "memos", "16 to ");
	REFUSED("decode_as: ['tcp.port==99999,mqtt']\n", "FILE:1:", "decode_as", "tcp.port==N");
	REFUSED("decode_as: ['tcp.port==1,smtp']\n", "FILE:1:", "decode_as");
	REFUSED("home_net: [10.0.0]\n", "FILE:1:", "home_net", "\"10.0.0\"");
	REFUSED("lists:\n  - {name: a, file: /nowhere/list}\n", "FILE:2:", "/nowhere/list", "No such file");
	/* all faults of one reading, not only the first */
	REFUSED("outputs:\n  - {type: jsonl, path: a, level: hgh}\nlimits:\n  flows: 4\n", "FILE:2:", "FILE:4:");
}

static void test_types(void **state)
{
	(void)state;
	REFUSED("sensor: [1, 2]\n", "FILE:1:9: ", "sensor");
	REFUSED("limits: 5\n", "FILE:1:", "limits");
	REFUSED("limits:\n  flows: many\n", "FILE:2:", "flows");
	REFUSED("ndpi: perhaps\n", "FILE:1:7: ", "ndpi", "true, false");
	REFUSED("outputs: {type: jsonl}\n", "FILE:1:", "outputs");
	REFUSED("sensor: [\n", "FILE:2:1: ");
	REFUSED("- a\n", "FILE:1:");
	assert_null(config_load("/nowhere/thingwarden.yaml"));
}

static void test_list_file(void **state)
{
	char path[] = "/tmp/thingwarden-list-XXXXXX", text[256];
	int fd = mkstemp(path);
	(void)state;
	assert_true(fd >= 0);
	static const char lines[] = "# clients\nsensor-1  \n\n  sensor-2\t# with a comment\r\nlast";
	assert_int_equal(write(fd, lines, sizeof lines - 1), sizeof lines - 1);
	close(fd);
	snprintf(text, sizeof text, "lists:\n  - {name: known_clients, file: %s}\n", path);
	struct config *config = load(text);
	unlink(path);
	if (!config)
		fail_msg("%s", said);
	const char *const *values = list_of(config, "known_clients")->values;
	unsigned count = 0;
	while (values[count])
		count++;
	assert_int_equal(count, 3);
	assert_string_equal(values[0], "sensor-1");
	assert_string_equal(values[2], "last");
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults), cmocka_unit_test(test_all_of_it), cmocka_unit_test(test_keys),
					   cmocka_unit_test(test_journal), cmocka_unit_test(test_values),
					   cmocka_unit_test(test_types), cmocka_unit_test(test_list_file)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
