/** @file src/kernel/group.h
 *  A replica of several ranks: what its leader does to the training, all of its ranks do.
 *
 *  The leader (rank 0 of the replica's communicator) runs the agent. Whatever changes the training goes
 *  through its effector, which tells the other ranks first; they follow until the leader says that the safe
 *  point is over. A change counts as done only if every rank did it; else all of them undo it. */
#ifndef HT_KERNEL_GROUP_H
#define HT_KERNEL_GROUP_H

#include <mpi.h>

#include "kernel/trainer.h"
#include "tune/actuator.h"

/** What all ranks of a replica know after a safe point. */
typedef struct {
    bool stop, is_best;
    bool pooled;            /**< the coordinator alone says when training ends */
    bool left;              /**< the run goes on in another job, */
    bool overtaken;         /**< which did not wait for this one */
    bool champion;          /**< the run is over, and its best weights are this replica's */
    bool acts_on_batches;   /**< train batches are safe points, too: a recorded operation list drives the run */
    double best;            /**< NaN = none yet */
    long long best_step;
} ht_group_news;

typedef struct {
    MPI_Comm comm;          /**< ranks of the replica; borrowed */
    ht_effector local;      /**< acts on this rank */
    ht_trainer trainer;     /**< acts on this rank, */
    ht_local_training *training;    /**< which is this; borrowed */
    struct ht_rank_state *rank_state;   /**< what this rank has for itself (keeper.h); borrowed */
    char *rank_names;       /**< leader, while all ranks write or read that: [ranks][HT_IMAGE_NAME]; borrowed */
} ht_group;

/** What the leader does to the training of all ranks in a pooled run. */
typedef struct {
    enum { HT_GROUP_INIT, HT_GROUP_VALIDATE, HT_GROUP_SAVE, HT_GROUP_LOAD, HT_GROUP_DROP, HT_GROUP_TAKE,
           HT_GROUP_TAKE_LIVE, HT_GROUP_TAKE_BEST, HT_GROUP_KEEP_BEST, HT_GROUP_WRITE,
           HT_GROUP_READ } what;    /**< TAKE: the leader got a state and shares it; WRITE, READ: each rank its own */
    uint64_t seed;
    unsigned slot;
} ht_group_training;

/** The leader's effector: acts on every rank. `g` is borrowed while it lives. */
ht_effector ht_group_effector(ht_group *g);
/** The leader's trainer: acts on every rank. Its transfers are the leader's own; what came is shared. */
ht_trainer ht_group_trainer(ht_group *g);
/** Tell the others what is done to the training. **Collective** with ht_group_follow. */
ht_status ht_group_announce(ht_group *g, const ht_group_training *d, ht_error *err);
/** All ranks say whether they did it. @return false if one did not */
bool ht_group_agree(ht_group *g, bool mine);
/** Do here what the leader announced (group_train.c). */
ht_status ht_group_train(ht_group *g, const ht_group_training *d, double *objective, ht_error *err);
/** The leader ends the safe point. **Collective** with ht_group_follow. */
ht_status ht_group_tell(ht_group *g, const ht_group_news *news, ht_error *err);
/** The other ranks do what the leader says until it tells the news. **Collective**; waits as long as the
 *  leader does (napping). @return HT_OK, HT_ECOMM */
ht_status ht_group_follow(ht_group *g, const ht_env *env, ht_group_news *news, ht_error *err);

#endif
