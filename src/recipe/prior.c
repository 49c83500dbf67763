/* src/recipe/prior.c - priors as evolution changes them; the contract is in prior.h.
 *
 * May touch: the heap. */
#include "recipe/prior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Below a hundredth of a segment a prior says nothing any more and is dropped. */
static const double forgotten = 0.01;

ht_prior *ht_prior_of(ht_family_spec *f, const char *phase)
{
    for (size_t i = 0; i < f->n_priors; i++)
        if (strcmp(f->priors[i].phase, phase) == 0)
            return &f->priors[i];
    ht_prior *priors = realloc(f->priors, (f->n_priors + 1) * sizeof *priors);
    if (priors == NULL)
        return NULL;
    f->priors = priors;
    ht_prior *p = &priors[f->n_priors++];
    *p = (ht_prior){.center = 1};
    ht_name_copy(p->phase, phase);
    return p;
}

double ht_prior_clamp(const ht_family_spec *f, double value)
{
    double lo = f->bounds[0][0], hi = f->bounds[0][1];
    for (size_t i = 1; i < f->n_bounds; i++) {
        lo = fmin(lo, f->bounds[i][0]);
        hi = fmax(hi, f->bounds[i][1]);
    }
    return fmin(fmax(value, lo), hi);
}

ht_group ht_group_join(ht_group a, ht_group b)
{
    double w = a.weight + b.weight, m = (a.weight * a.mean + b.weight * b.mean) / w;
    double variance = (a.weight * (a.spread * a.spread + (a.mean - m) * (a.mean - m)) +
                       b.weight * (b.spread * b.spread + (b.mean - m) * (b.mean - m))) /
                      w;
    return (ht_group){m, sqrt(variance), w};
}

void ht_priors_age(ht_family_spec *f, double decay)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->n_priors; i++) {
        f->priors[i].weight *= decay;
        if (f->priors[i].weight >= forgotten)
            f->priors[kept++] = f->priors[i];
    }
    f->n_priors = kept;
}
