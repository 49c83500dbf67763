/* src/population/wire_records.c - the records of the loop, member by member; see wire_codec.h.
 *
 * Order and widths are the protocol: a change here needs a new version in wire.c. */
#include "population/wire_codec.h"

#include <stdint.h>

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- values --------------------------------------------------------------------------------- */

static void scalar(ht_wire *w, ht_scalar *s)
{
    HT_WIRE_ENUM(w, s->kind, ht_value_kind, HT_VALUE_TEXT);
    if (w->reading) {
        s->number = 0;
        s->text[0] = '\0';
    }
    if (s->kind == HT_VALUE_TEXT)
        ht_wire_field(w, s->text, sizeof s->text);
    else if (s->kind == HT_VALUE_BOOL || s->kind == HT_VALUE_INT || s->kind == HT_VALUE_REAL)
        ht_wire_real(w, &s->number);
}

static void value(ht_wire *w, ht_value *v)
{
    bool list = !w->reading && v->kind == HT_VALUE_LIST;
    ht_wire_bool(w, &list);
    if (!list) {
        scalar(w, &v->scalar);
        if (w->reading) {
            v->kind = v->scalar.kind;
            v->n_items = 0;
        }
        return;
    }
    if (w->reading) {
        v->kind = HT_VALUE_LIST;
        v->scalar.kind = HT_VALUE_NONE;
        v->scalar.number = 0;
        v->scalar.text[0] = '\0';
    }
    ht_wire_count(w, &v->n_items, UINT32_MAX);
    for (size_t i = 0; i < smaller(v->n_items, HT_ITEMS_MAX); i++)
        scalar(w, &v->items[i]);
}

static void patch(ht_wire *w, ht_patch *p)
{
    ht_wire_field(w, p->op, sizeof p->op);
    ht_wire_field(w, p->key, sizeof p->key);
    value(w, &p->value);
    ht_wire_real(w, &p->floor);
}

static void codes(ht_wire *w, ht_codes *c)
{
    ht_wire_count(w, &c->n, HT_CODES_MAX);
    for (size_t i = 0; i < c->n; i++)
        ht_wire_field(w, c->code[i], sizeof c->code[i]);
}

/* ---- records -------------------------------------------------------------------------------- */

void ht_wire_readings(ht_wire *w, ht_readings *r)
{
    ht_wire_count(w, &r->n, HT_READINGS_MAX);
    for (size_t i = 0; i < r->n; i++) {
        ht_wire_field(w, r->at[i].name, sizeof r->at[i].name);
        ht_wire_real(w, &r->at[i].value);
    }
}

static void change(ht_wire *w, ht_change *c)
{
    ht_wire_field(w, c->param, sizeof c->param);
    ht_wire_count(w, &c->n_cells, UINT32_MAX);
    ht_wire_bool(w, &c->was_absent);
    for (size_t i = 0; i < smaller(c->n_cells, HT_CELLS_MAX); i++) {
        ht_wire_real(w, &c->before[i]);
        ht_wire_real(w, &c->after[i]);
    }
}

void ht_wire_mutation(ht_wire *w, ht_mutation *m)
{
    ht_wire_ulong(w, &m->number);
    ht_wire_int(w, &m->replica);
    ht_wire_longlong(w, &m->step);
    ht_wire_longlong(w, &m->epoch);
    ht_wire_field(w, m->phase, sizeof m->phase);
    ht_wire_field(w, m->actuator, sizeof m->actuator);
    ht_wire_field(w, m->key, sizeof m->key);
    patch(w, &m->patch);
    HT_WIRE_ENUM(w, m->scale, ht_scale, HT_SCALE_BETA);
    HT_WIRE_ENUM(w, m->source, ht_source, HT_SOURCE_REPLAY);
    ht_wire_bool(w, &m->has_context);
    ht_wire_readings(w, &m->context);
    ht_wire_longlong(w, &m->reject_streak);
    ht_wire_longlong(w, &m->mutation_count);
    ht_wire_bool(w, &m->has_snapshot);
    HT_WIRE_ENUM(w, m->status, ht_mutation_status, HT_MUTATION_INCONCLUSIVE);
    ht_wire_count(w, &m->n_changes, HT_CHANGES_MAX);
    for (size_t i = 0; i < m->n_changes; i++)
        change(w, &m->changes[i]);
    ht_wire_field(w, m->error, sizeof m->error);
    ht_wire_field(w, m->reason, sizeof m->reason);
}

void ht_wire_segment(ht_wire *w, ht_segment *g)
{
    ht_wire_ulong(w, &g->number);
    ht_wire_ulong(w, &g->mutation);
    ht_wire_int(w, &g->replica);
    ht_wire_longlong(w, &g->start_step);
    ht_wire_longlong(w, &g->end_step);
    ht_wire_field(w, g->horizon, sizeof g->horizon);
    ht_wire_readings(w, &g->pre);
    ht_wire_readings(w, &g->post);
    ht_wire_bool(w, &g->stability.nan);
    ht_wire_bool(w, &g->stability.anomaly);
    ht_wire_bool(w, &g->stability.grad_spike);
    HT_WIRE_ENUM(w, g->decision, ht_decision, HT_DECISION_LOST);
    ht_wire_bool(w, &g->has_score);
    ht_wire_real(w, &g->score);
    ht_wire_field(w, g->reason, sizeof g->reason);
    ht_wire_bool(w, &g->early);
    HT_WIRE_ENUM(w, g->rollback, ht_rollback, HT_ROLLBACK_OFF);
}

void ht_wire_window(ht_wire *w, ht_window *v)
{
    ht_wire_int(w, &v->replica);
    ht_wire_longlong(w, &v->step);
    ht_wire_longlong(w, &v->epoch);
    ht_wire_field(w, v->phase, sizeof v->phase);
    HT_WIRE_ENUM(w, v->mode, ht_mode, HT_MODE_REPLAY);
    ht_wire_readings(w, &v->readings);
    codes(w, &v->blockers);
    ht_wire_longlong(w, &v->reject_streak);
    ht_wire_bool(w, &v->asked);
    codes(w, &v->blocked);
    ht_wire_bool(w, &v->has_active);
    ht_wire_ulong(w, &v->active);
    ht_wire_longlong(w, &v->pause_left);
    ht_wire_longlong(w, &v->global_cooldown);
}

/* ---- questions and answers ------------------------------------------------------------------ */

static void eligible(ht_wire *w, ht_eligible *e)
{
    ht_wire_field(w, e->actuator, sizeof e->actuator);
    ht_wire_field(w, e->key, sizeof e->key);
    ht_wire_bool(w, &e->keyed);
    HT_WIRE_ENUM(w, e->mode, ht_spec_mode, HT_SPEC_DELTA);
    HT_WIRE_ENUM(w, e->scale, ht_scale, HT_SCALE_BETA);
    ht_wire_count(w, &e->n, HT_BOUNDS_MAX);
    for (size_t i = 0; i < e->n; i++) {
        ht_wire_real(w, &e->lo[i]);
        ht_wire_real(w, &e->hi[i]);
    }
    ht_wire_real(w, &e->center);
    ht_wire_real(w, &e->spread);
}

void ht_wire_ask(ht_wire *w, ht_ask *a)
{
    ht_wire_field(w, a->phase, sizeof a->phase);
    ht_wire_count(w, &a->n, HT_ELIGIBLE_MAX);
    for (size_t i = 0; i < a->n; i++)
        eligible(w, &a->families[i]);
}

void ht_wire_proposal(ht_wire *w, ht_proposal *p)
{
    ht_wire_field(w, p->actuator, sizeof p->actuator);
    ht_wire_field(w, p->key, sizeof p->key);
    patch(w, &p->patch);
    HT_WIRE_ENUM(w, p->source, ht_source, HT_SOURCE_REPLAY);
}
