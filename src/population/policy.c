/* src/population/policy.c - the table of policies; the contract is in policy.h. */
#include <string.h>

#include "population/policies.h"

enum { N_POLICIES = HT_POLICY_STATIC + 1 };
static const ht_policy_class *const policies[N_POLICIES] = {
    [HT_POLICY_POOLED] = &ht_policy_pooled,
    [HT_POLICY_STATIC] = &ht_policy_static,
    [HT_POLICY_RANDOM] = &ht_policy_random,
    [HT_POLICY_HALVING] = &ht_policy_halving,
    [HT_POLICY_PBT] = &ht_policy_pbt,
};

const ht_policy_class *ht_policy_find(const char *name)
{
    for (size_t i = 0; i < N_POLICIES; i++)
        if (policies[i] != NULL && strcmp(policies[i]->name, name) == 0)
            return policies[i];
    return NULL;
}

const ht_policy_class *ht_policy_of(const ht_recipe *r)
{
    return policies[r->population.policy];
}
