/** @file src/store/optuna.h
 *  A study in Optuna's own SQLite format: what we tried, for optuna.load_study, its plots, and optuna-dashboard.
 *
 *  Written for Optuna 3.2 and later (schema 12, revision v3.2.0.a); docs/optuna.md shows the tables. A file that
 *  Optuna made is gone on with, and Optuna goes on with ours. One writer at a time.
 *
 *  Changes gather in a transaction until ht_optuna_commit, so a crash loses whole changes, never half of one.
 *  While another program holds the file, a commit fails with HT_EIO; nothing is lost: commit again later. */
#ifndef HT_STORE_OPTUNA_H
#define HT_STORE_OPTUNA_H

#include "base/json.h"
#include "store/file.h"

typedef struct ht_optuna ht_optuna;

/** Open the study `name` in the file, making what is missing.
 *  @return HT_OK; HT_EFORMAT: no SQLite file, none of Optuna's, or of another version; HT_EREFUSED: the study has
 *          the other direction or several objectives; HT_EIO; HT_ENOMEM */
ht_status ht_optuna_open(const char *path, const char *name, bool maximize, ht_optuna **out, ht_error *err);
/** What is not committed is lost. NULL is allowed. */
void ht_optuna_close(ht_optuna *o);
ht_status ht_optuna_commit(ht_optuna *o, ht_error *err);
/** What is not committed never was; who keeps it may put it again. */
void ht_optuna_roll_back(ht_optuna *o);

/** Trials that run (of an earlier start that was killed) become FAIL. @param[out] n  how many */
ht_status ht_optuna_abandon(ht_optuna *o, double now, size_t *n, ht_error *err);
/** The trial whose user attribute `key` has this value. @return HT_OK, HT_ENOTFOUND, HT_EIO */
ht_status ht_optuna_find(ht_optuna *o, const char *key, const cJSON *value, long long *trial, ht_error *err);

typedef struct {
    long long id;
    bool runs;
    const char *value;          /**< of the attribute asked for, as JSON; borrowed for the call */
} ht_optuna_trial;
/** Visit the trials that have a user attribute `key`, in order. `visit` changes nothing in the study; what it
 *  returns ends the walk unless HT_OK. @return HT_OK, HT_EIO, what `visit` returned */
ht_status ht_optuna_each(ht_optuna *o, const char *key, ht_status (*visit)(void *ctx, const ht_optuna_trial *t), void *ctx,
                         ht_error *err);

/** How many trials with a user attribute `key` are COMPLETE or PRUNED. @return HT_OK, HT_EIO */
ht_status ht_optuna_count_judged(ht_optuna *o, const char *key, size_t *n, ht_error *err);

/** A new trial that runs. @param now  seconds since 1970   @param[out] trial  its id */
ht_status ht_optuna_begin(ht_optuna *o, double now, long long *trial, ht_error *err);

typedef enum { HT_OPTUNA_FLOAT, HT_OPTUNA_INT, HT_OPTUNA_CATEGORY } ht_optuna_kind;
/** From where a parameter was drawn; the same kind (and choices) in all trials of a study. */
typedef struct {
    const char *name;           /**< up to 512 characters */
    ht_optuna_kind kind;
    double low, high;           /**< numbers; low > 0 if log */
    double step;                /**< 0 = continuous; of an int at least 1; not with log */
    bool log;
    size_t n_choices;
    const ht_scalar *choices;   /**< [n_choices] of a category; borrowed */
} ht_optuna_distribution;
/** @param value  of a category: index of the choice */
ht_status ht_optuna_param(ht_optuna *o, long long trial, const ht_optuna_distribution *d, double value, ht_error *err);

/** From where the first trial that has this parameter drew it. @param[out] out  its name is `param`, borrowed
 *  @return HT_OK; HT_ENOTFOUND: no trial has it; HT_EREFUSED: it is not continuous; HT_EIO */
ht_status ht_optuna_range(ht_optuna *o, const char *param, ht_optuna_distribution *out, ht_error *err);
/** All trials that have the parameter drew it from `d` (Optuna compares only those that did from the same). */
ht_status ht_optuna_spread(ht_optuna *o, const ht_optuna_distribution *d, ht_error *err);

/** A value on the way; one of the same step is replaced. */
ht_status ht_optuna_intermediate(ht_optuna *o, long long trial, long long step, double value, ht_error *err);
/** One of the same key is replaced. `value` is borrowed. */
ht_status ht_optuna_attribute(ht_optuna *o, long long trial, const char *key, const cJSON *value, ht_error *err);
ht_status ht_optuna_study_attribute(ht_optuna *o, const char *key, const cJSON *value, ht_error *err);

typedef enum { HT_OPTUNA_COMPLETE, HT_OPTUNA_PRUNED, HT_OPTUNA_FAIL } ht_optuna_state;
/** @param value  NaN = none; COMPLETE needs one
 *  @return HT_OK; HT_EINVAL: COMPLETE without a value; HT_EIO, HT_ENOMEM */
ht_status ht_optuna_finish(ht_optuna *o, long long trial, double now, ht_optuna_state state, double value,
                           ht_error *err);

/** Give the file a new inode (store/file_cut.h): what a process that had it open still writes, nobody sees. If that one
 *  was stopped in the middle of a transaction, the transaction is undone when the file is opened next.
 *  @return HT_OK, also when there is no file; HT_EIO, HT_ENOMEM, what the guard said: the file is as it was */
ht_status ht_optuna_renew(const char *path, const ht_file_guard *guard, ht_error *err);

#endif
