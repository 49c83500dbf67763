/* src/population/agent_checkpoint.c - a replica is written down, and goes on from there; see agent_state.h.
 *
 * The order to write comes last in the queue of orders and is done when all before it are done and the event of
 * this epoch is sent. So what is written is the replica as it stands between two messages of the coordinator,
 * and with the coordinator's own state at the moment of the order the whole is consistent (Chandy and Lamport,
 * "Distributed snapshots", ACM TOCS 3(1), 1985).
 * May touch: the training, through the keeper and the effector; the link; the heap. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/value.h"
#include "population/agent_save.h"
#include "population/agent_state.h"

/* ---- writing -------------------------------------------------------------------------------- */

static void put_pool(const ht_agent *a, cJSON *to)
{
    const ht_agent_pool *p = &a->pool;
    double now = p->trainer.now(p->trainer.ctx);
    ht_json_put_bool(to, "working", p->working);
    ht_json_put_bool(to, "halted", p->halted);
    ht_json_put_int(to, "work", (double)p->work);
    ht_json_put_int(to, "epochs", p->epochs);
    ht_json_put_int(to, "done", p->done);
    ht_json_put_real(to, "trained_s", now - p->began);
    ht_json_put_real(to, "waited_s", p->waited);
    ht_json_put_real(to, "best_of_work", p->best_here);
    ht_json_put_real(to, "best", p->best);
}

static void put_env(const ht_agent *a, cJSON *to)
{
    ht_json_put_int(to, "step", (double)a->env.step);
    ht_json_put_real(to, "epoch", a->env.epoch);
    ht_json_put_int(to, "max_steps", (double)a->env.max_steps);
    ht_json_put_text(to, "phase", a->env.phase);
}

static void put_knobs(const ht_agent *a, cJSON *to)
{
    ht_knob_view v;
    ht_value now;
    for (size_t i = 0; a->o.knobs != NULL && i < ht_knobs_count(a->o.knobs); i++) {
        ht_knobs_at(a->o.knobs, i, &v);
        if (ht_knobs_live(a->o.knobs, v.spec->key, &now))
            ht_json_put(to, v.spec->key, ht_value_to_json(&now));
    }
}

static cJSON *put_object(cJSON *in, const char *name)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put(in, name, o);
    return o;
}

static ht_status describe(const ht_agent *a, cJSON *manifest, ht_error *err)
{
    if (a->o.keeper.write == NULL)
        return ht_fail(err, HT_EREFUSED, "there is nowhere to write");
    if (!a->pool.on) {
        cJSON *agent = ht_agent_save(a, err);
        if (agent == NULL)
            return HT_EFAILED;
        ht_json_put(manifest, "agent", agent);
    } else {
        ht_json_put_int(manifest, "decision", (double)a->decision);
        put_env(a, put_object(manifest, "env"));
        put_pool(a, put_object(manifest, "pool"));
        put_knobs(a, put_object(manifest, "knobs"));
    }
    return a->o.keeper.write(a->o.keeper.ctx, put_object(manifest, "training"), err);
}

void ht_agent_write_down(ht_agent *a)
{
    ht_saved_message *s = &a->out.as.saved;
    ht_error err = {""};
    const ht_trainer *t = &a->pool.trainer;
    double began = t->now != NULL ? t->now(t->ctx) : 0;
    cJSON *manifest = cJSON_CreateObject();
    a->out.kind = HT_MESSAGE_SAVED;
    *s = (ht_saved_message){.number = a->checkpoint};
    a->checkpoint = 0;
    if (describe(a, manifest, &err) == HT_OK)
        s->manifest = ht_json_line(manifest);
    s->seconds = t->now != NULL ? t->now(t->ctx) - began : 0;
    if (s->manifest == NULL)
        snprintf(s->error, sizeof s->error, "%.*s", (int)sizeof s->error - 1,
                 err.text[0] != '\0' ? err.text : "no memory");
    cJSON_Delete(manifest);
    ht_agent_send(a, &a->out);
    ht_packet_release(&a->out);
}

/* ---- going on ------------------------------------------------------------------------------- */

static void take_pool(ht_agent *a, const cJSON *from)
{
    ht_agent_pool *p = &a->pool;
    p->working = ht_json_true(from, "working");
    p->halted = ht_json_true(from, "halted");
    p->work = (unsigned long)ht_json_number(from, "work", 0);
    p->epochs = (int)ht_json_number(from, "epochs", 0);
    p->done = (int)ht_json_number(from, "done", 0);
    p->waited = ht_json_number(from, "waited_s", 0);
    p->best_here = ht_json_number(from, "best_of_work", NAN);
    p->best = ht_json_number(from, "best", NAN);
    p->epoch_began = p->trainer.now(p->trainer.ctx);
    p->began = p->epoch_began - ht_json_number(from, "trained_s", 0);
}

static void take_env(ht_agent *a, const cJSON *from)
{
    const char *phase = ht_json_text(from, "phase");
    a->env = (ht_env){.step = (long long)ht_json_number(from, "step", 0), .epoch = ht_json_number(from, "epoch", 0),
                      .max_steps = (long long)ht_json_number(from, "max_steps", 0)};
    ht_name_copy(a->phase, phase != NULL ? phase : "");
    a->env.phase = phase != NULL ? a->phase : NULL;
}

/* What has its value already is left alone: it may be one that could not be set, 0 below a range. */
static ht_status take_knobs(ht_agent *a, const cJSON *from, ht_error *err)
{
    ht_knob_view v;
    for (size_t i = 0; a->o.knobs != NULL && i < ht_knobs_count(a->o.knobs); i++) {
        ht_value now = {0};
        ht_knobs_at(a->o.knobs, i, &v);
        const cJSON *item = ht_json_member(from, v.spec->key);
        if (item == NULL)
            continue;
        ht_value value = ht_value_from_json(item);
        if (!ht_knobs_live(a->o.knobs, v.spec->key, &now) || !ht_value_equal(&now, &value))
            HT_TRY(a->o.effector.set(a->o.effector.ctx, v.spec->key, &value, &a->env, err));
    }
    a->controls_changed = true;
    return HT_OK;
}

static ht_status take_pooled(ht_agent *a, const cJSON *from, ht_error *err)
{
    a->decision = (unsigned long)ht_json_number(from, "decision", 0);
    take_env(a, ht_json_member(from, "env"));
    take_pool(a, ht_json_member(from, "pool"));
    ht_tuner_remember(a->tuner, &a->env);
    return take_knobs(a, ht_json_member(from, "knobs"), err);
}

ht_status ht_agent_go_on(ht_agent *a, const char *manifest, ht_error *err)
{
    cJSON *from = NULL;
    HT_TRY(ht_json_parse(manifest, &from, NULL, err));
    const cJSON *training = ht_json_member(from, "training"), *agent = ht_json_member(from, "agent");
    ht_status st = a->o.keeper.read != NULL && cJSON_IsObject(training) && a->pool.on == (agent == NULL)
                       ? HT_OK
                       : ht_fail(err, HT_EFORMAT, "the checkpoint is not one of this program");
    a->absent = cJSON_DetachItemFromObjectCaseSensitive(from, "absent");
    if (st == HT_OK)
        st = a->o.keeper.read(a->o.keeper.ctx, training, err);
    if (st == HT_OK)
        st = agent != NULL ? ht_agent_load(a, agent, err) : take_pooled(a, from, err);
    if (st == HT_OK && ht_json_text(training, "live") == NULL)
        ht_agent_warn(a, "resumed without a training state: the program registered none (ht_training_state), and must "
                         "bring its own back");
    cJSON_Delete(from);
    return st;
}

/* ---- what others left ------------------------------------------------------------------------- */

ht_status ht_agent_inherit(ht_agent *a, const ht_pool_order *o, ht_error *err)
{
    char name[16];
    snprintf(name, sizeof name, "%d", o->peer);
    const cJSON *manifest = ht_json_member(a->absent, name);
    if (manifest == NULL || a->o.keeper.inherit == NULL)
        return ht_fail(err, HT_ENOTFOUND, "replica %d left nothing", o->peer);
    double best = ht_json_number(ht_json_member(manifest, "pool"), "best", NAN);
    if (o->slot == HT_SLOT_BEST && !isnan(a->pool.best) && !ht_agent_is_better(a, best, a->pool.best))
        return HT_OK;   /* what it validated since the coordinator heard of it last is better still */
    HT_TRY(a->o.keeper.inherit(a->o.keeper.ctx, ht_json_member(manifest, "training"), o->from_slot, o->slot, err));
    if (o->slot == HT_SLOT_BEST)
        a->pool.best = best;
    return HT_OK;
}
