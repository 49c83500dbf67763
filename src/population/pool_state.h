/** @file src/population/pool_state.h
 *  Internal to the pool: its state, and what its parts do for each other.
 *
 *      pool.c          life; events and time come in, the barrier; who is told what
 *      pool_resume.c   who did not come back after a stop, who is new
 *      pool_orders.c   what a policy may order: the account of who holds and does what, the queue of orders
 *      pool_notes.c    the queue of notes
 *      pool_tally.c    counts that follow the seats
 *      pool_view.c     what can be seen: champion, schedule, answers to a policy
 *
 *  Memory that runs out on the way sets `no_memory`; the call in progress goes on with what it has and
 *  returns HT_ENOMEM at its end. */
#ifndef HT_POPULATION_POOL_STATE_H
#define HT_POPULATION_POOL_STATE_H

#include "population/policy.h"
#include "population/pool_tally.h"

typedef struct {
    unsigned long number;       /**< 0 = none */
    int task, asked, node;
    bool timed, stopped, given_up;  /**< given_up: the policy goes on without it */
    double since;               /**< time of the order; once an epoch is over: when that began */
    int epochs;                 /**< done so far */
    double best;                /**< NaN = none */
    long long first_step;
} ht_pool_task;

typedef struct {
    unsigned long number;       /**< 0 = none */
    double due;                 /**< time after which nobody waits for it */
    int node;
    bool answered;              /**< its event waits at the barrier */
} ht_pool_measure;

typedef struct ht_pool_letter {
    struct ht_pool_letter *next;
    int replica;
    ht_pool_event event;
} ht_pool_letter;

typedef struct ht_incoming {
    struct ht_incoming *next;
    ht_pool_transfer transfer;
} ht_incoming;

typedef struct {
    bool joined, lost, ended, sick;
    ht_pool_task work;
    bool answered;              /**< the REPORT of `work` waits at the barrier */
    size_t n_measures, measures_capacity;
    ht_pool_measure *measures;  /**< owned; mostly one */
    size_t n_slots, slots_capacity;
    unsigned *slots;            /**< owned; that it holds */
    double pace, first, best;   /**< seconds per epoch; first and best loss; NaN = none */
    int best_node, node;
    long long step;
    double busy_s, waited_s;
    struct ht_incoming *incoming;   /**< transfers to it that may still fail; owned; survives ht_pool_reset_seat */
    ht_tallied tallied;         /**< by pool_tally.c; likewise */
} ht_pool_seat;

typedef struct ht_queued_order {
    struct ht_queued_order *next;
    int replica;
    ht_pool_order order;
} ht_queued_order;

typedef struct ht_queued_note {
    struct ht_queued_note *next;
    ht_pool_note note;
} ht_queued_note;

struct ht_pool {
    ht_pool_options o;
    ht_member member;
    ht_tuned knobs;
    const ht_policy_class *policy;
    void *self;                 /**< of the policy, owned */
    ht_lineage *lineage;
    int n_seats;                /**< o.n_replicas, or more after a stop */
    ht_pool_seat *seats;        /**< [n_seats] */
    const bool *present;        /**< [n_seats] while a replica retires: who came back; else NULL */
    double now, first_join;     /**< NaN = nobody yet */
    bool barrier, started, stopping, finished, calm, no_memory, somebody_is_lost;
    unsigned long number;       /**< last one given out */
    int champion;               /**< -1 = none */
    double champion_loss;
    int champion_node;
    ht_pool_tally tally;
    ht_pool_letter *letters;    /**< of the barrier, in the order of replicas, then of arrival */
    ht_queued_order *first_order, *last_order;
    ht_queued_note *first_note, *last_note;
};

/* ---- pool.c --------------------------------------------------------------------------------- */

/** Nobody sits there. */
void ht_pool_reset_seat(ht_pool *p, int replica);
/** The replica is gone: the policy is told, nobody waits for it. */
void ht_pool_unseat(ht_pool *p, int replica);

/* ---- pool_orders.c -------------------------------------------------------------------------- */

bool ht_seat_lives(const ht_pool_seat *s);
bool ht_seat_idle(const ht_pool_seat *s);
void ht_pool_end(ht_pool *p, int replica);      /**< END */
void ht_pool_stop_work(ht_pool *p, int replica);    /**< STOP, once */
/** END to one that is no part of the pool. */
void ht_pool_send_home(ht_pool *p, int replica);
/** Takes a measure out of the account. @return false: there is none of that number */
bool ht_pool_measure_take(ht_pool *p, int replica, unsigned long number, ht_pool_measure *out);
/** The slot did not arrive, or is not there. */
void ht_pool_forget_slot(ht_pool *p, int replica, unsigned slot);
/** Takes a transfer out of the account, by number. */
bool ht_pool_transfer_take(ht_pool *p, unsigned long number, ht_pool_transfer *out);
void ht_pool_forget_transfers(ht_pool *p, int to);  /**< they arrived: the replica did what came after them */
void ht_pool_transfers_release(ht_pool *p);
void ht_pool_orders_release(ht_pool *p);

/* ---- pool_notes.c --------------------------------------------------------------------------- */

void ht_pool_notes_release(ht_pool *p);

/* ---- pool_view.c ---------------------------------------------------------------------------- */

/** A loss that `replica` validated; with the node that its state has. */
void ht_pool_saw(ht_pool *p, int replica, double loss, int node);
/** Who is the best of those that live? Said aloud and logged when it changed. */
void ht_pool_crown(ht_pool *p);

#endif
