#include "config_file.h"
#include <cyaml/cyaml.h>

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

static const cyaml_schema_field_t tls_fields[] = {
	OPTIONAL_TEXT("ca", struct file_tls, ca), OPTIONAL_TEXT("certificate", struct file_tls, certificate),
	OPTIONAL_TEXT("key", struct file_tls, key), OPTIONAL_TEXT("server_name", struct file_tls, server_name),
	CYAML_FIELD_BOOL_PTR("verify", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_tls, verify), CYAML_FIELD_END};

#define OUTPUT_TEXT(name) OPTIONAL_TEXT(#name, struct file_output, name)
#define OUTPUT_NUMBER(name) \
	CYAML_FIELD_UINT_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_output, name)
static const cyaml_schema_field_t output_fields[] = {
	TEXT("type", struct file_output, type), OPTIONAL_TEXT("format", struct file_output, format),
	OPTIONAL_TEXT("path", struct file_output, path), OPTIONAL_TEXT("address", struct file_output, address),
	OPTIONAL_TEXT("transport", struct file_output, transport), OPTIONAL_TEXT("framing", struct file_output, framing),
	OPTIONAL_TEXT("protocol", struct file_output, protocol),
	OPTIONAL_TEXT("facility", struct file_output, facility), OPTIONAL_TEXT("level", struct file_output, level),
	OUTPUT_TEXT(url), OUTPUT_TEXT(proxy), OUTPUT_TEXT(user), OUTPUT_TEXT(token_header), OUTPUT_TEXT(index), OUTPUT_TEXT(source),
	OUTPUT_TEXT(sourcetype), OUTPUT_TEXT(operation), OUTPUT_TEXT(topic), OUTPUT_TEXT(message_key), OUTPUT_TEXT(sasl),
	OUTPUT_TEXT(token_file), OUTPUT_TEXT(token_env), OUTPUT_TEXT(password_file), OUTPUT_TEXT(password_env),
	OUTPUT_TEXT(secret_file), OUTPUT_TEXT(secret_env), OUTPUT_NUMBER(batch), OUTPUT_NUMBER(timeout),
	CYAML_FIELD_BOOL("events", CYAML_FLAG_OPTIONAL, struct file_output, events),
	CYAML_FIELD_BOOL("ack", CYAML_FLAG_OPTIONAL, struct file_output, ack),
	CYAML_FIELD_BOOL_PTR("gzip", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_output, gzip),
	CYAML_FIELD_MAPPING_PTR("tls", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_output, tls, tls_fields),
	CYAML_FIELD_END};
static const cyaml_schema_value_t output_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_output, output_fields)};

static const cyaml_schema_field_t journal_fields[] = {
	TEXT("path", struct file_journal, path), OPTIONAL_TEXT("max_size", struct file_journal, max_size),
	OPTIONAL_TEXT("max_age", struct file_journal, max_age), OPTIONAL_TEXT("segment_size", struct file_journal, segment_size),
	OPTIONAL_TEXT("sync", struct file_journal, sync),
	CYAML_FIELD_BOOL("events", CYAML_FLAG_OPTIONAL, struct file_journal, events), CYAML_FIELD_END};

static const cyaml_schema_field_t stats_fields[] = {
	TEXT("file", struct file_stats, file),
	CYAML_FIELD_UINT_PTR("interval_s", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_stats, interval_s), CYAML_FIELD_END};

static const cyaml_schema_field_t log_fields[] = {
	TEXT("path", struct file_log, path), OPTIONAL_TEXT("format", struct file_log, format),
	OPTIONAL_TEXT("time_zone", struct file_log, time_zone), OPTIONAL_TEXT("time_format", struct file_log, time_format),
	CYAML_FIELD_END};
static const cyaml_schema_value_t log_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_log, log_fields)};

static const cyaml_schema_field_t network_fields[] = {TEXT("network", struct file_network, network),
						      TEXT("name", struct file_network, name), CYAML_FIELD_END};
static const cyaml_schema_value_t network_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_network, network_fields)};

static const cyaml_schema_field_t enrich_fields[] = {
	TEXTS("databases", struct file_enrich, databases),
	CYAML_FIELD_SEQUENCE("networks", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_enrich, networks, &network_schema, 0,
			     65536),
	OPTIONAL_TEXT("vendors", struct file_enrich, vendors), OPTIONAL_TEXT("devices", struct file_enrich, devices),
	CYAML_FIELD_END};

#define LIMIT(name) CYAML_FIELD_UINT(#name, CYAML_FLAG_OPTIONAL, struct file_limits, name)
static const cyaml_schema_field_t limits_fields[] = {LIMIT(flows), LIMIT(groups), LIMIT(segments), LIMIT(fragments),
						     LIMIT(memos), CYAML_FIELD_END};

static const cyaml_schema_field_t config_fields[] = {
	OPTIONAL_TEXT("sensor", struct file_config, sensor),
	OPTIONAL_TEXT("filter", struct file_config, filter),
	OPTIONAL_TEXT("salt", struct file_config, salt),
	OPTIONAL_TEXT("state", struct file_config, state),
	TEXTS("listen", struct file_config, listen),
	CYAML_FIELD_SEQUENCE("logs", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_config, logs, &log_schema, 0, 512),
	CYAML_FIELD_IGNORE("mappers", CYAML_FLAG_OPTIONAL), /* maps of any keys: config_mapper.c reads them */
	TEXTS("home_net", struct file_config, home_net),
	TEXTS("interfaces", struct file_config, interfaces),
	TEXTS("decode_as", struct file_config, decode_as),
	CYAML_FIELD_SEQUENCE("lists", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_config, lists, &list_schema, 0, 1024),
	CYAML_FIELD_MAPPING_PTR("rules", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_config, rules, rules_fields),
	CYAML_FIELD_SEQUENCE("outputs", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_config, outputs, &output_schema, 0, 64),
	CYAML_FIELD_MAPPING_PTR("enrich", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_config, enrich, enrich_fields),
	CYAML_FIELD_MAPPING_PTR("journal", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_config, journal, journal_fields),
	CYAML_FIELD_MAPPING_PTR("stats", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_config, stats, stats_fields),
	CYAML_FIELD_MAPPING_PTR("limits", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_config, limits, limits_fields),
	CYAML_FIELD_BOOL_PTR("ndpi", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_config, ndpi),
	CYAML_FIELD_UINT_PTR("fusion_tolerance_s", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_config, fusion_tolerance_s),
	CYAML_FIELD_END};
static const cyaml_schema_value_t config_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file_config, config_fields)};

static void complain(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
	(void)level;
	config_fault_hear(context, format, arguments);
}

static const cyaml_config_t quiet = {.log_level = CYAML_LOG_ERROR, .mem_fn = cyaml_mem};

bool config_file_load(const void *bytes, size_t size, struct config_complaint *complaint, const char **otherwise,
		      struct file_config **out)
{
	cyaml_config_t how = quiet;
	how.log_fn = complain;
	how.log_ctx = complaint;
	cyaml_err_t error = cyaml_load_data(bytes, size, &how, &config_schema, (cyaml_data_t **)out, NULL);
	*otherwise = cyaml_strerror(error);
	return error == CYAML_OK;
}

void config_file_free(struct file_config *file)
{
	if (file)
		cyaml_free(&quiet, &config_schema, file, 0);
}
