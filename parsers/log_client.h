/* log_client.h - what the logs of brokers share that name the client in each line: sessions kept by name, and the events of their
 * beginning and end. */
#ifndef TW_LOG_CLIENT_H
#define TW_LOG_CLIENT_H

#include "log_mqtt.h"

/* LOG_LEVEL_NONE when the word is none: "info", "WARN", "erro". */
uint8_t log_level_of(struct slice word);
/* "[info] " */
bool log_take_level(struct slice *rest, uint8_t *level);
/* For logs of "TIME [level] MESSAGE", in syslog or not. */
void log_level_envelope(struct log_clock *clock, struct log_record *record);

/* What a line says of who comes; `at` NULL: nothing. */
struct log_login {
	struct slice client_id, user;
	uint8_t version;  /* 3, 4, 5; 0 unknown */
	bool opened;      /* the log had a line of its own for the connection */
};

/* "10.0.0.1:4711 -> 10.0.0.2:1883", bare or as "...", '...' or <<"...">>. */
bool log_pair(struct slice text, struct ends *ends);
/* The first line of a joined record or of a text with line ends in it. */
struct slice log_first_line(struct slice text);
/* Without the quotes or <<"...">> around it. */
struct slice log_unquoted(struct slice text);

/* A session under `key` with the ends of `parse`, which the record now is about. */
struct log_session *log_client_begin(struct log_parse *parse, uint64_t key, const struct log_login *login);
/* The events of a login, let in or not; of a refused one the names stand in `parse`. */
void log_client_login(struct log_parse *parse, struct mqtt_event *detail, const struct log_login *login, enum outcome outcome,
		      const char *reason);
/* An end of what the record is about. */
void log_client_end(struct log_parse *parse, enum action action, enum outcome outcome, const char *reason, enum direction by);
/* `old` was replaced by a session from `new_ends`; NULL: it is not known from where. */
void log_client_replaced(struct log_parse *parse, const struct log_session *old, const struct ends *new_ends);
void log_client_violation(struct log_parse *parse, const char *reason);
/* The server refused this topic or filter to the client that the record is about. */
void log_client_refused(struct log_parse *parse, enum action action, const struct slice *topic);

/* The second of the first pair whose first occurs in the text, else `otherwise`. `table` ends at NULL. */
const char *log_pick(struct slice text, const char *const (*table)[2], const char *otherwise);

#endif
