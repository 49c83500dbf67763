/* src/workload/workload.c - the table of built-in trainings and the training itself; the contract is in
 * workload.h.
 *
 * A step: draw the batch (the same on every rank of the replica), take this rank's share of it, sum the
 * gradients, update. Random numbers are a function of (seed, replica, batches drawn so far). Weights, moments
 * and steps are the state of the training and may be replaced between steps; `drawn` belongs to the replica
 * and only rises, so that a state that is taken up again, here or elsewhere, meets new batches.
 * May touch: the heap, data files, OpenBLAS, MPI through parallel.h; a slowed one the clock. Not: stdout. */
#include "workload/workload.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "base/text.h"
#include "workload/adamw.h"
#include "workload/network.h"
#include "workload/parallel.h"
#include "workload/recipes.h"

enum { BATCH = 64, SCORE_ROWS = 256, KNOBS_MAX = 4, BUFFERS = 3 };

/* ---- the tasks ------------------------------------------------------------------------------ */

typedef enum { LR, WEIGHT_DECAY, DROPOUT, AUX, LABEL_SMOOTHING, N_KNOBS } knob_id;

/** What is the same in all tasks. A range begins at `low`, or at 0 in a task that starts from 0. */
static const struct {
    const char *actuator, *name;
    double low, high, floor;
} knobs[N_KNOBS] = {
    [LR] = {"opt", "lr", 1e-4, 5e-2, 1e-4},
    [WEIGHT_DECAY] = {"opt", "weight_decay", 1e-4, 3, 1e-3},
    [DROPOUT] = {"reg", "dropout", .01, .5, .02},
    [AUX] = {"loss", "aux", .01, 10, .01},
    [LABEL_SMOOTHING] = {"reg", "label_smoothing", 1e-3, .3, .005},
};

typedef struct {
    ht_workload_info info;
    ht_status (*load)(const char *dir, ht_dataset *out, ht_error *err);
    ht_network_shape shape;
    size_t n_knobs;
    struct {
        knob_id id;
        double start;
    } knobs[KNOBS_MAX];
} task;

static const task tasks[] = {
    {{"charlm", "next letter of English words: embedding and perceptron, 12105 weights", 60, 32,
      ht_recipe_charlm},
     ht_charlm_load,
     {.symbols = 27, .width = 10, .inputs = 6, .n_hidden = 2, .hidden = {96, 48}, .classes = 27},
     3,
     {{LR, 2e-3}, {WEIGHT_DECAY, .01}, {DROPOUT, 0}}},
    {{"glyph", "noisy drawn digits, and how they are distorted: perceptron, 11822 weights", 60, 40,
      ht_recipe_glyph},
     ht_glyph_load,
     {.inputs = 144, .n_hidden = 2, .hidden = {64, 32}, .classes = 10, .targets = 4},
     4,
     {{LR, 2e-3}, {WEIGHT_DECAY, .01}, {DROPOUT, .1}, {AUX, 1}}},
    {{"fashion", "photographs of clothes (Fashion-MNIST): perceptron, 109386 weights", 40, 32,
      ht_recipe_fashion},
     ht_fashion_load,
     {.inputs = 784, .n_hidden = 2, .hidden = {128, 64}, .classes = 10},
     4,
     {{LR, 1e-3}, {WEIGHT_DECAY, .01}, {DROPOUT, .1}, {LABEL_SMOOTHING, 0}}},
    {{"fashion-small",
      "fewer and smaller photographs, a fifth of the labels wrong: perceptron, 24058 weights", 40, 32,
      ht_recipe_fashion_small},
     ht_fashion_small_load,
     {.inputs = 196, .n_hidden = 2, .hidden = {96, 48}, .classes = 10},
     4,
     {{LR, 1e-3}, {WEIGHT_DECAY, .01}, {DROPOUT, .1}, {LABEL_SMOOTHING, 0}}},
};
enum { N_TASKS = sizeof tasks / sizeof *tasks };

size_t ht_workload_count(void)
{
    return N_TASKS;
}

const ht_workload_info *ht_workload_at(size_t i)
{
    return i < N_TASKS ? &tasks[i].info : NULL;
}

static const task *find_task(const char *name)
{
    for (size_t i = 0; i < N_TASKS; i++)
        if (strcmp(tasks[i].info.name, name) == 0)
            return &tasks[i];
    return NULL;
}

const ht_workload_info *ht_workload_find(const char *name)
{
    const task *t = find_task(name);
    return t != NULL ? &t->info : NULL;
}

static ht_status refuse_name(const char *name, ht_error *err)
{
    const char *names[N_TASKS];
    for (size_t i = 0; i < N_TASKS; i++)
        names[i] = tasks[i].info.name;
    const char *nearest = ht_nearest(name, names, N_TASKS);
    return ht_fail(err, HT_ENOTFOUND, "unknown workload '%.64s'; %s is '%s'", name,
                   nearest != NULL ? "nearest" : "one of them", nearest != NULL ? nearest : names[0]);
}

/* ---- life ----------------------------------------------------------------------------------- */

struct ht_workload {
    const task *task;
    uint64_t seed, replica, drawn;      /* batches drawn by this replica */
    int64_t steps;                      /* behind the weights and moments */
    int cosine_epochs;                  /* 0 = the rate is constant */
    double slow, debt_s;                /* factor (1 = none); seconds that are yet to be slept */
    uint64_t nan_after;                 /* batches before the weights are spoilt; 0 = never */
    ht_parallel ranks;
    ht_dataset data;
    ht_samples batch;                   /* [BATCH], this rank's share at its head */
    ht_network *network;
    size_t n_weights;
    float *weights, *m, *v;             /* [n_weights], owned */
    float *gradient;                    /* [n_weights + 1]: the batch loss is summed along; owned */
    double values[N_KNOBS];             /* those that the task lacks stay 0 */
    ht_workload_knob knobs[KNOBS_MAX];
    ht_workload_buffer state[BUFFERS];
};

static void set_up_knobs(ht_workload *w)
{
    for (size_t i = 0; i < w->task->n_knobs; i++) {
        knob_id id = w->task->knobs[i].id;
        double start = w->task->knobs[i].start;
        w->values[id] = start;
        w->knobs[i] = (ht_workload_knob){
            .actuator = knobs[id].actuator, .name = knobs[id].name, .value = &w->values[id],
            .lo = start > 0 ? knobs[id].low : 0, .hi = knobs[id].high, .floor = knobs[id].floor,
        };
    }
}

/** What this rank does alone; fails without harm to the other ranks. */
static ht_status set_up(ht_workload *w, const ht_workload_options *o, ht_error *err)
{
    const ht_network_shape *shape = &w->task->shape;
    HT_TRY(w->task->load(o->data_dir, &w->data, err));
    HT_TRY(ht_samples_init(&w->batch, BATCH, w->data.train.shape, err));
    HT_TRY(ht_network_create(shape, SCORE_ROWS, &w->network, err));
    w->n_weights = ht_network_weights(shape);
    w->weights = calloc(w->n_weights, sizeof *w->weights);
    w->m = calloc(w->n_weights, sizeof *w->m);
    w->v = calloc(w->n_weights, sizeof *w->v);
    w->gradient = calloc(w->n_weights + 1, sizeof *w->gradient);
    if (w->weights == NULL || w->m == NULL || w->v == NULL || w->gradient == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for %zu weights", w->n_weights);
    ht_workload_init(w, o->seed);
    w->state[0] = (ht_workload_buffer){"weights", w->weights, w->n_weights};
    w->state[1] = (ht_workload_buffer){"m", w->m, w->n_weights};
    w->state[2] = (ht_workload_buffer){"v", w->v, w->n_weights};
    set_up_knobs(w);
    return HT_OK;
}

ht_status ht_workload_create(const ht_workload_options *o, ht_workload **out, ht_error *err)
{
    const task *t = find_task(o->name);
    if (t == NULL)
        return refuse_name(o->name, err);       /* the same on every rank */
    ht_parallel ranks;
    HT_TRY(ht_parallel_init(o->comm, &ranks, err));
    ht_status st = HT_OK;
    ht_workload *w = calloc(1, sizeof *w);
    if (w == NULL) {
        st = ht_fail(err, HT_ENOMEM, "no memory for a workload");
    } else {
        w->task = t;
        w->seed = o->seed;
        w->replica = (uint64_t)o->replica;
        w->ranks = ranks;
        w->cosine_epochs = o->cosine_epochs;
        w->slow = o->slow > 1 ? o->slow : 1;
        w->nan_after = o->nan_at > 0 ? (uint64_t)o->nan_at * (uint64_t)t->info.steps_per_epoch : 0;
        st = set_up(w, o, err);
    }
    st = ht_parallel_agree(&ranks, st, err);
    if (st != HT_OK)
        goto done;
    /* A rank is a core: threads of BLAS would fight with the other ranks of the node, the matrices are
     * too small to share, and the split of a product among threads would change its rounding. */
    openblas_set_num_threads(1);
    *out = w;
    w = NULL;                           /* the caller owns it now */
done:
    ht_workload_destroy(w);
    return st;
}

void ht_workload_destroy(ht_workload *w)
{
    if (w == NULL)
        return;
    ht_dataset_release(&w->data);
    ht_samples_release(&w->batch);
    ht_network_destroy(w->network);
    free(w->weights);
    free(w->m);
    free(w->v);
    free(w->gradient);
    free(w);
}

size_t ht_workload_knobs(ht_workload *w, const ht_workload_knob **out)
{
    *out = w->knobs;
    return w->task->n_knobs;
}

size_t ht_workload_state(ht_workload *w, const ht_workload_buffer **out)
{
    *out = w->state;
    return BUFFERS;
}

uint64_t *ht_workload_drawn(ht_workload *w)
{
    return &w->drawn;
}

int64_t *ht_workload_steps(ht_workload *w)
{
    return &w->steps;
}

void ht_workload_init(ht_workload *w, unsigned long long seed)
{
    ht_network_init(&w->task->shape, ht_random_stream(seed, HT_RANDOM_INIT, 0, 0), w->weights);
    memset(w->m, 0, w->n_weights * sizeof *w->m);
    memset(w->v, 0, w->n_weights * sizeof *w->v);
    w->steps = 0;
}

/* ---- slowness ------------------------------------------------------------------------------- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double begin_work(const ht_workload *w)
{
    return w->slow > 1 ? seconds() : 0;
}

/** Sleep for the work since `start`. Between these two there is no waiting for other ranks, or their sleep
 *  would be multiplied again. A short sleep overshoots: wait until there is more of it, and keep account. */
static void end_work(ht_workload *w, double start)
{
    const double shortest_s = 2e-3;
    if (!(w->slow > 1))
        return;
    double now = seconds();
    w->debt_s += (w->slow - 1) * (now - start);
    if (w->debt_s < shortest_s)
        return;
    struct timespec nap = {.tv_sec = (time_t)w->debt_s};
    nap.tv_nsec = (long)(1e9 * (w->debt_s - (double)nap.tv_sec));
    nanosleep(&nap, NULL);
    w->debt_s -= seconds() - now;
}

/* ---- training ------------------------------------------------------------------------------- */

/** This rank's share of the next batch, at the head of w->batch. Every rank draws the whole batch.
 *  @param[out] random  stream for the rest of the step, in the same place on every rank */
static size_t draw_share(ht_workload *w, size_t *first, ht_random *random)
{
    size_t count;
    ht_parallel_share(&w->ranks, BATCH, first, &count);
    *random = ht_random_stream(w->seed, HT_RANDOM_TRAINING, w->replica, w->drawn++);
    for (size_t i = 0; i < BATCH; i++) {
        size_t sample = (size_t)ht_random_below(random, w->data.train.n);
        if (i >= *first && i < *first + count)
            ht_samples_put(&w->batch, i - *first, &w->data.train, sample);
    }
    return count;
}

static double learning_rate(const ht_workload *w)
{
    if (w->cosine_epochs <= 0)
        return w->values[LR];
    int64_t epoch = w->steps / w->task->info.steps_per_epoch, last = w->cosine_epochs - 1;
    return w->values[LR] * ht_workload_cosine((int)(epoch < last ? epoch : last), w->cosine_epochs);
}

static void spoil(ht_workload *w)
{
    for (size_t i = 0; i < w->n_weights; i++)
        w->weights[i] = NAN;
}

double ht_workload_step(ht_workload *w)
{
    if (w->nan_after > 0 && w->drawn == w->nan_after)
        spoil(w);
    double rate = learning_rate(w), start = begin_work(w);
    ht_objective o = {
        .dropout = w->values[DROPOUT], .label_smoothing = w->values[LABEL_SMOOTHING], .aux = w->values[AUX],
        .scale = 1. / BATCH,
    };
    size_t count = draw_share(w, &o.row, &o.random);
    float *loss = &w->gradient[w->n_weights];
    *loss = (float)ht_network_gradient(w->network, w->weights, &w->batch, count, &o, w->gradient);
    end_work(w, start);
    w->steps++;
    if (ht_parallel_sum(&w->ranks, w->gradient, w->n_weights + 1) != HT_OK || !(*loss < 1e6f))
        return NAN;                     /* no update: it would only spread the damage */
    start = begin_work(w);
    ht_adamw_update(w->n_weights, w->gradient, w->weights, w->m, w->v, (unsigned long long)w->steps, rate,
                    w->values[WEIGHT_DECAY]);
    end_work(w, start);
    return (double)*loss;
}

static double score(ht_workload *w, const ht_samples *s, double *error_rate)
{
    size_t first, count;
    double sums[2];                     /* cross entropy, wrong answers */
    ht_parallel_share(&w->ranks, s->n, &first, &count);
    double start = begin_work(w);
    ht_network_score(w->network, w->weights, s, first, count, &sums[0], &sums[1]);
    end_work(w, start);
    if (ht_parallel_sum_double(&w->ranks, sums, 2) != HT_OK)
        sums[0] = sums[1] = NAN;
    if (error_rate != NULL)
        *error_rate = sums[1] / (double)s->n;
    return sums[0] / (double)s->n;
}

double ht_workload_validate(ht_workload *w, double *error_rate)
{
    return score(w, &w->data.val, error_rate);
}

double ht_workload_test(ht_workload *w, double *error_rate)
{
    return score(w, &w->data.test, error_rate);
}

double ht_workload_grad_norm(const ht_workload *w)
{
    double sum = 0;
    for (size_t i = 0; i < w->n_weights; i++)
        sum += (double)w->gradient[i] * (double)w->gradient[i];
    return sqrt(sum);
}

double ht_workload_cosine(int epoch, int epochs)
{
    const double pi = 3.14159265358979323846;
    return .01 + .99 * .5 * (1 + cos(pi * (epoch + .5) / epochs));
}
