/** @file src/population/candidates.h
 *  Starting points of a population: where in the ranges of the recipe its candidates begin. */
#ifndef HT_POPULATION_CANDIDATES_H
#define HT_POPULATION_CANDIDATES_H

#include "population/policy.h"

/** Candidate 0 has the start values; the others cover the ranges, on a log scale, as `population.race.design`
 * says. A knob without a range starts at its start value in all of them. Of a knob with a known spread (an
 * evolved recipe) a share 1 - `population.race.fresh` of the candidates lies about the start value instead.
 *  A function of the run's seed and the arguments alone.
 *  @param h  [count * knobs] out: candidate after candidate */
void ht_candidates_draw(const ht_pool *p, size_t count, double *h);
/** The seed of candidate n's init, the same whoever trains it. */
uint64_t ht_candidate_seed(const ht_pool *p, size_t n);

#endif
