#include "owners.h"
#include "arena.h"
#include "hash.h"
#include "prefixes.h"
#include "table_file.h"
#include "yaml_tree.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum column { ADDRESS, MAC, CLIENT_ID, OWNER, SITE, COLUMNS };
static const char *const column_names[COLUMNS + 1] = {"address", "mac", "client_id", "owner", "site", NULL};

struct row {
	struct slice texts[COLUMNS];
	unsigned line;
};

struct owners {
	struct arena *arena;          /* texts */
	struct prefixes *networks, *macs, *client_ids;
	struct owner *items;
	uint32_t count, room;
	/* while it is read */
	unsigned left_out;
	char *why;
	size_t why_size;
	const char *path;
};

void owners_close(struct owners *d)
{
	if (!d)
		return;
	prefixes_close(d->networks);
	prefixes_close(d->macs);
	prefixes_close(d->client_ids);
	arena_close(d->arena);
	free(d->items);
	free(d);
}

/* --- rows ------------------------------------------------------------------------------------------------------ */

static void leave_out(struct owners *d, const struct row *row, enum column column, const char *what)
{
	struct slice text = slice_head(row->texts[column], 64);
	if (d->left_out++)
		return;
	if (text.size)
		snprintf(d->why, d->why_size, "line %u: \"%.*s\" is no %s", row->line, (int)text.size, (const char *)text.at, what);
	else
		snprintf(d->why, d->why_size, "line %u: no %s", row->line, what);
}

/* Identifiers are compared by a hash of 128 bits. */
static struct address client_id_key(struct slice client_id)
{
	uint64_t hashes[2] = {hash_slice(client_id, 1), hash_slice(client_id, 2)};
	struct address key;
	memcpy(key.bytes, hashes, sizeof key.bytes);
	return key;
}

static struct slice keep(struct owners *d, struct slice text)
{
	if (!text.size)
		return (struct slice){NULL, 0};
	return slice_of(arena_text(d->arena, (const char *)text.at, text.size), text.size);
}

static bool add_item(struct owners *d, const struct row *row)
{
	if (d->count == d->room) {
		uint32_t room = d->room ? d->room * 2 : 256;
		struct owner *items = realloc(d->items, room * sizeof *items);
		if (!items)
			return false;
		d->items = items;
		d->room = room;
	}
	d->items[d->count++] = (struct owner){keep(d, row->texts[OWNER]), keep(d, row->texts[SITE])};
	return true;
}

/* False when memory is refused. */
static bool add_row(struct owners *d, const struct row *row)
{
	const struct slice *texts = row->texts;
	struct address network, mac, client_id = client_id_key(texts[CLIENT_ID]);
	char address[64];
	unsigned bits, mac_bits;
	snprintf(address, sizeof address, "%.*s", (int)texts[ADDRESS].size, (const char *)texts[ADDRESS].at);
	if (texts[ADDRESS].size && !address_parse_network(address, &network, &bits))
		return leave_out(d, row, ADDRESS, "address or network"), true;
	if (texts[MAC].size && (!prefixes_parse_mac(texts[MAC], &mac, &mac_bits) || mac_bits != 48))
		return leave_out(d, row, MAC, "Ethernet address"), true;
	if (!texts[ADDRESS].size && !texts[MAC].size && !texts[CLIENT_ID].size)
		return leave_out(d, row, ADDRESS, "address, mac or client_id"), true;
	if (!texts[OWNER].size && !texts[SITE].size)
		return leave_out(d, row, OWNER, "owner or site"), true;
	if (!add_item(d, row))
		return false;
	return (!texts[ADDRESS].size || prefixes_put(d->networks, &network, bits, d->count - 1)) &&
	       (!texts[MAC].size || prefixes_put(d->macs, &mac, 48, d->count - 1)) &&
	       (!texts[CLIENT_ID].size || prefixes_put(d->client_ids, &client_id, 128, d->count - 1));
}

/* --- files ----------------------------------------------------------------------------------------------------- */

static enum column column_of(struct slice name)
{
	unsigned column = 0;
	while (column < COLUMNS && (strlen(column_names[column]) != name.size ||
				    strncasecmp((const char *)name.at, column_names[column], name.size) != 0))
		column++;
	return column;
}

static bool columns_serve(struct owners *d, const bool there[COLUMNS + 1])
{
	if ((there[ADDRESS] || there[MAC] || there[CLIENT_ID]) && (there[OWNER] || there[SITE]))
		return true;
	snprintf(d->why, d->why_size, "the first line must name the columns: at least one of address, mac, client_id and one of "
		 "owner, site");
	return false;
}

static bool is_remark(struct slice field)
{
	return field.size && field.at[0] == '#';
}

static bool read_csv(struct owners *d)
{
	struct table table;
	struct slice fields[TABLE_COLUMNS_MAX];
	enum column columns[TABLE_COLUMNS_MAX];
	bool there[COLUMNS + 1] = {false}, good = true;
	if (!table_open(&table, d->path, ',', d->why, d->why_size))
		return false;
	unsigned named, n;
	while ((named = table_row(&table, fields)) && is_remark(fields[0]))
		;
	for (unsigned i = 0; i < named; i++) {
		columns[i] = column_of(fields[i]);
		there[columns[i]] = true;
	}
	good = columns_serve(d, there);
	while (good && (n = table_row(&table, fields))) {
		struct row row = {.line = table.line};
		for (unsigned i = 0; i < n && i < named; i++)
			if (columns[i] < COLUMNS)
				row.texts[columns[i]] = fields[i];
		good = is_remark(fields[0]) || add_row(d, &row);
	}
	table_close(&table);
	return good;
}

static bool add_node(struct owners *d, const struct yaml_node *node)
{
	struct row row = {.line = node->line};
	for (unsigned c = 0; c < COLUMNS; c++) {
		const struct yaml_node *value = yaml_get(node, column_names[c]);
		if (value && value->kind == YAML_TEXT)
			row.texts[c] = slice_text(value->text);
	}
	return add_row(d, &row);
}

/* The reader of YAML writes its fault to a file: here one in memory. "PATH:LINE:COLUMN: what" */
static bool read_yaml(struct owners *d)
{
	char *said = NULL;
	size_t size = 0, skip = strlen(d->path);
	FILE *faults = open_memstream(&said, &size);
	struct yaml_file *file = faults ? yaml_file_open(d->path, faults) : NULL;
	if (faults)
		fclose(faults);
	const struct yaml_node *list = file && yaml_documents(file) ? yaml_document(file, 0) : NULL;
	bool good = list && list->kind == YAML_LIST;
	if (!file && said && size > skip) {
		const char *what = said + skip + 1; /* behind "PATH:" */
		bool placed = *what != ' ';
		what += !placed;
		snprintf(d->why, d->why_size, "%s%.*s", placed ? "line " : "", (int)strcspn(what, "\n"), what);
	} else if (!good) {
		snprintf(d->why, d->why_size, "a list is needed: lines \"- {address: ..., owner: ...}\"");
	}
	for (unsigned i = 0; good && i < list->count; i++)
		good = add_node(d, list->items[i]);
	yaml_file_close(file);
	free(said);
	return good;
}

static bool is_yaml(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

struct owners *owners_open(const char *path, unsigned *left_out, char *why, size_t size)
{
	struct owners *d = calloc(1, sizeof *d);
	snprintf(why, size, "not enough memory");
	if (!d)
		return NULL;
	*d = (struct owners){.arena = arena_open(), .networks = prefixes_open(), .macs = prefixes_open(),
			      .client_ids = prefixes_open(), .path = path, .why = why, .why_size = size};
	bool good = d->networks && d->macs && d->client_ids && (is_yaml(path) ? read_yaml(d) : read_csv(d));
	if (good && !d->count) {
		snprintf(why, size, "no device in it");
		good = false;
	}
	*left_out = d->left_out;
	if (good)
		return d;
	owners_close(d);
	return NULL;
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

static bool take(const struct owners *d, const struct prefixes *from, const struct address *key, unsigned *bits,
		 struct owner *device)
{
	uint32_t index;
	if (!prefixes_find(from, key, bits, &index))
		return false;
	device->owner = device->owner.size ? device->owner : d->items[index].owner;
	device->site = device->site.size ? device->site : d->items[index].site;
	return true;
}

struct owner owners_find(const struct owners *d, const struct owner_key *key)
{
	struct owner device = {{NULL, 0}, {NULL, 0}};
	unsigned bits = 128, all = 128, mac_bits = 48;
	bool around = key->address && prefixes_count(d->networks);
	if (around && !take(d, d->networks, key->address, &bits, &device))
		around = false;
	struct owner near = device; /* of a network; of the address itself only when all bits agree */
	if (around && bits < 128)
		device = (struct owner){{NULL, 0}, {NULL, 0}};
	if (key->mac) {
		struct address mac = prefixes_mac(key->mac);
		(void)take(d, d->macs, &mac, &mac_bits, &device);
	}
	if (key->client_id.size) {
		struct address client_id = client_id_key(key->client_id);
		(void)take(d, d->client_ids, &client_id, &all, &device);
	}
	while (around && bits-- > 0 && !(near.owner.size && near.site.size) && take(d, d->networks, key->address, &bits, &near))
		;
	device.owner = device.owner.size ? device.owner : near.owner;
	device.site = device.site.size ? device.site : near.site;
	return device;
}
