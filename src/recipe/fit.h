/** @file src/recipe/fit.h
 *  Evidence of a run that searched another space than the recipe that learns from it.
 *
 *  A family is the same knob if its scale is the same. Where its bounds are narrower now, what won is taken
 * for a normal distribution on the scale, by centre and spread: counts are multiplied by the share of it that
 * lies in the bounds, of what lay in the bounds of then, and centre and spread become those of that part.
 * Without a spread it is there as a whole or not at all. Where the bounds are no narrower nothing changes.
 * Families with bounds for each element keep their evidence; evolution moves centres into the bounds anyway.
 */
#ifndef HT_RECIPE_FIT_H
#define HT_RECIPE_FIT_H

#include "recipe/evolve.h"

/** A copy of what a run says, as `r` can use it. Families that `r` lacks stay as they are: nobody asks for
 * them.
 *  @param[out] out  without a space; ht_run_evidence_release
 *  @return HT_OK, HT_ENOMEM */
ht_status ht_evidence_fit(const ht_recipe *r, const ht_run_evidence *run, ht_run_evidence *out,
                          ht_error *err);

#endif
