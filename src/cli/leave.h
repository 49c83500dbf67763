/** @file src/cli/leave.h
 *  The signals that ask a run to write itself down and end: SIGTERM, SIGUSR1, SIGUSR2 (schedulers), SIGINT. */
#ifndef HT_CLI_LEAVE_H
#define HT_CLI_LEAVE_H

#include <signal.h>

/** From now on these signals only set the flag; a second SIGINT or SIGTERM ends the process as usual.
 *  @return the flag: not 0 once one came */
const volatile sig_atomic_t *ht_leave_on_signals(void);

#endif
