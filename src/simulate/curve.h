/** @file src/simulate/curve.h
 *  Learning curves of trainings that are not trained: loss as a function of age and knobs.
 *
 *  A training has an *age* a, in epochs of good training, and a deviation e of its weights:
 *
 *      loss   L(a) + s (a + 1)^-p e,  L(a) = c + (1 - c) (1 + a / 4)^-p                                (synthetic)
 *      epoch  a += max(-1, 1 - mean over the knobs of (log(h / h*(a)) / w)^2)
 *             e  = 0.7 e + sqrt(1 - 0.7^2) * normal
 *      best   h*(a) = h*(0) (1 + a / 4)^-d for a knob named lr, h*(0) for the others
 *
 *  with c = .1, p = .5, s = .01, w = log 8, d = .5. A learning rate of more than 30 h*(a) diverges. The decreasing power law with a floor
 *  is "pow3" of Domhan, Springenberg and Hutter, "Speeding up automatic hyperparameter optimization of deep neural
 *  networks by extrapolation of learning curves", IJCAI 2015, table 1; that the best rate falls as training goes on, by a
 *  power of age, is the schedule of stochastic approximation (Robbins and Monro, 1951). The parabola in the logarithm is
 *  the simplest curve with one best value. What a mean of states gains is that its e is the mean of theirs.
 *
 *  Recorded curves: L(a) is interpolated between the epochs of a recorded validation curve, which each fresh start
 *  draws anew; after its end the last value stays. All else is as above, with s times the curve's fall.
 *  Core: no clock, no files; random numbers are functions of (seed, purpose, replica, epoch). */
#ifndef HT_SIMULATE_CURVE_H
#define HT_SIMULATE_CURVE_H

#include "base/random.h"
#include "population/tuned.h"

/** What a training is: it can be copied. */
typedef struct {
    double age, deviation;
    int curve;              /**< index of the recorded one */
    bool broken;            /**< it diverged */
} ht_curve_state;

/** One recorded curve. */
typedef struct {
    size_t n;               /**< epochs, >= 1 */
    const double *loss;     /**< [n] after epoch 1, 2, ..; finite */
} ht_curve_record;

typedef struct {
    uint64_t seed;
    size_t n_knobs;
    double best[HT_POOL_KNOBS_MAX];     /**< h*(0), in the order of ht_member.knobs */
    double floor[HT_POOL_KNOBS_MAX];    /**< a value below counts as this one */
    bool falls[HT_POOL_KNOBS_MAX];      /**< a learning rate */
    size_t n_records;
    const ht_curve_record *records;     /**< [n_records], borrowed; none = synthetic */
} ht_curves;

/** A family of curves for the knobs of a program: where the best values lie is drawn from `seed`, inside the ranges of the recipe.
 *  @param tuned  knobs that the recipe tunes; the others make no difference */
void ht_curves_make(uint64_t seed, const ht_member *member, const ht_tuned *tuned, size_t n_records,
                    const ht_curve_record *records, ht_curves *out);
/** A fresh training. The same seed gives the same one. */
ht_curve_state ht_curve_begin(const ht_curves *c, uint64_t seed);
/** One epoch with the knobs h [n_knobs]; `noise` is consumed. */
void ht_curve_train(const ht_curves *c, ht_curve_state *s, const double *h, ht_random noise);
double ht_curve_loss(const ht_curves *c, const ht_curve_state *s);  /**< NaN = diverged */
/** The mean of n trainings whose mean is `a` and of m whose mean is `b`; of recorded curves it follows that of b. */
ht_curve_state ht_curve_blend(ht_curve_state a, size_t n, ht_curve_state b, size_t m);

#endif
