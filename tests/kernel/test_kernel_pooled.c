/* Pooled runs through the public API: one rank, replicas of one rank, replicas of two ranks.
 *
 * The training has buffers of every kind and a part that only callbacks reach. These see each state that is
 * saved (get) or loaded (put), so the test keeps the account: nothing is ever loaded that was not saved
 * somewhere, bit by bit, but for means. Its next step depends on the state and on how many were made here
 * before, so that no two replicas, and no two trainings from one root, are alike. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/mpi_case.h"
#include "kernel/kernel_internal.h"
#include "kernel/shared_folder.h"

enum { W = 500, M = 3, B = 4, PER_EPOCH = 4, EPOCHS = 12, LOG_MAX = 4000 };

static const char recipe[] =
    "objective: {primary: val/loss, mode: min}\n"
    "actuators:\n"
    "  opt: {mutations: {lr_mult: {bounds: [0.5, 2.0], range: [0.001, 1], floor: 0.001}}}\n"
    "acceptance: {horizon: 'val_epochs:1'}\n"
    "population: {mode: pooled, sync: barrier}\n";

typedef struct {
    size_t n;
    uint64_t at[LOG_MAX];
} log_of_states;

typedef struct {
    ht_kernel *k;
    double lr;
    float w[W];    /* weights */
    uint16_t b[B]; /* weights, bfloat16 */
    double m[M];   /* momentum */
    int64_t steps;
    double device[3];     /* behind callbacks */
    uint64_t made, noise; /* steps made here; not part of the state */
    log_of_states saved, loaded;
    bool may_be_mean; /* nothing but a get came since: a put now may be a mean */
    size_t held;      /* most bytes that the library held */
} training;

/* ---- the training ------------------------------------------------------------------------------ */

static float wide(uint16_t b)
{
    uint32_t bits = (uint32_t)b << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint16_t narrow(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)(bits >> 16);
}

static uint64_t scramble(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static double draw(training *t)
{
    return (double)(scramble(t->noise + ++t->made) >> 11) * 0x1p-53 - .5;
}

static ht_status begin_anew(void *ctx, unsigned long long seed)
{
    training *t = ctx;
    for (int i = 0; i < W; i++)
        t->w[i] = 1.5f + (float)(scramble((uint64_t)seed + (uint64_t)i) % 100) / 100;
    for (int i = 0; i < B; i++)
        t->b[i] = narrow(3 + (float)i);
    memset(t->m, 0, sizeof t->m);
    t->steps = 0;
    for (int i = 0; i < 3; i++)
        t->device[i] = (double)seed + i;
    return HT_OK;
}

static void step(training *t)
{
    for (int i = 0; i < W; i++) {
        t->m[i % M] = .5 * t->m[i % M] + (t->w[i] - 1 + .3 * draw(t));
        t->w[i] -= (float)(t->lr * t->m[i % M]);
    }
    for (int i = 0; i < B; i++)
        t->b[i] = narrow(wide(t->b[i]) - (float)t->lr * (wide(t->b[i]) - 1));
    t->device[t->steps % 3] += t->w[0];
    t->steps++;
    t->may_be_mean = false;
}

/* Of the weights alone. */
static double loss_of(const training *t)
{
    double sum = .1;
    for (int i = 0; i < W; i++)
        sum += (t->w[i] - 1) * (t->w[i] - 1);
    for (int i = 0; i < B; i++)
        sum += (wide(t->b[i]) - 1) * (wide(t->b[i]) - 1);
    return sum;
}

static ht_status validate(void *ctx, double *objective)
{
    training *t = ctx;
    size_t held = ht_state_held(t->k->state);
    t->held = held > t->held ? held : t->held;
    *objective = loss_of(t);
    return HT_OK;
}

/* ---- the account ------------------------------------------------------------------------------- */

static uint64_t add_bytes(uint64_t sum, const void *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
    return sum;
}

static uint64_t sum_of(const training *t, const void *device)
{
    uint64_t sum = add_bytes(0xcbf29ce484222325u, t->w, sizeof t->w);
    sum = add_bytes(sum, t->b, sizeof t->b);
    sum = add_bytes(sum, t->m, sizeof t->m);
    sum = add_bytes(sum, &t->steps, sizeof t->steps);
    return add_bytes(sum, device, sizeof t->device);
}

static void note(log_of_states *l, uint64_t sum)
{
    if (l->n < LOG_MAX)
        l->at[l->n++] = sum;
}

static ht_status get(void *ctx, void *to)
{
    training *t = ctx;
    memcpy(to, t->device, sizeof t->device);
    note(&t->saved, sum_of(t, t->device));
    t->may_be_mean = true;
    return HT_OK;
}

static ht_status put(void *ctx, const void *from)
{
    training *t = ctx;
    memcpy(t->device, from, sizeof t->device);
    note(&t->loaded, sum_of(t, t->device));
    if (t->may_be_mean)
        note(&t->saved, sum_of(t, t->device));
    t->may_be_mean = false;
    return HT_OK;
}

/* ---- a run ------------------------------------------------------------------------------------- */

typedef struct {
    ht_status status;
    ht_result result;
    bool champion;
    double shown; /* loss of the best weights of this replica */
    size_t state_bytes;
} outcome;

static ht_status offer(training *t)
{
    const ht_state_buffer buffers[] = {
        {.name = "w", .data = t->w, .count = W, .element = HT_FLOAT32, .use = HT_AVERAGE, .is_weights = true},
        {.name = "b",
         .data = t->b,
         .count = B,
         .element = HT_BFLOAT16,
         .use = HT_AVERAGE,
         .is_weights = true},
        {.name = "m", .data = t->m, .count = M, .element = HT_FLOAT64, .use = HT_AVERAGE},
        {.name = "steps", .data = &t->steps, .count = 1, .element = HT_INT64, .use = HT_COPY}};
    HT_TRY(ht_knob_double(t->k, "opt", "lr", &t->lr, HT_LOG, 1e-4, 2));
    HT_TRY(ht_training_state(t->k, buffers, 4));
    HT_TRY(ht_training_part(t->k, "device", sizeof t->device, get, put, t));
    HT_TRY(ht_on_init(t->k, begin_anew, t));
    return ht_on_validate(t->k, validate, t);
}

static void train(training *t)
{
    ht_env env = {0};
    while (ht_running(t->k)) {
        for (int i = 0; i < PER_EPOCH; i++) {
            step(t);
            env.step++;
            ht_apply(t->k, &env, HT_TRAIN_BATCH_END);
        }
        env.epoch += 1;
        ht_apply(t->k, &env, HT_VAL_EPOCH_END);
    }
}

static outcome run(MPI_Comm comm, const char *dir, int per_replica, training *t)
{
    outcome o = {.shown = NAN};
    *t = (training){.lr = .02};
    o.status = ht_open(&(ht_options){.comm = comm,
                                     .run_dir = dir,
                                     .recipe_text = recipe,
                                     .max_epochs = EPOCHS,
                                     .seed = 11,
                                     .ranks_per_replica = per_replica,
                                     .patience_s = 30,
                                     .check_transfers = true},
                       &t->k);
    if (o.status == HT_OK && ht_is_replica(t->k)) {
        t->noise = 1000003u * (uint64_t)(ht_replica(t->k) + 1);
        begin_anew(t, 1);
        o.status = offer(t);
        train(t);
        o.champion = ht_is_champion(t->k);
        if (ht_show_best(t->k) == HT_OK)
            o.shown = loss_of(t);
        ht_report_result(t->k, o.shown, o.shown);
        o.state_bytes = ht_state_bytes(t->k->state);
    }
    if (ht_close(t->k) != HT_OK)
        o.status = HT_EFAILED;
    ht_result_of(t->k, &o.result);
    ht_free(t->k);
    return o;
}

static bool holds(const log_of_states *l, uint64_t sum)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->at[i] == sum)
            return true;
    return false;
}

/* What all ranks saved, on every rank. */
static void gather(MPI_Comm comm, int size, const log_of_states *mine, log_of_states *all)
{
    log_of_states *each = calloc((size_t)size, sizeof *each);
    all->n = 0;
    MPI_Allgather(mine, (int)sizeof *mine, MPI_BYTE, each, (int)sizeof *each, MPI_BYTE, comm);
    for (int r = 0; r < size; r++)
        for (size_t i = 0; i < each[r].n; i++)
            if (!holds(all, each[r].at[i]))
                note(all, each[r].at[i]);
    free(each);
}

static void check_run(MPI_Comm comm, int rank, int size, int *failures, int per_replica)
{
    static training t;
    static log_of_states all;
    char dir[64];
    agree_on_directory(comm, rank, dir);
    outcome o = run(comm, dir, per_replica, &t);
    CHECK(o.status == HT_OK);
    bool trains = size == 1 || rank > 0;
    int replicas = size == 1 ? 1 : (size - 1) / per_replica;

    /* One replica is champion; what it shows is worth what the run says it is. */
    int champion = o.champion, champions;
    double best = o.champion ? o.shown : INFINITY, said = o.result.best, least = trains ? o.shown : INFINITY;
    MPI_Allreduce(&champion, &champions, 1, MPI_INT, MPI_SUM, comm);
    MPI_Allreduce(MPI_IN_PLACE, &best, 1, MPI_DOUBLE, MPI_MIN, comm);
    MPI_Allreduce(MPI_IN_PLACE, &least, 1, MPI_DOUBLE, MPI_MIN, comm);
    MPI_Bcast(&said, 1, MPI_DOUBLE, 0, comm);
    CHECK(champions == per_replica);
    CHECK(!o.champion || o.shown == best);
    CHECK(best == said && best == least);
    CHECK(rank != 0 || (o.result.val == best && o.result.lost == 0));

    /* Nothing was loaded that nobody saved; some was loaded twice (rolled back), some came from others. */
    size_t unknown = 0, twice = 0, others = 0;
    gather(comm, size, &t.saved, &all);
    for (size_t i = 0; i < t.loaded.n; i++) {
        unknown += !holds(&all, t.loaded.at[i]);
        others += !holds(&t.saved, t.loaded.at[i]);
        for (size_t k = 0; k < i; k++)
            if (t.loaded.at[k] == t.loaded.at[i]) {
                twice++;
                break;
            }
    }
    unsigned long counts[3] = {unknown, twice, others};
    MPI_Allreduce(MPI_IN_PLACE, counts, 3, MPI_UNSIGNED_LONG, MPI_SUM, comm);
    CHECK(counts[0] == 0);
    CHECK(replicas == 1 || (counts[1] > 0 && counts[2] > 0));
    CHECK(t.saved.n < LOG_MAX && t.loaded.n < LOG_MAX && all.n < LOG_MAX);
    /* Beside the averaged and the best weights: two states of the race, and the root, made of one of them. */
    CHECK((double)t.held < (1 + 3 + .5) * (double)o.state_bytes || !trains);
    remove_directory(comm, rank, dir);
}

static void a_pooled_run_loads_only_what_was_saved_and_ends_with_the_best(MPI_Comm comm, int rank, int size,
                                                                          int *failures)
{
    check_run(comm, rank, size, failures, 1);
}

static void so_does_one_whose_replicas_have_two_ranks(MPI_Comm comm, int rank, int size, int *failures)
{
    if (size % 2 == 1 && size > 1)
        check_run(comm, rank, size, failures, 2);
}

MPI_CASES(MPI_CASE(a_pooled_run_loads_only_what_was_saved_and_ends_with_the_best),
          MPI_CASE(so_does_one_whose_replicas_have_two_ranks))
