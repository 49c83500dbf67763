/** @file src/base/random.h
 *  Random numbers by counter: every draw is a function of (seed, purpose, replica, decision, i).
 *
 *  Nothing is stored between decisions, so the order in which ranks ask has no influence on what
 *  they get, and a restarted run goes on exactly where it was.
 *  Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014
 *  (SplitMix64: the finaliser and the golden-ratio increment). */
#ifndef HT_BASE_RANDOM_H
#define HT_BASE_RANDOM_H

#include <stdint.h>

/** What the numbers are for; streams of two purposes never meet. */
typedef enum {
    HT_RANDOM_PROPOSAL = 1,   /**< draws of one proposal */
    HT_RANDOM_TRAINING = 2,   /**< minibatches and dropout of the built-in workloads */
    HT_RANDOM_INIT = 3,       /**< initial weights */
    HT_RANDOM_TEST = 4,
    HT_RANDOM_STARTUP = 5,    /**< scrambling of the first points of a search */
    HT_RANDOM_RESERVOIR = 6,  /**< which old observations are kept */
    HT_RANDOM_POOL = 7,       /**< decisions of a pool (population/policy.h) */
    HT_RANDOM_SIMULATION = 8  /**< what replicas that are only simulated would have met */
} ht_random_purpose;

/** A stream: `key` names it, `counter` is the number of draws made. Copy it to fork it. */
typedef struct {
    uint64_t key, counter;
} ht_random;

/** The SplitMix64 finaliser: a bijection that mixes all bits. */
uint64_t ht_random_mix(uint64_t x);

/** The stream of one decision. The same four numbers give the same stream everywhere. */
ht_random ht_random_stream(uint64_t seed, ht_random_purpose purpose, uint64_t replica, uint64_t decision);

uint64_t ht_random_bits(ht_random *r);
double ht_random_uniform(ht_random *r);                       /**< in [0, 1), 53 bits */
double ht_random_between(ht_random *r, double lo, double hi); /**< in [lo, hi] */
double ht_random_normal(ht_random *r);                        /**< mean 0, variance 1; uses two draws */
uint64_t ht_random_below(ht_random *r, uint64_t n);           /**< in 0 .. n-1, n >= 1; unbiased */

#endif
