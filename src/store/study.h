/** @file src/store/study.h
 *  The study: all runs of one problem in one HDF5 file. Layout: docs/study-format.md.
 *
 *  Publishing puts the run into a file of its own, its part (study_parts.h), and merges all parts and the
 * study into a new study. Each file is built in memory, written beside the old one, synced and renamed: a
 * reader always sees a whole file, HDF5's file locks are not needed, and no run writes what another one must
 * keep. */
#ifndef HT_STORE_STUDY_H
#define HT_STORE_STUDY_H

#include "population/learned.h"
#include "population/pool.h"
#include "population/tuned.h"
#include "recipe/evolve.h"
#include "store/file.h"
#include "store/places.h"
#include "tune/record.h"
#include "tune/statistics.h"

/** One point of a replica's curve. */
typedef struct {
    int replica;
    long long step, epoch;
    double value; /**< primary metric */
} ht_curve_point;

/** One run as the study keeps it. Everything borrowed. */
typedef struct {
    char id[HT_NAME_MAX];  /**< unique in the study: "<host>-<pid>-<start>-r1" */
    const char *name;      /**< of the problem, e.g. "fashion"; NULL = "" */
    double started, ended; /**< seconds since 1970; ended 0 = still running */
    unsigned long long seed;
    int n_replicas, ranks_per_replica;
    double opened; /**< when the process began that tells: later than `started` if it was resumed; 0 = as
                      `started` */
    const char *host, *mpi_version, *slurm_job, *nodes; /**< NULL = "" */
    const ht_places *places;                            /**< of its ranks; NULL = unknown */
    const ht_recipe *recipe;                            /**< in force at the end */
    const char *base_recipe; /**< its text at the start, YAML; NULL = as `recipe` */
    bool has_result;
    double result_val, result_test;     /**< NaN = unknown */
    const struct ht_run_tables *tables; /**< NULL = none */
    const ht_statistics *statistics;
    const ht_posterior *posterior; /**< NULL = none */
    const ht_tuned *tuned;         /**< knobs of a pooled run; NULL: the replicas are independent */
    const ht_pool *pool;           /**< of a pooled run; NULL: nothing is known but its segments */
    const ht_learned *learned;     /**< of `pool`; NULL: nothing */
    const ht_file_guard *guard;    /**< asked before a file is replaced; NULL: nobody is */
} ht_study_run;

/** Whether a run with this recipe may be put into the study at `path`: it is missing, or about the same
 *  objective. @return HT_OK, or what ht_study_publish would refuse it with */
ht_status ht_study_fits(const char *path, const ht_recipe *recipe, ht_error *err);

/** Put a run into the study at `path` (created if missing; a run of the same id is replaced unless it is more
 *  complete, study_merge.h). The recipe of the study is evolved anew from the evidence of all its runs: from
 * that of the newest run which began with a recipe that none of them had gone into, else from that of the
 * oldest run.
 *  @return HT_OK; HT_EIO; HT_EFORMAT: the file there, or a part, is no study, damaged, or of a newer version:
 * untouched; HT_EREFUSED: another objective or direction: untouched; HT_ENOMEM */
ht_status ht_study_publish(const char *path, const ht_study_run *run, ht_error *err);

/** Bring counts and evidence of a run that was killed, and that the study has, up to date, and say when it
 * ended; its tables stay as they are. @return as ht_study_publish */
ht_status ht_study_amend(const char *path, const char *id, const ht_statistics *statistics, double ended,
                         ht_error *err);

/** Evidence of every run in a study, oldest first; `source` is the id of the run. `runs` and what it points
 *  to: ht_study_evidence_free.
 *  @return HT_OK; HT_ENOTFOUND; HT_EFORMAT: err names what is damaged; HT_ENOMEM */
ht_status ht_study_evidence(const char *path, size_t *n, ht_run_evidence **runs, ht_error *err);
void ht_study_evidence_free(size_t n, ht_run_evidence *runs);

/** The version of the format of the study at `path`.
 *  @return HT_OK; HT_ENOTFOUND; HT_EFORMAT: damaged, no study, or newer than this program */
ht_status ht_study_version(const char *path, long long *version, ht_error *err);

/** The evolved recipe text of the study (YAML), owned by the caller.
 *  @return HT_OK; HT_ENOTFOUND; HT_EEMPTY if there is none; HT_EFORMAT */
ht_status ht_study_recipe(const char *path, char **yaml, ht_error *err);

#endif
