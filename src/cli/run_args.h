/** @file src/cli/run_args.h
 *  How a `run` was started, kept in its journal (ht_options.program), so that it can go on with the same options. */
#ifndef HT_CLI_RUN_ARGS_H
#define HT_CLI_RUN_ARGS_H

#include "cli/cli.h"

/** {"workload": NAME, "options": {NAME: VALUE, ..}}, or "command": [CMD, ARG, ..] instead of the workload; a switch has the
 *  value true. Owned by the caller (free). */
char *ht_run_args_to_text(const ht_args *args);
/** The words of a command line that starts the same run, and --resume: argv, a name at argv[0].
 *  @param text  as above
 *  @param[out] argv  [*argc], owned by the caller (ht_run_args_free)
 *  @return HT_OK; HT_EFORMAT; HT_ENOMEM */
ht_status ht_run_args_read(const char *text, int *argc, char ***argv, ht_error *err);
void ht_run_args_free(int argc, char **argv);

#endif
