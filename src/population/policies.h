/** @file src/population/policies.h
 *  All policies by name; a file policy_<name>.c each. */
#ifndef HT_POPULATION_POLICIES_H
#define HT_POPULATION_POLICIES_H

#include "population/policy.h"

extern const ht_policy_class ht_policy_pooled;  /**< race, islands, tournament */
extern const ht_policy_class ht_policy_static;  /**< start values, E epochs, best of N */
extern const ht_policy_class ht_policy_random;  /**< N points, E epochs each; in policy_static.c */
extern const ht_policy_class ht_policy_halving; /**< successive halving, a queue of candidates */
extern const ht_policy_class ht_policy_pbt;     /**< population based training */

#endif
