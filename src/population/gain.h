/** @file src/population/gain.h
 *  What a champion's gain is made of.
 *
 *  A segment on the champion's path brought its island from the root's loss `before` to the new root's
 *  `after`. With the mean of the controls C and the best member's loss B the way is cut in pieces:
 *      trend      before - C   what training alone gives at these knobs
 *      selection  S            what taking the best of n equals gives by chance: noise * E[max of n normals],
 *                              never more than C - B
 *      mutation   C - B - S    what the best member has beyond that
 *      averaging  B - after    what the mean of states adds
 *  and the race before that is selection among start values. The noise is estimated from controls of one
 *  island that trained side by side, pooled over all segments; without two such controls, from the members'
 *  robust spread. Intervals are 95 %, from the variance of C and of the pieces that use it; averaging is
 *  measured without noise (the validation is deterministic).
 *  A *null* is a control that is judged by the other controls as if it had been a mutant: nothing was
 *  changed in it, so the share of accepted nulls says how much of what is accepted is noise. */
#ifndef HT_POPULATION_GAIN_H
#define HT_POPULATION_GAIN_H

#include "base/json.h"
#include "population/island.h"

typedef struct ht_gain ht_gain;

ht_status ht_gain_create(ht_gain **out, ht_error *err);
void ht_gain_destroy(ht_gain *g);   /**< NULL is allowed */
/** A judged segment, whether its root was taken or not.
 *  @param node   of the new root; -1 = rolled back  @param best  loss of the best member */
ht_status ht_gain_add(ht_gain *g, const ht_island *isl, const ht_judgement *j, int node, double before,
                      double best, double after);
/** Controls judged as if they had been mutants. */
void ht_gain_add_nulls(ht_gain *g, size_t accepted, size_t tried);
/** @param start  loss of the start values after the first rung; NaN = there was no race
 *  @param champion  its loss  @param path  [n] nodes of its lineage
 *  @param maximize  losses are negated objectives; start and champion are given as objectives
 *  @return owned by the caller */
cJSON *ht_gain_split(const ht_gain *g, double start, double champion, size_t n, const int *path,
                     bool maximize);
/** Expected greatest of n independent standard normal numbers (Blom's approximation). */
double ht_gain_best_of(size_t n);

#endif
