/* detect.h - events in, alerts out: runs the compiled rules and their detectors over event time.
 * One alert per group and window; while it goes on, an update when the window closes, not a repetition. */
#ifndef TW_DETECT_H
#define TW_DETECT_H

#include "alert.h"
#include "counters.h"
#include "rules.h"

struct detect;

struct detect_options {
	struct rules *rules;
	uint32_t groups;          /* LIMIT_GROUPS */
	uint64_t seed;
	struct counters *counters;
	void (*raise)(void *context, const struct alert *alert);
	void *context;
};

struct detect *detect_open(const struct detect_options *options); /* NULL when memory is refused */
void detect_close(struct detect *detect);

void detect_event(struct detect *detect, const struct event *event);
/* Event time has come to now_ns: timers before it fire, in order of time. Cheap when none is due. */
void detect_time(struct detect *detect, uint64_t now_ns);
/* The input ended: alerts that have grown since they were raised get their last update. Absences whose time had not
 * come are not alerts. */
void detect_finish(struct detect *detect);

/* Other rules from now on. What was counted under a rule that is still there, with the same shape, is kept; alerts under
 * the others get their last update. The old rules must live during the call. False when memory is refused: nothing has changed. */
bool detect_exchange(struct detect *detect, struct rules *rules);

/* For the summary: alerts raised by each rule, by rule->index. */
uint64_t detect_alerts_of(const struct detect *detect, uint32_t rule_index);

#endif
