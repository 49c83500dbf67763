/** @file src/population/pool_tally.h
 *  Internal to the pool: what would otherwise be counted over all seats with each message.
 *
 *  How many live and are well, who is idle, the median pace, who may have become the best, who holds a slot. Every answer is the
 *  one that a walk over all seats would give: a change of a seat is told here (ht_pool_recount), a slot held or
 *  forgotten, too. */
#ifndef HT_POPULATION_POOL_TALLY_H
#define HT_POPULATION_POOL_TALLY_H

#include <hottune/types.h>

#include "base/bits.h"
#include "base/roster.h"

/** What the tally has of one seat. */
typedef struct {
    bool lives, well, has_pace;     /**< well: lives and is not sick */
    double pace;
} ht_tallied;

typedef struct {
    int living, well;
    ht_bits idle;
    size_t n_paces, paces_capacity;
    double *paces;          /**< [n_paces] of those who live, ascending; owned */
    size_t n_slots;
    ht_roster *holders;     /**< [n_slots] who holds a slot, alive or not; owned */
    int rival;              /**< the best of those who improved since the champion was looked for; -1 = nobody */
    unsigned long mishaps;  /**< replicas that died, states that did not arrive */
    bool throne_is_open;    /**< somebody may be gone: look at everybody */
} ht_pool_tally;

struct ht_pool;

/** Room for n seats. @return false: no memory */
bool ht_pool_tally_reserve(ht_pool_tally *t, size_t n);
void ht_pool_tally_release(ht_pool_tally *t);
/** A seat has changed. */
void ht_pool_recount(struct ht_pool *p, int replica);
/** A replica holds a slot from now on, or does not. @return false: no memory */
bool ht_pool_tally_hold(ht_pool_tally *t, int replica, unsigned slot);
void ht_pool_tally_forget(ht_pool_tally *t, int replica, unsigned slot);
/** Who holds it; NULL = nobody ever did. */
const ht_roster *ht_pool_tally_holders(const ht_pool_tally *t, unsigned slot);

#endif
