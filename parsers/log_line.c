#include "log_line.h"
#include "../sensor/hash.h"

/* --- matching ----------------------------------------------------------------------------------------------- */

bool log_take_digits(struct slice *rest, uint64_t max, uint64_t *out)
{
	enum { DIGITS = 19 }; /* which 64 bits hold, whatever they are */
	const uint8_t *at = rest->at, *end = at + slice_head(*rest, DIGITS + 1).size;
	uint64_t value = 0;
	for (; at < end && log_is_digit(*at); at++)
		value = value * 10 + (uint64_t)(*at - '0');
	uint32_t n = (uint32_t)(at - rest->at);
	if (!n || n > DIGITS || value > max)
		return false;
	log_skip(rest, n);
	*out = value;
	return true;
}

/* NULL: it does not occur. What is looked for is short, and begins in few places of a line. */
static const uint8_t *find(struct slice in, const char *text, uint32_t size)
{
	const uint8_t *at = in.at, *end = in.at + in.size;
	while ((size_t)(end - at) >= size && (at = memchr(at, text[0], (size_t)(end - at) - size + 1))) {
		if (memcmp(at, text, size) == 0)
			return at;
		at++;
	}
	return NULL;
}

bool log_take_until_text(struct slice *rest, const char *text, uint32_t size, struct slice *out)
{
	const uint8_t *at = find(*rest, text, size);
	if (!at)
		return false;
	struct slice head = slice_of(rest->at, (uint32_t)(at - rest->at));
	log_skip(rest, head.size + size);
	*out = head; /* last, for `out` may be `rest` */
	return true;
}

bool log_take_until_last_text(struct slice *rest, const char *text, uint32_t size, struct slice *out)
{
	const uint8_t *last;
	for (uint32_t n = rest->size; (last = memrchr(rest->at, text[size - 1], n)); n--) {
		n = (uint32_t)(last - rest->at) + 1;
		if (n >= size && memcmp(rest->at + n - size, text, size) == 0) {
			struct slice head = slice_of(rest->at, n - size);
			log_skip(rest, n);
			*out = head;
			return true;
		}
	}
	return false;
}

bool log_contains(struct slice text, const char *word)
{
	return text.size && memmem(text.at, text.size, word, strlen(word));
}

struct slice log_take_word(struct slice *rest)
{
	uint32_t n = 0;
	while (n < rest->size && rest->at[n] != ' ')
		n++;
	struct slice word = slice_of(rest->at, n);
	log_skip(rest, n < rest->size ? n + 1 : n);
	return word;
}

/* --- envelopes ---------------------------------------------------------------------------------------------- */

static void skip_blanks(struct slice *rest)
{
	while (rest->size && rest->at[0] == ' ')
		log_skip(rest, 1);
}

static bool take_priority(struct slice *rest, uint8_t *level)
{
	static const uint8_t levels[8] = {LOG_LEVEL_ERROR, LOG_LEVEL_ERROR, LOG_LEVEL_ERROR, LOG_LEVEL_ERROR, LOG_LEVEL_WARNING,
		LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG};
	struct slice r = *rest;
	uint64_t priority;
	if (!log_take(&r, "<") || !log_take_number(&r, 191, &priority) || !log_take(&r, ">"))
		return false;
	*level = levels[priority & 7];
	*rest = r;
	return true;
}

/* RFC 5424 section 6.3: "-" or one or more [...], in which "]" is escaped within values. */
static bool take_structured(struct slice *rest)
{
	if (log_take(rest, "-"))
		return true;
	while (rest->size && rest->at[0] == '[') {
		uint32_t n = 1;
		while (n < rest->size && rest->at[n] != ']')
			n += rest->at[n] == '\\' ? 2 : 1;
		if (n >= rest->size)
			return false;
		log_skip(rest, n + 1);
	}
	return true;
}

static bool take_5424(struct log_clock *clock, struct slice *rest, struct log_record *record)
{
	struct slice r = *rest;
	uint64_t time_ns = 0;
	if (!log_take(&r, "1 "))
		return false;
	if (!log_take(&r, "-") && !log_take_iso(clock, &r, &time_ns))
		return false;
	if (!log_take(&r, " "))
		return false;
	record->host = log_take_word(&r);
	record->app = log_take_word(&r);
	log_take_word(&r);
	log_take_word(&r);
	if (!take_structured(&r))
		return false;
	skip_blanks(&r);
	log_take(&r, "\xef\xbb\xbf");
	record->time_ns = time_ns;
	*rest = r;
	return true;
}

/* "host tag[12]: " or "host tag: ". */
static bool take_tag(struct slice *rest, struct log_record *record)
{
	struct slice r = *rest, tag;
	struct slice host = log_take_word(&r);
	uint32_t n = 0;
	while (n < r.size && n < 64 && r.at[n] != ' ' && r.at[n] != ':' && r.at[n] != '[')
		n++;
	tag = slice_of(r.at, n);
	log_skip(&r, n);
	if (r.size && r.at[0] == '[') {
		struct slice pid;
		if (!log_take_until(&r, "]", &pid) || pid.size > 24)
			return false;
	}
	if (!n || !host.size || !log_take(&r, ":"))
		return false;
	skip_blanks(&r);
	record->host = host;
	record->app = tag;
	*rest = r;
	return true;
}

bool log_take_syslog(struct log_clock *clock, struct slice *rest, struct log_record *record)
{
	struct slice r = *rest;
	uint64_t time_ns;
	bool priority = take_priority(&r, &record->level);
	if (priority && take_5424(clock, &r, record)) {
		*rest = r;
		return true;
	}
	bool timed = log_take_rfc3164(clock, &r, &time_ns) || log_take_iso(clock, &r, &time_ns);
	if (timed && log_take(&r, " ") && take_tag(&r, record)) {
		record->time_ns = time_ns;
		*rest = r;
		return true;
	}
	if (!priority)
		return false;
	r = *rest; /* many senders leave out what they like: the priority alone is syslog enough */
	take_priority(&r, &record->level);
	*rest = r;
	return true;
}

/* The time that the program itself put before its message; false: nothing taken. */
static bool take_prefix(struct log_clock *clock, struct slice *rest, uint64_t *time_ns)
{
	struct slice r = *rest;
	if (clock->format && log_take_format(clock, &r, time_ns))
		goto taken;
	if (!r.size)
		return false;
	bool bracket = r.at[0] == '[';
	if (bracket)
		log_skip(&r, 1);
	if (!log_take_epoch(clock, &r, time_ns) && !log_take_iso(clock, &r, time_ns) && !log_take_clf(clock, &r, time_ns) &&
	    !log_take_rfc3164(clock, &r, time_ns))
		return false;
	if (bracket && !log_take(&r, "]"))
		return false;
taken:
	log_take(&r, ":");
	if (!log_take(&r, " "))
		return false;
	*rest = r;
	return true;
}

/* Is the time of this syslog line one of RFC 3164? */
static bool has_month(struct slice line)
{
	uint8_t level;
	take_priority(&line, &level);
	return line.size > 3 && log_month(line.at) != 0;
}

void log_envelope(struct log_clock *clock, struct log_record *record)
{
	struct slice rest = record->line;
	uint64_t time_ns;
	/* No syslog, which has a blank behind the time. */
	if (!clock->format && log_take_iso(clock, &rest, &time_ns) && log_take(&rest, ": ")) {
		record->time_ns = time_ns;
		record->text = rest;
		return;
	}
	rest = record->line;
	if (rest.size && (rest.at[0] == '<' || rest.at[0] >= 'A' || rest.at[0] == '2')) {
		struct slice before = rest;
		if (!log_take_syslog(clock, &rest, record))
			rest = before;
	}
	/* Syslog has the finer time, the program's own counts in whole seconds as a rule; but RFC 3164 has no year and no zone. */
	uint64_t outer_ns = record->host.at && has_month(record->line) ? 0 : record->time_ns;
	if (take_prefix(clock, &rest, &time_ns) && !outer_ns)
		record->time_ns = time_ns;
	record->text = rest;
}

/* --- ends --------------------------------------------------------------------------------------------------- */

static bool take_v4(struct slice *rest, uint8_t bytes[4])
{
	const uint8_t *at = rest->at, *end = rest->at + rest->size, *part = at;
	unsigned value = 0, dots = 0;
	for (; at < end; at++) {
		if (log_is_digit(*at)) {
			value = value * 10 + (unsigned)(*at - '0');
			if (value > 255 || at - part > 2)
				return false;
		} else if (*at == '.' && dots < 3 && at > part) {
			bytes[dots++] = (uint8_t)value;
			value = 0;
			part = at + 1;
		} else {
			break;
		}
	}
	bytes[3] = (uint8_t)value;
	log_skip(rest, (uint32_t)(at - rest->at));
	return dots == 3 && at > part;
}

static void set_v4(struct address *out, const uint8_t bytes[4])
{
	memset(out->bytes, 0, 10);
	memset(out->bytes + 10, 0xff, 2);
	memcpy(out->bytes + 12, bytes, 4);
}

/* What is no address of version 4. */
static bool parse_v6(struct slice text, struct address *out)
{
	char copy[ADDRESS_TEXT_MAX];
	struct address read; /* for what is none leaves its traces */
	const uint8_t *scope = memchr(text.at, '%', text.size);
	if (scope)
		text.size = (uint32_t)(scope - text.at);
	if (text.size < 2 || text.size >= sizeof copy || !memchr(text.at, ':', text.size))
		return false;
	memcpy(copy, text.at, text.size);
	copy[text.size] = 0;
	if (!address_parse(copy, &read) || !address_known(&read))
		return false;
	*out = read;
	return true;
}

static bool parse_address(struct slice text, struct address *out)
{
	struct slice rest = text;
	uint8_t bytes[4];
	if (!take_v4(&rest, bytes) || rest.size)
		return parse_v6(text, out);
	set_v4(out, bytes);
	return true;
}

static bool parse_port(struct slice text, uint16_t *port)
{
	uint64_t value;
	if (!log_take_number(&text, 65535, &value) || text.size)
		return false;
	*port = (uint16_t)value;
	return true;
}

bool log_end(struct slice text, struct address *address, uint16_t *port)
{
	struct slice head, rest = text;
	uint8_t bytes[4];
	*port = 0;
	if (!text.size || text.size > 96)
		return false;
	if (take_v4(&rest, bytes) && (!rest.size || (log_take(&rest, ":") && parse_port(rest, port)))) {
		set_v4(address, bytes);
		return true;
	}
	if (text.at[0] == '[') {
		log_skip(&text, 1);
		if (!log_take_until(&text, "]", &head) || !parse_address(head, address))
			return false;
		return !text.size || (log_take(&text, ":") && parse_port(text, port));
	}
	rest = text;
	if (log_take_until_last(&rest, ":", &head) && parse_port(rest, port) && parse_address(head, address))
		return true;
	*port = 0;
	return parse_address(text, address);
}

/* --- events ------------------------------------------------------------------------------------------------- */

struct event log_event(const struct log_parse *parse, enum protocol protocol, enum action action, enum outcome outcome,
		       const char *reason)
{
	struct event event = parse->base;
	event.protocol = (uint8_t)protocol;
	event.action = (uint8_t)action;
	event.outcome = (uint8_t)outcome;
	if (reason)
		event.reason = slice_text(reason);
	return event;
}

void log_about(struct log_parse *parse, struct log_session *session)
{
	parse->about = session;
	parse->ends = session->ends;
	parse->base.session = &session->session;
	parse->base.flow_id = session->flow_id;
	session->touched_ns = parse->record->time_ns;
}

uint64_t log_flow_id(const struct log_parse *parse, const struct address *address, uint16_t port)
{
	uint64_t id = hash_join(hash_bytes(address, sizeof *address, parse->source), port);
	return hash_join(id, parse->record->time_ns) >> 1; /* EVE's is a positive number */
}

static bool is_use(unsigned action)
{
	return action == ACTION_PUBLISH || action == ACTION_SUBSCRIBE || action == ACTION_UNSUBSCRIBE || action == ACTION_DELIVER ||
	       action == ACTION_REQUEST || action == ACTION_RESPOND;
}

void log_emit(struct log_parse *parse, const struct event *event)
{
	parse->emit(parse, event);
	if (parse->about && is_use(event->action))
		parse->about->session.used = true;
}

void log_emit_login(struct log_parse *parse, bool opened, enum outcome outcome, const char *reason, const void *detail,
		    const struct field *fields, uint8_t message, const uint64_t present[2])
{
	struct event event;
	struct address predecessor = parse->base.predecessor;
	parse->base.predecessor = (struct address){{0}};
	if (!opened) {
		event = log_event(parse, PROTOCOL_TCP, ACTION_OPEN, OUTCOME_SUCCESS, NULL);
		log_emit(parse, &event);
	}
	event = log_event(parse, PROTOCOL_MQTT, ACTION_CONNECT, OUTCOME_UNKNOWN, NULL);
	if (detail) {
		event.detail = detail;
		event.fields = fields;
		event.message = message;
		memcpy(event.present, present, sizeof event.present);
	}
	log_emit(parse, &event);
	event = log_event(parse, PROTOCOL_MQTT, ACTION_AUTHENTICATE, outcome, reason);
	event.direction = TO_CLIENT;
	event.predecessor = predecessor;
	log_emit(parse, &event);
}
