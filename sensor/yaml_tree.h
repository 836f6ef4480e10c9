/* yaml_tree.h - YAML documents as trees whose nodes know where they stand (only user of libyaml).
 * For rule files: a fault in one must be shown by line and column, which a mapping to structs would lose. */
#ifndef TW_YAML_TREE_H
#define TW_YAML_TREE_H

#include <stdbool.h>
#include <stdio.h>

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	unsigned line, column;        /* from 1 */
	bool quoted;                  /* a text in quotes is never a number, a boolean or null */
	const char *text;             /* YAML_TEXT; with its NUL */
	unsigned count;
	struct yaml_node *const *items; /* YAML_LIST: values; YAML_MAP: values, in order of writing */
	struct yaml_node *const *keys;  /* YAML_MAP: texts */
};

struct yaml_file;

/* Reads every document of a file. NULL after having written one line on `faults`: "file:line:column: what". */
struct yaml_file *yaml_file_open(const char *path, FILE *faults);
/* The same from memory; `path` only names it. */
struct yaml_file *yaml_file_parse(const char *path, const void *bytes, size_t size, FILE *faults);
void yaml_file_close(struct yaml_file *file);
/* What an opened file holds, for another reader: a pipe gives it once. */
const void *yaml_bytes(const struct yaml_file *file, size_t *size);
unsigned yaml_documents(const struct yaml_file *file);
const struct yaml_node *yaml_document(const struct yaml_file *file, unsigned index);

/* The value of a key in a map; NULL when it is not there, or `node` is no map. */
const struct yaml_node *yaml_get(const struct yaml_node *node, const char *key);

#endif
