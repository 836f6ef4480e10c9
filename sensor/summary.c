#include "summary.h"
#include "log.h"
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <time.h>

static const struct counter {
	const char *name, *help;
	size_t offset;
} all_counters[] = {
#define X(name, help) {#name, help, offsetof(struct counters, name)},
	TW_COUNTERS(X)
#undef X
};

enum { COUNTERS = sizeof all_counters / sizeof *all_counters };

static uint64_t counter_value(const struct counters *counters, const struct counter *counter)
{
	return *(const uint64_t *)((const char *)counters + counter->offset);
}

static void print_events(FILE *out, const struct summary *summary)
{
	const char *between = "";
	fprintf(out, "events     ");
	for (unsigned i = 0; i < PROTOCOL_COUNT; i++) {
		uint64_t count = engine_events_of(summary->engine, i);
		if (count) {
			fprintf(out, "%s%" PRIu64 " %s", between, count, protocol_name(i));
			between = ", ";
		}
	}
	fprintf(out, "%s\n", *between ? "" : "none");
}

/* Only what is worth a look: losses and faults that did happen. */
static void print_faults(FILE *out, const struct summary *summary)
{
	const struct counters *counters = engine_counters(summary->engine);
	for (const struct counter *c = all_counters; c < all_counters + COUNTERS; c++) {
		uint64_t value = counter_value(counters, c);
		bool ordinary = c->offset <= offsetof(struct counters, bytes) ||
				c->offset == offsetof(struct counters, flows) ||
				c->offset == offsetof(struct counters, flows_active) ||
				c->offset == offsetof(struct counters, log_lines) ||
				c->offset == offsetof(struct counters, log_bytes) || c->offset == offsetof(struct counters, log_fused) ||
				(c->offset >= offsetof(struct counters, events) &&
				 c->offset <= offsetof(struct counters, updates));
		if (value && !ordinary)
			fprintf(out, "  %-22s %12" PRIu64 "  %s\n", c->name, value, c->help);
	}
	if (capture_dropped(summary->capture))
		fprintf(out, "  %-22s %12" PRIu64 "  frames that the kernel dropped\n", "dropped",
			capture_dropped(summary->capture));
}

static void print_alerts(FILE *out, const struct summary *summary)
{
	const struct counters *counters = engine_counters(summary->engine);
	fprintf(out, "alerts     %" PRIu64 ", %" PRIu64 " updates\n", counters->alerts, counters->updates);
	for (int level = LEVEL_CRITICAL; level >= LEVEL_INFORMATIONAL; level--)
		for (uint32_t i = 0; i < rules_count(summary->rules); i++) {
			const struct rule *rule = rules_at(summary->rules, i);
			uint64_t count = engine_alerts_of(summary->engine, i);
			if (count && rule->level == (enum level)level)
				fprintf(out, "  %-13s %-34s %6" PRIu64 "  %s\n", level_name(rule->level), rule->name, count, rule->title);
		}
}

static double age_s(uint64_t since_ns)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	double age = (double)now.tv_sec + (double)now.tv_nsec / 1e9 - (double)since_ns / 1e9;
	return since_ns && age > 0 ? age : 0;
}

/* Outputs on this machine are told of only when something went wrong. */
static void print_outputs(FILE *out, const struct summary *summary)
{
	for (const struct sink *s = summary->sinks->sink; s < summary->sinks->sink + summary->sinks->count; s++) {
		const struct ship_counts c = sinks_counts(s);
		if (!s->output->remote && !c.refused)
			continue;
		fprintf(out, "output     %s: %" PRIu64 " sent, %" PRIu64 " retried, %" PRIu64 " refused, %" PRIu64 " lost, %" PRIu64
			" waiting", s->name, c.sent, c.retried, c.refused, c.lost, c.waiting);
		fprintf(out, c.oldest_ns ? ", the oldest for %.0f s\n" : "\n", age_s(c.oldest_ns));
	}
	const struct journal_counts *j = &summary->sinks->journal_counts;
	if (summary->sinks->journal_config)
		fprintf(out, "journal    %" PRIu64 " records appended, %" PRIu64 " could not be, %" PRIu64 " bytes in %u segments, %" PRIu64
			" segments removed\n", j->entries, j->unwritten, j->bytes, j->segments, j->dropped);
}

void summary_print(FILE *out, const struct summary *summary)
{
	const struct counters *c = engine_counters(summary->engine);
	fprintf(out, "packets    %" PRIu64 ", %" PRIu64 " bytes, %" PRIu64 " flows in %.2f s\n", c->packets, c->bytes, c->flows,
		summary->seconds);
	if (summary->logs)
		logs_print(summary->logs, out);
	print_events(out, summary);
	print_faults(out, summary);
	if (summary->rules)
		print_alerts(out, summary);
	print_outputs(out, summary);
}

static void write_alerts(FILE *out, const struct summary *summary)
{
	const char *between = "";
	fprintf(out, ",\"rules\":{");
	for (uint32_t i = 0; i < rules_count(summary->rules); i++) {
		uint64_t count = engine_alerts_of(summary->engine, i);
		const char *name = rules_at(summary->rules, i)->name;
		for (uint32_t j = i + 1; j < rules_count(summary->rules); j++) /* variants share a name: one sum */
			if (count && strcmp(rules_at(summary->rules, j)->name, name) == 0)
				count += engine_alerts_of(summary->engine, j);
		for (uint32_t j = 0; j < i; j++)
			if (engine_alerts_of(summary->engine, j) && strcmp(rules_at(summary->rules, j)->name, name) == 0)
				count = 0;
		if (count) {
			fprintf(out, "%s\"%s\":%" PRIu64, between, name, count);
			between = ",";
		}
	}
	fprintf(out, "}");
}

/* A name holds no control characters. */
static void write_name(FILE *out, const char *name)
{
	for (; *name; name++)
		fprintf(out, *name == '"' || *name == '\\' ? "\\%c" : "%c", *name);
}

static void write_outputs(FILE *out, const struct sinks *sinks)
{
	const struct journal_counts *j = &sinks->journal_counts;
	fprintf(out, ",\"outputs\":[");
	for (const struct sink *s = sinks->sink; s < sinks->sink + sinks->count; s++) {
		const struct ship_counts c = sinks_counts(s);
		fprintf(out, "%s{\"output\":\"", s == sinks->sink ? "" : ",");
		write_name(out, s->name);
		fprintf(out, "\",\"sent\":%" PRIu64 ",\"retried\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"lost\":%" PRIu64
			",\"waiting\":%" PRIu64 ",\"oldest_s\":%.3f}", c.sent, c.retried, c.refused, c.lost, c.waiting,
			age_s(c.oldest_ns));
	}
	fprintf(out, "]");
	if (sinks->journal_config)
		fprintf(out, ",\"journal\":{\"appended\":%" PRIu64 ",\"unwritten\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"segments\":%u,"
			"\"segments_removed\":%" PRIu64 "}", j->entries, j->unwritten, j->bytes, j->segments, j->dropped);
}

bool summary_write(const char *path, const struct summary *summary)
{
	FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
	if (!out) {
		log_error("%s: %s", path, strerror(errno));
		return false;
	}
	const struct counters *counters = engine_counters(summary->engine);
	fprintf(out, "{\"event_type\":\"stats\",\"stats\":{\"uptime\":%u},\"thingwarden\":{", (unsigned)summary->seconds);
	for (const struct counter *c = all_counters; c < all_counters + COUNTERS; c++)
		fprintf(out, "\"%s\":%" PRIu64 ",", c->name, counter_value(counters, c));
	fprintf(out, "\"dropped\":%" PRIu64 ",\"events_by_protocol\":{", capture_dropped(summary->capture));
	for (unsigned i = 0; i < PROTOCOL_COUNT; i++)
		fprintf(out, "%s\"%s\":%" PRIu64, i ? "," : "", protocol_name(i), engine_events_of(summary->engine, i));
	fprintf(out, "}");
	if (summary->rules)
		write_alerts(out, summary);
	write_outputs(out, summary->sinks);
	fprintf(out, "}}\n");
	bool good = !ferror(out) && (out == stdout ? fflush(out) : fclose(out)) == 0;
	if (!good)
		log_error("%s: %s", path, strerror(errno));
	return good;
}
