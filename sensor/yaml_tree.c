#include "yaml_tree.h"
#include "arena.h"
#include "limits.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* Aliases are followed, so a small file could become a huge tree: both are bounded. */
enum { DEPTH_MAX = 32, NODES_MAX = 200000, DOCUMENTS_MAX = 1024 };

struct yaml_file {
	struct arena *arena; /* of the trees */
	struct yaml_node *documents[DOCUMENTS_MAX];
	unsigned count, nodes;
	char *bytes; /* what it was read from; NULL: not ours */
	size_t size;
};

struct loading {
	struct yaml_file *file;
	yaml_document_t *document;
	const char *path;
	FILE *faults;
};

static struct yaml_node *refuse(struct loading *l, const yaml_node_t *at, const char *what)
{
	fprintf(l->faults, "%s:%zu:%zu: %s\n", l->path, at->start_mark.line + 1, at->start_mark.column + 1, what);
	return NULL;
}

static struct yaml_node *build(struct loading *l, int index, unsigned depth)
{
	yaml_node_t *from = yaml_document_get_node(l->document, index);
	if (depth > DEPTH_MAX || ++l->file->nodes > NODES_MAX)
		return refuse(l, from, "nested too deep, or too large once its aliases are followed");
	struct yaml_node *node = arena_take(l->file->arena, sizeof *node);
	node->line = (unsigned)from->start_mark.line + 1;
	node->column = (unsigned)from->start_mark.column + 1;
	if (from->type == YAML_SCALAR_NODE) {
		char *text = arena_take(l->file->arena, from->data.scalar.length + 1);
		memcpy(text, from->data.scalar.value, from->data.scalar.length);
		if (strlen(text) != from->data.scalar.length)
			return refuse(l, from, "a NUL character in a text");
		node->kind = YAML_TEXT;
		node->text = text;
		node->quoted = from->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
		return node;
	}
	bool map = from->type == YAML_MAPPING_NODE;
	size_t count = map ? (size_t)(from->data.mapping.pairs.top - from->data.mapping.pairs.start)
			   : (size_t)(from->data.sequence.items.top - from->data.sequence.items.start);
	struct yaml_node **items = arena_take(l->file->arena, (count + 1) * sizeof *items);
	struct yaml_node **keys = map ? arena_take(l->file->arena, (count + 1) * sizeof *keys) : NULL;
	for (size_t i = 0; i < count; i++) {
		if (map) {
			keys[i] = build(l, from->data.mapping.pairs.start[i].key, depth + 1);
			if (!keys[i])
				return NULL;
			if (keys[i]->kind != YAML_TEXT)
				return refuse(l, from, "a key must be a text");
			for (size_t j = 0; j < i; j++)
				if (strcmp(keys[i]->text, keys[j]->text) == 0)
					return refuse(l, yaml_document_get_node(l->document, from->data.mapping.pairs.start[i].key),
						      "this key is there already");
		}
		items[i] = build(l, map ? from->data.mapping.pairs.start[i].value : from->data.sequence.items.start[i],
				 depth + 1);
		if (!items[i])
			return NULL;
	}
	node->kind = map ? YAML_MAP : YAML_LIST;
	node->count = (unsigned)count;
	node->items = items;
	node->keys = keys;
	return node;
}

static bool load_all(struct loading *l, yaml_parser_t *parser)
{
	for (;;) {
		yaml_document_t document;
		if (!yaml_parser_load(parser, &document)) {
			fprintf(l->faults, "%s:%zu:%zu: %s\n", l->path, parser->problem_mark.line + 1,
				parser->problem_mark.column + 1, parser->problem ? parser->problem : "not YAML");
			return false;
		}
		yaml_node_t *root = yaml_document_get_root_node(&document);
		if (!root) {
			yaml_document_delete(&document);
			return true;
		}
		l->document = &document;
		struct yaml_node *node = NULL;
		if (l->file->count < DOCUMENTS_MAX)
			node = build(l, 1, 0);
		else
			refuse(l, root, "more than 1024 documents in one file");
		if (node)
			l->file->documents[l->file->count++] = node;
		yaml_document_delete(&document);
		if (!node)
			return false;
	}
}

struct yaml_file *yaml_file_parse(const char *path, const void *bytes, size_t size, FILE *faults)
{
	yaml_parser_t parser;
	struct yaml_file *file = calloc(1, sizeof *file);
	struct loading loading = {file, NULL, path, faults};
	if (!file || !yaml_parser_initialize(&parser)) {
		free(file);
		return NULL;
	}
	file->arena = arena_open();
	yaml_parser_set_input_string(&parser, bytes, size);
	bool good = load_all(&loading, &parser);
	yaml_parser_delete(&parser);
	if (good)
		return file;
	yaml_file_close(file);
	return NULL;
}

struct yaml_file *yaml_file_open(const char *path, FILE *faults)
{
	FILE *in = fopen(path, "rb");
	char *bytes = in ? malloc(LIMIT_RULE_FILE + 1) : NULL;
	struct yaml_file *file = NULL;
	if (!bytes) {
		fprintf(faults, "%s: %s\n", path, strerror(errno));
	} else {
		size_t size = fread(bytes, 1, LIMIT_RULE_FILE + 1, in);
		if (ferror(in))
			fprintf(faults, "%s: %s\n", path, strerror(errno));
		else if (size > LIMIT_RULE_FILE)
			fprintf(faults, "%s: larger than %u bytes\n", path, LIMIT_RULE_FILE);
		else
			file = yaml_file_parse(path, bytes, size, faults);
		if (file) {
			file->bytes = bytes;
			file->size = size;
		} else {
			free(bytes);
		}
	}
	if (in)
		fclose(in);
	return file;
}

void yaml_file_close(struct yaml_file *file)
{
	if (!file)
		return;
	arena_close(file->arena);
	free(file->bytes);
	free(file);
}

const void *yaml_bytes(const struct yaml_file *file, size_t *size)
{
	*size = file->size;
	return file->bytes;
}

unsigned yaml_documents(const struct yaml_file *file)
{
	return file->count;
}

const struct yaml_node *yaml_document(const struct yaml_file *file, unsigned index)
{
	return file->documents[index];
}

const struct yaml_node *yaml_get(const struct yaml_node *node, const char *key)
{
	for (unsigned i = 0; node && node->kind == YAML_MAP && i < node->count; i++)
		if (strcmp(node->keys[i]->text, key) == 0)
			return node->items[i];
	return NULL;
}
