/** @file src/store/recorder.h
 *  The one writer of a run: puts every record of the coordinator where it belongs, keeps the summary and
 *  the study up to date. A failure to write is reported, remembered, and tried again; it never stops a run. */
#ifndef HT_STORE_RECORDER_H
#define HT_STORE_RECORDER_H

#include "store/record_json.h"
#include "store/run_dir.h"
#include "store/study.h"

typedef struct ht_recorder ht_recorder;

typedef struct {
    const char *dir;            /**< exists */
    const char *study;          /**< path of the study; NULL = study.h5 in dir */
    const char *name;           /**< of the problem; NULL = "" */
    const ht_run_history *history;
    const ht_recipe *recipe;    /**< at the start */
    unsigned long long seed;
    int n_replicas, ranks_per_replica;
    const char *mpi_version;
} ht_recorder_options;

/** Opens every file. @return HT_OK; HT_EIO names the file; HT_EFORMAT, HT_EREFUSED: the study */
ht_status ht_recorder_create(const ht_recorder_options *o, ht_recorder **out, ht_error *err);
/** Write one record. @return HT_OK; HT_EIO: kept for later, err names the file */
ht_status ht_recorder_write(ht_recorder *r, const ht_record *record, const ht_coordinator_view *view,
                            ht_error *err);
/** Now and then, after records: the summary at most once a second, the study every half minute, and what
 *  could not be written before. @return HT_OK: nothing is owed; HT_EIO: err names the file */
ht_status ht_recorder_tick(ht_recorder *r, const ht_coordinator *c, double now, ht_error *err);
/** The test result of the champion, for the study; NaN = unknown. */
void ht_recorder_result(ht_recorder *r, double val, double test);
/** Final summary and study. */
ht_status ht_recorder_finish(ht_recorder *r, const ht_coordinator *c, ht_error *err);
unsigned long ht_recorder_run(const ht_recorder *r);    /**< number of this run in its directory */
void ht_recorder_destroy(ht_recorder *r);

#endif
