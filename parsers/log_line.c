#include "log_line.h"
#include "../sensor/hash.h"
#include <time.h>

/* --- matching ----------------------------------------------------------------------------------------------- */

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static void advance(struct slice *rest, uint32_t n)
{
	rest->at += n;
	rest->size -= n;
}

bool log_take_number(struct slice *rest, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;
	uint32_t n = 0;
	while (n < rest->size && n < 19 && is_digit(rest->at[n]))
		value = value * 10 + (uint64_t)(rest->at[n++] - '0');
	if (!n || value > max || (n < rest->size && is_digit(rest->at[n])))
		return false;
	advance(rest, n);
	*out = value;
	return true;
}

bool log_take_until(struct slice *rest, const char *text, struct slice *out)
{
	size_t size = strlen(text);
	const uint8_t *at = memmem(rest->at, rest->size, text, size);
	if (!at)
		return false;
	struct slice head = slice_of(rest->at, (uint32_t)(at - rest->at));
	advance(rest, head.size + (uint32_t)size);
	*out = head; /* last, for `out` may be `rest` */
	return true;
}

bool log_take_until_last(struct slice *rest, const char *text, struct slice *out)
{
	uint32_t size = (uint32_t)strlen(text);
	const uint8_t *last;
	for (uint32_t n = rest->size; (last = memrchr(rest->at, text[size - 1], n)); n--) {
		n = (uint32_t)(last - rest->at) + 1;
		if (n >= size && memcmp(rest->at + n - size, text, size) == 0) {
			struct slice head = slice_of(rest->at, n - size);
			advance(rest, n);
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
	advance(rest, n < rest->size ? n + 1 : n);
	return word;
}

/* --- times -------------------------------------------------------------------------------------------------- */

int64_t log_civil_s(unsigned year, unsigned month, unsigned day, unsigned hour, unsigned minute, unsigned second)
{
	/* Days from 1970-01-01 in the proleptic Gregorian calendar, years beginning in March. */
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = y / 400, of_era = y % 400;
	int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
	return days * 86400 + hour * 3600 + minute * 60 + second;
}

uint64_t log_local_time(struct log_clock *clock, int64_t local_s)
{
	int64_t hour = local_s / 3600;
	if (clock->zone_s && (hour != clock->hour || !clock->hour)) {
		clock->hour = hour;
		clock->hour_offset_s = clock->zone_s(clock, local_s);
	}
	int64_t utc_s = local_s - clock->hour_offset_s;
	return utc_s > 0 ? (uint64_t)utc_s * TW_SECOND : 0;
}

/* `n` digits at `at`, which are there; 0xffff when they are none. */
static unsigned digits(const uint8_t *at, unsigned n)
{
	unsigned value = 0;
	for (unsigned i = 0; i < n; i++) {
		if (!is_digit(at[i]))
			return 0xffff;
		value = value * 10 + (unsigned)(at[i] - '0');
	}
	return value;
}

static uint64_t take_fraction(struct slice *rest)
{
	uint64_t ns = 0, unit = TW_SECOND / 10;
	if (rest->size < 2 || (rest->at[0] != '.' && rest->at[0] != ',') || !is_digit(rest->at[1]))
		return 0;
	advance(rest, 1);
	for (; rest->size && is_digit(rest->at[0]); unit /= 10) {
		ns += (uint64_t)(rest->at[0] - '0') * unit;
		advance(rest, 1);
	}
	return ns;
}

/* Z, +hh:mm, +hhmm, also after a blank. False when there is none. */
static bool take_zone(struct slice *rest, int64_t *offset_s)
{
	struct slice r = *rest;
	if (r.size > 1 && r.at[0] == ' ' && (r.at[1] == '+' || r.at[1] == '-'))
		advance(&r, 1);
	if (log_take(&r, "Z")) {
		*offset_s = 0;
		*rest = r;
		return true;
	}
	if (r.size < 5 || (r.at[0] != '+' && r.at[0] != '-'))
		return false;
	unsigned hours = digits(r.at + 1, 2);
	bool colon = r.at[3] == ':';
	unsigned minutes = r.size >= 5u + colon ? digits(r.at + 3 + colon, 2) : 0xffff;
	if (hours > 18 || minutes > 59)
		return false;
	*offset_s = (int64_t)(hours * 3600 + minutes * 60) * (r.at[0] == '-' ? -1 : 1);
	advance(&r, 5u + colon);
	*rest = r;
	return true;
}

static uint64_t zoned(struct log_clock *clock, struct slice *rest, int64_t local_s)
{
	int64_t offset_s;
	uint64_t fraction = take_fraction(rest);
	if (!take_zone(rest, &offset_s))
		return log_local_time(clock, local_s) + fraction;
	local_s -= offset_s;
	return local_s > 0 ? (uint64_t)local_s * TW_SECOND + fraction : 0;
}

/* hh:mm:ss at `at`; -1 when it is none. */
static int clock_s(const uint8_t *at)
{
	unsigned hour = digits(at, 2), minute = digits(at + 3, 2), second = digits(at + 6, 2);
	if (at[2] != ':' || at[5] != ':' || hour > 23 || minute > 59 || second > 60)
		return -1;
	return (int)(hour * 3600 + minute * 60 + second);
}

/* Lines of the same second have the same text up to it. */
enum { ISO_SIZE = 19, CLF_SIZE = 20 };
_Static_assert(CLF_SIZE <= sizeof((struct log_clock *)0)->last, "the text of a second fits");

static bool is_last(const struct log_clock *clock, const uint8_t *at, uint32_t size)
{
	return clock->last_size == size && memcmp(clock->last, at, size) == 0;
}

static void set_last(struct log_clock *clock, const uint8_t *at, uint32_t size, int64_t local_s)
{
	memcpy(clock->last, at, size);
	clock->last_size = (uint8_t)size;
	clock->last_s = local_s;
}

bool log_take_iso(struct log_clock *clock, struct slice *rest, uint64_t *time_ns)
{
	const uint8_t *p = rest->at;
	if (rest->size < ISO_SIZE || (p[4] != '-' && p[4] != '/') || p[7] != p[4] || (p[10] != 'T' && p[10] != ' '))
		return false;
	if (!is_last(clock, p, ISO_SIZE)) {
		unsigned year = digits(p, 4), month = digits(p + 5, 2), day = digits(p + 8, 2);
		int of_day = clock_s(p + 11);
		if (year > 9999 || month - 1 > 11 || day - 1 > 30 || of_day < 0)
			return false;
		set_last(clock, p, ISO_SIZE, log_civil_s(year, month, day, 0, 0, 0) + of_day);
	}
	advance(rest, ISO_SIZE);
	*time_ns = zoned(clock, rest, clock->last_s);
	return true;
}

bool log_take_epoch(struct slice *rest, uint64_t *time_ns)
{
	struct slice r = *rest;
	uint64_t value;
	if (!log_take_number(&r, UINT64_MAX, &value))
		return false;
	uint32_t n = rest->size - r.size;
	uint64_t unit = n < 9 ? 0 : n <= 11 ? TW_SECOND : n <= 14 ? 1000000 : n <= 17 ? 1000 : 1;
	if (!unit)
		return false;
	*time_ns = value * unit;
	if (unit == TW_SECOND)
		*time_ns += take_fraction(&r);
	*rest = r;
	return true;
}

static unsigned month_of(const uint8_t *at)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	for (unsigned i = 0; i < 12; i++)
		if (memcmp(at, names + 3 * i, 3) == 0)
			return i + 1;
	return 0;
}

/* Of the years around the one that is known to be near, that which brings the time closest to it. */
static int64_t nearest_year(const struct log_clock *clock, unsigned month, unsigned day, int of_day)
{
	int64_t around = (int64_t)(clock->around_ns / TW_SECOND), best = 0;
	unsigned year = 1970 + (unsigned)(around / 31556952);
	for (unsigned y = year - (year > 1970); y <= year + 1; y++) {
		int64_t at = log_civil_s(y, month, day, 0, 0, 0) + of_day;
		if (!best || llabs(at - around) < llabs(best - around))
			best = at;
	}
	return best;
}

bool log_take_rfc3164(struct log_clock *clock, struct slice *rest, uint64_t *time_ns)
{
	const uint8_t *p = rest->at;
	if (rest->size < 15 || p[3] != ' ' || p[6] != ' ')
		return false;
	unsigned month = month_of(p), day = p[4] == ' ' ? digits(p + 5, 1) : digits(p + 4, 2);
	int of_day = clock_s(p + 7);
	if (!month || day - 1 > 30 || of_day < 0)
		return false;
	advance(rest, 15);
	*time_ns = log_local_time(clock, nearest_year(clock, month, day, of_day)) + take_fraction(rest);
	return true;
}

bool log_take_of_day(struct log_clock *clock, struct slice *rest, uint64_t *time_ns)
{
	int of_day = rest->size < 9 ? -1 : clock_s(rest->at);
	int64_t day = (int64_t)(clock->around_ns / TW_SECOND / 86400) - 2;
	uint64_t best_ns = 0;
	if (of_day < 0 || (rest->at[8] != '.' && rest->at[8] != ' '))
		return false;
	for (unsigned i = 0; i < 4; i++, day++) {
		uint64_t at_ns = log_local_time(clock, day * 86400 + of_day);
		bool later = at_ns > clock->around_ns + 60 * TW_SECOND;
		if (clock->day_known ? at_ns < clock->around_ns + 43200 * TW_SECOND : !later)
			best_ns = at_ns;
	}
	clock->day_known = true;
	advance(rest, 8);
	*time_ns = best_ns + take_fraction(rest);
	return true;
}

bool log_take_clf(struct log_clock *clock, struct slice *rest, uint64_t *time_ns)
{
	const uint8_t *p = rest->at;
	if (rest->size < CLF_SIZE || p[2] != '/' || p[6] != '/' || p[11] != ':')
		return false;
	if (!is_last(clock, p, CLF_SIZE)) {
		unsigned day = digits(p, 2), month = month_of(p + 3), year = digits(p + 7, 4);
		int of_day = clock_s(p + 12);
		if (day - 1 > 30 || !month || year > 9999 || of_day < 0)
			return false;
		set_last(clock, p, CLF_SIZE, log_civil_s(year, month, day, 0, 0, 0) + of_day);
	}
	advance(rest, CLF_SIZE);
	*time_ns = zoned(clock, rest, clock->last_s);
	return true;
}

bool log_take_format(struct log_clock *clock, struct slice *rest, uint64_t *time_ns)
{
	char text[128];
	struct tm tm = {.tm_mday = 1, .tm_gmtoff = INT32_MAX};
	struct slice head = slice_head(*rest, sizeof text - 1);
	memcpy(text, head.at, head.size);
	text[head.size] = 0;
	const char *end = strptime(text, clock->format, &tm);
	if (!end || tm.tm_mon < 0 || tm.tm_year < 0)
		return false;
	advance(rest, (uint32_t)(end - text));
	int64_t local_s = log_civil_s((unsigned)tm.tm_year + 1900, (unsigned)tm.tm_mon + 1, (unsigned)tm.tm_mday,
				      (unsigned)tm.tm_hour, (unsigned)tm.tm_min, (unsigned)tm.tm_sec);
	if (tm.tm_gmtoff != INT32_MAX)
		*time_ns = (uint64_t)(local_s - tm.tm_gmtoff) * TW_SECOND;
	else
		*time_ns = log_local_time(clock, local_s);
	return true;
}

/* --- envelopes ---------------------------------------------------------------------------------------------- */

static void skip_blanks(struct slice *rest)
{
	while (rest->size && rest->at[0] == ' ')
		advance(rest, 1);
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
		advance(rest, n + 1);
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
	advance(&r, n);
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
		advance(&r, 1);
	if (!log_take_epoch(&r, time_ns) && !log_take_iso(clock, &r, time_ns) && !log_take_clf(clock, &r, time_ns) &&
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
	return line.size > 3 && month_of(line.at) != 0;
}

void log_envelope(struct log_clock *clock, struct log_record *record)
{
	struct slice rest = record->line;
	uint64_t time_ns;
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

static bool parse_v4(struct slice text, struct address *out)
{
	uint32_t at = 0;
	uint8_t bytes[4];
	for (unsigned i = 0; i < 4; i++) {
		unsigned value = 0, n = 0;
		for (; at < text.size && is_digit(text.at[at]) && n < 3; at++, n++)
			value = value * 10 + (unsigned)(text.at[at] - '0');
		if (!n || value > 255 || (i < 3 && (at >= text.size || text.at[at++] != '.')))
			return false;
		bytes[i] = (uint8_t)value;
	}
	if (at != text.size)
		return false;
	memset(out->bytes, 0, 10);
	memset(out->bytes + 10, 0xff, 2);
	memcpy(out->bytes + 12, bytes, 4);
	return true;
}

static bool parse_address(struct slice text, struct address *out)
{
	char copy[ADDRESS_TEXT_MAX];
	if (parse_v4(text, out))
		return true;
	const uint8_t *scope = memchr(text.at, '%', text.size);
	if (scope)
		text.size = (uint32_t)(scope - text.at);
	if (text.size < 2 || text.size >= sizeof copy || !memchr(text.at, ':', text.size))
		return false;
	memcpy(copy, text.at, text.size);
	copy[text.size] = 0;
	return address_parse(copy, out) && address_known(out);
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
	struct slice head;
	*port = 0;
	if (!text.size || text.size > 96)
		return false;
	if (text.at[0] == '[') {
		advance(&text, 1);
		if (!log_take_until(&text, "]", &head) || !parse_address(head, address))
			return false;
		return !text.size || (log_take(&text, ":") && parse_port(text, port));
	}
	struct slice rest = text;
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
