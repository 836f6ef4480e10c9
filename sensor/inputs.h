/* inputs.h - which captures and logs a command line means: files, folders, "-". */
#ifndef TW_INPUTS_H
#define TW_INPUTS_H

#include <stdint.h>

struct inputs;

/* Folders are walked recursively in name order; what is neither a capture nor a log by its first bytes is passed over there, but
 * is a fault when it was named. `names` is NULL-terminated. NULL when memory is refused. */
struct inputs *inputs_find(const char *const *names);
/* The names of one kind, ends at NULL; lives as long as `inputs`. */
const char *const *inputs_captures(struct inputs *inputs);
const char *const *inputs_logs(struct inputs *inputs);
void inputs_close(struct inputs *inputs);
unsigned inputs_count(const struct inputs *inputs);
unsigned inputs_faults(const struct inputs *inputs); /* each was reported */
const char *inputs_name(const struct inputs *inputs, unsigned index);
uint64_t inputs_bytes(const struct inputs *inputs, unsigned index); /* 0 for standard input */

#endif
