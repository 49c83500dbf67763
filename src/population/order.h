/** @file src/population/order.h
 *  What the pool tells a replica to do, and what the replica tells the pool.
 *
 *  A replica does its orders in the order in which they come; it trains only while it has WORK, and after
 *  its REPORT it waits inside ht_apply for the next one. Training states lie in its live buffers and in
 *  numbered slots (state/state.h). */
#ifndef HT_POPULATION_ORDER_H
#define HT_POPULATION_ORDER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <hottune/types.h>

enum { HT_POOL_KNOBS_MAX = 32, HT_SLOT_ROOT = 0 };  /**< slot 0: the root of the island; n + 1: candidate n */
#define HT_SLOT_BEST UINT_MAX       /**< INHERIT: the best weights, which lie in no slot */

/** The capabilities and the knobs of a replica, part of its HELLO. */
typedef struct {
    char actuator[HT_NAME_MAX], name[HT_NAME_MAX];  /**< "opt", "lr" */
    double value;               /**< now */
    double lo, hi;              /**< hard range as registered; -INFINITY, INFINITY = none */
} ht_member_knob;
typedef struct {
    bool has_init, has_state, has_validate;
    uint64_t state_bytes, layout;
    size_t n_knobs;
    ht_member_knob knobs[HT_POOL_KNOBS_MAX];
} ht_member;

typedef enum {
    HT_ORDER_WORK = 1,  /**< begin training from `source`, with these knobs, for `epochs` epochs, then REPORT;
                             from a slot that is not there (its RECEIVE failed): REPORT at once, epoch 0 */
    HT_ORDER_STOP,      /**< end WORK `number` at the next safe point and REPORT what was done */
    HT_ORDER_SAVE,      /**< live -> slot */
    HT_ORDER_LOAD,      /**< slot -> live */
    HT_ORDER_SEND,      /**< slot -> peer (transfer `number`) */
    HT_ORDER_RECEIVE,   /**< peer -> slot */
    HT_ORDER_MEAN,      /**< take part in the mean of `members`, live states; the last one validates: MEASURED */
    HT_ORDER_VALIDATE,  /**< validate the live state: MEASURED */
    HT_ORDER_DROP,      /**< free slot */
    HT_ORDER_END,       /**< the run is over: leave ht_apply, stop training */
    HT_ORDER_CHECKPOINT,    /**< at the next safe point write all states down: SAVED `number`. Given by the
                                 driver, not by the pool, in independent runs, too */
    HT_ORDER_INHERIT,   /**< what `peer`, which did not come back, had in `from_slot` at the checkpoint -> slot */
    HT_ORDER_LEAVE      /**< stop training without a result: the run goes on in another job; `number` not 0: that has
                         *   begun already */
} ht_pool_order_kind;

typedef enum { HT_FROM_INIT, HT_FROM_SLOT, HT_FROM_LIVE } ht_source_of_state;

typedef struct {
    ht_pool_order_kind kind;
    unsigned long number;       /**< of the WORK, transfer, MEAN or VALIDATE; run-wide, rising */
    unsigned slot;
    unsigned from_slot;         /**< INHERIT */
    int peer;                   /**< SEND: to whom; RECEIVE: from whom */
    ht_source_of_state source;  /**< WORK */
    uint64_t seed;              /**< WORK from init */
    int epochs;                 /**< WORK */
    size_t n_knobs;             /**< WORK: values of the knobs, in the order of ht_member.knobs */
    double knobs[HT_POOL_KNOBS_MAX];
    bool champion;              /**< END: the best weights of the run are this replica's */
    size_t n_members;           /**< MEAN */
    int *members;               /**< [n_members] replicas; owned */
} ht_pool_order;
void ht_pool_order_release(ht_pool_order *o);

typedef enum {
    HT_EVENT_TICK = 1,  /**< an epoch of WORK `number` is over */
    HT_EVENT_REPORT,    /**< WORK `number` is over; also ends its last epoch */
    HT_EVENT_MEASURED,  /**< MEAN or VALIDATE `number`: `loss` is the objective; NaN if it could not be made */
    HT_EVENT_FAILED     /**< transfer `number` failed; `text` says why */
} ht_pool_event_kind;

typedef struct {
    ht_pool_event_kind kind;
    unsigned long number;
    int epoch;                  /**< epochs of this WORK done so far */
    long long step;             /**< optimiser steps of the program so far */
    double loss;                /**< objective after the last epoch, in the recipe's unit; NaN = diverged */
    double best;                /**< best objective inside this WORK; NaN = none */
    double seconds;             /**< that this epoch took (TICK), that all took (REPORT), training and validation */
    double waited;              /**< seconds that the replica waited before this WORK */
    bool anomaly;               /**< the program raised its alarm */
    char text[160];             /**< FAILED */
} ht_pool_event;

#endif
