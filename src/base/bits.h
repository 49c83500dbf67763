/** @file src/base/bits.h
 *  A set of small numbers, walked in their order: 64 of them a look. */
#ifndef HT_BASE_BITS_H
#define HT_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/** Starts as {0}: no numbers. */
typedef struct {
    size_t n;               /**< words */
    uint64_t *words;        /**< owned */
} ht_bits;

/** Room for 0 .. n - 1; what is in it stays. @return false: no memory */
static inline bool ht_bits_reserve(ht_bits *b, size_t n)
{
    size_t words = n / 64 + 1;
    if (words <= b->n)
        return true;
    uint64_t *to = realloc(b->words, words * sizeof *to);
    if (to == NULL)
        return false;
    memset(to + b->n, 0, (words - b->n) * sizeof *to);
    b->words = to;
    b->n = words;
    return true;
}

static inline void ht_bits_release(ht_bits *b)
{
    free(b->words);
    *b = (ht_bits){0};
}

static inline void ht_bits_put(ht_bits *b, size_t i, bool in)
{
    uint64_t bit = (uint64_t)1 << (i % 64);
    if (in)
        b->words[i / 64] |= bit;
    else
        b->words[i / 64] &= ~bit;
}

/** Both have room for the same numbers. */
static inline void ht_bits_copy(ht_bits *to, const ht_bits *from)
{
    memcpy(to->words, from->words, to->n * sizeof *to->words);
}

static inline bool ht_bits_has(const ht_bits *b, size_t i)
{
    return (b->words[i / 64] >> (i % 64) & 1) != 0;
}

/** The smallest number in it that is >= from; -1 = none. */
static inline int ht_bits_next(const ht_bits *b, int from)
{
    for (size_t w = (size_t)from / 64; w < b->n; w++) {
        uint64_t word = b->words[w];
        if (w == (size_t)from / 64)
            word &= ~(uint64_t)0 << (from % 64);
        if (word == 0)
            continue;
        int at = (int)(64 * w);
        for (; (word & 1) == 0; word >>= 1)
            at++;
        return at;
    }
    return -1;
}

#endif
