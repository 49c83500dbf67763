/** @file src/population/trainer.h
 *  What the agent of a pooled replica can do to its training; a port.
 *
 *  The kernel has two: one acts on this rank (kernel/trainer.c), one on all ranks of a replica (group.c).
 *  Called inside ht_apply and ht_running only. */
#ifndef HT_POPULATION_TRAINER_H
#define HT_POPULATION_TRAINER_H

#include <stdint.h>

#include "base/error.h"

typedef struct {
    void *ctx;
    /** Fresh weights from this seed, the same on any replica. */
    ht_status (*init)(void *ctx, uint64_t seed, ht_error *err);
    /** The objective of the live state, with the averaged weights in place if there are any. */
    ht_status (*validate)(void *ctx, double *objective, ht_error *err);
    ht_status (*save)(void *ctx, unsigned slot, ht_error *err);     /**< live -> slot */
    ht_status (*load)(void *ctx, unsigned slot, ht_error *err);     /**< slot -> live */
    void (*drop)(void *ctx, unsigned slot);
    /** Slot -> replica `to`; replica `from` -> slot. */
    ht_status (*send)(void *ctx, unsigned long number, unsigned slot, int to, ht_error *err);
    ht_status (*receive)(void *ctx, unsigned long number, unsigned slot, int from, ht_error *err);
    /** Take part in the mean of the live states of `members`; it lands in the live state of the last one. */
    ht_status (*mean)(void *ctx, unsigned long number, size_t n, const int *members, ht_error *err);
    /** The live weights are the best of this replica so far. */
    ht_status (*keep_best)(void *ctx, ht_error *err);
    double (*now)(void *ctx);                                       /**< seconds, monotonic */
} ht_trainer;

#endif
