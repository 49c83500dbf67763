/* src/kernel/trainer.c - what a pooled replica does to its training, on this rank; the contract is in
 * trainer.h. May touch: the training, through its buffers and callbacks; MPI in ht_training_share alone. */
#include "kernel/trainer.h"

#include <limits.h>
#include <math.h>

#include "comm/clock.h"
#include "comm/mpi_comm.h"

static ht_status swap(ht_state *s, ht_error *err)
{
    ht_state_ema_swap(s);
    return ht_state_push(s, HT_STATE_WEIGHTS, err);
}

ht_status ht_training_validate(ht_local_training *t, double *objective, ht_error *err)
{
    if (t->validate == NULL)
        return ht_fail(err, HT_EREFUSED, "the program gave no validation (ht_on_validate)");
    if (t->ema)
        HT_TRY(ht_state_pull(t->state, HT_STATE_WEIGHTS, err));
    ht_status shown = t->ema ? swap(t->state, err) : HT_OK;
    ht_status st = shown == HT_OK ? t->validate(t->validate_ctx, objective) : HT_OK;
    ht_status hidden = t->ema ? swap(t->state, shown == HT_OK ? err : NULL) : HT_OK;
    if (shown != HT_OK || hidden != HT_OK)
        return shown != HT_OK ? shown : hidden;
    return st == HT_OK ? HT_OK : ht_fail(err, st, "the program's validation failed: %s", ht_status_text(st));
}

static ht_status validate(void *ctx, double *objective, ht_error *err)
{
    return ht_training_validate(ctx, objective, err);
}

static ht_status init(void *ctx, uint64_t seed, ht_error *err)
{
    ht_local_training *t = ctx;
    if (t->init == NULL)
        return ht_fail(err, HT_EREFUSED, "the program gave no way to begin anew (ht_on_init)");
    ht_status st = t->init(t->init_ctx, seed);
    if (st != HT_OK)
        return ht_fail(err, st, "the program's init failed: %s", ht_status_text(st));
    HT_TRY(ht_state_pull(t->state, HT_STATE_WEIGHTS, err));
    if (ht_state_has_ema(t->state))
        ht_state_ema_reset(t->state);
    return HT_OK;
}

static ht_status save(void *ctx, unsigned slot, ht_error *err)
{
    return ht_state_save(((ht_local_training *)ctx)->state, slot, err);
}

static ht_status load(void *ctx, unsigned slot, ht_error *err)
{
    return ht_state_load(((ht_local_training *)ctx)->state, slot, err);
}

static void drop(void *ctx, unsigned slot)
{
    ht_state_drop(((ht_local_training *)ctx)->state, slot);
}

static ht_status no_peers(ht_error *err)
{
    return ht_fail(err, HT_EREFUSED, "this replica has no peers");
}

static ht_status send_slot(void *ctx, unsigned long number, unsigned slot, int to, ht_error *err)
{
    ht_local_training *t = ctx;
    const ht_span *spans;
    if (t->carrier == NULL)
        return no_peers(err);
    size_t n = ht_state_slot(t->state, slot, false, &spans);
    if (n == 0)
        return ht_fail(err, HT_ENOTFOUND, "slot %u holds no training state", slot);
    return t->carrier->class->send(t->carrier, number, to, n, spans, err);
}

/* What came incomplete is no state: the slot goes. */
static ht_status receive_slot(void *ctx, unsigned long number, unsigned slot, int from, ht_error *err)
{
    ht_local_training *t = ctx;
    const ht_span *spans;
    if (t->carrier == NULL)
        return no_peers(err);
    size_t n = ht_state_slot(t->state, slot, true, &spans);
    if (n == 0)
        return ht_fail(err, HT_ENOMEM, "no memory for a training state of %zu bytes", ht_state_bytes(t->state));
    ht_status st = t->carrier->class->receive(t->carrier, number, from, n, spans, err);
    if (st != HT_OK)
        ht_state_drop(t->state, slot);
    return st;
}

static ht_status mean(void *ctx, unsigned long number, size_t n, const int *members, ht_error *err)
{
    ht_local_training *t = ctx;
    const ht_span *spans;
    if (t->carrier == NULL)
        return no_peers(err);
    HT_TRY(ht_state_fetch(t->state, err));
    size_t n_spans = ht_state_live(t->state, &spans);
    HT_TRY(t->carrier->class->mean(t->carrier, number, n, members, n_spans, spans, err));
    return ht_state_flush(t->state, err);
}

static ht_status keep_best(void *ctx, ht_error *err)
{
    ht_state *s = ((ht_local_training *)ctx)->state;
    HT_TRY(ht_state_pull(s, HT_STATE_WEIGHTS, err));
    return ht_state_keep_best(s, err);
}

static double now(void *ctx)
{
    (void)ctx;
    return ht_clock_monotonic();
}

ht_trainer ht_trainer_local(ht_local_training *t)
{
    return (ht_trainer){.ctx = t, .init = init, .validate = validate, .save = save, .load = load, .drop = drop,
                        .send = send_slot, .receive = receive_slot, .mean = mean, .keep_best = keep_best, .now = now};
}

ht_status ht_training_broadcast(MPI_Comm team, void *data, size_t bytes, ht_error *err)
{
    char *at = data;
    for (size_t left = bytes; left > 0;) {
        int part = left > INT_MAX / 2 ? INT_MAX / 2 : (int)left;
        MPI_Request request;
        if (MPI_Ibcast(at, part, MPI_BYTE, 0, team, &request) != MPI_SUCCESS || ht_mpi_wait(&request) != MPI_SUCCESS)
            return ht_fail(err, HT_ECOMM, "the ranks of a replica lost each other");
        at += part;
        left -= (size_t)part;
    }
    return HT_OK;
}

ht_status ht_training_share(ht_local_training *t, MPI_Comm team, bool live, unsigned slot, ht_error *err)
{
    const ht_span *spans;
    size_t n = live ? ht_state_live(t->state, &spans) : ht_state_slot(t->state, slot, true, &spans);
    if (n == 0)
        return ht_fail(err, HT_ENOMEM, "no memory for a training state of %zu bytes", ht_state_bytes(t->state));
    for (size_t i = 0; i < n; i++)
        HT_TRY(ht_training_broadcast(team, spans[i].data, ht_span_bytes(&spans[i]), err));
    return live ? ht_state_flush(t->state, err) : HT_OK;
}
