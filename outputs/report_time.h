/* report_time.h - how much was seen and how many alerts were raised when: a bounded number of intervals of one width, only those in
 * which something was. When there are too many, the width doubles. */
#ifndef TW_REPORT_TIME_H
#define TW_REPORT_TIME_H

#include "json.h"

enum { TIME_SPANS = 2048, TIME_LEVELS = 5 };

struct report_time {
	uint64_t width_ns; /* 0: nothing was seen yet */
	uint64_t first_ns, last_ns;
	unsigned count;
	struct time_span {
		uint64_t number; /* begins at number * width_ns */
		uint64_t seen, bytes;
		uint32_t alerts[TIME_LEVELS];
	} spans[TIME_SPANS]; /* in order of time */
};

void report_time_seen(struct report_time *time, uint64_t time_ns, uint32_t bytes);
void report_time_alert(struct report_time *time, uint64_t time_ns, unsigned level);
/* {"width_ms":..., "first":..., "last":..., "spans":[[begin in ms, seen, bytes, alerts of each level ...], ...]} */
void report_time_put(struct json *json, const struct report_time *time);

#endif
