/* tests/fortran/seen.c - stands for the library: what a call of the Fortran module brings, in C's own struct. */
#include <hottune/hottune.h>
#include <stdio.h>
#include <string.h>

static bool all(const char *what, const bool *right, size_t n)
{
    bool good = true;
    for (size_t i = 0; i < n; i++)
        if (!right[i]) {
            printf("%s: check %zu\n", what, i);
            good = false;
        }
    return good;
}
#define ALL(what, ...) all(what, (const bool[]){__VA_ARGS__}, sizeof((const bool[]){__VA_ARGS__}))
#define TEXT(value, text) ((value) != NULL && strcmp(value, text) == 0)

/* HT_EREFUSED: every option is where it was put; then the callbacks are called, too. */
ht_status ht_open(const ht_options *o, ht_kernel **out)
{
    (void)out;
    if (!ALL("options", o->no_mpi, o->ranks_per_replica == 3, TEXT(o->run_dir, "dir"), TEXT(o->recipe, "recipe"),
             TEXT(o->recipe_text, "text"), TEXT(o->study, "study"), TEXT(o->name, "name"), o->seed == 1ULL << 40,
             o->max_steps == 1LL << 41, o->max_epochs == 4, TEXT(o->recipe_set, "set"),
             TEXT(o->recipe_unless_given, "unless"), o->ema_every == 5, o->check_transfers, TEXT(o->mode, "mode"),
             TEXT(o->replay, "replay"), o->resume, TEXT(o->program, "program"), o->checkpoint_s == 6.5,
             o->checkpoint_bytes == 1ULL << 42, o->leave != NULL && *o->leave == 15, o->end_time == 7.5,
             o->patience_s == 8.5, o->fail_on_error, o->plan != NULL, o->warning != NULL, o->progress != NULL))
        return HT_EINVAL;
    o->plan(o->plan_ctx, "the plan");
    o->warning(o->warning_ctx, "the warning");
    o->progress(o->progress_ctx, &(ht_progress){.step = 1, .epoch = 2, .max_steps = 3, .replicas = 4, .training = 5,
                                                .best = 6.5, .accepted = 7, .rejected = 8, .elapsed_s = 9.5, .lost = 10,
                                                .best_replica = 11, .islands = 12, .done = .5, .epochs = 13.5,
                                                .epochs_total = 14.5, .utilisation = .25});
    return HT_EREFUSED;
}

ht_status ht_apply(ht_kernel *k, const ht_env *e, ht_event event)
{
    (void)k;
    return ALL("env", e->step == 1LL << 40, e->epoch == 2.5, e->max_steps == 1LL << 41, e->loss == 3.5,
               e->anomaly_critical, e->grad_spike, TEXT(e->phase, "val"), event == HT_VAL_EPOCH_END) ? HT_EREFUSED : HT_EINVAL;
}

ht_status ht_training_state(ht_kernel *k, const ht_state_buffer *b, size_t n)
{
    (void)k;
    const double *data = b->data;
    return ALL("state", n == 1, TEXT(b->name, "w"), b->count == 6, data[0] == 1, data[5] == 6, b->element == HT_FLOAT64,
               b->use == HT_COPY, b->is_weights) ? HT_EREFUSED : HT_EINVAL;
}

ht_status ht_replica_state(ht_kernel *k, const ht_state_buffer *b, size_t n)
{
    (void)k;
    const int *data = b->data;
    return ALL("own", n == 1, TEXT(b->name, "step"), b->count == 1, *data == 7, b->element == HT_INT32,
               !b->is_weights) ? HT_EREFUSED : HT_EINVAL;
}

/* Which one it is the type says. The setter and, where there is one, the getter are called. */
ht_status ht_knob(ht_kernel *k, const ht_knob_options *o)
{
    (void)k;
    const char *type = o->type;
    ht_value value = ht_real(.25), held = {HT_VALUE_NONE};
    bool right = ALL("knob", TEXT(o->actuator, "opt"), TEXT(o->name, "it"), o->set != NULL);
    if (strcmp(type, "log_float") == 0)
        right = right && ALL("real", o->initial.kind == HT_VALUE_REAL, o->initial.scalar.number == .5, o->bounded, o->lo == .125,
                             o->hi == 2, TEXT(o->metric, "metric"), o->get != NULL, o->get(o->ctx, &held),
                             held.kind == HT_VALUE_REAL, held.scalar.number == .75);
    else if (strcmp(type, "int") == 0) {
        value = ht_int(1LL << 40);
        right = right && ALL("int", o->initial.kind == HT_VALUE_INT, o->initial.scalar.number == 3, o->bounded, o->lo == 1,
                             o->hi == 1LL << 50, o->metric == NULL, o->get == NULL);
    } else if (strcmp(type, "bool") == 0) {
        value = ht_bool(true);
        right = right && ALL("bool", o->initial.kind == HT_VALUE_BOOL, o->initial.scalar.number == 0, !o->bounded);
    } else {
        value = ht_text("adam");
        right = right && ALL("choice", TEXT(type, "choice"), o->initial.kind == HT_VALUE_TEXT,
                             TEXT(o->initial.scalar.text, "sgd"), o->n_choices == 2, TEXT(o->choices[0].scalar.text, "sgd"),
                             TEXT(o->choices[1].scalar.text, "adam"), o->choices[1].kind == HT_VALUE_TEXT);
    }
    return right ? o->set(o->ctx, &value, NULL, NULL) : HT_EINVAL;
}

ht_status ht_optimizer(ht_kernel *k, const char *actuator, const ht_optimizer_group *g, size_t n)
{
    (void)k;
    return ALL("optimizer", TEXT(actuator, "opt"), n == 2, *g[0].lr == .5, *g[1].lr == .25, *g[1].weight_decay == .125,
               g[1].betas[0] == .75, g[1].betas[1] == .875, g[0].base_lr == NULL) ? HT_EREFUSED : HT_EINVAL;
}

ht_status ht_training_part(ht_kernel *k, const char *name, size_t bytes, ht_status (*get)(void *ctx, void *to),
                           ht_status (*put)(void *ctx, const void *from), void *ctx)
{
    (void)k;
    char to[3] = "";
    return ALL("part", TEXT(name, "part"), bytes == 3, get(ctx, to) == HT_OK, memcmp(to, "abc", 3) == 0,
               put(ctx, "xyz") == HT_EFAILED) ? HT_EREFUSED : HT_EINVAL;
}

ht_status ht_metric_source(ht_kernel *k, bool (*accessor)(void *ctx, const char *name, double *out), void *ctx)
{
    (void)k;
    double x = 1;
    return ALL("source", !accessor(ctx, "train/loss", &x), x == 1, accessor(ctx, "val/loss", &x), x == 4.5) ? HT_EREFUSED
                                                                                                            : HT_EINVAL;
}

ht_status ht_result_of(const ht_kernel *k, ht_result *out)
{
    (void)k;
    *out = (ht_result){.mutations = 1, .accepted = 2, .rejected = 3, .best = 4.5, .best_step = 5, .best_replica = 6,
                       .val = 7.5, .test = 8.5, .lost = 9};
    return HT_EREFUSED;
}
