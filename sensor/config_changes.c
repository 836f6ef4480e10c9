#include "config_changes.h"
#include "hash.h"
#include <stdio.h>

static uint64_t hash_node(const struct yaml_node *node, uint64_t seed)
{
	seed = hash_bytes(&node->kind, sizeof node->kind, seed);
	if (node->kind == YAML_TEXT)
		return hash_slice(slice_text(node->text), seed);
	for (unsigned i = 0; i < node->count; i++) {
		if (node->kind == YAML_MAP)
			seed = hash_slice(slice_text(node->keys[i]->text), seed);
		seed = hash_node(node->items[i], seed);
	}
	return hash_bytes(&node->count, sizeof node->count, seed);
}

const struct config_section *config_sections(struct arena *arena, const struct yaml_node *tree, unsigned *count)
{
	*count = tree->kind == YAML_MAP ? tree->count : 0;
	struct config_section *sections = arena_take(arena, (*count + 1) * sizeof *sections);
	for (unsigned i = 0; i < *count; i++) {
		const char *name = tree->keys[i]->text;
		sections[i] = (struct config_section){arena_text(arena, name, strlen(name)), hash_node(tree->items[i], 0)};
	}
	return sections;
}

/* 0: it is not there. */
static uint64_t hash_of(const struct config *config, const char *name)
{
	for (unsigned i = 0; i < config->section_count; i++)
		if (strcmp(config->sections[i].name, name) == 0)
			return config->sections[i].hash;
	return 0;
}

static void add(char *out, const char *name)
{
	size_t n = strlen(out);
	snprintf(out + n, CONFIG_CHANGES_MAX - n, "%s%s", n ? ", " : "", name);
}

void config_changes(const struct config *running, const struct config *fresh, char out[CONFIG_CHANGES_MAX])
{
	static const char *const taken[] = {"rules", "lists", "home_net", "enrich", "stats", NULL};
	*out = 0;
	for (unsigned i = 0; i < running->section_count; i++) {
		const struct config_section *s = &running->sections[i];
		if (hash_of(fresh, s->name) != s->hash && !config_one_of(s->name, taken))
			add(out, s->name);
	}
	for (unsigned i = 0; i < fresh->section_count; i++) {
		const struct config_section *s = &fresh->sections[i];
		if (!hash_of(running, s->name) && !config_one_of(s->name, taken))
			add(out, s->name);
	}
}
