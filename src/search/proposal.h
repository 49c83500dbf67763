/** @file src/search/proposal.h
 *  What a search is asked and what it answers: one bounded mutation.
 *
 *  Core: no MPI, no files, no clock, no random state of its own. */
#ifndef HT_SEARCH_PROPOSAL_H
#define HT_SEARCH_PROPOSAL_H

#include "recipe/scale.h"

enum { HT_ELIGIBLE_MAX = 64 };  /**< families that one question may offer */

/** One family that may be mutated now, with everything that a draw needs. */
typedef struct {
    char actuator[HT_NAME_MAX], key[HT_NAME_MAX];
    bool keyed;                 /**< patch {op: mode, key: key}, else {op: key} */
    ht_spec_mode mode;
    ht_scale scale;
    size_t n;                   /**< elements: 1, or the length of a tuple */
    double lo[HT_BOUNDS_MAX], hi[HT_BOUNDS_MAX];    /**< [n] effective bounds, as values, lo <= hi */
    double center;              /**< value to which proposals of this phase lean; may lie outside */
    double spread;              /**< about the centre, as a share of the interval; 0 = unknown */
} ht_eligible;

/** A question: the phase and the families on offer, in recipe order. */
typedef struct {
    char phase[HT_NAME_MAX];
    size_t n;
    ht_eligible families[HT_ELIGIBLE_MAX];
} ht_ask;

typedef enum { HT_SOURCE_RANDOM, HT_SOURCE_TPE, HT_SOURCE_REPLAY } ht_source;
/** "random", "tpe", "replay" */
const char *ht_source_text(ht_source source);

/** An answer. `patch.value` lies inside the effective bounds. */
typedef struct {
    char actuator[HT_NAME_MAX], key[HT_NAME_MAX];
    ht_patch patch;
    ht_source source;
} ht_proposal;

#endif
