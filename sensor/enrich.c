#include "enrich.h"
#include "arena.h"
#include "owners.h"
#include "hash.h"
#include "log.h"
#include "prefixes.h"
#include "vendors.h"
#include <errno.h>
#include <fcntl.h>
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WHY_MAX = 256, PATH_KEYS = 4 };

/* By which a file that was replaced or written over is told from what it was; all zero: not there. */
struct stamp {
	uint64_t device, inode, bytes, changed_ns;
};

enum kind { DATABASE, VENDORS, DEVICES };

/* A file, and what was made of it. */
struct source {
	enum kind kind;
	char *path;
	void *data;         /* NULL: not to be had */
	struct stamp taken; /* the file that data was made of, or that was refused last */
	struct stamp seen;  /* at the last look */
};

struct database {
	MMDB_s mmdb;
	bool faulty; /* a look-up has shown that it is damaged, and that was said */
};

/* What the databases say of an address. */
struct place {
	struct address address;
	bool used;
	uint32_t asn;
	struct slice country, country_name, city, as_org; /* lie in the databases */
};

struct enrich {
	struct source *sources;
	unsigned count;
	struct arena *arena;         /* names of networks */
	struct prefixes *networks;
	const char **network_names;
	struct place *places;        /* LIMIT_PLACES, by hash: a newer address takes the place of an older one */
	time_t looked_s;
	struct context context;
};

/* --- databases ------------------------------------------------------------------------------------------------- */

/* A mapping of the file itself would die with it: a look-up in pages that were cut off ends the process (SIGBUS). */
static int copy_in_memory(const char *path, char *why)
{
	struct stat st;
	int file = open(path, O_RDONLY | O_CLOEXEC), copy = -1;
	if (file < 0 || fstat(file, &st) != 0)
		snprintf(why, WHY_MAX, "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		snprintf(why, WHY_MAX, "is no file");
	else if (st.st_size == 0 || (uint64_t)st.st_size > LIMIT_DATABASE_FILE)
		snprintf(why, WHY_MAX, st.st_size ? "larger than %u bytes" : "the file is empty", LIMIT_DATABASE_FILE);
	else if ((copy = memfd_create("database", MFD_CLOEXEC)) < 0)
		snprintf(why, WHY_MAX, "no memory for it: %s", strerror(errno));
	for (ssize_t left = copy < 0 ? 0 : st.st_size, n; left > 0; left -= n) {
		n = sendfile(copy, file, NULL, (size_t)left);
		if (n <= 0) {
			snprintf(why, WHY_MAX, "%s", n ? strerror(errno) : "became shorter while it was read");
			close(copy);
			copy = -1;
			break;
		}
	}
	if (file >= 0)
		close(file);
	return copy;
}

static void *database_open(const char *path, char *why)
{
	char name[64];
	struct database *database = calloc(1, sizeof *database);
	int copy = database ? copy_in_memory(path, why) : -1;
	if (copy < 0) {
		free(database);
		return NULL;
	}
	snprintf(name, sizeof name, "/proc/self/fd/%d", copy);
	int error = MMDB_open(name, MMDB_MODE_MMAP, &database->mmdb);
	close(copy);
	if (error == MMDB_SUCCESS)
		return database;
	snprintf(why, WHY_MAX, "damaged, or no MaxMind database: %s", MMDB_strerror(error));
	free(database);
	return NULL;
}

static void database_close(struct database *database)
{
	MMDB_close(&database->mmdb);
	free(database);
}

static bool database_lookup(const struct source *source, const struct address *address, MMDB_entry_s *entry)
{
	struct database *database = source->data;
	int error = MMDB_SUCCESS;
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	bool is_v4 = address_is_v4(address);
	memcpy(&v4.sin_addr, address->bytes + 12, 4);
	memcpy(&v6.sin6_addr, address->bytes, 16);
	if (!is_v4 && database->mmdb.metadata.ip_version == 4)
		return false;
	const struct sockaddr *end = is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6;
	MMDB_lookup_result_s result = MMDB_lookup_sockaddr(&database->mmdb, end, &error);
	if (error != MMDB_SUCCESS && !database->faulty) {
		database->faulty = true;
		log_error("enrich: %s: damaged: %s; some records go without it", source->path, MMDB_strerror(error));
	}
	*entry = result.entry;
	return error == MMDB_SUCCESS && result.found_entry;
}

/* Where makers of databases put it: MaxMind and DB-IP, then those whose records are flat. */
struct key_path {
	const char *keys[PATH_KEYS];
};
static const struct key_path countries[] = {{{"country", "iso_code"}}, {{"country_code"}}, {{"country"}}, {{NULL}}};
static const struct key_path country_names[] = {{{"country", "names", "en"}}, {{"country_name"}}, {{"country"}}, {{NULL}}};
static const struct key_path cities[] = {{{"city", "names", "en"}}, {{"city"}}, {{NULL}}};
static const struct key_path as_numbers[] = {{{"autonomous_system_number"}}, {{"traits", "autonomous_system_number"}}, {{"asn"}},
					     {{NULL}}};
static const struct key_path as_names[] = {{{"autonomous_system_organization"}}, {{"traits", "autonomous_system_organization"}},
					   {{"as_name"}}, {{"organization"}}, {{NULL}}};

static bool value_at(MMDB_entry_s *entry, const struct key_path *path, MMDB_entry_data_s *data)
{
	return MMDB_aget_value(entry, data, path->keys) == MMDB_SUCCESS && data->has_data;
}

/* The first text of `least` to `most` bytes. */
static void take_text(MMDB_entry_s *entry, const struct key_path *paths, uint32_t least, uint32_t most, struct slice *out)
{
	MMDB_entry_data_s data;
	for (; !out->at && paths->keys[0]; paths++)
		if (value_at(entry, paths, &data) && data.type == MMDB_DATA_TYPE_UTF8_STRING && data.data_size >= least &&
		    data.data_size <= most)
			*out = slice_of(data.utf8_string, data.data_size);
}

/* 3320, or "AS3320". */
static uint32_t number_of(const MMDB_entry_data_s *data)
{
	char digits[16];
	switch (data->type) {
	case MMDB_DATA_TYPE_UINT16:
		return data->uint16;
	case MMDB_DATA_TYPE_UINT32:
		return data->uint32;
	case MMDB_DATA_TYPE_UINT64:
		return data->uint64 <= UINT32_MAX ? (uint32_t)data->uint64 : 0;
	case MMDB_DATA_TYPE_UTF8_STRING:
		snprintf(digits, sizeof digits, "%.*s", (int)(data->data_size < 15 ? data->data_size : 15), data->utf8_string);
		return (uint32_t)strtoul(digits + (strncmp(digits, "AS", 2) == 0 ? 2 : 0), NULL, 10);
	default:
		return 0;
	}
}

static void take_number(MMDB_entry_s *entry, const struct key_path *paths, uint32_t *out)
{
	MMDB_entry_data_s data;
	for (; !*out && paths->keys[0]; paths++)
		if (value_at(entry, paths, &data))
			*out = number_of(&data);
}

/* What one database lacks another one may have. */
static void place_find(const struct enrich *e, struct place *place)
{
	enum { CODE = 2, LONGEST = 1024 };
	for (unsigned i = 0; i < e->count; i++) {
		MMDB_entry_s entry;
		const struct source *source = &e->sources[i];
		if (source->kind != DATABASE || !source->data || !database_lookup(source, &place->address, &entry))
			continue;
		take_text(&entry, countries, CODE, CODE, &place->country);
		take_text(&entry, country_names, CODE + 1, LONGEST, &place->country_name);
		take_text(&entry, cities, 1, LONGEST, &place->city);
		take_number(&entry, as_numbers, &place->asn);
		take_text(&entry, as_names, 1, LONGEST, &place->as_org);
	}
}

static const struct place *place_of(const struct enrich *e, const struct address *address)
{
	struct place *place = &e->places[hash_bytes(address, sizeof *address, 0) % LIMIT_PLACES];
	if (place->used && address_equal(&place->address, address))
		return place;
	*place = (struct place){.address = *address, .used = true};
	place_find(e, place);
	return place;
}

/* --- sources --------------------------------------------------------------------------------------------------- */

static struct stamp stamp_of(const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return (struct stamp){0};
	return (struct stamp){st.st_dev, st.st_ino, (uint64_t)st.st_size,
			      (uint64_t)st.st_mtim.tv_sec * TW_SECOND + (uint64_t)st.st_mtim.tv_nsec};
}

static bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static void *owners_take(const char *path, char *why)
{
	unsigned left_out = 0;
	struct owners *devices = owners_open(path, &left_out, why, WHY_MAX);
	if (devices && left_out)
		log_error("enrich: %s: %s; rows left out: %u", path, why, left_out);
	return devices;
}

static void *source_load(enum kind kind, const char *path, char *why)
{
	return kind == DATABASE ? database_open(path, why) : kind == VENDORS ? vendors_open(path, why, WHY_MAX) : owners_take(path, why);
}

static void source_unload(enum kind kind, void *data)
{
	if (!data)
		return;
	if (kind == DATABASE)
		database_close(data);
	else if (kind == VENDORS)
		vendors_close(data);
	else
		owners_close(data);
}

/* The new one is there before the old one goes. */
static bool source_take(struct source *source)
{
	char why[WHY_MAX] = "not enough memory";
	void *data = source_load(source->kind, source->path, why);
	if (!data) {
		log_error("enrich: %s: %s; %s", source->path, why, source->data ? "the old one stays in use" : "records go without it");
		return false;
	}
	source_unload(source->kind, source->data);
	source->data = data;
	return true;
}

static void source_look(struct enrich *e, struct source *source, bool now)
{
	struct stamp stamp = stamp_of(source->path);
	bool settled = now || stamp_equal(&stamp, &source->seen);
	source->seen = stamp;
	if (!settled || stamp_equal(&stamp, &source->taken))
		return;
	source->taken = stamp;
	if (source_take(source)) {
		log_note("enrich: %s was read anew", source->path);
		memset(e->places, 0, LIMIT_PLACES * sizeof *e->places);
	}
}

static void look_at_all(struct enrich *e, bool now)
{
	for (unsigned i = 0; i < e->count; i++)
		source_look(e, &e->sources[i], now);
}

void enrich_look(struct enrich *e)
{
	struct timespec now;
	if (!e->count)
		return;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_sec == e->looked_s)
		return;
	e->looked_s = now.tv_sec;
	look_at_all(e, false);
}

/* --- life ------------------------------------------------------------------------------------------------------ */

static void sources_close(struct source *sources, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		source_unload(sources[i].kind, sources[i].data);
		free(sources[i].path);
	}
	free(sources);
}

/* What the old configuration had read of this file is taken over. */
static bool source_add(struct enrich *e, enum kind kind, const char *path, struct source *old, unsigned old_count)
{
	struct source *source = &e->sources[e->count];
	*source = (struct source){.kind = kind, .path = strdup(path)};
	if (!source->path)
		return false;
	e->count++;
	for (unsigned i = 0; i < old_count; i++)
		if (old[i].path && old[i].kind == kind && strcmp(old[i].path, path) == 0) {
			free(source->path);
			*source = old[i];
			old[i] = (struct source){.path = NULL};
			return true;
		}
	source->taken = source->seen = stamp_of(path);
	(void)source_take(source);
	return true;
}

static bool take_networks(struct enrich *e, const struct config_enrich *config)
{
	arena_close(e->arena);
	prefixes_close(e->networks);
	e->arena = arena_open();
	e->networks = prefixes_open();
	e->network_names = arena_take(e->arena, (config->network_count + 1) * sizeof *e->network_names);
	bool good = e->networks != NULL;
	for (unsigned i = 0; good && i < config->network_count; i++) {
		const struct config_network *network = &config->networks[i];
		e->network_names[i] = arena_text(e->arena, network->name, strlen(network->name));
		good = prefixes_put(e->networks, &network->address, network->bits, i);
	}
	return good;
}

static bool configure(struct enrich *e, const struct config_enrich *config)
{
	struct source *old = e->sources;
	unsigned old_count = e->count, databases = 0;
	while (config->databases && config->databases[databases])
		databases++;
	e->count = 0;
	e->sources = calloc(databases + 2, sizeof *e->sources);
	bool good = e->sources && take_networks(e, config);
	for (unsigned i = 0; good && i < databases; i++)
		good = source_add(e, DATABASE, config->databases[i], old, old_count);
	if (good && config->vendors)
		good = source_add(e, VENDORS, config->vendors, old, old_count);
	if (good && config->devices)
		good = source_add(e, DEVICES, config->devices, old, old_count);
	sources_close(old, old_count);
	memset(e->places, 0, LIMIT_PLACES * sizeof *e->places);
	return good;
}

struct enrich *enrich_open(const struct config_enrich *config)
{
	struct enrich *e = calloc(1, sizeof *e);
	if (e)
		e->places = calloc(LIMIT_PLACES, sizeof *e->places);
	if (e && e->places && configure(e, config))
		return e;
	log_error("enrich: not enough memory");
	enrich_close(e);
	return NULL;
}

void enrich_close(struct enrich *e)
{
	if (!e)
		return;
	sources_close(e->sources, e->count);
	prefixes_close(e->networks);
	arena_close(e->arena);
	free(e->places);
	free(e);
}

void enrich_reload(struct enrich *e, const struct config_enrich *config)
{
	if (config && !configure(e, config))
		log_error("enrich: not enough memory for the new configuration");
	look_at_all(e, true);
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

static const void *data_of(const struct enrich *e, enum kind kind)
{
	for (unsigned i = 0; i < e->count; i++)
		if (e->sources[i].kind == kind)
			return e->sources[i].data;
	return NULL;
}

bool enrich_wants_macs(const struct enrich *e)
{
	for (unsigned i = 0; i < e->count; i++)
		if (e->sources[i].kind != DATABASE)
			return true;
	return false;
}

static void find_address(const struct enrich *e, const struct address *address, struct context_end *end)
{
	const struct place *place = place_of(e, address);
	unsigned bits = 128;
	uint32_t index;
	end->country = place->country;
	end->country_name = place->country_name;
	end->city = place->city;
	end->asn = place->asn;
	end->as_org = place->as_org;
	if (prefixes_find(e->networks, address, &bits, &index))
		end->network = slice_text(e->network_names[index]);
}

static void find_end(const struct enrich *e, struct owner_key key, const uint8_t mac[6], struct context_end *end)
{
	static const uint8_t none[6];
	const struct vendors *vendors = data_of(e, VENDORS);
	const struct owners *devices = data_of(e, DEVICES);
	*end = (struct context_end){.asn = 0};
	if (memcmp(mac, none, sizeof none) != 0)
		end->mac = key.mac = mac;
	if (address_known(key.address))
		find_address(e, key.address, end);
	else
		key.address = NULL;
	if (end->mac && vendors)
		end->mac_vendor = vendors_find(vendors, mac);
	if (devices) {
		struct owner device = owners_find(devices, &key);
		end->owner = device.owner;
		end->site = device.site;
	}
}

const struct context *enrich_find(struct enrich *e, const struct event *event)
{
	struct context *context = &e->context;
	if (!e->count && !prefixes_count(e->networks))
		return NULL;
	struct owner_key client = {&event->ends->client, NULL, name_slice(&event->session->client_id)};
	find_end(e, client, event->mac[0], &context->src);
	find_end(e, (struct owner_key){.address = &event->ends->server}, event->mac[1], &context->dest);
	return context_known(&context->src) || context_known(&context->dest) ? context : NULL;
}
