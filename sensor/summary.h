/* summary.h - what a run saw, lost and found: for people on standard error, for programs as JSON (--stats) and for
 * Prometheus. */
#ifndef TW_SUMMARY_H
#define TW_SUMMARY_H

#include "engine.h"
#include "logsource.h"
#include "sinks.h"
#include <stdio.h>

struct summary {
	struct engine *engine;
	struct rules *rules;
	const struct capture *capture;
	const struct logs *logs; /* NULL: there are none */
	const struct sinks *sinks;
	double seconds; /* of wall clock that the run took */
};

void summary_print(FILE *out, const struct summary *summary);
/* Suricata's `stats` record as one JSON line. False when the file cannot be written (reported). */
bool summary_write(const char *path, const struct summary *summary);
/* The same and what waits, as a page of Prometheus's text format: written beside it and renamed, so that a reader never sees half of
 * it. False: errno tells why. */
bool summary_metrics(const char *path, const struct summary *summary);

#endif
