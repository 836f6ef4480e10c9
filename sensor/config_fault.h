/* config_fault.h - what is wrong with a configuration file, in words: file:line:column, key, what, and what is valid. For
 * config.c and config_file.c alone. */
#ifndef TW_CONFIG_FAULT_H
#define TW_CONFIG_FAULT_H

#include "yaml_tree.h"
#include <stdarg.h>

/* libcyaml tells what is wrong in one message and where in a trace of others, innermost first. */
struct config_complaint {
	char what[256];
	char field[2][48]; /* the innermost key and the one around it */
	unsigned fields, line, column;
	bool placed;
};
void config_fault_hear(struct config_complaint *complaint, const char *format, va_list arguments);
/* One line; `otherwise` when nothing was heard. */
void config_fault_report(const char *path, const struct config_complaint *complaint, const struct yaml_node *tree,
			 const char *otherwise);

/* Both answer false. `at` NULL: somewhere in the file. */
bool config_fault_value(const char *path, const struct yaml_node *at, const char *key, const char *value, const char *valid);
__attribute__((format(printf, 4, 5)))
bool config_fault_at(const char *path, const struct yaml_node *at, const char *key, const char *format, ...);

/* False: the key that stands there is none of the `valid` ones, which end at NULL, in what `within` names; "": the whole file. */
bool config_fault_key(const char *path, unsigned line, unsigned column, const char *key, const char *within,
		      const char *const *valid);

#endif
