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

/* --- what goes where -------------------------------------------------------------------------------------------- */

static void dropping(void *context, uint64_t behind)
{
	struct sinks *sinks = context;
	for (struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++)
		if (s->ship && sinks->counter)
			ship_dropping(s->ship, sinks->counter, behind);
}

bool sinks_journal(struct sinks *sinks, const struct config_journal *config)
{
	if (!config->path)
		return true;
	sinks->journal_config = config;
	sinks->journal = journal_open(config, dropping, sinks);
	sinks->counter = journal_reader_open(config->path, 0);
	sinks->attached = sinks->journal && journal_ready(sinks->journal);
	return sinks->journal != NULL;
}

/* Who it is, from run to run: where it goes and in which shape. Nothing secret, and one line. */
static void set_name(const struct sinks *sinks, struct sink *sink, const struct config_output *config)
{
	const char *where = config->url ? config->url : config->address ? config->address : config->path ? config->path : "-";
	const char *within = config->topic ? config->topic : config->index ? config->index : "";
	const char *transport = config->transport ? config->transport : "";
	unsigned twins = 1;
	snprintf(sink->name, sizeof sink->name - 16, "%s %s%s%s %s%s%s", config->type, transport, *transport ? " " : "", where,
			    within, *within ? " " : "", sink->format->name);
	size_t size = strlen(sink->name); /* a long one was cut */
	for (const struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++)
		twins += strncmp(s->name, sink->name, size) == 0 && (!s->name[size] || s->name[size] == '#');
	if (twins > 1)
		snprintf(sink->name + strlen(sink->name), 16, "#%u", twins);
	for (char *at = sink->name; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = '_';
}

static bool open_output(struct sinks *sinks, struct sink *sink, const struct config_output *config)
{
	sink->self = sink->output ? sink->output->open(config) : NULL;
	if (!sink->self || !sink->output->remote)
		return sink->self != NULL;
	struct ship_options options = {.output = sink->output, .self = sink->self, .patient = !sinks->live};
	options.takes = (struct cursor){.level = (uint8_t)sink->level, .alerts = sink->alerts, .events = sink->events};
	snprintf(options.takes.output, sizeof options.takes.output, "%s", sink->name);
	snprintf(options.takes.format, sizeof options.takes.format, "%s", sink->format->name);
	sink->ship = ship_open(&options);
	if (sink->ship && sinks->attached)
		ship_attach(sink->ship, sinks->journal);
	if (!sink->ship)
		sink->output->close(sink->self);
	return sink->ship != NULL;
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
	set_name(sinks, &sink, config);
	if (!open_output(sinks, &sink, config))
		return false;
	sinks->sink[sinks->count++] = sink;
	return true;
}

bool sinks_want_events(const struct sinks *sinks)
{
	for (unsigned i = 0; i < sinks->count; i++)
		if (sinks->sink[i].events)
			return true;
	return false;
}

bool sinks_ship(const struct sinks *sinks)
{
	for (unsigned i = 0; i < sinks->count; i++)
		if (sinks->sink[i].ship)
			return true;
	return false;
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

static bool sink_takes(const struct sink *sink, const struct record *record)
{
	return record->is_alert ? sink->alerts && record->level >= (uint8_t)sink->level : sink->events;
}

static void deliver(struct sink *sink, const struct journal_entry *entry, bool journaled)
{
	enum sent answer = SENT_RETRY;
	if (sink->ship) {
		ship_put(sink->ship, entry, journaled);
		return;
	}
	sink->output->send(sink->self, &(struct sending){.records = &entry->record, .count = 1, .answers = &answer});
	sink->counts.sent += answer == SENT_OK;
	/* An output reports its first failure itself; here it only decides the exit status. */
	sink->counts.refused += answer != SENT_OK;
	sink->failed |= answer != SENT_OK;
}

/* The journal may have become usable just now; ships must know before anything is appended. */
static bool use_journal(struct sinks *sinks)
{
	if (!journal_ready(sinks->journal))
		return false;
	for (struct sink *s = sinks->sink; !sinks->attached && s < sinks->sink + sinks->count; s++)
		if (s->ship)
			ship_attach(s->ship, sinks->journal);
	sinks->attached = true;
	return true;
}

static bool append(struct sinks *sinks, struct journal_entry *entry)
{
	bool wanted = sinks->journal && (entry->record.is_alert || sinks->journal_config->events);
	bool usable = wanted && use_journal(sinks);
	entry->sequence = sinks->journal ? journal_sequence(sinks->journal) : ++sinks->sequence;
	if (wanted && journal_append(sinks->journal, entry))
		return usable;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	entry->written_ns = (uint64_t)now.tv_sec * TW_SECOND + (uint64_t)now.tv_nsec;
	return false;
}

/* For each alert and event that somebody takes, and once. */
static const struct record_context *context_of(struct sinks *sinks, const struct event *event)
{
	if (!sinks->enriched && sinks->enrich)
		sinks->context.about = enrich_find(sinks->enrich, event);
	sinks->enriched = true;
	return &sinks->context;
}

/* `what` is the alert or the event. Once for each format in use: written, appended, then sent to all that take it. */
static void sinks_send(struct sinks *sinks, const struct record *record, const struct event *event, const void *what)
{
	uint32_t done = 0;
	sinks->enriched = false;
	for (unsigned i = 0; i < sinks->count; i++) {
		const struct sink *s = &sinks->sink[i];
		if (done >> i & 1 || !sink_takes(s, record))
			continue;
		struct journal_entry entry = {.format = slice_text(s->format->name), .record = *record};
		const struct record_context *context = context_of(sinks, event);
		entry.record.bytes = record->is_alert ? s->format->alert(context, what, s->colour) : s->format->event(context, what);
		if (!entry.record.bytes.size)
			continue;
		uint32_t group = 0;
		bool remote = false;
		for (unsigned j = i; j < sinks->count; j++) {
			const struct sink *t = &sinks->sink[j];
			if (t->format != s->format || t->colour != s->colour || !sink_takes(t, record))
				continue;
			group |= 1u << j;
			remote |= t->ship != NULL;
		}
		bool journaled = remote && append(sinks, &entry);
		for (unsigned j = i; j < sinks->count; j++)
			if (group >> j & 1)
				deliver(&sinks->sink[j], &entry, journaled);
		done |= group;
	}
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
	snprintf(record.rule, sizeof record.rule, "%s", rule->name ? rule->name : rule->id);
	sinks_send(sinks, &record, alert->event, alert);
}

void sinks_event(struct sinks *sinks, const struct event *event)
{
	const struct record record = record_of(event);
	sinks_send(sinks, &record, event, event);
}

void sinks_again(struct sinks *sinks, const struct journal_entry *entry)
{
	for (struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++)
		if (slice_is(entry->format, s->format->name) && sink_takes(s, &entry->record))
			deliver(s, entry, false);
}

void sinks_flush(struct sinks *sinks)
{
	for (struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++)
		if (!s->ship && !s->output->flush(s->self))
			s->failed = true;
	if (sinks->journal)
		journal_tick(sinks->journal);
}

void sinks_reopen(struct sinks *sinks)
{
	for (struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++)
		if (s->ship)
			ship_reopen(s->ship);
		else if (s->output->reopen && !s->output->reopen(s->self))
			s->failed = true;
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

struct ship_counts sinks_counts(const struct sink *sink)
{
	return sink->ship ? ship_counts(sink->ship) : sink->counts;
}

struct journal_counts sinks_journal_counts(const struct sinks *sinks)
{
	return sinks->journal ? journal_counts(sinks->journal) : sinks->journal_counts;
}

/* What a live sensor leaves in the journal is sent by the next one; from a replay nobody expects that there is a next one. */
static void tell_undelivered(const struct sinks *sinks, struct sink *sink)
{
	const struct ship_counts *c = &sink->counts;
	uint64_t kept = c->journaled < c->waiting ? c->journaled : c->waiting, lost = c->lost + c->waiting - kept;
	if (lost)
		log_error("%s: %llu records could not be delivered", sink->name, (unsigned long long)lost);
	if (kept && sinks->live)
		log_note("%s: %llu records wait in the journal for the next start", sink->name, (unsigned long long)kept);
	else if (kept)
		log_error("%s: %llu records could not be delivered and wait in the journal", sink->name, (unsigned long long)kept);
	sink->failed |= lost || c->refused || c->failed || (kept && !sinks->live);
}

bool sinks_close(struct sinks *sinks)
{
	bool good = true;
	for (struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++)
		if (s->ship)
			ship_hurry(s->ship);
	for (struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++)
		if (s->ship)
			ship_drain(s->ship);
	for (struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++) {
		if (s->ship) {
			s->counts = ship_close(s->ship);
			tell_undelivered(sinks, s);
		} else if (s->self && !s->output->close(s->self)) {
			s->failed = true;
		}
		s->ship = NULL;
		s->self = NULL;
		good = !s->failed && good;
	}
	if (sinks->journal)
		sinks->journal_counts = journal_counts(sinks->journal);
	journal_reader_close(sinks->counter);
	journal_close(sinks->journal);
	sinks->journal = NULL;
	sinks->counter = NULL;
	return good;
}
