/** @file src/cli/leave.h
 *  The signals that ask a run to write itself down and end: SIGTERM, SIGUSR1, SIGUSR2 (schedulers), SIGINT. */
#ifndef HT_CLI_LEAVE_H
#define HT_CLI_LEAVE_H

#include <signal.h>

/** From now on these signals only set the flag, however often they come. What still ends the process: a second
 *  SIGINT; and outside of Slurm a SIGTERM ten seconds or more after the first. Call it before MPI_Init: a signal that
 *  comes while ranks start would kill them.
 *  @return the flag: not 0 once one came */
const volatile sig_atomic_t *ht_leave_on_signals(void);
/** The same flag. */
const volatile sig_atomic_t *ht_leave_asked(void);
/** The signals end the process again, as they do by default; if one came meanwhile, now. */
void ht_leave_as_usual(void);

#endif
