/* tests/population/pool_world.h - a pool (population/pool.h) and its replicas in virtual time.
 *
 * The world trains what the pool orders (pool_training.h), carries states from replica to replica, and lets
 * replicas fail. It ends with the first order that a replica could not do: a slot that it does not hold, a
 * transfer with one end, numbers that do not rise (two transfers would wait for each other), WORK for
 * somebody who trains, a knob outside its range, an order for somebody who is gone or was sent END; and when
 * the run does not come to an end. Times are in seconds; an epoch takes about one. */
#ifndef TESTS_POPULATION_POOL_WORLD_H
#define TESTS_POPULATION_POOL_WORLD_H

#include "population/pool.h"
#include "population/pool_training.h"

typedef enum {
    FAULT_DIES,     /* at `at`; the pool hears of it silence_s later */
    FAULT_RESTARTS, /* dies at `at`, is back with empty hands `amount` later */
    FAULT_LATE,     /* joins at `at` only */
    FAULT_NAN,      /* its live state breaks once */
    FAULT_SICK,     /* whatever it trains breaks, from `at` on */
    FAULT_SLOW,     /* an epoch takes `amount` times as long from `at` on */
    FAULT_HANGS,    /* does nothing for `amount` */
    FAULT_STOP,     /* somebody ends the run */
    FAULT_CALM,     /* no mutants from `at` on */
    FAULT_KINDS,
    FAULT_RESUME = FAULT_KINDS /* all are written down; all but the `absent` go on; `more` join */
} world_fault_kind;

typedef struct {
    world_fault_kind kind;
    int replica;
    double at, amount;
    uint64_t absent; /* RESUME: a bit for each replica */
    int more;        /* RESUME: new replicas */
} world_fault;

enum { WORLD_FAULTS_MAX = 8 };

typedef struct {
    ht_pool_options pool;
    bool maximize;          /* the objective is minus the loss */
    bool goes_on_after_nan; /* WORK that diverged is trained to its end all the same */
    bool retold; /* a second pool hears the same, but for ticks that had no effect, and must say the same */
    double spread, jitter;  /* epochs take 1 + spread u seconds, u in [0, 1] of the replica; and + jitter u */
    double delay_s, silence_s;
    double transfer_failure; /* probability that a transfer fails */
    size_t n_faults;
    world_fault faults[WORLD_FAULTS_MAX];
    void *ctx;
    void (*note)(void *ctx, double now, const ht_pool_note *n);                /* may be NULL */
    void (*told)(void *ctx, double now, int replica, const ht_pool_event *e);  /* may be NULL */
    void (*order)(void *ctx, double now, int replica, const ht_pool_order *o); /* may be NULL */
    void (*end)(void *ctx, double now, const ht_pool *p);                      /* may be NULL */
} world_options;

/* What happened. */
typedef struct {
    double end;         /* time */
    long given, done;   /* epochs: in WORK, trained */
    double utilisation; /* share of the living replicas' time in which they trained */
    int works, transfers, means, validations, failed, verdicts;
    int living; /* replicas that were sent END */
    int resumed;
    bool has_best;
    double best;       /* the best that a replica keeps that lives, of all that the pool heard of */
    double best_ever;  /* .. of any replica */
    ht_pool_view view; /* the pool's own, at the end; its texts are not borrowed for longer */
    uint64_t digest;   /* of all orders, but for their numbers */
} world_account;

/* A world without faults: n replicas of one speed, E epochs. */
world_options world_of(int n, int epochs, const ht_recipe *recipe, uint64_t seed);
/* @return whether the run came to its end and all was well; else `why` says what was not */
bool world_run(const world_options *o, world_account *out, char *why, size_t size);

#endif
