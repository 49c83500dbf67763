/** @file src/population/pruner.h
 *  When a trial that reports values while it runs is not worth its cost: two rules for stopping it early.
 *
 *  A value that is not finite counts as worse than every other. The rules look at reports alone, so the same
 *  reports in the same order give the same answers. Core: no MPI, files or clock.
 *  Sources: Golovin et al., "Google Vizier", KDD 2017 (the median rule); Li et al., "A System for Massively
 *  Parallel Hyperparameter Tuning", MLSys 2020 (ASHA). docs/sweep.md tells both rules and where we differ. */
#ifndef HT_POPULATION_PRUNER_H
#define HT_POPULATION_PRUNER_H

#include "base/error.h"

typedef enum { HT_PRUNE_NONE, HT_PRUNE_MEDIAN, HT_PRUNE_ASHA } ht_prune_rule;

typedef struct {
    ht_prune_rule rule;
    bool maximize;          /**< more is better */
    int reduction;          /**< ASHA: one of `reduction` trials passes a rung; >= 2 */
    long long min_resource; /**< >= 1; ASHA: step of the first rung; median: nobody is stopped before it */
    size_t startup;         /**< median: trials that must have completed before anybody is stopped */
} ht_pruner_options;

/** What a trial said while it ran: steps >= 0, each greater than the one before. */
typedef struct {
    long long step;
    double value;
} ht_trial_report;

typedef struct ht_pruner ht_pruner;

ht_status ht_pruner_create(const ht_pruner_options *o, ht_pruner **out, ht_error *err);
void ht_pruner_destroy(ht_pruner *p); /**< NULL is allowed */

/** Take in the last of a trial's n reports and say whether the trial should be stopped.
 *  @param reports  [n] all its reports so far; borrowed
 *  @return HT_OK; HT_ENOMEM: the report does not count */
ht_status ht_pruner_report(ht_pruner *p, size_t n, const ht_trial_report *reports, bool *stop, ht_error *err);

/** A trial ran to its end: it tells how long a trial is, and is one that others are compared with. */
ht_status ht_pruner_complete(ht_pruner *p, size_t n, const ht_trial_report *reports, ht_error *err);

/** A trial failed or was lost: its reports never were. (Those of a stopped trial stay.)
 *  @param stopped  its last report was answered with `stop`, but it failed before it could be stopped */
void ht_pruner_forget(ht_pruner *p, size_t n, const ht_trial_report *reports, bool stopped);

#endif
