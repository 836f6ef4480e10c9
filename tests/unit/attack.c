/* The table of MITRE ATT&CK: every technique that a shipped rule names is in it. */
#include "tests/support/cm.h"
#include "outputs/attack.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned known, unknown;

static void look_up(const char *tag, const char *path)
{
	const char *const tags[] = {tag, NULL};
	const struct rule rule = {.tags = tags};
	struct attack attack;
	unsigned at = 0;
	assert_true(attack_next(&rule, &at, &attack));
	if (attack.name && attack.tactic && attack.tactic->id && (!*attack.parent_id || attack.parent_name)) {
		known++;
		return;
	}
	unknown++;
	print_error("%s: %s is not in the table\n", path, tag);
}

static int read_rule(const char *path, const struct stat *stat, int kind, struct FTW *place)
{
	char line[512];
	(void)stat, (void)place;
	FILE *file = kind == FTW_F && strstr(path, ".yml") ? fopen(path, "r") : NULL;
	if (!file)
		return 0;
	while (fgets(line, sizeof line, file))
		for (char *at = line; (at = strstr(at, "attack.t"));) {
			char tag[32];
			size_t size = strspn(at + 8, "0123456789.");
			snprintf(tag, sizeof tag, "%.*s", (int)(8 + size), at);
			if (size >= 4)
				look_up(tag, path);
			at += 8 + size;
		}
	fclose(file);
	return 0;
}

static void test_every_tag_of_the_rules(void **state)
{
	(void)state;
	assert_int_equal(nftw(TW_SOURCE "/rules", read_rule, 8, FTW_PHYS), 0);
	assert_int_equal(unknown, 0);
	assert_true(known > 50);
}

static void expect(const char *const *tags, const char *name, const char *tactic)
{
	const struct rule rule = {.tags = tags};
	struct attack attack;
	unsigned at = 0;
	assert_true(attack_next(&rule, &at, &attack));
	assert_string_equal(attack.name, name);
	assert_string_equal(attack.tactic->id, tactic);
}

static void test_tactics(void **state)
{
	(void)state;
	expect((const char *const[]){"attack.t1110.001", NULL}, "Password Guessing", "TA0006");
	expect((const char *const[]){"attack.t1078", "attack.persistence", NULL}, "Valid Accounts", "TA0003");
	expect((const char *const[]){"attack.t0859", "attack.lateral-movement", NULL}, "Valid Accounts", "TA0109");
	expect((const char *const[]){"attack.t1694", NULL}, "Insecure Credentials", "TA0110");
	struct attack attack;
	unsigned at = 0;
	const struct rule unheard = {.tags = (const char *const[]){"attack.t9999.001", "attack.impact", NULL}};
	assert_true(attack_next(&unheard, &at, &attack));
	assert_null(attack.name);
	assert_string_equal(attack.id, "T9999.001");
	assert_false(attack_next(&unheard, &at, &attack));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_tag_of_the_rules), cmocka_unit_test(test_tactics)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
