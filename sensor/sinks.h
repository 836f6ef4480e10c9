/* sinks.h - where records go: each sink is a format and an output (outputs/output.h) with a least level. A record is formatted once
 * for all sinks of a format, is in the journal before it is sent, and goes to outputs beyond this machine by ships of their own. */
#ifndef TW_SINKS_H
#define TW_SINKS_H

#include "alert.h"
#include "config.h"
#include "enrich.h"
#include "ship.h"

#define SINKS_MAX 16u

struct sinks {
	unsigned count;
	struct sink {
		const struct format *format;
		const struct output *output;
		void *self;              /* the output's, when there is no ship */
		struct ship *ship;       /* outputs beyond this machine have one */
		struct ship_counts counts; /* without a ship; once closed, of every sink */
		enum level level;
		bool alerts, events, colour, failed;
		char name[CURSOR_OUTPUT_MAX]; /* "syslog tcp siem:514 eve" */
	} sink[SINKS_MAX];
	struct record_context context;
	bool enriched;         /* context.about is that of the record at hand */
	struct enrich *enrich; /* borrowed; NULL: records say no more than the traffic does */
	bool live;                       /* set before the first is added: a replay waits for its receivers */
	const struct config_journal *journal_config;
	struct journal *journal;         /* NULL: in memory only */
	struct journal_reader *counter;  /* of what the journal drops */
	struct journal_counts journal_counts; /* once closed: see sinks_journal_counts() */
	bool attached;
	uint64_t sequence;               /* without a journal */
};

/* What a sink takes. */
enum sink_takes { SINK_ALERTS = 1, SINK_EVENTS = 2, SINK_COLOUR = 4 };

/* Before the first is added. False after having reported why: another sensor has it. */
bool sinks_journal(struct sinks *sinks, const struct config_journal *config);
/* False after having reported why. */
bool sinks_add(struct sinks *sinks, const struct config_output *config, unsigned takes);
void sinks_alert(struct sinks *sinks, const struct alert *alert);
void sinks_event(struct sinks *sinks, const struct event *event);
/* A record of the journal again, to those that take it. */
void sinks_again(struct sinks *sinks, const struct journal_entry *entry);
bool sinks_want_events(const struct sinks *sinks);
bool sinks_ship(const struct sinks *sinks); /* is there any that goes beyond this machine? */
void sinks_flush(struct sinks *sinks);
void sinks_reopen(struct sinks *sinks);
struct ship_counts sinks_counts(const struct sink *sink);
struct journal_counts sinks_journal_counts(const struct sinks *sinks); /* all 0 without a journal */
/* Waits for receivers as long as they take something. False when anything was lost on the way; it was reported. The sinks stay, for
 * their counts. */
bool sinks_close(struct sinks *sinks);

#endif
