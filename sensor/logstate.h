/* logstate.h - what a live sensor must remember to go on after it was stopped, however it was stopped: up to where each log was
 * read, and how long the files were then that records are written to. One file, replaced as a whole.
 *
 * Where logs are all that is watched, what was written after the last save is cut off at the next start and written again from the logs:
 * no line is lost and none is in a file twice. Receivers beyond a file (syslog) may get the records of the last moment twice. */
#ifndef TW_LOGSTATE_H
#define TW_LOGSTATE_H

#include "follow.h"

struct logstate;

/* Reads what is there; nothing at the first start. NULL after having reported that it is there and cannot be understood. */
struct logstate *logstate_open(const char *path);
void logstate_close(struct logstate *state);

/* NULL: this log was not read yet. */
const struct follow_place *logstate_log(const struct logstate *state, const char *path);
/* A file of records, before it is opened. `cut`: what a run wrote after its last save goes, for all of it comes again; false where
 * records come from what does not come twice. */
void logstate_output(struct logstate *state, const char *path, bool cut);

/* Saving: begin, each log, commit; the outputs named before are added by themselves. False when it cannot be written (reported
 * once). */
void logstate_begin(struct logstate *state);
void logstate_add(struct logstate *state, const char *path, const struct follow_place *place);
bool logstate_commit(struct logstate *state);

#endif
