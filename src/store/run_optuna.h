/** @file src/store/run_optuna.h
 *  The study of a run in Optuna's format (hotcb.tune.study.sqlite), written while the run goes on: one trial for
 *  each segment. What becomes what, and why, stands in docs/optuna.md.
 *
 *  Records become trials in memory; now and then those go into the file in one short transaction, which is repeated
 *  until it succeeds. A file that cannot be written costs nothing but memory, up to a bound. */
#ifndef HT_STORE_RUN_OPTUNA_H
#define HT_STORE_RUN_OPTUNA_H

#include "population/coordinator.h"
#include "store/file.h"

typedef struct ht_run_optuna ht_run_optuna;

typedef struct {
    const char *dir;            /**< exists */
    const char *name;           /**< of the problem, and so of the study; NULL or "" = that of dir */
    unsigned long run;          /**< its number in dir: user attribute `run` of each trial */
    bool resumed;               /**< the run of that number goes on: trials that are there do not come again */
    const char *id;             /**< of the run, in study.h5 */
    const ht_recipe *recipe;    /**< at the start */
    int n_replicas;
    const ht_file_guard *guard; /**< asked before a transaction is ended; borrowed; NULL = nobody is */
} ht_run_optuna_options;

/** Everything else in `o` is copied. The file is opened now if it is there and the run is new, else with the first
 *  trial; trials of earlier runs that still seem to run become FAIL. What is wrong with the file shows later: ht_run_optuna_tick.
 *  @param now  seconds since 1970   @return HT_OK, HT_ENOMEM */
ht_status ht_run_optuna_open(const ht_run_optuna_options *o, double now, ht_run_optuna **out, ht_error *err);
/** Take what a record says of a segment; writes nothing.
 *  @return HT_OK; HT_ENOMEM: this segment will be missing, or a part of it */
ht_status ht_run_optuna_take(ht_run_optuna *s, const ht_record *record, const ht_coordinator_view *view, double now,
                             ht_error *err);
/** Now and then, between records: write what waits, at most once a second, and so that it takes no more than a
 *  fiftieth of the time.
 *  @param clock  seconds, monotonic   @param now  seconds since 1970
 *  @return HT_OK; HT_EIO: kept, and tried again; HT_ENOMEM */
ht_status ht_run_optuna_tick(ht_run_optuna *s, double clock, double now, ht_error *err);
/** Write everything, also what still runs (as FAIL); waits some seconds for another program that holds the file. */
ht_status ht_run_optuna_finish(ht_run_optuna *s, double now, ht_error *err);
/** Why the file will not be written (it is somebody else's, or of another kind of objective); NULL = it is. */
const char *ht_run_optuna_refusal(const ht_run_optuna *s);
void ht_run_optuna_close(ht_run_optuna *s);     /**< NULL is allowed; what was not written is lost */

#endif
