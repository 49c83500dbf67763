/** @file src/population/feed.h
 *  The inputs of a coordinator as kinds and bytes: written to a journal as they come, and fed again later.
 *
 *  The coordinator is a pure state machine, so the same inputs, in the same order and with the same times, make
 *  the same coordinator again, to the last bit of its random decisions. A tick that had no effect may be left out. */
#ifndef HT_POPULATION_FEED_H
#define HT_POPULATION_FEED_H

#include "population/coordinator.h"

typedef enum {
    HT_INPUT_START = 1,     /**< the first one: how the coordinator was created; a matter of the driver */
    HT_INPUT_MESSAGE,       /**< bytes of a replica */
    HT_INPUT_OPERATION,     /**< ht_operation_to_text */
    HT_INPUT_FREEZE,        /**< ht_freeze_to_text */
    HT_INPUT_TICK,
    HT_INPUT_STOP,
    HT_INPUT_SAVED,         /**< a replica was written down; nothing for the coordinator */
    HT_INPUT_RESUMED,       /**< inputs since a checkpoint do not count; nothing for the coordinator */
    HT_INPUT_BACK,          /**< a replica goes on after a stop (ht_coordinator_back) */
    HT_INPUT_RETIRED,       /**< a replica did not come back (ht_coordinator_retire); bytes: a flag for each, 1 = present */
    HT_INPUT_CROWD          /**< `replica` is the number of replicas from now on (ht_coordinator_crowd) */
} ht_input_kind;

/** JSON text, owned by the caller (free); NULL: no memory. */
char *ht_operation_to_text(const ht_operation *o);
char *ht_freeze_to_text(const ht_freeze *f);

/** Hand an input to the coordinator.
 *  @param bytes  [n]; of operations and freeze modes the text, ended by a 0 that n does not count
 *  @return HT_OK; HT_ENOMEM; HT_EFORMAT: it is none */
ht_status ht_feed(ht_coordinator *c, ht_input_kind kind, double now, int replica, const void *bytes, size_t n,
                  ht_error *err);

#endif
