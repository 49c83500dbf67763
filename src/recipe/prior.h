/** @file src/recipe/prior.h
 *  What is believed of a family in one phase, as evolution changes it. Core: the heap only. */
#ifndef HT_RECIPE_PRIOR_H
#define HT_RECIPE_PRIOR_H

#include "recipe/recipe.h"

/** Mean and standard deviation of a group of values, on the family's scale, and how many they were. */
typedef struct {
    double mean, spread, weight;
} ht_group;

/** The prior of the phase; a new one has weight 0. Valid until the next one is added. NULL: no memory */
ht_prior *ht_prior_of(ht_family_spec *f, const char *phase);
/** Inside the bounds; those of a tuple together, since one centre holds for all elements. */
double ht_prior_clamp(const ht_family_spec *f, double value);
/** Two groups together, each weighted by its number. */
ht_group ht_group_join(ht_group a, ht_group b);
/** The weight of older evidence falls; what has none left is forgotten. */
void ht_priors_age(ht_family_spec *f, double decay);

#endif
