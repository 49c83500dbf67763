/* src/kernel/group_train.c - a replica of several ranks in a pooled run; the contract is in group.h.
 *
 * The leader moves states to and from other replicas; whatever changes the training is done on all ranks. */
#include "kernel/keeper.h"

/* A rank without room for the state must not leave the others waiting in the broadcast. */
static ht_status take(ht_group *g, const ht_group_training *d, ht_error *err)
{
    const ht_span *spans;
    ht_state *s = g->training->state;
    bool live = d->what == HT_GROUP_TAKE_LIVE;
    bool room = (live ? ht_state_live(s, &spans) : ht_state_slot(s, d->slot, true, &spans)) > 0;
    if (!ht_group_agree(g, room))
        return ht_fail(err, HT_ENOMEM, "a rank of the replica has no memory for a training state of %zu bytes",
                       ht_state_bytes(s));
    return ht_training_share(g->training, g->comm, live, d->slot, err);
}

static ht_status take_best(ht_group *g, ht_error *err)
{
    void *best;
    size_t n = ht_state_best_block(g->training->state, true, &best);
    if (!ht_group_agree(g, n > 0))
        return ht_fail(err, HT_ENOMEM, "a rank of the replica has no memory for the best weights");
    return ht_training_broadcast(g->comm, best, n, err);
}

ht_status ht_group_train(ht_group *g, const ht_group_training *d, double *objective, ht_error *err)
{
    const ht_trainer *t = &g->trainer;
    ht_status mine = HT_OK;
    switch (d->what) {
    case HT_GROUP_INIT:
        mine = t->init(t->ctx, d->seed, err);
        break;
    case HT_GROUP_VALIDATE:
        mine = t->validate(t->ctx, objective, err);
        break;
    case HT_GROUP_SAVE:
        mine = t->save(t->ctx, d->slot, err);
        break;
    case HT_GROUP_LOAD:
        mine = t->load(t->ctx, d->slot, err);
        break;
    case HT_GROUP_DROP:
        t->drop(t->ctx, d->slot);
        break;
    case HT_GROUP_TAKE:
    case HT_GROUP_TAKE_LIVE:
        mine = take(g, d, err);
        break;
    case HT_GROUP_TAKE_BEST:
        mine = take_best(g, err);
        break;
    case HT_GROUP_KEEP_BEST:
        mine = t->keep_best(t->ctx, err);
        break;
    case HT_GROUP_WRITE:
        mine = ht_group_write_ranks(g, err);
        break;
    case HT_GROUP_READ:
        mine = ht_group_read_ranks(g, err);
        break;
    }
    if (ht_group_agree(g, mine == HT_OK) || mine != HT_OK)
        return mine;
    return ht_fail(err, HT_EFAILED, "it failed on another rank of the replica");
}

/* ---- the leader's trainer ------------------------------------------------------------------- */

static ht_status lead(ht_group *g, const ht_group_training *d, double *objective, ht_error *err)
{
    HT_TRY(ht_group_announce(g, d, err));
    return ht_group_train(g, d, objective, err);
}

static ht_status init(void *ctx, uint64_t seed, ht_error *err)
{
    return lead(ctx, &(ht_group_training){.what = HT_GROUP_INIT, .seed = seed}, NULL, err);
}

static ht_status validate(void *ctx, double *objective, ht_error *err)
{
    return lead(ctx, &(ht_group_training){.what = HT_GROUP_VALIDATE}, objective, err);
}

static ht_status save(void *ctx, unsigned slot, ht_error *err)
{
    return lead(ctx, &(ht_group_training){.what = HT_GROUP_SAVE, .slot = slot}, NULL, err);
}

static ht_status load(void *ctx, unsigned slot, ht_error *err)
{
    return lead(ctx, &(ht_group_training){.what = HT_GROUP_LOAD, .slot = slot}, NULL, err);
}

static void drop(void *ctx, unsigned slot)
{
    lead(ctx, &(ht_group_training){.what = HT_GROUP_DROP, .slot = slot}, NULL, NULL);
}

static ht_status send_slot(void *ctx, unsigned long number, unsigned slot, int to, ht_error *err)
{
    const ht_trainer *t = &((ht_group *)ctx)->trainer;
    return t->send(t->ctx, number, slot, to, err);
}

static ht_status receive_slot(void *ctx, unsigned long number, unsigned slot, int from, ht_error *err)
{
    ht_group *g = ctx;
    ht_status st = g->trainer.receive(g->trainer.ctx, number, slot, from, err);
    if (st != HT_OK) {
        drop(g, slot);      /* what the others have under that number is not what was to come */
        return st;
    }
    return lead(g, &(ht_group_training){.what = HT_GROUP_TAKE, .slot = slot}, NULL, err);
}

/* The ranks share what the leader has now: the mean if it landed here, else what they all had. */
static ht_status mean(void *ctx, unsigned long number, size_t n, const int *members, ht_error *err)
{
    ht_group *g = ctx;
    HT_TRY(g->trainer.mean(g->trainer.ctx, number, n, members, err));
    return lead(g, &(ht_group_training){.what = HT_GROUP_TAKE_LIVE}, NULL, err);
}

static ht_status keep_best(void *ctx, ht_error *err)
{
    return lead(ctx, &(ht_group_training){.what = HT_GROUP_KEEP_BEST}, NULL, err);
}

static double now(void *ctx)
{
    const ht_trainer *t = &((ht_group *)ctx)->trainer;
    return t->now(t->ctx);
}

ht_trainer ht_group_trainer(ht_group *g)
{
    return (ht_trainer){.ctx = g, .init = init, .validate = validate, .save = save, .load = load, .drop = drop,
                        .send = send_slot, .receive = receive_slot, .mean = mean, .keep_best = keep_best, .now = now};
}
