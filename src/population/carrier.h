/** @file src/population/carrier.h
 *  How a replica moves training states to and from its peers; a port of the agent.
 *
 *  The agent does one transfer at a time, in the order of the numbers, on every replica: so the oldest
 *  transfer of the run always has both ends ready and nothing can lock up. */
#ifndef HT_POPULATION_CARRIER_H
#define HT_POPULATION_CARRIER_H

#include "state/state.h"

typedef struct ht_carrier ht_carrier;

typedef struct {
    /** Send n spans to replica `to`. @return HT_OK: taken by the peer; HT_ETIMEOUT, HT_ECOMM */
    ht_status (*send)(ht_carrier *c, unsigned long number, int to, size_t n, const ht_span *spans, ht_error *err);
    /** Receive into n spans of the same layout. On failure their contents are undefined. */
    ht_status (*receive)(ht_carrier *c, unsigned long number, int from, size_t n, const ht_span *spans, ht_error *err);
    /** Take part in the mean of `m` replicas `members` (this one among them, each with its live spans): AVERAGE
     *  spans become the mean, summed in pairwise order of `members` whoever arrives first
     *  ((0+1)+(2+3))+.., in float32 for bfloat16, in the element's own type otherwise; COPY spans keep those of the
     *  last member. The result lands in the spans of the **last** member only; everybody else's are unchanged. */
    ht_status (*mean)(ht_carrier *c, unsigned long number, size_t m, const int *members, size_t n, const ht_span *spans,
                      ht_error *err);
} ht_carrier_class;

/** Seconds that a transfer may stand still: the peer comes at its next safe point, after an epoch like ours or a slower
 *  one. Longer waits would spread from a dead replica to all that wait for those who wait for it. */
static inline double ht_carrier_patience(double epoch_s)
{
    return 2 + 4 * epoch_s;
}

/** An implementation embeds this as its first member. */
struct ht_carrier {
    const ht_carrier_class *class;
};

#endif
