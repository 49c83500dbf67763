/** @file src/population/policy.h
 *  A policy decides what every replica of a pool trains, and when states move; the pool offers it the means.
 *
 *  To write one: a file policy_<name>.c with a `const ht_policy_class`, and a row in policy.c.
 *  policy_static.c is the thinnest example. A policy is a pure state machine: it may ask only this header
 *  (and the recipe), must not look at a clock of its own, and draws random numbers from ht_pool_random, so
 *  that with a barrier the same seed gives the same orders.
 *
 *  Losses here are always to be minimised: for `objective.mode: max` the pool negates the objective on its
 *  way in, and ht_pool_shown turns a loss into the objective for people and logs. A loss that is NaN,
 *  infinite or 1000 times the first loss of its replica is *diverged*: the pool hands it out as NaN.
 *
 *  Every replica that lives is either busy (WORK, or a mean that it validates) or idle. An idle replica
 *  waits inside its program for what the policy gives it: a policy must not forget it (ht_pool_finish ends
 *  all). */
#ifndef HT_POPULATION_POLICY_H
#define HT_POPULATION_POLICY_H

#include "base/random.h"
#include "population/tuned.h"
#include "population/lineage.h"
#include "population/pool.h"

/* ---- what a policy is told ------------------------------------------------------------------ */

/** The end of a WORK. */
typedef struct {
    unsigned long number;       /**< of the WORK */
    int task;                   /**< as given with the WORK */
    int asked, epochs; /**< epochs ordered and done; 0 done: it could not begin (its state did not arrive) */
    double loss;                /**< after the last epoch; NaN = diverged, or nothing was done */
    double best;                /**< best inside this WORK; NaN = none */
    bool late, anomaly;         /**< late: it was told to stop before it was through */
    long long first_step, step; /**< optimiser steps before and after */
    int node;                   /**< of the lineage (lineage.h) */
} ht_pool_result;

/** One state on its way from one replica to another. */
typedef struct {
    unsigned long number;
    int from, to;
    unsigned from_slot, to_slot;
} ht_pool_transfer;

typedef struct {
    const char *name, *about;   /**< word for `population.policy`; one line for people */
    bool needs_init, needs_state;   /**< state: buffers, and a callback that validates */
    /** What it will do and why, one line of text each: "name: value (reason)". */
    void (*plan)(const ht_pool_options *o, const ht_member *member, ht_string *out);
    /** Makes the policy's own state; gives no orders yet. @param[out] self  NULL is a state, too */
    ht_status (*create)(ht_pool *p, void **self, ht_error *err);
    void (*destroy)(void *self);                        /**< NULL is allowed */
    /** Everybody who lives is there and idle: give all of them something to do. */
    void (*start)(void *self);
    /** A replica became idle outside of any plan: it joined later, or its overdue WORK ended at last. */
    void (*ready)(void *self, int replica);
    /** WORK is over; the replica is idle now. */
    void (*reported)(void *self, int replica, const ht_pool_result *r);
    /** A mean or a validation is over, or too late, or its last member died: loss NaN then. The replica is
     *  idle unless it died. */
    void (*measured)(void *self, unsigned long number, int replica, double loss);
    /** A state did not arrive (told by either end, once): `to` holds nothing in that slot. May be NULL. */
    void (*failed)(void *self, const ht_pool_transfer *t);
    /** A timed WORK did not end in time although it was stopped: go on without it. The replica stays busy;
     *  when it reports at last, `ready` is called, not `reported`. */
    void (*overdue)(void *self, int replica, int task);
    /** A replica died. @param task  of its WORK, which will not be reported; -1 = it had none */
    void (*lost)(void *self, int replica, int task);
    /** After a stop a replica does not come back: hand down what it alone knows (ht_pool_heir, ht_pool_inherit). `lost`
     *  follows. Slots other than the root, and the best weights, are handed down already. NULL: nothing. */
    void (*retire)(void *self, int replica);
    /** After a stop there is room for n replicas, more than before; they become `ready` when they come.
     *  NULL: more are of no use, they are sent home. @return false: no memory */
    bool (*crowd)(void *self, int n);
    /** Time passed (elastic only), and after every other call. May be NULL. */
    void (*tick)(void *self);
    /** Fill in stage, wall and islands. */
    void (*look)(const void *self, ht_pool_view *out);
    cJSON *(*gain)(const void *self);   /**< see ht_pool_gain; owned by the caller. NULL: nothing to say */
    int (*home)(const void *self, int replica); /**< its island, -1 = none. NULL: the policy has no islands */
} ht_policy_class;

/** The policy of that name, or NULL. */
const ht_policy_class *ht_policy_find(const char *name);
/** The policy that a recipe asks for. */
const ht_policy_class *ht_policy_of(const ht_recipe *r);

/* ---- what a policy may ask ------------------------------------------------------------------ */

const ht_pool_options *ht_pool_given(const ht_pool *p);     /**< n_replicas, recipe, epochs, seed */
const ht_member *ht_pool_member(const ht_pool *p);
const ht_tuned *ht_pool_knobs(const ht_pool *p);      /**< the knobs behind a point h */
double ht_pool_now(const ht_pool *p);                       /**< seconds */
bool ht_pool_is_barrier(const ht_pool *p);
bool ht_pool_is_calm(const ht_pool *p);                     /**< no mutants are wanted now */

/** What is known of a replica. */
typedef struct {
    bool lives;             /**< joined, not dead, not ended */
    bool idle;              /**< lives and waits for us */
    bool sick;              /**< ht_pool_call_sick */
    int task;               /**< of its WORK; -1 = none */
    double pace;            /**< seconds per epoch, averaged; NaN = unknown */
    double best;            /**< smallest loss that it ever validated; NaN = none */
    int best_node;          /**< of the lineage */
    int node;               /**< of its live state; -1 = none yet */
    long long step;         /**< optimiser steps, as last heard */
} ht_pool_replica;
/** Replicas that there is room for: as planned (ht_pool_given), or more after a stop. */
int ht_pool_seats(const ht_pool *p);
/** @param replica  0 .. ht_pool_seats - 1 */
ht_pool_replica ht_pool_replica_of(const ht_pool *p, int replica);
int ht_pool_living(const ht_pool *p);
int ht_pool_well(const ht_pool *p);                         /**< that live and are not sick */
/** The first idle replica from this number on; -1 = none. */
int ht_pool_next_idle(const ht_pool *p, int from);
/** Median seconds per epoch of all living replicas; NaN = unknown (as long as half of them have not finished one), and always with a barrier, where time
 *  must not decide anything. */
double ht_pool_pace(const ht_pool *p);
/** Seconds that `epochs` may take before a replica counts as late: 1.25 times what they take in the median, and half a
 *  second, since messages and a busy machine take time. NaN = unknown. */
double ht_pool_allowed(const ht_pool *p, double epochs);

/** A replica that lives and holds the slot: `prefer` if it does, else an idle one, else any; -1 = nobody.
 *  Slots are counted as held from the order that fills them. */
int ht_pool_holder(const ht_pool *p, unsigned slot, int prefer);
bool ht_pool_holds(const ht_pool *p, int replica, unsigned slot);
/** Who holds a slot, in ascending order, also those that died with it; borrowed until the next order. @return how many */
size_t ht_pool_holders(const ht_pool *p, unsigned slot, const int **who);
/** What a replica holds, in no order; borrowed until the next order. @return how many */
size_t ht_pool_slots(const ht_pool *p, int replica, const unsigned **slots);
/** How often a replica died, or a state did not arrive, so far: as long as it stays the same, what is held and is not
 *  dropped is still held. */
unsigned long ht_pool_mishaps(const ht_pool *p);

/** Random numbers of one decision: a function of (seed, purpose, a, b) alone.
 *  @param purpose  any constant of the policy's own: streams of two purposes never meet */
ht_random ht_pool_random(const ht_pool *p, unsigned purpose, uint64_t a, uint64_t b);

/* ---- what a policy may order ---------------------------------------------------------------- */

typedef struct {
    ht_source_of_state source;
    unsigned slot;              /**< source HT_FROM_SLOT */
    uint64_t seed;              /**< source HT_FROM_INIT */
    int epochs;
    const double *h;            /**< [knobs.n] values of the tuned knobs; the others keep theirs */
    int task;                   /**< the policy's own number for it, >= 0; comes back with the result */
    bool timed; /**< stopped after 1.25 * epochs * median pace and half a second (elastic) */
    int parent;                 /**< node of the lineage that it goes on from; -1 = none */
    const char *what;           /**< "race", "control", "mutant", ..: a constant */
    double wall;                /**< epochs of wall clock at its start, for the lineage */
} ht_pool_work;

/** The replica must be idle. @return the number of the WORK; 0: out of memory (the call in progress fails) */
unsigned long ht_pool_work_order(ht_pool *p, int replica, const ht_pool_work *w);
/** The mean of the live states of `members`; the result is in the live state of the last one, which
 *  validates it. The last one must be idle.
 *  @param parent  node of the lineage that the mean goes on from (the best member's)
 *  @return number that comes back with `measured`; 0 = no memory */
unsigned long ht_pool_mean(ht_pool *p, size_t n, const int *members, int parent, double wall);
/** Validate the live state of an idle replica again. */
unsigned long ht_pool_validate(ht_pool *p, int replica);

void ht_pool_save(ht_pool *p, int replica, unsigned slot);
void ht_pool_load(ht_pool *p, int replica, unsigned slot);
void ht_pool_drop(ht_pool *p, int replica, unsigned slot);      /**< nothing if it does not hold it */
void ht_pool_drop_all(ht_pool *p, unsigned slot);               /**< at every holder */
/** SEND and RECEIVE with one number, or LOAD and SAVE if from == to (what is live then is that state).
 *  Nothing if they are the same slot of the same replica. */
void ht_pool_move(ht_pool *p, int from, unsigned from_slot, int to, unsigned to_slot);
/** Inside `retire`: who came back and holds least, -1 = nobody; whether this one came back. */
int ht_pool_heir(const ht_pool *p);
bool ht_pool_is_present(const ht_pool *p, int replica);
/** Inside `retire`: what `from` held in from_slot at the checkpoint comes into a slot of `to`. */
void ht_pool_inherit(ht_pool *p, int from, unsigned from_slot, int to, unsigned to_slot);
/** The run is over: END to everybody who lives, as soon as all are through. */
void ht_pool_finish(ht_pool *p);

/* ---- what a policy may write down ----------------------------------------------------------- */

void ht_pool_say(ht_pool *p, const char *format, ...) HT_PRINTF(2, 3);   /**< a line for people */
void ht_pool_remark(ht_pool *p, const char *format, ...) HT_PRINTF(2, 3);    /**< one of many that every run has */
/** An object {"event": kind, "wall": wall} of the population log: fill it, then hand it to ht_pool_log. May
 *  be NULL (no memory); the functions of json.h allow that. */
cJSON *ht_pool_event_new(const ht_pool *p, const char *kind, double wall);
void ht_pool_log(ht_pool *p, cJSON *event);                     /**< takes `event` */
/** Writes h by the knobs' names into a new object. */
cJSON *ht_pool_point(const ht_pool *p, const double *h);
void ht_pool_judge(ht_pool *p, const ht_pool_verdict *v);
double ht_pool_shown(const ht_pool *p, double loss);            /**< loss -> objective */
/** From now on it is counted as sick: said aloud, seen in ht_pool_replica. */
void ht_pool_call_sick(ht_pool *p, int replica, const char *why);
ht_lineage *ht_pool_lineage(ht_pool *p);
void ht_pool_no_memory(ht_pool *p);                             /**< the call in progress returns HT_ENOMEM */

#endif
