/* src/search/multipliers.c - one TPE per knob over log factors; the contract is in multipliers.h.
 *
 * Each knob has a posterior whose observations and questions are those of one family, a factor, so the
 * model is that of propose.c. What differs is when it is used and what is drawn before.
 * May touch: the heap. Not: MPI, files, clock. */
#include "search/multipliers.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double uniform_share = 0.7;    /* of a random factor; the rest is its centre */

struct ht_multipliers {
    size_t n;
    ht_posterior **knobs;       /* [n], owned */
};

ht_status ht_multipliers_create(size_t n_knobs, ht_multipliers **out, ht_error *err)
{
    ht_multipliers *m = calloc(1, sizeof *m);
    if (m != NULL)
        m->knobs = calloc(n_knobs + 1, sizeof *m->knobs);
    ht_status st = HT_OK;
    if (m == NULL || m->knobs == NULL)
        st = ht_fail(err, HT_ENOMEM, "no memory for %zu knobs", n_knobs);
    while (st == HT_OK && m->n < n_knobs) {
        st = ht_posterior_create(&m->knobs[m->n], err);
        m->n += st == HT_OK;
    }
    if (st == HT_OK)
        *out = m;
    else
        ht_multipliers_destroy(m);
    return st;
}

void ht_multipliers_destroy(ht_multipliers *m)
{
    for (size_t i = 0; m != NULL && i < m->n; i++)
        ht_posterior_destroy(m->knobs[i]);
    if (m != NULL)
        free(m->knobs);
    free(m);
}

ht_status ht_multipliers_add(ht_multipliers *m, size_t knob, const char *phase, double x, double z,
                             ht_error *err)
{
    if (knob >= m->n)
        return ht_fail(err, HT_EINVAL, "no knob %zu: there are %zu", knob, m->n);
    if (!isfinite(x) || !isfinite(z))
        return ht_fail(err, HT_EINVAL, "knob %zu: log factor %g with score %g: both must be finite", knob, x,
                       z);
    ht_observation o = {.n = 1, .x = {x}, .y = z};
    ht_name_copy(o.phase, phase);
    return ht_posterior_add(m->knobs[knob], &o, err);
}

size_t ht_multipliers_count(const ht_multipliers *m, size_t knob)
{
    return knob < m->n ? ht_posterior_count(m->knobs[knob]) : 0;
}

/* Observations that count fully: those of the phase. */
static long long known(const ht_posterior *p, const ht_recipe *r, const char *phase)
{
    long long n = 0;
    for (size_t i = 0; i < ht_posterior_count(p); i++)
        n += !r->search.phase_conditioned || strcmp(ht_posterior_peek(p, i)->phase, phase) == 0;
    return n;
}

static double by_chance(const ht_multiplier_range *range, ht_random *random)
{
    double uniform = ht_random_between(random, range->lo, range->hi);
    return uniform_share * uniform + (1 - uniform_share) * range->center;
}

static double by_model(const ht_posterior *p, const ht_recipe *r, const char *phase,
                       const ht_multiplier_range *range, ht_random *random)
{
    ht_ask ask = {.n = 1};
    ht_proposal proposal;
    ht_name_copy(ask.phase, phase);
    ask.families[0] = (ht_eligible){.keyed = true, .mode = HT_SPEC_MULT, .scale = HT_SCALE_LOG, .n = 1,
                                    .lo = {range->lo}, .hi = {range->hi}, .center = range->center};
    double length = log(range->hi) - log(range->lo);
    if (range->spread > 0 && length > 0)
        ask.families[0].spread = range->spread / length;
    (void)ht_propose(p, r, &ask, random, &proposal);    /* true: something is on offer */
    return proposal.patch.value.scalar.number;
}

double ht_multipliers_propose(const ht_multipliers *m, const ht_recipe *r, size_t knob, const char *phase,
                              const ht_multiplier_range *range, ht_random *random)
{
    assert(knob < m->n);
    const ht_posterior *p = m->knobs[knob];
    bool model = r->search.algorithm == HT_SEARCH_TPE && known(p, r, phase) >= r->search.startup_trials;
    double factor = model ? by_model(p, r, phase, range, random) : by_chance(range, random);
    return fmin(fmax(log(factor), log(range->lo)), log(range->hi));
}
