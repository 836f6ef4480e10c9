#include "logfeed.h"
#include "parsers/log_json.h"
#include "sensor/log_formats.h"
#include <stdalign.h>
#include <stdlib.h>

struct logfeed {
	const struct log_format *format;
	struct log_sessions *sessions;
	struct log_json *json[2];
	struct counters counters;
	struct log_clock clock;
	void (*hook)(void *context, const struct event *event);
	void *context;
	const char *broken;
	unsigned unreadable;
	uint32_t number, size;
	bool held;
	struct log_parse parse;
	alignas(16) uint8_t state[LIMIT_LOG_STATE];
	uint8_t record[LIMIT_LOG_RECORD];
	uint8_t plain[LIMIT_LOG_RECORD]; /* a line without its colours */
};

struct logfeed *logfeed_open(void)
{
	struct logfeed *f = calloc(1, sizeof *f);
	if (!f)
		abort();
	f->json[0] = log_json_open();
	f->json[1] = log_json_open();
	return f;
}

void logfeed_close(struct logfeed *f)
{
	log_sessions_close(f->sessions);
	log_json_close(f->json[0]);
	log_json_close(f->json[1]);
	free(f);
}

static void emit(struct log_parse *parse, const struct event *event)
{
	struct logfeed *f = parse->owner;
	bool any = !f->format->shows; /* of the wire too */
	if (!event->ends || !event->session || (!event->log && !any))
		f->broken = "an event without ends, session or log";
	else if ((event->source != SOURCE_LOG && !any) || event->protocol >= PROTOCOL_COUNT || event->action >= ACTION_COUNT)
		f->broken = "an event of no known kind";
	else if (event->detail && !event->fields)
		f->broken = "a detail without fields";
	else
		f->hook(f->context, event);
}

void logfeed_begin(struct logfeed *f, const struct log_format *format, void (*hook)(void *context, const struct event *event),
		   void *context)
{
	log_sessions_close(f->sessions);
	f->sessions = log_sessions_open(64, &f->counters);
	f->format = format;
	f->hook = hook;
	f->context = context;
	f->broken = NULL;
	f->number = f->unreadable = f->size = 0;
	f->held = false;
	f->clock = (struct log_clock){.log = format, .around_ns = 1795444644 * TW_SECOND};
	memset(f->state, 0, sizeof f->state);
}

static void deliver(struct logfeed *f, struct slice bytes)
{
	uint8_t *exact = malloc(bytes.size ? bytes.size : 1);
	memcpy(exact, bytes.at, bytes.size);
	struct log_record record = {.line = {exact, bytes.size}, .text = {exact, bytes.size}, .number = ++f->number};
	f->format->envelope(&f->clock, &record);
	if (record.text.at < exact || record.text.at + record.text.size > exact + bytes.size)
		f->broken = "a message outside its record";
	if (record.time_ns)
		f->clock.around_ns = record.time_ns;
	else
		record.time_ns = f->clock.around_ns;
	struct log_parse *p = &f->parse;
	*p = (struct log_parse){.format = f->format, .state = f->state, .record = &record, .sessions = f->sessions, .json = {f->json[0], f->json[1]},
				.source = 7, .counters = &f->counters, .emit = emit, .owner = f};
	p->log = (struct log_detail){.format = f->format->name, .source = 7, .count = 1};
	p->base = (struct event){.time_ns = record.time_ns, .ends = &p->ends, .session = &p->session, .log = &p->log,
				 .frame = record.number, .source = SOURCE_LOG, .app_proto = f->format->app_proto};
	f->unreadable += f->format->parse(p) == LOG_UNREADABLE;
	free(exact);
}

void logfeed_line(struct logfeed *f, struct slice line)
{
	line = slice_head(line, LIMIT_LOG_RECORD);
	if (line.size && memchr(line.at, 0x1b, line.size)) /* as logsource.c hands it on */
		line = slice_of(f->plain, log_without_colours(line, f->plain));
	if (!f->format->continues) {
		deliver(f, line);
		return;
	}
	if (f->held && f->size + line.size < sizeof f->record && f->format->continues(slice_of(f->record, f->size), line)) {
		f->record[f->size++] = '\n';
	} else {
		logfeed_end(f);
		f->held = true;
	}
	memcpy(f->record + f->size, line.at, line.size);
	f->size += line.size;
}

void logfeed_end(struct logfeed *f)
{
	if (f->held)
		deliver(f, slice_of(f->record, f->size));
	f->held = false;
	f->size = 0;
}

unsigned logfeed_unreadable(const struct logfeed *f)
{
	return f->unreadable;
}

const char *logfeed_broken(const struct logfeed *f)
{
	return f->broken;
}
