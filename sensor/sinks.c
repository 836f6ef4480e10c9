#include "sinks.h"
#include "log.h"
#include <stdio.h>
#include <time.h>

static enum level level_of(const char *name)
{
	enum level level = LEVEL_INFORMATIONAL;
	while (name && level < LEVEL_CRITICAL && strcmp(level_name(level), name) != 0)
		level++;
	return level;
}

bool sinks_add(struct sinks *sinks, const struct config_output *config, unsigned takes)
{
	const char *format = config->format ? config->format : "eve";
	if (sinks->count == SINKS_MAX) {
		log_error("more than %u outputs", SINKS_MAX);
		return false;
	}
	struct sink sink = {
		.format = format_find(format),
		.output = output_find(config->type),
		.level = level_of(config->level),
		.alerts = takes & SINK_ALERTS,
		.events = takes & SINK_EVENTS,
		.colour = takes & SINK_COLOUR,
	};
	if (!sink.format) {
		log_error("unknown format %s; valid: %s", format, format_names());
		return false;
	}
	if (sink.events && !sink.format->event) {
		log_error("format %s cannot show events; use eve", format);
		return false;
	}
	sink.backlog = backlog_open(LIMIT_BACKLOG);
	sink.self = sink.output && sink.backlog ? sink.output->open(config) : NULL;
	if (!sink.self) {
		backlog_close(sink.backlog);
		return false;
	}
	sinks->sink[sinks->count++] = sink;
	return true;
}

/* --- sending ------------------------------------------------------------------------------------------------ */

static enum sent sink_offer(struct sink *sink, const struct record *record)
{
	enum sent answer = SENT_RETRY;
	sink->output->send(sink->self, &(struct sending){.records = record, .count = 1, .answers = &answer});
	return answer;
}

/* What waits goes first; true when nothing waits any more. */
static bool sink_drain(struct sink *sink)
{
	struct record record;
	while (backlog_first(sink->backlog, &record)) {
		enum sent sent = sink_offer(sink, &record);
		if (sent == SENT_RETRY)
			return false;
		sink->failed |= sent != SENT_OK;
		backlog_take(sink->backlog);
	}
	return true;
}

static void sink_send(struct sink *sink, const struct record *record)
{
	if (!record->bytes.size)
		return;
	enum sent sent = sink_drain(sink) ? sink_offer(sink, record) : SENT_RETRY;
	if (sent == SENT_RETRY)
		backlog_put(sink->backlog, record);
	/* An output reports its first failure itself; here it only decides the exit status. */
	sink->failed |= sent == SENT_REFUSED;
}

/* For each alert and event that somebody takes, and once. */
static const struct record_context *context_of(struct sinks *sinks, const struct event *event)
{
	if (!sinks->enriched && sinks->enrich)
		sinks->context.about = enrich_find(sinks->enrich, event);
	sinks->enriched = true;
	return &sinks->context;
}

static struct record record_of(const struct event *event)
{
	return (struct record){
		.time_ns = event->time_ns,
		.client = event->ends->client,
		.server = event->ends->server,
		.client_port = event->ends->client_port,
		.server_port = event->ends->server_port,
		.client_id = event->session->client_id,
		.user = event->session->user,
	};
}

void sinks_alert(struct sinks *sinks, const struct alert *alert)
{
	const struct rule *rule = alert->rule;
	struct record record = record_of(alert->event);
	record.is_alert = true;
	record.id = alert->id;
	record.time_ns = alert->time_ns;
	record.update = alert->update;
	record.level = (uint8_t)rule->level;
	sinks->enriched = false;
	snprintf(record.rule, sizeof record.rule, "%s", rule->name ? rule->name : rule->id);
	for (struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++) {
		if (!s->alerts || rule->level < s->level)
			continue;
		record.bytes = s->format->alert(context_of(sinks, alert->event), alert, s->colour);
		sink_send(s, &record);
	}
}

void sinks_event(struct sinks *sinks, const struct event *event)
{
	struct record record = record_of(event);
	sinks->enriched = false;
	for (struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++) {
		if (!s->events)
			continue;
		record.bytes = s->format->event(context_of(sinks, event), event);
		sink_send(s, &record);
	}
}

bool sinks_want_events(const struct sinks *sinks)
{
	for (unsigned i = 0; i < sinks->count; i++)
		if (sinks->sink[i].events)
			return true;
	return false;
}

void sinks_flush(struct sinks *sinks)
{
	for (struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++) {
		(void)sink_drain(s); /* what still waits is not lost */
		if (!s->output->flush(s->self))
			s->failed = true;
	}
}

void sinks_reopen(struct sinks *sinks)
{
	for (struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++)
		if (s->output->reopen && !s->output->reopen(s->self))
			s->failed = true;
}

/* A receiver that is away gets a last chance of a few seconds. */
static void sink_wait(struct sink *sink)
{
	enum { TRIES = 60 };
	const struct timespec pause = {0, 50000000};
	for (unsigned i = 0; i < TRIES && !sink_drain(sink); i++)
		nanosleep(&pause, NULL);
	uint64_t lost = backlog_lost(sink->backlog) + backlog_count(sink->backlog);
	if (lost)
		log_error("%s: %llu records could not be delivered", sink->output->name, (unsigned long long)lost);
	sink->failed |= lost != 0;
}

bool sinks_close(struct sinks *sinks)
{
	bool good = true;
	for (struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++) {
		sink_wait(s);
		good = s->output->close(s->self) && !s->failed && good;
		backlog_close(s->backlog);
	}
	sinks->count = 0;
	return good;
}
