/* src/recipe/evolve.c - a recipe learns from finished runs; the contract is in evolve.h.
 *
 * Works on a copy, so that a failure leaves no trace. What it writes is a valid recipe again: prior_center is
 * clamped into the bounds, weights and spreads are not negative. May touch: the heap. */
#include "recipe/evolve.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recipe/fields.h"
#include "recipe/fit.h"
#include "recipe/lesson.h"
#include "recipe/prior.h"
#include "recipe/scale.h"

static const char *const origins[] = {"unknown", "known", "fresh"};

const char *ht_origin_text(ht_origin o)
{
    return origins[o];
}

ht_origin ht_origin_of(const char *text)
{
    for (size_t i = 0; text != NULL && i < sizeof origins / sizeof *origins; i++)
        if (strcmp(text, origins[i]) == 0)
            return (ht_origin)i;
    return HT_ORIGIN_UNKNOWN;
}

void ht_run_evidence_release(ht_run_evidence *e)
{
    free(e->evidence);
    free(e->lessons);
    ht_recipe_destroy(e->space);
    e->evidence = NULL;
    e->lessons = NULL;
    e->space = NULL;
    e->n = e->n_lessons = 0;
}

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
    snprintf(from[n], sizeof from[n], "%s", source);
    r->evolved.from = from;
    r->evolved.n_from = n + 1;
    ht_field_mark_given(ht_field_find(HT_IN_RECIPE, "evolved.from"), r);
    return HT_OK;
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

static void move_center(ht_family_spec *f, const ht_evidence *e, double alpha)
{
    ht_scale scale = scale_of(f);
    double old = ht_prior_clamp(f, f->prior_center);
    if (alpha == 0)
        return; /* the inverse of t is not exact: 0.9 would become 0.9000000000000001 */
    if (alpha == 1 || !on_scale(scale, old))
        f->prior_center = ht_prior_clamp(f, e->win_center);
    else
        f->prior_center =
            ht_prior_clamp(f, ht_scale_from(scale, (1 - alpha) * ht_scale_to(scale, old) +
                                                        alpha * ht_scale_to(scale, e->win_center)));
}

/* ---- priors per phase ----------------------------------------------------------------------- */

/* Where the old one is off the scale or the sum overflows, the new one stands alone. */
static void pool(ht_scale scale, ht_prior *p, const ht_evidence *e)
{
    ht_group old = {0, p->spread, on_scale(scale, p->center) ? p->weight : 0};
    ht_group won = {ht_scale_to(scale, e->win_center),
                    e->win_spread > 0 && isfinite(e->win_spread) ? e->win_spread : 0, e->wins};
    old.mean = old.weight > 0 ? ht_scale_to(scale, p->center) : won.mean;
    ht_group all = ht_group_join(old, won);
    bool pooled = old.weight > 0 && isfinite(ht_scale_from(scale, all.mean)) && isfinite(all.spread);
    p->center = pooled ? ht_scale_from(scale, all.mean) : e->win_center;
    p->spread = pooled ? all.spread : won.spread;
    p->weight = pooled ? all.weight : won.weight;
    p->observations += (long long)fmin(e->wins / e->win_rate + .5, 1e15);
}

static void age_priors(ht_recipe *r, double decay)
{
    for (size_t i = 0; i < r->n_actuators; i++)
        for (size_t j = 0; j < r->actuators[i].n_families; j++)
            ht_priors_age(&r->actuators[i].families[j], decay);
}

/* ---- runs ----------------------------------------------------------------------------------- */

static ht_status take_run(ht_recipe *r, const ht_run_evidence *run, double alpha, double decay, ht_error *err)
{
    age_priors(r, decay);
    if (run->n_lessons > 0)
        HT_TRY(ht_recipe_learn(r, run, alpha, err));
    for (size_t i = 0; run->n_lessons == 0 && i < run->n; i++) {
        const ht_evidence *e = &run->evidence[i];
        ht_family_spec *f = ht_recipe_find_family(r, e->actuator, e->key);
        if (f == NULL || !is_convincing(f, e))
            continue;
        if (e->phase[0] == '\0') {
            move_center(f, e, alpha);
        } else if (ht_recipe_has_phase(r, e->phase)) {
            ht_prior *p = ht_prior_of(f, e->phase);
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
        ht_run_evidence fitted;
        if ((st = ht_evidence_fit(r, &runs[i], &fitted, err)) != HT_OK)
            break;
        st = take_run(r, &fitted, alpha, decay, err);
        ht_run_evidence_release(&fitted);
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
