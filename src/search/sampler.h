/** @file src/search/sampler.h
 *  The optimiser: ask for a point, tell what it gave. A TPE with a local arm, for parallel askers.
 *
 *  Cost and memory of an ask do not grow with the history. Every random draw is a function of (seed, ask
 *  number), so the same order of asks and tells gives the same points, whatever the timing. Values are
 *  minimised. One owner, no lock; core: no MPI, no files, no clock.
 *  Sources: Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011 (the density
 *  ratio); Storn and Price, "Differential Evolution", J. Global Optimization 1997 (moves by differences of
 *  good points); the quadratic screen is a local response surface with one Thompson draw of its
 *  coefficients. docs/posterior.md describes the whole with every constant and what each buys. */
#ifndef HT_SEARCH_SAMPLER_H
#define HT_SEARCH_SAMPLER_H

#include "search/space.h"

typedef struct ht_sampler ht_sampler;

/** @param density_only  use the density ratio alone (no local arm, no single-parameter asks, no noise
 *                       handling): the textbook TPE, to compare with
 *  The space is borrowed while the sampler lives. */
ht_status ht_sampler_create(const ht_space *space, unsigned long long seed, bool density_only, ht_sampler **out,
                            ht_error *err);
void ht_sampler_destroy(ht_sampler *s);     /**< NULL is allowed */

/** Propose a point; it is pending until it is told, failed or forgotten. Never waits for results.
 *  @param[out] id  0, 1, ..: the number of this ask. @return HT_OK, HT_ENOMEM */
ht_status ht_sampler_ask(ht_sampler *s, unsigned long *id, ht_point *out, ht_error *err);
/** The value of a pending ask. NaN and infinities count as failed.
 *  @return HT_OK; HT_ENOTFOUND: never asked; HT_EREFUSED: told, failed or forgotten before */
ht_status ht_sampler_tell(ht_sampler *s, unsigned long id, double value, ht_error *err);
/** The evaluation failed: a bad point where it was asked. */
ht_status ht_sampler_fail(ht_sampler *s, unsigned long id, ht_error *err);
/** The evaluation was lost: it never was pending. Its number stays used. */
ht_status ht_sampler_forget(ht_sampler *s, unsigned long id, ht_error *err);
/** An observation that nobody asked for: warm start, another run's history. */
ht_status ht_sampler_add(ht_sampler *s, const ht_point *p, double value, ht_error *err);

/** The best value told so far. @param[out] id  its ask, or -1 for an added one
 *  @return HT_OK; HT_EEMPTY: nothing finite was told */
ht_status ht_sampler_best(const ht_sampler *s, long *id, ht_point *out, double *value);

typedef struct {
    unsigned long asked, told, pending;
    double noise;       /**< share of the local variation that is noise, 0..1 */
    size_t bytes;       /**< memory held */
} ht_sampler_state;
void ht_sampler_peek(const ht_sampler *s, ht_sampler_state *out);

#endif
