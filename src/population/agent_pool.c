/* src/population/agent_pool.c - the replica's part in a pooled run; see agent_state.h.
 *
 * The replica trains while it has WORK. At each epoch's end it does the orders that came meanwhile and sends
 * one EVENT; when the work is over it waits here, doing orders, until the next WORK or END comes.
 * May touch: the training, through the trainer and the effector; the link; the heap. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "population/agent_state.h"

void ht_agent_bring(ht_agent *a, const ht_member *member, const ht_trainer *trainer)
{
    a->pool.trainer = *trainer;
    a->pool.member = *member;
    a->pool.brings = true;
}

bool ht_agent_is_pooled(const ht_agent *a)
{
    return a->pool.on && !a->cut;
}

bool ht_agent_is_champion(const ht_agent *a)
{
    return a->pool.champion;
}

double ht_agent_best(const ht_agent *a)
{
    return a->pool.best;
}

/* ---- orders that wait ----------------------------------------------------------------------- */

bool ht_agent_keep_pool_order(ht_agent *a, ht_packet *m)
{
    ht_pool_letter *l = calloc(1, sizeof *l);
    if (l == NULL)
        return false;
    l->order = m->as.pool_order;
    if (a->pool.last != NULL)
        a->pool.last->next = l;
    else
        a->pool.first = l;
    a->pool.last = l;
    return true;
}

static bool take(ht_agent *a, ht_pool_order *out)
{
    ht_pool_letter *l = a->pool.first;
    if (l == NULL)
        return false;
    *out = l->order;
    a->pool.first = l->next;
    if (a->pool.first == NULL)
        a->pool.last = NULL;
    free(l);
    return true;
}

void ht_agent_pool_release(ht_agent *a)
{
    ht_pool_order o;
    while (take(a, &o))
        ht_pool_order_release(&o);
    cJSON_Delete(a->absent);
    a->absent = NULL;
}

/* ---- events --------------------------------------------------------------------------------- */

static void send_event(ht_agent *a, const ht_pool_event *e)
{
    a->out.kind = HT_MESSAGE_EVENT;
    a->out.as.event = *e;
    a->out.as.event.step = a->env.step;
    ht_agent_send(a, &a->out);
}

/* The pool gets the answer that it waits for, people are told the rest. A slot that is not there is no news: its
 * transfer failed, and that was said. */
static void fail(ht_agent *a, const ht_pool_order *o, ht_status why, const ht_error *err)
{
    ht_pool_event e = {.number = o->number, .loss = NAN, .best = NAN};
    snprintf(e.text, sizeof e.text, "%.*s", (int)sizeof e.text - 1, err->text);
    if (o->kind == HT_ORDER_SEND || o->kind == HT_ORDER_RECEIVE)
        e.kind = HT_EVENT_FAILED;
    else if (o->kind == HT_ORDER_WORK)
        e.kind = HT_EVENT_REPORT;       /* epoch 0: there was nothing to train */
    else if (o->kind == HT_ORDER_MEAN && o->n_members > 0 && o->members[o->n_members - 1] == a->replica)
        e.kind = HT_EVENT_MEASURED;
    if (e.kind != HT_EVENT_FAILED && why != HT_ENOTFOUND)
        ht_agent_warn(a, err->text);
    if (e.kind != 0)
        send_event(a, &e);
}

bool ht_agent_is_better(const ht_agent *a, double x, double than)
{
    ht_tuner_state state;
    ht_tuner_peek(a->tuner, &state);
    if (!isfinite(x) || isnan(than))
        return isfinite(x);
    return state.recipe->objective.mode == HT_MINIMIZE ? x < than : x > than;
}

/* The best weights that this replica ever validated stay with it: the run ends with the best of all. */
static void look_at(ht_agent *a, double loss)
{
    ht_error err = {""};
    if (ht_agent_is_better(a, loss, a->pool.best_here))
        a->pool.best_here = loss;
    if (!ht_agent_is_better(a, loss, a->pool.best))
        return;
    if (a->pool.trainer.keep_best(a->pool.trainer.ctx, &err) == HT_OK)
        a->pool.best = loss;
    else
        ht_agent_warn(a, err.text);
}

static void measure(ht_agent *a, const ht_pool_order *o)
{
    ht_error err = {""};
    ht_pool_event e = {.kind = HT_EVENT_MEASURED, .number = o->number, .loss = NAN, .best = NAN};
    if (a->pool.trainer.validate(a->pool.trainer.ctx, &e.loss, &err) != HT_OK) {
        e.loss = NAN;
        snprintf(e.text, sizeof e.text, "%.*s", (int)sizeof e.text - 1, err.text);
    }
    look_at(a, e.loss);
    send_event(a, &e);
}

/* ---- orders --------------------------------------------------------------------------------- */

/* What has its value already is left alone: it may be one that could not be set, 0 below a range. */
static ht_status set_knobs(ht_agent *a, const ht_pool_order *o, ht_error *err)
{
    for (size_t i = 0; i < o->n_knobs && i < a->pool.member.n_knobs; i++) {
        const ht_member_knob *k = &a->pool.member.knobs[i];
        char key[2 * HT_NAME_MAX];
        ht_value value = ht_real(o->knobs[i]), now;
        snprintf(key, sizeof key, "%.63s.%.63s", k->actuator, k->name);
        if (!ht_knobs_live(a->o.knobs, key, &now)) {
            snprintf(key, sizeof key, "%.63s", k->name);
            now = ht_real(NAN);
            ht_knobs_live(a->o.knobs, key, &now);
        }
        if (now.scalar.number != o->knobs[i])
            HT_TRY(a->o.effector.set(a->o.effector.ctx, key, &value, &a->env, err));
    }
    a->controls_changed = true;
    return HT_OK;
}

static ht_status begin_work(ht_agent *a, const ht_pool_order *o, ht_error *err)
{
    const ht_trainer *t = &a->pool.trainer;
    if (o->source == HT_FROM_INIT)
        HT_TRY(t->init(t->ctx, o->seed, err));
    else if (o->source == HT_FROM_SLOT)
        HT_TRY(t->load(t->ctx, o->slot, err));
    HT_TRY(set_knobs(a, o, err));
    a->pool.working = true;
    a->pool.work = o->number;
    a->pool.epochs = o->epochs;
    a->pool.done = 0;
    a->pool.halted = false;
    a->pool.best_here = NAN;
    a->pool.began = a->pool.epoch_began = t->now(t->ctx);
    return HT_OK;
}

static ht_status take_part(ht_agent *a, const ht_pool_order *o, ht_error *err)
{
    const ht_trainer *t = &a->pool.trainer;
    if (o->n_members == 0)
        return ht_fail(err, HT_ECOMM, "a mean of nobody was ordered");
    ht_status st = t->mean(t->ctx, o->number, o->n_members, o->members, err);
    if (st == HT_OK && o->members[o->n_members - 1] == a->replica)
        measure(a, o);
    return st;
}

/* @return HT_OK, or why it could not be done */
static ht_status carry_out(ht_agent *a, const ht_pool_order *o, ht_error *err)
{
    const ht_trainer *t = &a->pool.trainer;
    switch (o->kind) {
    case HT_ORDER_WORK:
        return begin_work(a, o, err);
    case HT_ORDER_STOP:
        a->pool.halted |= a->pool.working && a->pool.work == o->number;
        return HT_OK;
    case HT_ORDER_SAVE:
        return t->save(t->ctx, o->slot, err);
    case HT_ORDER_LOAD:
        return t->load(t->ctx, o->slot, err);
    case HT_ORDER_SEND:
        return t->send(t->ctx, o->number, o->slot, o->peer, err);
    case HT_ORDER_RECEIVE:
        return t->receive(t->ctx, o->number, o->slot, o->peer, err);
    case HT_ORDER_MEAN:
        return take_part(a, o, err);
    case HT_ORDER_VALIDATE:
        measure(a, o);
        return HT_OK;
    case HT_ORDER_DROP:
        t->drop(t->ctx, o->slot);
        return HT_OK;
    case HT_ORDER_END:
        a->stop = true;
        a->pool.champion = o->champion;
        return HT_OK;
    case HT_ORDER_INHERIT:
        return ht_agent_inherit(a, o, err);
    case HT_ORDER_CHECKPOINT:
        a->checkpoint = o->number;
        return HT_OK;
    case HT_ORDER_LEAVE:
        a->stop = a->left = true;
        return HT_OK;
    }
    return HT_EINVAL;
}

/* All orders that are here, in order; a WORK is the last that is done: what follows it waits for an epoch. So is a
 * CHECKPOINT: what follows it must not show in it. */
void ht_agent_do_orders(ht_agent *a)
{
    ht_pool_order o;
    bool begun = false;
    while (!begun && !a->stop && a->checkpoint == 0 && take(a, &o)) {
        ht_error err = {""};
        ht_status st = carry_out(a, &o, &err);
        if (st != HT_OK)
            fail(a, &o, st, &err);
        begun = o.kind == HT_ORDER_WORK && a->pool.working;
        ht_pool_order_release(&o);
    }
}

/* ---- waiting and working -------------------------------------------------------------------- */

void ht_agent_pool_wait(ht_agent *a)
{
    const ht_trainer *t = &a->pool.trainer;
    double since = t->now(t->ctx);
    for (;;) {
        ht_agent_carry_out(a, HT_VAL_EPOCH_END, &a->env);
        ht_agent_do_orders(a);
        if (a->checkpoint != 0) {
            ht_agent_write_down(a);
            continue;
        }
        if (a->pool.working || a->stop || a->cut)
            break;
        if (!ht_agent_hear(a, a->o.patience_s))
            a->cut = true;
    }
    a->pool.waited = t->now(t->ctx) - since;
}

static double objective(const ht_agent *a)
{
    ht_tuner_state state;
    double x;
    ht_tuner_peek(a->tuner, &state);
    return ht_metrics_read(a->o.metrics, state.recipe->objective.primary, &x) && isfinite(x) ? x : NAN;
}

void ht_agent_pool_epoch(ht_agent *a)
{
    const ht_trainer *t = &a->pool.trainer;
    double now = t->now(t->ctx);
    ht_pool_event e = {.kind = HT_EVENT_TICK, .number = a->pool.work, .loss = objective(a),
                       .seconds = now - a->pool.epoch_began, .waited = a->pool.waited,
                       .anomaly = a->env.anomaly_critical};
    if (a->pool.working) {
        look_at(a, e.loss);
        e.epoch = ++a->pool.done;
        e.best = a->pool.best_here;
        ht_agent_drain(a);
        ht_agent_do_orders(a);
        bool other = a->pool.work != e.number;      /* it was given up, and has got new WORK */
        if (!other && (a->pool.done >= a->pool.epochs || a->pool.halted || isnan(e.loss))) {
            e.kind = HT_EVENT_REPORT;
            e.seconds = now - a->pool.began;
            a->pool.working = false;
        }
        send_event(a, &e);
        if (a->checkpoint != 0) {
            ht_agent_write_down(a);
            if (a->pool.working)
                ht_agent_do_orders(a);
        }
    }
    if (!a->pool.working && !a->stop)
        ht_agent_pool_wait(a);
    a->pool.epoch_began = t->now(t->ctx);
}
