/** @file src/population/starts.h
 *  Where candidates begin: points h drawn over the ranges of the knobs, or about a known start.
 *
 *  Candidate 0 is always the recipe's start. The others are spread over the logarithm of the ranges by a
 *  Latin hypercube (search/hypercube.h), or independently (`population.race.design: random`). A knob without
 *  a range keeps its start. Where the recipe knows how good starts lie about its own (`sigma` of some family), a
 *  candidate is, with probability 1 - `population.race.fresh`, start * exp(sigma * normal) in these knobs. That
 *  mutations were learned of (`evolved.generation`) says nothing of starts. */
#ifndef HT_POPULATION_STARTS_H
#define HT_POPULATION_STARTS_H

#include "base/random.h"
#include "population/tuned.h"

/** @param[out] h      [n * t->n] point after point
 *  @param[out] fresh  [n] drawn without regard to a start that the recipe knows; may be NULL
 *  @return HT_OK, HT_ENOMEM */
ht_status ht_starts_draw(const ht_recipe *r, const ht_tuned *t, ht_random random, size_t n, double *h, bool *fresh);

#endif
