/** @file src/simulate/transfer.h
 *  How simulated training states travel: both ends meet, wait for each other as long as carriers do, and are busy
 *  for latency and size / bandwidth. A mean is summed along the tree of comm/mean.h, as over MPI.
 *
 *  Called from inside of the fibers of the peers. */
#ifndef HT_SIMULATE_TRANSFER_H
#define HT_SIMULATE_TRANSFER_H

#include "comm/virtual.h"
#include "simulate/curve.h"

typedef struct ht_transfers ht_transfers;

typedef struct {
    unsigned long done, failed; /**< from one replica to another, those of means, too */
    double bytes;
} ht_transfers_account;

/** @param v          borrowed; replica r is peer r + 1
 *  @param seconds    that one state takes  @param bytes  of one state
 *  @return HT_OK, HT_ENOMEM */
ht_status ht_transfers_create(ht_virtual *v, int n_replicas, double seconds, double bytes, ht_transfers **out,
                              ht_error *err);
void ht_transfers_destroy(ht_transfers *t);     /**< NULL is allowed */

/** @return HT_OK; HT_ETIMEOUT: the other one did not come for patience_s; HT_ECOMM: one of the two died; HT_ENOMEM */
ht_status ht_transfers_send(ht_transfers *t, int me, unsigned long number, double patience_s,
                            const ht_curve_state *state, ht_error *err);
ht_status ht_transfers_receive(ht_transfers *t, int me, unsigned long number, int from, double patience_s,
                               ht_curve_state *state, ht_error *err);
/** Of the live states of `members`; the last one's becomes the mean. @return as above */
ht_status ht_transfers_mean(ht_transfers *t, int me, unsigned long number, size_t n, const int *members,
                            double patience_s, ht_curve_state *live, ht_error *err);
ht_transfers_account ht_transfers_look(const ht_transfers *t);

#endif
