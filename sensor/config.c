#include "config.h"
#include "lists.h"
#include "log.h"
#include "../outputs/output.h"
#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* --- the file's shape ---------------------------------------------------------------------------------------- */

/* A list: its values inline, or the file that holds them, one a line. */
struct file_list {
	char *name, *file;
	char **values;
	unsigned values_count;
};

struct file_override {
	char *rule, *level, *timespan;
	bool *disabled;
	uint32_t *threshold;
};

struct file_rules {
	char **paths;
	unsigned paths_count;
	struct file_override *overrides;
	unsigned overrides_count;
};

struct file_output {
	char *type, *format, *path, *address, *transport, *framing, *facility, *level;
	bool events;
};

struct file_limits {
	uint32_t flows, groups, segments, fragments, memos;
};

struct file_config {
	char *sensor, *filter, *salt;
	char **home_net, **interfaces, **decode_as;
	unsigned home_net_count, interfaces_count, decode_as_count;
	struct file_list *lists;
	unsigned lists_count;
	struct file_rules *rules;
	struct file_output *outputs;
	unsigned outputs_count;
	struct file_limits *limits;
	bool *ndpi;
};

#define OPTIONAL_TEXT(key, type, member) \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 0, CYAML_UNLIMITED)
#define TEXT(key, type, member) CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, CYAML_UNLIMITED)
#define TEXTS(key, type, member) \
	CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, &text_schema, 0, 65536)

static const cyaml_schema_value_t text_schema = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED)};

static const cyaml_schema_field_t list_fields[] = {
	TEXT("name", struct file_list, name), OPTIONAL_TEXT("file", struct file_list, file),
	TEXTS("values", struct file_list, values), CYAML_FIELD_END};
static const cyaml_schema_value_t list_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_list, list_fields)};

static const cyaml_schema_field_t override_fields[] = {
	TEXT("rule", struct file_override, rule),
	OPTIONAL_TEXT("level", struct file_override, level),
	OPTIONAL_TEXT("timespan", struct file_override, timespan),
	CYAML_FIELD_BOOL_PTR("disabled", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_override, disabled),
	CYAML_FIELD_UINT_PTR("threshold", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_override, threshold),
	CYAML_FIELD_END};
static const cyaml_schema_value_t override_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_override, override_fields)};

static const cyaml_schema_field_t rules_fields[] = {
	TEXTS("paths", struct file_rules, paths),
	CYAML_FIELD_SEQUENCE("overrides", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_rules, overrides, &override_schema,
			     0, 65536),
	CYAML_FIELD_END};

static const cyaml_schema_field_t output_fields[] = {
	TEXT("type", struct file_output, type), OPTIONAL_TEXT("format", struct file_output, format),
	OPTIONAL_TEXT("path", struct file_output, path), OPTIONAL_TEXT("address", struct file_output, address),
	OPTIONAL_TEXT("transport", struct file_output, transport), OPTIONAL_TEXT("framing", struct file_output, framing),
	OPTIONAL_TEXT("facility", struct file_output, facility), OPTIONAL_TEXT("level", struct file_output, level),
	CYAML_FIELD_BOOL("events", CYAML_FLAG_OPTIONAL, struct file_output, events), CYAML_FIELD_END};
static const cyaml_schema_value_t output_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_output, output_fields)};

#define LIMIT(name) CYAML_FIELD_UINT(#name, CYAML_FLAG_OPTIONAL, struct file_limits, name)
static const cyaml_schema_field_t limits_fields[] = {LIMIT(flows), LIMIT(groups), LIMIT(segments), LIMIT(fragments),
						     LIMIT(memos), CYAML_FIELD_END};

static const cyaml_schema_field_t config_fields[] = {
	OPTIONAL_TEXT("sensor", struct file_config, sensor),
	OPTIONAL_TEXT("filter", struct file_config, filter),
	OPTIONAL_TEXT("salt", struct file_config, salt),
	TEXTS("home_net", struct file_config, home_net),
	TEXTS("interfaces", struct file_config, interfaces),
	TEXTS("decode_as", struct file_config, decode_as),
	CYAML_FIELD_SEQUENCE("lists", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_config, lists, &list_schema, 0, 1024),
	CYAML_FIELD_MAPPING_PTR("rules", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_config, rules, rules_fields),
	CYAML_FIELD_SEQUENCE("outputs", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_config, outputs, &output_schema, 0, 64),
	CYAML_FIELD_MAPPING_PTR("limits", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_config, limits, limits_fields),
	CYAML_FIELD_BOOL_PTR("ndpi", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_config, ndpi),
	CYAML_FIELD_END};
static const cyaml_schema_value_t config_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file_config, config_fields)};

/* --- faults -------------------------------------------------------------------------------------------------- */

/* libcyaml tells what is wrong in one message and where in a trace of others, innermost first: the first of each is kept. */
struct complaint {
	char what[256], where[256];
};

static void complain(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
	struct complaint *complaint = context;
	char line[256];
	(void)level;
	vsnprintf(line, sizeof line, format, arguments);
	line[strcspn(line, "\n")] = 0;
	const char *text = strncmp(line, "Load: ", 6) == 0 ? line + 6 : line;
	const char *at = strstr(text, "(line: ");
	if (at && !*complaint->where)
		snprintf(complaint->where, sizeof complaint->where, "%s", text);
	else if (!at && !*complaint->what && strcmp(text, "Backtrace:") != 0)
		snprintf(complaint->what, sizeof complaint->what, "%s", text);
}

static const char *const known_keys[] = {"sensor", "filter", "salt", "home_net", "interfaces", "decode_as", "lists", "rules",
	"outputs", "limits", "ndpi", "name", "file", "values", "rule", "level", "timespan", "disabled", "threshold", "paths",
	"overrides", "type", "format", "path", "address", "transport", "framing", "facility", "events", "flows", "groups", "segments",
	"fragments", "memos", NULL};

static void report(const char *path, const struct complaint *complaint, cyaml_err_t error)
{
	unsigned line = 0, column = 0;
	char key[64] = "";
	const char *at = strstr(complaint->where, "(line: ");
	if (at)
		sscanf(at, "(line: %u, column: %u", &line, &column);
	const char *quoted = strchr(complaint->where, '\'');
	if (quoted)
		snprintf(key, sizeof key, "%.*s", (int)strcspn(quoted + 1, "'"), quoted + 1);
	const char *colon = strrchr(complaint->what, ':');
	const char *word = colon && error == CYAML_ERR_INVALID_KEY ? colon + 2 : NULL;
	const char *near = word ? log_nearest(word, known_keys) : NULL;
	log_error("%s:%u:%u: %s%s%s%s%s", path, line, column, *key ? key : "", *key ? ": " : "",
		  *complaint->what ? complaint->what : cyaml_strerror(error), near ? "; did you mean " : "", near ? near : "");
}

static bool wrong(const char *path, const char *key, const char *value, const char *valid)
{
	log_error("%s: %s: \"%s\" is not valid; valid: %s", path, key, value, valid);
	return false;
}

/* --- from the file to the program ---------------------------------------------------------------------------- */

struct loaded {
	struct config config; /* first: config_free() is given its address */
	struct file_config *file;
};

static const cyaml_config_t quiet = {.log_level = CYAML_LOG_ERROR, .mem_fn = cyaml_mem};

static const char *const *copy_texts(char **items, unsigned count)
{
	const char **copy = calloc(count + 1, sizeof *copy);
	for (unsigned i = 0; copy && i < count; i++)
		copy[i] = items[i];
	return copy;
}

static const char *const *read_list_file(const char *config_path, const char *name, const char *path)
{
	char line[1024];
	unsigned count = 0;
	const char **values = NULL;
	FILE *file = fopen(path, "r");
	if (!file) {
		log_error("%s: list %s: %s: %s", config_path, name, path, strerror(errno));
		return NULL;
	}
	values = calloc(1, sizeof *values);
	while (values && fgets(line, sizeof line, file)) {
		line[strcspn(line, "\r\n#")] = 0;
		size_t size = strlen(line);
		while (size && (line[size - 1] == ' ' || line[size - 1] == '\t'))
			line[--size] = 0;
		if (!size)
			continue;
		const char **more = realloc(values, (count + 2) * sizeof *values);
		if (!more)
			break;
		values = more;
		values[count++] = strdup(line);
		values[count] = NULL;
	}
	fclose(file);
	return values;
}

static struct rule_list *list_slot(struct config *config, const char *name)
{
	for (unsigned i = 0; i < config->list_count; i++)
		if (strcmp(config->lists[i].name, name) == 0)
			return &config->lists[i];
	config->lists[config->list_count].name = name;
	return &config->lists[config->list_count++];
}

static bool take_lists(struct config *config, const struct file_config *file)
{
	bool good = true;
	for (unsigned i = 0; i < file->lists_count; i++) {
		const struct file_list *from = &file->lists[i];
		struct rule_list *to = list_slot(config, from->name);
		to->values = from->file ? read_list_file(config->path, from->name, from->file)
					: copy_texts(from->values, from->values_count);
		good = to->values && good;
	}
	if (file->home_net_count)
		list_slot(config, "home_net")->values = copy_texts(file->home_net, file->home_net_count);
	return good;
}

static bool take_overrides(struct config *config, const struct file_rules *rules)
{
	if (!rules)
		return true;
	config->rule_paths = copy_texts(rules->paths, rules->paths_count);
	config->overrides = calloc(rules->overrides_count + 1, sizeof *config->overrides);
	for (unsigned i = 0; config->overrides && i < rules->overrides_count; i++) {
		const struct file_override *from = &rules->overrides[i];
		bool level = !from->level;
		for (unsigned l = 0; !level && level_name(l); l++)
			level = strcmp(level_name(l), from->level) == 0;
		if (!level)
			return wrong(config->path, "rules.overrides.level", from->level, "informational, low, medium, high, critical");
		config->overrides[config->override_count++] = (struct rule_override){
			.rule = from->rule, .disabled = from->disabled && *from->disabled, .level = from->level,
			.threshold = from->threshold ? (int64_t)*from->threshold : -1, .timespan = from->timespan};
	}
	return true;
}

static bool output_valid(const char *path, const struct file_output *o)
{
	if (!output_find(o->type))
		return wrong(path, "outputs.type", o->type, output_names());
	if (o->format && !format_find(o->format))
		return wrong(path, "outputs.format", o->format, format_names());
	if (o->transport && strcmp(o->transport, "udp") != 0 && strcmp(o->transport, "tcp") != 0)
		return wrong(path, "outputs.transport", o->transport, "udp, tcp");
	if (o->framing && strcmp(o->framing, "octet-counting") != 0 && strcmp(o->framing, "newline") != 0)
		return wrong(path, "outputs.framing", o->framing, "octet-counting, newline");
	for (unsigned l = 0; o->level && level_name(l); l++)
		if (strcmp(level_name(l), o->level) == 0)
			return true;
	return !o->level || wrong(path, "outputs.level", o->level, "informational, low, medium, high, critical");
}

static bool take_outputs(struct config *config, const struct file_config *file)
{
	config->outputs = calloc(file->outputs_count + 1, sizeof *config->outputs);
	for (unsigned i = 0; config->outputs && i < file->outputs_count; i++) {
		const struct file_output *o = &file->outputs[i];
		if (!output_valid(config->path, o))
			return false;
		config->outputs[config->output_count++] = (struct config_output){
			.type = o->type, .format = o->format, .path = o->path, .address = o->address, .transport = o->transport,
			.framing = o->framing, .facility = o->facility, .level = o->level, .events = o->events, .append = true};
	}
	return true;
}

static bool take_decode_as(struct config *config, const struct file_config *file)
{
	config->decode_as = calloc(file->decode_as_count + 1, sizeof *config->decode_as);
	for (unsigned i = 0; config->decode_as && i < file->decode_as_count; i++)
		if (!classify_decode_as(file->decode_as[i], &config->decode_as[config->decode_as_count++]))
			return wrong(config->path, "decode_as", file->decode_as[i], "tcp.port==N,mqtt");
	return true;
}

static bool take_limit(const char *path, const char *key, uint32_t given, uint32_t most, uint32_t *limit)
{
	char valid[64];
	if (!given)
		return true;
	*limit = given;
	if (given >= 16 && given <= most)
		return true;
	char value[16];
	snprintf(value, sizeof value, "%u", given);
	snprintf(valid, sizeof valid, "16 to %u", most);
	return wrong(path, key, value, valid);
}

static bool take_limits(struct config *config, const struct file_limits *limits)
{
	return !limits || (take_limit(config->path, "limits.flows", limits->flows, 1u << 24, &config->limit_flows) &&
			   take_limit(config->path, "limits.groups", limits->groups, 1u << 26, &config->limit_groups) &&
			   take_limit(config->path, "limits.segments", limits->segments, 1u << 22, &config->limit_segments) &&
			   take_limit(config->path, "limits.fragments", limits->fragments, 1u << 16, &config->limit_fragments) &&
			   take_limit(config->path, "limits.memos", limits->memos, 1u << 22, &config->limit_memos));
}

static struct loaded *loaded_new(unsigned more_lists)
{
	struct loaded *loaded = calloc(1, sizeof *loaded);
	if (!loaded)
		abort();
	struct config *config = &loaded->config;
	config->ndpi = true;
	config->limit_flows = LIMIT_FLOWS;
	config->limit_groups = LIMIT_GROUPS;
	config->limit_segments = LIMIT_SEGMENTS;
	config->limit_fragments = LIMIT_FRAGMENTS;
	config->limit_memos = LIMIT_MEMOS;
	config->lists = calloc(built_in_list_count + more_lists + 1, sizeof *config->lists);
	if (!config->lists)
		abort();
	memcpy(config->lists, built_in_lists, built_in_list_count * sizeof *config->lists);
	config->list_count = built_in_list_count;
	return loaded;
}

struct config *config_default(void)
{
	return &loaded_new(0)->config;
}

struct config *config_load(const char *path)
{
	struct file_config *file = NULL;
	struct complaint complaint = {"", ""};
	cyaml_config_t how = quiet;
	how.log_fn = complain;
	how.log_ctx = &complaint;
	cyaml_err_t error = cyaml_load_file(path, &how, &config_schema, (cyaml_data_t **)&file, NULL);
	if (error == CYAML_ERR_FILE_OPEN) {
		log_error("%s: %s", path, strerror(errno));
		return NULL;
	}
	if (error != CYAML_OK) {
		report(path, &complaint, error);
		return NULL;
	}
	static struct file_config nothing; /* an empty file asks for the defaults */
	struct file_config *given = file;
	file = file ? file : &nothing;
	struct loaded *loaded = loaded_new(file->lists_count + 1);
	struct config *config = &loaded->config;
	loaded->file = given;
	config->path = path;
	config->sensor_name = file->sensor;
	config->filter = file->filter;
	config->salt = file->salt;
	config->interfaces = copy_texts(file->interfaces, file->interfaces_count);
	config->ndpi = !file->ndpi || *file->ndpi;
	bool good = take_lists(config, file);
	good = take_overrides(config, file->rules) && good;
	good = take_outputs(config, file) && good;
	good = take_decode_as(config, file) && good;
	good = take_limits(config, file->limits) && good;
	if (good)
		return config;
	config_free(config);
	return NULL;
}

void config_free(struct config *config)
{
	struct loaded *loaded = (struct loaded *)config;
	if (!loaded)
		return;
	/* List values that were read from files live as long as the process: rules may hold them. */
	free(config->lists);
	free(config->outputs);
	free(config->overrides);
	free(config->decode_as);
	free((void *)(uintptr_t)config->rule_paths);
	free((void *)(uintptr_t)config->interfaces);
	if (loaded->file)
		cyaml_free(&quiet, &config_schema, loaded->file, 0);
	free(loaded);
}
