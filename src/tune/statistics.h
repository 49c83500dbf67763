/** @file src/tune/statistics.h
 *  The numbers of a run, counted from its records: accept rate, win rates and centres per family. */
#ifndef HT_TUNE_STATISTICS_H
#define HT_TUNE_STATISTICS_H

#include "recipe/evolve.h"
#include "search/posterior.h"
#include "tune/record.h"

/** Counts of one family, over all phases (phase "") or in one phase. */
typedef struct {
    char actuator[HT_NAME_MAX], key[HT_NAME_MAX], phase[HT_NAME_MAX];
    ht_scale scale;
    unsigned long decided, accepted, scored;
    double score_sum;
    unsigned long wins;             /**< accepted ones whose value has a place on the scale */
    double x_sum, x_square_sum;     /**< over these values, on the scale; tuples: mean of the elements */
} ht_family_count;

typedef struct {
    unsigned long total_mutations, applied_mutations, failed, suggested;
    unsigned long by_decision[HT_DECISION_LOST + 1];
    size_t n_families, capacity;
    ht_family_count *families;      /**< [n_families], owned; each family once with phase "", and once
                                         per phase with a decided segment, in order of appearance */
    size_t n_blocked;
    struct {
        char code[32];
        unsigned long n;
    } blocked[64];                  /**< why nothing was mutated: code -> decision points */
} ht_statistics;

void ht_statistics_init(ht_statistics *s);
void ht_statistics_release(ht_statistics *s);

/** Count one line of the mutation log (an applied mutation comes twice: once applied, once judged). */
void ht_statistics_mutation(ht_statistics *s, const ht_mutation *m);
/** Count a closed segment with its mutation. @return HT_OK, HT_ENOMEM */
ht_status ht_statistics_segment(ht_statistics *s, const ht_segment *g, const ht_mutation *m);
void ht_statistics_blocked(ht_statistics *s, const ht_codes *codes);

/** accepted / (accepted + rejected + rolled back); 0 if none */
double ht_statistics_accept_rate(const ht_statistics *s);
/** One entry per family count. @param[out] out [s->n_families], filled */
void ht_statistics_evidence(const ht_statistics *s, ht_evidence *out);

/** What the posterior learns from a closed segment; false if nothing (inconclusive, lost, replayed, a
 *  value that has no place on its scale). The value is the effective one where the actuator cut the one
 *  that was asked for: after/before for a factor, after - before for a delta, else `after`. Not accepted
 *  with a flag set, or without a finite score: y = -INFINITY. */
bool ht_observation_of(const ht_segment *g, const ht_mutation *m, ht_observation *out);

#endif
