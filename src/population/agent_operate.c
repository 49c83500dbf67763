/* src/population/agent_operate.c - what is asked of one replica from outside; see agent_state.h.
 *
 * Module `tune` is the tuner; any other name means the typed knobs, which are one container: a knob
 * "<module>.<key>" wins over one called "<key>".
 * May touch: the training, through the tuner and the effector; the link. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/value.h"
#include "population/agent_state.h"
#include "tune/replay.h"

/* One thing to carry out: an order of the coordinator or an entry of the operation list. */
typedef struct {
    const char *module, *op, *id;
    const cJSON *params;
    const char *attachment;
    const ht_env *env;
} request;

/* ---- the tuner ------------------------------------------------------------------------------ */

static void fail(ht_op_result *out, const char *error)
{
    out->decision = HT_OP_FAILED;
    snprintf(out->error, sizeof out->error, "%.*s", (int)sizeof out->error - 1, error);
}

static void operate_tuner(ht_agent *a, const request *q, ht_op_result *out)
{
    ht_replay replay = {0};
    ht_error err = {""};
    bool has_log = strcmp(q->op, "enable") == 0 && q->attachment != NULL;
    if (has_log && ht_replay_parse(q->attachment, &replay, &err) != HT_OK)
        fail(out, err.text);
    else
        ht_tuner_operate(a->tuner, q->op, q->params, has_log ? &replay : NULL, out);
    ht_replay_release(&replay);
}

/* ---- typed knobs ---------------------------------------------------------------------------- */

/* With opt_idx i, the knob that is registered under opt<i>. */
static void knob_key(const ht_agent *a, const request *q, const char *name, char key[2 * HT_NAME_MAX])
{
    const cJSON *index = ht_json_member(q->params, "opt_idx");
    ht_knob_view ignored;
    if (cJSON_IsNumber(index)) {
        snprintf(key, 2 * HT_NAME_MAX, "opt%.0f.%.63s", index->valuedouble, name);
        return;
    }
    snprintf(key, 2 * HT_NAME_MAX, "%.63s.%.63s", q->module, name);
    if (!ht_knobs_find(a->o.knobs, key, &ignored))
        snprintf(key, 2 * HT_NAME_MAX, "%.127s", name);
}

static void set_knob(ht_agent *a, const request *q, const char *name, const cJSON *item, cJSON *applied,
                     ht_string *errors)
{
    char key[2 * HT_NAME_MAX];
    ht_error err = {""};
    ht_value value = ht_value_from_json(item);
    knob_key(a, q, name, key);
    if (a->o.effector.set(a->o.effector.ctx, key, &value, q->env, &err) == HT_OK) {
        ht_json_put(applied, name, cJSON_Duplicate(item, true));
        a->controls_changed = true;
    } else {
        ht_string_add(errors, "%s%s:%s", errors->n > 0 ? "; " : "", name, err.text);
    }
}

static bool is_selector(const char *name)
{
    static const char *const names[] = {"opt_idx", "group", "groups", "id"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* {"key": k, "value": v}, or any number of k: v. */
static void set_knobs(ht_agent *a, const request *q, ht_op_result *out)
{
    cJSON *applied = cJSON_CreateObject();
    ht_string errors = {0};
    const char *key = ht_json_text(q->params, "key");
    const cJSON *item = NULL;
    if (key != NULL)
        set_knob(a, q, key, ht_json_member(q->params, "value"), applied, &errors);
    else if (cJSON_IsObject(q->params))
        cJSON_ArrayForEach(item, q->params) {
            if (!is_selector(item->string) && !cJSON_IsNull(item))
                set_knob(a, q, item->string, item, applied, &errors);
        }
    if (applied != NULL && applied->child != NULL) {
        out->payload = applied;
        applied = NULL;
        snprintf(out->notes, sizeof out->notes, "%.*s", (int)sizeof out->notes - 1, ht_string_peek(&errors));
    } else {
        fail(out, errors.n > 0 ? ht_string_peek(&errors) : "no_params");
    }
    cJSON_Delete(applied);
    ht_string_release(&errors);
}

static void switch_knob(ht_agent *a, const request *q, ht_op_result *out)
{
    const char *name = ht_json_text(q->params, "key");
    char key[2 * HT_NAME_MAX];
    knob_key(a, q, name != NULL ? name : q->id, key);
    bool known =
        strcmp(q->op, "enable") == 0 ? ht_knobs_enable(a->o.knobs, key) : ht_knobs_disable(a->o.knobs, key);
    a->controls_changed |= known;
    if (!known)
        fail(out, "unknown_param");
}

static void operate_knobs(ht_agent *a, const request *q, ht_op_result *out)
{
    bool sets = strcmp(q->op, "set_params") == 0;
    if (!sets && strcmp(q->op, "enable") != 0 && strcmp(q->op, "disable") != 0) {
        out->decision = HT_OP_IGNORED;
        snprintf(out->notes, sizeof out->notes, "unknown_op:%.100s", q->op);
    } else if (a->o.knobs == NULL || ht_knobs_count(a->o.knobs) == 0) {
        fail(out, "no_mutable_state");
    } else if (sets) {
        set_knobs(a, q, out);
    } else {
        switch_knob(a, q, out);
    }
}

/* ---- answers -------------------------------------------------------------------------------- */

/* `core` in an operation list is carried out by the coordinator, once all have come to that entry. */
static void carry_out(ht_agent *a, const request *q, ht_op_result *out)
{
    *out = (ht_op_result){.decision = HT_OP_APPLIED};
    if (strcmp(q->module, "tune") == 0)
        operate_tuner(a, q, out);
    else if (strcmp(q->module, "core") != 0)
        operate_knobs(a, q, out);
}

/* Starts an ANSWER in a->out. */
static ht_answer *start_answer(ht_agent *a, const char *event, const ht_env *env)
{
    ht_answer *m = &a->out.as.answer;
    a->out.kind = HT_MESSAGE_ANSWER;
    *m = (ht_answer){.step = env->step, .epoch = fabs(env->epoch) < 9e15 ? (long long)env->epoch : 0};
    snprintf(m->event, sizeof m->event, "%s", event);
    ht_name_copy(m->phase, env->phase != NULL ? env->phase : "");
    return m;
}

static void finish_answer(ht_agent *a)
{
    ht_agent_send(a, &a->out);
    cJSON_Delete(a->out.as.answer.result.payload);
}

/* ---- orders --------------------------------------------------------------------------------- */

bool ht_agent_keep_order(ht_agent *a, ht_packet *m)
{
    ht_kept_order *k = calloc(1, sizeof *k);
    if (k == NULL)
        return false;
    k->is_freeze = m->kind == HT_MESSAGE_FREEZE;
    if (k->is_freeze)
        k->as.freeze = m->as.freeze;
    else
        k->as.order = m->as.order;
    if (a->last_order != NULL)
        a->last_order->next = k;
    else
        a->first_order = k;
    a->last_order = k;
    return true;
}

static void release_order(ht_kept_order *k)
{
    if (k->is_freeze) {
        free(k->as.freeze.entries);
    } else {
        cJSON_Delete(k->as.order.params);
        free(k->as.order.attachment);
    }
    free(k);
}

static ht_kept_order *take_order(ht_agent *a)
{
    ht_kept_order *k = a->first_order;
    if (k != NULL) {
        a->first_order = k->next;
        if (k->next == NULL)
            a->last_order = NULL;
    }
    return k;
}

static void obey(ht_agent *a, const ht_order *o, ht_event event, const ht_env *env)
{
    const request q = {o->module, o->op, o->id, o->params, o->attachment, env};
    ht_answer *m = start_answer(a, ht_event_text(event), env);
    m->operation = o->number;
    carry_out(a, &q, &m->result);
    finish_answer(a);
}

void ht_agent_carry_out(ht_agent *a, ht_event event, const ht_env *env)
{
    ht_kept_order *k;
    while ((k = take_order(a)) != NULL) {
        if (k->is_freeze)
            ht_agent_freeze(a, &k->as.freeze);
        else
            obey(a, &k->as.order, event, env);
        release_order(k);
    }
}

/* ---- the operation list --------------------------------------------------------------------- */

void ht_agent_freeze(ht_agent *a, ht_freeze_order *f)
{
    ht_error err = {""};
    ht_tuner_freeze(a->tuner, f->frozen);
    ht_oplist_destroy(a->list);
    a->list = NULL;
    a->strict = f->strict;
    a->list_number = f->list;
    if (f->entries != NULL && ht_list_parse(f->entries, f->step_offset, &a->list, &err) != HT_OK)
        ht_agent_warn(a, err.text);
    free(f->entries);
    f->entries = NULL;
}

static const char *text_of(const cJSON *entry, const char *name, const char *fallback)
{
    const char *text = ht_json_text(entry, name);
    return text != NULL ? text : fallback;
}

void ht_agent_fire(ht_agent *a, ht_event event, const ht_env *env)
{
    const cJSON *entry;
    size_t index;
    while (a->list != NULL && (entry = ht_oplist_due(a->list, env->step, event, &index)) != NULL) {
        const request q = {text_of(entry, "module", "cb"), text_of(entry, "op", ""), text_of(entry, "id", ""),
                           ht_json_member(entry, "params"), NULL, env};
        ht_answer *m = start_answer(a, ht_event_text(event), env);
        m->list = a->list_number;
        m->index = index;
        m->entry = (cJSON *)entry;          /* lent for the sending */
        carry_out(a, &q, &m->result);
        finish_answer(a);
    }
}

size_t ht_agent_tell_missed(ht_agent *a)
{
    size_t n = 0, index;
    char missed[96];
    const cJSON *entry;
    while (a->list != NULL && (entry = ht_oplist_missed(a->list, n, &index, missed)) != NULL) {
        ht_answer *m = start_answer(a, ht_event_text(HT_RUN_END), &a->env);
        m->list = a->list_number;
        m->index = index;
        m->entry = (cJSON *)entry;
        fail(&m->result, missed);
        snprintf(m->result.notes, sizeof m->result.notes, "%s",
                 a->strict ? "strict_policy_missed" : "best_effort_missed");
        finish_answer(a);
        n++;
    }
    return n;
}

void ht_agent_operate_release(ht_agent *a)
{
    ht_kept_order *k;
    while ((k = take_order(a)) != NULL)
        release_order(k);
    ht_oplist_destroy(a->list);
    a->list = NULL;
}
