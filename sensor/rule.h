/* rule.h - a rule as it stands after loading: data that rules.c makes and detectors and outputs read.
 * Everything lives as long as the rule set. Source: Sigma specification 2.1 (rules, correlations, filters). */
#ifndef TW_RULE_H
#define TW_RULE_H

#include "event.h"

enum level { LEVEL_INFORMATIONAL, LEVEL_LOW, LEVEL_MEDIUM, LEVEL_HIGH, LEVEL_CRITICAL };
const char *level_name(unsigned level);

enum compare { COMPARE_NONE, COMPARE_GT, COMPARE_GTE, COMPARE_LT, COMPARE_LTE, COMPARE_EQ, COMPARE_NEQ };

#define RULE_GROUP_MAX 6u
#define RULE_ROLES_MAX 16u
#define RULE_SHOWN_MAX 8u

struct detector;
struct program;

struct rule {
	/* as written */
	const char *id;          /* UUID */
	const char *name;        /* slug: alert field thingwarden.rule */
	const char *title, *description, *status, *author;
	const char *const *tags, *const *falsepositives, *const *references; /* NULL-terminated */
	const char *const *fields; /* what a person should see of the event that completed it; NULL-terminated */
	const char *service;     /* logsource.service or .category; NULL for a correlation */
	const char *path;        /* file it came from */
	unsigned line;
	enum level level;
	bool generate;           /* raises alerts of its own; false when it only feeds correlations */
	/* derived */
	uint32_t index;          /* dense, in load order */
	uint32_t signature_id;   /* stable: from the id */
	uint64_t serial;         /* no other rule of this process has or had it; 0: a rule that was not loaded */
	/* what it watches. A plain rule is detector "match" with one role, itself. */
	const struct detector *detector;
	unsigned roles;                       /* rules it refers to, in order; 1 for a plain rule */
	struct rule *role[RULE_ROLES_MAX];    /* [0] == itself for a plain rule */
	unsigned group_count;
	const char *group_name[RULE_GROUP_MAX];
	/* The field of each group-by name in the events of each role; NULL at a role whose events cannot have it. */
	const struct field *group_by[RULE_ROLES_MAX][RULE_GROUP_MAX];
	uint64_t window_ns;                   /* timespan */
	enum compare compare;                 /* condition, with ... */
	uint64_t threshold;
	double ratio;                         /* type ratio: B per A, compared by `compare`; threshold = least number of A */
	const struct field *value[RULE_ROLES_MAX]; /* condition.field, per role; NULL when not used */
	const char *value_name;
	unsigned shown_count;
	const struct field *shown[RULE_SHOWN_MAX];   /* `fields` */
	bool awaits;                          /* the other roles are what did not happen (type absence) */
	const char *measure;                  /* what alert.value is: "total", "average" ...; NULL: the rule has none */
	double jitter;                        /* type periodic: coefficient of variation that is still regular */
	uint64_t learn_ns;                    /* type first_seen: a group learns so long before it speaks */
	uint64_t learn_count;                 /* ... and so many events */
	/* rules that refer to this one */
	unsigned dependents;
	struct dependent { struct rule *rule; unsigned role; } *dependent;
	const struct program *gate;           /* filters of a correlation, see rules_admit(); NULL for none */
};

#endif
