/* report.h - one run as a page to look at: self-contained HTML, nothing of it comes from elsewhere.
 *
 * Alerts are handed over as they are raised and wait as JSON rows in a temporary file next to the page: memory is bounded. An update
 * takes the place of its predecessor. The page appears by rename(), whole or not at all; it depends on the input alone. Whatever
 * fails is reported in one line; the rest of the run is not touched by it. */
#ifndef TW_REPORT_H
#define TW_REPORT_H

#include "output.h"
#include "../sensor/census.h"
#include "../sensor/counters.h"
#include "../sensor/device.h"

struct report;

struct report *report_open(const char *path, const struct record_context *context); /* NULL after having reported why */
void report_alert(struct report *report, const struct alert *alert);
/* A frame, or a record of a log: for the timeline and the list of files. */
void report_seen(struct report *report, uint16_t file, bool is_log, uint64_t time_ns, uint32_t bytes);

struct report_facts {
	const struct counters *counters;
	uint64_t dropped;          /* by the kernel */
	unsigned faults;           /* inputs that could not be read or were damaged */
	const char *(*file_fault)(const void *inputs, uint16_t file); /* what was wrong with it; NULL: nothing that is known */
	const void *inputs;
	struct devices *devices;
	struct census *census;
};
/* Writes the page unless `facts` is NULL, and frees. False when there is none now; it was reported. */
bool report_close(struct report *report, const struct report_facts *facts);

#endif
