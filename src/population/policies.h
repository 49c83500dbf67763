/** @file src/population/policies.h
 *  All policies by name; one file policy_<name>.c each. */
#ifndef HT_POPULATION_POLICIES_H
#define HT_POPULATION_POLICIES_H

#include "population/policy.h"

extern const ht_policy_class ht_policy_static;  /**< start values, E epochs, best of N */

#endif
