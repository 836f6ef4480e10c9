/* config_file.h - the configuration file as it is written: the structs that libcyaml fills (config_file.c is its only user). What
 * the values mean is config.c's, which alone includes this. Texts are owned by the file; NULL: the key is not there. */
#ifndef TW_CONFIG_FILE_H
#define TW_CONFIG_FILE_H

#include "config_fault.h"
#include <stdint.h>

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

struct file_tls {
	char *ca, *certificate, *key, *server_name;
	bool *verify;
};

struct file_output {
	char *type, *format, *path, *address, *transport, *framing, *protocol, *facility, *level;
	char *url, *proxy, *user, *token_header, *index, *source, *sourcetype, *operation, *topic, *message_key, *sasl;
	char *token_file, *token_env, *password_file, *password_env, *secret_file, *secret_env;
	uint32_t *batch, *timeout;
	bool events, ack;
	bool *gzip;
	struct file_tls *tls;
};

struct file_journal {
	char *path, *max_size, *max_age, *segment_size, *sync;
	bool events;
};

struct file_stats {
	char *file;
	uint32_t *interval_s;
};

struct file_log {
	char *path, *format, *time_zone, *time_format;
};

struct file_network {
	char *network, *name;
};

struct file_enrich {
	char **databases, *vendors, *devices;
	unsigned databases_count, networks_count;
	struct file_network *networks;
};

struct file_limits {
	uint32_t flows, groups, segments, fragments, memos;
};

struct file_config {
	char *sensor, *filter, *salt, *state;
	char **home_net, **interfaces, **decode_as, **listen;
	unsigned home_net_count, interfaces_count, decode_as_count, listen_count;
	struct file_log *logs;
	unsigned logs_count;
	struct file_list *lists;
	unsigned lists_count;
	struct file_rules *rules;
	struct file_output *outputs;
	unsigned outputs_count;
	struct file_limits *limits;
	struct file_enrich *enrich;
	struct file_journal *journal;
	struct file_stats *stats;
	bool *ndpi;
	uint32_t *fusion_tolerance_s;
};

/* False after having filled the complaint and, where libcyaml says no more, `otherwise`. *out NULL: an empty file. */
bool config_file_load(const void *bytes, size_t size, struct config_complaint *complaint, const char **otherwise,
		      struct file_config **out);
void config_file_free(struct file_config *file); /* NULL is fine */

#endif
