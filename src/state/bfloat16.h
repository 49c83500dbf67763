/** @file src/state/bfloat16.h
 *  bfloat16 is the upper half of a float32: raw 16-bit words here. Branchless, so that loops vectorise. */
#ifndef HT_STATE_BFLOAT16_H
#define HT_STATE_BFLOAT16_H

#include <stdint.h>
#include <string.h>

static inline uint32_t ht_float32_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float ht_float32_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float ht_bfloat16_widen(uint16_t word)
{
    return ht_float32_of_bits((uint32_t)word << 16);
}

/** The nearest bfloat16; NaN stays NaN. What lies exactly half way goes away from zero, not to even: every
 *  word then has exactly 2^16 float32 that go there, which ht_state_ema_swap needs to be undone. */
static inline uint16_t ht_bfloat16_round(float x)
{
    uint32_t bits = ht_float32_bits(x);
    uint32_t rounded = bits + 0x8000u, quiet = bits | 0x400000u;
    return (uint16_t)(((int32_t)(bits & 0x7FFFFFFFu) > 0x7F800000 ? quiet : rounded) >> 16);
}

#endif
