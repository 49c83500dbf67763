/** @file src/simulate/simulation.h
 *  A run before it is started: the real coordinator and the real agents, over a transport in virtual time, with
 *  trainings that are learning curves.
 *
 *  What is real: coordinator, pool and policy, every agent, every message as bytes. What is a model: how long an epoch
 *  takes (a speed of each replica, jitter), what it does to the loss (curve.h), how long messages and states travel,
 *  what a checkpoint costs, when replicas die. The coordinator's own time is measured, and does not
 *  delay anybody. The same options give the same run, to the last bit. */
#ifndef HT_SIMULATE_SIMULATION_H
#define HT_SIMULATE_SIMULATION_H

#include "population/wire.h"
#include "simulate/curve.h"
#include "simulate/replica.h"

enum { HT_SIM_KINDS = HT_MESSAGE_ORDER + 1 };

typedef struct {
    int replicas, epochs;
    uint64_t seed;
    const ht_recipe *recipe;    /**< borrowed */
    double epoch_s;             /**< mean seconds of an epoch with its validation */
    double spread;              /**< an epoch of a replica takes epoch_s (1 +- spread), even, for the whole run */
    double jitter;              /**< each epoch takes that (1 +- jitter), even */
    double straggler_share, straggler_factor;   /**< so many replicas take that much longer */
    double failures_per_hour;   /**< deaths in the whole population, at random times */
    double down_s;              /**< until a dead replica is back, with nothing */
    double latency_s;           /**< of each message */
    double state_bytes, bytes_per_s;    /**< of a training state; between two replicas */
    double checkpoint_s, checkpoint_every_s;    /**< what writing one takes each replica; 0 = none */
    double patience_s;          /**< as of a run */
    double target;              /**< objective whose time is looked for; NaN = none */
    size_t n_records;
    const ht_curve_record *records;     /**< [n_records] recorded curves, borrowed; none = synthetic */
} ht_simulation_options;

typedef struct {
    double wall_s;              /**< virtual seconds until the last replica was through */
    double spent[HT_N_SPENT];   /**< replica seconds */
    double utilisation;         /**< share of training in these */
    long epochs;
    double best, target_s;      /**< the best objective; when it first was as good as the target, NaN = never */
    unsigned long messages[HT_SIM_KINDS], bytes;
    unsigned long n_messages, ticks;
    uint64_t digest;            /**< of all messages, their order and their times: of equal runs it is the same */
    ht_transfers_account transfers;
    unsigned long verdicts;
    int deaths, untuned, lost;
    int warnings;
    char warning[160];          /**< the last one */
    double busy_s, cpu_s, real_s;   /**< measured: processor seconds of the coordinator, of all; wall seconds */
} ht_simulation_result;

/** What the knobs of a program would be that this recipe is for: one for each factor of its enabled actuators. */
void ht_simulation_member(const ht_recipe *r, double state_bytes, ht_member *out);

/** @param[out] plan  what the coordinator says before the run, in lines; may be NULL
 *  @return HT_OK; HT_EINVAL: the recipe has no knob for it; HT_EFAILED: the run does not come to an end; HT_ENOMEM */
ht_status ht_simulation_run(const ht_simulation_options *o, ht_simulation_result *out, ht_string *plan, ht_error *err);

#endif
