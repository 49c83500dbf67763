/** @file src/kernel/keeper.h
 *  A replica as files: its training states, and what belongs to each of its ranks.
 *
 *  The manifest of a replica is {"live": IMAGE, "slots": [[number, IMAGE], ..], "best": IMAGE, "ranks": [IMAGE, ..]}
 *  (store/images.h). The training state is the same on all ranks of a replica and written once, by the leader;
 *  `ranks` has what a rank has for itself: random state, counters. */
#ifndef HT_KERNEL_KEEPER_H
#define HT_KERNEL_KEEPER_H

#include "kernel/group.h"
#include "population/keeper.h"
#include "store/images.h"
#include "store/run_lock.h"

/** What belongs to this rank and never travels. */
typedef struct ht_rank_state {
    ht_state *state;            /**< sealed; borrowed */
    char *dir;                  /**< of the images; owned by whoever made it; NULL = nowhere to write */
    const char *run_dir;        /**< borrowed, */
    const ht_run_owner *owner;  /**< as whose replica it writes there; borrowed */
    char name[HT_IMAGE_NAME];   /**< of the image that was written or is to be read */
} ht_rank_state;

/** Each rank writes or reads what it has for itself; names go to and come from the leader's g->rank_names.
 *  **Collective** over the replica. */
ht_status ht_group_write_ranks(ht_group *g, ht_error *err);
ht_status ht_group_read_ranks(ht_group *g, ht_error *err);

/** The leader's keeper. `g`, its training and its rank state are borrowed while it lives. */
ht_keeper ht_group_keeper(ht_group *g);

#endif
