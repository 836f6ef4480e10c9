/* rule_index.h - which rules can match an event of a kind, and what is left to ask of it: everything that protocol, message, action,
 * direction, outcome, a reason and the use of the session settle is settled at start. */
#ifndef TW_RULE_INDEX_H
#define TW_RULE_INDEX_H

#include "match.h"
#include "rule.h"

/* A plain rule to be indexed. */
struct indexed {
	struct rule *rule;
	struct expression *expression;
	int service; /* the protocol whose events it is about; -1 for any */
	unsigned number; /* rule_index.c: its place among the rules */
};

struct rule_index;

/* Lives in the arena. NULL when the detection of `*too_large` is. */
struct rule_index *rule_index_build(struct arena *arena, const struct indexed *rules, unsigned count, struct rule **too_large);

/* Calls `found` for each rule that matches, in the order in which they were given. */
void rule_index_match(const struct rule_index *index, const struct event *event,
		      void (*found)(void *context, struct rule *rule, const struct event *event), void *context);

#endif
