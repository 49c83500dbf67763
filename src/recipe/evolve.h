/** @file src/recipe/evolve.h
 *  A recipe learns from finished runs: priors move towards what won.
 *
 *  Source: the seed's evolve step (prior_center := (1-alpha) * prior_center + alpha * what won),
 *  on the family's own scale (geometric for factors), plus priors per phase with an effective
 *  sample size that decays from run to run. */
#ifndef HT_RECIPE_EVOLVE_H
#define HT_RECIPE_EVOLVE_H

#include "recipe/recipe.h"

/** What one run says of one family, over all phases (phase "") or in one phase. */
typedef struct {
    char actuator[HT_NAME_MAX], key[HT_NAME_MAX];
    char phase[HT_NAME_MAX];    /**< "" = all phases together */
    double win_rate;            /**< accepted / decided segments */
    double mean_score;
    double win_center;          /**< mean of the accepted values on the family's scale, as a value */
    double win_spread;          /**< their standard deviation on that scale */
    double wins;                /**< number of accepted segments; 0: win_center means nothing */
} ht_evidence;

/** Evidence of one run. */
typedef struct {
    char source[2 * HT_NAME_MAX];   /**< names the run in the recipe's provenance */
    size_t n;
    ht_evidence *evidence;          /**< [n], borrowed */
} ht_run_evidence;

/** Evolve `base` by n runs, in order. Only prior_center, the priors per phase, and `evolved` change.
 *  A family moves by a run only if its win rate is above 1/2, its mean score is above 0 and it has a
 *  win_center; a run that is already in `evolved.from` of the base changes nothing.
 *  @param alpha  step of prior_center, in [0, 1]
 *  @param decay  factor on the effective sample size of older evidence, in [0, 1]
 *  @param[out] out  a new recipe owned by the caller
 *  @return HT_OK, HT_EINVAL (alpha, decay), HT_ENOMEM */
ht_status ht_recipe_evolve(const ht_recipe *base, size_t n, const ht_run_evidence *runs,
                           double alpha, double decay, ht_recipe **out, ht_error *err);

#endif
