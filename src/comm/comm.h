/** @file src/comm/comm.h
 *  How bytes travel between the coordinator (peer 0) and replicas (peers 1 .. n): one interface, several
 *  transports. A transport knows nothing of what a message means. */
#ifndef HT_COMM_COMM_H
#define HT_COMM_COMM_H

#include "population/wire.h"

typedef struct ht_comm ht_comm;

typedef struct {
    ht_status (*send)(void *self, int to, const void *bytes, size_t n, ht_error *err);
    ht_status (*receive)(void *self, double timeout_s, int *from, ht_bytes *out, ht_error *err);
    double (*now)(void *self);
    void (*destroy)(void *self);
} ht_comm_class;

/** A transport embeds this as its first member. */
struct ht_comm {
    const ht_comm_class *class;
};

/** Sends n bytes (copied before the call returns; never waits for the receiver).
 *  @return HT_OK, HT_ENOMEM, HT_ECOMM */
ht_status ht_comm_send(ht_comm *c, int to, const void *bytes, size_t n, ht_error *err);
/** Waits at most timeout_s seconds (sleeping, not spinning) for a message of anyone. Messages of one
 *  sender arrive in order. @param[out] out owned by the caller (free(out->data))
 *  @return HT_OK, HT_ETIMEOUT, HT_ENOMEM, HT_ECOMM */
ht_status ht_comm_receive(ht_comm *c, double timeout_s, int *from, ht_bytes *out, ht_error *err);
/** Seconds on a monotonic clock. */
double ht_comm_now(ht_comm *c);
void ht_comm_destroy(ht_comm *c);   /**< NULL is allowed */

#endif
