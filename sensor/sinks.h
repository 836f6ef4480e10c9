/* sinks.h - where records go: each sink is a format and an output (outputs/output.h) with a least level. */
#ifndef TW_SINKS_H
#define TW_SINKS_H

#include "alert.h"
#include "backlog.h"
#include "config.h"
#include "enrich.h"
#include "../outputs/output.h"

#define SINKS_MAX 16u

struct sinks {
	unsigned count;
	struct sink {
		const struct format *format;
		const struct output *output;
		void *self;
		enum level level;
		bool alerts, events, colour, failed;
		struct backlog *backlog; /* what waits for a receiver that is away */
	} sink[SINKS_MAX];
	struct record_context context;
	bool enriched;         /* context.about is that of the record at hand */
	struct enrich *enrich; /* borrowed; NULL: records say no more than the traffic does */
};

/* What a sink takes. */
enum sink_takes { SINK_ALERTS = 1, SINK_EVENTS = 2, SINK_COLOUR = 4 };

/* False after having reported why. */
bool sinks_add(struct sinks *sinks, const struct config_output *config, unsigned takes);
void sinks_alert(struct sinks *sinks, const struct alert *alert);
void sinks_event(struct sinks *sinks, const struct event *event);
bool sinks_want_events(const struct sinks *sinks);
void sinks_flush(struct sinks *sinks);
void sinks_reopen(struct sinks *sinks);
/* False when anything was lost on the way; it was reported. */
bool sinks_close(struct sinks *sinks);

#endif
