/* config_mapper.h - `mappers` of the configuration: logs of JSON lines that a person describes. */
#ifndef TW_CONFIG_MAPPER_H
#define TW_CONFIG_MAPPER_H

#include "arena.h"
#include "config.h"
#include "yaml_tree.h"

/* Fills config->mappers from the file's tree, in the arena. False after having reported every fault. */
bool config_take_mappers(struct config *config, struct arena *arena, const struct yaml_node *tree);
const char *config_mapper_name(const struct config *config, unsigned index);

#endif
