/** @file src/population/agent_state.h
 *  Internal to the agent: its state, and what its parts do for each other.
 *
 *      agent.c           its life, the decision point, messages
 *      agent_ports.c     what the tuner asks and tells: proposals, records
 *      agent_operate.c   what is asked from outside: orders, freeze modes, the operation list
 *      agent_pool.c      its part in a pooled run: work, training states, waiting
 *      agent_save.c      its members to a JSON tree and back
 *      agent_checkpoint.c    it is written down, and goes on from there */
#ifndef HT_POPULATION_AGENT_STATE_H
#define HT_POPULATION_AGENT_STATE_H

#include "population/agent.h"

/** An OPERATION or FREEZE that waits for the next safe point. */
typedef struct ht_kept_order {
    struct ht_kept_order *next;
    bool is_freeze;
    union {
        ht_order order;             /**< its members are owned */
        ht_freeze_order freeze;
    } as;
} ht_kept_order;

/** An ORDER of the pool that waits for its turn. */
typedef struct ht_pool_letter {
    struct ht_pool_letter *next;
    ht_pool_order order;            /**< owned */
} ht_pool_letter;

/** The part of a pooled run that this replica plays. */
typedef struct {
    bool brings, on;                /**< has a trainer; the coordinator said that the run is pooled */
    ht_trainer trainer;
    ht_member member;
    ht_pool_letter *first, *last;   /**< owned */
    bool working, halted;           /**< has WORK; was told to end it early */
    unsigned long work;             /**< its number */
    int epochs, done;               /**< of the WORK */
    double began, epoch_began;      /**< time */
    double waited;                  /**< seconds before the WORK */
    double best_here, best;         /**< objective inside the WORK, and of the weights that are kept; NaN = none */
    bool champion;
} ht_agent_pool;

struct ht_agent {
    ht_agent_options o;
    ht_tuner *tuner;                /**< owned; NULL before WELCOME */
    int replica;                    /**< -1 before WELCOME */
    bool begun, ended, closed;      /**< ended: HT_RUN_END was seen */
    bool cut;                       /**< no answer came in time: the training goes on without us */
    bool stop;                      /**< the coordinator asked to end */
    bool sent_off;                  /**< a LEAVE came: nothing is answered any more */
    bool overtaken;                 /**< it said that another start of the run took over */
    bool left;                      /**< the run goes on in another job */
    cJSON *absent;                  /**< after a stop: manifests of the replicas that did not come back, by number; owned */
    unsigned long checkpoint;       /**< number of the one to be written at this safe point; 0 = none */
    bool watches;                   /**< see ht_agent_watches_batches */
    unsigned long decision;         /**< number of the last decision point */
    bool reported;                  /**< its REPORT went out */
    bool controls_changed;          /**< since they were last told */
    ht_env env;                     /**< the last one; its phase is below */
    char phase[HT_NAME_MAX];
    ht_kept_order *first_order, *last_order;    /**< owned */
    ht_oplist *list;                /**< of freeze modes replay; owned; NULL = none */
    unsigned long list_number;
    bool strict;
    bool has_result;
    double val, test;
    ht_agent_pool pool;
    ht_packet report;              /**< REPORT; a judged segment waits in it for the next one */
    ht_packet outcome;             /**< OUTCOME, filled as things happen */
    ht_packet in, out;             /**< too large for the stack; valid inside one call */
};

/* ---- agent.c -------------------------------------------------------------------------------- */

/** Sends; a failure cuts the agent off. */
void ht_agent_send(ht_agent *a, const ht_packet *m);
/** Sends REPORT and waits for the DIRECTIVE. @param ask  NULL = nothing is asked
 *  @return false if none came: the agent is cut off then */
bool ht_agent_report(ht_agent *a, const ht_ask *ask, ht_directive *out);
/** Sends what `outcome` has and empties it. */
void ht_agent_flush(ht_agent *a);
/** Tells the training and, with the next OUTCOME, the coordinator. */
void ht_agent_warn(ht_agent *a, const char *text);

/** Receives one message and keeps it for later; stale ones are dropped. @return false: nothing came */
bool ht_agent_hear(ht_agent *a, double timeout_s);

/** The same with everything that is there. */
void ht_agent_drain(ht_agent *a);

/* ---- agent_pool.c --------------------------------------------------------------------------- */

/** Keeps what an ORDER in `m` owns. @return false: no memory, `m` keeps it */
bool ht_agent_keep_pool_order(ht_agent *a, ht_packet *m);
/** Does orders until there is WORK or the run is over; a->cut when nobody speaks any more. */
void ht_agent_pool_wait(ht_agent *a);
/** An epoch of the training is over. */
void ht_agent_pool_epoch(ht_agent *a);
void ht_agent_pool_release(ht_agent *a);

/** Is this objective better than that one? NaN is nothing. */
bool ht_agent_is_better(const ht_agent *a, double x, double than);
/** Orders that an independent replica has: checkpoints, and to leave. At the end of a decision point. */
void ht_agent_do_orders(ht_agent *a);

/* ---- agent_checkpoint.c --------------------------------------------------------------------- */

/** Writes the checkpoint that was asked for, and says SAVED. */
void ht_agent_write_down(ht_agent *a);
/** Becomes what the manifest (JSON text) says, before there is work. @return as ht_keeper.read */
ht_status ht_agent_go_on(ht_agent *a, const char *manifest, ht_error *err);
/** An INHERIT. */
ht_status ht_agent_inherit(ht_agent *a, const ht_pool_order *o, ht_error *err);

/* ---- agent_ports.c -------------------------------------------------------------------------- */

ht_tuner_ports ht_agent_ports(ht_agent *a);

/* ---- agent_operate.c ------------------------------------------------------------------------ */

/** Keeps what an OPERATION or FREEZE in `m` owns for the next safe point. @return false: no memory, `m`
 *  keeps it */
bool ht_agent_keep_order(ht_agent *a, ht_packet *m);
/** Carries out all kept orders, in order, and answers them. */
void ht_agent_carry_out(ht_agent *a, ht_event event, const ht_env *env);
/** Fires the entries of the operation list that are due. */
void ht_agent_fire(ht_agent *a, ht_event event, const ht_env *env);
/** Takes up a freeze mode; takes f->entries. */
void ht_agent_freeze(ht_agent *a, ht_freeze_order *f);
/** Answers for the entries that did not fire. @return how many */
size_t ht_agent_tell_missed(ht_agent *a);
void ht_agent_operate_release(ht_agent *a);

#endif
