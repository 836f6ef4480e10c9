/* Faults in rule files: file:line:column, what is wrong, and what is valid or was meant. */
#include "tests/support/cm.h"
#include "tests/support/rig.h"
#include <stdio.h>

#define HEAD "title: t\nid: 11111111-2222-3333-4444-555555555555\nlogsource: {category: iot_session}\n"
#define CORRELATION(body) \
	"title: base\nname: base\nid: 11111111-2222-3333-4444-555555555555\nlogsource: {category: iot_session}\n" \
	"detection:\n  s: {action: connect}\n  condition: s\n---\ntitle: c\nid: 21111111-2222-3333-4444-555555555555\ncorrelation:\n" body

/* The rules are refused, and the faults hold each of these texts. */
static void refused(const char *text, const char *const *said)
{
	char faults[RIG_FAULTS];
	struct rules *rules = rig_rules(text, NULL, 0, NULL, 0, faults);
	if (rules) {
		rules_close(rules);
		fail_msg("accepted:\n%s", text);
	}
	for (; *said; said++)
		if (!strstr(faults, *said))
			fail_msg("\"%s\" is not said about\n%s\nbut:\n%s", *said, text, faults);
}

#define REFUSED(text, ...) refused(text, (const char *const[]){__VA_ARGS__, NULL})

static void accepted(const char *text)
{
	char faults[RIG_FAULTS];
	struct rules *rules = rig_rules(text, NULL, 0, NULL, 0, faults);
	if (!rules)
		fail_msg("%s\n%s", text, faults);
	assert_string_equal(faults, "");
	rules_close(rules);
}

static void test_names(void **state)
{
	(void)state;
	REFUSED(HEAD "detection:\n  s:\n    mqtt.publish.topik: a\n  condition: s\n", "6:5: ", "unknown field mqtt.publish.topik",
		"did you mean mqtt.publish.topic?");
	REFUSED(HEAD "detection:\n  s:\n    zzzzzz: a\n  condition: s\n", "6:5: unknown field zzzzzz", "rules fields");
	REFUSED(HEAD "detection:\n  s:\n    action|contain: a\n  condition: s\n", "6:5: unknown modifier contain", "contains");
	REFUSED(HEAD "detection:\n  s:\n    action|foobarbaz: a\n  condition: s\n", "unknown modifier", "valid: contains, startswith");
	REFUSED(HEAD "detection:\n  selection:\n    action: connect\n  condition: selektion\n", "7:14: condition:",
		"no selection is called \"selektion\"", "did you mean selection");
	REFUSED(HEAD "levle: high\ndetection:\n  s: {action: connect}\n  condition: s\n", "4:1: unknown key `levle`", "`level`");
	REFUSED("title: t\nid: 11111111-2222-3333-4444-555555555555\nlogsource: {service: mqt}\ndetection:\n  s: {action: connect}\n"
		"  condition: s\n", "3:22: unknown service mqt", "did you mean mqtt");
	REFUSED("title: t\nid: 11111111-2222-3333-4444-555555555555\nlogsource: {product: windows}\ndetection:\n  s: {action: connect}\n"
		"  condition: s\n", "3:22: product windows", "valid: thingwarden");
	REFUSED(HEAD "level: hihg\ndetection:\n  s: {action: connect}\n  condition: s\n", "4:8: unknown level `hihg`",
		"informational, low, medium, high, critical");
}

static void test_values(void **state)
{
	(void)state;
	REFUSED(HEAD "detection:\n  s:\n    action: conect\n  condition: s\n", "6:13: action is never \"conect\"", "valid: open, close, connect");
	REFUSED(HEAD "detection:\n  s:\n    dest_port: many\n  condition: s\n", "6:16: dest_port is a number", "\"many\"");
	REFUSED(HEAD "detection:\n  s:\n    dest_port: -1\n  condition: s\n", "6:16: ");
	REFUSED(HEAD "detection:\n  s:\n    mqtt.connect.flags.will: maybe\n  condition: s\n", "6:30: ", "true or false");
	REFUSED(HEAD "detection:\n  s:\n    src_ip: 10.0.0\n  condition: s\n", "6:13: ", "neither an address nor a network");
	REFUSED(HEAD "detection:\n  s:\n    src_ip|cidr: 10.0.0.0/33\n  condition: s\n", "6:18: ", "10.0.0.0/33");
	REFUSED(HEAD "detection:\n  s:\n    user|re: 'a(b'\n  condition: s\n", "6:14: not a regular expression", "at character");
	REFUSED(HEAD "detection:\n  s:\n    user|gt: 4\n  condition: s\n", "6:5: user is no number");
	REFUSED(HEAD "detection:\n  s:\n    user|fieldref: src_ip\n  condition: s\n", "6:20: ", "of different kinds");
	REFUSED(HEAD "detection:\n  s:\n    action|fieldref: outcom\n  condition: s\n", "unknown field outcom", "outcome");
	REFUSED(HEAD "detection:\n  s:\n    user|exists: perhaps\n  condition: s\n", "6:18: exists is true or false");
	REFUSED(HEAD "detection:\n  s:\n    credential: admin\n  condition: s\n", "6:17: credential is written user:password");
	REFUSED(HEAD "detection:\n  s:\n    user: {a: b}\n  condition: s\n", "6:11: a value of user must be a text");
	REFUSED(HEAD "detection:\n  s:\n    user: []\n  condition: s\n", "the list is empty");
	REFUSED(HEAD "detection:\n  s:\n    user|expand: '%unknown%'\n  condition: s\n", "6:18: there is no list %unknown%");
}

static void test_conditions(void **state)
{
	(void)state;
	REFUSED(HEAD "detection:\n  s: {action: connect}\n  condition: (s\n", "6:16: ", "`)` is awaited, not the end");
	REFUSED(HEAD "detection:\n  s: {action: connect}\n  condition: s s\n", "6:16: ", "not understood from here on: s");
	REFUSED(HEAD "detection:\n  s: {action: connect}\n  condition: 1 off them\n", "6:16: ", "`of` is awaited, not off");
	REFUSED(HEAD "detection:\n  s: {action: connect}\n  condition: 1 of x*\n", "no selection is called x*");
	REFUSED(HEAD "detection:\n  s: {action: connect}\n  condition: s and\n", "condition: ");
	REFUSED(HEAD "detection:\n  s: {action: connect}\n", "selections and a `condition` are needed");
	REFUSED(HEAD "detection:\n  s: word\n  condition: s\n", "5:6: a selection is a map");
	REFUSED(HEAD "detection:\n  s: {}\n  condition: s\n", "5:6: the selection is empty");
	REFUSED(HEAD, "`detection`, `correlation` or `filter` is missing");
}

static void test_documents(void **state)
{
	(void)state;
	REFUSED("- a\n- b\n", "1:1: a rule is a map");
	REFUSED("title: [\n", "2:1: ");
	REFUSED("title: a\ntitle: b\n", "2:1: this key is there already");
	REFUSED("title: \"a\\0b\"\n", "1:8: a NUL character");
	REFUSED("title: t\nid: 11111111-2222-3333-4444-55555555555\nlogsource: {category: iot_session}\ndetection:\n  s: {action: connect}\n"
		"  condition: s\n", "2:5: ", "is no UUID");
	REFUSED("id: 11111111-2222-3333-4444-555555555555\nlogsource: {category: iot_session}\ndetection:\n  s: {action: connect}\n"
		"  condition: s\n", "1:1: `title` is missing");
	REFUSED("a: &a [*a]\n", "nested too deep");
	REFUSED(HEAD "detection:\n  s: {action: connect}\n  condition: s\n---\n" HEAD "detection:\n  s: {action: close}\n  condition: s\n",
		"9:5: id ", "is taken by");
	/* all faults, not only the first */
	REFUSED(HEAD "detection:\n  s:\n    usr: a\n    acton: b\n    dest_port: c\n  condition: t\n", "6:5: ", "7:5: ", "8:16: ", "9:14: ");
}

static void test_correlations(void **state)
{
	(void)state;
	accepted(CORRELATION("  type: event_count\n  rules: [base]\n  timespan: 60s\n  condition: {gte: 5}\n"));
	REFUSED(CORRELATION("  type: event_cont\n  rules: [base]\n  timespan: 60s\n  condition: {gte: 5}\n"), "12:9: unknown correlation type "
		"event_cont", "event_count", "temporal_ordered", "absence");
	REFUSED(CORRELATION("  type: event_count\n  rules: [bsae]\n  timespan: 60s\n  condition: {gte: 5}\n"), "13:11: there is no rule bsae",
		"did you mean base?");
	REFUSED(CORRELATION("  type: event_count\n  rules: [base]\n  timespan: 60\n  condition: {gte: 5}\n"), "14:13: \"60\" is no timespan");
	REFUSED(CORRELATION("  type: event_count\n  rules: [base]\n  timespan: 0s\n  condition: {gte: 5}\n"), "is no timespan");
	REFUSED(CORRELATION("  type: event_count\n  rules: [base]\n  condition: {gte: 5}\n"), "`timespan` is missing");
	REFUSED(CORRELATION("  type: event_count\n  rules: [base]\n  timespan: 60s\n"), "type event_count: `condition` is missing");
	REFUSED(CORRELATION("  type: event_count\n  rules: [base]\n  timespan: 60s\n  condition: {gte: 5, lt: 9}\n"), "one comparison, not two");
	REFUSED(CORRELATION("  type: event_count\n  rules: [base]\n  timespan: 60s\n  condition: {gtee: 5}\n"), "unknown key `gtee`", "gte");
	REFUSED(CORRELATION("  type: event_count\n  rules: [base]\n  group-by: [usr]\n  timespan: 60s\n  condition: {gte: 5}\n"),
		"unknown field usr", "user");
	REFUSED(CORRELATION("  type: value_count\n  rules: [base]\n  timespan: 60s\n  condition: {gte: 5}\n"), "a comparison and a field");
	REFUSED(CORRELATION("  type: value_sum\n  rules: [base]\n  timespan: 60s\n  condition: {gte: 5, field: user}\n"), "must be a number");
	REFUSED(CORRELATION("  type: absence\n  rules: [base]\n  timespan: 60s\n"), "type absence: needs two rules");
	REFUSED(CORRELATION("  type: temporal\n  rules: [base]\n  timespan: 60s\n"), "type temporal: needs 2 to 8 rules");
	REFUSED(CORRELATION("  type: ratio\n  rules: [base]\n  timespan: 60s\n"), "type ratio: needs two rules");
	REFUSED(CORRELATION("  type: periodic\n  rules: [base]\n  timespan: 60s\n  condition: {gte: 9}\n"), "`jitter` is missing");
	REFUSED(CORRELATION("  type: first_seen\n  rules: [base]\n  timespan: 60s\n"), "needs a field");
	REFUSED(CORRELATION("  type: overlap\n  rules: [base, base]\n  timespan: 60s\n"), "a field and a number");
	REFUSED(CORRELATION("  type: event_count\n  rules: [21111111-2222-3333-4444-555555555555]\n  timespan: 60s\n  condition: {gte: 5}\n"),
		"refers to itself");
	REFUSED(CORRELATION("  type: event_count\n  rules: []\n  timespan: 60s\n  condition: {gte: 5}\n"), "`rules` is a list of 1 to 16");
}

static void test_filters(void **state)
{
	(void)state;
	accepted(CORRELATION("  type: event_count\n  rules: [base]\n  timespan: 60s\n  condition: {gte: 5}\n---\ntitle: f\nid: "
			     "31111111-2222-3333-4444-555555555555\nlogsource: {category: iot_session}\nfilter:\n  rules: [base]\n  x: {user: a}\n"
			     "  condition: not x\n"));
	REFUSED("title: f\nid: 31111111-2222-3333-4444-555555555555\nlogsource: {category: iot_session}\nfilter:\n  rules: [nobody]\n"
		"  x: {user: a}\n  condition: not x\n", "5:11: there is no rule nobody");
	REFUSED("title: f\nid: 31111111-2222-3333-4444-555555555555\nlogsource: {category: iot_session}\nfilter:\n  x: {user: a}\n"
		"  condition: not x\n", "`rules` is missing");
}

static void test_overrides(void **state)
{
	char faults[RIG_FAULTS];
	const struct rule_override good[] = {{.rule = "base", .level = "critical", .threshold = -1},
					     {.rule = "21111111-2222-3333-4444-555555555555", .threshold = 9, .timespan = "5m"}};
	const struct rule_override unknown[] = {{.place = "c.yaml:3:7", .rule = "nobody", .threshold = -1}};
	const struct rule_override span[] = {{.place = "c.yaml:4:7", .rule = "base", .threshold = -1, .timespan = "5 minutes"}};
	static const char text[] = CORRELATION("  type: event_count\n  rules: [base]\n  timespan: 60s\n  condition: {gte: 5}\n");
	(void)state;
	struct rules *rules = rig_rules(text, NULL, 0, good, 2, faults);
	assert_non_null(rules);
	assert_int_equal(rules_find(rules, "base")->level, LEVEL_CRITICAL);
	const struct rule *rule = rules_find(rules, "21111111-2222-3333-4444-555555555555");
	assert_int_equal(rule->threshold, 9);
	assert_int_equal(rule->window_ns / TW_SECOND, 300);
	assert_false(rules_find(rules, "base")->generate); /* it feeds the other */
	assert_true(rule->generate);
	rules_close(rules);
	assert_null(rig_rules(text, NULL, 0, unknown, 1, faults));
	assert_non_null(strstr(faults, "c.yaml:3:7: rule: there is no rule nobody"));
	assert_null(rig_rules(text, NULL, 0, span, 1, faults));
	assert_non_null(strstr(faults, "c.yaml:4:7: timespan: \"5 minutes\""));
}

static void test_missing_file(void **state)
{
	char faults[RIG_FAULTS] = "";
	const char *const paths[] = {"/nowhere/rules.yml", NULL};
	FILE *out = fmemopen(faults, sizeof faults, "w");
	(void)state;
	assert_null(rules_open(&(struct rule_options){.paths = paths, .faults = out}));
	fclose(out);
	assert_string_equal(faults, "/nowhere/rules.yml: No such file or directory\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names), cmocka_unit_test(test_values), cmocka_unit_test(test_conditions), cmocka_unit_test(test_documents),
		cmocka_unit_test(test_correlations), cmocka_unit_test(test_filters), cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_missing_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
