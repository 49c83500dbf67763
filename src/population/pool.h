/** @file src/population/pool.h
 *  The pooled population: a pure state machine that deals out training and moves states between replicas.
 *
 *  (event, time) -> orders to replicas and notes for the log. No MPI, no files, no clock, no wire format. The
 *  coordinator (coordinator.c) or a simulation (a test) feeds it and drains both queues after each call.
 *  What is decided when is a *policy* (policy.h): pooled islands, halving, pbt, random, static.
 *
 *  With `population.sync: barrier` events of replicas that train are kept until everybody who trains has
 *  reported and are then handled in the order of replicas, so decisions do not depend on timing; elastic:
 *  each is handled when it comes. */
#ifndef HT_POPULATION_POOL_H
#define HT_POPULATION_POOL_H

#include "base/json.h"
#include "population/lineage.h"
#include "population/order.h"
#include "recipe/recipe.h"

typedef struct ht_pool ht_pool;

typedef struct {
    int n_replicas;
    const ht_recipe *recipe;    /**< borrowed while the pool lives */
    int epochs;                 /**< E: validation epochs of one replica; the budget is n_replicas * E */
    uint64_t seed;
    double patience_s;          /**< longest wait for a transfer or a measurement */
} ht_pool_options;

/** What the run will do and why, before it starts: one line of text each, "name: value (reason)". */
void ht_pool_plan(const ht_pool_options *o, const ht_member *member, ht_string *out);

/** @param member  what the replicas can do (all the same); the policy needs init and state
 *  @return HT_OK; HT_EINVAL: the program lacks what the policy needs, the recipe has no knob that the
 *  program has
 *          (err says what to do); HT_ENOMEM */
ht_status ht_pool_create(const ht_pool_options *o, const ht_member *member, ht_pool **out, ht_error *err);
void ht_pool_destroy(ht_pool *p);

/** A replica is there (the first time, or again after a restart: what it held is lost). */
ht_status ht_pool_join(ht_pool *p, double now, int replica);
ht_status ht_pool_receive(ht_pool *p, double now, int replica, const ht_pool_event *e);
/** A replica is gone. */
ht_status ht_pool_lose(ht_pool *p, double now, int replica);
/** After a stop there is room for n replicas, if the policy has a use for them. */
ht_status ht_pool_crowd(ht_pool *p, double now, int n);
/** After a stop a replica does not come back, and neither does anybody else who is not present. What they alone held
 *  goes to others, from their checkpoints: no order goes to them any more.
 *  @param present  [all seats] who did */
ht_status ht_pool_retire(ht_pool *p, double now, int replica, const bool *present);
/** Time passes: deadlines. What it changes shows in an order or a note: a tick without either may be left out when
 *  events are told again. */
ht_status ht_pool_tick(ht_pool *p, double now);
/** End the run soon: replicas that train stop at their next epoch, then everybody gets END. */
ht_status ht_pool_stop(ht_pool *p, double now);
/** No mutants from now on: all members are controls (freeze, `disable`). */
void ht_pool_calm(ht_pool *p, bool calm);
/** The run is over: everybody was sent END (and nobody else lives). */
bool ht_pool_is_done(const ht_pool *p);

/** The next order; owned by the caller (ht_pool_order_release). false = none. */
bool ht_pool_next_order(ht_pool *p, int *replica, ht_pool_order *out);

/** The verdict on one member of a segment, for the log and the statistics. */
typedef struct {
    int replica, island, segment;   /**< segment: counts up over the run */
    const char *phase;
    long long start_step, end_step;
    double wall;                /**< epochs of wall clock at its start */
    bool mutant, finite, accepted;
    bool fresh;                 /**< a mutant drawn without what earlier runs learned */
    bool lost;                  /**< it did not report; finite is false then, too */
    bool in_root;               /**< its state is (part of) the new root of the island */
    double before;              /**< loss of the root it started from */
    double loss;                /**< its own; NaN = diverged or lost */
    double control;             /**< mean loss of the controls; NaN = none */
    double score, score_error;  /**< control - loss, and its standard error */
    size_t n_knobs;
    double h[HT_POOL_KNOBS_MAX], x[HT_POOL_KNOBS_MAX];  /**< values, and log multipliers proposed */
} ht_pool_verdict;

typedef enum { HT_NOTE_LINE, HT_NOTE_VERDICT, HT_NOTE_EVENT } ht_pool_note_kind;
/** Something to write down; owned by the caller (ht_pool_note_release). */
typedef struct {
    ht_pool_note_kind kind;
    char line[256];             /**< LINE: for people */
    bool is_routine;            /**< of it: as in ht_record */
    ht_pool_verdict verdict;    /**< VERDICT */
    cJSON *event;               /**< EVENT: one object of the population log (docs/run-directory.md); owned */
} ht_pool_note;
bool ht_pool_next_note(ht_pool *p, ht_pool_note *out);
void ht_pool_note_release(ht_pool_note *n);

/** What can be seen; borrowed until the next call. */
typedef struct {
    const char *policy, *stage;     /**< "race", "segments", "done", .. */
    double wall;                    /**< epochs of wall clock used, of E */
    int epochs;                     /**< E */
    int islands, living;
    bool has_champion;
    double best;                    /**< smallest (or greatest) objective ever validated */
    int champion;                   /**< the replica that keeps its weights (ht_state_keep_best) */
    double utilisation;             /**< share of the replicas' time spent on training and validation */
} ht_pool_view;
void ht_pool_peek(const ht_pool *p, ht_pool_view *out);
/** The champion's schedule: its values of the knobs over wall epochs, and where its weights came from.
 *  Owned. */
cJSON *ht_pool_schedule(const ht_pool *p);
/** Where every state came from; borrowed until the next call.
 *  @param[out] champion  node of the champion's state; -1 = none yet */
const ht_lineage *ht_pool_origins(const ht_pool *p, int *champion);
/** What a replica does, for people: `what` (of its piece of training), `island`, `knobs`; what is not known is left out.
 *  Owned. */
cJSON *ht_pool_doing(const ht_pool *p, int replica);
/** Gain split into trend, selection, mutation, averaging, with intervals; accepted null mutations. Owned. */
cJSON *ht_pool_gain(const ht_pool *p);

#endif
