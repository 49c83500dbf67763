/** @file src/comm/loopback.h
 *  Coordinator and one replica in the same process: two queues, no waiting. */
#ifndef HT_COMM_LOOPBACK_H
#define HT_COMM_LOOPBACK_H

#include "comm/comm.h"

/** A pair of ends. Each is owned by the caller (ht_comm_destroy, in any order).
 *  @param[out] coordinator  peer 0; sees the replica as peer 1
 *  @param[out] replica      peer 1; sees the coordinator as peer 0 */
ht_status ht_comm_loopback_create(ht_comm **coordinator, ht_comm **replica, ht_error *err);

/** Who works for the coordinator: called when the replica's end finds nothing to receive, before it
 *  gives up. Waiting for more is pointless here, so `receive` never sleeps. */
void ht_comm_loopback_pump(ht_comm *replica, void (*pump)(void *ctx), void *ctx);

#endif
