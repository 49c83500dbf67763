/** @file src/population/merge.h
 *  The guarded mean: which means of members' states are tried against the best member alone.
 *
 *  Over the members with a finite loss, best first: the mean of all, of the better half, of the better
 *  quarter, .., while at least two are left. Each is validated; the smallest loss wins, the best member
 *  alone included, so a mean is never taken for its own sake.
 *  Source: Wortsman et al., "Model soups", ICML 2022. We differ: nested halves by rank instead of a greedy
 *  soup, because they can all be measured at once, and the moments of the optimizer are averaged, too. */
#ifndef HT_POPULATION_MERGE_H
#define HT_POPULATION_MERGE_H

#include <stddef.h>

enum { HT_MERGE_MOST = 16 };        /**< halvings of the largest island */

typedef struct {
    size_t members;             /**< the best so many */
    unsigned long number;       /**< of the MEAN */
    int replica;                /**< that has it: the worst of them */
    int node;                   /**< of the lineage */
    double loss;                /**< NaN = not (yet) measured */
} ht_merge_candidate;

/** @param[out] sizes  [HT_MERGE_MOST] members of each mean, from all of n down to two
 *  @return how many means */
size_t ht_merge_sizes(size_t n, size_t *sizes);

#endif
