/** @file src/store/run_trial.h
 *  A segment on its way into a study in Optuna's format: what is known of it, and what of that is not in the file. */
#ifndef HT_STORE_RUN_TRIAL_H
#define HT_STORE_RUN_TRIAL_H

#include "store/optuna.h"

typedef struct {
    long long step;
    double value, time;         /**< objective; seconds since 1970 */
} ht_run_step;

typedef struct {
    size_t n, room;
    ht_run_step *at;            /**< [n], owned */
} ht_run_steps;
/** @return HT_OK, HT_ENOMEM */
ht_status ht_run_steps_add(ht_run_steps *s, long long step, double value, double time, ht_error *err);
/** Forget the first n. */
void ht_run_steps_drop(ht_run_steps *s, size_t n);

typedef struct {
    char key[48];               /**< where it is in the logs; unique: "r1/m_00012", "r1/s_00012/3" */
    unsigned long mutation;     /**< 0 = of a pooled run */
    long long start_step;
    double started, ended;      /**< seconds since 1970; ended 0: it runs */
    ht_optuna_state state;      /**< once it has ended */
    double value;               /**< NaN = none */
    size_t n_values;
    double *values;             /**< [n_values] of the parameters, by their index in the space; owned */
    ht_run_steps steps;         /**< not written */
    cJSON *attributes;          /**< not written; an object; owned */
    long long id;               /**< in the file, if `written` or begun in the transaction that is open */
    bool written;               /**< it is in the file, but for what is not written */
    bool known;                 /**< it was in the file before this process began, whole: not to be written again */
} ht_run_trial;

/** @param values  [n_values], copied   @return NULL: no memory */
ht_run_trial *ht_run_trial_create(const char *key, size_t n_values, const double *values);
void ht_run_trial_destroy(ht_run_trial *t);     /**< NULL is allowed */
/** Something of it is not in the file. */
bool ht_run_trial_waits(const ht_run_trial *t);
/** It goes into the open transaction of `o`. `params` has a distribution for each of its values, and the value as it is
 *  written, or NaN. */
ht_status ht_run_trial_write(ht_run_trial *t, ht_optuna *o, const ht_optuna_distribution *params, const double *held,
                             ht_error *err);
/** The transaction is in the file. */
void ht_run_trial_settle(ht_run_trial *t);

#endif
