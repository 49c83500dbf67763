/** @file src/simulate/replica.h
 *  One simulated replica: the agent of a real one over a training that is a learning curve, in virtual time.
 *
 *  Trains as `ht_running` and `ht_apply` would: waits for work, lets the time of an epoch pass, tells its loss. It
 *  may die at any moment and come back with nothing. */
#ifndef HT_SIMULATE_REPLICA_H
#define HT_SIMULATE_REPLICA_H

#include "population/agent.h"
#include "simulate/transfer.h"

/** What the time of a replica goes into. */
typedef enum {
    HT_SPENT_TRAINING,      /**< epochs, with their validation */
    HT_SPENT_START,         /**< until its first work: the others join */
    HT_SPENT_REPORTS,       /**< has reported and waits: until the others of its island, or of the race, are through */
    HT_SPENT_MEAN,          /**< gave its part to a mean and waits: until means are validated, other islands are compared with */
    HT_SPENT_STATE,         /**< sends or receives a state or its part of a mean, or waits for the other end */
    HT_SPENT_CHECKPOINT,    /**< writes itself down */
    HT_SPENT_DOWN,          /**< dead */
    HT_N_SPENT
} ht_spent;
const char *ht_spent_text(ht_spent s);      /**< for people and as a name in JSON: "reports" */
const char *ht_spent_about(ht_spent s);     /**< one line */

/** What all replicas of a world share. */
typedef struct {
    ht_virtual *v;
    ht_transfers *transfers;
    const ht_curves *curves;
    const ht_member *member;
    const ht_recipe *recipe;
    int epochs;
    double epoch_s, spread, jitter, straggler_share, straggler_factor, down_s, checkpoint_s, patience_s;
    bool over;              /**< the run has ended: who is dead stays so */
} ht_surroundings;

typedef struct ht_sim_replica ht_sim_replica;

/** Seconds of an epoch of this replica, without jitter and unless it is a straggler. */
double ht_sim_speed(uint64_t seed, int replica, double epoch_s, double spread);

/** Begins to live at once. @param s  borrowed. @return HT_OK, HT_ENOMEM */
ht_status ht_sim_replica_create(const ht_surroundings *s, int replica, ht_sim_replica **out, ht_error *err);
/** Its fiber is over. NULL is allowed. */
void ht_sim_replica_destroy(ht_sim_replica *r);
/** It dies, and comes back with nothing after `down_s`; nothing happens to who is dead or through. When the run is over
 *  it ends instead, dead or not. */
void ht_sim_replica_kill(ht_sim_replica *r);

typedef struct {
    double spent[HT_N_SPENT];   /**< seconds */
    double speed;               /**< seconds of an epoch without jitter */
    long epochs;
    int deaths, warnings;
    bool untuned;               /**< it went on alone: the coordinator was silent for too long */
    char warning[160];          /**< the last one */
} ht_sim_account;
const ht_sim_account *ht_sim_replica_look(const ht_sim_replica *r);

#endif
