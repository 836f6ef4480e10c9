#include "config_fault.h"
#include "log.h"
#include <string.h>

/* The keys of each map of the file, for "did you mean" and "valid:". */
static const struct {
	const char *map; /* the key that holds it; "" for the whole file */
	const char *keys[40];
} maps[] = {
	{"", {"sensor", "filter", "salt", "home_net", "interfaces", "decode_as", "lists", "rules", "outputs", "journal", "enrich",
	      "stats", "logs", "listen", "state", "mappers", "fusion_tolerance_s", "limits", "ndpi"}},
	{"logs", {"path", "format", "time_zone", "time_format"}},
	{"lists", {"name", "values", "file"}},
	{"rules", {"paths", "overrides"}},
	{"overrides", {"rule", "level", "timespan", "threshold", "disabled"}},
	{"outputs", {"type", "format", "path", "address", "transport", "framing", "protocol", "facility", "level", "events", "tls", "url",
		     "proxy", "user", "token_file", "token_env", "token_header", "password_file", "password_env", "secret_file", "secret_env",
		     "index", "source", "sourcetype", "ack", "operation", "topic", "message_key", "sasl", "batch", "timeout", "gzip"}},
	{"tls", {"ca", "certificate", "key", "server_name", "verify"}},
	{"enrich", {"databases", "networks", "vendors", "devices"}},
	{"networks", {"network", "name"}},
	{"journal", {"path", "max_size", "max_age", "segment_size", "events", "sync"}},
	{"stats", {"file", "interval_s"}},
	{"limits", {"flows", "groups", "segments", "fragments", "memos"}},
};

/* libcyaml's words and ours. */
static const struct { const char *theirs, *ours; } words[] = {
	{"Expecting SEQUENCE", "a list is needed here: [a, b], or a line \"- a\" for each"},
	{"Expecting MAPPING", "keys are needed here: \"key: value\""},
	{"Expecting STRING", "a text is needed here"},
	{"Expecting BOOL", "true or false is needed here"},
	{"Expecting UINT", "a whole number is needed here"},
	{"Invalid UINT value: ", "is no whole number that fits: "},
	{"Invalid uint64_t value: ", "is no whole number: "},
	{"Mapping field already seen: ", "is there twice: "},
	{"Missing required mapping field: ", "before this, the item needs the key "},
};

void config_fault_hear(struct config_complaint *complaint, const char *format, va_list arguments)
{
	char text[256];
	vsnprintf(text, sizeof text, format, arguments);
	text[strcspn(text, "\n")] = 0;
	if (strncmp(text, "Load: ", 6) == 0) {
		if (!*complaint->what && strcmp(text + 6, "Backtrace:") != 0)
			snprintf(complaint->what, sizeof complaint->what, "%s", text + 6);
		return;
	}
	const char *place = strstr(text, "(line: ");
	if (place && !complaint->placed)
		complaint->placed = sscanf(place, "(line: %u, column: %u", &complaint->line, &complaint->column) == 2;
	const char *name = strstr(text, "mapping field '");
	if (name && complaint->fields < 2) {
		name = strchr(name, '\'') + 1;
		snprintf(complaint->field[complaint->fields++], sizeof complaint->field[0], "%.*s", (int)strcspn(name, "'"), name);
	}
}

/* libcyaml tells where the value before it stands. */
static const struct yaml_node *find_key(const struct yaml_node *node, const char *key)
{
	const struct yaml_node *found = NULL;
	for (unsigned i = 0; !found && node && node->kind != YAML_TEXT && i < node->count; i++) {
		if (node->kind == YAML_MAP && strcmp(node->keys[i]->text, key) == 0)
			return node->keys[i];
		found = find_key(node->items[i], key);
	}
	return found;
}

/* A secret that stands in the configuration ends up in backups and in tickets. What it is called elsewhere, and here. */
static const struct { const char *key, *instead; } secrets[] = {
	{"token", "token"}, {"api_key", "token"}, {"apikey", "token"}, {"password", "password"}, {"pass", "password"}, {"secret", "secret"}};

static const char *secret_instead(const char *key)
{
	for (unsigned i = 0; i < sizeof secrets / sizeof *secrets; i++)
		if (strcmp(secrets[i].key, key) == 0)
			return secrets[i].instead;
	return NULL;
}

bool config_fault_key(const char *path, unsigned line, unsigned column, const char *key, const char *within,
		      const char *const *valid)
{
	char all[1024] = "";
	for (unsigned k = 0, n = 0; valid[k]; k++)
		n += (unsigned)snprintf(all + n, sizeof all - n, "%s%s", k ? ", " : "", valid[k]);
	const char *near = log_nearest(key, valid);
	log_error("%s:%u:%u: unknown key %s%s%s; %s%s%svalid: %s", path, line, column, key, *within ? " in " : "", within,
		  near ? "did you mean " : "", near ? near : "", near ? "? " : "", all);
	return false;
}

static void report_key(const char *path, const struct config_complaint *complaint, const struct yaml_node *tree, const char *key)
{
	const struct yaml_node *at = find_key(tree, key);
	unsigned line = at ? at->line : complaint->line, column = at ? at->column : complaint->column;
	const char *map = complaint->fields ? complaint->field[0] : "", *secret = secret_instead(key);
	if (secret && strcmp(map, "outputs") == 0) {
		log_error("%s:%u:%u: %s: a secret does not stand in the configuration; valid: %s_file: FILE that holds it, or %s_env: "
			  "NAME of an environment variable", path, line, column, key, secret, secret);
		return;
	}
	for (unsigned i = 0; i < sizeof maps / sizeof *maps; i++) {
		if (strcmp(maps[i].map, map) != 0)
			continue;
		config_fault_key(path, line, column, key, map, maps[i].keys);
		return;
	}
	log_error("%s:%u:%u: unknown key %s", path, line, column, key);
}

void config_fault_report(const char *path, const struct config_complaint *complaint, const struct yaml_node *tree,
			 const char *otherwise)
{
	static const char unknown[] = "Unexpected key: ";
	const char *what = *complaint->what ? complaint->what : otherwise, *rest = "";
	if (strncmp(what, unknown, sizeof unknown - 1) == 0) {
		report_key(path, complaint, tree, what + sizeof unknown - 1);
		return;
	}
	for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
		size_t size = strlen(words[i].theirs);
		if (strncmp(what, words[i].theirs, size) != 0)
			continue;
		rest = words[i].theirs[size - 1] == ' ' ? what + size : "";
		what = words[i].ours;
		break;
	}
	const char *key = complaint->fields ? complaint->field[0] : "";
	log_error("%s:%u:%u: %s%s%s%s", path, complaint->line, complaint->column, key, *key ? ": " : "", what, rest);
}

bool config_fault_value(const char *path, const struct yaml_node *at, const char *key, const char *value, const char *valid)
{
	return config_fault_at(path, at, key, "\"%s\" is not valid; valid: %s", value, valid);
}

bool config_fault_at(const char *path, const struct yaml_node *at, const char *key, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	log_error("%s:%u:%u: %s: %s", path, at ? at->line : 1, at ? at->column : 1, key, text);
	return false;
}
