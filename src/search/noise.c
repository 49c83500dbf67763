/* src/search/noise.c - which points are good when the values are noisy: smoothing over neighbours.
 *
 * While the noise estimate is high, the order of `top` comes from
 *     s_i = (y_i + 2 gate sum_j k_ij y_j) / (1 + 2 gate sum_j k_ij),   j over top and reservoir,
 * with a Gaussian kernel k of half the spread of the better half of `top` per number, and a penalty of 4 in
 * the exponent for each category or activity that differs. When the gate is closed the order is that of y. */
#include <math.h>
#include <stdlib.h>

#include "search/sampler_internal.h"

static const double smallest_exponent = -12, mismatch = 4, width = 0.5, strength = 2;

/* Spread of the better half of top, shrunk to that of the uniform distribution like a bandwidth. */
static double spread(const ht_sampler *s, size_t d)
{
    double n = 0, sum = 0, square = 0;
    for (size_t i = 0; i < (s->n_top + 1) / 2; i++) {
        double u = s->top[i].u[d];
        if (u < 0)
            continue;
        n++;
        sum += u;
        square += u * u;
    }
    double variance = n > 0 ? square / n - sum / n * (sum / n) : 0;
    return sqrt(((variance > 0 ? variance : 0) * n + 1.0 / 12) / (n + 1));
}

static double kernel(const ht_space *space, const double *sd, const double *a, const double *b)
{
    double exponent = 0;
    for (size_t d = 0; d < space->n && exponent >= smallest_exponent; d++) {
        double u = a[d], v = b[d];
        bool differs = (u < 0) != (v < 0) || (space->params[d].kind == HT_PARAM_CATEGORY && u != v);
        if (differs) {
            exponent -= mismatch;
        } else if (u >= 0 && space->params[d].kind == HT_PARAM_NUMBER) {
            double t = (u - v) / (width * sd[d]);
            exponent -= t * t / 2;
        }
    }
    return exponent < smallest_exponent ? 0 : exp(exponent);
}

static void smooth(const ht_sampler *s, double gate, double *score)
{
    double sd[HT_PARAMS_MAX];
    for (size_t d = 0; d < s->space->n; d++)
        sd[d] = spread(s, d);
    double best = s->top[0].y, last = s->top[s->n_top - 1].y, cap = last + 2 * (last - best);
    for (size_t i = 0; i < s->n_top; i++) {
        double sum = s->top[i].y, weight = 1;
        for (size_t j = 0; j < s->n_top + s->n_bad; j++) {
            const observation *o = j < s->n_top ? &s->top[j] : &s->bad[j - s->n_top];
            double k = strength * gate * kernel(s->space, sd, s->top[i].u, o->u);
            sum += k * (o->y < cap ? o->y : cap);
            weight += k;
        }
        score[i] = sum / weight;
    }
}

void ht_noise_rank(ht_sampler *s)
{
    double score[TOP], gate = ht_sampler_gate(s);
    bool smooths = gate > 0 && s->n_top > 0 && s->top[s->n_top - 1].y < FAILED;
    if (s->ranked_told == s->told && s->ranked_smooth == smooths)
        return;
    s->ranked_told = s->told;
    s->ranked_smooth = smooths;
    s->version++;
    for (size_t i = 0; i < s->n_top; i++)
        s->order[i] = i;
    if (!smooths)
        return;
    smooth(s, gate, score);
    for (size_t i = 1; i < s->n_top; i++) {         /* insertion sort: stable, nearly sorted, 64 entries */
        size_t moved = s->order[i], j = i;
        for (; j > 0 && score[s->order[j - 1]] > score[moved]; j--)
            s->order[j] = s->order[j - 1];
        s->order[j] = moved;
    }
}
