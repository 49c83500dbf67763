/** @file src/kernel/place_map.h
 *  Where the ranks of a run are, in words, and what is wrong with that. Pure. */
#ifndef HT_KERNEL_PLACE_MAP_H
#define HT_KERNEL_PLACE_MAP_H

#include "base/text.h"
#include "store/places.h"

/** A line for each node, in the order of ranks: who is there, on which devices, on which processors. Of many
 * nodes the last ones are only counted. Nothing if nothing is known. */
void ht_place_map(const ht_places *p, ht_string *out);

/** Say what costs time: two replicas on one device, ranks bound to one and the same processor, more ranks
 * that train than processors. Each kind once, with where it was met first and how often. A device counts as
 * shared if one of the two replicas sees no other: programs may choose among several. */
void ht_place_complain(const ht_places *p, void (*say)(void *ctx, const char *text), void *ctx);

#endif
