/* sigma.h - one Sigma document (rule, correlation or filter) becomes a struct rule, an expression and its references.
 * Source: SigmaHQ sigma-specification 2.1. Faults are lines on `faults`; the caller counts them. */
#ifndef TW_SIGMA_H
#define TW_SIGMA_H

#include "arena.h"
#include "match.h"
#include "rules.h"
#include "yaml_tree.h"
#include <stddef.h>

/* A rule while it is being built. */
struct draft {
	struct rule rule;                 /* what becomes public */
	const struct yaml_node *document;
	struct expression *expression;    /* of a plain rule */
	struct expression *gate;          /* filters of a correlation: with which events it may be fed; NULL for all */
	int service;                      /* enum protocol, or -1 for any */
	const struct rule *filters[8];    /* the first that were applied to it, for people */
	unsigned filter_count;
	bool correlation, filter, disabled, referenced;
	const char *wants_generate;       /* a correlation's `generate: true` is for the rules it refers to */
};

static inline struct draft *draft_of(struct rule *rule)
{
	return (struct draft *)((char *)rule - offsetof(struct draft, rule));
}

struct sigma {
	struct arena *arena;
	struct regexes { struct regexes *next; struct regex *regex; } *regexes; /* given back with the rules */
	const struct rule_options *options;
	const char *path;                 /* of the document at hand */
	unsigned faults;
};

__attribute__((format(printf, 3, 4)))
void sigma_fault(struct sigma *sigma, const struct yaml_node *at, const char *format, ...);

/* An expression with room for so many parts; a part that is NULL (a fault was told) is not joined. */
struct expression *sigma_node(struct sigma *sigma, enum expression_kind kind, unsigned room);
void sigma_join(struct expression *expression, struct expression *part);
/* Is this key of a detection a selection's name? */
bool sigma_is_selection(const char *key);
/* `at` is the text of the condition; `selections` by position in `detection`. NULL after a fault. */
struct expression *sigma_read_condition(struct sigma *sigma, const struct yaml_node *detection, struct expression **selections,
					const struct yaml_node *at);

/* What stands in every document. */
void sigma_read_head(struct sigma *sigma, const struct yaml_node *document, struct draft *draft);
/* The `detection` of a rule, or the `filter` of a filter: named selections and a condition. NULL after a fault. */
struct expression *sigma_read_detection(struct sigma *sigma, const struct yaml_node *detection);
/* Its condition over the selections, which stand at their key's place in `detection`. NULL after a fault. */
struct expression *sigma_read_condition(struct sigma *sigma, const struct yaml_node *detection, struct expression **selections,
					const struct yaml_node *at);
bool sigma_is_selection(const char *key);
/* The `correlation`, all but its references. */
void sigma_read_correlation(struct sigma *sigma, const struct yaml_node *correlation, struct rule *rule);
bool sigma_timespan(const char *text, uint64_t *out_ns);
const char *const *rules_field_names(void);
/* NULL after a fault that names the nearest list. */
const struct rule_list *sigma_list(struct sigma *sigma, const struct yaml_node *at, const char *name, size_t size);
/* NULL after a fault that names the nearest field. */
const struct field *sigma_field(struct sigma *sigma, const struct yaml_node *at, const char *name);

#endif
