/* src/workload/splitmix.c - the generator of the tasks; the contract is in splitmix.h.
 * Changing a line here changes the tasks. */
#include "workload/splitmix.h"

#include <math.h>

uint64_t ht_splitmix_next(ht_splitmix *s)
{
    s->state += 0x9E3779B97F4A7C15u;
    uint64_t z = s->state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

double ht_splitmix_uniform(ht_splitmix *s)
{
    return (double)(ht_splitmix_next(s) >> 11) * 0x1p-53;
}

double ht_splitmix_normal(ht_splitmix *s)
{
    double radius = sqrt(-2 * log(ht_splitmix_uniform(s) + 1e-18));
    return radius * cos(2 * 3.14159265358979323846 * ht_splitmix_uniform(s));
}

void ht_splitmix_permutation(ht_splitmix *s, size_t n, uint32_t *order)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n; i-- > 1;) {
        size_t j = (size_t)(ht_splitmix_next(s) % (i + 1));
        uint32_t swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}
