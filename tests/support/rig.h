/* rig.h - rules from memory, and what they say to events made by hand. */
#ifndef TW_TEST_RIG_H
#define TW_TEST_RIG_H

#include "sensor/detect.h"

/* A file of this text that lives in memory; returns its path, good until memory_close(). */
struct memory_file {
	int fd;
	char path[64];
};
struct memory_file memory_open(const void *text, size_t size);
void memory_close(struct memory_file *file);

enum { RIG_FAULTS = 8192, RIG_TOLD = 4096 };

/* NULL and fault lines (without the path before the line number) when the rules are wrong. */
struct rules *rig_rules(const char *text, const struct rule_list *lists, unsigned list_count, const struct rule_override *overrides,
			unsigned override_count, char faults[RIG_FAULTS]);

struct told {
	char rule[64], group[96], samples[256];
	uint32_t update;
	uint64_t id, count, distinct, time_ns, first_ns, last_ns;
	double ratio;
	unsigned evidence;
	uint32_t frame; /* the first piece of evidence */
};

/* Rules, a detector runtime, and the alerts that it raised. */
struct rig {
	struct rules *rules;
	struct detect *detect;
	struct counters counters;
	unsigned told_count;
	struct told told[RIG_TOLD];
	/* what the next events look like */
	struct ends ends;
	struct session session;
	struct event event;
	struct slice resource;
};
/* Aborts with the faults when the rules are wrong. */
void rig_open(struct rig *rig, const char *rules, uint32_t groups);
void rig_close(struct rig *rig);
/* An MQTT event of this action and outcome at so many seconds (fractions too) from 192.0.2.HOST, after time has passed until then. */
void rig_event(struct rig *rig, double second, enum action action, enum outcome outcome, unsigned host);
void rig_resource(struct rig *rig, const char *resource); /* of the next events; NULL for none */
void rig_user(struct rig *rig, const char *user);
void rig_time(struct rig *rig, double second);
void rig_finish(struct rig *rig);
/* How many alerts (updates apart) a rule raised. */
unsigned rig_alerts(const struct rig *rig, const char *rule);
unsigned rig_updates(const struct rig *rig, const char *rule);

#endif
