/* src/recipe/fit.c - evidence of a run that searched another space; the contract is in fit.h.
 *
 * May touch: the heap. */
#include "recipe/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "recipe/scale.h"

static const double nothing = 1e-6; /* a share so small is none: its centre would be rounding */

static double density(double z)
{
    return exp(-z * z / 2) / sqrt(2 * acos(-1));
}

static double below(double z)
{
    return erfc(-z / sqrt(2)) / 2;
}

/* On the scale. */
typedef struct {
    double lo, hi;
} interval;

static double share_in(interval i, double mean, double spread)
{
    return below((i.hi - mean) / spread) - below((i.lo - mean) / spread);
}

/* Make mean and spread those of the part inside. @return its share of what is inside of `then` */
static double cut(interval now, interval then, double *mean, double *spread)
{
    interval both = {fmax(now.lo, then.lo), fmin(now.hi, then.hi)};
    if (now.lo <= then.lo && now.hi >= then.hi)
        return 1;
    if (!(*spread > 0))
        return *mean >= now.lo && *mean <= now.hi;
    double inside = both.lo < both.hi ? share_in(both, *mean, *spread) : 0,
           all = share_in(then, *mean, *spread);
    if (!(inside > nothing) || !(all > nothing))
        return 0;
    double a = (both.lo - *mean) / *spread, b = (both.hi - *mean) / *spread;
    double shift = (density(a) - density(b)) / inside;
    double ends = (isfinite(a) ? a * density(a) : 0) - (isfinite(b) ? b * density(b) : 0);
    double left = 1 + ends / inside - shift * shift; /* of the variance */
    *mean = fmin(fmax(*mean + *spread * shift, both.lo), both.hi);
    *spread *= sqrt(fmax(left, 0));
    return fmin(1, inside / all);
}

typedef enum { ANOTHER_KNOB, LEAVE_AS_IT_IS, LOOK_AT_BOUNDS } verdict;

/* Of a family: the interval of the recipe that learns, and that of the run. */
typedef struct {
    ht_scale scale;
    interval now, then;
} pair;

static const ht_family_spec *find(const ht_recipe *r, const char *actuator, const char *key)
{
    const ht_actuator_spec *a = ht_recipe_actuator(r, actuator);
    return a == NULL ? NULL : ht_actuator_family(a, key);
}

static interval bounds_of(const ht_family_spec *f, ht_scale scale)
{
    return (interval){ht_scale_to(scale, f->bounds[0][0]), ht_scale_to(scale, f->bounds[0][1])};
}

static verdict compare(const ht_recipe *r, const ht_recipe *space, const char *actuator, const char *key,
                       pair *p)
{
    const ht_family_spec *now = find(r, actuator, key),
                         *then = space == NULL ? NULL : find(space, actuator, key);
    if (now == NULL || then == NULL)
        return LEAVE_AS_IT_IS;
    p->scale = ht_family_scale(now, false);
    if (p->scale != ht_family_scale(then, false))
        return ANOTHER_KNOB;
    if (now->n_bounds != 1 || then->n_bounds != 1)
        return LEAVE_AS_IT_IS;
    p->now = bounds_of(now, p->scale);
    p->then = bounds_of(then, p->scale);
    return LOOK_AT_BOUNDS;
}

/* @return what counts are multiplied by */
static double fit(const ht_recipe *r, const ht_recipe *space, const char *actuator, const char *key,
                  double *center, double *spread)
{
    pair p;
    verdict v = compare(r, space, actuator, key, &p);
    if (v != LOOK_AT_BOUNDS)
        return v == LEAVE_AS_IT_IS;
    double before = ht_scale_to(p.scale, *center), mean = before;
    if (!isfinite(mean))
        return 1; /* it does not say where it is */
    double share = cut(p.now, p.then, &mean, spread);
    if (mean != before)
        *center = ht_scale_from(p.scale, mean);
    return share;
}

static void fit_lesson(const ht_recipe *r, const ht_recipe *space, ht_lesson *l)
{
    double share = fit(r, space, l->actuator, l->key, &l->factor, &l->spread);
    l->n *= share;
    l->wins *= share;
    l->fresh *= share;
    l->fresh_wins *= share;
}

ht_status ht_evidence_fit(const ht_recipe *r, const ht_run_evidence *run, ht_run_evidence *out, ht_error *err)
{
    *out = *run;
    out->space = NULL;
    out->evidence = calloc(run->n + 1, sizeof *out->evidence);
    out->lessons = calloc(run->n_lessons + 1, sizeof *out->lessons);
    if (out->evidence == NULL || out->lessons == NULL) {
        ht_run_evidence_release(out);
        return ht_fail(err, HT_ENOMEM, "no memory for the evidence of a run");
    }
    for (size_t i = 0; i < run->n; i++) {
        ht_evidence *e = &out->evidence[i];
        *e = run->evidence[i];
        e->wins *= fit(r, run->space, e->actuator, e->key, &e->win_center, &e->win_spread);
    }
    for (size_t i = 0; i < run->n_lessons; i++) {
        out->lessons[i] = run->lessons[i];
        fit_lesson(r, run->space, &out->lessons[i]);
    }
    return HT_OK;
}
