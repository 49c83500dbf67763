/** @file src/population/plan.h
 *  The settings of pooled islands that follow from the number of replicas, the epochs and the recipe.
 *
 *  Pure functions; ht_plan_print says each setting with its reason, before a run starts. floor(x + .5) is
 *  meant wherever a number is rounded. */
#ifndef HT_POPULATION_PLAN_H
#define HT_POPULATION_PLAN_H

#include "base/text.h"
#include "population/order.h"
#include "recipe/recipe.h"

typedef struct {
    int replicas, epochs;
    int rungs;                      /**< of the race; 0 = none */
    const char *no_race;            /**< why there is none; a constant */
    bool start_is_known;            /**< candidates are drawn about the recipe's start */
    int per_replica;                /**< a: candidates of the first rung = a * replicas */
    int age[HT_RUNGS_MAX];          /**< epochs that a candidate has at the end of the rung */
    int size[HT_RUNGS_MAX];         /**< candidates in the rung */
    int race_wall;                  /**< wall epochs that the whole race takes */
    int horizon;                    /**< H: epochs of a segment */
    bool horizon_is_given;          /**< by the recipe */
    int islands;                    /**< K0: at the start of the segments */
    double from, to;                /**< share of the run in which they are given up */
    double controls;                /**< share of an island's members without a mutation */
} ht_plan;

/** @param member  what a replica can do */
void ht_plan_make(const ht_recipe *r, const ht_member *member, int replicas, int epochs, ht_plan *out);
/** K: how many islands there are at the share `f` of the run. */
int ht_plan_islands(const ht_plan *p, double f);
/** How many of an island's members are controls: at least one. */
int ht_plan_controls(const ht_plan *p, int members);
/** One line for each setting: "name: value (reason)". */
void ht_plan_print(const ht_plan *p, ht_string *out);

#endif
