/* src/state/checksum.c - eight lanes of 64-bit words; the contract is in checksum.h.
 *
 * Word i of the stream goes into lane i % 8: lane = rotate((lane ^ word) * odd). One multiplication a word,
 * and eight that do not wait for each other, keep up with memory. Without the rotation the highest bit of a
 * word would never leave the highest bit of its lane, and two numbers of opposite sign would look as before.
 */
#include "state/checksum.h"

#include <string.h>

#include "base/random.h"

static const uint64_t odd = 0x9E3779B97F4A7C15u; /* 2^64 / golden ratio, as in base/random.h */

void ht_checksum_init(ht_checksum *c)
{
    memset(c, 0, sizeof *c);
    for (unsigned i = 0; i < HT_CHECKSUM_LANES; i++)
        c->lane[i] = ht_random_mix(i + 1);
}

/* Hardware fetches ahead to the end of a page only; asking for the next page doubles the rate. */
static inline void fetch_ahead(const unsigned char *at)
{
#if defined(__GNUC__)
    __builtin_prefetch((const void *)((uintptr_t)at + 4096)); /* past the end nothing happens */
#else
    (void)at;
#endif
}

static inline uint64_t step(uint64_t lane, const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    lane = (lane ^ word) * odd;
    return lane << 29 | lane >> 35;
}

static void blocks(uint64_t lane[HT_CHECKSUM_LANES], const unsigned char *at, size_t n)
{
    uint64_t a = lane[0], b = lane[1], c = lane[2], d = lane[3], e = lane[4], f = lane[5], g = lane[6],
             h = lane[7]; /* in registers: `at` might point to `lane` */
    for (; n > 0; n--, at += HT_CHECKSUM_BLOCK) {
        fetch_ahead(at);
        a = step(a, at);
        b = step(b, at + 8);
        c = step(c, at + 16);
        d = step(d, at + 24);
        e = step(e, at + 32);
        f = step(f, at + 40);
        g = step(g, at + 48);
        h = step(h, at + 56);
    }
    const uint64_t now[HT_CHECKSUM_LANES] = {a, b, c, d, e, f, g, h};
    memcpy(lane, now, sizeof now);
}

void ht_checksum_add(ht_checksum *c, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    size_t have = c->n % HT_CHECKSUM_BLOCK;
    c->n += n;
    if (have > 0) {
        size_t take = n < HT_CHECKSUM_BLOCK - have ? n : HT_CHECKSUM_BLOCK - have;
        memcpy(c->rest + have, at, take);
        if (have + take < HT_CHECKSUM_BLOCK)
            return;
        blocks(c->lane, c->rest, 1);
        at += take;
        n -= take;
    }
    blocks(c->lane, at, n / HT_CHECKSUM_BLOCK);
    memcpy(c->rest, at + n / HT_CHECKSUM_BLOCK * HT_CHECKSUM_BLOCK, n % HT_CHECKSUM_BLOCK);
}

uint64_t ht_checksum_value(const ht_checksum *c)
{
    uint64_t lane[HT_CHECKSUM_LANES], sum = ht_random_mix(c->n);
    unsigned char last[HT_CHECKSUM_BLOCK] = {0};
    memcpy(lane, c->lane, sizeof lane);
    memcpy(last, c->rest, c->n % HT_CHECKSUM_BLOCK);
    blocks(lane, last, 1);
    for (unsigned i = 0; i < HT_CHECKSUM_LANES; i++)
        sum = ht_random_mix(sum ^ lane[i]) + odd;
    return sum;
}
