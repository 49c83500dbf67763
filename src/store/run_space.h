/** @file src/store/run_space.h
 *  The knobs of a run as parameters of a study in Optuna's format.
 *
 *  Optuna compares trials only in parameters that all of them drew from the same distribution. So there is one for
 *  each knob: the recipe's range where there is one, else decades about the values; it grows when a value lies
 *  outside, and then all trials get it. What is in the file already counts first (kind of scale) and is held, too. */
#ifndef HT_STORE_RUN_SPACE_H
#define HT_STORE_RUN_SPACE_H

#include "population/tuned.h"
#include "store/optuna.h"
#include "tune/record.h"

typedef struct {
    char name[2 * HT_NAME_MAX + 8];     /**< "opt.lr"; of a tuple "opt.betas.0" */
    bool log;
    double low, high;                   /**< low > high: nothing is known yet */
    double floor;                       /**< what stands for 0 on a logarithmic scale; 0 = low does */
    double start;                       /**< value before the first mutation; NaN = unknown */
    bool compared;                      /**< what the file has is in it */
    bool spread;                        /**< trials in the file have a smaller range */
    bool refused;                       /**< the file has it as another kind of parameter: it is left out */
} ht_run_param;

typedef struct {
    size_t n;
    ht_run_param *p;                    /**< [n], owned */
} ht_run_space;

void ht_run_space_release(ht_run_space *s);
/** The knobs of a pooled run. @param[out] at  [t->n] index of each   @return HT_OK, HT_ENOMEM */
ht_status ht_run_space_tuned(ht_run_space *s, const ht_tuned *t, size_t *at, ht_error *err);
/** What the factors of the recipe can move, from the program's description of its knobs (hotcb.actuators.json).
 *  @return HT_OK, also if there is nothing to be read; HT_ENOMEM */
ht_status ht_run_space_controls(ht_run_space *s, const ht_recipe *r, const char *controls, ht_error *err);
/** The numbers that a mutation touched; those that are not there are added. `visit` gets each with its value
 *  before and after. @return HT_OK, HT_ENOMEM, what `visit` returned */
ht_status ht_run_space_changed(ht_run_space *s, const ht_mutation *m,
                               ht_status (*visit)(void *ctx, size_t at, double before, double after, ht_error *err),
                               void *ctx, ht_error *err);

/** Compare with what the file has. @return HT_OK, HT_EIO, HT_ENOMEM */
ht_status ht_run_param_compare(ht_run_param *p, ht_optuna *o, ht_error *err);
/** The value as it is written, inside the range, which grows if it must. NaN: not to be written. */
double ht_run_param_hold(ht_run_param *p, double value);
/** Its name is borrowed from p. */
ht_optuna_distribution ht_run_param_distribution(const ht_run_param *p);

#endif
