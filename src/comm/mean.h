/** @file src/comm/mean.h
 *  The arithmetic of a mean over replicas: partial sums along a binary tree. No MPI.
 *
 *  Partial sums of bfloat16 are float32; those of float32 and float64 have their own type. */
#ifndef HT_COMM_MEAN_H
#define HT_COMM_MEAN_H

#include "state/state.h"

enum { HT_MEAN_CHILDREN_MAX = 64 };

/** Where one of m members stands in the tree of the sum ((0+1)+(2+3))+..: at each level neighbouring blocks
 * are added, and an odd block at the end goes up as it is. A block is owned by its **last** member, so the
 * sum ends at member m - 1, and what a member receives is always the left operand. */
typedef struct {
    size_t n_children;
    size_t children[HT_MEAN_CHILDREN_MAX]; /**< in the order in which they are added */
    bool is_root;
    size_t parent; /**< of all but the root */
} ht_mean_place;
ht_mean_place ht_mean_find(size_t m, size_t member);

size_t ht_mean_partial_size(ht_element e); /**< bytes of a partial sum of elements */

typedef struct {
    const void *data;
    bool is_raw; /**< elements (of a member without children); else partial sums */
} ht_mean_operand;

/** out = left[k-1] + (.. + (left[0] + own)), k >= 1, as partial sums; or, if `divisor` is not 0, that divided
 * by it, as elements (bfloat16: rounded to nearest even). `own`: count elements. `out` may be `own` and
 * overlaps nothing else. `e` is one of the three floating-point types. */
void ht_mean_sum(ht_element e, size_t count, const void *own, size_t k, const ht_mean_operand *left,
                 size_t divisor, void *out);

#endif
