/** @file src/search/mixture.h
 *  A Parzen mixture over a search space: product kernels, normal truncated to [0, 1] for numbers, smoothed
 *  counts for categories, and a uniform prior of weight 1.
 *
 *  Source: Bergstra et al., NeurIPS 2011, section 4; kernels over all parameters at once (joint) as in
 *  Falkner et al., "BOHB", ICML 2018; the bandwidth rule is Scott's with a shrunken variance, see
 *  ht_mixture_fit. Inner loops run over kernels in float, without libm, so that they vectorise and give
 *  the same bits with every compiler (built with -ffp-contract=off). */
#ifndef HT_SEARCH_MIXTURE_H
#define HT_SEARCH_MIXTURE_H

#include "base/random.h"
#include "search/space.h"

typedef struct ht_mixture ht_mixture;

/** Room for `capacity` kernels; grows when more are added. Borrows the space. */
ht_status ht_mixture_create(const ht_space *space, size_t capacity, ht_mixture **out);
void ht_mixture_destroy(ht_mixture *m);     /**< NULL is allowed */

/** Start anew: no kernels. */
void ht_mixture_clear(ht_mixture *m);
/** Add a kernel with weight > 0 and its bandwidth as a share of the common one.
 *  @param[in] u  [space->n] coordinates, HT_ABSENT where a parameter is absent; copied
 *  @return HT_OK, HT_ENOMEM */
ht_status ht_mixture_add(ht_mixture *m, const double *u, double weight, double narrow);
/** Compute bandwidths. With n_eff = (sum w)^2 / sum w^2 over the kernels that have the number d,
 *  var_d = (weighted variance * n_eff + 1/12) / (n_eff + 1), sigma_d = scale * sqrt(var_d) *
 *  n_eff^(-1 / (4 + numbers)), at least half a cell, in [1e-5, 1]. */
void ht_mixture_fit(ht_mixture *m, double scale);
/** sqrt(var_d) of the last fit. */
double ht_mixture_spread(const ht_mixture *m, size_t d);

/** Log density at the coordinates u[space->n], up to a constant of the mixture (see _log_total). Absent
 *  parameters of the point are left out; a kernel without a parameter that the point has is uniform in it. */
double ht_mixture_log(ht_mixture *m, const double *u);
/** The same for parameter d alone, at coordinate u. */
double ht_mixture_log_one(ht_mixture *m, size_t d, double u);
/** Log of the sum of all weights, prior included: log density = _log - _log_total. */
double ht_mixture_log_total(const ht_mixture *m);

/** Memory held. */
size_t ht_mixture_bytes(const ht_mixture *m);

/** Draw a point, conditions respected, stepped numbers snapped. */
void ht_mixture_draw(const ht_mixture *m, ht_random *random, ht_point *out);
/** Draw parameter d alone from its own one-parameter mixture; snapped. */
double ht_mixture_draw_one(const ht_mixture *m, size_t d, ht_random *random);

#endif
