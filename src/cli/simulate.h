/** @file src/cli/simulate.h
 *  What the verb `simulate` is asked to do (simulate_ask.c), and what it prints (simulate_report.c); recorded curves
 *  (simulate_curves.c). */
#ifndef HT_CLI_SIMULATE_H
#define HT_CLI_SIMULATE_H

#include "cli/cli.h"
#include "simulate/simulation.h"

/** Recorded curves of a study, one of each replica of each run: the best value so far after each safe point; values that
 *  are to be maximised are negated. */
typedef struct {
    size_t n;
    ht_curve_record *records;   /**< [n], owned */
    double *values;             /**< of all of them, owned */
} ht_sim_curves;

/** @param smaller  values are better
 *  @param[out] out  ht_sim_curves_release, also after a failure
 *  @return HT_OK; HT_ENOTFOUND, HT_EFORMAT: no study; HT_EEMPTY: it has no curves; HT_ENOMEM */
ht_status ht_sim_curves_read(const char *path, bool smaller, ht_sim_curves *out, ht_error *err);
void ht_sim_curves_release(ht_sim_curves *c);

/** One simulation: its options, and what they point to. */
typedef struct {
    ht_simulation_options o;
    ht_recipe *recipe;      /**< owned */
    const char *name;       /**< of the recipe, for people; borrowed */
    ht_sim_curves curves;   /**< owned; none = synthetic */
} ht_sim_ask;

/** @param[out] out  ht_sim_ask_release, also after a failure. @return as ht_args_real, ht_recipe_load, ht_sim_curves_read */
ht_status ht_sim_ask_read(const ht_args *args, ht_sim_ask *out, ht_error *err);
void ht_sim_ask_release(ht_sim_ask *ask);

typedef struct {
    const char *setting;    /**< the value of the swept option; NULL = there is none */
    ht_sim_ask ask;
    ht_simulation_result result;
    char *plan;             /**< lines; owned */
} ht_sim_row;

/** What was measured is left out where `timing` is false: all else is the same each time. */
void ht_sim_report(const ht_sim_row *row, bool timing);
void ht_sim_report_sweep(const char *option, size_t n, const ht_sim_row *rows, bool timing);
cJSON *ht_sim_report_json(const ht_sim_row *row, bool timing);      /**< owned by the caller */

#endif
