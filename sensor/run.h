/* run.h - `replay` and `watch`: one run of the line from its inputs to its sinks. Returns the exit status (DESIGN:
 * 0 done, 1 an input or output failed, 2 wrong usage or configuration, 3 --fail-on level reached). */
#ifndef TW_RUN_H
#define TW_RUN_H

#include "options.h"
#include "rules.h"
#include "config.h"

enum { EXIT_DONE = 0, EXIT_INPUT_OUTPUT = 1, EXIT_USAGE = 2, EXIT_LEVEL = 3 };

int run(const struct options *options);

/* What `replay`, `watch` and `rules` share: the rules that the options and the config ask for, else the shipped ones.
 * NULL after having reported why. */
struct rules *run_load_rules(const struct config *config, const char *const *paths);
struct config *run_load_config(const char *path);

#endif
