/* lists.h - the built-in values of the lists that rules refer to as %name%. A list of the same name in the configuration
 * replaces one. Empty lists are for the user to fill: a rule that expands one matches nothing until then. */
#ifndef TW_LISTS_H
#define TW_LISTS_H

#include "rules.h"

extern const struct rule_list built_in_lists[];
extern const unsigned built_in_list_count;

#endif
