/** @file src/kernel/trainer.h
 *  A training program's callbacks and buffers as a trainer (population/trainer.h), on this rank. */
#ifndef HT_KERNEL_TRAINER_H
#define HT_KERNEL_TRAINER_H

#include <mpi.h>

#include "population/carrier.h"
#include "population/trainer.h"

/** What the program gave. */
typedef struct {
    ht_state *state;            /**< borrowed */
    ht_carrier *carrier;        /**< borrowed; NULL = this replica has no peers */
    ht_status (*init)(void *ctx, unsigned long long seed);              /**< NULL = none */
    void *init_ctx;
    ht_status (*validate)(void *ctx, double *objective);                /**< NULL = none */
    void *validate_ctx;
    bool ema;                   /**< the averaged weights are scored */
} ht_local_training;

/** Acts on this rank. `t` is borrowed while the trainer is used. */
ht_trainer ht_trainer_local(ht_local_training *t);
/** The program's objective, with the averaged weights in place if they are scored. */
ht_status ht_training_validate(ht_local_training *t, double *objective, ht_error *err);
/** Rank 0 of `team` gives `bytes` bytes to the others. **Collective** over team. */
ht_status ht_training_broadcast(MPI_Comm team, void *data, size_t bytes, ht_error *err);
/** Rank 0 of `team` gives its live state, or a slot, to the other ranks. **Collective** over team. */
ht_status ht_training_share(ht_local_training *t, MPI_Comm team, bool live, unsigned slot, ht_error *err);

#endif
