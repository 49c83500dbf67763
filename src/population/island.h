/** @file src/population/island.h
 *  One island: members that train from one root, some with mutated knobs, and what is concluded from their
 *  losses.
 *
 *  At the start of a segment the members are cast as controls, which train with the island's point h, and
 *  mutants, which train with h times a factor for each knob (search/multipliers.h). At its end a mutant is
 *  judged against the mean of the controls, which went through the same training at the same time, so that
 *  the trend of the loss does not count as a gain. Pure functions of their arguments. */
#ifndef HT_POPULATION_ISLAND_H
#define HT_POPULATION_ISLAND_H

#include "base/random.h"
#include "population/tuned.h"
#include "search/multipliers.h"

typedef enum { HT_MEMBER_TRAINS, HT_MEMBER_REPORTED, HT_MEMBER_ABSENT } ht_member_state;

typedef struct {
    int replica;
    ht_member_state state;
    bool mutant, fresh;             /**< fresh: drawn without what earlier runs learned */
    double h[HT_POOL_KNOBS_MAX];    /**< values that it trains with */
    double x[HT_POOL_KNOBS_MAX];    /**< log factors that were proposed; 0 for a control */
    unsigned long work;             /**< number of its WORK */
    int retries;                    /**< how often its root did not arrive */
    double loss;                    /**< last validation; NaN = diverged */
    int node;                       /**< of the lineage */
    long long first_step, step;
    double score, z;                /**< set by ht_island_judge; NaN = none */
    bool accepted, in_root;
} ht_island_member;

typedef enum { HT_ISLAND_CLOSED, HT_ISLAND_TRAINS, HT_ISLAND_MERGES, HT_ISLAND_GONE } ht_island_state;

typedef struct {
    int id;
    ht_island_state state;
    double h[HT_POOL_KNOBS_MAX];    /**< point of its root */
    double loss;                    /**< of its root; INFINITY = not known */
    size_t n_hist;
    double *hist;                   /**< best loss of each segment, first that of the root; owned */
    int node;                       /**< of its root in the lineage; -1 = none */
    unsigned long version;          /**< of its root, run-wide; 0 = it has none yet: members start anew */
    int mirror;                     /**< replica that keeps a second copy of it; -1 = nobody */
    int reject_streak, segment;     /**< segment: number of the last one begun, run-wide */
    double wall, closed_at;         /**< wall epochs used; seconds */
    int epochs;                     /**< of this segment */
    size_t n;
    size_t members_capacity;
    ht_island_member *members;      /**< [members_capacity], owned; the first n are in this segment */
} ht_island;

void ht_island_init(ht_island *isl, int id);
/** Room for n members. @return HT_OK, HT_ENOMEM */
ht_status ht_island_reserve(ht_island *isl, size_t n);
void ht_island_release(ht_island *isl);
/** The best loss of a segment. @return HT_OK, HT_ENOMEM */
ht_status ht_island_remember(ht_island *isl, double loss);

/** Cast the n members: the first n_controls are controls, the others mutants. Where the recipe has priors of earlier
 *  runs, a share `search.fresh` of the mutants is drawn as if it had none. */
void ht_island_cast(ht_island *isl, size_t n_controls, const ht_tuned *t, const ht_multipliers *m,
                    const ht_recipe *r, const char *phase, ht_random random);

typedef struct {
    size_t n_finite;
    size_t *finite; /**< [members] the members that reported a finite loss, best first; lent by the caller */
    size_t n_reported, n_controls;  /**< controls: those with a finite loss */
    double control;         /**< mean loss of the finite controls; else the root's; NaN = neither */
    double noise;           /**< s: robust standard deviation of the finite losses, + min_noise */
    bool any_accepted;
} ht_judgement;
/** Sets score, z and accepted of all members. `judgement->finite` must point to room for n. */
void ht_island_judge(ht_island *isl, const ht_recipe *r, ht_judgement *j);
/** Share of controls that would have been accepted, each judged by the others as if it had been a mutant:
 *  nothing was changed in them, so it shows how often noise alone is accepted.
 *  @param[out] tried  controls so judged
 *  @return how many were accepted */
size_t ht_island_nulls(const ht_island *isl, const ht_recipe *r, const ht_judgement *j, size_t *tried);
/** Tell the posterior what was learned. */
ht_status ht_island_teach(const ht_island *isl, const ht_tuned *t, ht_multipliers *m, const char *phase);
/** The next point: geometric mean of the accepted ones, else unchanged. */
void ht_island_move(ht_island *isl, const ht_tuned *t, const ht_judgement *j);
/** Everybody diverged: half the learning rate, not below its range. */
void ht_island_slow_down(ht_island *isl, const ht_tuned *t);

#endif
