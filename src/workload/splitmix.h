/** @file src/workload/splitmix.h
 *  The generator that defines the data of the tasks to the bit.
 *
 *  Not base/random.h: the data of a task are fixed for ever, in every implementation, by this generator
 *  and the order of its draws (docs/workloads.md); the streams of the tuner may be reorganised.
 *  Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014. */
#ifndef HT_WORKLOAD_SPLITMIX_H
#define HT_WORKLOAD_SPLITMIX_H

#include <stddef.h>
#include <stdint.h>

/** The state is the seed: {12345}. */
typedef struct {
    uint64_t state;
} ht_splitmix;

uint64_t ht_splitmix_next(ht_splitmix *s);
double ht_splitmix_uniform(ht_splitmix *s);     /**< in [0, 1), 53 bits; one draw */
double ht_splitmix_normal(ht_splitmix *s);      /**< mean 0, variance 1; two draws, radius first */

/** A random order of 0..n-1 (Fisher-Yates from the end, n-1 draws). @param[out] order [n] */
void ht_splitmix_permutation(ht_splitmix *s, size_t n, uint32_t *order);

#endif
