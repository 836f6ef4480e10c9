#include "rules.h"
#include "sigma.h"
#include "transport.h"
#include "../parsers/parser.h"

enum { FIELDS_MAX = 2048 };

static const struct field *const tables[] = {
	event_fields, transport_fields,
#define PARSER(name) NULL, /* filled from the descriptor: a table's address is no constant through one */
#include "../parsers/parsers.def"
#undef PARSER
};

static const struct parser *const parsers[] = {
	NULL, NULL,
#define PARSER(name) &parser_##name,
#include "../parsers/parsers.def"
#undef PARSER
};

enum { TABLES = sizeof tables / sizeof *tables };

static const struct field *table_at(unsigned i)
{
	return parsers[i] ? parsers[i]->fields : tables[i];
}

/* Parsers of one protocol over several transports share a table. */
static bool is_repeated(unsigned i)
{
	for (unsigned j = 0; j < i; j++)
		if (table_at(j) == table_at(i))
			return true;
	return false;
}

const struct field *rules_field(const char *name)
{
	for (unsigned i = 0; i < TABLES; i++)
		for (const struct field *f = table_at(i); f->name; f++)
			if (strcmp(f->name, name) == 0)
				return f;
	return NULL;
}

const char *const *rules_field_names(void)
{
	static const char *names[FIELDS_MAX + 1];
	unsigned n = 0;
	for (unsigned i = 0; i < TABLES; i++)
		for (const struct field *f = table_at(i); !is_repeated(i) && f->name && n < FIELDS_MAX; f++)
			names[n++] = f->name;
	names[n] = NULL;
	return names;
}

void rules_print_fields(FILE *out, const char *service)
{
	static const char *const types[] = {"number", "number", "number", "number", "true/false", "text", "texts", "codes", "text",
		"name", "address", "time", "text", "secret"};
	for (unsigned i = 0; i < TABLES; i++)
		for (const struct field *f = table_at(i); !is_repeated(i) && f->name; f++)
			if (!service || !parsers[i] || strcmp(parsers[i]->name, service) == 0)
				fprintf(out, "%-58s %-11s %s\n", f->name, types[f->type], f->help);
}
