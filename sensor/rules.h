/* rules.h - Sigma files in, compiled rules out (only user of libyaml), and the matching of events against them.
 *
 * Loading reports every fault, not only the first, each as one line "file:line:column: what is wrong; what is valid".
 * Rules are indexed by protocol, action and message: one that cannot match an event costs nothing.
 */
#ifndef TW_RULES_H
#define TW_RULES_H

#include "rule.h"
#include <stdio.h>

struct rules;

/* A named list for `%name%` placeholders and the |expand modifier. */
struct rule_list {
	const char *name;
	const char *const *values; /* NULL-terminated */
};

/* Per-rule change from the config: other numbers or switched off, without touching the shipped file. */
struct rule_override {
	const char *rule;     /* name or id */
	bool disabled;
	const char *level;    /* NULL: as shipped */
	int64_t threshold;    /* < 0: as shipped */
	const char *timespan; /* NULL: as shipped */
	const char *place;    /* file:line:column of the override, for faults */
};

struct rule_options {
	const char *const *paths;  /* files or folders, NULL-terminated */
	const struct rule_list *lists;
	unsigned list_count;
	const struct rule_override *overrides;
	unsigned override_count;
	uint64_t secret_salt;      /* for FIELD_SECRET values: digest.h */
	FILE *faults;              /* where fault lines go */
};

/* NULL when anything was wrong. The rules stay until rules_close(). */
struct rules *rules_open(const struct rule_options *options);
void rules_close(struct rules *rules);

uint32_t rules_count(const struct rules *rules);
struct rule *rules_at(struct rules *rules, uint32_t index); /* in load order */
struct rule *rules_find(struct rules *rules, const char *name_or_id);

/* Calls `found` for every plain rule (filters applied) that matches. Never allocates. */
void rules_match(const struct rules *rules, const struct event *event,
		 void (*found)(void *context, struct rule *rule, const struct event *event), void *context);

/* May this event feed that correlation? False when a Sigma filter excepts it. */
bool rules_admit(const struct rule *rule, const struct event *event);

/* All fields that a rule may name: the normalised ones and those of every parser. `service` NULL for all. */
const struct field *rules_field(const char *name);
void rules_print_fields(FILE *out, const char *service);
/* Switched off: by an override, or because a list that it requires is empty. */
bool rules_off(const struct rule *rule);
/* `rules show`: everything about one rule in words, with its thresholds and false positives. */
void rules_print(FILE *out, const struct rule *rule);

#endif
