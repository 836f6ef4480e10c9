#include "sigma.h"
#include "log.h"
#include "../detectors/detector.h"
#include <ctype.h>
#include <stdlib.h>

static const char *text_of(struct sigma *s, const struct yaml_node *map, const char *key, bool needed)
{
	const struct yaml_node *node = yaml_get(map, key);
	if (!node) {
		if (needed)
			sigma_fault(s, map, "`%s` is missing", key);
		return NULL;
	}
	if (node->kind != YAML_TEXT) {
		sigma_fault(s, node, "`%s` must be a text", key);
		return NULL;
	}
	return arena_text(s->arena, node->text, strlen(node->text));
}

static const char *const *texts_of(struct sigma *s, const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);
	unsigned count = !node ? 0 : node->kind == YAML_LIST ? node->count : 1;
	const char **texts = arena_take(s->arena, (count + 1) * sizeof *texts);
	for (unsigned i = 0; i < count; i++) {
		const struct yaml_node *item = node->kind == YAML_LIST ? node->items[i] : node;
		if (item->kind == YAML_TEXT)
			texts[i] = arena_text(s->arena, item->text, strlen(item->text));
		else {
			sigma_fault(s, item, "`%s` must be a list of texts", key);
			texts[i] = "";
		}
	}
	return texts;
}

/* Sigma allows keys of one's own; one that is nearly a known key is a typing error. */
static void check_keys(struct sigma *s, const struct yaml_node *map, const char *const *known, bool strict)
{
	for (unsigned i = 0; i < map->count; i++) {
		const char *key = map->keys[i]->text;
		bool is_known = false;
		for (const char *const *k = known; *k && !is_known; k++)
			is_known = strcmp(*k, key) == 0;
		const char *near = is_known ? NULL : log_nearest(key, known);
		if (near)
			sigma_fault(s, map->keys[i], "unknown key `%s`; did you mean `%s`?", key, near);
		else if (!is_known && strict)
			sigma_fault(s, map->keys[i], "unknown key `%s`", key);
	}
}

static bool is_uuid(const char *text)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	if (strlen(text) != sizeof shape - 1)
		return false;
	for (unsigned i = 0; i < sizeof shape - 1; i++)
		if (shape[i] == '-' ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	return true;
}

static void read_level(struct sigma *s, const struct yaml_node *document, struct rule *rule)
{
	const struct yaml_node *node = yaml_get(document, "level");
	rule->level = LEVEL_MEDIUM;
	if (!node)
		return;
	for (unsigned i = 0; node->kind == YAML_TEXT && level_name(i); i++)
		if (strcmp(level_name(i), node->text) == 0) {
			rule->level = (enum level)i;
			return;
		}
	sigma_fault(s, node, "unknown level `%s`; valid: informational, low, medium, high, critical",
		    node->kind == YAML_TEXT ? node->text : "(no text)");
}

static void read_service(struct sigma *s, const struct yaml_node *document, struct draft *draft)
{
	const struct yaml_node *source = yaml_get(document, "logsource");
	const char *product = text_of(s, source, "product", false), *service = text_of(s, source, "service", false);
	const char *category = text_of(s, source, "category", false);
	draft->service = -1;
	if (!source || source->kind != YAML_MAP) {
		sigma_fault(s, document, "`logsource` is missing; e.g. {product: thingwarden, service: mqtt} or {category: iot_session}");
		return;
	}
	draft->rule.service = service ? service : category;
	if (product && strcmp(product, "thingwarden") != 0)
		sigma_fault(s, yaml_get(source, "product"), "product %s is not watched here; valid: thingwarden", product);
	if (category && strcmp(category, "iot_session") != 0)
		sigma_fault(s, yaml_get(source, "category"), "unknown category %s; valid: iot_session", category);
	if (!service)
		return;
	const char *names[PROTOCOL_COUNT + 1] = {NULL};
	for (unsigned i = 0; i < PROTOCOL_COUNT; i++) {
		names[i] = protocol_name(i);
		if (strcmp(names[i], service) == 0)
			draft->service = (int)i;
	}
	if (draft->service >= 0)
		return;
	const char *near = log_nearest(service, names);
	sigma_fault(s, yaml_get(source, "service"), "unknown service %s; %s%s", service,
		    near ? "did you mean " : "valid: tcp, udp, mqtt, coap, http, tls, dtls, websocket", near ? near : "");
}

static void read_group_names(struct sigma *s, const struct yaml_node *node, struct rule *rule)
{
	unsigned count = !node ? 0 : node->kind == YAML_LIST ? node->count : 1;
	if (count > RULE_GROUP_MAX) {
		sigma_fault(s, node, "more than %u fields to group by", RULE_GROUP_MAX);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		const struct yaml_node *item = node->kind == YAML_LIST ? node->items[i] : node;
		if (item->kind != YAML_TEXT)
			sigma_fault(s, item, "group-by is a list of field names");
		else
			rule->group_name[rule->group_count++] = arena_text(s->arena, item->text, strlen(item->text));
	}
}

static void read_span(struct sigma *s, const struct yaml_node *map, const char *key, bool needed, uint64_t *out_ns)
{
	const char *text = text_of(s, map, key, needed);
	if (text && !sigma_timespan(text, out_ns))
		sigma_fault(s, yaml_get(map, key), "\"%s\" is no timespan; valid: a number and s, m, h, d, w, M or y, e.g. 60s", text);
}

/* `requires`: the rule makes sense only once these lists have been filled. */
static bool has_lists(struct sigma *s, const struct yaml_node *names)
{
	bool filled = true;
	for (unsigned i = 0; names && i < (names->kind == YAML_LIST ? names->count : 1); i++) {
		const struct yaml_node *at = names->kind == YAML_LIST ? names->items[i] : names;
		const struct rule_list *list = at->kind == YAML_TEXT ? sigma_list(s, at, at->text, strlen(at->text)) : NULL;
		filled = filled && list && list->values[0];
	}
	return filled;
}

/* Our own attribute of a plain rule: one alert per group and timespan; what it requires. */
static void read_own(struct sigma *s, const struct yaml_node *document, struct draft *draft)
{
	static const char *const known[] = {"group-by", "timespan", "requires", NULL};
	struct rule *rule = &draft->rule;
	const struct yaml_node *own = yaml_get(document, "thingwarden");
	rule->window_ns = 3600 * TW_SECOND;
	if (own && own->kind == YAML_MAP) {
		check_keys(s, own, known, true);
		read_group_names(s, yaml_get(own, "group-by"), rule);
		read_span(s, own, "timespan", false, &rule->window_ns);
		draft->disabled = !has_lists(s, yaml_get(own, "requires"));
	}
	if (!rule->group_count) {
		rule->group_name[0] = "src_ip";
		rule->group_name[1] = "dest_ip";
		rule->group_count = 2;
	}
}

void sigma_read_head(struct sigma *s, const struct yaml_node *document, struct draft *draft)
{
	static const char *const known[] = {"title", "id", "related", "name", "taxonomy", "status", "description", "license",
		"author", "references", "date", "modified", "logsource", "detection", "fields", "falsepositives", "level", "tags",
		"scope", "correlation", "filter", "generate", "thingwarden", NULL};
	struct rule *rule = &draft->rule;
	draft->document = document;
	if (document->kind != YAML_MAP) {
		sigma_fault(s, document, "a rule is a map with title, logsource and detection");
		return;
	}
	check_keys(s, document, known, false);
	draft->correlation = yaml_get(document, "correlation");
	draft->filter = yaml_get(document, "filter");
	rule->path = arena_text(s->arena, s->path, strlen(s->path));
	rule->line = document->line;
	rule->title = text_of(s, document, "title", true);
	rule->id = text_of(s, document, "id", false);
	rule->name = text_of(s, document, "name", false);
	rule->description = text_of(s, document, "description", false);
	rule->status = text_of(s, document, "status", false);
	rule->author = text_of(s, document, "author", false);
	rule->tags = texts_of(s, document, "tags");
	rule->falsepositives = texts_of(s, document, "falsepositives");
	rule->fields = texts_of(s, document, "fields");
	rule->references = texts_of(s, document, "references");
	if (rule->id && !is_uuid(rule->id))
		sigma_fault(s, yaml_get(document, "id"), "\"%s\" is no UUID", rule->id);
	if (!rule->id && !rule->name)
		sigma_fault(s, document, "`id` is missing: a UUID that stays with the rule for ever");
	if (!rule->id)
		rule->id = rule->name ? rule->name : "";
	read_level(s, document, rule);
	if (!draft->correlation)
		read_service(s, document, draft);
	if (!draft->correlation && !draft->filter)
		read_own(s, document, draft);
	if (!draft->correlation && !draft->filter && !yaml_get(document, "detection"))
		sigma_fault(s, document, "`detection`, `correlation` or `filter` is missing");
}

/* --- correlations ------------------------------------------------------------------------------------------- */

static const struct { const char *name; enum compare compare; } compares[] = {
	{"gt", COMPARE_GT}, {"gte", COMPARE_GTE}, {"lt", COMPARE_LT}, {"lte", COMPARE_LTE}, {"eq", COMPARE_EQ}, {"neq", COMPARE_NEQ}};

static double number_of(struct sigma *s, const struct yaml_node *node)
{
	char *end;
	if (node->kind == YAML_TEXT && *node->text) {
		double number = strtod(node->text, &end);
		if (!*end && number >= 0 && number < 1e15)
			return number;
	}
	sigma_fault(s, node, "%s is no number; a number of 0 or more is awaited here", node->kind == YAML_TEXT ? node->text : "this");
	return 0;
}

static void read_compare(struct sigma *s, const struct yaml_node *map, enum compare *compare, double *number)
{
	for (unsigned i = 0; map && map->kind == YAML_MAP && i < map->count; i++)
		for (unsigned j = 0; j < sizeof compares / sizeof *compares; j++)
			if (strcmp(map->keys[i]->text, compares[j].name) == 0) {
				if (*compare)
					sigma_fault(s, map->keys[i], "one comparison, not two");
				*compare = compares[j].compare;
				*number = number_of(s, map->items[i]);
			}
}

static void read_threshold(struct sigma *s, const struct yaml_node *correlation, struct rule *rule)
{
	static const char *const known[] = {"gt", "gte", "lt", "lte", "eq", "neq", "field", NULL};
	const struct yaml_node *condition = yaml_get(correlation, "condition"), *ratio = yaml_get(correlation, "ratio");
	double number = 0;
	if (condition && condition->kind != YAML_MAP) {
		sigma_fault(s, condition, "the condition of a correlation is a map such as {gte: 5}");
		return;
	}
	if (condition)
		check_keys(s, condition, known, true);
	read_compare(s, condition, &rule->compare, &number);
	rule->threshold = (uint64_t)number;
	rule->value_name = text_of(s, condition, "field", false);
	if (!ratio)
		return;
	rule->compare = COMPARE_NONE; /* the count is a least number here, the ratio is what is compared */
	read_compare(s, ratio, &rule->compare, &rule->ratio);
}

static void read_learning(struct sigma *s, const struct yaml_node *correlation, struct rule *rule)
{
	static const char *const known[] = {"count", "timespan", NULL};
	const struct yaml_node *learning = yaml_get(correlation, "learning");
	if (!learning)
		return;
	if (learning->kind != YAML_MAP) {
		sigma_fault(s, learning, "learning is a map such as {count: 10, timespan: 1h}");
		return;
	}
	check_keys(s, learning, known, true);
	read_span(s, learning, "timespan", false, &rule->learn_ns);
	if (yaml_get(learning, "count"))
		rule->learn_count = (uint64_t)number_of(s, yaml_get(learning, "count"));
}

void sigma_read_correlation(struct sigma *s, const struct yaml_node *correlation, struct rule *rule)
{
	static const char *const known[] = {"type", "rules", "group-by", "timespan", "condition", "aliases", "ratio", "jitter",
		"learning", "generate", NULL};
	if (correlation->kind != YAML_MAP) {
		sigma_fault(s, correlation, "a correlation is a map with type, rules, timespan and condition");
		return;
	}
	check_keys(s, correlation, known, true);
	const char *type = text_of(s, correlation, "type", true);
	rule->detector = type ? detector_find(type) : NULL;
	if (type && (!rule->detector || strcmp(type, "match") == 0))
		sigma_fault(s, yaml_get(correlation, "type"), "unknown correlation type %s; valid: %s", type, detector_types());
	read_group_names(s, yaml_get(correlation, "group-by"), rule);
	read_span(s, correlation, "timespan", true, &rule->window_ns);
	read_threshold(s, correlation, rule);
	read_learning(s, correlation, rule);
	if (yaml_get(correlation, "jitter"))
		rule->jitter = number_of(s, yaml_get(correlation, "jitter"));
}
