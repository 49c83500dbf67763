/* src/population/candidates.c - starting points; the contract is in candidates.h.
 *
 * May touch: nothing but its arguments. */
#include "population/candidates.h"

#include <math.h>

#include "search/hypercube.h"

enum { PURPOSE_CUBE = 101, PURPOSE_FRESH, PURPOSE_NEAR };

void ht_candidates_draw(const ht_pool *p, size_t count, double *h)
{
    const ht_tuned *knobs = ht_pool_knobs(p);
    const ht_recipe *r = ht_pool_given(p)->recipe;
    size_t n = knobs->n;
    ht_random cube = ht_pool_random(p, PURPOSE_CUBE, 0, 0);
    if (r->population.race.design == HT_DESIGN_HYPERCUBE)
        ht_hypercube(cube, count, n, h);
    else
        for (size_t i = 0; i < count * n; i++)
            h[i] = ht_random_uniform(&cube);
    for (size_t i = 0; i < count; i++) {
        ht_random coin = ht_pool_random(p, PURPOSE_FRESH, i, 0), near = ht_pool_random(p, PURPOSE_NEAR, i, 0);
        bool fresh = ht_random_uniform(&coin) < r->population.race.fresh;
        for (size_t k = 0; k < n; k++) {
            const ht_tuned_knob *knob = &knobs->k[k];
            double *x = &h[i * n + k], step = ht_random_normal(&near);
            if (knob->sigma > 0 && !fresh)
                *x = ht_tuned_times(knob, knob->start, knob->sigma * step);
            else if (knob->has_range)
                *x = ht_tuned_clamp(knob, exp(log(knob->lo) + *x * (log(knob->hi) - log(knob->lo))));
            else
                *x = knob->start;
        }
    }
    ht_tuned_start(knobs, h);
}

uint64_t ht_candidate_seed(const ht_pool *p, size_t n)
{
    return ht_pool_given(p)->seed * 100 + n;
}
