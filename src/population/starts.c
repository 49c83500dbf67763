/* src/population/starts.c - where candidates begin; the contract is in starts.h.
 *
 * The hypercube has a row for every candidate, also for those that are then drawn about the start: what a
 * candidate gets does not depend on what its neighbours got.
 * May touch: the heap, for the length of the call. */
#include "population/starts.h"

#include <math.h>
#include <stdlib.h>

#include "search/hypercube.h"

static double over_range(const ht_tuned_knob *k, double u)
{
    double lo = log(k->lo), hi = log(k->hi);
    return ht_tuned_clamp(k, exp(lo + u * (hi - lo)));
}

ht_status ht_starts_draw(const ht_recipe *r, const ht_tuned *t, ht_random random, size_t n, double *h,
                         bool *fresh)
{
    bool known = ht_tuned_knows_start(t);
    double *u = malloc((n * t->n + 1) * sizeof *u);
    if (u == NULL)
        return HT_ENOMEM;
    if (r->population.race.design == HT_DESIGN_HYPERCUBE)
        ht_hypercube(random, n, t->n, u);
    else
        for (size_t i = 0; i < n * t->n; i++)
            u[i] = ht_random_uniform(&random);
    ht_tuned_start(t, h);
    for (size_t i = 1; i < n; i++) {
        /* a stream of its own for each, apart from that of the hypercube */
        ht_random own = {.key = ht_random_mix(random.key + i)};
        double *point = h + i * t->n;
        bool near = known && ht_random_uniform(&own) >= r->population.race.fresh;
        if (fresh != NULL)
            fresh[i] = known && !near;
        for (size_t k = 0; k < t->n; k++) {
            if (near && t->k[k].sigma > 0)
                point[k] = ht_tuned_times(&t->k[k], t->k[k].start, t->k[k].sigma * ht_random_normal(&own));
            else
                point[k] = t->k[k].has_range ? over_range(&t->k[k], u[i * t->n + k]) : t->k[k].start;
        }
    }
    free(u);
    return HT_OK;
}
