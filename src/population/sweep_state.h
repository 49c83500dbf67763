/** @file src/population/sweep_state.h
 *  Internal to the coordinator of a sweep: its state, for sweep.c (what happens) and sweep_view.c (what an earlier
 *  start left, and what can be seen). */
#ifndef HT_POPULATION_SWEEP_STATE_H
#define HT_POPULATION_SWEEP_STATE_H

#include "population/sweep.h"

typedef struct {
    ht_trial trial;         /* first: a const ht_trial * of it is handed out */
    unsigned long ask;      /* of the sampler; meaningless for a replayed one */
    unsigned long failures, losses;
    size_t capacity;        /* of trial.reports */
    bool stopping;          /* STOP was sent */
    double best;            /* of the reports of this attempt, minimised; INFINITY = none */
} ht_sweep_entry;

typedef struct {
    bool lost, quits;
    double heard;
    ht_sweep_entry *entry;           /* what it works on; NULL = nothing */
    bool idle;              /* it said READY and got nothing yet */
} ht_sweep_worker_state;

typedef struct {
    int worker;
    ht_bytes bytes;
} ht_sweep_letter;

typedef struct {
    ht_sweep_event event;
    ht_sweep_entry *entry;
    ht_trial_report report;
} ht_sweep_note;

struct ht_sweep {
    const ht_space *space;
    ht_sweep_options o;
    ht_sampler *sampler;
    ht_pruner *pruner;
    ht_sweep_worker_state *workers;        /* [o.workers] */
    size_t n_trials, trials_capacity;
    ht_sweep_entry **trials;         /* [n_trials], owned */
    size_t first_letter, n_letters, letters_capacity;
    ht_sweep_letter *letters;        /* those from first_letter on are to be sent */
    size_t first_note, n_notes, notes_capacity;
    ht_sweep_note *notes;            /* those from first_note on are to be written */
    ht_sweep_entry *told;            /* ended, and its record was handed out: its reports go at the next call */
    unsigned long next;     /* number of the next trial */
    unsigned long by_status[HT_TRIAL_LOST + 1], replayed;
    bool stopped, quit_said;
    char reason[HT_REASON_MAX], warning[256];
    ht_sweep_entry *best;
    long long spent, longest;
    long long pruned_steps; /* of the attempts that were stopped early */
    double seconds;
};

/** A value as something to minimise, and back. */
double ht_sweep_minimised(const ht_sweep *s, double value);
/** `a` has the better value, or the same and the lower number. Both are complete. */
bool ht_sweep_is_better(const ht_sweep *s, const ht_trial *a, const ht_trial *b);
/** All trials that were to end have ended, or the sweep was stopped. */
bool ht_sweep_is_over(const ht_sweep *s);
/** A new entry, at the end of the trials; NULL: no memory. */
ht_sweep_entry *ht_sweep_add_entry(ht_sweep *s);
/** Count a trial that ended. */
void ht_sweep_count(ht_sweep *s, ht_sweep_entry *e);

#endif
