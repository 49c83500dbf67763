/* src/recipe/evolve.c - a recipe learns from finished runs; the contract is in evolve.h.
 *
 * Works on a copy, so that a failure leaves no trace. What it writes is a valid recipe again: prior_center is
 * clamped into the bounds, weights and spreads are not negative. May touch: the heap. */
#include "recipe/evolve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "recipe/fields.h"
#include "recipe/scale.h"

/* Below a hundredth of a segment a prior says nothing any more and is dropped. */
static const double forgotten = 0.01;

static bool is_known(const ht_recipe *r, const char *source)
{
    for (size_t i = 0; i < r->evolved.n_from; i++)
        if (source[0] != '\0' && strcmp(r->evolved.from[i], source) == 0)
            return true;
    return false;
}

static ht_status add_source(ht_recipe *r, const char *source, ht_error *err)
{
    if (source[0] == '\0')
        return HT_OK;
    size_t n = r->evolved.n_from;
    char(*from)[2 * HT_NAME_MAX] = realloc(r->evolved.from, (n + 1) * sizeof *from);
    if (from == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the sources of a recipe");
    strncpy(from[n], source, sizeof from[n] - 1);
    from[n][sizeof from[n] - 1] = '\0';
    r->evolved.from = from;
    r->evolved.n_from = n + 1;
    ht_field_mark_given(ht_field_find(HT_IN_RECIPE, "evolved.from"), r);
    return HT_OK;
}

static ht_family_spec *find_family(ht_recipe *r, const ht_evidence *e)
{
    const ht_actuator_spec *a = ht_recipe_actuator(r, e->actuator);
    const ht_family_spec *f = a == NULL ? NULL : ht_actuator_family(a, e->key);
    return f == NULL ? NULL : &r->actuators[a - r->actuators].families[f - a->families];
}

static bool has_phase(const ht_recipe *r, const char *name)
{
    for (size_t i = 0; i < r->n_phases; i++)
        if (strcmp(r->phases[i].name, name) == 0)
            return true;
    return false;
}

/* The knob behind a family is not known here, so a log knob that is set is averaged linearly. */
static ht_scale scale_of(const ht_family_spec *f)
{
    return ht_family_scale(f, false);
}

static bool on_scale(ht_scale scale, double value)
{
    return isfinite(value) && isfinite(ht_scale_to(scale, value));
}

static bool is_convincing(const ht_family_spec *f, const ht_evidence *e)
{
    return e->win_rate > 0.5 && e->mean_score > 0 && e->wins > 0 && isfinite(e->wins) &&
           on_scale(scale_of(f), e->win_center);
}

/* ---- prior_center --------------------------------------------------------------------------- */

static double clamp_to_bounds(const ht_family_spec *f, double value)
{
    double lo = f->bounds[0][0], hi = f->bounds[0][1];
    for (size_t i = 1; i < f->n_bounds; i++) { /* one centre for all elements of a tuple */
        lo = fmin(lo, f->bounds[i][0]);
        hi = fmax(hi, f->bounds[i][1]);
    }
    return fmin(fmax(value, lo), hi);
}

static void move_center(ht_family_spec *f, const ht_evidence *e, double alpha)
{
    ht_scale scale = scale_of(f);
    double old = clamp_to_bounds(f, f->prior_center);
    if (alpha == 0)
        return; /* the inverse of t is not exact: 0.9 would become 0.9000000000000001 */
    if (alpha == 1 || !on_scale(scale, old))
        f->prior_center = clamp_to_bounds(f, e->win_center);
    else
        f->prior_center =
            clamp_to_bounds(f, ht_scale_from(scale, (1 - alpha) * ht_scale_to(scale, old) +
                                                        alpha * ht_scale_to(scale, e->win_center)));
}

/* ---- priors per phase ----------------------------------------------------------------------- */

static ht_prior *find_or_add_prior(ht_family_spec *f, const char *phase)
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

/* Mean and variance of two groups together, each weighted by its segments. Where the old one is off the scale
 * or the sum overflows, the new one stands alone. */
static void pool(ht_scale scale, ht_prior *p, const ht_evidence *e)
{
    double w0 = on_scale(scale, p->center) ? p->weight : 0, w1 = e->wins, w = w0 + w1;
    double s0 = p->spread, s1 = e->win_spread > 0 && isfinite(e->win_spread) ? e->win_spread : 0;
    double m1 = ht_scale_to(scale, e->win_center), m0 = w0 > 0 ? ht_scale_to(scale, p->center) : m1;
    double m = (w0 * m0 + w1 * m1) / w;
    double variance = (w0 * (s0 * s0 + (m0 - m) * (m0 - m)) + w1 * (s1 * s1 + (m1 - m) * (m1 - m))) / w;
    bool pooled = w0 > 0 && isfinite(ht_scale_from(scale, m)) && isfinite(variance);
    p->center = pooled ? ht_scale_from(scale, m) : e->win_center;
    p->spread = pooled ? sqrt(variance) : s1;
    p->weight = pooled ? w : w1;
}

static void age_family(ht_family_spec *f, double decay)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->n_priors; i++) {
        f->priors[i].weight *= decay;
        if (f->priors[i].weight >= forgotten)
            f->priors[kept++] = f->priors[i];
    }
    f->n_priors = kept;
}

static void age_priors(ht_recipe *r, double decay)
{
    for (size_t i = 0; i < r->n_actuators; i++)
        for (size_t j = 0; j < r->actuators[i].n_families; j++)
            age_family(&r->actuators[i].families[j], decay);
}

/* ---- runs ----------------------------------------------------------------------------------- */

static ht_status take_run(ht_recipe *r, const ht_run_evidence *run, double alpha, double decay, ht_error *err)
{
    age_priors(r, decay);
    for (size_t i = 0; i < run->n; i++) {
        const ht_evidence *e = &run->evidence[i];
        ht_family_spec *f = find_family(r, e);
        if (f == NULL || !is_convincing(f, e))
            continue;
        if (e->phase[0] == '\0') {
            move_center(f, e, alpha);
        } else if (has_phase(r, e->phase)) {
            ht_prior *p = find_or_add_prior(f, e->phase);
            if (p == NULL)
                return ht_fail(err, HT_ENOMEM, "no memory for priors");
            pool(scale_of(f), p, e);
        }
    }
    return add_source(r, run->source, err);
}

ht_status ht_recipe_evolve(const ht_recipe *base, size_t n, const ht_run_evidence *runs, double alpha,
                           double decay, ht_recipe **out, ht_error *err)
{
    if (!(alpha >= 0 && alpha <= 1))
        return ht_fail(err, HT_EINVAL, "alpha: '%g' is not in [0, 1]", alpha);
    if (!(decay >= 0 && decay <= 1))
        return ht_fail(err, HT_EINVAL, "decay: '%g' is not in [0, 1]", decay);
    ht_recipe *r = NULL;
    HT_TRY(ht_recipe_copy(base, &r, err));
    ht_status st = HT_OK;
    bool learned = false;
    for (size_t i = 0; i < n && st == HT_OK; i++) {
        if (is_known(r, runs[i].source))
            continue;
        st = take_run(r, &runs[i], alpha, decay, err);
        learned = true;
    }
    if (st == HT_OK && learned) {
        r->evolved.generation++;
        ht_field_mark_given(ht_field_find(HT_IN_RECIPE, "evolved.generation"), r);
    }
    if (st == HT_OK) {
        *out = r;
        r = NULL;
    }
    ht_recipe_destroy(r);
    return st;
}
