#include "summary.h"
#include "log.h"
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

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
				fprintf(out, "  %-13s %-34s %6" PRIu64 "\n", level_name(rule->level), rule->name, count);
		}
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
	fprintf(out, "}}\n");
	bool good = !ferror(out) && (out == stdout ? fflush(out) : fclose(out)) == 0;
	if (!good)
		log_error("%s: %s", path, strerror(errno));
	return good;
}
