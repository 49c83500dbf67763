/* src/recipe/validate.c - rules that bind several fields together; the contract is in validate.h. */
#include "recipe/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char lo[40], hi[40];
} interval_text;

static interval_text print(double lo, double hi)
{
    interval_text t;
    ht_print_real(t.lo, lo, false);
    ht_print_real(t.hi, hi, false);
    return t;
}

ht_status ht_recipe_check_field(const ht_recipe *r, const char *path, ht_error *err)
{
    if (strcmp(path, "acceptance.horizon") == 0) {
        ht_horizon_unit unit;
        long long length;
        return ht_horizon_parse(r->acceptance.horizon, &unit, &length, err);
    }
    if (strcmp(path, "safety.grad_spike_factor") == 0) {
        double factor = r->safety.grad_spike_factor;
        if (factor != 0 && !(factor > 1))
            return ht_fail(err, HT_EFORMAT, "'%g' is neither 0 (off) nor greater than 1", factor);
    }
    if (strcmp(path, "population.tournament.to") == 0 &&
        !(r->population.tournament.from <= r->population.tournament.to)) {
        interval_text t = print(r->population.tournament.to, r->population.tournament.from);
        return ht_fail(err, HT_EFORMAT, "'%s' is below `from`, %s", t.lo, t.hi);
    }
    return HT_OK;
}

static ht_status check_bounds(const ht_family_spec *f, ht_error *err)
{
    for (size_t i = 0; i < f->n_bounds; i++) {
        interval_text t = print(f->bounds[i][0], f->bounds[i][1]);
        if (!(f->bounds[i][0] <= f->bounds[i][1]))
            return ht_fail(err, HT_EFORMAT, "low %s is greater than high %s", t.lo, t.hi);
        if (ht_family_is_factor(f) && !(f->bounds[i][0] > 0))
            return ht_fail(err, HT_EFORMAT, "low %s of a factor is not greater than 0", t.lo);
    }
    return HT_OK;
}

/* One centre serves all elements of a tuple, so it has to lie between the lowest and the highest bound. */
static ht_status check_center(const ht_family_spec *f, ht_error *err)
{
    double lo = f->bounds[0][0], hi = f->bounds[0][1];
    for (size_t i = 1; i < f->n_bounds; i++) {
        lo = fmin(lo, f->bounds[i][0]);
        hi = fmax(hi, f->bounds[i][1]);
    }
    if (f->prior_center == 1 || (f->prior_center >= lo && f->prior_center <= hi))
        return HT_OK;
    interval_text t = print(lo, hi), center = print(f->prior_center, 0);
    return ht_fail(err, HT_EFORMAT, "'%s' is outside the bounds [%s, %s]; 1.0 means no preference", center.lo,
                   t.lo, t.hi);
}

ht_status ht_family_check_field(const ht_family_spec *f, const char *path, ht_error *err)
{
    if (strcmp(path, "bounds") == 0)
        return check_bounds(f, err);
    if (strcmp(path, "prior_center") == 0 && check_bounds(f, NULL) == HT_OK)
        return check_center(f, err);
    return HT_OK;
}

ht_status ht_phase_check(const ht_phase *p, ht_error *err)
{
    if (p->start_frac < p->end_frac)
        return HT_OK;
    interval_text t = print(p->start_frac, p->end_frac);
    return ht_fail(err, HT_EFORMAT, "start_frac %s is not below end_frac %s", t.lo, t.hi);
}

static int by_start(const void *a, const void *b)
{
    const ht_phase *x = *(const ht_phase *const *)a, *y = *(const ht_phase *const *)b;
    if (x->start_frac != y->start_frac)
        return x->start_frac < y->start_frac ? -1 : 1;
    return x < y ? -1 : x > y; /* the order of the text */
}

ht_status ht_phases_check(const ht_recipe *r, size_t *phase, const char **field, ht_error *err)
{
    const ht_phase **sorted = calloc(r->n_phases, sizeof *sorted);
    if (sorted == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for %zu phases", r->n_phases);
    for (size_t i = 0; i < r->n_phases; i++)
        sorted[i] = &r->phases[i];
    qsort(sorted, r->n_phases, sizeof *sorted, by_start);
    ht_status st = HT_OK;
    double reached = 0;
    for (size_t i = 0; i < r->n_phases && st == HT_OK; reached = sorted[i++]->end_frac) {
        if (sorted[i]->start_frac == reached)
            continue;
        interval_text t = print(sorted[i]->start_frac, reached);
        *phase = (size_t)(sorted[i] - r->phases);
        *field = "start_frac";
        st = i == 0 ? ht_fail(err, HT_EFORMAT, "'%s' leaves a gap: the first phase must start at 0", t.lo)
                    : ht_fail(err, HT_EFORMAT, "'%s' leaves %s: the phase before ends at %s", t.lo,
                              sorted[i]->start_frac > reached ? "a gap" : "an overlap", t.hi);
    }
    if (st == HT_OK && reached != 1) {
        *phase = (size_t)(sorted[r->n_phases - 1] - r->phases);
        *field = "end_frac";
        interval_text t = print(reached, 1);
        st = ht_fail(err, HT_EFORMAT, "'%s' leaves a gap: the last phase must end at 1", t.lo);
    }
    free(sorted);
    return st;
}
