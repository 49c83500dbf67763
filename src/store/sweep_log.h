/** @file src/store/sweep_log.h
 *  What is kept of a sweep: one line a trial in the log, and the same in Optuna's format.
 *
 *  The log (hotcb.sweep.trials.jsonl) is the truth: a line is written when a trial has ended, and a sweep goes on
 *  from its lines alone. The database (hotcb.tune.study.sqlite) follows; what it lacks is put in when a sweep
 *  goes on. docs/sweep.md shows both. */
#ifndef HT_STORE_SWEEP_LOG_H
#define HT_STORE_SWEEP_LOG_H

#include "population/sweep.h"

#define HT_FILE_TRIALS "hotcb.sweep.trials.jsonl"
#define HT_STUDY_NAME_OPTUNA "hottune"

typedef struct ht_sweep_log ht_sweep_log;

/** Call `visit` for every trial in the log of a directory, in order of their end. Without a log: for none.
 *  @param visit    its trial is borrowed for the call; `started` (0: unknown) and `ended` are in seconds since
 *                  1970; what it returns ends the reading unless HT_OK
 *  @param[out] bad lines that cannot be read
 *  @return HT_OK; HT_EFORMAT: a trial does not fit the space (err says which parameter); HT_EIO, HT_ENOMEM */
ht_status ht_sweep_log_each(const char *dir, const ht_space *space,
                            ht_status (*visit)(void *ctx, const ht_trial *t, double started, double ended,
                                               ht_error *err),
                            void *ctx, size_t *bad, ht_error *err);

/** Open both files of a directory that exists. The space is borrowed while the log is open.
 *  @param go_on  a sweep is there and is gone on with; else there must be none
 *  @param now    seconds since 1970
 *  @return HT_OK; HT_EREFUSED: a sweep is there, or its direction is the other one; HT_EFORMAT: the database is
 *          none that we can go on with; HT_EIO, HT_ENOMEM */
ht_status ht_sweep_log_open(const char *dir, const ht_space *space, bool maximize, bool go_on, double now,
                            ht_sweep_log **out, ht_error *err);
/** How many trials the database knows as judged that are not in the log, so that the sweep goes on without
 * them: lines of the log are damaged or gone. Counted by ht_sweep_log_open with `go_on`. */
size_t ht_sweep_log_lost(const ht_sweep_log *l);
/** Write a record down. A failure in one file does not keep it from the other. @return the first failure */
ht_status ht_sweep_log_write(ht_sweep_log *l, const ht_sweep_record *r, double now, ht_error *err);
/** Now and then, and before waiting long: the database gets what was written. */
ht_status ht_sweep_log_commit(ht_sweep_log *l, ht_error *err);
/** Commits and syncs. */
ht_status ht_sweep_log_finish(ht_sweep_log *l, ht_error *err);
void ht_sweep_log_close(ht_sweep_log *l); /**< NULL is allowed */

#endif
