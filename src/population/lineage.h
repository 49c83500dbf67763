/** @file src/population/lineage.h
 *  Where every state of a run came from: a tree of pieces of training and of means.
 *
 *  The path from the first node to the champion's is its schedule: the values of the knobs over wall epochs.
 *  One owner, no lock. */
#ifndef HT_POPULATION_LINEAGE_H
#define HT_POPULATION_LINEAGE_H

#include <stddef.h>

#include "base/error.h"

/** Names of pieces that are a candidate's training in a race: drawn over the ranges, or about a start that the recipe
 *  knows; and drawn without regard to a start that it knows. */
#define HT_WHAT_RACE "race"
#define HT_WHAT_FRESH "fresh"

typedef struct ht_lineage ht_lineage;

typedef struct {
    int parent;             /**< node that it goes on from; -1 = from the program's own start or an init */
    const char *what;       /**< HT_WHAT_RACE, "control", "mutant", "mean", ..: a constant */
    int replica;            /**< that trained it, or took the mean */
    int members;            /**< states in a mean; 1 = trained */
    double wall;            /**< epochs of wall clock at its start */
    int epochs;             /**< that it trained; 0 for a mean */
    double loss;            /**< at its end; NaN = not (yet) known */
} ht_lineage_node;

/** @param n_knobs  values of a point */
ht_status ht_lineage_create(size_t n_knobs, ht_lineage **out, ht_error *err);
void ht_lineage_destroy(ht_lineage *l);
/** @param h  [n_knobs]; NULL = as the parent's @return the number of the node; -1 = no memory */
int ht_lineage_add(ht_lineage *l, const ht_lineage_node *node, const double *h);
/** What became of it. */
void ht_lineage_end(ht_lineage *l, int node, int epochs, double loss);
size_t ht_lineage_count(const ht_lineage *l);
ht_lineage_node ht_lineage_get(const ht_lineage *l, int node);
const double *ht_lineage_point(const ht_lineage *l, int node); /**< [n_knobs]; borrowed until the next add */
/** The nodes from the first to `node`. @param[out] path  [ht_lineage_depth] @return how many */
size_t ht_lineage_depth(const ht_lineage *l, int node);
void ht_lineage_path(const ht_lineage *l, int node, int *path);

#endif
