/* journal_command.h - `thingwarden journal status|replay`: what is in the journal, how far each output is, and sending it again. */
#ifndef TW_JOURNAL_COMMAND_H
#define TW_JOURNAL_COMMAND_H

int journal_command(int argc, char **argv);

#endif
