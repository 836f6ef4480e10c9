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
	const struct journal_counts j = sinks_journal_counts(summary->sinks);
	if (summary->sinks->journal_config)
		fprintf(out, "journal    %" PRIu64 " records appended, %" PRIu64 " could not be, %" PRIu64 " bytes in %u segments, %" PRIu64
			" segments removed\n", j.entries, j.unwritten, j.bytes, j.segments, j.dropped);
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

/* Variants share a name: their sum is that of the first that raised any, the others have none. */
static uint64_t alerts_of_name(const struct summary *summary, uint32_t i)
{
	uint64_t count = engine_alerts_of(summary->engine, i);
	const char *name = rules_at(summary->rules, i)->name;
	for (uint32_t j = i + 1; j < rules_count(summary->rules); j++)
		if (count && strcmp(rules_at(summary->rules, j)->name, name) == 0)
			count += engine_alerts_of(summary->engine, j);
	for (uint32_t j = 0; j < i; j++)
		if (engine_alerts_of(summary->engine, j) && strcmp(rules_at(summary->rules, j)->name, name) == 0)
			count = 0;
	return count;
}

static void write_alerts(FILE *out, const struct summary *summary)
{
	const char *between = "";
	fprintf(out, ",\"rules\":{");
	for (uint32_t i = 0; i < rules_count(summary->rules); i++) {
		uint64_t count = alerts_of_name(summary, i);
		if (count) {
			fprintf(out, "%s\"%s\":%" PRIu64, between, rules_at(summary->rules, i)->name, count);
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
	const struct journal_counts j = sinks_journal_counts(sinks);
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
			"\"segments_removed\":%" PRIu64 "}", j.entries, j.unwritten, j.bytes, j.segments, j.dropped);
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

/* --- Prometheus ------------------------------------------------------------------------------------------------- */

static void metric_begin(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP thingwarden_%s %s\n# TYPE thingwarden_%s %s\n", name, help, name, type);
}

static void metric(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
	metric_begin(out, name, type, help);
	fprintf(out, "thingwarden_%s %" PRIu64 "\n", name, value);
}

static void output_metric(FILE *out, const char *name, const struct sink *sink, const char *result)
{
	fprintf(out, "thingwarden_%s{output=\"", name);
	write_name(out, sink->name);
	fprintf(out, result ? "\",result=\"%s\"} " : "\"} ", result);
}

static void metrics_of_outputs(FILE *out, const struct sinks *sinks)
{
	const struct sink *end = sinks->sink + sinks->count;
	metric_begin(out, "output_records_total", "counter", "records of an output by what became of them");
	for (const struct sink *s = sinks->sink; s < end; s++) {
		const struct ship_counts c = sinks_counts(s);
		const struct { const char *result; uint64_t count; } results[] = {
			{"sent", c.sent}, {"retried", c.retried}, {"refused", c.refused}, {"lost", c.lost}};
		for (unsigned i = 0; i < sizeof results / sizeof *results; i++) {
			output_metric(out, "output_records_total", s, results[i].result);
			fprintf(out, "%" PRIu64 "\n", results[i].count);
		}
	}
	metric_begin(out, "output_waiting", "gauge", "records that wait for their receiver");
	for (const struct sink *s = sinks->sink; s < end; s++) {
		output_metric(out, "output_waiting", s, NULL);
		fprintf(out, "%" PRIu64 "\n", sinks_counts(s).waiting);
	}
	metric_begin(out, "output_oldest_seconds", "gauge", "how long the oldest of them has waited");
	for (const struct sink *s = sinks->sink; s < end; s++) {
		output_metric(out, "output_oldest_seconds", s, NULL);
		fprintf(out, "%.3f\n", age_s(sinks_counts(s).oldest_ns));
	}
}

static void metrics_of_journal(FILE *out, const struct journal_counts *j)
{
	metric(out, "journal_appended_total", "counter", "records appended to the journal", j->entries);
	metric(out, "journal_unwritten_total", "counter", "records that could not be appended", j->unwritten);
	metric(out, "journal_segments_removed_total", "counter", "segments that were removed: full, or too old", j->dropped);
	metric(out, "journal_bytes", "gauge", "bytes of the journal", j->bytes);
}

static void write_metrics(FILE *out, const struct summary *summary)
{
	const struct counters *counters = engine_counters(summary->engine);
	const struct journal_counts journal = sinks_journal_counts(summary->sinks);
	metric_begin(out, "build_info", "gauge", "the version that runs");
	fprintf(out, "thingwarden_build_info{version=\"%s\"} 1\n", TW_VERSION);
	metric(out, "uptime_seconds", "gauge", "since the start", (uint64_t)summary->seconds);
	for (const struct counter *c = all_counters; c < all_counters + COUNTERS; c++) {
		bool gauge = c->offset == offsetof(struct counters, flows_active);
		char name[64];
		snprintf(name, sizeof name, gauge ? "%s" : "%s_total", c->name);
		metric(out, name, gauge ? "gauge" : "counter", c->help, counter_value(counters, c));
	}
	metric(out, "dropped_total", "counter", "frames that the kernel dropped", capture_dropped(summary->capture));
	metric_begin(out, "protocol_events_total", "counter", "events by protocol");
	for (unsigned i = 0; i < PROTOCOL_COUNT; i++)
		fprintf(out, "thingwarden_protocol_events_total{protocol=\"%s\"} %" PRIu64 "\n", protocol_name(i),
			engine_events_of(summary->engine, i));
	metric_begin(out, "rule_alerts_total", "counter", "alerts by rule, updates apart");
	for (uint32_t i = 0; i < rules_count(summary->rules); i++) {
		uint64_t count = alerts_of_name(summary, i);
		if (count)
			fprintf(out, "thingwarden_rule_alerts_total{rule=\"%s\"} %" PRIu64 "\n", rules_at(summary->rules, i)->name, count);
	}
	metrics_of_outputs(out, summary->sinks);
	if (summary->sinks->journal_config)
		metrics_of_journal(out, &journal);
}

bool summary_metrics(const char *path, const struct summary *summary)
{
	char fresh[4096];
	int n = snprintf(fresh, sizeof fresh, "%s.new", path);
	FILE *out = n > 0 && n < (int)sizeof fresh ? fopen(fresh, "w") : NULL;
	if (!out)
		return false;
	write_metrics(out, summary);
	bool good = !ferror(out);
	return fclose(out) == 0 && good && rename(fresh, path) == 0;
}
