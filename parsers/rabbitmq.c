#include "rabbitmq.h"
#include "log_json.h"

/* RabbitMQ's log: text or JSON, whose names and times can be chosen freely.
 *
 *     2026-11-23 14:47:39.779545+00:00 [info] <0.766.0> MESSAGE
 *     {"time":"...","level":"info","msg":"MESSAGE","domain":"rabbitmq.connection","pid":"<0.766.0>"}
 *
 * Each line of a message of several has the same head, down to the microsecond: by that they are joined, so that a line end
 * within a client identifier begins no message of its own. Packets that the broker could not read stand in the log byte by
 * byte, with the password of a CONNECT: nothing of them is looked at. */

enum { HEAD_MAX = 96 };

/* "<0.766.0>" as a whole. */
static bool is_process(struct slice text)
{
	uint64_t number;
	return log_take(&text, "<") && log_take_number(&text, UINT32_MAX, &number) && log_take(&text, ".") &&
	       log_take_number(&text, UINT32_MAX, &number) && log_take(&text, ".") && log_take_number(&text, UINT32_MAX, &number) &&
	       slice_is(text, ">");
}

static struct slice take_process(struct slice *rest)
{
	struct slice r = *rest, word = log_take_word(&r);
	if (!is_process(word))
		return slice_of("", 0);
	*rest = r;
	return word;
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

/* The first member that is a time, by whatever name: a text or number whole. */
static uint64_t json_time(struct log_clock *clock, struct slice line)
{
	struct slice name, value;
	uint64_t time_ns;
	log_take(&line, "{");
	while (log_json_item(&line, &name) && name.at[0] == '"') {
		while (line.size && (line.at[0] == ' ' || line.at[0] == ':'))
			line = slice_of(line.at + 1, line.size - 1);
		if (!log_json_item(&line, &value))
			break;
		struct slice text = log_unquoted(value);
		if ((log_take_iso(clock, &text, &time_ns) || log_take_epoch(clock, &text, &time_ns)) && !text.size)
			return time_ns;
	}
	return 0;
}

static bool is_known(struct slice text)
{
	static const char *const heads[] = {"MQTT ", "accepting MQTT connection ", "Accepted MQTT connection ", "Rejected MQTT connection ",
		"closing MQTT connection ", "Received a CONNECT, client ID: ", "TLS server: In state ", "Channel error on connection ",
		"operation resulted in an error (access_refused): ", NULL};
	for (const char *const *h = heads; *h; h++)
		if (text.size && text.at[0] == (uint8_t)**h && slice_starts(text, slice_text(*h)))
			return true;
	return false;
}

static bool json_parse(struct log_parse *parse, struct rabbitmq *r)
{
	struct slice process = slice_of("", 0), message = {0};
	const struct log_json_value *value;
	if (!log_json_read(parse->json[0], parse->record->text))
		return false;
	for (uint32_t i = 0; (value = log_json_at(parse->json[0], i)); i++) {
		if (!parse->log.level && value->type == JSON_TEXT)
			parse->log.level = log_level_of(value->text);
		if (!process.size && is_process(value->text))
			process = value->text;
		if (!message.at && value->type == JSON_TEXT && is_known(value->text))
			message = value->text;
	}
	if (message.at)
		rabbitmq_message(parse, r, process, message);
	return true;
}

/* --- records ----------------------------------------------------------------------------------------------------- */

static void rabbitmq_envelope(struct log_clock *clock, struct log_record *record)
{
	if (record->line.size && record->line.at[0] == '{') {
		record->time_ns = json_time(clock, record->line);
		return;
	}
	log_level_envelope(clock, record);
}

/* "2026-11-23 14:47:39.779545+00:00 [info] <0.766.0> ": how much of the line that is; 0 when it has none, or one whose time
 * is too coarse to tell two messages apart. */
static uint32_t head_size(struct slice line)
{
	struct slice rest = slice_head(line, HEAD_MAX), time, fraction;
	uint8_t level;
	if (!log_take_until(&rest, " [", &time))
		return 0;
	rest = slice_of(rest.at - 1, rest.size + 1);
	struct slice digits = time;
	bool fine = log_take_until(&digits, ".", &fraction) && digits.size >= 6;
	if ((!fine && time.size < 16) || (!fine && log_contains(time, "-")) || !log_take_level(&rest, &level))
		return 0;
	if (!take_process(&rest).size)
		return 0;
	return (uint32_t)(rest.at - line.at);
}

static bool rabbitmq_continues(struct slice before, struct slice line)
{
	uint32_t size = line.size && line.at[0] >= '0' && line.at[0] <= '9' ? head_size(line) : 0;
	return size && slice_starts(before, slice_head(line, size));
}

static enum log_verdict rabbitmq_parse(struct log_parse *parse)
{
	struct rabbitmq *r = parse->state;
	struct slice text = parse->record->text;
	if (text.size && text.at[0] == '{')
		return json_parse(parse, r) ? LOG_TAKEN : LOG_UNREADABLE;
	struct slice process = take_process(&text);
	if (rabbitmq_message(parse, r, process, text) || parse->record->level || !text.size)
		return LOG_TAKEN;
	/* The banner, before the log's own form begins. */
	return text.at[0] == ' ' || text.at[0] == '#' ? LOG_TAKEN : LOG_UNREADABLE;
}

static unsigned rabbitmq_probe(struct slice head)
{
	static const char *const own[] = {"Starting RabbitMQ ", "started MQTT TCP listener on ", "started MQTT TLS listener on ",
		"accepting MQTT connection <", "Accepted MQTT connection ", "Rejected MQTT connection ",
		"closing MQTT connection ", "MQTT login failed", "MQTT connection ", "MQTT disconnecting client ", "MQTT topic access refused",
		"MQTT protocol error on connection ", "MQTT accepting TCP connection <", "Feature flags: ", "Received a CONNECT, client ID: ",
		"Running boot step ", "Server startup complete; ", "Channel error on connection <", "MQTT detected ", NULL};
	unsigned lines = 0;
	struct slice line;
	struct log_clock clock = {0};
	while (log_take_until(&head, "\n", &line)) {
		struct log_record record = {.line = line, .text = line};
		struct slice text, before;
		rabbitmq_envelope(&clock, &record);
		text = record.text;
		bool json = text.size && text.at[0] == '{';
		if (!record.time_ns || (!json && !record.level))
			continue;
		if (json && (!log_contains(text, "\"<0.") || !log_contains(text, ".0>\"")))
			continue;
		take_process(&text);
		for (const char *const *o = own; *o; o++)
			if (json ? log_take_until(&text, *o, &before) && before.size && before.at[before.size - 1] == '"'
				 : slice_starts(text, slice_text(*o))) {
				lines++;
				break;
			}
	}
	return lines;
}

enum { TELLS = TELLS_ENDS | TELLS_SERVER_PORT | TELLS_NAMES };
static const struct log_shows rabbitmq_shows[] = {
	LOG_SHOWS_LOGIN(LOG_SUCCESS | LOG_FAILURE, TELLS), LOG_SHOWS(MQTT, CLOSE, LOG_FAILURE, TELLS),
	LOG_SHOWS(MQTT, DISCONNECT, LOG_SUCCESS | LOG_FAILURE, TELLS),
	LOG_SHOWS(MQTT, VIOLATION, LOG_FAILURE, TELLS),
	LOG_SHOWS(MQTT, PUBLISH, LOG_FAILURE, TELLS | TELLS_RESOURCE),
	LOG_SHOWS(MQTT, SUBSCRIBE, LOG_FAILURE, TELLS | TELLS_RESOURCE), LOG_SHOWS(TCP, CLOSE, LOG_UNKNOWN, TELLS),
	LOG_SHOWS_TLS(TELLS), {0}};

const struct log_format log_format_rabbitmq = {
	.name = "rabbitmq",
	.help = "RabbitMQ with its MQTT plug-in, 3.10 to 4.x: text or JSON, names and times of any choice",
	.app_proto = "mqtt",
	.state_bytes = sizeof(struct rabbitmq),
	.probe = rabbitmq_probe,
	.envelope = rabbitmq_envelope,
	.continues = rabbitmq_continues,
	.parse = rabbitmq_parse,
	.json = true,
	.shows = rabbitmq_shows,
	.detail = {1ull << MQTT_BIT_CLIENT_ID | 1ull << MQTT_BIT_USERNAME | 1ull << MQTT_BIT_VERSION, 0},
};
