/** @file src/store/run_trials.h
 *  Trials that wait to be written into a study in Optuna's format, and the writing. */
#ifndef HT_STORE_RUN_TRIALS_H
#define HT_STORE_RUN_TRIALS_H

#include "store/run_optuna.h"
#include "store/run_space.h"
#include "store/run_trial.h"

typedef struct ht_run_trials ht_run_trials;

/** See ht_run_optuna_open. */
ht_status ht_run_trials_open(const ht_run_optuna_options *o, double now, ht_run_trials **out, ht_error *err);
void ht_run_trials_close(ht_run_trials *q);     /**< NULL is allowed */
/** Indices of the values of trials. Borrowed; may be added to. */
ht_run_space *ht_run_trials_space(ht_run_trials *q);

/** Takes `t`. It is borrowed to the caller, who may go on filling it: until the next flush after it has ended.
 *  @return HT_OK; HT_EREFUSED: destroyed, because so many wait; HT_ENOMEM: destroyed */
ht_status ht_run_trials_add(ht_run_trials *q, ht_run_trial *t, ht_error *err);
/** One transaction of what waits, if it is time. Trials that had ended and are in the file are destroyed.
 *  @param[out] flushed  whether anything was tried */
ht_status ht_run_trials_tick(ht_run_trials *q, double clock, double now, bool *flushed, ht_error *err);
/** All that waits; trials that run are ended as FAIL. */
ht_status ht_run_trials_finish(ht_run_trials *q, double now, ht_error *err);
const char *ht_run_trials_refusal(const ht_run_trials *q);

#endif
