/** @file src/cli/sweep_command.h
 *  The command of a sweep: how a trial's parameters reach it, and what in its output is a report or a result. */
#ifndef HT_CLI_SWEEP_COMMAND_H
#define HT_CLI_SWEEP_COMMAND_H

#include "base/json.h"
#include "search/space.h"

/** What a trial starts. Everything is owned (ht_command_release). */
typedef struct {
    char **argv, **env; /**< end with NULL */
    char *input;        /**< for stdin: the active parameters as one JSON object and a line feed */
    char *result;       /**< path of the result file; NULL = the result is on stdout */
} ht_command;

/** Fill in a trial's parameters.
 *  - arguments: {name}, {trial} and {result} are replaced, other braces stay
 *  - environment: ours, with HOTTUNE_<NAME>, HOTTUNE_TRIAL, HOTTUNE_RESULT, and without what an MPI launcher gave
 *    this process alone (the command can be an MPI program)
 *  - the elements of a tuple are name.0, name.1, ..; a parameter that is not active is empty in the arguments and
 *    absent elsewhere
 *  @param words   [n] the command and its arguments
 *  @param result  name of the result file, NULL = none; {trial} is replaced, else .TRIAL is added
 *  @param params  by name; null = not active */
ht_status ht_command_create(size_t n, char *const *words, const char *result, unsigned long trial,
                            const cJSON *params, ht_command *out, ht_error *err);
void ht_command_release(ht_command *c);

/** HOTTUNE_<NAME> of a parameter, owned by the caller (free); NULL: no memory. */
char *ht_command_variable(const char *name);
/** @return HT_OK; HT_EFORMAT: two parameters (or one and a name of ours) would share a variable */
ht_status ht_command_check(const ht_space *space, ht_error *err);

typedef struct {
    bool has_value, has_step;
    long long step;
    double value; /**< NaN: it says so, or what it says is no number */
} ht_said;
/** What a line says: a JSON object with "value" (and "step"), or a bare number. NaN and Infinity are understood. */
ht_said ht_command_hear(const char *line);
/** The last thing that a whole text says. */
ht_said ht_command_hear_text(const char *text);

#endif
