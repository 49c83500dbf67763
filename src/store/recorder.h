/** @file src/store/recorder.h
 *  The one writer of a run: puts every record of the coordinator where it belongs, keeps the summary and
 *  the study up to date. A failure to write is reported, remembered, and tried again; it never stops a run.
 *
 *  With the same records the logs are the same byte for byte but for `wall_time` (and the times in
 *  events.log). A line is one write, not synced: the death of the process loses none, that of the machine
 *  the last ones. Files that are replaced are synced, and everything is at the end. */
#ifndef HT_STORE_RECORDER_H
#define HT_STORE_RECORDER_H

#include "store/commit.h"
#include "store/places.h"
#include "store/record_json.h"
#include "store/run_dir.h"
#include "store/run_lock.h"
#include "store/study.h"

typedef struct ht_recorder ht_recorder;

typedef struct {
    const char *dir;            /**< exists */
    const char *study;          /**< path of the study; NULL = study.h5 in dir */
    const char *name;           /**< of the problem; NULL = "" */
    const ht_run_history *history;
    const ht_recipe *recipe;    /**< at the start */
    const ht_recipe *base;      /**< the same before a study's evidence went in; NULL = recipe */
    unsigned long long seed;
    int n_replicas, ranks_per_replica;
    const char *mpi_version;
    const ht_places *places;    /**< of all ranks; NULL = unknown */
    const ht_run_sign *before;  /**< of the run before in dir: what it left of files it was replacing is removed; NULL =
                                 *   none */
    ht_run_lock *lock;          /**< of dir; borrowed until the recorder is destroyed; NULL = none */
    unsigned long resumes;      /**< number of the run that goes on; 0 = a new run begins */
    double began;               /**< when that run began, seconds since 1970 */
    const char *study_run;      /**< its id in the study */
    const cJSON *start;         /**< what this start says of itself: `start` in the summary, if it has members, as it is then.
                                     Borrowed until the recorder is destroyed; NULL = nothing */
} ht_recorder_options;

/** Changes no file. Everything in `o` is copied but lock and start. @return HT_OK; HT_EIO names the file; HT_EFORMAT,
 *  HT_EREFUSED: the study; HT_ENOMEM */
ht_status ht_recorder_create(const ht_recorder_options *o, ht_recorder **out, ht_error *err);
/** The run begins, or goes on: opens every file, after the logs were cut or renewed (ht_recorder_log). Until then
 *  ht_recorder_write keeps events and drops all else, and ht_recorder_tick gives no more than a sign of life. @return as ht_recorder_create */
ht_status ht_recorder_begin(ht_recorder *r, ht_error *err);
/** Name of the i-th file in the directory that lines are appended to; NULL: there are no more. */
const char *ht_recorder_log(size_t i);
/** Write one record. @return HT_OK; HT_EIO: kept for later, err names the file; HT_ENOMEM: the record is
 *  missing in the study */
ht_status ht_recorder_write(ht_recorder *r, const ht_record *record, const ht_coordinator_view *view,
                            ht_error *err);
/** The same of a record that the logs have already: a run that is resumed tells its coordinator again what happened.
 *  Only what the recorder itself remembers of a run changes. */
void ht_recorder_recall(ht_recorder *r, const ht_record *record, const ht_coordinator_view *view);
/** The logs and how long they are now, for a checkpoint; false: lines wait to be written, or no memory.
 *  @param[out] logs  [*n], owned by the caller */
bool ht_recorder_sizes(const ht_recorder *r, size_t *n, ht_commit_log **logs);
/** Now and then, after records: the summary after each verdict and once a second while tuning is or was on,
 *  the descriptions of knobs, the study every half minute, signs of life, and what could not be written before. Where the
 *  disk is slow, files that are replaced come less often.
 *  @param now  seconds, monotonic
 *  @return HT_OK: nothing is owed; HT_EIO: err names the file; HT_EFORMAT, HT_EREFUSED: the study */
ht_status ht_recorder_tick(ht_recorder *r, const ht_coordinator *c, double now, ht_error *err);
/** Something to be told to people, once: a file that this run goes without, and why. Borrowed; NULL = nothing. */
const char *ht_recorder_notice(ht_recorder *r);
/** Lines that are kept because the disk refused them, and that had to be dropped. */
void ht_recorder_owed(const ht_recorder *r, size_t *kept, size_t *dropped);
/** What the champion is worth, for the study, where the coordinator does not know; NaN = unknown. */
void ht_recorder_result(ht_recorder *r, double val, double test);
/** Final summary and study; syncs all; closes the record of the lock. Tries everything, whatever fails. @return the first failure */
ht_status ht_recorder_finish(ht_recorder *r, const ht_coordinator *c, ht_error *err);
/** The run stops here and goes on in another job: everything is written and synced, nothing is called finished. */
ht_status ht_recorder_leave(ht_recorder *r, const ht_coordinator *c, ht_error *err);
unsigned long ht_recorder_run(const ht_recorder *r);    /**< number of this run in its directory */
double ht_recorder_began(const ht_recorder *r);         /**< seconds since 1970 */
const char *ht_recorder_study_run(const ht_recorder *r);    /**< its id in the study; borrowed */
void ht_recorder_destroy(ht_recorder *r);               /**< NULL is allowed */

#endif
