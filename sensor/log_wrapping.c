#include "log_wrapping.h"
#include "../parsers/log_line.h"

enum { UNKNOWN, COMPOSE, STAMP, JSON, NONE };
enum { LOOK_LINES = 64, NAME_MAX_BYTES = 64, STAMP_BYTES = 30 };

static bool is_name(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* The name of a service, blanks so that all are as long, a bar. */
static bool take_service(struct slice *rest)
{
	uint32_t n = 0;
	while (n < rest->size && n < NAME_MAX_BYTES && is_name(rest->at[n]))
		n++;
	uint32_t name = n;
	while (n < rest->size && n < NAME_MAX_BYTES && rest->at[n] == ' ')
		n++;
	if (!name || n == name || n + 1 >= rest->size || rest->at[n] != '|' || rest->at[n + 1] != ' ')
		return false;
	*rest = slice_of(rest->at + n + 2, rest->size - n - 2);
	return true;
}

/* Always in UTC with nine digits, which no broker writes. Behind it, in Kubernetes, the stream, and whether the line is whole. */
static bool take_stamp(struct slice *rest, uint64_t *time_ns)
{
	struct log_clock clock = {0};
	struct slice r = *rest;
	if (r.size <= STAMP_BYTES || r.at[10] != 'T' || r.at[19] != '.' || r.at[29] != 'Z' || r.at[30] != ' ' ||
	    !log_take_iso(&clock, &r, time_ns) || !log_take(&r, " "))
		return false;
	*rest = r;
	if ((log_take(&r, "stdout ") || log_take(&r, "stderr ")) && (log_take(&r, "F ") || log_take(&r, "P ")))
		*rest = r;
	return true;
}

static bool take_json(struct log_json *json, struct slice *line, uint64_t *time_ns)
{
	static const char docker[] = "{\"log\":\"", journal[] = "\"__REALTIME_TIMESTAMP\"";
	struct log_clock clock = {0};
	struct slice text, time;
	bool of_docker = slice_starts(*line, slice_text(docker));
	if (!(of_docker || (line->size && line->at[0] == '{' && log_contains(*line, journal))) || !log_json_read(json, *line))
		return false;
	if (!log_json_text(json, of_docker ? "log" : "MESSAGE", &text) || text.size > line->size ||
	    !log_json_text(json, of_docker ? "time" : "__REALTIME_TIMESTAMP", &time) ||
	    !(of_docker ? log_take_iso(&clock, &time, time_ns) : log_take_epoch(&clock, &time, time_ns)))
		return false;
	memmove((uint8_t *)(uintptr_t)line->at, text.at, text.size); /* the line is ours, as in logs_record() */
	line->size = text.size;
	while (line->size && (line->at[line->size - 1] == '\n' || line->at[line->size - 1] == '\r'))
		line->size--;
	return true;
}

static bool take(unsigned kind, struct log_json *json, struct slice *line, uint64_t *time_ns)
{
	switch (kind) {
	case COMPOSE:
		if (!take_service(line))
			return false;
		take_stamp(line, time_ns);
		return true;
	case STAMP:
		return take_stamp(line, time_ns);
	default:
		return take_json(json, line, time_ns);
	}
}

void log_unwrap(struct log_wrapping *wrapping, struct log_json *json, struct slice *line, uint64_t *time_ns)
{
	*time_ns = 0;
	if (wrapping->kind == NONE)
		return;
	if (wrapping->kind != UNKNOWN) {
		take(wrapping->kind, json, line, time_ns);
		return;
	}
	for (unsigned kind = COMPOSE; kind < NONE; kind++)
		if (take(kind, json, line, time_ns)) {
			wrapping->kind = (uint8_t)kind;
			return;
		}
	if (++wrapping->lines == LOOK_LINES)
		wrapping->kind = NONE;
}
