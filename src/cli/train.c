/* src/cli/train.c - the training loop of `hottune run`; the contract is in train.h.
 *
 * Uses the public header and the workload, as a program of a user would. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/settings.h"
#include "cli/train.h"

struct ht_training {
    ht_workload *workload;
    int epochs, steps_per_epoch;
    int epoch;                         /* done so far */
    long long step;                    /* likewise; both go on after a stop */
    const ht_workload_buffer *weights; /* borrowed from the workload */
    float *best;                       /* [weights->n], owned: the best weights of a training without tuner */
    double best_val;                   /* of it; NaN = none */
    int best_epoch;
    ht_kernel *kernel;                 /* borrowed while it is trained; NULL = without tuner */
    double val, val_error;             /* of the last validation */
    double cpu_s;                      /* of this process, in steps and validations */
    void (*told)(void *ctx, int epoch, double val); /* NULL = nobody listens */
    void *told_ctx;
    void (*before)(void *ctx, int epoch);           /* NULL = nobody */
    void *before_ctx;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void ht_training_destroy(ht_training *t)
{
    if (t == NULL)
        return;
    ht_workload_destroy(t->workload);
    free(t->best);
    free(t);
}

ht_status ht_training_create(const ht_workload_options *o, int epochs, ht_training **out, ht_error *err)
{
    ht_training *t = calloc(1, sizeof *t);
    if (t == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    ht_status st = ht_workload_create(o, &t->workload, err);
    if (st != HT_OK)
        goto done;
    const ht_workload_buffer *state = NULL;
    size_t n = ht_workload_state(t->workload, &state);
    for (size_t i = 0; i < n; i++)
        if (strcmp(state[i].name, "weights") == 0)
            t->weights = &state[i];
    if (t->weights == NULL || (t->best = malloc((t->weights->n + 1) * sizeof *t->best)) == NULL) {
        st = ht_fail(err, HT_ENOMEM, "no memory for a copy of the weights");
        goto done;
    }
    t->epochs = epochs;
    t->steps_per_epoch = ht_workload_find(o->name)->steps_per_epoch;
    t->best_val = NAN;
    *out = t;
    t = NULL;
done:
    ht_training_destroy(t);
    return st;
}

/* ---- what the tuner may do with it ----------------------------------------------------------- */

static ht_status begin_anew(void *ctx, unsigned long long seed)
{
    ht_workload_init(((ht_training *)ctx)->workload, seed);
    return HT_OK;
}

static ht_status validate(void *ctx, double *objective)
{
    ht_training *t = ctx;
    double begun = cpu();
    *objective = t->val = ht_workload_validate(t->workload, &t->val_error);
    t->cpu_s += cpu() - begun;
    return t->kernel != NULL ? ht_metric(t->kernel, "val/error", t->val_error) : HT_OK;
}

/* What goes on where it stopped, whatever states come and go. */
static ht_status offer_counters(ht_training *t, ht_kernel *k)
{
    const ht_state_buffer own[] = {
        {.name = "batches", .data = ht_workload_drawn(t->workload), .count = 1, .element = HT_INT64},
        {.name = "epoch", .data = &t->epoch, .count = 1, .element = HT_INT32},
        {.name = "step", .data = &t->step, .count = 1, .element = HT_INT64},
        {.name = "best_epoch", .data = &t->best_epoch, .count = 1, .element = HT_INT32},
        {.name = "cpu_s", .data = &t->cpu_s, .count = 1, .element = HT_FLOAT64}};
    return ht_replica_state(k, own, sizeof own / sizeof *own);
}

/* The whole training state: a pooled run copies it, and averages the weights and moments. */
static ht_status offer_state(ht_training *t, ht_kernel *k, ht_error *err)
{
    const ht_workload_buffer *parts = NULL;
    size_t n = ht_workload_state(t->workload, &parts);
    ht_status st = HT_OK;
    for (size_t i = 0; i < n && st == HT_OK; i++) {
        const ht_state_buffer b = {.name = parts[i].name, .data = parts[i].data, .count = parts[i].n,
                                   .element = HT_FLOAT32, .use = HT_AVERAGE, .is_weights = &parts[i] == t->weights};
        st = ht_training_state(k, &b, 1);
    }
    const ht_state_buffer steps = {.name = "steps", .data = ht_workload_steps(t->workload), .count = 1,
                                   .element = HT_INT64, .use = HT_COPY};
    if (st == HT_OK)
        st = ht_training_state(k, &steps, 1);
    if (st == HT_OK)
        st = offer_counters(t, k);
    if (st == HT_OK)
        st = ht_on_init(k, begin_anew, t);
    if (st == HT_OK)
        st = ht_on_validate(k, validate, t);
    return st == HT_OK ? HT_OK : ht_fail(err, st, "%s", ht_message(k));
}

ht_status ht_training_offer(ht_training *t, ht_kernel *k, ht_error *err)
{
    const ht_workload_knob *knobs = NULL;
    size_t n = ht_workload_knobs(t->workload, &knobs);
    for (size_t i = 0; i < n; i++) {
        const ht_workload_knob *w = &knobs[i];
        ht_status st =
            ht_knob_double(k, w->actuator, w->name, w->value, w->lo > 0 ? HT_LOG : HT_LINEAR, w->lo, w->hi);
        if (st != HT_OK)
            return ht_fail(err, st, "knob '%s:%s': %s", w->actuator, w->name, ht_message(k));
    }
    return offer_state(t, k, err);
}

static const ht_workload_knob *find_knob(ht_training *t, const char *name)
{
    const ht_workload_knob *knobs = NULL;
    size_t n = ht_workload_knobs(t->workload, &knobs);
    return ht_settings_find(n, knobs, name);
}

ht_status ht_training_set(ht_training *t, const char *list, ht_error *err)
{
    const ht_workload_knob *knobs = NULL;
    size_t n = ht_workload_knobs(t->workload, &knobs);
    return ht_settings_apply(n, knobs, list, err);
}

ht_status ht_training_put(ht_training *t, const char *name, double value, ht_error *err)
{
    const ht_workload_knob *knob = find_knob(t, name);
    if (knob == NULL)
        return ht_fail(err, HT_EINVAL, "the workload has no knob '%s'", name);
    if (!(value >= knob->lo && value <= knob->hi))
        return ht_fail(err, HT_EINVAL, "%s: %g is not in %g .. %g", name, value, knob->lo, knob->hi);
    *knob->value = value;
    return HT_OK;
}

double ht_training_get(ht_training *t, const char *name)
{
    const ht_workload_knob *knob = find_knob(t, name);
    return knob != NULL ? *knob->value : NAN;
}

void ht_training_before(ht_training *t, void (*before)(void *ctx, int epoch), void *ctx)
{
    t->before = before;
    t->before_ctx = ctx;
}

void ht_training_listen(ht_training *t, void (*told)(void *ctx, int epoch, double val), void *ctx)
{
    t->told = told;
    t->told_ctx = ctx;
}

static ht_status tell(ht_kernel *k, const ht_env *env, ht_event event, ht_error *err)
{
    ht_status st = k != NULL ? ht_apply(k, env, event) : HT_OK;
    return st == HT_OK ? HT_OK : ht_fail(err, st, "%s", ht_message(k));
}

/* Without a tuner the best weights are kept here; with one the library keeps them. */
static bool keep_best(ht_training *t)
{
    if (!isfinite(t->val) || (!isnan(t->best_val) && t->val >= t->best_val))
        return false;
    t->best_val = t->val;
    memcpy(t->best, t->weights->data, t->weights->n * sizeof *t->best);
    return true;
}

static ht_status train_epoch(ht_training *t, ht_env *env, ht_error *err)
{
    ht_kernel *k = t->kernel;
    double sum = 0, begun = cpu();
    bool best;
    if (t->before != NULL)
        t->before(t->before_ctx, t->epoch + 1);
    for (int i = 0; i < t->steps_per_epoch; i++) {
        env->loss = ht_workload_step(t->workload);
        env->step = ++t->step;
        sum += env->loss;
        HT_TRY(tell(k, env, HT_TRAIN_BATCH_END, err));
    }
    t->cpu_s += cpu() - begun;
    env->epoch = ++t->epoch;
    if (k != NULL) {
        ht_metric(k, "train/loss", sum / t->steps_per_epoch);
        ht_metric(k, "grad/norm", ht_workload_grad_norm(t->workload));
        HT_TRY(tell(k, env, HT_VAL_EPOCH_END, err));    /* validates, too */
        best = ht_is_best(k);
    } else {
        validate(t, &t->val);
        best = keep_best(t);
    }
    if (t->told != NULL)
        t->told(t->told_ctx, t->epoch, t->val);
    if (best)
        t->best_epoch = t->epoch;
    return HT_OK;
}

/* @return whether there is a best state; it is in the workload then */
static bool show_best(ht_training *t)
{
    if (t->kernel != NULL)
        return ht_show_best(t->kernel) == HT_OK;
    if (!isfinite(t->best_val))
        return false;
    memcpy(t->weights->data, t->best, t->weights->n * sizeof *t->best);
    return true;
}

static bool goes_on(const ht_training *t)
{
    return t->kernel != NULL ? ht_running(t->kernel) : t->epoch < t->epochs;
}

ht_status ht_training_run(ht_training *t, ht_kernel *k, ht_outcome *out, ht_error *err)
{
    ht_outcome o = {.val = NAN, .test = NAN, .val_error = NAN, .test_error = NAN};
    ht_env env = {.max_steps = (long long)t->epochs * t->steps_per_epoch};
    ht_status st = HT_OK;
    double start = now();
    t->kernel = k;
    for (bool first = true; st == HT_OK && goes_on(t); first = false) {
        if (first && k != NULL && ht_is_best(k))
            t->best_epoch = t->epoch;       /* of a run that goes on: it was written down in that very epoch */
        st = train_epoch(t, &env, err);
    }
    o.train_s = now() - start;
    o.epochs = (double)t->step / t->steps_per_epoch;
    o.cpu_s = t->cpu_s;
    bool over = k == NULL || !ht_has_left(k);
    if (over && show_best(t)) {
        o.val = ht_workload_validate(t->workload, &o.val_error);
        o.test = ht_workload_test(t->workload, &o.test_error);
        o.epoch = t->best_epoch;
    }
    if (k != NULL && over && st == HT_OK && ht_report_result(k, o.val, o.test) != HT_OK)
        st = ht_fail(err, HT_EFAILED, "%s", ht_message(k));
    t->kernel = NULL;
    *out = o;
    return st;
}
