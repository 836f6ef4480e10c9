/* attack.h - what the numbers of MITRE ATT&CK mean: names and tactics of the techniques that rules speak of, of the matrices
 * Enterprise and ICS. Everything lives for ever. */
#ifndef TW_ATTACK_H
#define TW_ATTACK_H

#include "../sensor/rule.h"

struct attack_tactic {
	const char *tag;  /* "credential_access", as a rule's tag has it */
	const char *id;   /* "TA0006" */
	const char *name; /* "Credential Access" */
};

/* One technique of a rule. */
struct attack {
	char id[16];             /* "T1110.001", "T0814": the rule's word, even when the table does not know it */
	const char *name;        /* "Password Guessing"; NULL when the table does not know it */
	char parent_id[16];      /* "T1110" of a sub-technique, "" of others */
	const char *parent_name; /* NULL when there is none or it is not known */
	const struct attack_tactic *tactic; /* the one that the rule names, if the technique serves it, else its first; NULL: unknown */
};

/* The rule's next technique, from its tag number *tag on, which moves. False: no more. */
bool attack_next(const struct rule *rule, unsigned *tag, struct attack *out);
/* What a rule is about, in a word for a list of categories: from its first known tactic. Never NULL. */
const char *attack_category(const struct rule *rule);

#endif
