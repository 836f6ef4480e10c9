/* detector.h - the contract of a kind of behaviour. A rule is one instance of a kind with parameters; a new attack
 * touches no C. A detector is one file ending in one const descriptor, named in detectors.def.
 *
 * detect.c owns the groups (one per rule and group-by value), their timers, eviction, evidence and alerts.
 * A detector only judges: given the state of a group and an event, is the behaviour there now? */
#ifndef TW_DETECTOR_H
#define TW_DETECTOR_H

#include "../sensor/alert.h"
#include "marks.h"

#define DETECTOR_STATE_MAX 40u

struct judgement {
	/* given */
	const struct rule *rule;
	const struct event *event; /* NULL in expire() and forget() */
	unsigned role;             /* which of rule->role[] matched */
	uint64_t now_ns;           /* event time */
	void *state;               /* detector->state_bytes, zeroed when the group was made, 8-aligned */
	struct marks *marks;
	/* results, zero on entry; read only when the answer is true */
	uint64_t count, distinct;
	uint64_t added;            /* detector->adds: by how much this event takes the count of an alert that goes on further */
	double ratio, value;
	uint64_t first_seen_ns;    /* 0: the group's */
	/* In: the group's timer (0 none). Out: when expire() is to be called; 0 for never. */
	uint64_t deadline_ns;
	bool finished;             /* out: the group may be forgotten now */
};

struct detector {
	const char *type;          /* correlation.type, or "match" */
	uint16_t state_bytes;      /* at most DETECTOR_STATE_MAX */
	const char *measure;       /* what judgement.value is: "total", "average"; NULL when it sets none */
	bool marks_are_memory;     /* the group's marks are what it has learned, not evidence of an alert */
	bool keeps_origin;         /* the event that began the group is kept for alerts that a timer raises */
	bool awaits;               /* the roles after the first are what did not happen */
	bool first_role_begins;    /* only an event of role 0 makes a group; others find one or are of no interest */
	bool judged_at_end;        /* expire() decides by what has come: at the end of the input it does so before its time */
	bool adds;                 /* judge() says in `added` by how much the count of an alert that goes on has grown */
	/* NULL, or what is wrong with the rule's parameters, as the end of a sentence. May be NULL itself. */
	const char *(*check)(const struct rule *rule);
	/* Is the behaviour present with this event? True again for every event while it lasts. */
	bool (*judge)(struct judgement *j);
	bool (*expire)(struct judgement *j);   /* the deadline passed; may be NULL */
	/* The marks that this group holds, oldest first: evidence, samples, and given back when it is forgotten. May be NULL. */
	struct mark_list *(*marks)(const struct rule *rule, void *state);
};

#define DETECTOR(name) extern const struct detector detector_##name;
#include "detectors.def"
#undef DETECTOR

const struct detector *detector_find(const char *type); /* NULL when unknown */
const char *detector_types(void);                       /* "event_count, ..." for messages; match apart */

/* Does `number` satisfy the rule's condition? */
bool detector_compare(enum compare compare, double number, double threshold);

#endif
