/* src/tune/record_members.c - records as members of what a run keeps; the contract is in record_members.h.
 *
 * May touch: its arguments. */
#include "tune/record_members.h"

void ht_members_patch(ht_members *s, ht_patch *p)
{
    ht_members_field(s, "op", p->op, sizeof p->op);
    ht_members_field(s, "key", p->key, sizeof p->key);
    ht_members_value(s, "value", &p->value);
    ht_members_real(s, "floor", &p->floor);
}

void ht_members_readings(ht_members *s, const char *name, ht_readings *r)
{
    r->n = ht_members_enter_list(s, name, r->n, HT_READINGS_MAX);
    for (size_t i = 0; i < r->n; i++) {
        ht_members_enter_item(s, i);
        ht_members_field(s, "name", r->at[i].name, sizeof r->at[i].name);
        ht_members_real(s, "value", &r->at[i].value);
        ht_members_leave(s);
    }
    ht_members_leave(s);
}

static void visit_change(ht_members *s, ht_change *c)
{
    ht_members_field(s, "param", c->param, sizeof c->param);
    ht_members_size(s, "cells", &c->n_cells);
    size_t kept = c->n_cells < HT_CELLS_MAX ? c->n_cells : HT_CELLS_MAX;
    ht_members_bool(s, "was_absent", &c->was_absent);
    ht_members_reals(s, "before", c->before, kept);
    ht_members_reals(s, "after", c->after, kept);
}

void ht_members_mutation(ht_members *s, ht_mutation *m)
{
    ht_members_ulong(s, "number", &m->number);
    ht_members_int(s, "replica", &m->replica, -1, 1 << 30);
    ht_members_longlong(s, "step", &m->step);
    ht_members_longlong(s, "epoch", &m->epoch);
    ht_members_field(s, "phase", m->phase, sizeof m->phase);
    ht_members_field(s, "actuator", m->actuator, sizeof m->actuator);
    ht_members_field(s, "key", m->key, sizeof m->key);
    ht_members_enter(s, "patch");
    ht_members_patch(s, &m->patch);
    ht_members_leave(s);
    HT_MEMBERS_ENUM(s, "scale", m->scale, ht_scale, HT_SCALE_BETA);
    HT_MEMBERS_ENUM(s, "source", m->source, ht_source, HT_SOURCE_REPLAY);
    ht_members_bool(s, "has_context", &m->has_context);
    ht_members_readings(s, "context", &m->context);
    ht_members_longlong(s, "reject_streak", &m->reject_streak);
    ht_members_longlong(s, "mutation_count", &m->mutation_count);
    ht_members_bool(s, "has_snapshot", &m->has_snapshot);
    HT_MEMBERS_ENUM(s, "status", m->status, ht_mutation_status, HT_MUTATION_INCONCLUSIVE);
    m->n_changes = ht_members_enter_list(s, "changes", m->n_changes, HT_CHANGES_MAX);
    for (size_t i = 0; i < m->n_changes; i++) {
        ht_members_enter_item(s, i);
        visit_change(s, &m->changes[i]);
        ht_members_leave(s);
    }
    ht_members_leave(s);
    ht_members_field(s, "error", m->error, sizeof m->error);
    ht_members_field(s, "reason", m->reason, sizeof m->reason);
}

void ht_members_segment(ht_members *s, ht_segment *g)
{
    ht_members_ulong(s, "number", &g->number);
    ht_members_ulong(s, "mutation", &g->mutation);
    ht_members_int(s, "replica", &g->replica, -1, 1 << 30);
    ht_members_longlong(s, "start_step", &g->start_step);
    ht_members_longlong(s, "end_step", &g->end_step);
    ht_members_field(s, "horizon", g->horizon, sizeof g->horizon);
    ht_members_readings(s, "pre", &g->pre);
    ht_members_readings(s, "post", &g->post);
    ht_members_bool(s, "nan", &g->stability.nan);
    ht_members_bool(s, "anomaly", &g->stability.anomaly);
    ht_members_bool(s, "grad_spike", &g->stability.grad_spike);
    HT_MEMBERS_ENUM(s, "decision", g->decision, ht_decision, HT_DECISION_LOST);
    ht_members_bool(s, "has_score", &g->has_score);
    ht_members_real(s, "score", &g->score);
    ht_members_field(s, "reason", g->reason, sizeof g->reason);
    ht_members_bool(s, "early", &g->early);
    HT_MEMBERS_ENUM(s, "rollback", g->rollback, ht_rollback, HT_ROLLBACK_OFF);
}

void ht_members_env(ht_members *s, ht_env *env)
{
    ht_members_longlong(s, "step", &env->step);
    ht_members_real(s, "epoch", &env->epoch);
    ht_members_longlong(s, "max_steps", &env->max_steps);
    ht_members_real(s, "loss", &env->loss);
    ht_members_bool(s, "anomaly_critical", &env->anomaly_critical);
    ht_members_bool(s, "grad_spike", &env->grad_spike);
    if (s->loading)
        env->phase = NULL;
}
