/** @file src/population/race.h
 *  The race: many start values are trained for a short while, the better ones longer, and the best are kept.
 *
 *  Rung j trains its candidates to age[j] epochs (plan.h). The queue of rung 0 is all candidates in order,
 *  that of a later rung the best of the one before; idle replicas take the next that they hold themselves,
 *  else the next at all (its state is sent). Whoever diverges is out. Nobody waits for a slow replica: it
 *  gets a candidate only if that fits before the rung closes, and what is unserved then is left out, which
 *  is no bias in a list in random order. After the last rung all candidates that are still held compete, so
 *  one of a lower rung may displace a finalist that got worse.
 *  The state of candidate n is slot n + 1 at its holders; out of the reach of the next rung it is dropped.
 *  Source: Karnin, Koren, Somekh, "Almost optimal exploration in multi-armed bandits", ICML 2013 (successive
 *  halving). We differ: three rungs close together at the beginning instead of halvings over the whole
 *  budget, the rest of which goes to few candidates that are tuned on. */
#ifndef HT_POPULATION_RACE_H
#define HT_POPULATION_RACE_H

#include "population/plan.h"
#include "population/policy.h"

typedef struct ht_race ht_race;

typedef struct {
    const double *h;        /**< borrowed from the race */
    double loss;            /**< at its age */
    int epochs;             /**< its age */
    int node;               /**< of the lineage */
    unsigned slot;          /**< where its holders have it */
} ht_race_entry;

/** Owned by the caller; `plan` is copied. */
ht_status ht_race_create(ht_pool *p, const ht_plan *plan, ht_race **out, ht_error *err);
void ht_race_destroy(ht_race *r);       /**< NULL is allowed */
/** Gives every idle replica something to do. */
void ht_race_start(ht_race *r);
/** Likewise, when one became idle: after all has been told. */
void ht_race_go_on(ht_race *r);
void ht_race_reported(ht_race *r, const ht_pool_result *result, int replica);
/** The replica that had candidate `task` died or does not answer: back to the queue, if anybody holds it. */
void ht_race_lost(ht_race *r, int task);
bool ht_race_is_over(const ht_race *r);
/** Wall epochs that the rungs so far took by plan. */
double ht_race_wall(const ht_race *r);
/** The best candidates that somebody alive holds, best first. @return how many, at most n */
size_t ht_race_best(const ht_race *r, size_t n, ht_race_entry *out);
/** Loss that the start values had after the first rung; NaN = diverged. */
double ht_race_start_loss(const ht_race *r);
/** Frees all slots of all holders. */
void ht_race_drop_all(ht_race *r);

#endif
