/* log.h - what the sensor says about itself: one line on standard error, "thingwarden: ...". Never per packet.
 * Any thread may. */
#ifndef TW_LOG_H
#define TW_LOG_H

/* Something failed; the run goes on or the caller ends it. */
__attribute__((format(printf, 1, 2))) void log_error(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_note(const char *format, ...);
/* The nearest of NULL-terminated `choices` to `word`, or NULL when none is near: "did you mean ...". */
const char *log_nearest(const char *word, const char *const *choices);

#endif
