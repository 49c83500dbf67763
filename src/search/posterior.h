/** @file src/search/posterior.h
 *  Judged mutations, from which the search learns what to propose next: a plain TPE.
 *
 *  A tree-structured Parzen estimator over (family, value), weighted by phase. Scores are always
 *  maximised. One owner, no lock. Memory: the last HT_POSTERIOR_CAPACITY observations.
 *  Source: Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011, section 4.
 *  We differ: weights by phase; a prior component of weight 1 in both densities; among equal scores the
 *  older rank first (the newer first would make the search follow its own last proposals through a flat
 *  history); a mutation that diverged is never a good one, even if nothing better is known; the oldest
 *  observations are forgotten, because the best multiplier drifts during a run.
 *
 *  With R the length of a family's interval on its scale, c the centre moved into it, and n observations
 *  x_j of weight w_j in the good (or bad) set, a density is
 *      d(x) = ( N(x; c, R/2) + sum_j w_j N(x; x_j, b) ) / ( 1 + sum_j w_j ),
 *      b = max(0.05 R, 0.5 R / sqrt(1 + n)),
 *  where a known spread of the centre takes the place of R/2 if it is smaller, but not below 0.05 R;
 *  on tuples with the product of the normals of all elements; a family is as likely as 1 + sum_j w_j.
 *  The answer is the first of `candidate_count` draws from the good set whose likelihood ratio good to
 *  bad (of value and family) is greatest. A draw outside the interval is replaced by a uniform one. */
#ifndef HT_SEARCH_POSTERIOR_H
#define HT_SEARCH_POSTERIOR_H

#include "base/random.h"
#include "search/proposal.h"

enum { HT_POSTERIOR_CAPACITY = 600 };

/** One judged mutation. */
typedef struct {
    char phase[HT_NAME_MAX];
    char actuator[HT_NAME_MAX], key[HT_NAME_MAX];
    size_t n;
    double x[HT_BOUNDS_MAX];    /**< [n] effective value on the family's scale */
    double y;                   /**< score, greater is better; -INFINITY = diverged */
} ht_observation;

typedef struct ht_posterior ht_posterior;

/** Empty. Owned by the caller (ht_posterior_destroy). */
ht_status ht_posterior_create(ht_posterior **out, ht_error *err);
void ht_posterior_destroy(ht_posterior *p);     /**< NULL is allowed */

/** Add one observation; the oldest is forgotten when full.
 *  @return HT_OK; HT_EINVAL if n is not in 1..HT_BOUNDS_MAX, an x is not finite, or y is NaN or
 *          +infinity: nothing is added */
ht_status ht_posterior_add(ht_posterior *p, const ht_observation *o, ht_error *err);
size_t ht_posterior_count(const ht_posterior *p);
/** The i-th observation kept, oldest first; borrowed until the next add. */
const ht_observation *ht_posterior_peek(const ht_posterior *p, size_t i);
/** The observation of rank i: 0 has the highest score, among equals the oldest leads. Borrowed likewise. */
const ht_observation *ht_posterior_ranked(const ht_posterior *p, size_t i);

/** Answer a question from uniform draws alone (start-up, and `search.algorithm: random`): the family
 *  uniformly, then a value uniform on its scale, three times in four drawn to the centre (30 %)
 *  unless the family is a `set` or `delta`.
 *  @return true; false if nothing is on offer */
bool ht_propose_random(const ht_ask *ask, ht_random *random, ht_proposal *out);

/** Answer a question by `r->search`: TPE once the weights of all observations sum to `startup_trials`,
 *  else random. An observation of another phase weighs `other_phase_weight` if `phase_conditioned`.
 *  The answer is a function of (p, r, ask, *random) alone. */
bool ht_propose(const ht_posterior *p, const ht_recipe *r, const ht_ask *ask, ht_random *random,
                ht_proposal *out);

#endif
