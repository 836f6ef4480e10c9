#include "ruleset.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

static void load_file(struct rules *rules, const char *path)
{
	struct sigma *s = &rules->sigma;
	struct yaml_file *file = rules->file_count < FILES_MAX ? yaml_file_open(path, s->options->faults) : NULL;
	s->path = path;
	if (!file) {
		s->faults++;
		return;
	}
	rules->files[rules->file_count++] = file;
	for (unsigned i = 0; i < yaml_documents(file); i++) {
		if (rules->draft_count == LIMIT_RULES) {
			sigma_fault(s, yaml_document(file, i), "more than %u rules", LIMIT_RULES);
			return;
		}
		struct draft *draft = arena_take(rules->arena, sizeof *draft);
		rules->drafts[rules->draft_count++] = draft;
		draft->rule.path = path;
		sigma_read_head(s, yaml_document(file, i), draft);
	}
}

static bool is_rule_file(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot && (strcmp(dot, ".yml") == 0 || strcmp(dot, ".yaml") == 0);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void load_path(struct rules *rules, const char *path, unsigned depth)
{
	struct stat stat_of;
	struct dirent **entries;
	if (stat(path, &stat_of) != 0 || depth > 16) {
		fprintf(rules->sigma.options->faults, "%s: %s\n", path, depth > 16 ? "folders nested too deep" : strerror(errno));
		rules->sigma.faults++;
		return;
	}
	if (!S_ISDIR(stat_of.st_mode)) {
		load_file(rules, arena_text(rules->arena, path, strlen(path)));
		return;
	}
	int count = scandir(path, &entries, visible, alphasort);
	for (int i = 0; i < count; i++) {
		char name[4096];
		snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
		if (stat(name, &stat_of) == 0 && (S_ISDIR(stat_of.st_mode) || is_rule_file(name)))
			load_path(rules, name, depth + 1);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

void rules_load(struct rules *rules, const char *path)
{
	load_path(rules, path, 0);
}
