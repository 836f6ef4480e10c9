#include "log_line.h"
#include <stdlib.h>
#include <time.h>

/* Times at the front of a line. The lines of a busy log have the same one many times over: what was read last is kept. */

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
		if (!log_is_digit(at[i]))
			return 0xffff;
		value = value * 10 + (unsigned)(at[i] - '0');
	}
	return value;
}

static uint64_t take_fraction(struct slice *rest)
{
	static const uint32_t units[] = {1000000000, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1};
	const uint8_t *at = rest->at + 1, *end = rest->at + rest->size, *kept;
	uint32_t value = 0;
	if (rest->size < 2 || (at[-1] != '.' && at[-1] != ',') || !log_is_digit(*at))
		return 0;
	for (kept = slice_head(*rest, 10).size + rest->at; at < kept && log_is_digit(*at); at++)
		value = value * 10 + *at - '0';
	uint64_t ns = (uint64_t)value * units[at - rest->at - 1];
	while (at < end && log_is_digit(*at)) /* finer than is kept */
		at++;
	log_skip(rest, (uint32_t)(at - rest->at));
	return ns;
}

/* Z, +hh:mm, +hhmm, also after a blank. False when there is none. */
static bool take_zone(struct slice *rest, int64_t *offset_s)
{
	struct slice r = *rest;
	if (r.size > 1 && r.at[0] == ' ' && (r.at[1] == '+' || r.at[1] == '-'))
		log_skip(&r, 1);
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
	log_skip(&r, 5u + colon);
	*rest = r;
	return true;
}

/* A time that has a zone, or needs none, is the same wherever it stands: its text is kept with the byte behind it, which ends it. */
enum stamp { STAMP_NONE, STAMP_EPOCH, STAMP_ISO, STAMP_CLF, STAMP_FORMAT };

static bool take_stamp(const struct log_clock *clock, enum stamp kind, struct slice *rest, uint64_t *time_ns)
{
	if (clock->stamp_kind != kind || rest->size < clock->stamp_size || memcmp(rest->at, clock->stamp, clock->stamp_size) != 0)
		return false;
	log_skip(rest, clock->stamp_size - 1u);
	*time_ns = clock->stamp_ns;
	return true;
}

static void keep_stamp(struct log_clock *clock, enum stamp kind, const uint8_t *at, struct slice rest, uint64_t time_ns)
{
	uint32_t size = (uint32_t)(rest.at - at) + 1;
	if (!rest.size || size > sizeof clock->stamp)
		return;
	memcpy(clock->stamp, at, size);
	clock->stamp_size = (uint8_t)size;
	clock->stamp_kind = (uint8_t)kind;
	clock->stamp_ns = time_ns;
}

/* `size` bytes at the front are read, as `local_s`. */
static uint64_t zoned(struct log_clock *clock, enum stamp kind, struct slice *rest, uint32_t size, int64_t local_s)
{
	const uint8_t *at = rest->at;
	int64_t offset_s;
	log_skip(rest, size);
	uint64_t fraction = take_fraction(rest);
	if (!take_zone(rest, &offset_s))
		return log_local_time(clock, local_s) + fraction;
	local_s -= offset_s;
	uint64_t time_ns = local_s > 0 ? (uint64_t)local_s * TW_SECOND + fraction : 0;
	if (!fraction) /* the next one will be another */
		keep_stamp(clock, kind, at, *rest, time_ns);
	return time_ns;
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
enum { ISO_SIZE = 19, CLF_SIZE = 20, RFC3164_SIZE = 15, NEAR_S = 100 * 86400 };
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
	if (take_stamp(clock, STAMP_ISO, rest, time_ns))
		return true;
	if (rest->size < ISO_SIZE || (p[4] != '-' && p[4] != '/') || p[7] != p[4] || (p[10] != 'T' && p[10] != ' '))
		return false;
	if (!is_last(clock, p, ISO_SIZE)) {
		unsigned year = digits(p, 4), month = digits(p + 5, 2), day = digits(p + 8, 2);
		int of_day = clock_s(p + 11);
		if (year > 9999 || month - 1 > 11 || day - 1 > 30 || of_day < 0)
			return false;
		set_last(clock, p, ISO_SIZE, log_civil_s(year, month, day, 0, 0, 0) + of_day);
	}
	*time_ns = zoned(clock, STAMP_ISO, rest, ISO_SIZE, clock->last_s);
	return true;
}

bool log_take_epoch(struct log_clock *clock, struct slice *rest, uint64_t *time_ns)
{
	struct slice r = *rest;
	uint64_t value, fraction = 0;
	enum { LEAST = 9 };
	if (take_stamp(clock, STAMP_EPOCH, rest, time_ns))
		return true;
	if (r.size < LEAST || !log_is_digit(r.at[LEAST - 1]) || !log_take_digits(&r, UINT64_MAX, &value))
		return false;
	uint32_t n = rest->size - r.size;
	uint64_t unit = n < LEAST ? 0 : n <= 11 ? TW_SECOND : n <= 14 ? 1000000 : n <= 17 ? 1000 : 1;
	if (!unit)
		return false;
	if (unit == TW_SECOND)
		fraction = take_fraction(&r);
	*time_ns = value * unit + fraction;
	if (unit == TW_SECOND && r.size && r.at[0] != '.' && r.at[0] != ',')
		keep_stamp(clock, STAMP_EPOCH, rest->at, r, *time_ns);
	*rest = r;
	return true;
}

unsigned log_month(const uint8_t *at)
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
	if (rest->size < RFC3164_SIZE || p[3] != ' ' || p[6] != ' ')
		return false;
	/* It has no year: the one of the last time that a text was the same, unless the log has gone far on since. */
	bool near = llabs((int64_t)(clock->around_ns / TW_SECOND) - clock->last_s) < NEAR_S;
	if (!near || !is_last(clock, p, RFC3164_SIZE)) {
		unsigned month = log_month(p), day = p[4] == ' ' ? digits(p + 5, 1) : digits(p + 4, 2);
		int of_day = clock_s(p + 7);
		if (!month || day - 1 > 30 || of_day < 0)
			return false;
		set_last(clock, p, RFC3164_SIZE, nearest_year(clock, month, day, of_day));
	}
	log_skip(rest, RFC3164_SIZE);
	*time_ns = log_local_time(clock, clock->last_s) + take_fraction(rest);
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
	log_skip(rest, 8);
	*time_ns = best_ns + take_fraction(rest);
	return true;
}

bool log_take_clf(struct log_clock *clock, struct slice *rest, uint64_t *time_ns)
{
	const uint8_t *p = rest->at;
	if (take_stamp(clock, STAMP_CLF, rest, time_ns))
		return true;
	if (rest->size < CLF_SIZE || p[2] != '/' || p[6] != '/' || p[11] != ':')
		return false;
	if (!is_last(clock, p, CLF_SIZE)) {
		unsigned day = digits(p, 2), month = log_month(p + 3), year = digits(p + 7, 4);
		int of_day = clock_s(p + 12);
		if (day - 1 > 30 || !month || year > 9999 || of_day < 0)
			return false;
		set_last(clock, p, CLF_SIZE, log_civil_s(year, month, day, 0, 0, 0) + of_day);
	}
	*time_ns = zoned(clock, STAMP_CLF, rest, CLF_SIZE, clock->last_s);
	return true;
}

bool log_take_format(struct log_clock *clock, struct slice *rest, uint64_t *time_ns)
{
	char text[128];
	struct tm tm = {.tm_mday = 1, .tm_gmtoff = INT32_MAX};
	if (take_stamp(clock, STAMP_FORMAT, rest, time_ns))
		return true;
	struct slice head = slice_head(*rest, sizeof text - 1);
	memcpy(text, head.at, head.size);
	text[head.size] = 0;
	const char *end = strptime(text, clock->format, &tm);
	if (!end || tm.tm_mon < 0 || tm.tm_year < 0)
		return false;
	const uint8_t *at = rest->at;
	log_skip(rest, (uint32_t)(end - text));
	int64_t local_s = log_civil_s((unsigned)tm.tm_year + 1900, (unsigned)tm.tm_mon + 1, (unsigned)tm.tm_mday,
				      (unsigned)tm.tm_hour, (unsigned)tm.tm_min, (unsigned)tm.tm_sec);
	if (tm.tm_gmtoff != INT32_MAX)
		*time_ns = (uint64_t)(local_s - tm.tm_gmtoff) * TW_SECOND;
	else
		*time_ns = log_local_time(clock, local_s);
	keep_stamp(clock, STAMP_FORMAT, at, *rest, *time_ns);
	return true;
}
