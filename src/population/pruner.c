/* src/population/pruner.c - the median rule and successive halving; the contract is in pruner.h.
 *
 * ASHA keeps for each rung the values that reached it, sorted. Which rungs a report reaches follows from its
 * step and the step before it, so nothing is kept of a running trial. The median rule keeps the curves of
 * completed trials as "best so far". May touch: the heap. */
#include "population/pruner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RUNGS_MAX = 62 };

typedef struct {
    size_t n, capacity;
    double *values; /* [n], ascending */
    size_t passed;  /* how many of the n went on from here */
} rung;

typedef struct {
    size_t n;
    ht_trial_report *best; /* [n], owned: the best value up to each step */
} curve;

struct ht_pruner {
    ht_pruner_options o;
    long long longest; /* last step of the longest completed trial; 0 = none completed */
    rung rungs[RUNGS_MAX];
    size_t n_curves, capacity;
    curve *curves; /* [n_curves] of completed trials */
    double *scratch; /* [capacity] */
};

ht_status ht_pruner_create(const ht_pruner_options *o, ht_pruner **out, ht_error *err)
{
    if (o->reduction < 2 || o->min_resource < 1)
        return ht_fail(err, HT_EINVAL, "early stopping: reduction %d must be at least 2, min-resource %lld at least 1",
                       o->reduction, o->min_resource);
    ht_pruner *p = calloc(1, sizeof *p);
    if (p == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for early stopping");
    p->o = *o;
    *out = p;
    return HT_OK;
}

void ht_pruner_destroy(ht_pruner *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < RUNGS_MAX; i++)
        free(p->rungs[i].values);
    for (size_t i = 0; i < p->n_curves; i++)
        free(p->curves[i].best);
    free(p->curves);
    free(p->scratch);
    free(p);
}

/* A value as something to minimise; what is not finite is the worst. */
static double cost(const ht_pruner *p, double value)
{
    return !isfinite(value) ? INFINITY : p->o.maximize ? -value : value;
}

/* ---- successive halving --------------------------------------------------------------------- */

/* Number of values below `value`: where it belongs in the order. */
static size_t rank_of(const rung *r, double value)
{
    size_t lo = 0, hi = r->n;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (r->values[middle] < value)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

static ht_status insert(rung *r, double value, ht_error *err)
{
    if (r->n == r->capacity) {
        size_t capacity = r->capacity > 0 ? 2 * r->capacity : 16;
        double *values = realloc(r->values, capacity * sizeof *values);
        if (values == NULL)
            return ht_fail(err, HT_ENOMEM, "no memory for %zu values of a rung", capacity);
        r->values = values;
        r->capacity = capacity;
    }
    size_t at = rank_of(r, value);
    memmove(r->values + at + 1, r->values + at, (r->n - at) * sizeof *r->values);
    r->values[at] = value;
    r->n++;
    return HT_OK;
}

static void erase(rung *r, double value)
{
    size_t at = rank_of(r, value);
    if (at < r->n && r->values[at] == value) {
        r->n--;
        memmove(r->values + at, r->values + at + 1, (r->n - at) * sizeof *r->values);
    }
}

/* Step of the rung after the one at `level`; 0 = there is none. */
static long long next_level(const ht_pruner *p, long long level)
{
    return level > (1LL << 53) / p->o.reduction ? 0 : level * p->o.reduction;
}

/* The best 1/reduction of those that came so far go on, while no more of them went on than would if all trials were
 * alike: n/reduction and one standard deviation. Whoever is the best goes on anyway. Without the second condition far
 * more go on: the search learns, so that late trials are better than early ones, and most of them are among the best
 * that came so far. Without the deviation too few reach the upper rungs, and the best one is missed. */
static bool passes(const ht_pruner *p, const rung *r, double value)
{
    size_t reduction = (size_t)p->o.reduction, rank = rank_of(r, value);
    double n = (double)r->n, share = 1. / p->o.reduction, most = n * share + sqrt(n * share * (1 - share));
    return rank == 0 || (rank < r->n / reduction && (double)r->passed < most);
}

/* The rungs that the last report reached: from the one after the report before it, up to its own step. */
static ht_status climb(ht_pruner *p, size_t n, const ht_trial_report *reports, bool *stop, ht_error *err)
{
    long long before = n > 1 ? reports[n - 2].step : -1, level = p->o.min_resource;
    double value = cost(p, reports[n - 1].value);
    size_t first = RUNGS_MAX, end = 0;
    for (size_t i = 0; i < RUNGS_MAX && level > 0 && level <= reports[n - 1].step; i++, level = next_level(p, level)) {
        rung *r = &p->rungs[i];
        if (level <= before)
            continue;
        HT_TRY(insert(r, value, err));
        first = i < first ? i : first;
        end = i + 1;
        bool at_the_end = p->longest > 0 && level >= p->longest;
        *stop = *stop || (!at_the_end && !passes(p, r, value));
    }
    for (size_t i = first; i < end && !*stop; i++)
        p->rungs[i].passed++;
    return HT_OK;
}

/* A trial that goes on no more leaves its place to another. */
static void descend(ht_pruner *p, size_t n, const ht_trial_report *reports, bool stopped)
{
    long long level = p->o.min_resource;
    size_t i = 0;
    for (size_t k = 0; k < n; k++)
        for (; i < RUNGS_MAX && level > 0 && level <= reports[k].step; i++, level = next_level(p, level)) {
            erase(&p->rungs[i], cost(p, reports[k].value));
            if (p->rungs[i].passed > 0 && !(stopped && k == n - 1))
                p->rungs[i].passed--;
        }
}

/* ---- the median rule ------------------------------------------------------------------------ */

/* Best value of a completed trial up to `step`; false: it had said nothing by then. */
static bool best_by(const curve *c, long long step, double *out)
{
    size_t lo = 0, hi = c->n;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (c->best[middle].step <= step)
            lo = middle + 1;
        else
            hi = middle;
    }
    if (lo == 0)
        return false;
    *out = c->best[lo - 1].value;
    return true;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool is_behind_median(ht_pruner *p, size_t n, const ht_trial_report *reports)
{
    long long step = reports[n - 1].step;
    double best = INFINITY;
    size_t others = 0;
    if (step < p->o.min_resource || p->n_curves < p->o.startup || p->n_curves == 0 || step >= p->longest)
        return false;
    for (size_t i = 0; i < n; i++)
        best = fmin(best, cost(p, reports[i].value));
    for (size_t i = 0; i < p->n_curves; i++)
        others += best_by(&p->curves[i], step, &p->scratch[others]);
    if (others == 0)
        return false;
    qsort(p->scratch, others, sizeof *p->scratch, by_value);
    double upper = p->scratch[others / 2], lower = p->scratch[(others - 1) / 2];
    return best > (isfinite(upper) ? lower + (upper - lower) / 2 : lower);
}

static ht_status reserve_curve(ht_pruner *p)
{
    if (p->n_curves < p->capacity)
        return HT_OK;
    size_t capacity = p->capacity > 0 ? 2 * p->capacity : 16;
    curve *curves = realloc(p->curves, capacity * sizeof *curves);
    if (curves == NULL)
        return HT_ENOMEM;
    p->curves = curves;
    double *scratch = realloc(p->scratch, capacity * sizeof *scratch);
    if (scratch == NULL)
        return HT_ENOMEM;
    p->scratch = scratch;
    p->capacity = capacity;
    return HT_OK;
}

static ht_status keep_curve(ht_pruner *p, size_t n, const ht_trial_report *reports, ht_error *err)
{
    ht_trial_report *best = malloc(n * sizeof *best);
    if (best == NULL || reserve_curve(p) != HT_OK) {
        free(best);
        return ht_fail(err, HT_ENOMEM, "no memory for a curve of %zu values", n);
    }
    for (size_t i = 0; i < n; i++) {
        double value = cost(p, reports[i].value);
        best[i] = (ht_trial_report){reports[i].step, i > 0 ? fmin(best[i - 1].value, value) : value};
    }
    p->curves[p->n_curves++] = (curve){n, best};
    return HT_OK;
}

/* ---- both ----------------------------------------------------------------------------------- */

ht_status ht_pruner_report(ht_pruner *p, size_t n, const ht_trial_report *reports, bool *stop, ht_error *err)
{
    *stop = false;
    if (p->o.rule == HT_PRUNE_ASHA && n > 0)
        return climb(p, n, reports, stop, err);
    *stop = p->o.rule == HT_PRUNE_MEDIAN && n > 0 && is_behind_median(p, n, reports);
    return HT_OK;
}

ht_status ht_pruner_complete(ht_pruner *p, size_t n, const ht_trial_report *reports, ht_error *err)
{
    if (n == 0)
        return HT_OK;
    if (p->o.rule == HT_PRUNE_MEDIAN)
        HT_TRY(keep_curve(p, n, reports, err));
    if (reports[n - 1].step > p->longest)
        p->longest = reports[n - 1].step;
    return HT_OK;
}

void ht_pruner_forget(ht_pruner *p, size_t n, const ht_trial_report *reports, bool stopped)
{
    if (p->o.rule == HT_PRUNE_ASHA)
        descend(p, n, reports, stopped);
}
