/** @file src/store/study_format.h
 *  The layout of a study file, version 1, shared by the code that writes it and the code that reads it.
 *  docs/study-format.md tells the same to users. */
#ifndef HT_STORE_STUDY_FORMAT_H
#define HT_STORE_STUDY_FORMAT_H

#include "store/h5.h"
#include "store/study.h"

#define HT_STUDY_FORMAT "hottune-study"
enum { HT_STUDY_VERSION = 1 };

/* Attributes of the root. */
#define HT_STUDY_OBJECTIVE "objective"
#define HT_STUDY_DIRECTION "direction"
#define HT_STUDY_NAME "name"
#define HT_STUDY_CREATED "created"
#define HT_STUDY_MODIFIED "modified"
/* Attributes of a run. */
#define HT_STUDY_MODE "mode"
#define HT_STUDY_UPDATED "updated"
#define HT_STUDY_OPENED "opened"

/** A row of /runs/<id>/evidence. */
typedef struct {
    char actuator[HT_NAME_MAX], key[HT_NAME_MAX], phase[HT_NAME_MAX];
    double win_rate, mean_score, win_center, win_spread, wins;
} ht_study_evidence_row;
extern const ht_h5_table ht_study_evidence_table;

/** The attributes that say what a file is and what wrote it. false: HDF5 refused */
bool ht_study_put_versions(hid_t file, const char *format, long long version);
/** The attributes that say with what a run was made: versions of hottune, HDF5, compiler; commit. */
bool ht_study_put_build(hid_t group);
double ht_study_now(void);      /**< seconds since 1970 */

/** What the root of a study says, beside the versions. */
typedef struct {
    char name[256], objective[HT_NAME_MAX], direction[16];
    double created, modified;       /**< seconds since 1970; 0 = unknown */
} ht_study_root;
bool ht_study_put_root(hid_t file, const ht_study_root *root);
/** @param path  for messages @return HT_OK, HT_EFORMAT */
ht_status ht_study_get_root(hid_t file, const char *path, ht_study_root *root, ht_error *err);

/** From all that stands under /runs: /recipe, /space, /priors, /posterior, which must not be there.
 *  @param path  for messages */
ht_status ht_study_complete(hid_t file, const char *path, ht_error *err);

/** "minimize" or "maximize" */
const char *ht_study_direction_text(ht_direction d);

/** Open a study for reading and check that it is one that we know.
 *  @return HT_OK; HT_ENOTFOUND; HT_EFORMAT: no HDF5, no study, or a newer version */
ht_status ht_study_open(const char *path, hid_t *file, ht_error *err);

/** Evidence of every run in an open study, oldest first; see ht_study_evidence. `path` is for messages. */
ht_status ht_study_read_evidence(hid_t file, const char *path, size_t *n, ht_run_evidence **runs,
                                 ht_error *err);

/** Write a run into an empty group of a file in memory. false: HDF5 refused, or no memory. */
bool ht_study_write_run(hid_t group, const ht_study_run *run);
/** The part of it that comes from statistics: counts and evidence, which must not be there. */
bool ht_study_put_outcome(hid_t group, const ht_statistics *s);
/** The part of it that comes from a pool: plan, lineage, schedule, gain. */
bool ht_study_write_pool(hid_t group, const ht_pool *pool, const ht_tuned *tuned);
/** Write what the next run may learn of this one, and read it. Reading: a run without the table has no lessons; `lessons`
 *  is owned by the caller, also after a failure. false: HDF5 refused, no memory; reading: damaged */
bool ht_study_write_lessons(hid_t group, const ht_learned *learned, const ht_pool *pool);
bool ht_study_read_lessons(hid_t run, ht_run_evidence *out);
/** The table of where the ranks of a run are, and reading it: without the table *out is untouched, else it is
 *  owned by the caller. false: HDF5 refused, no memory; reading: damaged */
bool ht_study_write_places(hid_t group, const ht_places *p);
bool ht_study_read_places(hid_t run, ht_places *out);
/** Attribute `parents`: the runs whose outcomes went into the recipe. */
bool ht_study_put_parents(hid_t group, const ht_recipe *r);
/** Attribute `meaning`: what the attributes and objects at, or below, this group mean, a line each. */
typedef enum { HT_MEANING_ROOT, HT_MEANING_RUNS, HT_MEANING_RECIPE, HT_MEANING_PRIORS, HT_MEANING_POSTERIOR } ht_meaning;
bool ht_study_put_meaning(hid_t group, ht_meaning m);
/** Write /space and /priors of a recipe. */
bool ht_study_write_space(hid_t file, const ht_recipe *r);

/** A recipe as YAML text, owned by the caller (free); NULL: no memory. */
char *ht_study_recipe_text(const ht_recipe *r);

#endif
