#include "attack.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum tactic_number { NO_TACTIC,
	/* Enterprise */
	RECONNAISSANCE, RESOURCES, INITIAL_ACCESS, EXECUTION, PERSISTENCE, PRIVILEGE, EVASION, CREDENTIALS, DISCOVERY, LATERAL, COLLECTION,
	COMMAND, EXFILTRATION, IMPACT,
	/* ICS */
	ICS_INITIAL_ACCESS, ICS_EXECUTION, ICS_PERSISTENCE, ICS_PRIVILEGE, ICS_EVASION, ICS_DISCOVERY, ICS_LATERAL, ICS_COLLECTION, ICS_COMMAND,
	ICS_INHIBIT, ICS_IMPAIR, ICS_IMPACT };

static const struct attack_tactic tactics[] = {
	[NO_TACTIC] = {NULL, NULL, NULL},
	[RECONNAISSANCE] = {"reconnaissance", "TA0043", "Reconnaissance"},
	[RESOURCES] = {"resource_development", "TA0042", "Resource Development"},
	[INITIAL_ACCESS] = {"initial_access", "TA0001", "Initial Access"},
	[EXECUTION] = {"execution", "TA0002", "Execution"},
	[PERSISTENCE] = {"persistence", "TA0003", "Persistence"},
	[PRIVILEGE] = {"privilege_escalation", "TA0004", "Privilege Escalation"},
	[EVASION] = {"defense_evasion", "TA0005", "Defense Evasion"},
	[CREDENTIALS] = {"credential_access", "TA0006", "Credential Access"},
	[DISCOVERY] = {"discovery", "TA0007", "Discovery"},
	[LATERAL] = {"lateral_movement", "TA0008", "Lateral Movement"},
	[COLLECTION] = {"collection", "TA0009", "Collection"},
	[COMMAND] = {"command_and_control", "TA0011", "Command and Control"},
	[EXFILTRATION] = {"exfiltration", "TA0010", "Exfiltration"},
	[IMPACT] = {"impact", "TA0040", "Impact"},
	[ICS_INITIAL_ACCESS] = {"initial_access", "TA0108", "Initial Access"},
	[ICS_EXECUTION] = {"execution", "TA0104", "Execution"},
	[ICS_PERSISTENCE] = {"persistence", "TA0110", "Persistence"},
	[ICS_PRIVILEGE] = {"privilege_escalation", "TA0111", "Privilege Escalation"},
	[ICS_EVASION] = {"evasion", "TA0103", "Evasion"},
	[ICS_DISCOVERY] = {"discovery", "TA0102", "Discovery"},
	[ICS_LATERAL] = {"lateral_movement", "TA0109", "Lateral Movement"},
	[ICS_COLLECTION] = {"collection", "TA0100", "Collection"},
	[ICS_COMMAND] = {"command_and_control", "TA0101", "Command and Control"},
	[ICS_INHIBIT] = {"inhibit_response_function", "TA0107", "Inhibit Response Function"},
	[ICS_IMPAIR] = {"impair_process_control", "TA0106", "Impair Process Control"},
	[ICS_IMPACT] = {"impact", "TA0105", "Impact"},
};
enum { TACTICS = sizeof tactics / sizeof *tactics, TACTICS_MAX = 4 };

struct technique {
	const char *id, *name;
	enum tactic_number tactics[TACTICS_MAX];
};

/* In order of ids, as strcmp() has it. Version 18 of ATT&CK (October 2025), whose tactics Sigma's tags name; and what version 19
 * (April 2026) made of techniques of ICS: T1691 of T0803 and T0804, T1692 of T0855 and T0856, T1693 of T0839 and T0857, T1694 of T0812
 * and T0891, T1695 of T0805. It also split Defense Evasion in Stealth and Defense Impairment and withdrew T1562, which stand here as in 18. The
 * rows that shipped rules name, and all tactics, were compared with MITRE's own data. */
static const struct technique techniques[] = {
	{"T0800", "Activate Firmware Update Mode", {ICS_INHIBIT}},
	{"T0801", "Monitor Process State", {ICS_COLLECTION}},
	{"T0802", "Automated Collection", {ICS_COLLECTION}},
	{"T0803", "Block Command Message", {ICS_INHIBIT}},
	{"T0804", "Block Reporting Message", {ICS_INHIBIT}},
	{"T0806", "Brute Force I/O", {ICS_IMPAIR}},
	{"T0812", "Default Credentials", {ICS_LATERAL}},
	{"T0813", "Denial of Control", {ICS_IMPACT}},
	{"T0814", "Denial of Service", {ICS_INHIBIT}},
	{"T0815", "Denial of View", {ICS_IMPACT}},
	{"T0819", "Exploit Public-Facing Application", {ICS_INITIAL_ACCESS}},
	{"T0822", "External Remote Services", {ICS_INITIAL_ACCESS}},
	{"T0826", "Loss of Availability", {ICS_IMPACT}},
	{"T0827", "Loss of Control", {ICS_IMPACT}},
	{"T0829", "Loss of View", {ICS_IMPACT}},
	{"T0830", "Adversary-in-the-Middle", {ICS_COLLECTION}},
	{"T0831", "Manipulation of Control", {ICS_IMPACT}},
	{"T0832", "Manipulation of View", {ICS_IMPACT}},
	{"T0836", "Modify Parameter", {ICS_IMPAIR}},
	{"T0840", "Network Connection Enumeration", {ICS_DISCOVERY}},
	{"T0842", "Network Sniffing", {ICS_DISCOVERY}},
	{"T0846", "Remote System Discovery", {ICS_DISCOVERY}},
	{"T0848", "Rogue Master", {ICS_INITIAL_ACCESS}},
	{"T0855", "Unauthorized Command Message", {ICS_IMPAIR}},
	{"T0856", "Spoof Reporting Message", {ICS_EVASION, ICS_IMPAIR}},
	{"T0859", "Valid Accounts", {ICS_PERSISTENCE, ICS_LATERAL}},
	{"T0861", "Point & Tag Identification", {ICS_COLLECTION}},
	{"T0866", "Exploitation of Remote Services", {ICS_INITIAL_ACCESS, ICS_LATERAL}},
	{"T0869", "Standard Application Layer Protocol", {ICS_COMMAND}},
	{"T0883", "Internet Accessible Device", {ICS_INITIAL_ACCESS}},
	{"T0884", "Connection Proxy", {ICS_COMMAND}},
	{"T0885", "Commonly Used Port", {ICS_COMMAND}},
	{"T0886", "Remote Services", {ICS_INITIAL_ACCESS, ICS_LATERAL}},
	{"T0888", "Remote System Information Discovery", {ICS_DISCOVERY}},
	{"T1020", "Automated Exfiltration", {EXFILTRATION}},
	{"T1021", "Remote Services", {LATERAL}},
	{"T1029", "Scheduled Transfer", {EXFILTRATION}},
	{"T1030", "Data Transfer Size Limits", {EXFILTRATION}},
	{"T1036", "Masquerading", {EVASION}},
	{"T1040", "Network Sniffing", {CREDENTIALS, DISCOVERY}},
	{"T1041", "Exfiltration Over C2 Channel", {EXFILTRATION}},
	{"T1046", "Network Service Discovery", {DISCOVERY}},
	{"T1048", "Exfiltration Over Alternative Protocol", {EXFILTRATION}},
	{"T1048.003", "Exfiltration Over Unencrypted Non-C2 Protocol", {EXFILTRATION}},
	{"T1071", "Application Layer Protocol", {COMMAND}},
	{"T1071.001", "Web Protocols", {COMMAND}},
	{"T1071.005", "Publish/Subscribe Protocols", {COMMAND}},
	{"T1078", "Valid Accounts", {INITIAL_ACCESS, PERSISTENCE, PRIVILEGE, EVASION}},
	{"T1078.001", "Default Accounts", {INITIAL_ACCESS, PERSISTENCE, PRIVILEGE, EVASION}},
	{"T1083", "File and Directory Discovery", {DISCOVERY}},
	{"T1090", "Proxy", {COMMAND}},
	{"T1095", "Non-Application Layer Protocol", {COMMAND}},
	{"T1102", "Web Service", {COMMAND}},
	{"T1105", "Ingress Tool Transfer", {COMMAND}},
	{"T1110", "Brute Force", {CREDENTIALS}},
	{"T1110.001", "Password Guessing", {CREDENTIALS}},
	{"T1110.002", "Password Cracking", {CREDENTIALS}},
	{"T1110.003", "Password Spraying", {CREDENTIALS}},
	{"T1110.004", "Credential Stuffing", {CREDENTIALS}},
	{"T1119", "Automated Collection", {COLLECTION}},
	{"T1133", "External Remote Services", {INITIAL_ACCESS, PERSISTENCE}},
	{"T1190", "Exploit Public-Facing Application", {INITIAL_ACCESS}},
	{"T1200", "Hardware Additions", {INITIAL_ACCESS}},
	{"T1210", "Exploitation of Remote Services", {LATERAL}},
	{"T1489", "Service Stop", {IMPACT}},
	{"T1496", "Resource Hijacking", {IMPACT}},
	{"T1498", "Network Denial of Service", {IMPACT}},
	{"T1498.001", "Direct Network Flood", {IMPACT}},
	{"T1498.002", "Reflection Amplification", {IMPACT}},
	{"T1499", "Endpoint Denial of Service", {IMPACT}},
	{"T1499.001", "OS Exhaustion Flood", {IMPACT}},
	{"T1499.002", "Service Exhaustion Flood", {IMPACT}},
	{"T1499.003", "Application Exhaustion Flood", {IMPACT}},
	{"T1499.004", "Application or System Exploitation", {IMPACT}},
	{"T1528", "Steal Application Access Token", {CREDENTIALS}},
	{"T1552", "Unsecured Credentials", {CREDENTIALS}},
	{"T1557", "Adversary-in-the-Middle", {CREDENTIALS, COLLECTION}},
	{"T1562", "Impair Defenses", {EVASION}},
	{"T1563", "Remote Service Session Hijacking", {LATERAL}},
	{"T1565", "Data Manipulation", {IMPACT}},
	{"T1565.002", "Transmitted Data Manipulation", {IMPACT}},
	{"T1571", "Non-Standard Port", {COMMAND}},
	{"T1572", "Protocol Tunneling", {COMMAND}},
	{"T1573", "Encrypted Channel", {COMMAND}},
	{"T1587", "Develop Capabilities", {RESOURCES}},
	{"T1589", "Gather Victim Identity Information", {RECONNAISSANCE}},
	{"T1590", "Gather Victim Network Information", {RECONNAISSANCE}},
	{"T1592", "Gather Victim Host Information", {RECONNAISSANCE}},
	{"T1595", "Active Scanning", {RECONNAISSANCE}},
	{"T1595.001", "Scanning IP Blocks", {RECONNAISSANCE}},
	{"T1595.002", "Vulnerability Scanning", {RECONNAISSANCE}},
	{"T1595.003", "Wordlist Scanning", {RECONNAISSANCE}},
	{"T1600", "Weaken Encryption", {EVASION}},
	{"T1691", "Block Operational Technology Message", {ICS_INHIBIT}},
	{"T1692", "Unauthorized Message", {ICS_EVASION, ICS_IMPAIR}},
	{"T1693", "Modify Firmware", {ICS_PERSISTENCE, ICS_INHIBIT, ICS_IMPAIR}},
	{"T1694", "Insecure Credentials", {ICS_PERSISTENCE, ICS_LATERAL}},
	{"T1695", "Block Communications", {ICS_INHIBIT}},
};

static int technique_compare(const void *id, const void *technique)
{
	return strcmp(id, ((const struct technique *)technique)->id);
}

static const struct technique *technique_find(const char *id)
{
	return bsearch(id, techniques, sizeof techniques / sizeof *techniques, sizeof *techniques, technique_compare);
}

/* Does one of the rule's tags name this tactic? Sigma writes "attack.credential_access", older rules with a hyphen. */
static bool named(const struct rule *rule, const struct attack_tactic *tactic)
{
	for (const char *const *tag = rule->tags; tactic->tag && *tag; tag++) {
		const char *a = strncmp(*tag, "attack.", 7) == 0 ? *tag + 7 : "", *b = tactic->tag;
		for (; *a && (*a == *b || (*a == '-' && *b == '_')); a++, b++)
			;
		if (!*a && !*b)
			return true;
	}
	return false;
}

static const struct attack_tactic *choose(const struct rule *rule, const struct technique *technique, bool ics)
{
	for (unsigned i = 0; technique && i < TACTICS_MAX && technique->tactics[i]; i++)
		if (named(rule, &tactics[technique->tactics[i]]))
			return &tactics[technique->tactics[i]];
	if (technique)
		return &tactics[technique->tactics[0]];
	for (unsigned i = ics ? ICS_INITIAL_ACCESS : RECONNAISSANCE; i < (ics ? TACTICS : ICS_INITIAL_ACCESS); i++)
		if (named(rule, &tactics[i]))
			return &tactics[i];
	return NULL;
}

bool attack_next(const struct rule *rule, unsigned *tag, struct attack *out)
{
	const char *text;
	while ((text = rule->tags[*tag]) && !(strncmp(text, "attack.t", 8) == 0 && isdigit((unsigned char)text[8])))
		++*tag;
	if (!text)
		return false;
	++*tag;
	*out = (struct attack){.name = NULL};
	snprintf(out->id, sizeof out->id, "T%s", text + 8);
	const struct technique *technique = technique_find(out->id);
	const char *dot = strchr(out->id, '.');
	if (dot) {
		memcpy(out->parent_id, out->id, (size_t)(dot - out->id));
		const struct technique *parent = technique_find(out->parent_id);
		out->parent_name = parent ? parent->name : NULL;
	}
	out->name = technique ? technique->name : NULL;
	out->tactic = choose(rule, technique, out->id[1] == '0');
	return true;
}

const char *attack_category(const struct rule *rule)
{
	static const struct { const char *tag, *name; } words[] = {
		{"attack.credential_access", "Attempted credential access"}, {"attack.impact", "Denial of service or damage"},
		{"attack.discovery", "Network and resource discovery"}, {"attack.reconnaissance", "Reconnaissance"},
		{"attack.initial_access", "Attempted initial access"}, {"attack.collection", "Attempted collection of data"},
		{"attack.command_and_control", "Command and control"}, {"attack.lateral_movement", "Lateral movement"},
		{"attack.exfiltration", "Exfiltration"}, {"attack.persistence", "Use of valid accounts"},
		{"attack.defense_evasion", "Weakened or evaded defence"}, {"attack.execution", "Unauthorised command"}};
	for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
		for (const char *const *tag = rule->tags; *tag; tag++)
			if (strcmp(*tag, words[i].tag) == 0)
				return words[i].name;
	return "IoT misuse";
}
