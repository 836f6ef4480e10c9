/* alert.h - one finding: what was counted, for whom, against which threshold, in which window, with evidence.
 * Borrows; dies when the call that was given it returns. */
#ifndef TW_ALERT_H
#define TW_ALERT_H

#include "rule.h"

struct evidence {
	uint32_t frame; /* frame number, or line of a log */
	uint16_t file;
};

struct alert {
	const struct rule *rule;
	uint64_t id;               /* hash of rule, group, first_seen and update: the same on every run */
	uint64_t episode;          /* the same without the update: what an alert and its updates have in common */
	uint32_t update;           /* 0 when raised, then 1, 2 ... as the same attack goes on */
	uint64_t time_ns;
	/* The event that completed it; for what did not happen (absence), the event after which it was awaited.
	 * Never NULL; its detail may be NULL when it had to be kept. */
	const struct event *event;
	unsigned group_count;
	struct slice group_text[RULE_GROUP_MAX]; /* values of rule->group_name, as field_text() gives them */
	/* Events counted, of type value_sum the total: in the window at the first alert, in the episode at an update. */
	uint64_t count;
	uint64_t distinct;         /* distinct values, 0 when the rule does not count them */
	double value;              /* types value_sum, value_avg, value_percentile: what they came to; negative in others */
	double ratio;              /* type ratio; negative when the rule has none */
	uint64_t first_seen_ns, last_seen_ns;
	unsigned sample_count;
	struct slice sample[LIMIT_SAMPLES];      /* short texts of what was seen: topics tried, users guessed */
	unsigned evidence_count;
	struct evidence evidence[LIMIT_SAMPLES]; /* the first frames or lines */
};

#endif
