/** @file src/recipe/lesson.h
 *  A recipe learns from one pooled run; the rules are in evolve.h. */
#ifndef HT_RECIPE_LESSON_H
#define HT_RECIPE_LESSON_H

#include "recipe/evolve.h"

/** Change `r` by the lessons of `run`, which has some. Priors have aged already.
 *  @param alpha  as of ht_recipe_evolve
 *  @return HT_OK, HT_ENOMEM */
ht_status ht_recipe_learn(ht_recipe *r, const ht_run_evidence *run, double alpha, ht_error *err);

#endif
