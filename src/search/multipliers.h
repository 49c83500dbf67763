/** @file src/search/multipliers.h
 *  The mutation posterior of pooled islands: by which factor to multiply each knob next.
 *
 *  Every mutant changes all knobs at once (`search.joint`), each by a draw from its own TPE over log
 *  multipliers, so one score teaches about all of them. Observations of another phase weigh
 *  `search.other_phase_weight`. Scores are standardised (z) and maximised. Memory: the last
 *  HT_MULTIPLIERS_CAPACITY observations of each knob. One owner, no lock.
 *  Source: Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011, section 4. */
#ifndef HT_SEARCH_MULTIPLIERS_H
#define HT_SEARCH_MULTIPLIERS_H

#include "base/random.h"
#include "recipe/recipe.h"

enum { HT_MULTIPLIERS_CAPACITY = 600 };

typedef struct ht_multipliers ht_multipliers;

/** What one knob's multiplier may be. */
typedef struct {
    double lo, hi;      /**< bounds of the factor, 0 < lo <= hi */
    double center;      /**< factor to which proposals of this phase lean (prior), > 0 */
    double spread;      /**< standard deviation of what won before, in log; 0 = unknown */
} ht_multiplier_range;

ht_status ht_multipliers_create(size_t n_knobs, ht_multipliers **out, ht_error *err);
void ht_multipliers_destroy(ht_multipliers *m);
/** x: log of the factor that was used; z: its standardised score, greater is better.
 *  @return HT_OK; HT_EINVAL: no such knob, x or z not finite: nothing is added; HT_ENOMEM */
ht_status ht_multipliers_add(ht_multipliers *m, size_t knob, const char *phase, double x, double z, ht_error *err);
size_t ht_multipliers_count(const ht_multipliers *m, size_t knob);
/** A log factor inside the bounds; a function of the arguments alone. `r->search` says how: random or tpe,
 *  startup_trials (per knob and phase), gamma, candidate_count, other_phase_weight. */
double ht_multipliers_propose(const ht_multipliers *m, const ht_recipe *r, size_t knob, const char *phase,
                              const ht_multiplier_range *range, ht_random *random);

#endif
