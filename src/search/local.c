/* src/search/local.c - the local arm: moves by differences of good points, screened by a quadratic.
 *
 * The difference of two good points has the covariance of the good set: a full-covariance kernel that needs
 * no matrix, works with conditions, and shrinks as the good set does. The quadratic (no cross terms) is
 * fitted to the nearest observations about the base by weighted ridge regression; one draw of its
 * coefficients from their posterior keeps it from being trusted too much (Thompson sampling). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/sampler_internal.h"

enum { TERMS_MAX = 1 + 2 * HT_PARAMS_MAX, NEIGHBOURS_MAX = TOP + RESERVOIR };
static const double stride = 0.7071, jitter_least = 0.002, jitter_share = 0.1, category_redraw = 0.1;
static const double ridge = 0.05, ridge_constant = 0.1, ridge_linear = 1, ridge_square = 2;
static const double thompson = 0.3, distance_decay = 1.5, clip_above = 2;

/* Number of good points that moves are made of. */
static size_t pool(const ht_sampler *s)
{
    size_t n = s->space->n + 3;
    return n < s->n_top ? n : s->n_top;
}

const observation *ht_local_base(const ht_sampler *s, ht_random *random)
{
    double u = ht_random_uniform(random);
    return ht_sampler_ranked(s, (size_t)((double)pool(s) * u * u * u));
}

static double reflect(double u)
{
    u = fabs(fmod(u, 2));
    return u > 1 ? 2 - u : u;
}

static double move(const ht_sampler *s, size_t d, double from, const observation *a, const observation *c, ht_random *random)
{
    double sd = ht_mixture_spread(s->good, d), cell = 2 * ht_space_half_cell(s->space, d);
    bool both = a->p.u[d] >= 0 && c->p.u[d] >= 0;
    double step = both ? stride * (a->p.u[d] - c->p.u[d]) : sd * ht_random_normal(random);
    step += (jitter_least + jitter_share * sd) * ht_random_normal(random);
    if (fabs(step) < cell)
        step += cell * ht_random_between(random, -1, 1);
    return ht_space_snap(s->space, d, reflect(from + step));
}

void ht_local_draw(const ht_sampler *s, const observation *base, bool keep_categories, ht_random *random, ht_point *out)
{
    size_t k = pool(s), ia = ht_random_below(random, k), ic = k > 1 ? ht_random_below(random, k - 1) : 0;
    ic += k > 1 && ic >= ia;
    const observation *a = ht_sampler_ranked(s, ia), *c = ht_sampler_ranked(s, ic);
    for (size_t d = 0; d < s->space->n; d++) {
        const ht_param *p = &s->space->params[d];
        double from = base->p.u[d];
        if (!ht_space_is_active(s->space, out, d))
            out->u[d] = HT_ABSENT;
        else if (p->kind == HT_PARAM_CATEGORY)
            out->u[d] = from < 0 || (!keep_categories && ht_random_uniform(random) < category_redraw)
                            ? (double)ht_random_below(random, p->n_choices) : from;
        else if (from < 0)
            out->u[d] = ht_mixture_draw_one(s->good, d, random);
        else
            out->u[d] = move(s, d, from, a, c, random);
    }
}

/* ---- the quadratic -------------------------------------------------------------------------- */

/* y ~ beta . (1, x, x^2) with x = (u - base) / sd * scale over the q active numbers of the base */
typedef struct {
    size_t q, terms;
    size_t number[HT_PARAMS_MAX];
    double sd[HT_PARAMS_MAX], center[HT_PARAMS_MAX];
    double scale;
    double beta[TERMS_MAX];
} quadratic;

typedef struct {
    const observation *o;
    double distance;        /* squared, in units of sd */
} neighbour;

static bool same_kind(const ht_space *space, const ht_point *a, const ht_point *b)
{
    for (size_t d = 0; d < space->n; d++) {
        if ((a->u[d] < 0) != (b->u[d] < 0))
            return false;
        if (space->params[d].kind == HT_PARAM_CATEGORY && a->u[d] != b->u[d])
            return false;
    }
    return true;
}

static int nearer(const void *a, const void *b)
{
    const neighbour *p = a, *q = b;
    if (p->distance != q->distance)
        return p->distance < q->distance ? -1 : 1;
    return p->o < q->o ? -1 : p->o > q->o;      /* addresses inside one sampler: an order that stays */
}

static size_t collect(const ht_sampler *s, const observation *base, const quadratic *f, neighbour *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_top + s->n_bad; i++) {
        const observation *o = i < s->n_top ? &s->top[i] : &s->bad[i - s->n_top];
        if (o->y >= FAILED || !same_kind(s->space, &base->p, &o->p))
            continue;
        double distance = 0;
        for (size_t j = 0; j < f->q; j++) {
            double t = (o->p.u[f->number[j]] - f->center[j]) / f->sd[j];
            distance += t * t;
        }
        out[n++] = (neighbour){o, distance};
    }
    return n;
}

static void basis(const quadratic *f, const ht_point *p, double *phi)
{
    phi[0] = 1;
    for (size_t j = 0; j < f->q; j++) {
        double x = (p->u[f->number[j]] - f->center[j]) / f->sd[j] * f->scale;
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
        basis(f, &at[i].o->p, phi);
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
        basis(f, &at[i].o->p, phi);
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
        if (s->space->params[d].kind == HT_PARAM_NUMBER && base->p.u[d] >= 0) {
            f.number[f.q] = d;
            f.center[f.q] = base->p.u[d];
            f.sd[f.q++] = ht_mixture_spread(s->good, d);
        }
    f.terms = 1 + 2 * f.q;
    return f;
}

static void best_of_many(const ht_sampler *s, const observation *base, const quadratic *f, ht_random *random, ht_point *out)
{
    double least = INFINITY;
    bool found_new = false;
    for (int i = 0; i < CANDIDATES_QUADRATIC; i++) {
        ht_point p;
        double phi[TERMS_MAX], value = 0;
        ht_local_draw(s, base, true, random, &p);
        basis(f, &p, phi);
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

bool ht_local_quadratic(ht_sampler *s, ht_random *random, ht_point *out)
{
    const observation *base = ht_local_base(s, random);
    quadratic f = about(s, base);
    if (base->y >= FAILED || f.q == 0)
        return false;
    neighbour at[NEIGHBOURS_MAX];
    size_t known = collect(s, base, &f, at);
    size_t wanted = (size_t)(1.2 * (1 + 2 * ht_sampler_gate(s)) * (double)f.terms) + 4;
    if (known < f.q + 3)
        return false;
    qsort(at, known, sizeof *at, nearer);
    double *a = malloc(f.terms * f.terms * sizeof *a);
    bool fitted = a != NULL && fit(s, &f, at, known < wanted ? known : wanted, random, a);
    free(a);
    if (fitted)
        best_of_many(s, base, &f, random, out);
    return fitted;
}
