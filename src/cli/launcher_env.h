/** @file src/cli/launcher_env.h
 *  What a launcher (mpirun, srun) tells one rank in its environment, and no command that the rank starts may hear: one that
 *  is an MPI program would take it for its own. */
#ifndef HT_CLI_LAUNCHER_ENV_H
#define HT_CLI_LAUNCHER_ENV_H

#include <stdbool.h>

/** @param entry  "NAME=value" */
bool ht_launcher_env_has(const char *entry);

#endif
