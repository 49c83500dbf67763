/* src/kernel/training.c - the training as a whole: its state, its validation, its averaged weights.
 *
 * What a program gives here makes pooled runs possible; the contract is in hottune.h.
 * May touch: the training, through its buffers and callbacks. */
#include "kernel/kernel_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/clock.h"
#include "comm/mpi_transfer.h"
#include "store/champion.h"
#include "store/commit.h"
#include "store/run_dir.h"

static const double pace_memory = .7;   /* of the average of seconds per epoch */

/* ---- what the program gives ----------------------------------------------------------------- */

ht_status ht_training_state(ht_kernel *k, const ht_state_buffer *buffers, size_t n)
{
    HT_TRY(ht_kernel_refuse_late(k));
    for (size_t i = 0; i < n && k->state != NULL; i++)
        HT_TRY(ht_state_add(k->state, &buffers[i], &k->message));
    k->has_state |= n > 0;
    return HT_OK;
}

ht_status ht_training_part(ht_kernel *k, const char *name, size_t bytes, ht_status (*get)(void *ctx, void *to),
                           ht_status (*put)(void *ctx, const void *from), void *ctx)
{
    HT_TRY(ht_kernel_refuse_late(k));
    if (k->state != NULL)
        HT_TRY(ht_state_add_custom(k->state, name, bytes, get, put, ctx, &k->message));
    k->has_state = true;
    return HT_OK;
}

ht_status ht_training_mirror(ht_kernel *k, ht_status (*fetch)(void *ctx, ht_state_extent what),
                             ht_status (*store)(void *ctx, ht_state_extent what), void *ctx)
{
    HT_TRY(ht_kernel_refuse_late(k));
    if (fetch == NULL || store == NULL)
        return ht_fail(&k->message, HT_EINVAL, "a mirror of the training state needs both callbacks, fetch and store");
    if (k->state != NULL)
        ht_state_mirror(k->state, fetch, store, ctx);
    return HT_OK;
}

ht_status ht_replica_state(ht_kernel *k, const ht_state_buffer *buffers, size_t n)
{
    HT_TRY(ht_kernel_refuse_late(k));
    for (size_t i = 0; i < n && k->own != NULL; i++) {
        ht_state_buffer b = buffers[i];
        b.use = HT_COPY;
        b.is_weights = false;
        HT_TRY(ht_state_add(k->own, &b, &k->message));
    }
    return HT_OK;
}

ht_status ht_on_init(ht_kernel *k, ht_status (*init)(void *ctx, unsigned long long seed), void *ctx)
{
    HT_TRY(ht_kernel_refuse_late(k));
    k->training.init = init;
    k->training.init_ctx = ctx;
    return HT_OK;
}

ht_status ht_on_validate(ht_kernel *k, ht_status (*validate)(void *ctx, double *objective), void *ctx)
{
    HT_TRY(ht_kernel_refuse_late(k));
    k->training.validate = validate;
    k->training.validate_ctx = ctx;
    return HT_OK;
}

/* ---- what the kernel makes of it ------------------------------------------------------------- */

/* What the kernel of each rank counts is part of a checkpoint. */
static ht_status add_counters(ht_kernel *k)
{
    const ht_state_buffer counters[] = {
        {.name = "hottune/average", .data = &k->ema_most, .count = 1, .element = HT_FLOAT64, .use = HT_COPY},
        {.name = "hottune/step", .data = &k->step, .count = 1, .element = HT_INT64, .use = HT_COPY},
        {.name = "hottune/epochs", .data = &k->epochs, .count = 1, .element = HT_INT32, .use = HT_COPY},
        {.name = "hottune/best", .data = &k->news.best, .count = 1, .element = HT_FLOAT64, .use = HT_COPY},
        {.name = "hottune/is_best", .data = &k->news.is_best, .count = sizeof k->news.is_best, .element = HT_BYTES,
         .use = HT_COPY},
        {.name = "hottune/best_step", .data = &k->news.best_step, .count = 1, .element = HT_INT64, .use = HT_COPY}};
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        HT_TRY(ht_state_add(k->own, &counters[i], &k->message));
    return HT_OK;
}

ht_status ht_kernel_create_training(ht_kernel *k, double patience_s)
{
    HT_TRY(ht_state_create(&k->state, &k->message));
    HT_TRY(ht_state_create(&k->own, &k->message));
    HT_TRY(add_counters(k));
    k->rank_state.state = k->own;
    k->group.rank_state = &k->rank_state;
    k->rank_state.run_dir = k->run_dir;
    k->rank_state.owner = &k->start.owner;
    k->group.training = &k->training;
    if (k->run_dir != NULL && (k->rank_state.dir = ht_path_join(k->run_dir, HT_DIR_CHECKPOINT)) == NULL)
        return ht_fail(&k->message, HT_ENOMEM, "no memory for a path");
    k->training.state = k->state;
    k->ema_most = 1;
    if (k->leads && k->star != MPI_COMM_NULL) {
        HT_TRY(ht_transfer_create(k->star, 0, k->checks, patience_s, &k->carrier, &k->message));
        k->training.carrier = k->carrier;
    }
    return HT_OK;
}

void ht_kernel_destroy_training(ht_kernel *k)
{
    if (k->carrier != NULL)
        ht_transfer_destroy(k->carrier);
    ht_state_destroy(k->state);
    ht_state_destroy(k->own);
    free(k->rank_state.dir);
}

static void describe_knob(const ht_kernel *k, const ht_knob_target *t, ht_member *m)
{
    ht_knob_view v;
    ht_value now;
    if (m->n_knobs == HT_POOL_KNOBS_MAX || !ht_knobs_find(k->knobs, t->key, &v) ||
        (v.spec->type != HT_KNOB_FLOAT && v.spec->type != HT_KNOB_LOG_FLOAT) ||
        !ht_knobs_live(k->knobs, t->key, &now))
        return;
    ht_member_knob *to = &m->knobs[m->n_knobs++];
    ht_name_copy(to->actuator, t->actuator);
    ht_name_copy(to->name, t->name);
    to->value = now.scalar.number;
    to->lo = v.spec->has_min ? v.spec->min : -INFINITY;
    to->hi = v.spec->has_max ? v.spec->max : INFINITY;
}

/* Averaged weights are kept where they are of use: they must be validated by us. */
static bool wants_ema(const ht_kernel *k)
{
    bool asked = k->start.ema == HT_AUTO ? k->start.pooled : k->start.ema > 0;
    return asked && k->training.validate != NULL && ht_state_has_weights(k->state);
}

ht_status ht_kernel_begin_training(ht_kernel *k)
{
    ht_member m = {.has_init = k->training.init != NULL, .has_state = k->has_state,
                   .has_validate = k->training.validate != NULL};
    int size = 1;
    if (k->team != MPI_COMM_NULL)
        MPI_Comm_size(k->team, &size);
    k->group.trainer = ht_trainer_local(&k->training);
    k->trainer = size > 1 ? ht_group_trainer(&k->group) : k->group.trainer;
    bool ema = wants_ema(k);
    HT_TRY(ht_state_seal(k->own, false, &k->message));
    ht_status st = ht_state_seal(k->state, ema, &k->message);
    if (st != HT_OK) {
        k->has_state = false;       /* nothing can be kept; nothing is brought */
        return st;
    }
    k->training.ema = ema;
    HT_TRY(ht_state_pull(k->state, HT_STATE_WEIGHTS, &k->message));
    if (ema)
        ht_state_ema_reset(k->state);
    m.state_bytes = ht_state_bytes(k->state);
    m.layout = ht_state_layout(k->state);
    for (size_t i = 0; i < k->n_targets; i++)
        describe_knob(k, k->targets[i], &m);
    if (k->leads)
        ht_agent_bring(k->agent, &m, &k->trainer);
    return HT_OK;
}

/* ---- while it trains ------------------------------------------------------------------------- */

static void catch_up(ht_kernel *k)
{
    ht_error err = {""};
    if (k->training.ema && k->ema_due > 0) {
        if (ht_state_pull(k->state, HT_STATE_WEIGHTS, &err) == HT_OK)
            ht_state_ema_update_after(k->state, k->ema_most, k->ema_due);
        else
            ht_kernel_warn(k, err.text);
    }
    k->ema_due = 0;
}

void ht_kernel_count_batch(ht_kernel *k)
{
    k->batches++;
    if (++k->ema_due >= k->ema_every)
        catch_up(k);
}

/* Until the first epoch is over nobody knows how many batches it has; the warm-up of the average rules then. */
static void note_epoch(ht_kernel *k)
{
    catch_up(k);
    if (k->start.ema > 0)
        k->ema_most = k->start.ema;
    else if (k->batches > 0)
        k->ema_most = ht_ema_most((double)k->batches);
    k->batches = 0;
}

void ht_kernel_validate(ht_kernel *k)
{
    double objective = NAN;
    ht_error err = {""};
    note_epoch(k);
    if (k->training.validate == NULL)
        return;
    if (ht_training_validate(&k->training, &objective, &err) != HT_OK) {
        if (strcmp(k->message.text, err.text) != 0)      /* it may fail again and again */
            ht_kernel_warn(k, err.text);
        k->message = err;
        objective = NAN;
    }
    ht_metrics_set(k->metrics, k->start.objective, objective, NULL);
}

/* The run of this replica still is the owner of its directory. */
static ht_status still_ours(void *ctx, ht_error *err)
{
    const ht_kernel *k = ctx;
    return ht_run_owner_check(k->run_dir, &k->start.owner, err);
}

void ht_kernel_keep_champion(ht_kernel *k)
{
    ht_error err = {""};
    if (!k->news.champion || !ht_state_has_weights(k->state) || k->run_dir == NULL)
        return;
    const ht_champion_options o = {.dir = k->run_dir, .objective = k->start.objective,
                                   .value = ht_agent_best(k->agent), .replica = k->replica,
                                   .guard = {still_ours, k}};
    if (ht_champion_write(&o, k->state, &err) != HT_OK)
        ht_kernel_warn(k, err.text);
}

void ht_kernel_begin_epoch(ht_kernel *k)
{
    k->epoch_began = ht_clock_monotonic();
}

void ht_kernel_end_epoch(ht_kernel *k)
{
    double seconds = ht_clock_monotonic() - k->epoch_began;
    if (k->carrier == NULL || k->epoch_began == 0)
        return;
    k->pace = k->pace == 0 ? seconds : pace_memory * k->pace + (1 - pace_memory) * seconds;
    ht_transfer_set_patience(k->carrier, ht_carrier_patience(k->pace));
}

ht_status ht_show_best(ht_kernel *k)
{
    if (k == NULL || k->state == NULL)
        return HT_EINVAL;
    if (!ht_state_show_best(k->state))
        return ht_fail(&k->message, HT_EEMPTY, "no best weights were kept");
    return ht_state_push(k->state, HT_STATE_WEIGHTS, &k->message);
}

bool ht_is_champion(const ht_kernel *k)
{
    return k->news.champion;
}
