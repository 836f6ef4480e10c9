/* config.h - the one configuration file (read by libcyaml, config_file.h). thingwarden works without any: config_default().
 * Faults name file, line, key and the valid choices, one line each. */
#ifndef TW_CONFIG_H
#define TW_CONFIG_H

#include "classify.h"
#include "logsource.h"
#include "rules.h"

/* TLS towards a receiver. Files are PEM. */
struct config_tls {
	bool on;                 /* `tls:` is there */
	bool verify;             /* true unless a person wrote false */
	const char *ca;          /* NULL: the machine's */
	const char *certificate, *key; /* the client's own; NULL: none */
	const char *server_name; /* that the certificate must hold; NULL: the host of the address */
};

/* Where a token, a password or a key is kept. It never stands in the configuration itself. */
struct config_secret {
	const char *file, *variable; /* one of them, or neither */
};

struct config_output {
	const char *type;      /* output descriptor's name: "jsonl", "syslog" */
	const char *format;    /* format descriptor's name: "eve", "text" */
	const char *path;      /* jsonl: file, "-" for standard output; syslog on the machine's own socket: NULL is /dev/log */
	const char *address;   /* syslog: host:port */
	const char *transport; /* syslog: "udp", "tcp", "tls" or "unix" */
	const char *framing;   /* syslog over tcp: "octet-counting" (default) or "newline" */
	const char *protocol;  /* syslog: "rfc5424" or "rfc3164"; NULL: the first, on the machine's own socket the second */
	const char *facility;  /* syslog: "local0" ... default "local4" */
	const char *sensor;    /* syslog: the host name that is sent; NULL: the machine's */
	const char *level;     /* least level that is sent; NULL for all */
	const char *url;       /* hec, elasticsearch, webhook: https://host:port/path */
	const char *proxy;     /* of these; NULL: none, whatever the environment says */
	const char *user;      /* elasticsearch, webhook, kafka: goes with the password */
	const char *token_header; /* webhook: the header that holds the token; NULL: "Authorization: Bearer" */
	struct config_secret token, password, secret;
	const char *index;     /* hec, elasticsearch */
	const char *source, *sourcetype; /* hec */
	const char *operation; /* elasticsearch: "create" (default) or "index" */
	const char *topic;     /* kafka */
	const char *message_key; /* kafka: "client_id", "src_ip" (default), "rule", "none" */
	const char *sasl;      /* kafka: "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"; NULL: none */
	uint32_t batch;        /* most records in one request; 0: the output's own choice */
	uint32_t timeout_s;    /* of one request; 0: the output's own choice */
	bool ack;              /* hec: wait until the indexer has it */
	bool plain, gzip;      /* `gzip: false`, `gzip: true`; neither: the output's own choice */
	struct config_tls tls;
	const char *place;     /* file:line:column, for faults; NULL: from the command line */
	bool events;           /* events too, not only alerts */
	bool append;           /* jsonl: keep what the file holds; a live sensor does, a replay begins anew */
};

struct config_network {
	struct address address;
	unsigned bits;         /* of the sixteen bytes */
	const char *name;
};

/* What records are enriched from, see enrich.h. */
struct config_enrich {
	const char *const *databases; /* MaxMind format; NULL-terminated, or NULL */
	const struct config_network *networks;
	unsigned network_count;
	const char *vendors, *devices; /* files; NULL: none */
};

/* Where alerts wait for receivers that are away, beyond the end of the sensor (journal.h). */
enum journal_sync { JOURNAL_SYNC_NEVER, JOURNAL_SYNC_INTERVAL, JOURNAL_SYNC_ALWAYS };
struct config_journal {
	const char *path;        /* folder; NULL: in memory only */
	uint64_t max_bytes, segment_bytes;
	uint64_t max_age_s;
	enum journal_sync sync;  /* when the disk must have it: never asked for, once a second, before it is sent */
	bool events;             /* events too, where an output takes them */
};

/* Numbers for Prometheus, see summary_metrics(). */
struct config_stats {
	const char *file;        /* NULL: none */
	uint32_t interval_s;
};

/* A key of the file at the top, and a hash of what it says. */
struct config_section {
	const char *name;
	uint64_t hash;
};

struct config {
	const char *path;                 /* NULL for the defaults */
	const char *sensor_name;          /* shown as `host` in records; NULL: none */
	const char *const *home_net;      /* CIDR; list %home_net%; default the private ranges */
	const char *const *rule_paths;    /* NULL-terminated; empty: the shipped rules */
	struct rule_list *lists;          /* %known_clients% ..., inline or read from a file, built-in defaults included */
	unsigned list_count;
	struct rule_override *overrides;
	unsigned override_count;
	struct decode_as *decode_as;
	unsigned decode_as_count;
	struct config_output *outputs;
	unsigned output_count;
	struct config_journal journal;
	const char *const *interfaces;
	const char *filter;               /* BPF */
	struct log_input *logs;           /* that are followed */
	unsigned log_count;
	const struct log_mapper *mappers; /* formats of logs that the file describes */
	unsigned mapper_count;
	const char *const *listen;        /* "udp://127.0.0.1:5514", "tcp://[::1]:5514": where logs come in as syslog */
	const char *state;                /* file that remembers how far logs were read; NULL: none */
	struct config_enrich enrich;
	struct config_stats stats;
	const struct config_section *sections;
	unsigned section_count;
	const char *salt;                 /* for the hashes of secrets; NULL: see digest.h */
	bool ndpi;
	uint32_t fusion_tolerance_s;      /* wire and log of one session are as far apart at most; 0: not fused */
	uint32_t limit_flows, limit_groups, limit_segments, limit_fragments, limit_memos;
};

/* Is the value one of the choices, which end at NULL, or not given at all? */
static inline bool config_one_of(const char *value, const char *const *choices)
{
	for (; value && *choices; choices++)
		if (strcmp(value, *choices) == 0)
			return true;
	return !value;
}

/* Relative paths in the file are seen from the folder that the file is in. */
struct config *config_default(void);
/* NULL after having reported every fault. */
struct config *config_load(const char *path);
void config_free(struct config *config);
/* The sections that differ and that only a start takes in, "outputs, limits", in `out`; "" when there is none. Rules, lists, home_net,
 * enrich and stats are not among them: SIGHUP takes them in. */
#define CONFIG_CHANGES_MAX 256
void config_changes(const struct config *running, const struct config *fresh, char out[CONFIG_CHANGES_MAX]);

#endif
