/* `rules show`: a rule in words. */
#include "sigma.h"
#include "../detectors/detector.h"
#include <inttypes.h>

static void print_list(FILE *out, const char *head, const char *const *items)
{
	for (; *items; items++, head = "")
		fprintf(out, "%-16s%s\n", head, *items);
}

static void print_span(FILE *out, uint64_t ns)
{
	uint64_t s = ns / TW_SECOND;
	if (s % 86400 == 0)
		fprintf(out, "%" PRIu64 " d", s / 86400);
	else if (s % 3600 == 0)
		fprintf(out, "%" PRIu64 " h", s / 3600);
	else
		fprintf(out, "%" PRIu64 " s", s);
}

static void print_yaml(FILE *out, const struct yaml_node *node, unsigned indent)
{
	for (unsigned i = 0; i < node->count; i++) {
		const struct yaml_node *item = node->items[i];
		fprintf(out, "%*s%s%s", indent, "", node->kind == YAML_MAP ? node->keys[i]->text : "-",
			node->kind == YAML_MAP ? ":" : "");
		if (item->kind == YAML_TEXT) {
			fprintf(out, " %s\n", item->text);
		} else {
			fputc('\n', out);
			print_yaml(out, item, indent + 2);
		}
	}
}

static void print_logic(FILE *out, const struct rule *rule)
{
	static const char *const words[] = {"", "more than", "at least", "fewer than", "at most", "exactly", "not"};
	fprintf(out, "%-16s%s", "behaviour", rule->detector->type);
	for (unsigned i = 0; i < rule->roles && rule->role[i] != rule; i++)
		fprintf(out, "%s %s", i ? "," : " of", rule->role[i]->name ? rule->role[i]->name : rule->role[i]->title);
	fputc('\n', out);
	if (rule->compare)
		fprintf(out, "%-16s%s %" PRIu64 "%s%s\n", "threshold", rule->ratio > 0 ? "at least" : words[rule->compare],
			rule->threshold, !rule->value_name ? "" : strcmp(rule->detector->type, "value_count") == 0 ? " different values of " : " in ",
			rule->value_name ? rule->value_name : "");
	if (rule->ratio > 0)
		fprintf(out, "%-16s%s %g\n", "ratio", words[rule->compare], rule->ratio);
	fprintf(out, "%-16s", rule->role[0] == rule ? "one alert per" : "within");
	if (rule->role[0] != rule)
		print_span(out, rule->window_ns);
	for (unsigned i = 0; i < rule->group_count; i++)
		fprintf(out, "%s%s", i ? " + " : rule->role[0] == rule ? "" : ", per ", rule->group_name[i]);
	if (rule->role[0] == rule) {
		fprintf(out, " and ");
		print_span(out, rule->window_ns);
	}
	fputc('\n', out);
}

void rules_print(FILE *out, const struct rule *rule)
{
	const struct draft *draft = draft_of((struct rule *)(uintptr_t)rule);
	fprintf(out, "%s: %s\n", rule->name ? rule->name : rule->id, rule->title);
	fprintf(out, "%-16s%s%s\n", "level", level_name(rule->level), rule->generate ? "" : " (feeds correlations, raises no alert itself)");
	fprintf(out, "%-16s%s (signature id %u)\n", "id", rule->id, rule->signature_id);
	fprintf(out, "%-16s%s:%u\n", "file", rule->path, rule->line);
	if (rule->description)
		fprintf(out, "%-16s%s\n", "description", rule->description);
	print_logic(out, rule);
	print_list(out, "ATT&CK", rule->tags);
	print_list(out, "false positives", rule->falsepositives);
	print_list(out, "references", rule->references);
	const struct yaml_node *detection = yaml_get(draft->document, "detection");
	if (detection) {
		fprintf(out, "detection\n");
		print_yaml(out, detection, 2);
	}
	for (unsigned i = 0; i < rule->roles && rule->role[i] != rule; i++) {
		const struct yaml_node *base = yaml_get(draft_of(rule->role[i])->document, "detection");
		if (!base)
			continue;
		fprintf(out, "detection of %s\n", rule->role[i]->name ? rule->role[i]->name : rule->role[i]->title);
		print_yaml(out, base, 2);
	}
	fprintf(out, "%-16sconfig: rules: overrides: [{rule: %s, threshold: N, timespan: T, level: L}], or a Sigma filter\n\n", "to tune",
		rule->name ? rule->name : rule->id);
}
