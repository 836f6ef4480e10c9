#include "vendors.h"
#include "prefixes.h"
#include "table_file.h"
#include <stdio.h>
#include <stdlib.h>

enum { LOCAL_BIT = 2 };

struct vendors {
	struct table table; /* whose bytes the names are */
	struct prefixes *prefixes;
	struct slice *names;
	uint32_t count, room;
};

void vendors_close(struct vendors *v)
{
	if (!v)
		return;
	table_close(&v->table);
	prefixes_close(v->prefixes);
	free(v->names);
	free(v);
}

static bool add(struct vendors *v, struct slice block, struct slice name)
{
	struct address key;
	unsigned bits;
	if (!name.size || !prefixes_parse_mac(block, &key, &bits))
		return true;
	if (v->count == v->room) {
		uint32_t room = v->room ? v->room * 2 : 4096;
		struct slice *names = realloc(v->names, room * sizeof *names);
		if (!names)
			return false;
		v->names = names;
		v->room = room;
	}
	v->names[v->count] = name;
	return prefixes_put(v->prefixes, &key, bits, v->count++);
}

/* IEEE: Registry,Assignment,Organization Name,Organization Address. */
static bool read_ieee(struct vendors *v)
{
	struct slice fields[TABLE_COLUMNS_MAX];
	unsigned n;
	while ((n = table_row(&v->table, fields)))
		if (n >= 3 && !add(v, fields[1], fields[2]))
			return false;
	return true;
}

/* Wireshark: block, short name, long name between tabs; older files have no long name, and a remark behind a #. */
static bool read_manuf(struct vendors *v)
{
	struct slice fields[TABLE_COLUMNS_MAX];
	unsigned n;
	while ((n = table_row(&v->table, fields))) {
		if (n < 2 || fields[0].at[0] == '#')
			continue;
		struct slice name = n >= 3 && fields[2].size ? fields[2] : fields[1];
		if (!add(v, fields[0], name))
			return false;
	}
	return true;
}

static bool is_ieee(const struct table *t)
{
	static const char head[] = "Registry,Assignment,";
	return (size_t)(t->end - t->at) >= sizeof head - 1 && memcmp(t->at, head, sizeof head - 1) == 0;
}

struct vendors *vendors_open(const char *path, char *why, size_t size)
{
	struct vendors *v = calloc(1, sizeof *v);
	snprintf(why, size, "not enough memory");
	if (!v || !table_open(&v->table, path, '\t', why, size)) {
		free(v);
		return NULL;
	}
	v->prefixes = prefixes_open();
	bool ieee = is_ieee(&v->table);
	v->table.separator = ieee ? ',' : '\t';
	if (!v->prefixes || !(ieee ? read_ieee(v) : read_manuf(v)))
		snprintf(why, size, "not enough memory");
	else if (!v->count)
		snprintf(why, size, "no block of addresses in it; an IEEE oui.csv or a Wireshark manuf file is needed");
	else
		return v;
	vendors_close(v);
	return NULL;
}

struct slice vendors_find(const struct vendors *v, const uint8_t mac[6])
{
	struct address key = prefixes_mac(mac);
	unsigned bits = 48;
	uint32_t index;
	if (mac[0] & LOCAL_BIT || !prefixes_find(v->prefixes, &key, &bits, &index))
		return (struct slice){NULL, 0};
	return v->names[index];
}
