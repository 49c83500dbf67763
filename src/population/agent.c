/* src/population/agent.c - the replica's side of the protocol; the contract is in agent.h.
 *
 * At a safe point, in this order: orders that came meanwhile, entries of the operation list, knobs looked
 * after, the tuner's decision point with one REPORT and its DIRECTIVE in the middle (or after it, when
 * the tuner asks nothing), OUTCOME. In a pooled run the tuner only observes; see agent_pool.c.
 * May touch: the training, through the tuner and the effector; the link; the heap. */
#include "population/agent.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "population/agent_state.h"
#include "tune/replay.h"

/* ---- life ----------------------------------------------------------------------------------- */

ht_status ht_agent_create(const ht_agent_options *o, ht_agent **out, ht_error *err)
{
    if (o->link.send == NULL || o->link.receive == NULL || o->metrics == NULL || o->actuators == NULL ||
        o->effector.set == NULL)
        return ht_fail(err, HT_EINVAL, "an agent needs a link, metrics, actuators and an effector");
    ht_agent *a = calloc(1, sizeof *a);
    if (a == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for an agent");
    a->o = *o;
    a->replica = -1;
    a->pool.best = a->pool.best_here = NAN;
    a->report.kind = HT_MESSAGE_REPORT;
    a->outcome.kind = HT_MESSAGE_OUTCOME;
    *out = a;
    return HT_OK;
}

void ht_agent_destroy(ht_agent *a)
{
    if (a == NULL)
        return;
    ht_agent_operate_release(a);
    ht_agent_pool_release(a);
    ht_packet_release(&a->outcome);
    ht_tuner_destroy(a->tuner);
    free(a);
}

void ht_agent_warn(ht_agent *a, const char *text)
{
    ht_outcome *o = &a->outcome.as.outcome;
    if (o->warning[0] != '\0')
        ht_agent_flush(a);
    snprintf(o->warning, sizeof o->warning, "%.*s", (int)sizeof o->warning - 1, text);
    if (a->o.warning != NULL)
        a->o.warning(a->o.warning_ctx, text);
}

/* ---- messages ------------------------------------------------------------------------------- */

void ht_agent_send(ht_agent *a, const ht_packet *m)
{
    ht_bytes bytes = {0};
    if (ht_packet_encode(m, &bytes) != HT_OK ||
        a->o.link.send(a->o.link.ctx, bytes.data, bytes.n, NULL) != HT_OK)
        a->cut = true;
    free(bytes.data);
}

/* Receive one message of the coordinator into a->in. Malformed ones are skipped: whoever waits for an
 * answer then runs into its patience. @return false: nothing came within timeout_s */
static bool receive(ht_agent *a, double timeout_s)
{
    ht_bytes bytes = {0};
    while (a->o.link.receive(a->o.link.ctx, timeout_s, &bytes, NULL) == HT_OK) {
        ht_status st = ht_packet_decode(bytes.data, bytes.n, &a->in, NULL);
        free(bytes.data);
        if (st == HT_OK)
            return true;
    }
    return false;
}

/* What comes beside an awaited answer: orders are kept, all else is stale. */
static void put_aside(ht_agent *a)
{
    bool asks = a->in.kind == HT_MESSAGE_OPERATION || a->in.kind == HT_MESSAGE_FREEZE;
    bool kept = asks && ht_agent_keep_order(a, &a->in);
    bool leave = a->in.kind == HT_MESSAGE_ORDER && a->in.as.pool_order.kind == HT_ORDER_LEAVE;
    a->sent_off |= leave;
    a->overtaken |= leave && a->in.as.pool_order.number != 0;
    kept |= a->in.kind == HT_MESSAGE_ORDER && ht_agent_keep_pool_order(a, &a->in);
    if (!kept)
        ht_packet_release(&a->in);
}

bool ht_agent_hear(ht_agent *a, double timeout_s)
{
    if (!receive(a, timeout_s))
        return false;
    put_aside(a);
    return true;
}

/* Each other message is a sign of life: patience starts anew. Who is told to leave gets no answer any more. */
static bool await_directive(ht_agent *a, ht_directive *out)
{
    while (!a->sent_off && receive(a, a->o.patience_s)) {
        if (a->in.kind == HT_MESSAGE_DIRECTIVE && a->in.as.directive.decision == a->decision) {
            *out = a->in.as.directive;
            return true;
        }
        put_aside(a);
    }
    a->left |= a->sent_off;
    *out = (ht_directive){.decision = a->decision, .stop = true};
    return a->sent_off;
}

static char *describe_controls(const ht_agent *a)
{
    cJSON *list = a->o.knobs != NULL ? ht_knobs_describe(a->o.knobs) : NULL;
    char *text = list != NULL ? ht_json_line(list) : NULL;
    cJSON_Delete(list);
    return text;
}

void ht_agent_flush(ht_agent *a)
{
    ht_outcome *o = &a->outcome.as.outcome;
    o->decision = a->decision;
    ht_agent_send(a, &a->outcome);
    ht_packet_release(&a->outcome);
    o->cooldowns = o->controls = NULL;
    o->n_made = o->n_disabled = 0;
    o->has_window = false;
    o->warning[0] = '\0';
}

static void send_outcome(ht_agent *a)
{
    ht_outcome *o = &a->outcome.as.outcome;
    cJSON *cooldowns = o->has_window ? ht_tuner_cooldowns(a->tuner) : NULL;
    if (cooldowns != NULL && cooldowns->child != NULL)
        o->cooldowns = ht_json_line(cooldowns);
    cJSON_Delete(cooldowns);
    if (a->controls_changed)
        o->controls = describe_controls(a);
    a->controls_changed = false;
    ht_agent_flush(a);
}

static long long whole_epoch(const ht_env *env)
{
    return fabs(env->epoch) < 9e15 ? (long long)env->epoch : 0;
}

bool ht_agent_report(ht_agent *a, const ht_ask *ask, ht_directive *out)
{
    ht_report *r = &a->report.as.report;
    ht_tuner_state state;
    ht_tuner_peek(a->tuner, &state);
    r->decision = a->decision;
    r->step = a->env.step;
    r->epoch = whole_epoch(&a->env);
    r->total_steps = a->env.max_steps != 0 ? a->env.max_steps : state.total_steps;
    r->mode = state.mode;
    ht_metrics_readings(a->o.metrics, state.recipe, &r->readings);
    r->asks = ask != NULL;
    if (ask != NULL)
        r->ask = *ask;
    a->reported = true;
    ht_agent_send(a, &a->report);
    if (!a->cut && await_directive(a, out)) {
        r->has_segment = false;         /* it arrived */
        a->stop |= out->stop;
        return true;
    }
    a->cut = true;
    return false;
}

/* ---- joining -------------------------------------------------------------------------------- */

static void send_hello(ht_agent *a)
{
    ht_hello *h = &a->out.as.hello;
    ht_string names = {0};
    for (size_t i = 0; i < ht_actuators_count(a->o.actuators); i++)
        ht_string_add(&names, "%s%s", i > 0 ? "," : "", ht_actuators_name(a->o.actuators, i));
    a->out.kind = HT_MESSAGE_HELLO;
    snprintf(h->actuators, sizeof h->actuators, "%s", ht_string_peek(&names));
    h->controls = describe_controls(a);
    h->member = a->pool.member;         /* empty if it brings nothing */
    ht_agent_send(a, &a->out);
    ht_packet_release(&a->out);
    ht_string_release(&names);
}

static bool await_welcome(ht_agent *a)
{
    while (receive(a, a->o.patience_s)) {
        if (a->in.kind == HT_MESSAGE_WELCOME)
            return true;
        put_aside(a);
    }
    return false;
}

/* The tuner starts off when it has to load a log first. */
static ht_status make_tuner(ht_agent *a, const ht_welcome *w, ht_error *err)
{
    ht_recipe *recipe = NULL;
    HT_TRY(ht_recipe_parse(w->recipe, "the coordinator's recipe", &recipe, err));
    bool replays = w->mode == HT_MODE_REPLAY;
    const ht_tuner_options o = {.recipe = recipe, .metrics = a->o.metrics, .actuators = a->o.actuators,
                                .effector = a->o.effector, .ports = ht_agent_ports(a), .replica = w->replica,
                                .mode = replays ? HT_MODE_OFF : w->pooled ? HT_MODE_OBSERVE : w->mode,
                                .auto_disable_on_error = a->o.auto_disable_on_error};
    ht_status st = ht_tuner_create(&o, &a->tuner, err);
    ht_recipe_destroy(recipe);
    return st;
}

static ht_status start_replay(ht_agent *a, const ht_welcome *w, ht_error *err)
{
    ht_replay replay = {0};
    ht_op_result result;
    cJSON *params = cJSON_CreateObject();
    ht_json_put_text(params, "mode", ht_mode_text(HT_MODE_REPLAY));
    ht_status st = w->replay != NULL ? ht_replay_parse(w->replay, &replay, err) : HT_OK;
    if (st == HT_OK) {
        ht_tuner_operate(a->tuner, "enable", params, &replay, &result);
        if (result.decision != HT_OP_APPLIED)
            st = ht_fail(err, HT_EFAILED, "replay: %s", result.error);
        cJSON_Delete(result.payload);
    }
    ht_replay_release(&replay);
    cJSON_Delete(params);
    return st;
}

static void look_again(ht_agent *a)
{
    ht_tuner_state state;
    ht_tuner_peek(a->tuner, &state);
    a->watches = !a->cut && (state.mode != HT_MODE_OFF || a->list != NULL);
}

ht_status ht_agent_begin(ht_agent *a, ht_error *err)
{
    if (a->begun || a->closed)
        return ht_fail(err, HT_EINVAL, "this agent has begun already");
    send_hello(a);
    if (a->cut || !await_welcome(a))
        return ht_fail(err, HT_ETIMEOUT,
                       "the coordinator does not answer within %g s: this training is not tuned",
                       a->o.patience_s);
    ht_welcome *w = &a->in.as.welcome;
    ht_status st = w->recipe != NULL ? make_tuner(a, w, err)
                                     : ht_fail(err, HT_ECOMM, "the coordinator sent no recipe");
    if (st == HT_OK && w->mode == HT_MODE_REPLAY)
        st = start_replay(a, w, err);
    if (st == HT_OK && a->cut)
        st = ht_fail(err, HT_ECOMM, "the coordinator cannot be reached: this training is not tuned");
    if (st == HT_OK) {
        a->replica = w->replica;
        ht_agent_freeze(a, &w->freeze);
        a->begun = true;
        a->pool.on = w->pooled && a->pool.brings;
        look_again(a);
    }
    if (st == HT_OK && w->resume != NULL)
        st = ht_agent_go_on(a, w->resume, err);
    ht_packet_release(&a->in);
    if (st == HT_OK && ht_agent_is_pooled(a) && !a->pool.working)
        ht_agent_pool_wait(a);
    if (st == HT_OK && a->cut)
        st = ht_fail(err, HT_ECOMM, "the coordinator fell silent before there was work: this training is not tuned");
    return st;
}

/* ---- events --------------------------------------------------------------------------------- */

static void remember(ht_agent *a, const ht_env *env)
{
    a->env = *env;
    ht_name_copy(a->phase, env->phase != NULL ? env->phase : "");
    a->env.phase = env->phase != NULL ? a->phase : NULL;
    ht_tuner_remember(a->tuner, env);
}

void ht_agent_drain(ht_agent *a)
{
    while (ht_agent_hear(a, 0))
        ;
}

static void verify_knobs(ht_agent *a)
{
    ht_knob_view v;
    for (size_t i = 0; a->o.knobs != NULL && i < ht_knobs_count(a->o.knobs); i++) {
        ht_knobs_at(a->o.knobs, i, &v);
        if (v.state == HT_KNOB_UNVERIFIED && ht_knobs_verify(a->o.knobs, v.spec->key, a->o.metrics))
            a->controls_changed = true;
    }
}

/* Nobody answers: an unjudged change must not stay, and nobody would learn from it. */
static void go_off(ht_agent *a)
{
    ht_op_result result;
    char text[160];
    ht_tuner_operate(a->tuner, "disable", NULL, NULL, &result);
    cJSON_Delete(result.payload);
    snprintf(text, sizeof text,
             "the coordinator cannot be reached or did not answer within %g s: the training "
             "goes on untuned",
             a->o.patience_s);
    ht_agent_warn(a, text);
}

static ht_status decide(ht_agent *a, const ht_env *env, ht_error *err)
{
    ht_directive d;
    a->decision++;
    a->reported = false;
    ht_agent_drain(a);
    ht_agent_carry_out(a, HT_VAL_EPOCH_END, env);
    ht_agent_fire(a, HT_VAL_EPOCH_END, env);
    verify_knobs(a);
    ht_status st = ht_tuner_event(a->tuner, HT_VAL_EPOCH_END, env, err);
    if (!a->reported && !a->cut && !a->pool.on)
        ht_agent_report(a, NULL, &d);
    if (!a->cut)
        send_outcome(a);
    if (ht_agent_is_pooled(a)) {
        ht_agent_pool_epoch(a);
    } else {
        ht_agent_do_orders(a);
        if (a->checkpoint != 0)
            ht_agent_write_down(a);
    }
    return st;
}

ht_status ht_agent_event(ht_agent *a, ht_event event, const ht_env *env, ht_error *err)
{
    ht_status st;
    if (!a->begun || a->closed || a->cut)
        return HT_OK;
    remember(a, env);
    if (event == HT_VAL_EPOCH_END) {
        st = decide(a, env, err);
    } else {
        a->ended |= event == HT_RUN_END;
        ht_agent_fire(a, event, env);
        st = ht_tuner_event(a->tuner, event, env, err);
    }
    if (a->cut)
        go_off(a);
    look_again(a);
    return st;
}

/* ---- the end -------------------------------------------------------------------------------- */

void ht_agent_result(ht_agent *a, double val, double test)
{
    a->has_result = true;
    a->val = val;
    a->test = test;
}

static void send_bye(ht_agent *a)
{
    ht_bye *b = &a->out.as.bye;
    const ht_report *r = &a->report.as.report;
    ht_tuner_state state;
    ht_agent_peek(a, &state);
    a->out.kind = HT_MESSAGE_BYE;
    b->step = a->env.step;
    b->epoch = whole_epoch(&a->env);
    b->has_segment = r->has_segment;
    if (r->has_segment) {
        b->segment = r->segment;
        b->judged = r->judged;
    }
    b->replay_missed = state.replay_missed;
    b->was_on = state.was_on;
    b->mode = state.mode;
    b->has_result = a->has_result;
    b->val = a->val;
    b->test = a->test;
    ht_agent_send(a, &a->out);
}

/* What is open is judged, what was missed is told. */
static ht_status end_tuning(ht_agent *a, ht_error *err)
{
    if (!a->ended && !a->cut)
        ht_agent_fire(a, HT_RUN_END, &a->env);
    ht_status st = ht_tuner_close(a->tuner, err);
    size_t missed = ht_agent_tell_missed(a);
    const ht_outcome *o = &a->outcome.as.outcome;
    if (o->n_made > 0 || o->n_disabled > 0 || o->warning[0] != '\0' || a->controls_changed)
        send_outcome(a);
    if (st == HT_OK && missed > 0 && a->strict)
        st = ht_fail(err, HT_EFAILED,
                     "%zu entries of the operation list were missed and its policy is strict; "
                     "hotcb.applied.jsonl names them",
                     missed);
    return st;
}

/* Also one that never began says good-bye: the coordinator may have heard of it, and would wait. */
ht_status ht_agent_close(ht_agent *a, ht_error *err)
{
    if (a->closed)
        return HT_OK;
    a->closed = true;
    ht_status st = a->begun ? end_tuning(a, err) : HT_OK;
    send_bye(a);
    a->watches = false;
    return st;
}

/* ---- questions ------------------------------------------------------------------------------ */

bool ht_agent_should_stop(const ht_agent *a)
{
    return a->stop;
}

bool ht_agent_is_overtaken(const ht_agent *a)
{
    return a->overtaken;
}

bool ht_agent_has_left(const ht_agent *a)
{
    return a->left;
}

bool ht_agent_watches_batches(const ht_agent *a)
{
    return a->watches;
}

bool ht_agent_acts_on_batches(const ht_agent *a)
{
    return a->list != NULL && !a->cut;
}

void ht_agent_peek(const ht_agent *a, ht_tuner_state *out)
{
    if (a->tuner != NULL)
        ht_tuner_peek(a->tuner, out);
    else
        *out = (ht_tuner_state){.mode = HT_MODE_OFF};
}

bool ht_agent_is_cut(const ht_agent *a)
{
    return a->cut;
}

int ht_agent_replica(const ht_agent *a)
{
    return a->replica;
}
