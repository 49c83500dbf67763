/* tests/population/pool_replica.h - internal to the world: one replica that does its orders, and its ties to
 * others.
 *
 *      pool_world.c        the time, the pool, what the pool says is checked
 *      pool_twin.c         a second pool is told what the first one heard
 *      pool_resume.c       everybody is written down, and some go on
 *      pool_replica.c      orders are done */
#ifndef TESTS_POPULATION_POOL_REPLICA_H
#define TESTS_POPULATION_POOL_REPLICA_H

#include "population/pool_world.h"
#include "population/tuned.h"

typedef struct {
    unsigned number;
    bool broken; /* a RECEIVE into it failed */
    training_state state;
} sim_slot;

typedef struct {
    double at;           /* when it arrives */
    ht_pool_order order; /* owned */
} sim_letter;

typedef struct {
    /* what the pool knows */
    bool joined, lost, crowned; /* crowned: END said that its weights are the best */
    unsigned long last;         /* greatest number that it was given */
    unsigned long work_given;   /* number of its last WORK */
    unsigned long owes;         /* the same without REPORT; 0 = none */
    double keeps;               /* loss of the best weights it has, as heard; INFINITY = none */
    /* what is so */
    bool alive, sick, ended;
    bool written; /* came to the CHECKPOINT */
    double best;  /* loss of the best weights that it keeps; INFINITY = none */
    int life; /* counts its restarts */
    double slowness, hung_until;
    double free_at; /* busy with a copy until then */
    bool has_live, live_broken;
    training_state live;
    size_t n_slots, slots_size;
    sim_slot *slots; /* owned */
    size_t first, n_letters, letters_size;
    sim_letter *letters; /* [first .. first + n_letters), owned */
    bool works, stop;
    ht_pool_order work;
    int epoch;
    double work_began, epoch_began, epoch_ends, work_best, idle_since;
    bool waits;             /* in a transfer or a mean */
    ht_pool_order transfer; /* its members are owned */
    double deadline;
    long long steps;
    double born, died, trained_s;
} sim_replica;

/* What a replica that did not come back had at the checkpoint. */
typedef struct {
    double keeps, best; /* as the pool heard; as it is */
    size_t n_slots;
    sim_slot *slots; /* owned */
} sim_legacy;

typedef struct world {
    const world_options *o;
    ht_pool *pool, *twin; /* twin: NULL unless o->retold */
    ht_member member;
    ht_tuned tuned;
    double now;
    int n, seats;           /* replicas there may ever be; that the pool has room for, or was asked to have */
    sim_replica *replicas;  /* [n], owned */
    sim_legacy *left;       /* [n], owned */
    double put_off[WORLD_FAULTS_MAX]; /* RESUME is tried again then */
    struct sim_event *mail; /* [mail_first .. mail_first + n_mail), owned */
    size_t mail_first, n_mail, mail_size;
    ht_random random;
    world_account account;
    char why[256]; /* what was wrong first; "" = nothing */
} world;

/* An event on its way to the pool. */
typedef struct sim_event {
    double at;
    int replica, life;
    ht_pool_event event;
} sim_event;

/* Notes that something is wrong; the first one stays. */
void world_wrong(world *w, int replica, const char *format, ...) __attribute__((format(printf, 3, 4)));
void world_tell(world *w, int replica, const ht_pool_event *e);
/* Somebody joins with empty hands. */
void world_join(world *w, int id);
/* After each call of the pool: takes and checks what it has to say. */
void world_check(world *w, int replica, ht_status st);

/* ---- pool_twin.c: each input goes to both pools */

ht_status both_join(world *w, int id);
ht_status both_lose(world *w, int id);
ht_status both_receive(world *w, int id, const ht_pool_event *e);
ht_status both_tick(world *w); /* a tick without effect is not told again */
ht_status both_stop(world *w);
void both_calm(world *w);
ht_status both_crowd(world *w, int n);
ht_status both_retire(world *w, int id, const bool *present);
/* What the first pool said next (NULL: nothing more), the twin says, too. */
void twin_orders(world *w, int replica, const ht_pool_order *o);
void twin_notes(world *w, const ht_pool_note *n);

/* ---- pool_resume.c */

/* @return false: there can be no checkpoint now, since somebody is dead and not yet known to be */
bool world_resume(world *w, const world_fault *f);

/* When replica r does something next; INFINITY = not before it gets an order. */
double replica_next(const world *w, const sim_replica *r);
void replica_act(world *w, int id);
void replica_take(world *w, int id, double at, ht_pool_order *o); /* takes o */
/* It is gone, with everything that it held. */
void replica_die(world *w, int id);
void replica_start(world *w, int id);
void replica_release(sim_replica *r);

#endif
