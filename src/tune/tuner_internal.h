/** @file src/tune/tuner_internal.h
 *  What the files of the tuner share: its state, and the steps of a decision point.
 *
 *      tuner.c           life, events, the order of a decision point
 *      tuner_ask.c       which families are on offer, and whether an answer may be used
 *      tuner_mutate.c    snapshot, apply, open a segment; recorded mutations
 *      tuner_verdict.c   judge, roll back, close
 *      tuner_operate.c   operations from outside
 *      tuner_save.c      to a JSON tree and back, to go on later: a new member needs a line there
 *
 *  Invariants: `open` iff exactly one mutation is applied and unjudged, and then the effector holds its
 *  snapshot. In mode off nothing is open. Records leave through the log functions below only. */
#ifndef HT_TUNE_TUNER_INTERNAL_H
#define HT_TUNE_TUNER_INTERNAL_H

#include "tune/evaluate.h"
#include "tune/replay.h"
#include "tune/tuner.h"

enum { HT_FAILURES_MAX = 3 }; /**< failures in a row after which an actuator is switched off */

/** The trial of one mutation, from its application to its verdict. */
typedef struct {
    ht_mutation mutation;
    ht_segment segment;
    ht_horizon_unit unit; /**< as the recipe said when the mutation was made */
    long long length;
    long long val_epochs; /**< decision points since the application */
    bool has_grad;
    double grad;                 /**< grad/norm at the application */
    unsigned long primary_stamp; /**< which report the pre reading came from; 0 = unknown */
} ht_trial;

/** How one actuator of the recipe has been doing. */
typedef struct {
    int failures; /**< mutations in a row that failed to apply or to be undone */
    bool off;     /**< switched off by the tuner until somebody enables it again */
} ht_health;

struct ht_tuner {
    ht_recipe *recipe;
    ht_metrics *metrics;
    ht_actuators *actuators;
    ht_effector effector;
    ht_tuner_ports ports;
    int replica;
    bool auto_disable_on_error;

    ht_mode mode;
    bool frozen, was_on, closed;
    unsigned long mutation_counter, segment_counter;
    long long reject_streak, pause_left;
    ht_cooldowns cooldowns;
    ht_env env;            /**< last seen; its `phase` is not kept */
    long long total_steps; /**< 0 = unknown */
    bool batch_loss_bad;   /**< a batch since the last decision point had a non-finite loss */

    bool open;
    ht_trial trial;

    ht_replay queue; /**< recorded mutations still to come, in order */
    unsigned long replay_missed;

    ht_health *health; /**< [recipe->n_actuators] */
    ht_status fault;   /**< first failure of this call that is not the training's; HT_OK = none */
    char fault_text[256];
    bool warned_no_metrics, warned_no_primary, warned_offer, reported_families;
};

/** Everything that one decision point knows when it starts. */
typedef struct {
    const ht_env *env;
    ht_readings readings; /**< primary and backups, each read once */
    ht_vitals vitals;
    ht_codes blockers;
} ht_sight;

/* ---- tuner.c -------------------------------------------------------------------------------- */

/** Send a record out; a failure becomes the fault of this call. */
void ht_tuner_log_mutation(ht_tuner *t, const ht_mutation *m);
void ht_tuner_log_segment(ht_tuner *t, const ht_segment *g, const ht_mutation *m);
void ht_tuner_fault(ht_tuner *t, ht_status status, const char *format, ...) HT_PRINTF(3, 4);
/** What the end of a call does about its fault: switches tuning off, or hands the fault out. */
ht_status ht_tuner_settle(ht_tuner *t, ht_error *err);
void ht_tuner_warn(ht_tuner *t, const char *format, ...) HT_PRINTF(2, 3);
void ht_tuner_look(const ht_tuner *t, const ht_env *env, ht_sight *out);
const char *ht_tuner_phase(const ht_tuner *t, long long step);
/** The epoch as records have it: cut to an integer. */
long long ht_tuner_epoch(const ht_env *env);

/* ---- tuner_ask.c ---------------------------------------------------------------------------- */

/** The families that may be mutated now, in recipe order, with their effective bounds. */
void ht_tuner_ask(ht_tuner *t, const char *phase, ht_ask *ask);
/** Every check of a proposal but the actuator's own; codes of what stands against it, none = fine. */
void ht_tuner_check(ht_tuner *t, const ht_proposal *p, ht_codes *codes);
/** The scale of a family of the recipe. */
ht_scale ht_tuner_scale(ht_tuner *t, const char *actuator, const char *key);
/** One warning for each family of the recipe that leads nowhere; only the first call says anything. */
void ht_tuner_report_families(ht_tuner *t);

/* ---- tuner_mutate.c ------------------------------------------------------------------------- */

/** Ask for a proposal, check it, apply it (or only say it, in mode suggest). */
void ht_tuner_propose(ht_tuner *t, const ht_sight *sight, ht_window *w);
/** Apply the recorded mutations that are due. */
void ht_tuner_replay_due(ht_tuner *t, const ht_env *env);
/** Apply one recorded mutation and log it. @return as the effector's apply */
ht_status ht_tuner_apply_recorded(ht_tuner *t, const ht_env *env, const ht_replay_entry *entry,
                                  ht_error *err);
/** Write down why an actuator failed: its own words, else what the status says. */
void ht_tuner_keep_error(ht_mutation *m, ht_status status, const ht_error *why);
/** Count a mutation that failed (error) or went well (NULL) against its actuator. */
void ht_tuner_count_failure(ht_tuner *t, const char *actuator, const char *error);

/* ---- tuner_verdict.c ------------------------------------------------------------------------ */

bool ht_tuner_horizon_reached(const ht_tuner *t, const ht_env *env);
/** Judge the open segment by what is seen now. */
void ht_tuner_judge(ht_tuner *t, const ht_sight *sight);
/** Close the open segment without a verdict. */
void ht_tuner_close_undecided(ht_tuner *t, const char *reason);
/** The same when its snapshot is gone, after a resume: nothing can be undone (tuner_save.h). */
void ht_tuner_close_lost(ht_tuner *t);

#endif
