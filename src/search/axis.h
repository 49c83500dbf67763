/** @file src/search/axis.h
 *  One element of a family as a unit axis: 0 is its low bound, 1 its high bound, on the family's scale.
 *
 *  Search code works on unit axes only, so that bounds of any size, one-point intervals and extreme
 *  ranges need no care of their own. Pure functions. */
#ifndef HT_SEARCH_AXIS_H
#define HT_SEARCH_AXIS_H

#include "search/proposal.h"

typedef struct {
    ht_scale scale;
    double lo, hi;          /**< bounds as values */
    double x_lo, x_hi;      /**< bounds on the scale */
    double half;            /**< of x_hi - x_lo, which cannot overflow; 0 = only one value */
} ht_axis;

/** The axis of element i (< f->n). Bounds that the scale does not hold (see ht_family_scale, which takes
 *  another one then) leave one value, the low bound. */
ht_axis ht_axis_of(const ht_eligible *f, size_t i);

/** Only one value is possible. */
bool ht_axis_is_point(const ht_axis *a);

/** Position of x, given on the scale. Outside 0..1, even infinite, if x is outside the bounds;
 *  0 on a one-point axis. */
double ht_axis_position(const ht_axis *a, double x);

/** Position of a value, moved to the nearer bound if it is outside. */
double ht_axis_position_of_value(const ht_axis *a, double value);

/** The value at a position in 0..1; always within the bounds, whatever rounding does. */
double ht_axis_value(const ht_axis *a, double position);

#endif
