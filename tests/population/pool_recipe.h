/* tests/population/pool_recipe.h - the recipe of the training of pool_training.h, for every policy there is.
 */
#ifndef TESTS_POPULATION_POOL_RECIPE_H
#define TESTS_POPULATION_POOL_RECIPE_H

#include "recipe/recipe.h"

enum { POOL_POLICIES = 5 };
static const char *const pool_policies[POOL_POLICIES] = {"static", "random", "halving", "pbt", "pooled"};
static const char *const pool_syncs[2] = {"elastic", "barrier"};

/* Ends the test program if it is not valid. Owned by the caller. */
ht_recipe *pool_recipe(const char *policy, const char *sync, const char *direction);

#endif
