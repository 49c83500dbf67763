/** @file src/store/study.h
 *  The study: all runs of one problem in one HDF5 file. Layout: docs/study-format.md.
 *
 *  Publishing writes a new file beside the old one (runs of others are copied over), syncs and renames
 *  it: a reader always sees a whole file. One writer. */
#ifndef HT_STORE_STUDY_H
#define HT_STORE_STUDY_H

#include "recipe/evolve.h"
#include "tune/record.h"
#include "tune/statistics.h"

/** One point of a replica's curve. */
typedef struct {
    int replica;
    long long step, epoch;
    double value;               /**< primary metric */
} ht_curve_point;

/** One run as the study keeps it. Everything borrowed. */
typedef struct {
    char id[HT_NAME_MAX];       /**< unique in the study: "<host>-<pid>-<start>-r1" */
    const char *name;           /**< of the problem, e.g. "fashion"; NULL = "" */
    double started, ended;      /**< seconds since 1970; ended 0 = still running */
    unsigned long long seed;
    int n_replicas, ranks_per_replica;
    const char *mpi_version, *slurm_job, *nodes;    /**< NULL = "" */
    const ht_recipe *recipe;    /**< in force at the end */
    const char *base_recipe;    /**< its text at the start, YAML */
    bool has_result;
    double result_val, result_test;     /**< NaN = unknown */
    size_t n_segments;
    const ht_segment *segments;     /**< [n_segments] */
    const ht_mutation *mutations;   /**< [n_segments] the mutation of each segment */
    size_t n_points;
    const ht_curve_point *points;   /**< [n_points] */
    const ht_statistics *statistics;
    const ht_posterior *posterior;
} ht_study_run;

/** Put a run into the study at `path` (created if missing; a run of the same id is replaced).
 *  @return HT_OK; HT_EIO; HT_EFORMAT: the file there is no study, or of a newer version: untouched;
 *          HT_EREFUSED: another objective or direction: untouched */
ht_status ht_study_publish(const char *path, const ht_study_run *run, ht_error *err);

/** Evidence of every run in a study, oldest first. `runs` and what it points to: ht_study_evidence_free. */
ht_status ht_study_evidence(const char *path, size_t *n, ht_run_evidence **runs, ht_error *err);
void ht_study_evidence_free(size_t n, ht_run_evidence *runs);

/** The evolved recipe text of the study (YAML), owned by the caller; HT_EEMPTY if there is none. */
ht_status ht_study_recipe(const char *path, char **yaml, ht_error *err);

#endif
