/** @file src/cli/command.h
 *  Asking a live run for something, by a command in its run directory. */
#ifndef HT_CLI_COMMAND_H
#define HT_CLI_COMMAND_H

#include "base/json.h"

/** Append the command `op` of the tuner. @param params  taken
 *  @param[out] sent  what was appended; owned by the caller; may be NULL  @return HT_OK, HT_EIO, HT_ENOMEM */
ht_status ht_command_ask(const char *dir, const char *op, cJSON *params, cJSON **sent, ht_error *err);

#endif
