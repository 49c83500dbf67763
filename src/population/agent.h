/** @file src/population/agent.h
 *  The replica's side of the protocol: runs the tuner, reports to the coordinator, does what it says.
 *
 *  Sends and receives through a link; no MPI, no files, no clock. Waits at most `patience_s` for an
 *  answer; when none comes, the training goes on untuned and one warning says so. */
#ifndef HT_POPULATION_AGENT_H
#define HT_POPULATION_AGENT_H

#include "population/keeper.h"
#include "population/trainer.h"
#include "population/wire.h"
#include "tune/knob.h"
#include "tune/tuner.h"

typedef struct ht_agent ht_agent;

/** How bytes reach the coordinator. */
typedef struct {
    void *ctx;
    ht_status (*send)(void *ctx, const void *bytes, size_t n, ht_error *err);
    /** Waits at most timeout_s (0: only looks). @return HT_OK (*out owned by the caller), HT_ETIMEOUT,
     *  HT_ECOMM */
    ht_status (*receive)(void *ctx, double timeout_s, ht_bytes *out, ht_error *err);
} ht_link;

typedef struct {
    ht_link link;
    ht_metrics *metrics;        /**< borrowed */
    ht_actuators *actuators;    /**< borrowed */
    ht_knobs *knobs;            /**< borrowed */
    ht_effector effector;
    ht_keeper keeper;           /**< write NULL: no checkpoints */
    double patience_s;
    bool auto_disable_on_error;
    void (*warning)(void *ctx, const char *text);   /**< may be NULL */
    void *warning_ctx;
} ht_agent_options;

/** Sends nothing yet. */
ht_status ht_agent_create(const ht_agent_options *o, ht_agent **out, ht_error *err);
/** What this replica brings to a pooled run; before ht_agent_begin. Without it the run is independent.
 *  Both are copied; what trainer->ctx points to is borrowed. */
void ht_agent_bring(ht_agent *a, const ht_member *member, const ht_trainer *trainer);
/** Sends HELLO and waits for WELCOME; called once, when actuators are registered. After a failure the
 *  agent stays off. */
ht_status ht_agent_begin(ht_agent *a, ht_error *err);
/** An event of the training. At HT_VAL_EPOCH_END (in every mode) one round trip. */
ht_status ht_agent_event(ht_agent *a, ht_event event, const ht_env *env, ht_error *err);
/** What the best state of this training is worth; sent with BYE. */
void ht_agent_result(ht_agent *a, double val, double test);
/** Closes the open segment, sends BYE, also when the agent never began. Idempotent.
 *  @return HT_OK; HT_EFAILED: a strict operation list was not carried out; the tuner's failure */
ht_status ht_agent_close(ht_agent *a, ht_error *err);
void ht_agent_destroy(ht_agent *a);

/** The run is pooled, and the coordinator is there: it alone says when training ends. */
bool ht_agent_is_pooled(const ht_agent *a);
/** The run is over, and its best weights are those that this replica kept. */
bool ht_agent_is_champion(const ht_agent *a);
/** The objective of the best weights that this replica keeps; NaN = none. Pooled runs only. */
double ht_agent_best(const ht_agent *a);
bool ht_agent_should_stop(const ht_agent *a);
/** It should stop because the run was written down and goes on in another job. */
bool ht_agent_has_left(const ht_agent *a);
/** It left because another start of the run took over: nothing more is to be written for this one. */
bool ht_agent_is_overtaken(const ht_agent *a);
/** Whether a train batch needs to be told to the agent at all: false in mode off without an
 *  operation list. The fast path of ht_apply. */
bool ht_agent_watches_batches(const ht_agent *a);
/** An operation list is loaded: train batches are safe points, too. */
bool ht_agent_acts_on_batches(const ht_agent *a);
void ht_agent_peek(const ht_agent *a, ht_tuner_state *out);
/** The coordinator fell silent, or cannot be reached. */
bool ht_agent_is_cut(const ht_agent *a);
int ht_agent_replica(const ht_agent *a);        /**< -1 before WELCOME */

#endif
