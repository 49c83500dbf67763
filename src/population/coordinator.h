/** @file src/population/coordinator.h
 *  The coordinator: pools what all replicas learn, proposes, keeps the account of operations.
 *
 *  A pure state machine: (event, time) -> messages to send, records to write. No MPI, no files, no clock.
 *  A driver (src/kernel/driver.c, or a test) feeds it and drains both queues after each call.
 *  Mutation and segment numbers are run-wide: a replica counts for itself, the coordinator renumbers in
 *  the order in which records arrive (barrier: in the order of replicas). */
#ifndef HT_POPULATION_COORDINATOR_H
#define HT_POPULATION_COORDINATOR_H

#include "population/learned.h"
#include "population/pool.h"
#include "population/tuned.h"
#include "population/wire.h"
#include "tune/statistics.h"

typedef struct ht_coordinator ht_coordinator;

typedef struct {
    int n_replicas;
    const ht_recipe *recipe;        /**< copied */
    ht_mode mode;
    int epochs;                     /**< of one replica, for a pooled run; 0 = unknown: not pooled */
    void (*announce)(void *ctx, const char *plan);  /**< told what a pooled run will do, in lines; may be NULL */
    void *announce_ctx;
    ht_freeze freeze;
    unsigned long first_mutation, first_segment;    /**< numbers already used in this directory */
    const char *replay;             /**< text of a mutation log for mode replay; copied; NULL = none */
    double silence_s;               /**< a replica silent for this long, and for 3 of its longest
                                         decision intervals (of anybody's, before it has one), is lost;
                                         nobody is before the first interval is known; 0 = never */
} ht_coordinator_options;

ht_status ht_coordinator_create(const ht_coordinator_options *o, ht_coordinator **out, ht_error *err);
void ht_coordinator_destroy(ht_coordinator *c);

/** A message of a replica arrived at time `now` (seconds, monotonic). Malformed bytes are recorded as an
 *  event and dropped. @return HT_OK, HT_ENOMEM */
ht_status ht_coordinator_receive(ht_coordinator *c, double now, int replica, const void *bytes, size_t n);
/** Somebody asked something. Takes `o` (released by the coordinator, also on failure). */
ht_status ht_coordinator_operate(ht_coordinator *c, double now, ht_operation *o);
/** The freeze file changed. */
ht_status ht_coordinator_freeze(ht_coordinator *c, double now, const ht_freeze *freeze);
/** Time passes: declares silent replicas lost. What it changes shows in a message or a record: a tick without either
 *  may be left out when inputs are told again (feed.h). */
ht_status ht_coordinator_tick(ht_coordinator *c, double now);
/** The WELCOME of a replica that goes on where a checkpoint has it, as bytes owned by the caller: nothing of the
 *  coordinator changes. @param manifest  of the replica, JSON text
 *  @return HT_OK; HT_EREFUSED: the replica was not there, or `hello` is of another program; HT_ENOMEM */
ht_status ht_coordinator_welcome_back(ht_coordinator *c, int replica, const ht_hello *hello, const char *manifest,
                                      ht_bytes *out, ht_error *err);
/** A replica that was welcomed back is sent again what it has not answered. */
ht_status ht_coordinator_back(ht_coordinator *c, double now, int replica);
/** After a stop a replica does not come back; what it alone held goes to others.
 *  @param present  [n] which replicas did */
ht_status ht_coordinator_retire(ht_coordinator *c, double now, int replica, const bool *present, size_t n);
/** After a stop there is room for n replicas, more than before. */
ht_status ht_coordinator_crowd(ht_coordinator *c, double now, int n);
int ht_coordinator_replicas(const ht_coordinator *c);   /**< that there is room for */
/** The replica was welcomed and is neither lost nor done. */
bool ht_coordinator_has(const ht_coordinator *c, int replica);
/** Ask all replicas to stop at their next safe point (drain). */
void ht_coordinator_stop(ht_coordinator *c, double now);
/** Every replica has said BYE or is lost. */
bool ht_coordinator_is_done(const ht_coordinator *c);
/** After the end: closes what is open (unanswered operations, missed entries). */
ht_status ht_coordinator_finish(ht_coordinator *c, double now);

/** The next message to send, owned by the caller (free(out->data)); false if none. */
bool ht_coordinator_next_message(ht_coordinator *c, int *replica, ht_bytes *out);
/** A message or a record waits to be taken. */
bool ht_coordinator_has_output(const ht_coordinator *c);

typedef enum {
    HT_RECORD_MUTATION, HT_RECORD_SEGMENT, HT_RECORD_WINDOW, HT_RECORD_LEDGER, HT_RECORD_EVENT,
    HT_RECORD_ARRIVAL, HT_RECORD_CONTROLS, HT_RECORD_RECIPE, HT_RECORD_FREEZE, HT_RECORD_POPULATION,
    HT_RECORD_VERDICT
} ht_record_kind;

typedef struct {
    ht_segment segment;
    ht_mutation mutation;           /**< in its final state */
} ht_closed;

typedef struct {
    int replica;
    ht_message_kind kind;
} ht_arrival;

/** Something to write down. Owned by the caller (ht_record_release). */
typedef struct {
    ht_record_kind kind;
    union {
        ht_mutation mutation;
        ht_closed closed;
        ht_window window;
        ht_ledger_line ledger;
        struct {
            char event[256];        /**< a line for people */
            bool is_routine;        /**< every run has it: of interest afterwards only */
        };
        ht_arrival arrival;
        char *controls;             /**< JSON text of the knob descriptions; owned */
        ht_freeze freeze;           /**< to be written to the freeze file */
        cJSON *population;          /**< an event of the pool; owned */
        ht_pool_verdict verdict;    /**< one member of a pooled segment, controls too; its texts are borrowed from
                                         the recipe in force, its knobs are those of ht_coordinator_view.tuned */
    } as;                           /**< HT_RECORD_RECIPE: the recipe in force changed */
} ht_record;
bool ht_coordinator_next_record(ht_coordinator *c, ht_record *out);
void ht_record_release(ht_record *r);

/** What can be seen of the run; borrowed until the next call. */
typedef struct {
    ht_mode mode;
    const ht_recipe *recipe;            /**< in force */
    const ht_statistics *statistics;
    long long step, epoch;              /**< of the replica that is furthest */
    long long total_steps;              /**< 0 = unknown */
    double epochs;                      /**< that all replicas have trained together */
    double steps_share;                 /**< mean share of their steps that those have done who are not lost; NaN = unknown */
    int alive, lost, done;              /**< replicas */
    bool has_best;
    double best;                        /**< best reading of the primary metric so far, of any replica */
    int best_replica;
    long long best_step, best_epoch;
    bool has_result;                    /**< of the replica that reported the best one */
    double result_val, result_test;
    int result_replica;
    bool was_on;
    long long command_end;              /**< offset in the command file behind the last command; 0 = none came */
    unsigned long replay_missed, open;  /**< open = mutations not judged yet */
    const ht_posterior *posterior;      /**< the shared one, or replica 0's */
    const ht_pool *pool;                /**< NULL: the replicas are independent */
    const ht_learned *learned;          /**< what a pooled run teaches the next one; NULL as above */
    const ht_tuned *tuned;              /**< knobs of a pooled run, in the order of a verdict's h and x; NULL as above */
} ht_coordinator_view;
void ht_coordinator_peek(const ht_coordinator *c, ht_coordinator_view *out);
/** The part `live` of the summary: per replica step, epoch, mode, streak, pause, cooldown, active
 *  mutation; warnings. Owned by the caller. */
cJSON *ht_coordinator_live(const ht_coordinator *c);

#endif
