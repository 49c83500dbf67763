/* src/recipe/lesson.c - a recipe learns from one pooled run; the contract is in lesson.h, the rules in evolve.h.
 *
 * May touch: the heap. */
#include "recipe/lesson.h"

#include <math.h>
#include <string.h>

#include "recipe/fields.h"
#include "recipe/prior.h"

static const double start_step = .7;    /* towards the champion's mean */
static const double first_sigma = .7, least_sigma = .25, narrowing = .7;

/* ---- priors --------------------------------------------------------------------------------- */

/* How much of a prior is left: less where mutants drawn without it won more often. One is added to the wins and to
 * the losses of both (Laplace), so that few mutants decide little. */
static double trust(const ht_lesson *l)
{
    if (l->fresh < HT_LESSONS_LEAST || l->n < HT_LESSONS_LEAST)
        return 1;
    double with = (l->wins + 1) / (l->n + 2), without = (l->fresh_wins + 1) / (l->fresh + 2);
    return fmin(1, with / without);
}

/* A center c becomes c^share: nearer to 1, which means no preference. */
static double weaken(double center, double share)
{
    return share < 1 && center > 0 ? exp(share * log(center)) : center;
}

static void doubt(ht_family_spec *f, double share)
{
    f->prior_center = weaken(f->prior_center, share);
    for (size_t i = 0; i < f->n_priors; i++) {
        f->priors[i].center = weaken(f->priors[i].center, share);
        f->priors[i].weight *= share;
    }
}

static double step_towards(const ht_family_spec *f, double center, double factor, double alpha)
{
    double old = ht_prior_clamp(f, center);
    if (alpha == 0)
        return center;
    return ht_prior_clamp(f, old > 0 ? old * exp(alpha * log(factor / old)) : factor);
}

static ht_status move_prior(ht_family_spec *f, const ht_lesson *l, double alpha, ht_error *err)
{
    double before = ht_family_center(f, l->phase), judged = l->n + l->fresh;
    ht_prior *p = ht_prior_of(f, l->phase);
    if (p == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for priors");
    ht_group old = {log(before > 0 ? before : l->factor), p->spread, p->weight};
    ht_group now = ht_group_join(old, (ht_group){log(l->factor), l->spread, ceil(judged / HT_LESSONS_LEAST)});
    p->center = step_towards(f, before, l->factor, alpha);
    p->spread = now.spread;
    p->weight = now.weight;
    p->observations += (long long)judged;
    return HT_OK;
}

static bool is_usable(const ht_lesson *l)
{
    return l->n + l->fresh >= HT_LESSONS_LEAST && l->factor > 0 && isfinite(l->factor) && l->spread >= 0 &&
           isfinite(l->spread);
}

/* ---- starts --------------------------------------------------------------------------------- */

static bool beats(const ht_recipe *r, double champion)
{
    if (!isfinite(champion))
        return false;
    if (!ht_recipe_gives(r, "evolved.best"))
        return true;
    return r->objective.mode == HT_MINIMIZE ? champion < r->evolved.best : champion > r->evolved.best;
}

static bool has_sigma(const ht_family_spec *f)
{
    return f->has_sigma && f->sigma > 0;
}

static void widen(ht_family_spec *f)
{
    if (has_sigma(f))
        f->sigma = fmin(fmax(first_sigma, f->sigma), f->sigma / narrowing);
}

static void move_start(ht_family_spec *f, double mean, bool known)
{
    if (!(mean > 0) || !isfinite(mean))
        return;
    f->start = f->has_start && has_sigma(f) ? exp((1 - start_step) * log(f->start) + start_step * log(mean)) : mean;
    f->has_start = true;
    if (!f->has_range)
        return;         /* a race draws from nothing here */
    if (!has_sigma(f))
        f->sigma = first_sigma;
    else if (known)
        f->sigma = fmax(fmin(least_sigma, f->sigma), narrowing * f->sigma);
    f->has_sigma = true;
}

/* ---- all ------------------------------------------------------------------------------------ */

static ht_family_spec *family_of(ht_recipe *r, const ht_lesson *l)
{
    return ht_recipe_find_family(r, l->actuator, l->key);
}

static ht_status take_lesson(ht_recipe *r, ht_family_spec *f, const ht_lesson *l, double alpha, ht_error *err)
{
    if (!is_usable(l))
        return HT_OK;
    if (l->phase[0] != '\0')
        return ht_recipe_has_phase(r, l->phase) ? move_prior(f, l, alpha, err) : HT_OK;
    f->prior_center = step_towards(f, f->prior_center, l->factor, alpha);
    return HT_OK;
}

ht_status ht_recipe_learn(ht_recipe *r, const ht_run_evidence *run, double alpha, ht_error *err)
{
    bool better = beats(r, run->champion), fresh = run->origin == HT_ORIGIN_FRESH;
    /* doubt comes first and reaches all phases: what this run adds is not doubted */
    for (size_t i = 0; i < run->n_lessons; i++) {
        const ht_lesson *l = &run->lessons[i];
        ht_family_spec *f = l->phase[0] == '\0' ? family_of(r, l) : NULL;
        if (f == NULL)
            continue;
        doubt(f, trust(l));
        if (fresh)
            widen(f);
        if (better)
            move_start(f, l->mean, !fresh);
    }
    for (size_t i = 0; i < run->n_lessons; i++) {
        ht_family_spec *f = family_of(r, &run->lessons[i]);
        if (f != NULL)
            HT_TRY(take_lesson(r, f, &run->lessons[i], alpha, err));
    }
    if (better) {
        r->evolved.best = run->champion;
        ht_field_mark_given(ht_field_find(HT_IN_RECIPE, "evolved.best"), r);
    }
    return HT_OK;
}
