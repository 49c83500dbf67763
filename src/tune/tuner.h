/** @file src/tune/tuner.h
 *  The hottune loop of one replica, as a state machine over events.
 *
 *      observe -> judge the open segment -> guards -> propose -> check -> snapshot -> apply -> open a segment
 *
 *  Everything outside comes through ports: metrics, actuators, proposals, and where records go. So it
 *  runs the same alone, in a population, under a test that scripts its proposals. No MPI, no files, no
 *  clock, no random numbers. A failing port never fails the training (see ht_tuner_event). */
#ifndef HT_TUNE_TUNER_H
#define HT_TUNE_TUNER_H

#include "tune/actuator.h"
#include "tune/metrics.h"

typedef struct ht_tuner ht_tuner;

/** Where proposals come from and records go. All required; `ctx` is passed to each. */
typedef struct {
    void *ctx;
    /** The answer need not be one of `ask`, which may be empty: it is checked again.
     *  @return HT_OK with *found; a failure counts as nothing found */
    ht_status (*propose)(void *ctx, const ht_ask *ask, ht_proposal *out, bool *found);
    /** The calls of one decision point come in this order: judged mutation, its segment, [propose],
     *  applied/failed/suggested mutation, window. */
    ht_status (*mutation)(void *ctx, const ht_mutation *m);
    /** `m` is the judged mutation, in its final state. */
    ht_status (*segment)(void *ctx, const ht_segment *g, const ht_mutation *m);
    ht_status (*window)(void *ctx, const ht_window *w);
    /** The tuner disabled something by itself: `what` is "tune" (a record could not be written), or the
     *  name of an actuator that failed three times in a row. The latter is used again once
     *  `actuators.<name>.enabled` is set to true, or tuning is switched off and on. */
    void (*auto_disabled)(void *ctx, const char *what, const char *error);
    void (*warning)(void *ctx, const char *text);
} ht_tuner_ports;

typedef struct {
    const ht_recipe *recipe;        /**< copied */
    ht_metrics *metrics;            /**< borrowed */
    ht_actuators *actuators;        /**< borrowed */
    ht_effector effector;           /**< what changes the training; ht_effector_local(actuators) */
    ht_tuner_ports ports;
    int replica;
    ht_mode mode;                   /**< at start */
    bool auto_disable_on_error;     /**< the default of the API is true */
    unsigned long first_mutation, first_segment;    /**< numbers already used, 0 = none */
} ht_tuner_options;

ht_status ht_tuner_create(const ht_tuner_options *options, ht_tuner **out, ht_error *err);
void ht_tuner_destroy(ht_tuner *t);

/** Where the training stands: operations that come before an event act at its step. ht_tuner_event does
 *  the same by itself. */
void ht_tuner_remember(ht_tuner *t, const ht_env *env);

/** Take an event. Never fails for reasons of the tuner unless auto_disable_on_error is false; then
 *  nothing is disabled, and what would have been the reason is returned: HT_EFAILED (an actuator), or the
 *  status of a port. */
ht_status ht_tuner_event(ht_tuner *t, ht_event event, const ht_env *env, ht_error *err);

/** Close: as HT_RUN_END with the last environment seen. Idempotent. */
ht_status ht_tuner_close(ht_tuner *t, ht_error *err);

/** How an operation on module `tune` ended. */
typedef enum { HT_OP_APPLIED, HT_OP_FAILED, HT_OP_IGNORED } ht_op_decision;
typedef struct {
    ht_op_decision decision;
    cJSON *payload;         /**< owned by the caller (cJSON_Delete); may be NULL */
    char error[256];        /**< "" = none */
    char notes[128];        /**< "" = none */
} ht_op_result;

/** Carry out enable, disable, set, status, mutate. `params` may be NULL; borrowed.
 *  For enable with mode replay, `replay` is the parsed log (borrowed), or NULL to keep the queue.
 *  Recorded mutations wait while one is open and unjudged; `mutate` closes the open one instead. */
struct ht_replay;
void ht_tuner_operate(ht_tuner *t, const char *op, const cJSON *params, const struct ht_replay *replay,
                      ht_op_result *out);

/** Freeze mode other than off: judge the open segment, propose nothing new. */
void ht_tuner_freeze(ht_tuner *t, bool frozen);
/** Somebody set this value by command since the open mutation: a rollback leaves it alone. */
void ht_tuner_value_was_commanded(ht_tuner *t, const char *param);

/** What can be asked of it; borrowed until the next call. */
typedef struct {
    ht_mode mode;
    unsigned long mutation_counter, segment_counter;
    long long reject_streak, pause_left, global_cooldown;
    unsigned long active_mutation, active_segment;  /**< 0 = none */
    long long total_steps;                          /**< 0 = unknown */
    bool was_on;                                    /**< tuning was on at some time */
    unsigned long replay_missed;
    const ht_recipe *recipe;
} ht_tuner_state;
void ht_tuner_peek(const ht_tuner *t, ht_tuner_state *out);
/** Families on cooldown as an object {family: windows}, without zeros; owned by the caller. */
cJSON *ht_tuner_cooldowns(const ht_tuner *t);

#endif
