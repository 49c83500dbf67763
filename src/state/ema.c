/* src/state/ema.c - averaged weights; the contract is in state.h.
 *
 * One pass over memory an optimiser step. The update is written e += (1 - d)(p - e): the average of equal
 * weights stays exactly what it is, and 1 - d, which is small, keeps its digits in float32.
 *
 * A swap must be undone exactly. That is plain where average and weights have one type. The float32 average
 * of bfloat16 weights gives its rounded upper half to the program, and takes the weight as its upper half
 * beside the lower half that it keeps; upper, lower and rounded half determine each other. */
#include "state/state_internal.h"

#include <assert.h>
#include <string.h>

#include "state/bfloat16.h"

double ht_ema_decay(double most, long long t)
{
    double warm = (1 + (double)t) / (10 + (double)t);
    return warm < most ? warm : most;
}

double ht_ema_most(double steps_per_epoch)
{
    double epochs = 2.8 * steps_per_epoch;
    return epochs > 1 ? 1 - 1 / epochs : 0;
}

static void follow_float32(size_t n, float *restrict e, const float *restrict p, float share)
{
    for (size_t i = 0; i < n; i++)
        e[i] += share * (p[i] - e[i]);
}

static void follow_float64(size_t n, double *restrict e, const double *restrict p, double share)
{
    for (size_t i = 0; i < n; i++)
        e[i] += share * (p[i] - e[i]);
}

static void follow_bfloat16(size_t n, float *restrict e, const uint16_t *restrict p, float share)
{
    for (size_t i = 0; i < n; i++)
        e[i] += share * (ht_bfloat16_widen(p[i]) - e[i]);
}

static void widen(size_t n, float *restrict e, const uint16_t *restrict p)
{
    for (size_t i = 0; i < n; i++)
        e[i] = ht_bfloat16_widen(p[i]);
}

static void exchange(size_t n, unsigned char *restrict a, unsigned char *restrict b)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

static void show_bfloat16(size_t n, float *restrict e, uint16_t *restrict p)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t shown = ht_bfloat16_round(e[i]);
        e[i] = ht_float32_of_bits((uint32_t)p[i] << 16 | (ht_float32_bits(e[i]) & 0xFFFFu));
        p[i] = shown;
    }
}

static void hide_bfloat16(size_t n, float *restrict e, uint16_t *restrict p)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t kept = ht_float32_bits(e[i]), lower = kept & 0xFFFFu, shown = p[i];
        uint32_t was_number = (shown & 0x7FFFu) <= 0x7F80u;
        uint32_t upper = shown - (lower >> 15 & was_number); /* it was rounded up: ht_bfloat16_round */
        p[i] = (uint16_t)(kept >> 16);
        e[i] = ht_float32_of_bits(upper << 16 | lower);
    }
}

typedef struct {
    const ht_span *average, *weights;
} pair;

static pair pair_of(const ht_state *s, size_t i)
{
    const ht_span *average = &s->live[s->n_registered + i];
    return (pair){average, &s->live[s->parts[s->n_registered + i].of]};
}

void ht_state_ema_reset(ht_state *s)
{
    assert(!s->swapped);
    for (size_t i = 0; i < s->n_averages; i++) {
        pair x = pair_of(s, i);
        if (x.weights->element == HT_BFLOAT16)
            widen(x.average->count, x.average->data, x.weights->data);
        else
            memcpy(x.average->data, x.weights->data, ht_span_bytes(x.average));
    }
    if (s->steps != NULL)
        *s->steps = 0;
}

void ht_state_ema_update(ht_state *s, double most)
{
    ht_state_ema_update_after(s, most, 1);
}

void ht_state_ema_update_after(ht_state *s, double most, long long steps)
{
    assert(!s->swapped);
    if (s->steps == NULL || steps < 1)
        return;
    double decay = 1;
    for (long long i = 0; i < steps; i++)
        decay *= ht_ema_decay(most, ++*s->steps);
    double share = 1 - decay;
    for (size_t i = 0; i < s->n_averages; i++) {
        pair x = pair_of(s, i);
        size_t n = x.average->count;
        if (x.weights->element == HT_FLOAT32)
            follow_float32(n, x.average->data, x.weights->data, (float)share);
        else if (x.weights->element == HT_FLOAT64)
            follow_float64(n, x.average->data, x.weights->data, share);
        else
            follow_bfloat16(n, x.average->data, x.weights->data, (float)share);
    }
}

void ht_state_ema_swap(ht_state *s)
{
    for (size_t i = 0; i < s->n_averages; i++) {
        pair x = pair_of(s, i);
        if (x.weights->element != HT_BFLOAT16)
            exchange(ht_span_bytes(x.average), x.average->data, x.weights->data);
        else if (s->swapped)
            hide_bfloat16(x.average->count, x.average->data, x.weights->data);
        else
            show_bfloat16(x.average->count, x.average->data, x.weights->data);
    }
    s->swapped = !s->swapped && s->n_averages > 0;
}
