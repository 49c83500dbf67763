/** @file src/cli/child_peer.h
 *  The child program of one replica and its failures: who dies, is late or says garbage is ended and started again; after
 *  too many failures in a row the replica is given up. Each failure is told on stderr, with what comes of it. */
#ifndef HT_CLI_CHILD_PEER_H
#define HT_CLI_CHILD_PEER_H

#include "base/json.h"

typedef struct {
    char *const *argv;          /**< [n + 1] the command, ends with NULL; borrowed */
    const char *dir;            /**< of the run: replica-<n>.log with the child's output; borrowed */
    int replica, replicas;
    unsigned long long seed;
    double reply_s, epoch_s;    /**< longest wait for another answer, for that to train */
    int restarts;               /**< failures in a row that are borne */
} ht_child_options;

typedef struct {
    ht_child_options o;
    struct ht_talk *talk;       /**< NULL = no child lives */
    char *log;                  /**< path of its output. Owned */
    char *agreed;               /**< the hello that every new child must say; NULL = not known yet. Owned */
    unsigned long started;      /**< children that were started and said hello: who has seen fewer meets a new one */
    long long failures;         /**< of the whole run */
    int in_a_row;
    bool is_given_up;
} ht_child_peer;

/** Starts the command and greets it.
 *  @param[out] p      to be ended also on failure
 *  @param[out] hello  what it answered, JSON text; owned by the caller (free). NULL: nothing, err says why, it is given up
 *  @return HT_OK, also without a hello; HT_ENOMEM */
ht_status ht_child_peer_begin(const ht_child_options *o, ht_child_peer *p, char **hello, ht_error *err);
/** It takes no part: the child is ended, and nothing can be asked any more. */
void ht_child_peer_give_up(ht_child_peer *p);
void ht_child_peer_end(ht_child_peer *p);

/** {"do": word} */
cJSON *ht_child_request(const char *word);
/** Seeds have 64 bits, more than a double. */
void ht_child_put_seed(cJSON *request, unsigned long long seed);

/** Ask and wait. A failure is counted; a child that cannot be talked with any more is replaced.
 *  @param request     taken
 *  @param[out] reply  owned by the caller; NULL: only that it answered matters
 *  @return as ht_talk_ask; HT_EFAILED: it was given up */
ht_status ht_child_peer_ask(ht_child_peer *p, cJSON *request, double patience_s, cJSON **reply, ht_error *err);
/** The child answered, but what it did is of no use: another failure; it goes on. */
void ht_child_peer_blame(ht_child_peer *p, const char *what);
/** The same, and the child is not to be trusted any more: it is started again. */
void ht_child_peer_replace(ht_child_peer *p, const ht_error *why);
/** A line on stderr: whose child, what, and what follows. */
void ht_child_peer_warn(const ht_child_peer *p, const char *what, const char *then);
/** @return HT_OK; HT_EFAILED: it was given up, err says so for people */
ht_status ht_child_peer_check(const ht_child_peer *p, ht_error *err);

#endif
