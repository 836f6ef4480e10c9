#include "config.h"
#include "arena.h"
#include "config_changes.h"
#include "config_file.h"
#include "config_journal.h"
#include "config_mapper.h"
#include "lists.h"
#include "log_formats.h"
#include "yaml_tree.h"
#include "../outputs/output.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct loaded {
	struct config config; /* first: config_free() is given its address */
	struct file_config *file;
	struct arena *arena;  /* paths, places, values of lists that are files */
	const struct yaml_node *tree; /* where each key stands; only while loading */
};

static const char *const level_choices = "informational, low, medium, high, critical";

static const char *const network_choices = "an address or a network such as 10.0.0.0/8 or fd00::/8";

static bool wrong(const struct loaded *loaded, const struct yaml_node *at, const char *key, const char *value, const char *valid)
{
	return config_fault_value(loaded->config.path, at, key, value, valid);
}

static bool level_known(const char *name)
{
	for (unsigned l = 0; name && level_name(l); l++)
		if (strcmp(level_name(l), name) == 0)
			return true;
	return !name;
}

/* libcyaml takes any text for a boolean. */
static bool bool_valid(const struct loaded *loaded, const struct yaml_node *map, const char *key)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on", "off", NULL};
	const struct yaml_node *node = yaml_get(map, key);
	return !node || config_one_of(node->text, words) || wrong(loaded, node, key, node->text, "true, false");
}

/* Paths in the file are seen from where the file is, not from where the sensor was started. */
static const char *path_of(struct loaded *loaded, const char *path)
{
	const char *slash = strrchr(loaded->config.path, '/');
	if (!path || *path == '/' || !slash || strcmp(path, "-") == 0)
		return path;
	size_t folder = (size_t)(slash - loaded->config.path) + 1, size = strlen(path);
	char *joined = arena_take(loaded->arena, folder + size + 1);
	memcpy(joined, loaded->config.path, folder);
	memcpy(joined + folder, path, size);
	return joined;
}

static const char *place_of(struct loaded *loaded, const struct yaml_node *node)
{
	char place[1200];
	int n = snprintf(place, sizeof place, "%.1024s:%u:%u", loaded->config.path, node ? node->line : 1, node ? node->column : 1);
	return arena_text(loaded->arena, place, (size_t)n);
}

static const struct yaml_node *item_of(const struct yaml_node *list, unsigned index)
{
	return list && index < list->count ? list->items[index] : NULL;
}

static const char *const *copy_texts(struct loaded *loaded, char **items, unsigned count)
{
	const char **copy = arena_take(loaded->arena, (count + 1) * sizeof *copy);
	for (unsigned i = 0; i < count; i++)
		copy[i] = items[i];
	return copy;
}

/* One value a line; what follows a # is a comment, unless the # is within a word. */
static char *list_line(char *line)
{
	line += strspn(line, " \t");
	line[strcspn(line, "\r\n")] = 0;
	for (char *hash = strchr(line, '#'); hash; hash = strchr(hash + 1, '#'))
		if (hash == line || hash[-1] == ' ' || hash[-1] == '\t')
			*hash-- = 0;
	size_t size = strlen(line);
	while (size && (line[size - 1] == ' ' || line[size - 1] == '\t'))
		line[--size] = 0;
	return line;
}

static const char *const *read_list_file(struct loaded *loaded, const struct yaml_node *at, const char *path)
{
	char *line = NULL;
	size_t room = 0, count = 0, capacity = 64;
	FILE *file = fopen(path, "r");
	if (!file || fgetc(file) == EOF) { /* a folder opens, and cannot be read */
		if (!file || ferror(file)) {
			config_fault_at(loaded->config.path, at, "file", "%s: %s", path, strerror(errno));
			if (file)
				fclose(file);
			return NULL;
		}
	}
	rewind(file);
	const char **values = arena_take(loaded->arena, capacity * sizeof *values);
	while (getline(&line, &room, file) >= 0) {
		const char *value = list_line(line);
		if (!*value)
			continue;
		if (count + 1 == capacity) {
			const char **more = arena_take(loaded->arena, 2 * capacity * sizeof *values);
			memcpy(more, values, capacity * sizeof *values);
			values = more;
			capacity *= 2;
		}
		values[count++] = arena_text(loaded->arena, value, strlen(value));
	}
	free(line);
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

static bool network_valid(const char *text)
{
	struct address address;
	unsigned bits;
	return address_parse_network(text, &address, &bits);
}

static bool take_lists(struct loaded *loaded)
{
	const struct file_config *file = loaded->file;
	struct config *config = &loaded->config;
	bool good = true;
	for (unsigned i = 0; i < file->lists_count; i++) {
		const struct file_list *from = &file->lists[i];
		const struct yaml_node *at = item_of(yaml_get(loaded->tree, "lists"), i);
		struct rule_list *to = list_slot(config, from->name);
		if (!yaml_get(at, "file") == !yaml_get(at, "values")) {
			good = config_fault_at(config->path, at, "lists", "list %s needs either `values` or `file`", from->name);
			continue;
		}
		to->values = from->file ? read_list_file(loaded, yaml_get(at, "file"), path_of(loaded, from->file))
					: copy_texts(loaded, from->values, from->values_count);
		good = to->values && good;
	}
	for (unsigned i = 0; i < file->home_net_count; i++)
		if (!network_valid(file->home_net[i]))
			good = wrong(loaded, item_of(yaml_get(loaded->tree, "home_net"), i), "home_net", file->home_net[i], network_choices);
	if (file->home_net_count)
		config->home_net = list_slot(config, "home_net")->values = copy_texts(loaded, file->home_net, file->home_net_count);
	return good;
}

static bool take_override(struct loaded *loaded, const struct file_override *from, const struct yaml_node *at)
{
	struct config *config = &loaded->config;
	if (!level_known(from->level))
		return wrong(loaded, yaml_get(at, "level"), "level", from->level, level_choices);
	if (from->threshold && *from->threshold == 0)
		return wrong(loaded, yaml_get(at, "threshold"), "threshold", "0", "1 or more");
	config->overrides[config->override_count++] = (struct rule_override){
		.rule = from->rule,
		.disabled = from->disabled && *from->disabled,
		.level = from->level,
		.threshold = from->threshold ? (int64_t)*from->threshold : -1,
		.timespan = from->timespan,
		.place = place_of(loaded, at)};
	return bool_valid(loaded, at, "disabled");
}

static bool take_rules(struct loaded *loaded)
{
	const struct file_rules *rules = loaded->file->rules;
	const struct yaml_node *tree = yaml_get(loaded->tree, "rules");
	struct config *config = &loaded->config;
	bool good = true;
	if (!rules)
		return true;
	const char **paths = arena_take(loaded->arena, (rules->paths_count + 1) * sizeof *paths);
	for (unsigned i = 0; i < rules->paths_count; i++) {
		paths[i] = path_of(loaded, rules->paths[i]);
		if (access(paths[i], R_OK) != 0)
			good = config_fault_at(config->path, item_of(yaml_get(tree, "paths"), i), "paths", "%s: %s", paths[i],
					       strerror(errno));
	}
	config->rule_paths = paths;
	config->overrides = arena_take(loaded->arena, (rules->overrides_count + 1) * sizeof *config->overrides);
	for (unsigned i = 0; i < rules->overrides_count; i++)
		good = take_override(loaded, &rules->overrides[i], item_of(yaml_get(tree, "overrides"), i)) && good;
	return good;
}

/* Each type has keys of its own; one of another type would be ignored in silence. */
static bool output_keys_valid(const struct loaded *loaded, const char *type, const struct yaml_node *at)
{
	const struct output *output = output_find(type);
	char within[64];
	bool good = true;
	snprintf(within, sizeof within, "outputs of type %s", type);
	for (unsigned i = 0; output && i < at->count; i++) {
		const struct yaml_node *key = at->keys[i];
		if (!config_one_of(key->text, output->keys))
			good = config_fault_key(loaded->config.path, key->line, key->column, key->text, within, output->keys);
	}
	return good;
}

static bool output_valid(const struct loaded *loaded, const struct file_output *o, const struct yaml_node *at)
{
	static const char *const transports[] = {"udp", "tcp", "tls", "unix", NULL}, *const framings[] = {"octet-counting", "newline", NULL};
	static const char *const protocols[] = {"rfc5424", "rfc3164", NULL};
	if (!output_find(o->type))
		return wrong(loaded, yaml_get(at, "type"), "type", o->type, output_names());
	if (o->format && !format_find(o->format))
		return wrong(loaded, yaml_get(at, "format"), "format", o->format, format_names());
	if (!config_one_of(o->transport, transports))
		return wrong(loaded, yaml_get(at, "transport"), "transport", o->transport, "udp, tcp, tls, unix");
	if (!config_one_of(o->protocol, protocols))
		return wrong(loaded, yaml_get(at, "protocol"), "protocol", o->protocol, "rfc5424, rfc3164");
	if (!config_one_of(o->framing, framings))
		return wrong(loaded, yaml_get(at, "framing"), "framing", o->framing, "octet-counting, newline");
	if (!level_known(o->level))
		return wrong(loaded, yaml_get(at, "level"), "level", o->level, level_choices);
	if (o->batch && (*o->batch == 0 || *o->batch > LIMIT_BATCH))
		return wrong(loaded, yaml_get(at, "batch"), "batch", yaml_get(at, "batch")->text, "1 to 1000");
	if (o->timeout && (*o->timeout == 0 || *o->timeout > LIMIT_SEND_S - 5))
		return wrong(loaded, yaml_get(at, "timeout"), "timeout", yaml_get(at, "timeout")->text, "1 to 25, seconds");
	return bool_valid(loaded, at, "events") && bool_valid(loaded, at, "ack") && bool_valid(loaded, at, "gzip");
}

static struct config_tls tls_of(struct loaded *loaded, const struct file_tls *from)
{
	struct config_tls tls = {.on = from != NULL, .verify = true};
	if (!from)
		return tls;
	tls.verify = !from->verify || *from->verify;
	tls.ca = path_of(loaded, from->ca);
	tls.certificate = path_of(loaded, from->certificate);
	tls.key = path_of(loaded, from->key);
	tls.server_name = from->server_name;
	return tls;
}

/* Files that are named must be there at start: what is wrong is said now, not at the first alert. */
static bool tls_valid(const struct loaded *loaded, const struct config_tls *tls, const struct yaml_node *at)
{
	const char *const keys[] = {"ca", "certificate", "key"}, *const paths[] = {tls->ca, tls->certificate, tls->key};
	if (!tls->certificate != !tls->key)
		return config_fault_at(loaded->config.path, at, "tls", "`certificate` and `key` need each other");
	for (unsigned i = 0; i < 3; i++)
		if (paths[i] && access(paths[i], R_OK) != 0)
			return config_fault_at(loaded->config.path, yaml_get(at, keys[i]), keys[i], "%s: %s", paths[i], strerror(errno));
	return bool_valid(loaded, at, "verify");
}

/* What receivers elsewhere need to know. */
static void take_remote(struct loaded *loaded, const struct file_output *o, struct config_output *to)
{
	to->url = o->url;
	to->proxy = o->proxy;
	to->user = o->user;
	to->token_header = o->token_header;
	to->token = (struct config_secret){path_of(loaded, o->token_file), o->token_env};
	to->password = (struct config_secret){path_of(loaded, o->password_file), o->password_env};
	to->secret = (struct config_secret){path_of(loaded, o->secret_file), o->secret_env};
	to->index = o->index;
	to->source = o->source;
	to->sourcetype = o->sourcetype;
	to->operation = o->operation;
	to->topic = o->topic;
	to->message_key = o->message_key;
	to->sasl = o->sasl;
	to->batch = o->batch ? *o->batch : 0;
	to->timeout_s = o->timeout ? *o->timeout : 0;
	to->ack = o->ack;
	to->plain = o->gzip && !*o->gzip;
	to->gzip = o->gzip && *o->gzip;
}

static bool take_outputs(struct loaded *loaded)
{
	const struct file_config *file = loaded->file;
	struct config *config = &loaded->config;
	bool good = true;
	config->outputs = arena_take(loaded->arena, (file->outputs_count + 1) * sizeof *config->outputs);
	for (unsigned i = 0; i < file->outputs_count; i++) {
		const struct file_output *o = &file->outputs[i];
		const struct yaml_node *at = item_of(yaml_get(loaded->tree, "outputs"), i);
		struct config_output *to = &config->outputs[config->output_count++];
		*to = (struct config_output){
			.type = o->type, .format = o->format, .path = path_of(loaded, o->path), .address = o->address,
			.transport = o->transport, .framing = o->framing, .protocol = o->protocol, .facility = o->facility, .sensor = file->sensor, .level = o->level,
			.tls = tls_of(loaded, o->tls), .place = place_of(loaded, at), .events = o->events, .append = true};
		take_remote(loaded, o, to);
		if (!o->format && output_find(o->type))
			to->format = output_find(o->type)->format;
		good = tls_valid(loaded, &to->tls, yaml_get(at, "tls")) && good;
		good = output_keys_valid(loaded, o->type, at) && output_valid(loaded, o, at) &&
		       (!output_find(o->type)->check || output_find(o->type)->check(to)) && good;
	}
	return good;
}

static bool take_journal(struct loaded *loaded)
{
	const struct file_journal *from = loaded->file->journal;
	const struct yaml_node *at = yaml_get(loaded->tree, "journal");
	if (!from)
		return true;
	bool good = config_journal_take(from, path_of(loaded, from->path), loaded->config.path, at, &loaded->config.journal);
	return bool_valid(loaded, at, "events") && good;
}

static bool take_stats(struct loaded *loaded)
{
	const struct file_stats *from = loaded->file->stats;
	const struct yaml_node *at = yaml_get(yaml_get(loaded->tree, "stats"), "interval_s");
	struct config_stats *stats = &loaded->config.stats;
	if (!from)
		return true;
	*stats = (struct config_stats){path_of(loaded, from->file), from->interval_s ? *from->interval_s : 15};
	return (stats->interval_s >= 1 && stats->interval_s <= 3600) || wrong(loaded, at, "interval_s", at->text, "1 to 3600");
}

static bool log_format_valid(const struct loaded *loaded, const struct yaml_node *at, const char *name)
{
	char valid[1024];
	size_t n = 0;
	for (unsigned i = 0; i < loaded->config.mapper_count; i++) {
		if (strcmp(config_mapper_name(&loaded->config, i), name) == 0)
			return true;
		n += (size_t)snprintf(valid + n, n < sizeof valid ? sizeof valid - n : 0, "%s, ", config_mapper_name(&loaded->config, i));
		n = n < sizeof valid ? n : sizeof valid - 1;
	}
	snprintf(valid + n, sizeof valid - n, "%s", log_format_names());
	return log_format_named(name) || wrong(loaded, at, "format", name, valid);
}

static bool take_logs(struct loaded *loaded)
{
	const struct file_config *file = loaded->file;
	struct config *config = &loaded->config;
	bool good = true;
	config->logs = arena_take(loaded->arena, (file->logs_count + 1) * sizeof *config->logs);
	for (unsigned i = 0; i < file->logs_count; i++) {
		const struct file_log *from = &file->logs[i];
		const struct yaml_node *at = item_of(yaml_get(loaded->tree, "logs"), i);
		config->logs[config->log_count++] = (struct log_input){path_of(loaded, from->path), from->format, from->time_zone,
								       from->time_format};
		if (from->format)
			good = log_format_valid(loaded, yaml_get(at, "format"), from->format) && good;
	}
	config->listen = copy_texts(loaded, file->listen, file->listen_count);
	config->state = path_of(loaded, file->state);
	return good;
}

/* Whether the files are there is no matter of the configuration: they may come later. */
static bool take_enrich(struct loaded *loaded)
{
	const struct file_enrich *file = loaded->file->enrich;
	struct config_enrich *enrich = &loaded->config.enrich;
	bool good = true;
	if (!file)
		return true;
	const char **databases = arena_take(loaded->arena, (file->databases_count + 1) * sizeof *databases);
	for (unsigned i = 0; i < file->databases_count; i++)
		databases[i] = path_of(loaded, file->databases[i]);
	struct config_network *networks = arena_take(loaded->arena, (file->networks_count + 1) * sizeof *networks);
	for (unsigned i = 0; i < file->networks_count; i++) {
		const struct yaml_node *at = item_of(yaml_get(yaml_get(loaded->tree, "enrich"), "networks"), i);
		networks[i].name = file->networks[i].name;
		if (!address_parse_network(file->networks[i].network, &networks[i].address, &networks[i].bits))
			good = wrong(loaded, yaml_get(at, "network"), "network", file->networks[i].network, network_choices);
	}
	*enrich = (struct config_enrich){databases, networks, file->networks_count, path_of(loaded, file->vendors),
					 path_of(loaded, file->devices)};
	return good;
}

static bool take_decode_as(struct loaded *loaded)
{
	const struct file_config *file = loaded->file;
	struct config *config = &loaded->config;
	bool good = true;
	config->decode_as = arena_take(loaded->arena, (file->decode_as_count + 1) * sizeof *config->decode_as);
	for (unsigned i = 0; i < file->decode_as_count; i++)
		if (classify_decode_as(file->decode_as[i], &config->decode_as[config->decode_as_count]))
			config->decode_as_count++;
		else
			good = wrong(loaded, item_of(yaml_get(loaded->tree, "decode_as"), i), "decode_as", file->decode_as[i],
				     "\"tcp.port==N,mqtt\", in quotes within [ ]");
	return good;
}

static bool take_limit(const struct loaded *loaded, const char *key, uint32_t given, uint32_t most, uint32_t *limit)
{
	const struct yaml_node *at = yaml_get(yaml_get(loaded->tree, "limits"), key);
	char valid[64];
	if (!at)
		return true;
	*limit = given;
	if (given >= 16 && given <= most)
		return true;
	snprintf(valid, sizeof valid, "16 to %u", most);
	return wrong(loaded, at, key, at->text, valid);
}

static bool take_limits(struct loaded *loaded)
{
	const struct file_limits *limits = loaded->file->limits;
	struct config *config = &loaded->config;
	if (!limits)
		return true;
	bool good = take_limit(loaded, "flows", limits->flows, 1u << 24, &config->limit_flows);
	good = take_limit(loaded, "groups", limits->groups, 1u << 26, &config->limit_groups) && good;
	good = take_limit(loaded, "segments", limits->segments, 1u << 22, &config->limit_segments) && good;
	good = take_limit(loaded, "fragments", limits->fragments, 1u << 16, &config->limit_fragments) && good;
	return take_limit(loaded, "memos", limits->memos, 1u << 22, &config->limit_memos) && good;
}

static bool take_tolerance(struct loaded *loaded, uint32_t given)
{
	const struct yaml_node *at = yaml_get(loaded->tree, "fusion_tolerance_s");
	loaded->config.fusion_tolerance_s = given;
	return given <= 60 || wrong(loaded, at, "fusion_tolerance_s", at->text, "0 (wire and logs are not joined) to 60");
}

static struct loaded *loaded_new(unsigned more_lists)
{
	struct arena *arena = arena_open();
	struct loaded *loaded = arena_take(arena, sizeof *loaded);
	loaded->arena = arena;
	struct config *config = &loaded->config;
	config->ndpi = true;
	config->fusion_tolerance_s = LIMIT_FUSION_TOLERANCE_S;
	config->limit_flows = LIMIT_FLOWS;
	config->limit_groups = LIMIT_GROUPS;
	config->limit_segments = LIMIT_SEGMENTS;
	config->limit_fragments = LIMIT_FRAGMENTS;
	config->limit_memos = LIMIT_MEMOS;
	config->lists = arena_take(arena, (built_in_list_count + more_lists + 1) * sizeof *config->lists);
	memcpy(config->lists, built_in_lists, built_in_list_count * sizeof *config->lists);
	config->list_count = built_in_list_count;
	return loaded;
}

struct config *config_default(void)
{
	return &loaded_new(0)->config;
}

static bool take_all(struct loaded *loaded)
{
	const struct file_config *file = loaded->file;
	struct config *config = &loaded->config;
	config->sensor_name = file->sensor;
	config->filter = file->filter;
	config->salt = file->salt;
	config->interfaces = copy_texts(loaded, file->interfaces, file->interfaces_count);
	config->ndpi = !file->ndpi || *file->ndpi;
	bool good = bool_valid(loaded, loaded->tree, "ndpi");
	if (file->fusion_tolerance_s)
		good = take_tolerance(loaded, *file->fusion_tolerance_s) && good;
	good = take_lists(loaded) && good;
	good = take_rules(loaded) && good;
	good = take_outputs(loaded) && good;
	good = take_journal(loaded) && good;
	good = take_stats(loaded) && good;
	good = config_take_mappers(config, loaded->arena, loaded->tree) && good;
	good = take_logs(loaded) && good;
	good = take_enrich(loaded) && good;
	good = take_decode_as(loaded) && good;
	return take_limits(loaded) && good;
}

/* The file is taken in twice: as a tree, which knows where things stand, and by libcyaml into structs. */
struct config *config_load(const char *path)
{
	struct file_config *file = NULL;
	struct config_complaint complaint = {.line = 1, .column = 1};
	struct yaml_file *yaml = yaml_file_open(path, stderr);
	if (!yaml)
		return NULL;
	if (!yaml_documents(yaml)) { /* nothing but comments */
		yaml_file_close(yaml);
		struct config *config = config_default();
		config->path = path;
		return config;
	}
	const char *otherwise;
	size_t size;
	const void *bytes = yaml_bytes(yaml, &size);
	if (!config_file_load(bytes, size, &complaint, &otherwise, &file)) {
		config_fault_report(path, &complaint, yaml_document(yaml, 0), otherwise);
		yaml_file_close(yaml);
		return NULL;
	}
	static struct file_config nothing; /* an empty file asks for the defaults */
	struct file_config *given = file;
	file = file ? file : &nothing;
	struct loaded *loaded = loaded_new(file->lists_count + 1);
	loaded->file = file;
	loaded->config.path = path;
	loaded->tree = yaml_document(yaml, 0);
	loaded->config.sections = config_sections(loaded->arena, loaded->tree, &loaded->config.section_count);
	bool good = take_all(loaded);
	loaded->file = given;
	loaded->tree = NULL;
	yaml_file_close(yaml);
	if (good)
		return &loaded->config;
	config_free(&loaded->config);
	return NULL;
}

void config_free(struct config *config)
{
	struct loaded *loaded = (struct loaded *)config;
	if (!loaded)
		return;
	config_file_free(loaded->file);
	arena_close(loaded->arena);
}
