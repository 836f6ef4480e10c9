/* The table of MITRE ATT&CK: every technique that a shipped rule names is in it. */
#include "tests/support/cm.h"
#include "outputs/attack.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

/* What MITRE publishes (ATT&CK 18; tactics of Enterprise also as pySigma's table has them): each tactic of each technique that a shipped
 * rule names can be had by naming it, and no other one. A rule that names another technique must add it here. */
static const struct published { const char *tag, *name, *tactics; } published[] = {
	{"t0802", "Automated Collection", "collection TA0100"},
	{"t0804", "Block Reporting Message", "inhibit_response_function TA0107"},
	{"t0812", "Default Credentials", "lateral_movement TA0109"},
	{"t0814", "Denial of Service", "inhibit_response_function TA0107"},
	{"t0830", "Adversary-in-the-Middle", "collection TA0100"},
	{"t0842", "Network Sniffing", "discovery TA0102"},
	{"t0846", "Remote System Discovery", "discovery TA0102"},
	{"t0848", "Rogue Master", "initial_access TA0108"},
	{"t0855", "Unauthorized Command Message", "impair_process_control TA0106"},
	{"t0856", "Spoof Reporting Message", "evasion TA0103, impair_process_control TA0106"},
	{"t0859", "Valid Accounts", "persistence TA0110, lateral_movement TA0109"},
	{"t0861", "Point & Tag Identification", "collection TA0100"},
	{"t0866", "Exploitation of Remote Services", "initial_access TA0108, lateral_movement TA0109"},
	{"t0869", "Standard Application Layer Protocol", "command_and_control TA0101"},
	{"t0884", "Connection Proxy", "command_and_control TA0101"},
	{"t1030", "Data Transfer Size Limits", "exfiltration TA0010"},
	{"t1036", "Masquerading", "defense_evasion TA0005"},
	{"t1040", "Network Sniffing", "credential_access TA0006, discovery TA0007"},
	{"t1046", "Network Service Discovery", "discovery TA0007"},
	{"t1071", "Application Layer Protocol", "command_and_control TA0011"},
	{"t1071.005", "Publish/Subscribe Protocols", "command_and_control TA0011"},
	{"t1078", "Valid Accounts", "initial_access TA0001, persistence TA0003, privilege_escalation TA0004, defense_evasion TA0005"},
	{"t1078.001", "Default Accounts", "initial_access TA0001, persistence TA0003, privilege_escalation TA0004, defense_evasion TA0005"},
	{"t1090", "Proxy", "command_and_control TA0011"},
	{"t1110", "Brute Force", "credential_access TA0006"},
	{"t1110.001", "Password Guessing", "credential_access TA0006"},
	{"t1110.003", "Password Spraying", "credential_access TA0006"},
	{"t1110.004", "Credential Stuffing", "credential_access TA0006"},
	{"t1190", "Exploit Public-Facing Application", "initial_access TA0001"},
	{"t1489", "Service Stop", "impact TA0040"},
	{"t1498.002", "Reflection Amplification", "impact TA0040"},
	{"t1499", "Endpoint Denial of Service", "impact TA0040"},
	{"t1499.001", "OS Exhaustion Flood", "impact TA0040"},
	{"t1499.002", "Service Exhaustion Flood", "impact TA0040"},
	{"t1499.003", "Application Exhaustion Flood", "impact TA0040"},
	{"t1499.004", "Application or System Exploitation", "impact TA0040"},
	{"t1557", "Adversary-in-the-Middle", "credential_access TA0006, collection TA0009"},
	{"t1562", "Impair Defenses", "defense_evasion TA0005"},
	{"t1563", "Remote Service Session Hijacking", "lateral_movement TA0008"},
	{"t1565.002", "Transmitted Data Manipulation", "impact TA0040"},
	{"t1571", "Non-Standard Port", "command_and_control TA0011"},
	{"t1589", "Gather Victim Identity Information", "reconnaissance TA0043"},
	{"t1595.003", "Wordlist Scanning", "reconnaissance TA0043"},
	{"t1600", "Weaken Encryption", "defense_evasion TA0005"},
};

static const struct published *published_find(const char *tag)
{
	for (unsigned i = 0; i < sizeof published / sizeof *published; i++)
		if (strcmp(published[i].tag, tag) == 0)
			return &published[i];
	return NULL;
}

static unsigned known, unknown;

static void look_up(const char *tag, const char *path)
{
	const char *const tags[] = {tag, NULL};
	const struct rule rule = {.tags = tags};
	struct attack attack;
	unsigned at = 0;
	assert_true(attack_next(&rule, &at, &attack));
	if (published_find(tag + strlen("attack.")) && attack.name && attack.tactic && (!*attack.parent_id || attack.parent_name)) {
		known++;
		return;
	}
	unknown++;
	print_error("%s: %s is not in the table, or not in this test's\n", path, tag);
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

/* "discovery TA0007" is one of those that `published` has. */
static bool serves(const struct published *p, const char *tactic, const char *id)
{
	char one[64];
	snprintf(one, sizeof one, "%s %s", tactic, id);
	const char *at = strstr(p->tactics, one);
	return at && (at == p->tactics || at[-1] == ' ');
}

static void test_published(void **state)
{
	static const char *const tactics[] = {"reconnaissance", "resource_development", "initial_access", "execution", "persistence",
		"privilege_escalation", "defense_evasion", "evasion", "credential_access", "discovery", "lateral_movement", "collection",
		"command_and_control", "exfiltration", "impact", "inhibit_response_function", "impair_process_control"};
	(void)state;
	for (const struct published *p = published; p < published + sizeof published / sizeof *published; p++) {
		unsigned served = 0, commas = 0;
		for (const char *c = p->tactics; *c; c++)
			commas += *c == ',';
		for (unsigned t = 0; t < sizeof tactics / sizeof *tactics; t++) {
			char technique[32], tactic[64];
			snprintf(technique, sizeof technique, "attack.%s", p->tag);
			snprintf(tactic, sizeof tactic, "attack.%s", tactics[t]);
			const struct rule rule = {.tags = (const char *const[]){technique, tactic, NULL}};
			struct attack attack;
			unsigned at = 0;
			assert_true(attack_next(&rule, &at, &attack));
			assert_string_equal(attack.name, p->name);
			assert_true(serves(p, attack.tactic->tag, attack.tactic->id));
			served += strcmp(attack.tactic->tag, tactics[t]) == 0;
		}
		assert_int_equal(served, commas + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_tag_of_the_rules), cmocka_unit_test(test_tactics),
		cmocka_unit_test(test_published)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
