/** @file src/search/hypercube.h
 *  Points that cover a unit cube evenly in every direction.
 *
 *  Latin hypercube: each axis is cut into as many cells as there are points, and each cell holds one point, at a
 *  random place inside. Core: no MPI, no files, no clock.
 *  Source: McKay, Beckman, Conover, "A comparison of three methods for selecting values of input variables in the
 *  analysis of output from a computer code", Technometrics 21 (1979). */
#ifndef HT_SEARCH_HYPERCUBE_H
#define HT_SEARCH_HYPERCUBE_H

#include <stddef.h>

#include "base/random.h"

/** @param u  [points * axes] out: point after point, each coordinate in [0, 1) */
void ht_hypercube(ht_random random, size_t points, size_t axes, double *u);

#endif
