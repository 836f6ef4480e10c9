/* study.h - what is gathered of a whole run for a person to look at, only when asked for: the device inventory (`inventory`) and the
 * report (`--report`). run.c hands it what passes by. */
#ifndef TW_STUDY_H
#define TW_STUDY_H

#include "capture.h"
#include "engine.h"
#include "../outputs/output.h"

struct study;

/* A report that cannot be begun is reported in one line; the study goes on without it and study_finish() answers false. NULL when
 * memory is refused (reported). */
struct study *study_open(const char *report, const struct record_context *context);
void study_close(struct study *study);

void study_packet(struct study *study, const struct packet *packet);
void study_datagram(struct study *study, const struct packet *packet, const struct datagram *datagram);
void study_event(struct study *study, const struct event *event);
void study_conversation(struct study *study, const struct conversation *conversation);
void study_alert(struct study *study, const struct alert *alert);

struct study_end {
	const struct counters *counters;
	const struct capture *capture;
	unsigned faults; /* of all inputs */
};
/* After the last event: writes the report. False when there is none though one was asked for; it was reported. */
bool study_finish(struct study *study, const struct study_end *end);
/* The inventory on standard output. False when it could not be written; it was reported. */
bool study_print(struct study *study, const char *format);

#endif
