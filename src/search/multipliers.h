/** @file src/search/multipliers.h
 *  The mutation posterior of pooled islands: by which factor to multiply each knob next.
 *
 *  Every mutant changes all knobs at once (`search.joint`), each by a draw from its own TPE over log
 *  multipliers (posterior.h, one for each knob), so one score teaches about all of them. Observations of
 *  another phase weigh `search.other_phase_weight`. Scores are standardised (z) and maximised. Memory: the
 *  last HT_MULTIPLIERS_CAPACITY observations of each knob. One owner, no lock.
 *
 *  Before the model knows enough of a phase, or if it is not to be used, a factor is drawn as
 *  0.7 U(lo, hi) + 0.3 c with c the centre: on the scale of the factor itself, so that the larger half of
 *  the interval is tried more often than a logarithmic draw would.
 *  Source: Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011, section 4. */
#ifndef HT_SEARCH_MULTIPLIERS_H
#define HT_SEARCH_MULTIPLIERS_H

#include "base/random.h"
#include "search/posterior.h"

enum { HT_MULTIPLIERS_CAPACITY = HT_POSTERIOR_CAPACITY };

typedef struct ht_multipliers ht_multipliers;

/** What one knob's multiplier may be. */
typedef struct {
    double lo, hi;      /**< bounds of the factor, 0 < lo <= hi */
    double center;      /**< factor to which proposals of this phase lean (prior), > 0 */
    double spread;      /**< standard deviation of what won before, in log; 0 = unknown */
} ht_multiplier_range;

/** Nothing known. Owned by the caller (ht_multipliers_destroy). @return HT_OK, HT_ENOMEM */
ht_status ht_multipliers_create(size_t n_knobs, ht_multipliers **out, ht_error *err);
void ht_multipliers_destroy(ht_multipliers *m);  /**< NULL is allowed */
/** x: log of the factor that was used; z: its standardised score, greater is better.
 *  @return HT_OK; HT_EINVAL: no such knob, x or z not finite: nothing is added; HT_ENOMEM */
ht_status ht_multipliers_add(ht_multipliers *m, size_t knob, const char *phase, double x, double z,
                             ht_error *err);
/** Observations kept of a knob; 0 of one that does not exist. */
size_t ht_multipliers_count(const ht_multipliers *m, size_t knob);
/** A log factor inside the bounds; a function of the arguments alone. `r->search` says how: random or tpe,
 *  startup_trials (per knob and phase), gamma, candidate_count, phase_conditioned, other_phase_weight.
 *  @param knob  below the number of knobs */
double ht_multipliers_propose(const ht_multipliers *m, const ht_recipe *r, size_t knob, const char *phase,
                              const ht_multiplier_range *range, ht_random *random);

#endif
