#include "config_mapper.h"
#include "config_fault.h"
#include "log.h"
#include "log_formats.h"
#include "../parsers/log_mapper.h"

enum { MAPPERS_MAX = 32 };

struct reading {
	struct config *config;
	struct arena *arena;
	bool good;
};

static void fault(struct reading *r, const struct yaml_node *at, const char *key, const char *value, const char *valid)
{
	r->good = config_fault_value(r->config->path, at, key, value, valid);
}

static const char *copy(struct reading *r, const struct yaml_node *text)
{
	return arena_text(r->arena, text->text, strlen(text->text));
}

/* The keys of a map are these; `choices` ends at NULL. */
static void check_keys(struct reading *r, const struct yaml_node *map, const char *const *choices)
{
	for (unsigned i = 0; map && map->kind == YAML_MAP && i < map->count; i++) {
		const struct yaml_node *key = map->keys[i];
		const char *const *c = choices;
		char valid[256];
		size_t n = 0;
		while (*c && strcmp(*c, key->text) != 0)
			c++;
		if (*c)
			continue;
		for (c = choices; *c && n < sizeof valid; c++)
			n += (size_t)snprintf(valid + n, sizeof valid - n, "%s%s", n ? ", " : "", *c);
		const char *near = log_nearest(key->text, choices);
		r->good = config_fault_at(r->config->path, key, "mappers", "unknown key %s; %s%s%svalid: %s", key->text,
					  near ? "did you mean " : "", near ? near : "", near ? "? " : "", valid);
	}
}

/* A text, or NULL when the key is not there; anything else is a fault. */
static const char *text_of(struct reading *r, const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);
	if (!node)
		return NULL;
	if (node->kind == YAML_TEXT && *node->text)
		return copy(r, node);
	r->good = config_fault_at(r->config->path, node, key, "the name of a key of the log is needed here, as client.id");
	return NULL;
}

/* --- values ----------------------------------------------------------------------------------------------------- */

static bool action_of(const char *text, size_t size, uint8_t *out)
{
	for (unsigned i = 0; i < ACTION_COUNT; i++)
		if (strlen(action_name(i)) == size && strncmp(action_name(i), text, size) == 0) {
			*out = (uint8_t)i;
			return true;
		}
	return false;
}

static bool outcome_of(const char *text, uint8_t *out)
{
	for (unsigned i = 0; i <= OUTCOME_FAILURE; i++)
		if (strcmp(outcome_name(i), text) == 0) {
			*out = (uint8_t)i;
			return true;
		}
	return false;
}

/* "connect", "authenticate failure". A connect that says no more has succeeded. */
static void value_action(struct reading *r, const struct yaml_node *node, struct log_mapped *value)
{
	size_t size = strcspn(node->text, " ");
	const char *outcome = node->text + size + strspn(node->text + size, " ");
	bool known = action_of(node->text, size, &value->action);
	if (known && (*outcome ? outcome_of(outcome, &value->outcome) : true)) {
		if (!*outcome && value->action == ACTION_CONNECT)
			value->outcome = OUTCOME_SUCCESS;
		return;
	}
	fault(r, node, "action", node->text, "open, close, connect, authenticate, disconnect, subscribe, unsubscribe, publish, deliver, "
	      "request, respond, handshake, keepalive, violation; with success, failure or unknown behind it or not");
}

static void value_outcome(struct reading *r, const struct yaml_node *node, struct log_mapped *value)
{
	if (!outcome_of(node->text, &value->outcome))
		fault(r, node, "outcome", node->text, "success, failure, unknown");
}

static void value_reason(struct reading *r, const struct yaml_node *node, struct log_mapped *value)
{
	if (strspn(node->text, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(node->text) || !*node->text)
		fault(r, node, "reason", node->text, "a word of lower case letters, as not_authorized");
	value->to = copy(r, node);
}

/* `key: status`, or `{key: status, values: {...}}`. */
static void read_mapping(struct reading *r, const struct yaml_node *map, const char *name, bool values_needed, struct log_mapping *out,
			 void (*read_value)(struct reading *r, const struct yaml_node *node, struct log_mapped *value))
{
	static const char *const keys[] = {"key", "values", NULL};
	const struct yaml_node *node = yaml_get(map, name), *values = yaml_get(node, "values");
	if (!node)
		return;
	if (node->kind == YAML_TEXT && !values_needed) {
		out->key = text_of(r, map, name);
		return;
	}
	check_keys(r, node, keys);
	out->key = text_of(r, node, "key");
	if (!out->key || !values || values->kind != YAML_MAP || !values->count) {
		r->good = config_fault_at(r->config->path, node, name, "needs {key: KEY, values: {VALUE: MEANING, ...}}");
		return;
	}
	struct log_mapped *list = arena_take(r->arena, values->count * sizeof *list);
	for (unsigned i = 0; i < values->count; i++) {
		list[i].from = copy(r, values->keys[i]);
		if (values->items[i]->kind == YAML_TEXT)
			read_value(r, values->items[i], &list[i]);
		else
			r->good = config_fault_at(r->config->path, values->keys[i], name, "a text is needed here");
	}
	out->values = list;
	out->count = values->count;
}

/* --- a mapper ---------------------------------------------------------------------------------------------------- */

static void read_time(struct reading *r, const struct yaml_node *map, struct log_mapper *m)
{
	static const char *const keys[] = {"key", "format", "unit", NULL};
	static const struct { const char *name; uint64_t ns; } units[] = {
		{"s", TW_SECOND}, {"ms", TW_SECOND / 1000}, {"us", TW_SECOND / 1000000}, {"ns", 1}};
	const struct yaml_node *node = yaml_get(map, "time"), *unit = yaml_get(node, "unit");
	if (!node || node->kind == YAML_TEXT) {
		m->time_key = text_of(r, map, "time");
		return;
	}
	check_keys(r, node, keys);
	m->time_key = text_of(r, node, "key");
	m->time_format = text_of(r, node, "format");
	if (!m->time_key || (unit && m->time_format))
		r->good = config_fault_at(r->config->path, node, "time", "needs `key`, and `format` or `unit` or neither");
	for (unsigned i = 0; unit && unit->kind == YAML_TEXT && i < sizeof units / sizeof *units; i++)
		if (strcmp(unit->text, units[i].name) == 0)
			m->unit_ns = units[i].ns;
	if (unit && !m->unit_ns)
		fault(r, unit, "unit", unit->kind == YAML_TEXT ? unit->text : "", "s, ms, us, ns");
}

static void read_match(struct reading *r, const struct yaml_node *map, struct log_mapper *m)
{
	const struct yaml_node *match = yaml_get(map, "match");
	if (!match)
		return;
	if (match->kind != YAML_MAP || match->count > MAPPER_MATCHES) {
		r->good = config_fault_at(r->config->path, match, "match", "needs {KEY: VALUE}, at most %d of them", MAPPER_MATCHES);
		return;
	}
	for (unsigned i = 0; i < match->count; i++) {
		if (match->items[i]->kind != YAML_TEXT) {
			r->good = config_fault_at(r->config->path, match->keys[i], "match", "a text is needed here");
			continue;
		}
		m->match_key[m->matches] = copy(r, match->keys[i]);
		m->match_value[m->matches++] = copy(r, match->items[i]);
	}
}

static void read_name(struct reading *r, const struct yaml_node *map, struct log_mapper *m)
{
	const struct yaml_node *at = yaml_get(map, "name");
	const char *name = at ? text_of(r, map, "name") : NULL;
	if (!at)
		r->good = config_fault_at(r->config->path, map, "mappers", "each needs a `name`");
	if (!name)
		return;
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(name) || strlen(name) > 31)
		fault(r, at, "name", name, "at most 31 of a-z, 0-9, _ and -");
	for (unsigned i = 0; log_format_builtin(i); i++)
		if (strcmp(log_format_builtin(i)->name, name) == 0)
			r->good = config_fault_at(r->config->path, at, "name", "%s is a format of its own already", name);
	for (unsigned i = 0; i < r->config->mapper_count; i++)
		if (strcmp(config_mapper_name(r->config, i), name) == 0)
			r->good = config_fault_at(r->config->path, at, "name", "%s is there twice", name);
	m->format.name = name;
}

static void read_mapper(struct reading *r, const struct yaml_node *map, struct log_mapper *m)
{
	static const char *const keys[] = {"name", "match", "time", "client_id", "src_ip", "src_port", "user", "resource", "action",
		"outcome", "reason", NULL};
	check_keys(r, map, keys);
	read_name(r, map, m);
	read_match(r, map, m);
	read_time(r, map, m);
	m->client_id = text_of(r, map, "client_id");
	m->user = text_of(r, map, "user");
	m->src_ip = text_of(r, map, "src_ip");
	m->src_port = text_of(r, map, "src_port");
	m->resource = text_of(r, map, "resource");
	if (m->resource) {
		char *list = arena_take(r->arena, strlen(m->resource) + 3);
		m->resources = strcat(strcpy(list, m->resource), "[]");
	}
	if (!yaml_get(map, "action"))
		r->good = config_fault_at(r->config->path, map, "mappers", "each needs an `action`");
	read_mapping(r, map, "action", true, &m->action, value_action);
	read_mapping(r, map, "outcome", true, &m->outcome, value_outcome);
	read_mapping(r, map, "reason", false, &m->reason, value_reason);
	log_mapper_set(m);
}

bool config_take_mappers(struct config *config, struct arena *arena, const struct yaml_node *tree)
{
	struct reading r = {config, arena, true};
	const struct yaml_node *list = yaml_get(tree, "mappers");
	if (!list)
		return true;
	if (list->kind != YAML_LIST || list->count > MAPPERS_MAX)
		return config_fault_at(config->path, list, "mappers", "a list is needed here, of at most %d", MAPPERS_MAX);
	struct log_mapper *mappers = arena_take(arena, (list->count + 1) * sizeof *mappers);
	config->mappers = mappers;
	for (unsigned i = 0; i < list->count; i++) {
		if (list->items[i]->kind != YAML_MAP)
			return config_fault_at(config->path, list->items[i], "mappers", "keys are needed here: {name: ..., action: ...}");
		read_mapper(&r, list->items[i], &mappers[i]);
		if (mappers[i].format.name)
			config->mapper_count = i + 1;
		else
			return false;
	}
	return r.good;
}

const char *config_mapper_name(const struct config *config, unsigned index)
{
	return config->mappers[index].format.name;
}
