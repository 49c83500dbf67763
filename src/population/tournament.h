/** @file src/population/tournament.h
 *  Which islands go on when their number shrinks, and who trains in which. Pure functions. */
#ifndef HT_POPULATION_TOURNAMENT_H
#define HT_POPULATION_TOURNAMENT_H

#include <stdbool.h>
#include <stddef.h>

/** The loss that an island is expected to have at the end: its gain in the last two segments goes on, each
 *  next segment making `q` times the gain of the one before.
 *  @param hist  [n] best loss of each segment, first that of the first root; n >= 1
 *  @param loss  of the island's root
 *  @param rho   weight of what is still to come
 *  @param segments  still to come */
double ht_tournament_projected(const double *hist, size_t n, double loss, double rho, double q,
                               double segments);

/** Deal replicas out to `islands` evenly: a replica that can stay stays, the others fill up, in order.
 *  @param home  [n] island (0 .. islands - 1) of each replica, -1 = none; changed. Every island has a member
 *  before,
 *               or gets one. n >= islands */
void ht_tournament_deal(size_t n, int *home, size_t islands);

#endif
