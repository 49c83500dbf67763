/* src/search/quadratic.c - the best of many local moves, judged by a quadratic about their base.
 *
 * The quadratic (no cross terms) is fitted to the observations of the base's kind that are nearest to it, by
 * weighted ridge regression; one draw of its coefficients from their posterior keeps it from being trusted
 * too much (Thompson sampling). What it leaves unexplained is the estimate of the noise.
 * May touch: the heap, the sampler's noise estimate. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/sampler_internal.h"

enum { TERMS_MAX = 1 + 2 * HT_PARAMS_MAX, NEIGHBOURS_MAX = TOP + RESERVOIR };
static const double ridge = 0.05, ridge_constant = 0.1, ridge_linear = 1, ridge_square = 2;
static const double thompson = 0.3, distance_decay = 1.5, clip_above = 2;

/* y ~ beta . (1, x, x^2) with x = (u - base) / sd * scale over the q active numbers of the base */
typedef struct {
    size_t q, terms;
    size_t number[HT_PARAMS_MAX];
    double inverse_sd[HT_PARAMS_MAX], center[HT_PARAMS_MAX];
    double scale;
    double beta[TERMS_MAX];
} quadratic;

typedef struct {
    const observation *o;
    double distance;        /* squared, in units of sd */
} neighbour;

/* The `wanted` observations of the base's kind that are nearest to it, nearest first.
 * @param[out] known  how many there are of this kind @return how many are in `out` */
static size_t collect(const ht_sampler *s, const observation *base, const quadratic *f, size_t wanted,
                      neighbour *out, size_t *known)
{
    size_t n = 0;
    *known = 0;
    for (size_t i = 0; i < s->n_top + s->n_bad; i++) {
        const observation *o = i < s->n_top ? &s->top[i] : &s->bad[i - s->n_top];
        if (o->y >= FAILED || !ht_local_same_kind(s->space, base->u, o->u))
            continue;
        ++*known;
        double distance = 0;
        for (size_t j = 0; j < f->q; j++) {
            double t = (o->u[f->number[j]] - f->center[j]) * f->inverse_sd[j];
            distance += t * t;
        }
        if (n == wanted && !(distance < out[n - 1].distance))
            continue;
        size_t at = n < wanted ? n++ : n - 1;
        for (; at > 0 && out[at - 1].distance > distance; at--)
            out[at] = out[at - 1];
        out[at] = (neighbour){o, distance};
    }
    return n;
}

static void basis(const quadratic *f, const double *u, double *phi)
{
    phi[0] = 1;
    for (size_t j = 0; j < f->q; j++) {
        double x = (u[f->number[j]] - f->center[j]) * f->inverse_sd[j] * f->scale;
        phi[1 + j] = x;
        phi[1 + f->q + j] = x * x;
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Values of the neighbours, clipped above and standardised by weight. */
static bool standardise(const neighbour *at, size_t n, const double *w, double *y)
{
    double sorted[NEIGHBOURS_MAX], sum = 0, weight = 0, square = 0;
    for (size_t i = 0; i < n; i++)
        sorted[i] = at[i].o->y;
    qsort(sorted, n, sizeof *sorted, by_value);
    double median = n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    double cap = median + clip_above * (median - sorted[0]);
    for (size_t i = 0; i < n; i++) {
        y[i] = at[i].o->y < cap ? at[i].o->y : cap;
        sum += w[i] * y[i];
        weight += w[i];
    }
    for (size_t i = 0; i < n; i++)
        square += w[i] * (y[i] - sum / weight) * (y[i] - sum / weight);
    double sd = sqrt(square / weight);
    if (!(sd > 0) || !isfinite(sd))
        return false;
    for (size_t i = 0; i < n; i++)
        y[i] = (y[i] - sum / weight) / sd;
    return true;
}

/* Lower triangle of a[n][n] (rows of length n) becomes L with L L' = a. */
static bool cholesky(double *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = a[i * n + j];
            for (size_t k = 0; k < j; k++)
                sum -= a[i * n + k] * a[j * n + k];
            if (i == j && !(sum > 0))
                return false;
            a[i * n + j] = i == j ? sqrt(sum) : sum / a[j * n + j];
        }
    return true;
}

static void solve_lower(const double *l, size_t n, double *x)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            x[i] -= l[i * n + k] * x[k];
        x[i] /= l[i * n + i];
    }
}

static void solve_upper(const double *l, size_t n, double *x)
{
    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++)
            x[i] -= l[k * n + i] * x[k];
        x[i] /= l[i * n + i];
    }
}

/* Fit, draw the coefficients once, update the noise estimate. `a` is [terms][terms] scratch. */
static bool fit(ht_sampler *s, quadratic *f, const neighbour *at, size_t n, ht_random *random, double *a)
{
    size_t p = f->terms;
    double w[NEIGHBOURS_MAX], y[NEIGHBOURS_MAX], phi[TERMS_MAX];
    double farthest = at[n - 1].distance;
    if (!(farthest > 0))
        return false;
    f->scale = sqrt((double)f->q / farthest);
    for (size_t i = 0; i < n; i++)
        w[i] = exp(-distance_decay * at[i].distance / farthest);
    if (!standardise(at, n, w, y))
        return false;
    memset(a, 0, p * p * sizeof *a);
    memset(f->beta, 0, sizeof f->beta);
    for (size_t i = 0; i < n; i++) {
        basis(f, at[i].o->u, phi);
        for (size_t j = 0; j < p; j++) {
            f->beta[j] += w[i] * phi[j] * y[i];
            for (size_t k = 0; k <= j; k++)
                a[j * p + k] += w[i] * phi[j] * phi[k];
        }
    }
    for (size_t j = 0; j < p; j++)
        a[j * p + j] += ridge * (j == 0 ? ridge_constant : j <= f->q ? ridge_linear : ridge_square);
    if (!cholesky(a, p))
        return false;
    solve_lower(a, p, f->beta);
    solve_upper(a, p, f->beta);
    double residual = 0, weight = 0;
    for (size_t i = 0; i < n; i++) {
        basis(f, at[i].o->u, phi);
        double e = y[i];
        for (size_t j = 0; j < p; j++)
            e -= f->beta[j] * phi[j];
        residual += w[i] * e * e;
        weight += w[i];
    }
    residual /= weight;
    double m = (double)n, freedom = m - 0.7 * (double)p;
    double sigma = thompson * sqrt(residual * m / (freedom > m / 4 ? freedom : m / 4) + 1e-8);
    double draw[TERMS_MAX];
    for (size_t j = 0; j < p; j++)
        draw[j] = ht_random_normal(random);
    solve_upper(a, p, draw);
    for (size_t j = 0; j < p; j++)
        f->beta[j] += sigma * draw[j];
    double share = residual * m / (m > 1.25 * (double)p ? m - (double)p : (double)p / 4);
    s->noise += NOISE_RATE * ((share < 1 ? share : 1) - s->noise);
    return true;
}

static quadratic about(const ht_sampler *s, const observation *base)
{
    quadratic f = {.scale = 1};
    for (size_t d = 0; d < s->space->n; d++)
        if (s->space->params[d].kind == HT_PARAM_NUMBER && base->u[d] >= 0) {
            f.number[f.q] = d;
            f.center[f.q] = base->u[d];
            f.inverse_sd[f.q++] = 1 / ht_mixture_spread(s->good, d);
        }
    f.terms = 1 + 2 * f.q;
    return f;
}

static void best_of_many(const ht_sampler *s, const observation *base, const quadratic *f, ht_random *random,
                         ht_point *out)
{
    local_pool pool = ht_local_kin(s, base);
    double least = INFINITY;
    bool found_new = false;
    for (int i = 0; i < CANDIDATES_QUADRATIC; i++) {
        ht_point p;
        double phi[TERMS_MAX], value = 0;
        ht_local_draw(s, &pool, base, true, random, &p);
        basis(f, p.u, phi);
        for (size_t j = 0; j < f->terms; j++)
            value += f->beta[j] * phi[j];
        bool is_new = !ht_sampler_knows(s, &p);
        if ((is_new && !found_new) || (is_new == found_new && value < least)) {
            least = value;
            found_new = is_new;
            *out = p;
        }
    }
}

bool ht_quadratic_draw(ht_sampler *s, ht_random *random, ht_point *out)
{
    const observation *base = ht_random_uniform(random) < ELSEWHERE_SHARE ? ht_local_elsewhere(s, random) : NULL;
    if (base == NULL) {
        local_pool best = ht_local_best(s);
        base = ht_local_base(&best, random);
    }
    quadratic f = about(s, base);
    if (base->y >= FAILED || f.q == 0)
        return false;
    neighbour at[NEIGHBOURS_MAX];
    size_t wanted = (size_t)(1.2 * (1 + 2 * ht_sampler_gate(s)) * (double)f.terms) + 4, known;
    size_t n = collect(s, base, &f, wanted < NEIGHBOURS_MAX ? wanted : NEIGHBOURS_MAX, at, &known);
    if (known < f.q + 3)
        return false;
    double *a = malloc(f.terms * f.terms * sizeof *a);
    bool fitted = a != NULL && fit(s, &f, at, n, random, a);
    free(a);
    if (fitted)
        best_of_many(s, base, &f, random, out);
    return fitted;
}
