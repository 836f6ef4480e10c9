#include "config_journal.h"
#include <stdlib.h>
#include <string.h>

static const struct unit { const char *name; uint64_t factor; }
	sizes[] = {{"", 1}, {"K", 1ull << 10}, {"M", 1ull << 20}, {"G", 1ull << 30}, {NULL, 0}},
	ages[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {NULL, 0}};

/* A whole number and its unit. */
static bool quantity(const char *text, const struct unit *units, uint64_t most, uint64_t *out)
{
	char *end;
	if (*text < '0' || *text > '9' || strlen(text) > 15)
		return false;
	uint64_t number = strtoull(text, &end, 10);
	for (; units->name; units++)
		if (strcmp(end, units->name) == 0) {
			*out = number * units->factor;
			return number <= most / units->factor;
		}
	return false;
}

struct taking {
	const char *path;
	const struct yaml_node *at;
	bool good;
};

static void take(struct taking *t, const char *key, const char *value, const struct unit *units, uint64_t least, uint64_t most,
		 const char *valid, uint64_t *out)
{
	if (value && (!quantity(value, units, most, out) || *out < least))
		t->good = config_fault_value(t->path, yaml_get(t->at, key), key, value, valid);
}

static void take_sync(struct taking *t, const char *value, enum journal_sync *out)
{
	static const char *const names[] = {"never", "interval", "always"};
	for (unsigned i = 0; value && i < 3; i++)
		if (strcmp(names[i], value) == 0) {
			*out = i;
			return;
		}
	if (value)
		t->good = config_fault_value(t->path, yaml_get(t->at, "sync"), "sync", value, "never, interval, always");
}

bool config_journal_take(const struct file_journal *from, const char *path, const char *config_path, const struct yaml_node *at,
			 struct config_journal *out)
{
	struct taking t = {config_path, at, true};
	*out = (struct config_journal){.path = path, .max_bytes = 256u << 20, .segment_bytes = 8u << 20, .max_age_s = 7 * 86400,
				       .sync = JOURNAL_SYNC_INTERVAL, .events = from->events};
	take(&t, "segment_size", from->segment_size, sizes, 1 << 20, 1u << 30, "1M to 1G", &out->segment_bytes);
	take(&t, "max_size", from->max_size, sizes, 2 << 20, 1ull << 40, "2M to 1024G", &out->max_bytes);
	take(&t, "max_age", from->max_age, ages, 60, 3650ull * 86400, "a number with s, m, h or d: 1m to 3650d", &out->max_age_s);
	take_sync(&t, from->sync, &out->sync);
	if (t.good && !from->segment_size && out->segment_bytes > out->max_bytes / 4)
		out->segment_bytes = out->max_bytes / 4 > 1 << 20 ? out->max_bytes / 4 : 1 << 20;
	uint64_t segments = out->max_bytes / out->segment_bytes;
	if (t.good && !from->segment_size && segments > LIMIT_JOURNAL_SEGMENTS / 2)
		out->segment_bytes = out->max_bytes / (LIMIT_JOURNAL_SEGMENTS / 2);
	else if (t.good && (segments < 2 || segments > LIMIT_JOURNAL_SEGMENTS / 2))
		t.good = config_fault_at(config_path, yaml_get(at, "segment_size"), "segment_size",
					 "max_size must hold 2 to %u segments", LIMIT_JOURNAL_SEGMENTS / 2);
	return t.good;
}
