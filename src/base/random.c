/* src/base/random.c - counter-based random numbers; the contract is in random.h. */
#include "base/random.h"

#include <math.h>

static const uint64_t golden = 0x9E3779B97F4A7C15u;

uint64_t ht_random_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

ht_random ht_random_stream(uint64_t seed, ht_random_purpose purpose, uint64_t replica, uint64_t decision)
{
    uint64_t key = ht_random_mix(seed + golden);
    key = ht_random_mix(key ^ ((uint64_t)purpose + golden));
    key = ht_random_mix(key ^ (replica + 2 * golden));
    key = ht_random_mix(key ^ (decision + 3 * golden));
    return (ht_random){.key = key};
}

uint64_t ht_random_bits(ht_random *r)
{
    return ht_random_mix(r->key + golden * ++r->counter);
}

double ht_random_uniform(ht_random *r)
{
    return (double)(ht_random_bits(r) >> 11) * 0x1p-53;
}

double ht_random_between(ht_random *r, double lo, double hi)
{
    double half = (hi / 2 - lo / 2) * ht_random_uniform(r);     /* hi - lo might overflow */
    double x = lo + half + half;
    return x > hi ? hi : x;     /* rounding may carry the sum past the end */
}

double ht_random_normal(ht_random *r)
{
    /* Box-Muller; 1 - u is in (0, 1], so the logarithm is finite */
    double radius = sqrt(-2 * log(1 - ht_random_uniform(r)));
    return radius * cos(2 * 3.14159265358979323846 * ht_random_uniform(r));
}

uint64_t ht_random_below(ht_random *r, uint64_t n)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % n, x;
    do
        x = ht_random_bits(r);
    while (x >= limit);
    return x % n;
}
