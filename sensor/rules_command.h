/* rules_command.h - `thingwarden rules check|list|show|test|fields`. Returns the exit status of run.h. */
#ifndef TW_RULES_COMMAND_H
#define TW_RULES_COMMAND_H

int rules_command(int argc, char **argv);

#endif
