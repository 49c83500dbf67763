/** @file src/population/agent_state.h
 *  Internal to the agent: its state, and what its parts do for each other.
 *
 *      agent.c           its life, the decision point, messages
 *      agent_ports.c     what the tuner asks and tells: proposals, records
 *      agent_operate.c   what is asked from outside: orders, freeze modes, the operation list */
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

struct ht_agent {
    ht_agent_options o;
    ht_tuner *tuner;                /**< owned; NULL before WELCOME */
    int replica;                    /**< -1 before WELCOME */
    bool begun, ended, closed;      /**< ended: HT_RUN_END was seen */
    bool cut;                       /**< no answer came in time: the training goes on without us */
    bool stop;                      /**< the coordinator asked to end */
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
