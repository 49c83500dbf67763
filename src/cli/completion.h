/** @file src/cli/completion.h
 *  What completes command lines of hottune in shells, from the table of verbs.
 *
 *  The kind of a value is read off its name in the tables (FILE, DIR ..) and its choices. */
#ifndef HT_CLI_COMPLETION_H
#define HT_CLI_COMPLETION_H

#include "cli/cli.h"

/** Print the script on stdout. */
void ht_completion_bash(void);
void ht_completion_zsh(void);

/* ---- what both shells ask ------------------------------------------------------------------- */

typedef enum {
    HT_COMPLETE_NOTHING, /**< a number, a name of the user's: nothing to offer */
    HT_COMPLETE_FILE,
    HT_COMPLETE_DIRECTORY,
    HT_COMPLETE_WORKLOAD,
    HT_COMPLETE_COMMAND, /**< after --: a command with its own words */
} ht_complete;

/** What `name` stands for: the value of an option, "FILE", or the words of a verb, "OUT IN ...". */
ht_complete ht_complete_of(const char *name);
/** Length of the first word of a verb of two words, if this is the first row with it; else 0. */
size_t ht_complete_family(const ht_verb *verb);
/** Print the names of all workloads, separated by blanks. */
void ht_complete_print_workloads(void);

#endif
