#include "sinks.h"
#include "log.h"

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
	sink.self = sink.output ? sink.output->open(config) : NULL;
	if (!sink.self)
		return false;
	sinks->sink[sinks->count++] = sink;
	return true;
}

static void sink_send(struct sink *sink, struct slice record, const struct alert *alert)
{
	/* An output reports its first failure itself; here it only decides the exit status. */
	if (sink->output->send(sink->self, record, alert) != SENT_OK)
		sink->failed = true;
}

void sinks_alert(struct sinks *sinks, const struct alert *alert)
{
	for (struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++)
		if (s->alerts && alert->rule->level >= s->level)
			sink_send(s, s->format->alert(&sinks->context, alert, s->colour), alert);
}

void sinks_event(struct sinks *sinks, const struct event *event)
{
	for (struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++)
		if (s->events)
			sink_send(s, s->format->event(&sinks->context, event), NULL);
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
	for (struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++)
		if (!s->output->flush(s->self))
			s->failed = true;
}

void sinks_reopen(struct sinks *sinks)
{
	for (struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++)
		if (s->output->reopen && !s->output->reopen(s->self))
			s->failed = true;
}

bool sinks_close(struct sinks *sinks)
{
	bool good = true;
	for (struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++)
		good = s->output->close(s->self) && !s->failed && good;
	sinks->count = 0;
	return good;
}
