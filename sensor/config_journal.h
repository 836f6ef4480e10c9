/* config_journal.h - the key `journal` of the configuration: sizes and ages in words, and their bounds. For config.c alone. */
#ifndef TW_CONFIG_JOURNAL_H
#define TW_CONFIG_JOURNAL_H

#include "config.h"
#include "config_file.h"

/* `at`: the key's map. `path` is the folder as seen from here. False after having reported every fault. */
bool config_journal_take(const struct file_journal *from, const char *path, const char *config_path, const struct yaml_node *at,
			 struct config_journal *out);

#endif
