/* log_line.h - what log formats share: envelopes, times, ends, small matching. Works on slices, allocates nothing. */
#ifndef TW_LOG_LINE_H
#define TW_LOG_LINE_H

#include "log_format.h"

/* --- matching: each takes what it matched off the front of *rest ---------------------------------------------- */

static inline void log_skip(struct slice *rest, uint32_t n) /* which are there */
{
	rest->at += n;
	rest->size -= n;
}

/* `text` must be a literal. */
#define log_take(rest, text) log_take_text((rest), (text), sizeof(text) - 1)

static inline bool log_take_text(struct slice *rest, const char *text, uint32_t size)
{
	if (rest->size < size || memcmp(rest->at, text, size) != 0)
		return false;
	log_skip(rest, size);
	return true;
}

/* `text` must be a literal: does the slice end in it? Then it is taken off the end. */
#define log_take_end(rest, text) log_take_end_text((rest), (text), sizeof(text) - 1)

static inline bool log_take_end_text(struct slice *rest, const char *text, uint32_t size)
{
	if (rest->size < size || memcmp(rest->at + rest->size - size, text, size) != 0)
		return false;
	rest->size -= size;
	return true;
}

static inline bool log_is_digit(uint8_t c)
{
	return (unsigned)c - '0' < 10;
}

/* A decimal number, at most `max`. */
bool log_take_digits(struct slice *rest, uint64_t max, uint64_t *out);
static inline bool log_take_number(struct slice *rest, uint64_t max, uint64_t *out)
{
	if (rest->size < 2 || !log_is_digit(rest->at[0]) || log_is_digit(rest->at[1]))
		return log_take_digits(rest, max, out);
	uint64_t value = (uint64_t)(rest->at[0] - '0'); /* most are of one digit */
	if (value > max)
		return false;
	*out = value;
	log_skip(rest, 1);
	return true;
}

/* Everything up to `text`, which is taken too. False, and nothing taken, when it does not occur. */
bool log_take_until_text(struct slice *rest, const char *text, uint32_t size, struct slice *out);
/* Up to the last occurrence of `text`. */
bool log_take_until_last_text(struct slice *rest, const char *text, uint32_t size, struct slice *out);

static inline bool log_take_until(struct slice *rest, const char *text, struct slice *out)
{
	return log_take_until_text(rest, text, (uint32_t)strlen(text), out);
}

static inline bool log_take_until_last(struct slice *rest, const char *text, struct slice *out)
{
	return log_take_until_last_text(rest, text, (uint32_t)strlen(text), out);
}

bool log_contains(struct slice text, const char *word);
/* The words up to the next blank. */
struct slice log_take_word(struct slice *rest);

/* --- times ---------------------------------------------------------------------------------------------------- */

/* Each takes a time off the front; one that is the same as in the line before is not read again. Fractions of any length after '.' or ','; a zone of Z, +hh:mm, +hhmm or none (then the
 * clock's). */
bool log_take_iso(struct log_clock *clock, struct slice *rest, uint64_t *time_ns);   /* 2026-11-23T14:43:33.78+00:00, 2026/11/23 14:43:33 */
bool log_take_epoch(struct log_clock *clock, struct slice *rest, uint64_t *time_ns); /* seconds, ms, us or ns by the number of digits; decimals too */
bool log_take_rfc3164(struct log_clock *clock, struct slice *rest, uint64_t *time_ns); /* Nov 23 14:43:33, no year, no zone */
/* 14:43:33.78, of a console: on the last day on which that is not after the file's own time, then within half a day of the one before. */
bool log_take_of_day(struct log_clock *clock, struct slice *rest, uint64_t *time_ns);
bool log_take_clf(struct log_clock *clock, struct slice *rest, uint64_t *time_ns);   /* 23/Nov/2026:14:43:32 +0000 */
bool log_take_format(struct log_clock *clock, struct slice *rest, uint64_t *time_ns); /* clock->format */
/* 1 to 12, of three letters; 0: of no month. */
unsigned log_month(const uint8_t *at);
/* Nanoseconds of a civil time in the clock's zone. */
uint64_t log_local_time(struct log_clock *clock, int64_t local_s);
int64_t log_civil_s(unsigned year, unsigned month, unsigned day, unsigned hour, unsigned minute, unsigned second);

/* --- envelopes ------------------------------------------------------------------------------------------------ */

/* Syslog of RFC 5424 and 3164, with or without <PRI>, and what rsyslog writes to files (ISO time, host, tag:). Takes it off
 * `rest` and sets time_ns, level, host, app of the record. False when there is none. */
bool log_take_syslog(struct log_clock *clock, struct slice *rest, struct log_record *record);
/* For text formats: syslog, then a time of any of the kinds above in brackets or not, followed by `: ` or blanks. What stays
 * is record->text. */
void log_envelope(struct log_clock *clock, struct log_record *record);

/* --- ends ----------------------------------------------------------------------------------------------------- */

/* "10.0.0.1:4711", "::1:4711" (the port is behind the last colon), "[::1]:4711", "10.0.0.1", "fe80::1%eth0", with a leading
 * "::ffff:" or without. *port is 0 when there is none. False when it is no address. */
bool log_end(struct slice text, struct address *address, uint16_t *port);

/* --- events --------------------------------------------------------------------------------------------------- */

/* A copy of parse->base with these set. `reason` a literal or NULL. */
struct event log_event(const struct log_parse *parse, enum protocol protocol, enum action action, enum outcome outcome,
		       const char *reason);

/* The record is about this session: base gets its ends, names and flow_id. */
void log_about(struct log_parse *parse, struct log_session *session);
/* A hash of what is given, for flow_id. */
uint64_t log_flow_id(const struct log_parse *parse, const struct address *address, uint16_t port);

/* What the line of a login proves: a transport was opened (an event unless `opened`: the log has a line of its own for it), a
 * CONNECT was sent, and the server's answer. `parse` is filled: ends, names. The detail is shown with the CONNECT,
 * base.predecessor with the answer. */
void log_emit_login(struct log_parse *parse, bool opened, enum outcome outcome, const char *reason, const void *detail,
		    const struct field *fields, uint8_t message, const uint64_t present[2]);

#endif
