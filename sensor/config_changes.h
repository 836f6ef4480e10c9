/* config_changes.h - what the file says, section by section, so that two readings of it can be compared (config_changes()). For
 * config.c alone. */
#ifndef TW_CONFIG_CHANGES_H
#define TW_CONFIG_CHANGES_H

#include "arena.h"
#include "config.h"
#include "yaml_tree.h"

/* In the arena, as are their names; none of a file that is no map. */
const struct config_section *config_sections(struct arena *arena, const struct yaml_node *tree, unsigned *count);

#endif
