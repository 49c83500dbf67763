/** @file src/cli/study_runs.h
 *  What the verbs that read studies share: the files that a word names, and a run in brief. */
#ifndef HT_CLI_STUDY_RUNS_H
#define HT_CLI_STUDY_RUNS_H

#include "cli/cli.h"
#include "store/study_table.h"

/** The studies that a word names: the file itself; of a directory its study.h5 and those one level below.
 *  @param[out] out  paths, in order of name; ht_study_names_release
 *  @return HT_OK; HT_ENOTFOUND: err says that there is none; HT_ENOMEM */
ht_status ht_study_paths(const char *word, ht_study_names *out, ht_error *err);

/* Add dir/name if it is there; the files in `dir` whose names end in `end`, in order of name. false: no
 * memory */
bool ht_study_add_existing(ht_study_names *n, const char *dir, const char *name);
bool ht_study_add_below(ht_study_names *n, const char *dir, const char *end);

/** Open a study or a sweep; a champion is refused. @return as ht_study_file_open, HT_EINVAL */
ht_status ht_study_open_runs(const ht_cli *cli, const char *path, ht_study_file **out, ht_error *err);

/** Every run of a study in brief, oldest first, an object each: id, name, started, ended, state ("ended",
 * "goes on", "killed", "unknown"), replicas, segments, accepted, value_first, value_best (of its curves),
 * result_val, result_test, gain, recipe_hash, and `object`: where it is in the file.
 *  @param[out] out  an array owned by the caller (cJSON_Delete) */
ht_status ht_study_runs(const ht_study_file *f, cJSON **out, ht_error *err);

/** Print them as a table, a line each. */
void ht_study_print_runs(const cJSON *runs, int indent);

/** Before anything is taken from a file: one that has lost its seal is read whole, in a child process, because HDF5 may
 * break down on damage, and so that damage is not carried on under a new seal. The user is warned of it.
 *  @return HT_OK: there is a seal (which whoever opens it checks), or it is whole; HT_EFORMAT, HT_ENOTFOUND,
 * HT_EIO */
ht_status ht_study_check_unsealed(const ht_cli *cli, const char *path, ht_error *err);

/** "2026-11-26 14:20:56" (UTC), "-" for a time that is none. */
void ht_print_time(double seconds, char text[32]);

#endif
