/* src/comm/mean.c - the arithmetic of a mean over replicas; the contract is in mean.h.
 *
 * Sums go through blocks that stay in the first-level cache, so each operand is read from memory once however
 * many there are, and `out` may be `own`. The loops are plain, so that the compiler vectorises them. */
#include "comm/mean.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "state/bfloat16.h"

enum { BLOCK = 2048 };

ht_mean_place ht_mean_find(size_t m, size_t member)
{
    ht_mean_place p = {.is_root = true};
    size_t first = member; /* of the block that this member owns */
    for (size_t width = 1; width < m; width *= 2) {
        if (first / width % 2 == 1) {
            p.children[p.n_children++] = first - 1;
            first -= width;
        } else if (first + width < m) {
            p.is_root = false;
            p.parent = first + 2 * width < m ? first + 2 * width - 1 : m - 1;
            break;
        }
    }
    return p;
}

size_t ht_mean_partial_size(ht_element e)
{
    return e == HT_BFLOAT16 ? sizeof(float) : ht_element_bytes(e);
}

static void add_f32(size_t n, const float *restrict x, float *restrict sum)
{
    for (size_t i = 0; i < n; i++)
        sum[i] = x[i] + sum[i];
}

static void add_f64(size_t n, const double *restrict x, double *restrict sum)
{
    for (size_t i = 0; i < n; i++)
        sum[i] = x[i] + sum[i];
}

static void divide_f32(size_t n, const float *restrict sum, float divisor, float *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = sum[i] / divisor;
}

static void divide_f64(size_t n, const double *restrict sum, double divisor, double *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = sum[i] / divisor;
}

/* Nearest, half way to even: the mean of two neighbours is always half way, and always away from zero would
 * let weights grow from mean to mean. */
static inline uint16_t narrowed(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    uint32_t quiet = bits >> 16 | 0x40; /* rounding could make an infinity of a NaN */
    return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
}

static void widen(size_t n, const uint16_t *restrict x, float *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = ht_bfloat16_widen(x[i]);
}

static void add_bf16(size_t n, const uint16_t *restrict x, float *restrict sum)
{
    for (size_t i = 0; i < n; i++)
        sum[i] = ht_bfloat16_widen(x[i]) + sum[i];
}

static void divide_bf16(size_t n, const float *restrict sum, float divisor, uint16_t *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = narrowed(sum[i] / divisor);
}

/* One block of float32 or bfloat16; `at` is where it begins. */
static void sum_single(bool is_bf16, size_t at, size_t n, const void *own, size_t k,
                       const ht_mean_operand *left, size_t divisor, void *out)
{
    float sum[BLOCK];
    if (is_bf16)
        widen(n, (const uint16_t *)own + at, sum);
    else
        memcpy(sum, (const float *)own + at, n * sizeof *sum);
    for (size_t j = 0; j < k; j++)
        if (is_bf16 && left[j].is_raw)
            add_bf16(n, (const uint16_t *)left[j].data + at, sum);
        else
            add_f32(n, (const float *)left[j].data + at, sum);
    if (divisor == 0)
        memcpy((float *)out + at, sum, n * sizeof *sum);
    else if (is_bf16)
        divide_bf16(n, sum, (float)divisor, (uint16_t *)out + at);
    else
        divide_f32(n, sum, (float)divisor, (float *)out + at);
}

static void sum_double(size_t at, size_t n, const double *own, size_t k, const ht_mean_operand *left,
                       size_t divisor, double *out)
{
    double sum[BLOCK];
    memcpy(sum, own + at, n * sizeof *sum);
    for (size_t j = 0; j < k; j++)
        add_f64(n, (const double *)left[j].data + at, sum);
    if (divisor == 0)
        memcpy(out + at, sum, n * sizeof *sum);
    else
        divide_f64(n, sum, (double)divisor, out + at);
}

void ht_mean_sum(ht_element e, size_t count, const void *own, size_t k, const ht_mean_operand *left,
                 size_t divisor, void *out)
{
    assert(k > 0 && (e == HT_FLOAT32 || e == HT_FLOAT64 || e == HT_BFLOAT16));
    for (size_t at = 0; at < count; at += BLOCK) {
        size_t n = count - at < BLOCK ? count - at : BLOCK;
        if (e == HT_FLOAT64)
            sum_double(at, n, own, k, left, divisor, out);
        else
            sum_single(e == HT_BFLOAT16, at, n, own, k, left, divisor, out);
    }
}
