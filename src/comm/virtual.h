/** @file src/comm/virtual.h
 *  A transport in virtual time: coordinator and replicas in one process, and a clock that jumps to what happens next.
 *
 *  Peer 0, the coordinator, is the caller. Every other peer is a fiber (fiber.h), so that code which waits inside of its calls, such as
 *  an agent, runs as it is. Virtual time passes only while somebody waits: ht_comm_receive of peer 0 lets the others
 *  run until a message for it is there or its time is over. The same calls give the same order of events, to
 *  the last bit of every time: what happens at one time happens in the order in which it was asked for, messages first.
 *  One thread. */
#ifndef HT_COMM_VIRTUAL_H
#define HT_COMM_VIRTUAL_H

#include "comm/comm.h"

typedef struct ht_virtual ht_virtual;

/** @param n_peers    0 .. n_peers - 1
 *  @param latency_s  of every message, seconds, >= 0
 *  @return HT_OK, HT_ENOMEM */
ht_status ht_virtual_create(int n_peers, double latency_s, ht_virtual **out, ht_error *err);
/** Fibers that are not over are forgotten with what they hold: let them end first (ht_virtual_cut). NULL is allowed. */
void ht_virtual_destroy(ht_virtual *v);
/** The end of a peer. Borrowed: ht_comm_destroy does nothing to it. `receive` of peers other than 0 is called from
 *  inside of their fibers. */
ht_comm *ht_virtual_end(ht_virtual *v, int peer);
/** Begin the fiber of a peer (not 0), now. @return HT_OK, HT_ENOMEM */
ht_status ht_virtual_spawn(ht_virtual *v, int peer, void (*body)(void *ctx), void *ctx, ht_error *err);

double ht_virtual_now(const ht_virtual *v);     /**< seconds since the beginning */
/** From inside of the fiber of `peer`: let `seconds` pass (INFINITY is allowed). @return true if it was woken before */
bool ht_virtual_wait(ht_virtual *v, int peer, double seconds);
/** Whoever waits in ht_virtual_wait goes on, at the time that it is now; nothing happens to those who do not. */
void ht_virtual_wake(ht_virtual *v, int peer);

/** The peer is dead: it is woken, what was sent to it is lost, its sends and receives fail with HT_ECOMM and its waits
 *  are over at once, so that what it was doing comes to an end. `cut` false: it lives again. */
void ht_virtual_cut(ht_virtual *v, int peer, bool cut);
bool ht_virtual_is_cut(const ht_virtual *v, int peer);
/** Fibers that have begun and are not over. */
int ht_virtual_running(const ht_virtual *v);

#endif
