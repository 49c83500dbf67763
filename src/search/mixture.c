/* src/search/mixture.c - Parzen mixtures; the contract is in mixture.h.
 *
 * One array per parameter and quantity (structure of arrays), padded to LANES with kernels of weight 0.
 * A kernel's log density is a sum over parameters of
 *     number:    offset[i] - slope[i] * (u - mu[i])^2        (both 0 where the kernel lacks it)
 *     category:  offset[i] if the kernel has this choice, else slope[i]
 * so that evaluation is a few passes over arrays of floats; the offsets of numbers that every point has are
 * summed once per fit. `peak`, the largest possible sum, is taken off before the exponential; the prior,
 * added in double, keeps the result above zero. May touch: the heap. */
#include "search/mixture.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

enum { LANES = 8 };
static const double narrowest = 1e-5;       /* a bandwidth */

typedef struct {
    float *mu;              /* number: coordinate; category: index; -1 = absent */
    float *offset;          /* number: -log(sigma * sqrt(2 pi) * mass); category: log P(same) */
    float *slope;           /* number: 1 / (2 sigma^2), 0 = absent; category: log P(other) */
    double spread, sigma;   /* number: sqrt(var), bandwidth */
    double stay;            /* category: P(same) - P(other) */
    double peak;            /* largest value of its term */
} column;

struct ht_mixture {
    const ht_space *space;
    size_t n, capacity;     /* kernels; capacity is a multiple of LANES */
    double *weight;         /* [capacity] */
    float *narrow;          /* [capacity] bandwidth as a share of the common one */
    float *fweight;         /* [capacity] weights, 0 beyond n */
    float *common;          /* [capacity] offsets of the numbers without a condition, summed */
    float *term;            /* [capacity] scratch */
    double total;           /* sum of weights, without the prior */
    double peak;
    column *columns;        /* [space->n] */
};

static bool grow_floats(float **a, size_t n)
{
    float *p = realloc(*a, n * sizeof *p);
    if (p == NULL)
        return false;
    *a = p;
    return true;
}

static bool grow_doubles(double **a, size_t n)
{
    double *p = realloc(*a, n * sizeof *p);
    if (p == NULL)
        return false;
    *a = p;
    return true;
}

static ht_status reserve(ht_mixture *m, size_t capacity)
{
    capacity = (capacity + LANES - 1) / LANES * LANES;
    if (capacity <= m->capacity)
        return HT_OK;
    bool ok = grow_doubles(&m->weight, capacity) && grow_floats(&m->narrow, capacity) &&
              grow_floats(&m->fweight, capacity) && grow_floats(&m->common, capacity) &&
              grow_floats(&m->term, capacity);
    for (size_t d = 0; ok && d < m->space->n; d++) {
        column *c = &m->columns[d];
        ok = grow_floats(&c->mu, capacity) && grow_floats(&c->offset, capacity) && grow_floats(&c->slope, capacity);
    }
    if (!ok)
        return HT_ENOMEM;
    m->capacity = capacity;
    return HT_OK;
}

ht_status ht_mixture_create(const ht_space *space, size_t capacity, ht_mixture **out)
{
    ht_mixture *m = calloc(1, sizeof *m);
    if (m == NULL)
        return HT_ENOMEM;
    m->space = space;
    m->columns = calloc(space->n, sizeof *m->columns);
    if (m->columns == NULL || reserve(m, capacity < LANES ? LANES : capacity) != HT_OK) {
        ht_mixture_destroy(m);
        return HT_ENOMEM;
    }
    *out = m;
    return HT_OK;
}

void ht_mixture_destroy(ht_mixture *m)
{
    if (m == NULL)
        return;
    for (size_t d = 0; m->columns != NULL && d < m->space->n; d++) {
        free(m->columns[d].mu);
        free(m->columns[d].offset);
        free(m->columns[d].slope);
    }
    free(m->columns);
    free(m->weight);
    free(m->narrow);
    free(m->fweight);
    free(m->common);
    free(m->term);
    free(m);
}

void ht_mixture_clear(ht_mixture *m)
{
    m->n = 0;
    m->total = 0;
}

ht_status ht_mixture_add(ht_mixture *m, const double *u, double weight, double narrow)
{
    if (m->n == m->capacity && reserve(m, 2 * m->capacity) != HT_OK)
        return HT_ENOMEM;
    size_t i = m->n++;
    m->weight[i] = weight;
    m->narrow[i] = (float)narrow;
    m->total += weight;
    for (size_t d = 0; d < m->space->n; d++)
        m->columns[d].mu[i] = (float)u[d];
    return HT_OK;
}

/* ---- fast elementary functions: plain arithmetic, so equal everywhere and vectorisable --------- */

typedef union {
    int32_t i;
    float f;
} float_bits;

/* exp(x) for x <= 0, relative error below 2e-7; 0 below -87. Range reduction by log 2, Taylor to x^6. */
static inline float fast_exp(float x)
{
    float clamped = x < -87.0f ? -87.0f : x;
    int32_t k = (int32_t)(clamped * 1.44269504f - 0.5f);
    float r = clamped - (float)k * 0.693359375f + (float)k * 2.12194440e-4f;
    float p = 1.0f + r * (1.0f + r * (0.5f + r * (1.66666667e-1f + r * (4.16666667e-2f +
              r * (8.33333333e-3f + r * 1.38888889e-3f)))));
    float_bits scale = {.i = (k + 127) << 23};
    return x < -87.0f ? 0.0f : p * scale.f;
}

/* log(x) for normal x > 0, error below 1e-7 beside the rounding. x = 2^k m with m in [sqrt(1/2), sqrt 2);
 * log m = 2 artanh((m - 1) / (m + 1)) by its series. */
static inline float fast_log(float x)
{
    float_bits bits = {.f = x};
    int32_t k = (bits.i - 0x3f3504f3) >> 23;
    bits.i -= k * (1 << 23);
    float s = (bits.f - 1) / (bits.f + 1), q = s * s;
    return (float)k * 0.693147181f + 2 * s * (1 + q * (0.333333333f + q * (0.2f + q * (0.142857143f + q * 0.111111111f))));
}

/* Upper tail of the normal distribution at x >= 0: erfc(x / sqrt 2) / 2 by the Chebyshev fit of Press et al.,
 * "Numerical Recipes in C", 2nd ed., section 6.2 (erfcc, relative error below 1.2e-7). */
static inline float upper_tail(float x)
{
    float z = x * 0.707106781f, t = 1 / (1 + 0.5f * z);
    float e = -z * z - 1.26551223f + t * (1.00002368f + t * (0.37409196f + t * (0.09678418f + t * (-0.18628806f +
              t * (0.27886807f + t * (-1.13520398f + t * (1.48851587f + t * (-0.82215223f + t * 0.17087277f))))))));
    return 0.5f * t * fast_exp(e < 0 ? e : 0);
}

/* ---- fitting -------------------------------------------------------------------------------- */

typedef struct {
    double n_eff, mean, variance, count;
} moments;

static moments weighted_moments(const ht_mixture *m, const column *c)
{
    double w = 0, w2 = 0, sum = 0, square = 0, count = 0;
    for (size_t i = 0; i < m->n; i++) {
        if (c->mu[i] < 0)
            continue;
        double x = (double)c->mu[i];
        w += m->weight[i];
        w2 += m->weight[i] * m->weight[i];
        sum += m->weight[i] * x;
        square += m->weight[i] * x * x;
        count++;
    }
    if (w <= 0)
        return (moments){0};
    double mean = sum / w, variance = square / w - mean * mean;
    return (moments){.n_eff = w * w / w2, .mean = mean, .variance = variance > 0 ? variance : 0, .count = count};
}

/* Offsets and slopes of n kernels (a multiple of LANES) about mu; returns the largest offset, at least 0. */
static float fit_kernels(column *c, const float *narrow, float sigma, float least, size_t n)
{
    const float *restrict mu = c->mu, *restrict share = narrow;
    float *restrict offset = c->offset, *restrict slope = c->slope;
    for (size_t i = 0; i < n; i++) {
        float s = sigma * share[i], at = mu[i] < 0 ? 0 : mu[i];
        s = s < least ? least : s;
        s = s > 1 ? 1 : s;
        float inverse = 1 / s, mass = 1 - upper_tail((1 - at) * inverse) - upper_tail(at * inverse);
        float log_peak = -0.918938533f - fast_log(s * mass), precision = 0.5f * inverse * inverse;
        offset[i] = mu[i] < 0 ? 0 : log_peak;
        slope[i] = mu[i] < 0 ? 0 : precision;
    }
    float lane[LANES] = {0}, peak = 0;
    for (size_t i = 0; i < n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            lane[j] = offset[i + j] > lane[j] ? offset[i + j] : lane[j];
    for (size_t j = 0; j < LANES; j++)
        peak = lane[j] > peak ? lane[j] : peak;
    return peak;
}

static void fit_number(ht_mixture *m, size_t d, double scale, size_t padded)
{
    column *c = &m->columns[d];
    moments at = weighted_moments(m, c);
    double variance = (at.variance * at.n_eff + 1.0 / 12) / (at.n_eff + 1);
    c->spread = sqrt(variance);
    double sigma = at.n_eff > 0
                       ? scale * c->spread * pow(at.n_eff, -1 / (4 + (double)m->space->n_numbers)) : 1;
    double least = ht_space_half_cell(m->space, d);
    least = least > narrowest ? least : narrowest;
    c->peak = (double)fit_kernels(c, m->narrow, (float)sigma, (float)least, padded);
    c->sigma = sigma < least ? least : sigma > 1 ? 1 : sigma;
    float *restrict common = m->common;
    const float *restrict offset = c->offset;
    for (size_t i = 0; m->space->params[d].parent < 0 && i < padded; i++)
        common[i] += offset[i];
}

static void fit_category(ht_mixture *m, size_t d, size_t padded)
{
    column *c = &m->columns[d];
    double choices = (double)m->space->params[d].n_choices, n = weighted_moments(m, c).count;
    double miss = 0.5 / (n + 1) / choices, z = 1 + 0.5 / (n + 1);
    double same = (1 + miss) / z, other = miss / z;
    c->stay = same - other;
    float same_log = (float)log(same), other_log = (float)log(other), unknown = (float)-log(choices);
    for (size_t i = 0; i < padded; i++) {
        c->offset[i] = c->mu[i] >= 0 ? same_log : unknown;
        c->slope[i] = c->mu[i] >= 0 ? other_log : unknown;
    }
    c->peak = log(same);
}

/* Kernels of weight 0 and without any parameter, up to a multiple of LANES. */
static size_t pad(ht_mixture *m)
{
    size_t padded = (m->n + LANES - 1) / LANES * LANES;
    for (size_t i = m->n; i < padded; i++) {
        m->narrow[i] = 1;
        for (size_t d = 0; d < m->space->n; d++)
            m->columns[d].mu[i] = (float)HT_ABSENT;
    }
    for (size_t i = 0; i < padded; i++) {
        m->fweight[i] = i < m->n ? (float)m->weight[i] : 0;
        m->common[i] = 0;
    }
    return padded;
}

void ht_mixture_fit(ht_mixture *m, double scale)
{
    size_t padded = pad(m);
    m->peak = 0;
    for (size_t d = 0; d < m->space->n; d++) {
        if (m->space->params[d].kind == HT_PARAM_NUMBER)
            fit_number(m, d, scale, padded);
        else
            fit_category(m, d, padded);
        m->peak += m->columns[d].peak;
    }
}

double ht_mixture_spread(const ht_mixture *m, size_t d)
{
    return m->columns[d].spread;
}

/* ---- densities ------------------------------------------------------------------------------ */

/* without the offset */
static void add_square(float *restrict term, const column *c, float u, size_t n)
{
    const float *restrict mu = c->mu, *restrict slope = c->slope;
    for (size_t i = 0; i < n; i++) {
        float t = u - mu[i];
        term[i] -= slope[i] * t * t;
    }
}

static void add_number(float *restrict term, const column *c, float u, size_t n)
{
    const float *restrict mu = c->mu, *restrict offset = c->offset, *restrict slope = c->slope;
    for (size_t i = 0; i < n; i++) {
        float t = u - mu[i];
        term[i] += offset[i] - slope[i] * t * t;
    }
}

static void add_category(float *restrict term, const column *c, float u, size_t n)
{
    const float *restrict mu = c->mu, *restrict same = c->offset, *restrict other = c->slope;
    for (size_t i = 0; i < n; i++)
        term[i] += mu[i] == u ? same[i] : other[i];
}

static void add_column(const ht_mixture *m, size_t d, float u, size_t n)
{
    if (m->space->params[d].kind == HT_PARAM_NUMBER)
        add_number(m->term, &m->columns[d], u, n);
    else
        add_category(m->term, &m->columns[d], u, n);
}

/* sum of weight * exp(term), in an order that does not depend on the compiler */
static double sum_of_exponentials(const ht_mixture *m, size_t n)
{
    float *restrict term = m->term;
    const float *restrict weight = m->fweight;
    for (size_t i = 0; i < n; i++)
        term[i] = weight[i] * fast_exp(term[i] < 0 ? term[i] : 0);
    float lane[LANES] = {0};
    for (size_t i = 0; i < n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            lane[j] += term[i + j];
    double sum = 0;
    for (size_t j = 0; j < LANES; j++)
        sum += (double)lane[j];
    return sum;
}

static double log_prior(const ht_mixture *m, size_t d)
{
    const ht_param *p = &m->space->params[d];
    return p->kind == HT_PARAM_NUMBER ? 0 : -log((double)p->n_choices);
}

double ht_mixture_log(ht_mixture *m, const double *u)
{
    size_t padded = (m->n + LANES - 1) / LANES * LANES;
    double prior = 0, peak = m->peak;
    for (size_t i = 0; i < padded; i++)
        m->term[i] = m->common[i] - (float)peak;
    for (size_t d = 0; d < m->space->n; d++) {
        if (u[d] < 0)
            continue;
        prior += log_prior(m, d);
        if (m->space->params[d].kind == HT_PARAM_NUMBER && m->space->params[d].parent < 0)
            add_square(m->term, &m->columns[d], (float)u[d], padded);
        else
            add_column(m, d, (float)u[d], padded);
    }
    return log(sum_of_exponentials(m, padded) + exp(prior - peak)) + peak;
}

double ht_mixture_log_one(ht_mixture *m, size_t d, double u)
{
    size_t padded = (m->n + LANES - 1) / LANES * LANES;
    double peak = m->columns[d].peak;
    for (size_t i = 0; i < padded; i++)
        m->term[i] = (float)-peak;
    add_column(m, d, (float)u, padded);
    return log(sum_of_exponentials(m, padded) + exp(log_prior(m, d) - peak)) + peak;
}

double ht_mixture_log_total(const ht_mixture *m)
{
    return log(m->total + 1);
}

size_t ht_mixture_bytes(const ht_mixture *m)
{
    return sizeof *m + m->space->n * (sizeof *m->columns + 3 * m->capacity * sizeof(float)) +
           m->capacity * (sizeof(double) + 4 * sizeof(float));
}

/* ---- draws ---------------------------------------------------------------------------------- */

/* A kernel by weight; m->n stands for the prior. */
static size_t pick(const ht_mixture *m, ht_random *random)
{
    double left = ht_random_uniform(random) * (m->total + 1);
    for (size_t i = 0; i < m->n; i++) {
        left -= m->weight[i];
        if (left < 0)
            return i;
    }
    return m->n;
}

static double truncated_normal(double mu, double sigma, ht_random *random)
{
    for (int tries = 0; tries < 1000; tries++) {
        double u = mu + sigma * ht_random_normal(random);
        if (u >= 0 && u <= 1)
            return u;
    }
    return mu;
}

static double draw_uniform(const ht_space *s, size_t d, ht_random *random)
{
    const ht_param *p = &s->params[d];
    return p->kind == HT_PARAM_NUMBER ? ht_random_uniform(random) : (double)ht_random_below(random, p->n_choices);
}

static double draw_at(const ht_mixture *m, size_t d, size_t kernel, ht_random *random)
{
    const column *c = &m->columns[d];
    if (kernel == m->n || c->mu[kernel] < 0)
        return draw_uniform(m->space, d, random);
    if (m->space->params[d].kind == HT_PARAM_NUMBER)
        return truncated_normal((double)c->mu[kernel], c->sigma, random);
    return ht_random_uniform(random) < c->stay ? (double)c->mu[kernel] : draw_uniform(m->space, d, random);
}

/* A kernel without this parameter lends it from another one. */
static size_t lender(const ht_mixture *m, size_t d, size_t kernel, ht_random *random)
{
    for (int tries = 0; tries < 8 && kernel < m->n && m->columns[d].mu[kernel] < 0; tries++)
        kernel = pick(m, random);
    return kernel;
}

void ht_mixture_draw(const ht_mixture *m, ht_random *random, ht_point *out)
{
    size_t kernel = pick(m, random);
    for (size_t d = 0; d < m->space->n; d++) {
        if (!ht_space_is_active(m->space, out, d))
            out->u[d] = HT_ABSENT;
        else
            out->u[d] = ht_space_snap(m->space, d, draw_at(m, d, lender(m, d, kernel, random), random));
    }
}

double ht_mixture_draw_one(const ht_mixture *m, size_t d, ht_random *random)
{
    return ht_space_snap(m->space, d, draw_at(m, d, lender(m, d, pick(m, random), random), random));
}
