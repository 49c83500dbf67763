/** @file src/base/roster.h
 *  A list of small numbers without repetition, kept in ascending order. */
#ifndef HT_BASE_ROSTER_H
#define HT_BASE_ROSTER_H

#include <stdbool.h>
#include <stddef.h>

/** Starts as {0}: empty. */
typedef struct {
    size_t n, capacity;
    int *who;               /**< [n], ascending; owned */
} ht_roster;

/** @return false: no memory; true also if it is there already */
bool ht_roster_put(ht_roster *r, int number);
/** Nothing happens if it is not there. */
void ht_roster_take(ht_roster *r, int number);
void ht_roster_release(ht_roster *r);

#endif
