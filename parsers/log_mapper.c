#include "log_mapper.h"
#include "log_facts.h"
#include "log_json.h"

enum { REASON_BYTES = 64 };

struct mapper_state {
	struct mqtt_event detail;
	char reason[REASON_BYTES];
};
_Static_assert(sizeof(struct mapper_state) <= LIMIT_LOG_STATE, "fits the memory of a log");

static const struct log_mapper *mapper_of(const struct log_format *format)
{
	return (const struct log_mapper *)(const void *)format;
}

/* --- without parsing ------------------------------------------------------------------------------------------- */

/* "a.b" within nested objects; a text without its quotes. */
static bool raw_value(struct slice object, const char *path, struct slice *out)
{
	for (*out = object;;) {
		size_t size = strcspn(path, ".");
		if (!log_json_member(*out, slice_of((const uint8_t *)path, (uint32_t)size), out))
			return false;
		if (!path[size])
			break;
		path += size + 1;
	}
	if (log_take(out, "\""))
		log_take_end(out, "\"");
	return true;
}

static struct slice from_brace(struct slice line)
{
	const uint8_t *brace = line.size ? memchr(line.at, '{', line.size) : NULL;
	return brace ? slice_of(brace, line.size - (uint32_t)(brace - line.at)) : slice_of(line.at, 0);
}

unsigned log_mapper_probe(const struct log_format *format, struct slice head)
{
	const struct log_mapper *m = mapper_of(format);
	unsigned lines = 0;
	struct slice line, value;
	while (m->matches && log_take_until(&head, "\n", &line)) {
		unsigned i = 0;
		while (i < m->matches && raw_value(from_brace(line), m->match_key[i], &value) && slice_is(value, m->match_value[i]))
			i++;
		lines += i == m->matches;
	}
	return lines;
}

/* "1795500000.25" in units. */
static uint64_t number_time(struct slice text, uint64_t unit_ns)
{
	uint64_t whole = 0, part = unit_ns, time_ns;
	if (!log_take_number(&text, UINT64_MAX / unit_ns - 1, &whole))
		return 0;
	time_ns = whole * unit_ns;
	if (log_take(&text, "."))
		for (uint32_t i = 0; i < text.size && text.at[i] >= '0' && text.at[i] <= '9' && (part /= 10); i++)
			time_ns += (uint64_t)(text.at[i] - '0') * part;
	return time_ns;
}

static void mapper_envelope(struct log_clock *clock, struct log_record *record)
{
	const struct log_mapper *m = mapper_of(clock->log);
	struct slice rest = record->line, value;
	if (rest.size && rest.at[0] != '{')
		log_take_syslog(clock, &rest, record);
	record->text = rest.size && rest.at[0] == '{' ? rest : from_brace(rest);
	if (!m->time_key || !raw_value(record->text, m->time_key, &value))
		return;
	if (m->unit_ns) {
		record->time_ns = number_time(value, m->unit_ns);
	} else if (m->time_format) {
		clock->format = m->time_format;
		log_take_format(clock, &value, &record->time_ns);
	} else if (!log_take_epoch(clock, &value, &record->time_ns)) {
		log_take_iso(clock, &value, &record->time_ns);
	}
}

/* --- records ---------------------------------------------------------------------------------------------------- */

static const struct log_mapped *mapped(const struct log_json *json, const struct log_mapping *mapping, struct slice *value)
{
	if (!mapping->key || !log_json_text(json, mapping->key, value))
		return NULL;
	for (unsigned i = 0; i < mapping->count; i++)
		if (slice_is(*value, mapping->values[i].from))
			return &mapping->values[i];
	return NULL;
}

/* The log's own words, as reasons are written: in lower case, with _ between. */
static const char *own_reason(struct slice words, char out[REASON_BYTES])
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < words.size && n < REASON_BYTES - 1; i++) {
		uint8_t c = words.at[i], low = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
		bool fits = (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9');
		if (fits || (n && out[n - 1] != '_'))
			out[n++] = fits ? (char)low : '_';
	}
	while (n && out[n - 1] == '_')
		n--;
	out[n] = 0;
	return n ? out : NULL;
}

static const char *reason_of(const struct log_json *json, const struct log_mapper *m, const struct log_facts *f, char out[REASON_BYTES])
{
	struct slice words = {0};
	const struct log_mapped *known = mapped(json, &m->reason, &words);
	const char *reason = known ? known->to : words.size ? own_reason(words, out) : NULL;
	bool login = f->action == ACTION_CONNECT || f->action == ACTION_AUTHENTICATE;
	return reason || !login || f->outcome != OUTCOME_FAILURE ? reason : "not_authorized";
}

static enum direction direction_of(const struct log_facts *f)
{
	bool answer = f->outcome == OUTCOME_FAILURE && (f->action == ACTION_SUBSCRIBE || f->action == ACTION_UNSUBSCRIBE ||
							f->action == ACTION_AUTHENTICATE);
	return answer || f->action == ACTION_DELIVER || f->action == ACTION_RESPOND ? TO_CLIENT : TO_SERVER;
}

static enum log_verdict mapper_parse(struct log_parse *parse)
{
	struct mapper_state *state = parse->state;
	const struct log_mapper *m = mapper_of(parse->format);
	const struct log_json *json = parse->json[0];
	struct log_facts f = {0};
	struct slice value;
	if (!parse->record->line.size)
		return LOG_TAKEN;
	if (!log_json_read(parse->json[0], parse->record->text))
		return LOG_UNREADABLE;
	for (unsigned i = 0; i < m->matches; i++)
		if (!log_json_is(json, m->match_key[i], m->match_value[i]))
			return LOG_TAKEN; /* of something else that writes into the same log */
	const struct log_mapped *action = mapped(json, &m->action, &value), *outcome = mapped(json, &m->outcome, &value);
	if (!action)
		return LOG_TAKEN;
	f.action = action->action;
	f.outcome = outcome ? outcome->outcome : action->outcome;
	f.reason = reason_of(json, m, &f, state->reason);
	f.direction = direction_of(&f);
	if (m->client_id)
		log_json_text(json, m->client_id, &f.client_id);
	if (m->user)
		log_json_text(json, m->user, &f.user);
	if (m->src_ip)
		log_json_text(json, m->src_ip, &f.from);
	if (m->src_port)
		log_json_number(json, m->src_port, &f.port);
	if (m->resource && log_json_text(json, m->resource, &f.topics[0]))
		f.topic_count = 1;
	else if (m->resource)
		f.topic_count = log_json_all(json, m->resources, f.topics, LOG_FACTS_TOPICS);
	log_facts_emit(parse, &state->detail, &f);
	return LOG_TAKEN;
}

/* --- what it shows ---------------------------------------------------------------------------------------------- */

/* Of a login that succeeds or fails, and of a refusal: see log_facts.h. */
static unsigned shows_add(struct log_mapper *m, unsigned n, uint8_t protocol, uint8_t action, uint8_t outcomes, uint8_t tells)
{
	unsigned i = 0;
	while (i < n && (m->shows[i].protocol != protocol || m->shows[i].action != action))
		i++;
	if (i == MAPPER_SHOWS - 1)
		return n;
	m->shows[i] = (struct log_shows){protocol, action, m->shows[i].outcomes | outcomes, m->shows[i].tells | tells};
	return i == n ? n + 1 : n;
}

static void set_shows(struct log_mapper *m)
{
	unsigned n = 0, shared = 0;
	unsigned tells = (m->src_ip ? TELLS_ENDS : 0u) | (m->client_id ? TELLS_CLIENT_ID : 0u) | (m->user ? TELLS_USER : 0u);
	uint8_t names = (uint8_t)tells, all = (uint8_t)(tells | (m->resource ? TELLS_RESOURCE : 0u));
	for (unsigned i = 0; i < m->outcome.count; i++)
		shared |= 1u << m->outcome.values[i].outcome;
	for (unsigned i = 0; i < m->action.count; i++) {
		uint8_t action = m->action.values[i].action, outcomes = (uint8_t)(shared | 1u << m->action.values[i].outcome);
		n = shows_add(m, n, PROTOCOL_MQTT, action, action == ACTION_CONNECT ? LOG_UNKNOWN : outcomes, all);
		if (action != ACTION_CONNECT || !(outcomes & ~LOG_UNKNOWN))
			continue;
		n = shows_add(m, n, PROTOCOL_TCP, ACTION_OPEN, LOG_SUCCESS, names);
		n = shows_add(m, n, PROTOCOL_MQTT, ACTION_AUTHENTICATE, outcomes & (uint8_t)~LOG_UNKNOWN, names);
	}
}

void log_mapper_set(struct log_mapper *m)
{
	const char *name = m->format.name;
	m->format = (struct log_format){.name = name, .help = "described in the configuration", .app_proto = "mqtt",
		.state_bytes = sizeof(struct mapper_state), .envelope = mapper_envelope, .parse = mapper_parse, .json = true,
		.shows = m->shows, .detail = {1ull << MQTT_BIT_CLIENT_ID | 1ull << MQTT_BIT_USERNAME | 1ull << MQTT_BIT_TOPIC |
					      1ull << MQTT_BIT_TOPICS, 0}};
	set_shows(m);
}
