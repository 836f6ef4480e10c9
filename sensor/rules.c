#include "rules.h"
#include "log.h"
#include "program.h"
#include "sigma.h"
#include "regex.h"
#include "ruleset.h"
#include "../detectors/detector.h"
#include <stdlib.h>

const char *level_name(unsigned level)
{
	static const char *const names[] = {"informational", "low", "medium", "high", "critical"};
	return level < sizeof names / sizeof *names ? names[level] : NULL;
}

/* --- references --------------------------------------------------------------------------------------------- */

static bool answers_to(const struct draft *draft, const char *reference)
{
	return !draft->filter && ((draft->rule.name && strcmp(draft->rule.name, reference) == 0) ||
				  strcmp(draft->rule.id, reference) == 0);
}

static struct draft *find_draft(struct rules *rules, const char *reference, unsigned from)
{
	for (unsigned i = from; i < rules->draft_count; i++)
		if (answers_to(rules->drafts[i], reference))
			return rules->drafts[i];
	return NULL;
}

static const char *nearest_rule(const struct rules *rules, const char *name)
{
	static const char *names[LIMIT_RULES + 1];
	unsigned count = 0;
	for (unsigned i = 0; i < rules->draft_count && count < LIMIT_RULES; i++)
		if (rules->drafts[i]->rule.name)
			names[count++] = rules->drafts[i]->rule.name;
	names[count] = NULL;
	return log_nearest(name, names);
}

static void unknown_rule(struct rules *rules, const struct yaml_node *at, const char *name)
{
	const char *near = nearest_rule(rules, name);
	sigma_fault(&rules->sigma, at, "there is no rule %s%s%s%s", name, near ? "; did you mean " : "", near ? near : "",
		    near ? "?" : "");
}

static void refer(struct rules *rules, struct draft *draft)
{
	const struct yaml_node *list = yaml_get(yaml_get(draft->document, "correlation"), "rules");
	const struct yaml_node *generate = yaml_get(draft->document, "generate");
	struct rule *rule = &draft->rule;
	if (!generate)
		generate = yaml_get(yaml_get(draft->document, "correlation"), "generate");
	rules->sigma.path = rule->path;
	if (!list || list->kind != YAML_LIST || !list->count || list->count > RULE_ROLES_MAX) {
		sigma_fault(&rules->sigma, list ? list : draft->document, "`rules` is a list of 1 to %u names or ids", RULE_ROLES_MAX);
		return;
	}
	for (unsigned i = 0; i < list->count; i++) {
		const struct yaml_node *at = list->items[i];
		struct draft *to = at->kind == YAML_TEXT ? find_draft(rules, at->text, 0) : NULL;
		if (!to) {
			unknown_rule(rules, at, at->kind == YAML_TEXT ? at->text : "(not a name)");
			continue;
		}
		if (to == draft) {
			sigma_fault(&rules->sigma, at, "the correlation refers to itself");
			continue;
		}
		rule->role[rule->roles++] = &to->rule;
		to->referenced = true;
		if (generate && generate->kind == YAML_TEXT && strcmp(generate->text, "true") == 0)
			to->wants_generate = "true";
	}
}

static const char *aliased(const struct yaml_node *aliases, const char *name, const struct rule *role)
{
	const struct yaml_node *alias = yaml_get(aliases, name);
	const struct yaml_node *field = role->name ? yaml_get(alias, role->name) : NULL;
	if (!field)
		field = yaml_get(alias, role->id);
	return field && field->kind == YAML_TEXT ? field->text : alias ? NULL : name;
}

/* The field that a name means in the events of each role. */
static void resolve(struct rules *rules, struct draft *draft)
{
	struct rule *rule = &draft->rule;
	const struct yaml_node *correlation = yaml_get(draft->document, "correlation");
	const struct yaml_node *aliases = yaml_get(correlation, "aliases");
	const struct yaml_node *at = draft->correlation ? correlation : draft->document;
	rules->sigma.path = rule->path;
	for (unsigned r = 0; r < rule->roles; r++) {
		for (unsigned g = 0; g < rule->group_count; g++) {
			const char *name = aliased(aliases, rule->group_name[g], rule->role[r]);
			const struct yaml_node *place = yaml_get(at, "group-by");
			rule->group_by[r][g] = name ? sigma_field(&rules->sigma, place ? place : at, name) : NULL;
		}
		if (rule->value_name) {
			const char *name = aliased(aliases, rule->value_name, rule->role[r]);
			rule->value[r] = name ? sigma_field(&rules->sigma, yaml_get(yaml_get(at, "condition"), "field"), name) : NULL;
		}
	}
	for (const char *const *name = rule->fields; *name; name++) {
		const struct field *field = sigma_field(&rules->sigma, yaml_get(draft->document, "fields"), *name);
		if (field && rule->shown_count < RULE_SHOWN_MAX)
			rule->shown[rule->shown_count++] = field;
	}
	rule->awaits = rule->detector && rule->detector->awaits;
	rule->measure = rule->detector ? rule->detector->measure : NULL;
	const char *wrong = rule->detector && rule->detector->check ? rule->detector->check(rule) : NULL;
	if (wrong)
		sigma_fault(&rules->sigma, at, "type %s: %s", rule->detector->type, wrong);
}

static bool reaches(const struct rule *from, const struct rule *to, unsigned depth)
{
	for (unsigned i = 0; i < from->roles && from->role[i] != from; i++)
		if (from->role[i] == to || depth > 16 || reaches(from->role[i], to, depth + 1))
			return true;
	return false;
}

/* --- filters and overrides ---------------------------------------------------------------------------------- */

static struct expression *both(struct rules *rules, struct expression *a, struct expression *b)
{
	struct expression *and = arena_take(rules->arena, sizeof *and);
	and->kind = EXPRESSION_AND;
	and->parts = arena_take(rules->arena, 2 * sizeof *and->parts);
	and->parts[and->count++] = a;
	if (b)
		and->parts[and->count++] = b;
	return and;
}

/* A filter's condition is joined to the rule's by `and` (specification of Sigma filters). On a correlation it decides with
 * which events the correlation may be fed: the rules that it refers to stay as they are for others. */
static void apply_filter(struct rules *rules, const struct draft *filter)
{
	const struct yaml_node *body = yaml_get(filter->document, "filter"), *list = yaml_get(body, "rules");
	rules->sigma.path = filter->rule.path;
	struct expression *e = sigma_read_detection(&rules->sigma, body);
	if (!list) {
		sigma_fault(&rules->sigma, body, "`rules` is missing: the rules that the filter is for");
		return;
	}
	bool any = list->kind == YAML_TEXT && strcmp(list->text, "any") == 0;
	for (unsigned i = 0; e && i < (list->kind == YAML_LIST ? list->count : 1); i++) {
		const struct yaml_node *at = list->kind == YAML_LIST ? list->items[i] : list;
		bool found = any;
		for (unsigned j = 0; j < rules->draft_count; j++) {
			struct draft *draft = rules->drafts[j];
			if (draft->filter || at->kind != YAML_TEXT || !(any || answers_to(draft, at->text)))
				continue;
			found = true;
			if (draft->filter_count < sizeof draft->filters / sizeof *draft->filters)
				draft->filters[draft->filter_count++] = &filter->rule;
			if (draft->correlation)
				draft->gate = both(rules, e, draft->gate);
			else if (draft->expression)
				draft->expression = both(rules, e, draft->expression);
		}
		if (!found)
			unknown_rule(rules, at, at->kind == YAML_TEXT ? at->text : "(not a name)");
	}
}

static void apply_override(struct rules *rules, const struct rule_override *change)
{
	bool found = false;
	for (unsigned i = 0; i < rules->draft_count; i++) {
		struct draft *draft = rules->drafts[i];
		struct rule *rule = &draft->rule;
		if (!answers_to(draft, change->rule))
			continue;
		found = true;
		draft->disabled = draft->disabled || change->disabled;
		if (change->threshold >= 0)
			rule->threshold = (uint64_t)change->threshold;
		if (change->timespan && !sigma_timespan(change->timespan, &rule->window_ns)) {
			fprintf(rules->sigma.options->faults, "%s: timespan: \"%s\" is not valid; valid: a number and s, m, h, d: 60s, 5m\n",
				change->place, change->timespan);
			rules->sigma.faults++;
		}
		for (unsigned level = 0; change->level && level_name(level); level++)
			if (strcmp(level_name(level), change->level) == 0)
				rule->level = (enum level)level;
	}
	if (!found) {
		const char *near = nearest_rule(rules, change->rule);
		fprintf(rules->sigma.options->faults, "%s: rule: there is no rule %s; %s%s\n", change->place, change->rule,
			near ? "did you mean " : "see thingwarden rules list", near ? near : "");
		rules->sigma.faults++;
	}
}

/* --- building ----------------------------------------------------------------------------------------------- */

static uint32_t signature_of(const char *id)
{
	return (uint32_t)strtoul(id, NULL, 16) >> 4; /* "1a2b3c4d-...": strtoul stops at the dash */
}

static void check_ids(struct rules *rules)
{
	for (unsigned i = 0; i < rules->draft_count; i++)
		rules->drafts[i]->rule.signature_id = signature_of(rules->drafts[i]->rule.id);
	for (unsigned i = 0; i < rules->draft_count; i++)
		for (unsigned j = 0; j < i; j++) {
			const struct rule *a = &rules->drafts[i]->rule, *b = &rules->drafts[j]->rule;
			rules->sigma.path = a->path;
			if (strcmp(a->id, b->id) == 0)
				sigma_fault(&rules->sigma, yaml_get(rules->drafts[i]->document, "id"), "id %s is taken by %s:%u", a->id,
					    b->path, b->line);
			else if (a->signature_id && a->signature_id == b->signature_id)
				sigma_fault(&rules->sigma, yaml_get(rules->drafts[i]->document, "id"),
					    "signature id (the first seven digits of the id) is taken by %s:%u", b->path, b->line);
		}
}

static void number_rules(struct rules *rules)
{
	static uint64_t serial;
	for (unsigned i = 0; i < rules->draft_count; i++) {
		struct draft *draft = rules->drafts[i];
		if (draft->filter)
			continue;
		draft->rule.index = rules->count;
		draft->rule.serial = ++serial;
		/* Sigma: no alerting should be triggered by informational rules. */
		draft->rule.generate = !draft->disabled && draft->rule.level != LEVEL_INFORMATIONAL && (!draft->referenced || draft->wants_generate || draft->correlation);
		rules->rules[rules->count++] = &draft->rule;
	}
}

static void depend(struct rules *rules)
{
	for (uint32_t i = 0; i < rules->count; i++) {
		struct rule *to = rules->rules[i];
		unsigned n = 0;
		for (unsigned pass = 0; pass < 2; pass++) {
			if (pass)
				to->dependent = arena_take(rules->arena, (n + 1) * sizeof *to->dependent);
			n = 0;
			for (uint32_t j = 0; j < rules->count; j++)
				for (unsigned r = 0; r < rules->rules[j]->roles; r++) {
					if (rules->rules[j] == to || rules->rules[j]->role[r] != to)
						continue;
					if (pass)
						to->dependent[n].rule = rules->rules[j], to->dependent[n].role = r;
					n++;
				}
		}
		to->dependents = n;
	}
}

/* A plain rule is worth running when it, or something that is built on it, may raise an alert. */
static bool is_live(struct rule *rule, unsigned depth)
{
	if (draft_of(rule)->disabled)
		return false;
	bool live = rule->generate;
	for (unsigned i = 0; i < rule->dependents && !live && depth < 32; i++)
		live = is_live(rule->dependent[i].rule, depth + 1);
	return live;
}

static void build_index(struct rules *rules)
{
	struct indexed plain[LIMIT_RULES];
	struct rule *too_large = NULL;
	unsigned count = 0;
	for (uint32_t i = 0; i < rules->count; i++) {
		struct draft *draft = draft_of(rules->rules[i]);
		if (draft->expression && is_live(rules->rules[i], 0))
			plain[count++] = (struct indexed){rules->rules[i], expression_join(rules->arena, draft->expression), draft->service, 0};
	}
	rules->index = rule_index_build(rules->arena, plain, count, &too_large);
	if (rules->index)
		return;
	rules->sigma.path = too_large->path;
	sigma_fault(&rules->sigma, draft_of(too_large)->document, "the detection is too large");
}

static void compile_gates(struct rules *rules)
{
	for (unsigned i = 0; i < rules->draft_count; i++) {
		struct draft *draft = rules->drafts[i];
		if (!draft->gate)
			continue;
		struct program *gate = arena_take(rules->arena, sizeof *gate);
		if (!program_compile(rules->arena, draft->gate, false, gate))
			sigma_fault(&rules->sigma, draft->document, "the filters are too large");
		draft->rule.gate = gate;
	}
}

static void link_rules(struct rules *rules)
{
	struct sigma *s = &rules->sigma;
	for (unsigned i = 0; i < rules->draft_count; i++) {
		struct draft *draft = rules->drafts[i];
		struct rule *rule = &draft->rule;
		s->path = rule->path;
		if (draft->correlation) {
			sigma_read_correlation(s, yaml_get(draft->document, "correlation"), rule);
			refer(rules, draft);
		} else if (!draft->filter) {
			rule->detector = &detector_match;
			rule->role[0] = rule;
			rule->roles = 1;
			draft->expression = sigma_read_detection(s, yaml_get(draft->document, "detection"));
		}
	}
	for (unsigned i = 0; i < rules->draft_count; i++)
		if (rules->drafts[i]->filter)
			apply_filter(rules, rules->drafts[i]);
	for (unsigned i = 0; i < s->options->override_count; i++)
		apply_override(rules, &s->options->overrides[i]);
	for (unsigned i = 0; i < rules->draft_count; i++) {
		struct draft *draft = rules->drafts[i];
		s->path = draft->rule.path;
		if (draft->correlation && reaches(&draft->rule, &draft->rule, 0))
			sigma_fault(s, draft->document, "the correlation refers to itself, directly or through others");
		else if (!draft->filter)
			resolve(rules, draft);
	}
	check_ids(rules);
}

struct rules *rules_open(const struct rule_options *options)
{
	struct rules *rules = calloc(1, sizeof *rules);
	if (!rules)
		return NULL;
	rules->arena = arena_open();
	rules->sigma = (struct sigma){.arena = rules->arena, .options = options};
	for (const char *const *path = options->paths; *path; path++)
		rules_load(rules, *path);
	if (!rules->sigma.faults)
		link_rules(rules);
	if (!rules->sigma.faults) {
		number_rules(rules);
		depend(rules);
		compile_gates(rules);
		build_index(rules);
	}
	if (!rules->sigma.faults)
		return rules;
	rules_close(rules);
	return NULL;
}

void rules_close(struct rules *rules)
{
	if (!rules)
		return;
	for (struct regexes *r = rules->sigma.regexes; r; r = r->next)
		regex_free(r->regex);
	for (unsigned i = 0; i < rules->file_count; i++)
		yaml_file_close(rules->files[i]);
	arena_close(rules->arena);
	free(rules);
}

/* --- use ---------------------------------------------------------------------------------------------------- */

uint32_t rules_count(const struct rules *rules)
{
	return rules->count;
}

struct rule *rules_at(struct rules *rules, uint32_t index)
{
	return rules->rules[index];
}

struct rule *rules_find(struct rules *rules, const char *name_or_id)
{
	struct draft *draft = find_draft(rules, name_or_id, 0);
	return draft ? &draft->rule : NULL;
}

void rules_match(const struct rules *rules, const struct event *event,
		 void (*found)(void *context, struct rule *rule, const struct event *event), void *context)
{
	rule_index_match(rules->index, event, found, context);
}

bool rules_admit(const struct rule *rule, const struct event *event)
{
	if (!rule->gate)
		return true;
	const struct asked asked = asked_of(event);
	return program_run(rule->gate, &asked);
}
