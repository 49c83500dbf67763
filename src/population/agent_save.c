/* src/population/agent_save.c - the state of an agent as a JSON tree and back; the contract is in
 * agent_save.h.
 *
 * Loading fills an agent of its own first, so that damage is found before anything has changed. A new member
 * of ht_agent that outlives a safe point needs a line in `visit`. May touch: the heap; loading: the training,
 * through the tuner. */
#include "population/agent_save.h"

#include <stdint.h>
#include <stdlib.h>

#include "population/agent_state.h"
#include "tune/record_members.h"
#include "tune/tuner_save.h"

enum { VERSION = 1 };

/* ---- members -------------------------------------------------------------------------------- */

static void visit_order(ht_order *o, ht_members *s)
{
    ht_members_ulong(s, "number", &o->number);
    ht_members_field(s, "module", o->module, sizeof o->module);
    ht_members_field(s, "op", o->op, sizeof o->op);
    ht_members_field(s, "id", o->id, sizeof o->id);
    ht_members_json(s, "params", &o->params);
    ht_members_text(s, "attachment", &o->attachment);
}

static void visit_freeze(ht_freeze_order *f, ht_members *s)
{
    ht_members_bool(s, "frozen", &f->frozen);
    ht_members_bool(s, "strict", &f->strict);
    ht_members_ulong(s, "list", &f->list);
    ht_members_longlong(s, "step_offset", &f->step_offset);
    ht_members_text(s, "entries", &f->entries);
}

/* Loading: takes what it reads into the queue of `a`, also after a fault. */
static void visit_kept(ht_agent *a, ht_kept_order *k, ht_members *s)
{
    ht_kept_order read = {0};
    if (k == NULL)
        k = &read;
    ht_members_bool(s, "is_freeze", &k->is_freeze);
    if (k->is_freeze)
        visit_freeze(&k->as.freeze, s);
    else
        visit_order(&k->as.order, s);
    if (!s->loading)
        return;
    a->in.kind = k->is_freeze ? HT_MESSAGE_FREEZE : HT_MESSAGE_OPERATION;
    if (k->is_freeze)
        a->in.as.freeze = k->as.freeze;
    else
        a->in.as.order = k->as.order;
    if (!ht_agent_keep_order(a, &a->in)) {
        ht_packet_release(&a->in);
        ht_members_fault(s, HT_ENOMEM, "no memory to load it");
    }
}

static void visit_orders(ht_agent *a, ht_members *s)
{
    size_t n = 0;
    for (const ht_kept_order *k = a->first_order; k != NULL; k = k->next)
        n++;
    n = ht_members_enter_list(s, "orders", n, SIZE_MAX);
    ht_kept_order *k = s->loading ? NULL : a->first_order;
    for (size_t i = 0; i < n; i++) {
        ht_members_enter_item(s, i);
        visit_kept(a, k, s);
        ht_members_leave(s);
        k = k != NULL ? k->next : NULL;
    }
    ht_members_leave(s);
}

/* The segment that the next REPORT brings. */
static void visit_segment(ht_report *r, ht_members *s)
{
    r->has_segment = ht_members_enter_if(s, "judged", r->has_segment);
    if (!r->has_segment)
        return;
    ht_members_enter(s, "segment");
    ht_members_segment(s, &r->segment);
    ht_members_leave(s);
    ht_members_enter(s, "mutation");
    ht_members_mutation(s, &r->judged);
    ht_members_leave(s);
    ht_members_leave(s);
}

/* What came up since the last OUTCOME. */
static void visit_outcome(ht_outcome *o, ht_members *s)
{
    ht_members_field(s, "warning", o->warning, sizeof o->warning);
    o->n_made = ht_members_enter_list(s, "made", o->n_made, HT_MADE_MAX);
    for (size_t i = 0; i < o->n_made; i++) {
        ht_members_enter_item(s, i);
        ht_members_mutation(s, &o->made[i]);
        ht_members_leave(s);
    }
    ht_members_leave(s);
    o->n_disabled = ht_members_enter_list(s, "disabled", o->n_disabled, HT_DISABLED_MAX);
    for (size_t i = 0; i < o->n_disabled; i++) {
        ht_members_enter_item(s, i);
        ht_members_field(s, "what", o->disabled[i].what, sizeof o->disabled[i].what);
        ht_members_field(s, "error", o->disabled[i].error, sizeof o->disabled[i].error);
        ht_members_leave(s);
    }
    ht_members_leave(s);
}

static void visit_env(ht_agent *a, ht_members *s)
{
    bool has_phase = a->env.phase != NULL;
    ht_members_enter(s, "env");
    ht_members_env(s, &a->env);
    ht_members_bool(s, "has_phase", &has_phase);
    ht_members_field(s, "phase", a->phase, sizeof a->phase);
    ht_members_leave(s);
    if (s->loading)
        a->env.phase = has_phase ? a->phase : NULL;
}

static void visit(ht_agent *a, ht_members *s)
{
    int version = VERSION;
    ht_members_int(s, "version", &version, VERSION, VERSION);
    ht_members_ulong(s, "decision", &a->decision);
    ht_members_bool(s, "ended", &a->ended);
    ht_members_bool(s, "closed", &a->closed);
    ht_members_bool(s, "stop", &a->stop);
    ht_members_bool(s, "watches", &a->watches);
    ht_members_bool(s, "controls_changed", &a->controls_changed);
    visit_env(a, s);
    visit_orders(a, s);
    ht_oplist_visit(&a->list, s);
    ht_members_ulong(s, "list_number", &a->list_number);
    ht_members_bool(s, "strict", &a->strict);
    ht_members_bool(s, "has_result", &a->has_result);
    ht_members_real(s, "val", &a->val);
    ht_members_real(s, "test", &a->test);
    visit_segment(&a->report.as.report, s);
    ht_members_enter(s, "outcome");
    visit_outcome(&a->outcome.as.outcome, s);
    ht_members_leave(s);
}

/* ---- saving and loading --------------------------------------------------------------------- */

cJSON *ht_agent_save(const ht_agent *a, ht_error *err)
{
    ht_members s;
    cJSON *tree = NULL;
    if (a->tuner == NULL) {
        ht_fail(err, HT_EINVAL, "an agent that has not begun cannot be saved");
        return NULL;
    }
    cJSON *tuner = ht_tuner_save(a->tuner, err);
    if (tuner == NULL)
        return NULL;
    ht_members_begin(&s);
    visit((ht_agent *)a, &s); /* a saving walk only reads */
    if (ht_members_end(&s, &tree, err) != HT_OK) {
        cJSON_Delete(tuner);
        return NULL;
    }
    ht_json_put(tree, "tuner", tuner);
    return tree;
}

/* The tuner may have closed a segment while it was loaded; there is room for one in a REPORT. */
static void take(ht_agent *a, ht_agent *from)
{
    ht_report *r = &a->report.as.report;
    const ht_report *loaded = &from->report.as.report;
    a->decision = from->decision;
    a->ended = from->ended;
    a->closed = from->closed;
    a->stop |= from->stop;
    a->watches = from->watches;
    a->controls_changed |= from->controls_changed;
    a->env = from->env;
    ht_name_copy(a->phase, from->phase);
    a->env.phase = from->env.phase != NULL ? a->phase : NULL;
    a->list_number = from->list_number;
    a->strict = from->strict;
    a->has_result = from->has_result;
    a->val = from->val;
    a->test = from->test;
    if (loaded->has_segment) {
        r->has_segment = true;
        r->segment = loaded->segment;
        r->judged = loaded->judged;
    }
    ht_packet_release(&a->outcome);
    a->outcome = from->outcome;
    ht_agent_operate_release(a);
    a->first_order = from->first_order;
    a->last_order = from->last_order;
    a->list = from->list;
    from->first_order = from->last_order = NULL;
    from->list = NULL;
}

static ht_status load(ht_agent *a, ht_agent *scratch, const cJSON *from, ht_error *err)
{
    ht_members s;
    const cJSON *tuner = ht_json_member(from, "tuner");
    ht_members_begin_load(&s, "agent", from, false);
    visit(scratch, &s);
    HT_TRY(ht_members_end(&s, NULL, err));
    if (scratch->report.as.report.has_segment && !cJSON_IsNull(ht_json_member(tuner, "trial")))
        return ht_fail(err, HT_EFORMAT, "agent.judged and agent.tuner.trial are both there");
    ht_status st = ht_tuner_load(a->tuner, tuner, err);
    if (st != HT_OK)
        return ht_fail_in(err, st, "agent");
    take(a, scratch);
    return HT_OK;
}

ht_status ht_agent_load(ht_agent *a, const cJSON *from, ht_error *err)
{
    if (a->tuner == NULL)
        return ht_fail(err, HT_EINVAL, "an agent that has not begun cannot be loaded");
    ht_agent *scratch = calloc(1, sizeof *scratch);
    if (scratch == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory to load an agent");
    scratch->outcome.kind = HT_MESSAGE_OUTCOME;
    ht_status st = load(a, scratch, from, err);
    ht_agent_operate_release(scratch);
    free(scratch);
    return st;
}
