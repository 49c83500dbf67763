/** @file src/population/coordinator_state.h
 *  Internal to the coordinator: its state, and what its parts do for each other.
 *
 *      coordinator.c           messages come in: decoded, or queued until a round is complete (barrier)
 *      coordinator_replica.c   the account of one replica: joins, reports, is lost; numbers, proposals
 *      coordinator_control.c   operations and the ledger
 *      coordinator_pool.c      a pooled run: what the pool wants is sent, what it notes is recorded
 *      coordinator_freeze.c    operations on core: freeze modes
 *      coordinator_outbox.c    what goes out: messages and records
 *      coordinator_view.c      what can be seen of the run
 *
 *  Memory that runs out on the way sets `no_memory`; the call in progress goes on with what it has and
 *  returns HT_ENOMEM at its end (ht_coordinator_settle). */
#ifndef HT_POPULATION_COORDINATOR_STATE_H
#define HT_POPULATION_COORDINATOR_STATE_H

#include "population/coordinator.h"
#include "population/tuned.h"

/** Bytes that wait for their turn: one message. */
typedef struct ht_letter {
    struct ht_letter *next;
    int replica;
    ht_bytes bytes;                     /**< owned */
} ht_letter;
typedef struct {
    ht_letter *first, *last;
} ht_letters;

typedef struct {
    bool joined;            /**< was welcomed: it may be sent to */
    bool introduced;        /**< its HELLO was handled: with a barrier later than it was welcomed */
    bool lost, done;
    bool pooled;            /**< takes part in the pool */
    unsigned long awaited;  /**< pooled: number of the WORK or VALIDATE that it has, so it is expected to
                                 speak; 0 = none */
    double heard;           /**< time of the last message; NaN = none */
    double decided;         /**< time of the last REPORT, or of HELLO; NaN = none */
    double longest_s;       /**< longest time from one to the next; 0 = unknown */
    long long step, epoch, total_steps;
    ht_mode mode;
    bool mode_known;
    bool open;              /**< a mutation is not judged yet */
    unsigned long local;    /**< the replica's own number of it */
    unsigned long judged;   /**< its own number of the mutation that was judged last; 0 = none */
    ht_mutation mutation;   /**< it, with its run-wide number, as last heard */
    ht_readings readings;   /**< of the last REPORT */
    ht_readings pre;        /**< the same when `mutation` was made */
    long long reject_streak, pause_left, global_cooldown;
    char *cooldowns;        /**< JSON text; owned; NULL = none */
    ht_letters inbox;       /**< barrier: not handled yet */
    size_t due;             /**< REPORTs and BYEs in there */
    ht_bytes asked;         /**< barrier: the REPORT of this round until its DIRECTIVE is made; owned */
} ht_replica;

enum { HT_WARNINGS_MAX = 16 };          /**< kept for the summary; all are events, too */

struct ht_pending;
struct ht_posted;

struct ht_coordinator {
    int n_replicas;
    ht_replica *replicas;               /**< [n_replicas], owned */
    ht_recipe *recipe;                  /**< in force; owned */
    bool barrier, shared;               /**< as the recipe said at the start */
    ht_mode mode;
    char *replay;                       /**< text of the mutation log for mode replay; owned */
    double silence_s, began, now;       /**< began: time of the first call, NaN = none yet; now: of this one */
    double reassured;                   /**< when those who wait for a round last heard from us */
    bool stopping, finished;
    int epochs;
    bool pool_decided;                  /**< the first HELLO was here */
    ht_pool *pool;                      /**< owned; NULL: independent */
    ht_member member;                   /**< of a pooled run */
    ht_tuned tuned;                     /**< its knobs that the recipe tunes */
    ht_learned *learned;                /**< owned; NULL: independent */
    void (*announce)(void *ctx, const char *plan);
    void *announce_ctx;
    ht_statistics statistics;
    ht_posterior **posteriors;          /**< [n_replicas], one entry only if shared; made when needed */
    unsigned long mutations, segments;  /**< last run-wide numbers given out */
    bool was_on;
    long long command_end;              /**< of the commands that came */
    unsigned long replay_missed;
    bool has_best;
    double best;
    int best_replica;
    long long best_step, best_epoch;
    bool has_result;
    double result_val, result_test;
    int result_replica;
    ht_freeze freeze;                   /**< without its list, which is: */
    char *list;                         /**< text of the operation list in force; owned; NULL = none */
    unsigned long lists;                /**< number of the last one */
    struct ht_pending *pending;         /**< operations that are not answered by all; oldest first */
    unsigned long operations;           /**< number of the last one that was sent */
    size_t n_warnings;
    char warnings[HT_WARNINGS_MAX][256];
    ht_letters out;                     /**< messages to send */
    struct ht_posted *first_record, *last_record;
    bool no_memory;
    ht_packet in, reply;               /**< too large for the stack; valid inside one call */
};

/* ---- coordinator_outbox.c ------------------------------------------------------------------- */

/** Append a record of this kind. @return its part of ht_record.as, to be filled; NULL when out of memory */
void *ht_coordinator_post(ht_coordinator *c, ht_record_kind kind);
/** Append a line for people. */
/** A line of events.log that is news: told at once. */
void ht_coordinator_say(ht_coordinator *c, const char *format, ...) HT_PRINTF(2, 3);
/** The same for what every run has. */
void ht_coordinator_note(ht_coordinator *c, const char *format, ...) HT_PRINTF(2, 3);
void ht_coordinator_send(ht_coordinator *c, int replica, const ht_packet *m);
/** Copies the bytes. */
bool ht_letters_add(ht_letters *l, int replica, const void *bytes, size_t n);
/** Takes the first one out: owned by the caller. */
bool ht_letters_take(ht_letters *l, ht_letter *out);
void ht_coordinator_outbox_release(ht_coordinator *c);
/** HT_ENOMEM if memory ran out since the last call. */
ht_status ht_coordinator_settle(ht_coordinator *c);

/* ---- coordinator_replica.c ------------------------------------------------------------------ */

bool ht_replica_is_living(const ht_replica *r);     /**< neither lost nor done */
/** Answer HELLO: recipe, mode, freeze mode, and the operations that wait for an answer. */
void ht_coordinator_welcome(ht_coordinator *c, int replica);
/** Do what a message in c->in says. A REPORT is learned from, not answered. */
void ht_coordinator_handle(ht_coordinator *c, int replica);
/** Answer the REPORT in c->in. */
void ht_coordinator_direct(ht_coordinator *c, int replica);
void ht_coordinator_lose(ht_coordinator *c, int replica);
/** The open segment ends without a verdict. */
void ht_coordinator_lose_segment(ht_coordinator *c, int replica);

/* ---- coordinator_control.c ------------------------------------------------------------------ */

void ht_coordinator_answered(ht_coordinator *c, int replica, ht_answer *a);     /**< takes what it needs */
/** A replica disabled something by itself. */
void ht_coordinator_disabled(ht_coordinator *c, int replica, const char *what, const char *error);
/** Room for the answers of n replicas. @return false: no memory */
bool ht_coordinator_crowd_pending(ht_coordinator *c, int n);
/** Send a replica what it has not answered yet. */
void ht_coordinator_resend(ht_coordinator *c, int replica);
/** Close every operation that nobody is waited for any more. */
void ht_coordinator_close_answered(ht_coordinator *c);
/** Nobody was welcomed yet: what is asked of the tuner is done here, and comes with WELCOME. */
void ht_coordinator_close_early(ht_coordinator *c);
/** Close all operations: the run is over. */
void ht_coordinator_close_all(ht_coordinator *c);
void ht_coordinator_control_release(ht_coordinator *c);
/** Make it a failed line with this error. */
void ht_ledger_refuse(ht_ledger_line *l, const char *format, ...) HT_PRINTF(2, 3);

/* ---- coordinator_pool.c --------------------------------------------------------------------- */

/** The recipe asks for a pooled run: rounds are the pool's. */
bool ht_coordinator_wants_pool(const ht_coordinator *c);
/** The first replica is there: is the run pooled? Later calls do nothing. */
void ht_coordinator_pool_begin(ht_coordinator *c, const ht_member *member);
/** Whether a replica can take part in the pool. */
bool ht_coordinator_pool_fits(const ht_coordinator *c, const ht_member *m);
/** What a pooled run does itself, or refuses, with an operation from outside.
 *  @return true if the line is complete; false: it goes to the replicas */
bool ht_coordinator_pool_operate(ht_coordinator *c, ht_ledger_line *l);
/* Without a pool these do nothing. */
void ht_coordinator_pool_join(ht_coordinator *c, int replica);
void ht_coordinator_pool_event(ht_coordinator *c, int replica, const ht_pool_event *e);
void ht_coordinator_pool_lose(ht_coordinator *c, int replica);
void ht_coordinator_pool_retire(ht_coordinator *c, int replica, const bool *present);
void ht_coordinator_pool_crowd(ht_coordinator *c, int n);
void ht_coordinator_pool_tick(ht_coordinator *c);
void ht_coordinator_pool_stop(ht_coordinator *c);

/* ---- coordinator_freeze.c ------------------------------------------------------------------- */

/** The freeze mode as a replica must know it; `entries` is borrowed from c. */
ht_freeze_order ht_coordinator_freeze_order(const ht_coordinator *c);
/** Carry out an operation on `core`; fills decision and error of the line. `list` and `list_error` as in
 *  ht_freeze. */
void ht_coordinator_operate_core(ht_coordinator *c, const cJSON *body, const char *list,
                                 const char *list_error, ht_ledger_line *l);

#endif
