/* tests/kernel/test_kernel_resumed.c - a pooled run that is told to leave, again and again, and goes on each
 * time in a new kernel, ends as one that was never stopped: bit by bit, on every rank.
 *
 * Leaving is asked from the start on, or the job is about to end, so each job ends at the first safe point that it
 * can. What a job begins
 * with is rubbish: all of it must come back from the checkpoint. */
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "comm/clock.h"
#include "comm/mpi_case.h"
#include "hottune/hottune.h"
#include "kernel/shared_folder.h"

enum { W = 40, PER_EPOCH = 3, EPOCHS = 14, JOBS = 6 };
static const double too_little_s = 3;       /* the least time that a run takes to leave */

static const char recipe[] =
    "objective: {primary: val/loss, mode: min}\n"
    "actuators:\n"
    "  opt: {mutations: {lr_mult: {bounds: [0.5, 2.0], range: [0.001, 1], floor: 0.001}}}\n"
    "acceptance: {horizon: 'val_epochs:1'}\n"
    "population: {mode: pooled, sync: barrier}\n";

typedef struct {
    ht_kernel *k;
    double lr;
    float w[W];         /* weights */
    double m[W];        /* momentum */
    int64_t t;          /* steps of this state */
    int64_t made, own;  /* steps made here; the same weighed with the rank: no two ranks have it alike */
    int64_t step;       /* of the loop */
    double epoch;
} training;

/* ---- the training ------------------------------------------------------------------------------ */

static double scramble(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (double)((x ^ (x >> 31)) >> 11) * 0x1p-53 - .5;
}

static ht_status begin_anew(void *ctx, unsigned long long seed)
{
    training *t = ctx;
    for (int i = 0; i < W; i++) {
        t->w[i] = 2 + (float)scramble((uint64_t)seed * 1000 + (uint64_t)i);
        t->m[i] = 0;
    }
    t->t = 0;
    return HT_OK;
}

static void step(training *t, int rank)
{
    uint64_t noise = 1000003u * (uint64_t)(ht_replica(t->k) + 1) + (uint64_t)++t->made;
    for (int i = 0; i < W; i++) {
        t->m[i] = .5 * t->m[i] + t->w[i] - 1 + .3 * scramble(noise * 64 + (uint64_t)i);
        t->w[i] -= (float)(t->lr * t->m[i]);
    }
    t->t++;
    t->step++;
    t->own += rank + 1;
}

static double loss_of(const training *t)
{
    double sum = .1;
    for (int i = 0; i < W; i++)
        sum += (t->w[i] - 1) * (t->w[i] - 1);
    return sum;
}

static ht_status validate(void *ctx, double *objective)
{
    *objective = loss_of(ctx);
    return HT_OK;
}

static ht_status offer(training *t)
{
    const ht_state_buffer state[] = {
        {.name = "w", .data = t->w, .count = W, .element = HT_FLOAT32, .use = HT_AVERAGE, .is_weights = true},
        {.name = "m", .data = t->m, .count = W, .element = HT_FLOAT64, .use = HT_AVERAGE},
        {.name = "t", .data = &t->t, .count = 1, .element = HT_INT64, .use = HT_COPY}};
    const ht_state_buffer own[] = {
        {.name = "made", .data = &t->made, .count = 1, .element = HT_INT64, .use = HT_COPY},
        {.name = "own", .data = &t->own, .count = 1, .element = HT_INT64, .use = HT_COPY},
        {.name = "step", .data = &t->step, .count = 1, .element = HT_INT64, .use = HT_COPY},
        {.name = "epoch", .data = &t->epoch, .count = 1, .element = HT_FLOAT64, .use = HT_COPY}};
    ht_status st = ht_knob_double(t->k, "opt", "lr", &t->lr, HT_LOG, 1e-4, 2);
    if (st == HT_OK)
        st = ht_training_state(t->k, state, 3);
    if (st == HT_OK)
        st = ht_replica_state(t->k, own, 4);
    if (st == HT_OK)
        st = ht_on_init(t->k, begin_anew, t);
    return st == HT_OK ? ht_on_validate(t->k, validate, t) : st;
}

static void train(training *t, int rank)
{
    const struct timespec moment = {0, 2000000};    /* orders are looked for between epochs */
    while (ht_running(t->k)) {
        ht_env env = {.step = t->step, .epoch = t->epoch};
        for (int i = 0; i < PER_EPOCH; i++) {
            step(t, rank);
            env.step = t->step;
            ht_apply(t->k, &env, HT_TRAIN_BATCH_END);
        }
        env.epoch = t->epoch += 1;
        nanosleep(&moment, NULL);
        ht_apply(t->k, &env, HT_VAL_EPOCH_END);
    }
}

/* ---- a job ------------------------------------------------------------------------------------- */

typedef struct {
    ht_status status;
    ht_result result;
    bool left, champion;
    double shown;
    int64_t made, own, step;
    double epoch;
} outcome;

static outcome job(MPI_Comm comm, int rank, const char *dir, int per_replica, double checkpoint_s,
                   const volatile sig_atomic_t *leave, double end_time, bool rubbish)
{
    outcome o = {.shown = NAN};
    training t = {.lr = .02};
    if (rubbish) {
        memset(&t, 0x55, sizeof t);
        t.lr = .5;
        t.step = t.made = t.own = 777;
        t.epoch = 99;
    }
    o.status = ht_open(&(ht_options){.comm = comm, .run_dir = dir, .recipe_text = recipe,
                                     .max_epochs = EPOCHS,
                                     .seed = 11, .ranks_per_replica = per_replica, .patience_s = 30,
                                     .resume = true, .checkpoint_s = checkpoint_s, .leave = leave,
                                     .end_time = end_time},
                       &t.k);
    if (o.status == HT_OK && ht_is_replica(t.k)) {
        if (!rubbish)
            begin_anew(&t, 1);
        o.status = offer(&t);
        train(&t, rank);
        o.left = ht_has_left(t.k);
        o.champion = ht_is_champion(t.k);
        if (!o.left && ht_show_best(t.k) == HT_OK)
            o.shown = loss_of(&t);
        if (!o.left)
            ht_report_result(t.k, o.shown, o.shown);
    }
    if (ht_close(t.k) != HT_OK)
        o.status = HT_EFAILED;
    ht_result_of(t.k, &o.result);
    ht_free(t.k);
    o.made = t.made;
    o.own = t.own;
    o.step = t.step;
    o.epoch = t.epoch;
    return o;
}

static outcome never_stopped(MPI_Comm comm, int rank, int per_replica, double checkpoint_s)
{
    char dir[64];
    agree_on_directory(comm, rank, dir);
    outcome o = job(comm, rank, dir, per_replica, checkpoint_s, NULL, -1, false);
    remove_directory(comm, rank, dir);
    return o;
}

static bool same(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void compare(int rank, int size, int *failures, const outcome *a, const outcome *b)
{
    bool trains = size == 1 || rank > 0;
    CHECK(a->status == HT_OK && b->status == HT_OK);
    CHECK(a->champion == b->champion && same(a->shown, b->shown));
    CHECK(rank != 0 || (same(a->result.best, b->result.best) && a->result.lost == 0 && b->result.lost == 0));
    CHECK(!trains || (a->made == b->made && a->step == b->step && a->epoch == b->epoch));
    CHECK(!trains || (a->own == b->own && a->own == a->made * (rank + 1)));
    CHECK(!trains || (a->made == a->step && a->made == PER_EPOCH * (int64_t)a->epoch && a->made > 0));
}

/* for_time: nobody asks, but there is hardly any time left. */
static void check_stops(MPI_Comm comm, int rank, int size, int *failures, int per_replica, bool for_time)
{
    static const volatile sig_atomic_t yes = 1;
    const volatile sig_atomic_t *asked = for_time ? NULL : &yes;
    char dir[64];
    outcome whole = never_stopped(comm, rank, per_replica, 0), o = {0};
    agree_on_directory(comm, rank, dir);
    int left = 1, stops = 0;
    for (int i = 0; i < JOBS && left; i++) {
        o = job(comm, rank, dir, per_replica, 0, asked, for_time ? ht_clock_wall() + too_little_s : -1, i > 0);
        CHECK(o.status == HT_OK);
        left = o.left || (rank == 0 && size > 1);
        MPI_Allreduce(MPI_IN_PLACE, &left, 1, MPI_INT, MPI_MIN, comm);
        stops += left;
    }
    CHECK(stops > 0);
    if (left)
        o = job(comm, rank, dir, per_replica, 0, NULL, -1, true);
    CHECK(!o.left);
    compare(rank, size, failures, &whole, &o);
    remove_directory(comm, rank, dir);
}

static void a_run_that_is_stopped_ends_as_one_that_is_not(MPI_Comm comm, int rank, int size, int *failures)
{
    check_stops(comm, rank, size, failures, 1, false);
}

static void a_run_leaves_before_its_job_ends_and_goes_on_in_the_next(MPI_Comm comm, int rank, int size, int *failures)
{
    check_stops(comm, rank, size, failures, 1, true);
}

static void so_does_one_whose_replicas_have_two_ranks(MPI_Comm comm, int rank, int size, int *failures)
{
    if (size % 2 == 1 && size > 1)
        check_stops(comm, rank, size, failures, 2, false);
}

static void checkpoints_change_nothing(MPI_Comm comm, int rank, int size, int *failures)
{
    int per_replica = size > 1 && size % 2 == 1 ? 2 : 1;
    outcome with = never_stopped(comm, rank, per_replica, 1e-3);
    outcome without = never_stopped(comm, rank, per_replica, -1);
    compare(rank, size, failures, &with, &without);
}

MPI_CASES(MPI_CASE(a_run_that_is_stopped_ends_as_one_that_is_not),
          MPI_CASE(a_run_leaves_before_its_job_ends_and_goes_on_in_the_next),
          MPI_CASE(so_does_one_whose_replicas_have_two_ranks), MPI_CASE(checkpoints_change_nothing))
