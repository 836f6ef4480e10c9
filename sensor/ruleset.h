/* ruleset.h - the rules while they are made: what rules.c and rules_load.c share, and nobody else. */
#ifndef TW_RULESET_H
#define TW_RULESET_H

#include "rule_index.h"
#include "sigma.h"

enum { FILES_MAX = 4096 };

struct rules {
	struct sigma sigma;
	struct arena *arena;
	struct draft *drafts[LIMIT_RULES];
	struct rule *rules[LIMIT_RULES];
	struct yaml_file *files[FILES_MAX];
	unsigned draft_count, file_count;
	uint32_t count;
	struct rule_index *index;
};

/* A file, or a folder with all that is in it. Faults go to rules->sigma. */
void rules_load(struct rules *rules, const char *path);

#endif
