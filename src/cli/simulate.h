/** @file src/cli/simulate.h
 *  What the verb `simulate` is asked to do (simulate_ask.c), and what it prints (simulate_report.c). */
#ifndef HT_CLI_SIMULATE_H
#define HT_CLI_SIMULATE_H

#include "cli/cli.h"
#include "simulate/simulation.h"

/** One simulation: its options, and what they point to. */
typedef struct {
    ht_simulation_options o;
    ht_recipe *recipe;      /**< owned */
    const char *name;       /**< of the recipe, for people; borrowed */
} ht_sim_ask;

/** @param records  [n] recorded curves, borrowed; n = 0: synthetic ones
 *  @param[out] out  ht_sim_ask_release, also after a failure. @return as ht_args_real and ht_recipe_load */
ht_status ht_sim_ask_read(const ht_args *args, size_t n, const ht_curve_record *records, ht_sim_ask *out, ht_error *err);
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
