/* `rules show`: a rule in words. */
#include "sigma.h"
#include "../detectors/detector.h"
#include <inttypes.h>

enum { MARGIN = 16, WIDTH = 100, DEPTH_MAX = 8 };

/* Broken between words, the lines below each other. */
static void print_text(FILE *out, const char *head, const char *text)
{
	fprintf(out, "%-*s", MARGIN, head);
	for (size_t column = MARGIN; *text;) {
		size_t word = strcspn(text, " ");
		if (column > MARGIN && column + 1 + word > WIDTH) {
			fprintf(out, "\n%*s", MARGIN, "");
			column = MARGIN;
		}
		column += (size_t)fprintf(out, "%s%.*s", column > MARGIN ? " " : "", (int)word, text);
		text += word + (text[word] != 0);
	}
	fputc('\n', out);
}

static void print_list(FILE *out, const char *head, const char *const *items)
{
	for (; *items; items++, head = "")
		print_text(out, head, *items);
}

static void print_span(FILE *out, uint64_t ns)
{
	uint64_t s = ns / TW_SECOND;
	if (s % 86400 == 0)
		fprintf(out, "%" PRIu64 " d", s / 86400);
	else if (s % 3600 == 0)
		fprintf(out, "%" PRIu64 " h", s / 3600);
	else if (s % 60 == 0 && s > 60)
		fprintf(out, "%" PRIu64 " min", s / 60);
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
			fprintf(out, " %s\n", *item->text ? item->text : "''");
		} else {
			fputc('\n', out);
			print_yaml(out, item, indent + 2);
		}
	}
}

static const char *name_of(const struct rule *rule)
{
	return rule->name ? rule->name : rule->title;
}

static bool is_plain(const struct rule *rule)
{
	return rule->role[0] == rule;
}

static void print_threshold(FILE *out, const struct rule *rule)
{
	static const char *const counts[] = {"", "more than", "at least", "fewer than", "at most", "exactly", "not"};
	static const char *const shares[] = {"", "more than", "at least", "less than", "at most", "exactly", "not"};
	if (rule->compare)
		fprintf(out, "%-*s%s %" PRIu64 "%s%s%s\n", MARGIN, "threshold", rule->ratio > 0 ? "at least" : counts[rule->compare],
			rule->threshold, !rule->value_name ? "" : strcmp(rule->detector->type, "value_count") == 0 || strcmp(rule->detector->type, "overlap") == 0
			? " different values of " : " in ", rule->value_name ? rule->value_name : "",
			rule->jitter > 0 ? " in a row" : "");
	if (rule->ratio > 0)
		fprintf(out, "%-*s%s %g\n", MARGIN, "ratio", shares[rule->compare], rule->ratio);
	if (rule->jitter > 0)
		fprintf(out, "%-*sintervals that differ from each other by less than %g %%\n", MARGIN, "jitter", rule->jitter * 100);
	if (!rule->learn_count && !rule->learn_ns)
		return;
	fprintf(out, "%-*s", MARGIN, "learns");
	if (rule->learn_count)
		fprintf(out, "from %" PRIu64 " events", rule->learn_count);
	if (rule->learn_ns) {
		fprintf(out, "%s", rule->learn_count ? " and for " : "for ");
		print_span(out, rule->learn_ns);
	}
	fputc('\n', out);
}

static void print_logic(FILE *out, const struct rule *rule)
{
	static const struct { const char *type, *joint; } joints[] = {{"absence", " and then no "}, {"temporal", " and "},
		{"temporal_ordered", " and then "}, {"overlap", " until "}, {"ratio", " and, of these, "}};
	const char *joint = ", ";
	for (unsigned i = 0; i < sizeof joints / sizeof *joints; i++)
		joint = strcmp(joints[i].type, rule->detector->type) == 0 ? joints[i].joint : joint;
	fprintf(out, "%-*s%s", MARGIN, "behaviour", rule->detector->type);
	for (unsigned i = 0; i < rule->roles && !is_plain(rule); i++)
		fprintf(out, "%s%s", i ? joint : ": ", name_of(rule->role[i]));
	fputc('\n', out);
	print_threshold(out, rule);
	fprintf(out, "%-*s", MARGIN, is_plain(rule) ? "one alert per" : "within");
	if (!is_plain(rule))
		print_span(out, rule->window_ns);
	for (unsigned i = 0; i < rule->group_count; i++)
		fprintf(out, "%s%s", i ? " + " : is_plain(rule) ? "" : ", per ", rule->group_name[i]);
	if (is_plain(rule)) {
		fprintf(out, " and ");
		print_span(out, rule->window_ns);
	}
	fputc('\n', out);
}

static void print_detection(FILE *out, const struct rule *rule)
{
	const struct yaml_node *detection = yaml_get(draft_of((struct rule *)(uintptr_t)rule)->document, "detection");
	if (detection)
		print_yaml(out, detection, 2);
}

/* What a correlation is built on, down to the selections. */
static void print_roles(FILE *out, const struct rule *rule, unsigned depth)
{
	for (unsigned i = 0; i < rule->roles && !is_plain(rule) && depth < DEPTH_MAX; i++) {
		const struct rule *role = rule->role[i];
		fprintf(out, "\n%s: %s\n", name_of(role), role->title);
		if (is_plain(role))
			print_detection(out, role);
		else
			print_logic(out, role);
		print_roles(out, role, depth + 1);
	}
}

bool rules_off(const struct rule *rule)
{
	return draft_of((struct rule *)(uintptr_t)rule)->disabled;
}

static const char *state_of(const struct rule *rule)
{
	if (rules_off(rule))
		return " (off: switched off in the configuration, or a list that it requires is empty)";
	return rule->generate ? "" : " (feeds correlations, raises no alert itself)";
}

static void print_filters(FILE *out, const struct draft *draft)
{
	for (unsigned i = 0; i < draft->filter_count; i++)
		fprintf(out, "%-*s%s (%s:%u)\n", MARGIN, i ? "" : "filtered by", draft->filters[i]->title, draft->filters[i]->path,
			draft->filters[i]->line);
}

void rules_print(FILE *out, const struct rule *rule)
{
	fprintf(out, "%s: %s\n", rule->name ? rule->name : rule->id, rule->title);
	fprintf(out, "%-*s%s%s\n", MARGIN, "level", level_name(rule->level), state_of(rule));
	fprintf(out, "%-*s%s (signature id %u)\n", MARGIN, "id", rule->id, rule->signature_id);
	fprintf(out, "%-*s%s:%u\n", MARGIN, "file", rule->path, rule->line);
	if (rule->description)
		print_text(out, "description", rule->description);
	print_logic(out, rule);
	print_filters(out, draft_of((struct rule *)(uintptr_t)rule));
	print_list(out, "ATT&CK", rule->tags);
	print_list(out, "false positives", rule->falsepositives);
	print_list(out, "references", rule->references);
	fprintf(out, "%-*sconfiguration: rules: {overrides: [{rule: %s%s, timespan: T, level: L}]}\n%*sor a Sigma filter\n", MARGIN, "to tune",
		rule->name ? rule->name : rule->id, rule->compare ? ", threshold: N" : "", MARGIN, "");
	if (is_plain(rule)) {
		fprintf(out, "detection\n");
		print_detection(out, rule);
	}
	print_roles(out, rule, 0);
	fputc('\n', out);
}
