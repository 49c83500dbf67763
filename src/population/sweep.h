/** @file src/population/sweep.h
 *  A sweep: many trials of one program, spread over workers without any barrier; this is its coordinator.
 *
 *  A pure state machine: messages of workers and times go in, messages and records come out. It asks the sampler
 *  for points, hears reports, stops what early stopping says, starts failed trials again, and gives the trial of a
 *  silent worker to another. Core: no MPI, files or clock; all times are seconds on one monotonic clock.
 *
 *  The life of a trial:
 *
 *      asked -> running -> complete | pruned | failed | lost
 *                 |  ^
 *                 v  |  failed with retries left, or its worker fell silent
 *               waiting
 */
#ifndef HT_POPULATION_SWEEP_H
#define HT_POPULATION_SWEEP_H

#include "population/pruner.h"
#include "population/sweep_wire.h"
#include "search/sampler.h"

typedef enum {
    HT_TRIAL_RUNNING, HT_TRIAL_WAITING, HT_TRIAL_COMPLETE, HT_TRIAL_PRUNED, HT_TRIAL_FAILED, HT_TRIAL_LOST
} ht_trial_status;
/** "running", "waiting", "complete", "pruned", "failed", "lost" */
const char *ht_trial_status_text(ht_trial_status status);
/** @return false if it is none that a trial can end with */
bool ht_trial_status_parse(const char *text, ht_trial_status *out);

typedef struct {
    unsigned long number;       /**< 0, 1, .. */
    ht_point point;
    ht_trial_status status;
    double value;               /**< complete: the result; pruned: the best report; NaN = none */
    char reason[HT_REASON_MAX]; /**< why it was pruned, failed or lost, or is waiting; "" = nothing to say */
    double seconds;             /**< of its child processes, all attempts */
    unsigned long attempts;     /**< begun */
    int worker;                 /**< the latest, 0 .. */
    long long steps;            /**< last step of the latest attempt; 0 = none reported */
    long long spent;            /**< steps of all attempts */
    size_t n_reports;
    ht_trial_report *reports;   /**< [n_reports] of the latest attempt, as they were told */
} ht_trial;

typedef struct {
    unsigned long trials;       /**< how many are to end as complete, pruned or failed */
    unsigned long long seed;
    bool maximize;
    unsigned long retries;      /**< how often a failed trial is started again */
    int workers;
    double patience_s;          /**< a worker that says nothing for so long is lost */
    ht_pruner_options pruner;
} ht_sweep_options;

typedef struct ht_sweep ht_sweep;

/** The space is borrowed while the sweep lives. @return HT_OK, HT_EINVAL, HT_ENOMEM */
ht_status ht_sweep_create(const ht_space *space, const ht_sweep_options *o, double now, ht_sweep **out, ht_error *err);
void ht_sweep_destroy(ht_sweep *s); /**< NULL is allowed */

/** Take in a trial that ended in an earlier start of this sweep (all of it is copied). Before the first message.
 *  @return HT_OK; HT_EINVAL: it did not end; HT_EREFUSED: its number is known; HT_ENOMEM */
ht_status ht_sweep_replay(ht_sweep *s, const ht_trial *t, ht_error *err);

/** A message of worker 0 .. workers - 1. What is malformed is left alone, with a warning.
 *  @return HT_OK, HT_ENOMEM */
ht_status ht_sweep_receive(ht_sweep *s, double now, int worker, const void *bytes, size_t n);
/** Time passes: silent workers are found. @return HT_OK, HT_ENOMEM */
ht_status ht_sweep_tick(ht_sweep *s, double now);
/** End early: nothing new is begun, what runs is lost. @return HT_OK, HT_ENOMEM */
ht_status ht_sweep_stop(ht_sweep *s, double now, const char *reason);

/** The next message to a worker. @param[out] bytes  owned by the caller. @return false: none */
bool ht_sweep_next_message(ht_sweep *s, int *worker, ht_bytes *bytes);

typedef enum { HT_TRIAL_BEGAN, HT_TRIAL_REPORTED, HT_TRIAL_ENDED } ht_sweep_event;
typedef struct {
    ht_sweep_event event;
    const ht_trial *trial;      /**< as it is now; borrowed until the next call of any function */
    ht_trial_report report;     /**< only of HT_TRIAL_REPORTED */
} ht_sweep_record;
/** The next thing to write down. A trial that is started again begins once, and its reports go on. The reports of a
 *  trial that ended are dropped after its record. @return false: none */
bool ht_sweep_next_record(ht_sweep *s, ht_sweep_record *out);

typedef enum { HT_SWEEP_GOING, HT_SWEEP_DONE, HT_SWEEP_ENDED } ht_sweep_phase;

typedef struct {
    ht_sweep_phase phase;       /**< ENDED: before all trials were done; `reason` says why */
    const char *reason;         /**< borrowed */
    unsigned long trials, complete, pruned, failed, lost, running, replayed;
    const ht_trial *best;       /**< complete, with the best value; NULL = none. Borrowed until the next call */
    int workers_lost;
    long long spent_steps;      /**< of all trials that ended */
    long long full_steps;       /**< the same if none had been stopped early, but been as long as the longest */
    double seconds;             /**< in child processes */
    char warning[256];          /**< about the latest thing that was odd; "" = none */
} ht_sweep_view;
void ht_sweep_peek(const ht_sweep *s, ht_sweep_view *out);

/** The best n complete trials, best first. @param[out] out  [n], borrowed until the next call. @return how many */
size_t ht_sweep_top(const ht_sweep *s, size_t n, const ht_trial **out);

#endif
