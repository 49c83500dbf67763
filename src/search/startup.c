/* src/search/startup.c - the first points: a scrambled Halton sequence.
 *
 * Parameter j uses the j-th prime; each digit of the index n + 1 is permuted by digit * mul + add modulo the
 * prime, with mul and add hashed from (seed, j, level). Source: Halton, Numer. Math. 2 (1960); scrambling as
 * in Okten, Shah, Goncharov, "Random and deterministic digit permutations of the Halton sequence" (2012).
 * Spaces of more than 16 parameters get uniform points: high primes would leave long diagonal stripes. */
#include "search/sampler_internal.h"

static const unsigned primes[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53};
enum { PRIMES = sizeof primes / sizeof *primes };
static const double resolution = 1e-10;

static double halton(unsigned long long seed, size_t j, unsigned long index)
{
    unsigned prime = primes[j];
    double u = 0, unit = 1.0 / prime;
    for (unsigned level = 0; unit > resolution; level++, unit /= prime, index /= prime) {
        ht_random r = ht_random_stream(seed, HT_RANDOM_STARTUP, j, level);
        unsigned mul = 1 + (unsigned)ht_random_below(&r, prime - 1), add = (unsigned)ht_random_below(&r, prime);
        u += unit * (double)((index % prime * mul + add) % prime);
    }
    return u;
}

void ht_startup_point(const ht_space *space, unsigned long long seed, unsigned long n, ht_point *out)
{
    ht_random random = ht_random_stream(seed, HT_RANDOM_STARTUP, PRIMES, n);
    for (size_t d = 0; d < space->n; d++) {
        const ht_param *p = &space->params[d];
        double u = space->n <= PRIMES ? halton(seed, d, n + 1) : ht_random_uniform(&random);
        if (!ht_space_is_active(space, out, d))
            out->u[d] = HT_ABSENT;
        else if (p->kind == HT_PARAM_CATEGORY)
            out->u[d] = (double)(size_t)(u * (double)p->n_choices);
        else
            out->u[d] = ht_space_snap(space, d, u);
    }
}
