/* src/store/study_rows.c - records become rows of the tables of a run; the contract is in study_rows.h.
 *
 * Each table is a row struct, a list of columns with their meaning, and a function that fills a row. */
#include "store/study_rows.h"

#include <math.h>
#include <string.h>

#include "base/value.h"

/* ---- segments ----------------------------------------------------------------------------------- */

static const ht_h5_column segment_columns[] = {
    HT_H5_COLUMN(ht_segment_row, number, HT_H5_INT, "number: number in the run directory (s_00001 is 1)"),
    HT_H5_COLUMN(ht_segment_row, mutation, HT_H5_INT, "mutation: number of its mutation (m_00001 is 1)"),
    HT_H5_COLUMN(ht_segment_row, replica, HT_H5_INT, "replica: where it was, 0 ..."),
    HT_H5_COLUMN(ht_segment_row, start_step, HT_H5_INT,
                 "start_step: when the mutation was applied [optimiser steps]"),
    HT_H5_COLUMN(ht_segment_row, end_step, HT_H5_INT, "end_step: when it was judged [optimiser steps]"),
    HT_H5_TEXTS(ht_segment_row, phase, "phase: label of the stretch of the run"),
    HT_H5_TEXTS(ht_segment_row, actuator, "actuator: what was changed"),
    HT_H5_TEXTS(ht_segment_row, key, "key: which family of the actuator"),
    HT_H5_TEXTS(ht_segment_row, horizon, "horizon: length as the recipe says it"),
    HT_H5_TEXTS(ht_segment_row, decision, "decision: accepted, rejected, rolled_back, inconclusive, lost"),
    HT_H5_TEXTS(ht_segment_row, rollback, "rollback: how it was undone; empty = not"),
    HT_H5_TEXTS(ht_segment_row, reason, "reason: why it is inconclusive; empty = it is not"),
    HT_H5_COLUMN(ht_segment_row, score, HT_H5_REAL,
                 "score: gain less penalties [objective], more is better; NaN = none"),
    HT_H5_COLUMN(ht_segment_row, pre, HT_H5_REAL, "pre: objective before; NaN = not read"),
    HT_H5_COLUMN(ht_segment_row, post, HT_H5_REAL, "post: objective after; NaN = not read"),
    HT_H5_COLUMN(ht_segment_row, nan, HT_H5_FLAG, "nan: loss or objective was not finite [0/1]"),
    HT_H5_COLUMN(ht_segment_row, anomaly, HT_H5_FLAG, "anomaly: the training raised its alarm [0/1]"),
    HT_H5_COLUMN(ht_segment_row, grad_spike, HT_H5_FLAG, "grad_spike: the gradient norm jumped [0/1]"),
    HT_H5_COLUMN(ht_segment_row, early, HT_H5_FLAG,
                 "early: judged before its horizon, at the end of the run [0/1]"),
};
const ht_h5_table ht_segment_table = HT_H5_TABLE(ht_segment_row, segment_columns);

static double reading(const ht_readings *r, const char *name)
{
    const double *found = ht_readings_find(r, name);
    return found == NULL ? NAN : *found;
}

void ht_segment_row_fill(ht_segment_row *row, const ht_segment *g, const ht_mutation *m, const char *primary)
{
    *row = (ht_segment_row){.number = (long long)g->number,
                            .mutation = (long long)g->mutation,
                            .replica = g->replica,
                            .start_step = g->start_step,
                            .end_step = g->end_step,
                            .score = g->has_score ? g->score : NAN,
                            .pre = reading(&g->pre, primary),
                            .post = reading(&g->post, primary),
                            .nan = g->stability.nan,
                            .anomaly = g->stability.anomaly,
                            .grad_spike = g->stability.grad_spike,
                            .early = g->early};
    HT_H5_COPY(row->phase, m->phase);
    HT_H5_COPY(row->actuator, m->actuator);
    HT_H5_COPY(row->key, m->key);
    HT_H5_COPY(row->horizon, g->horizon);
    HT_H5_COPY(row->decision, ht_decision_text(g->decision));
    HT_H5_COPY(row->rollback, g->rollback == HT_ROLLBACK_NONE ? "" : ht_rollback_text(g->rollback));
    HT_H5_COPY(row->reason, g->reason);
}

/* ---- mutations ---------------------------------------------------------------------------------- */

static const ht_h5_column mutation_columns[] = {
    HT_H5_COLUMN(ht_mutation_row, number, HT_H5_INT, "number: number in the run directory (m_00001 is 1)"),
    HT_H5_COLUMN(ht_mutation_row, replica, HT_H5_INT, "replica: where it was, 0 ..."),
    HT_H5_COLUMN(ht_mutation_row, step, HT_H5_INT, "step: when it was applied [optimiser steps]"),
    HT_H5_COLUMN(ht_mutation_row, epoch, HT_H5_INT, "epoch: when it was applied [epochs, cut to an integer]"),
    HT_H5_TEXTS(ht_mutation_row, phase, "phase: label of the stretch of the run"),
    HT_H5_TEXTS(ht_mutation_row, actuator, "actuator: what was changed"),
    HT_H5_TEXTS(ht_mutation_row, key, "key: which family of the actuator"),
    HT_H5_TEXTS(ht_mutation_row, op,
                "op: what was done: the family's name, or mult, set, delta for one with a key"),
    HT_H5_TEXTS(ht_mutation_row, source, "source: random, tpe, replay"),
    HT_H5_TEXTS(ht_mutation_row, status, "status: what became of it"),
    HT_H5_TEXTS(ht_mutation_row, scale, "scale: on which the value is learned: linear, log, beta"),
    HT_H5_TEXTS(ht_mutation_row, text, "text: the value if it is a text; else empty"),
    HT_H5_REALS(ht_mutation_row, value,
                "value: what was asked, one number an element; NaN = no such element"),
    HT_H5_TEXTS(ht_mutation_row, param, "param: the first knob that was touched; empty = none"),
    HT_H5_REALS(ht_mutation_row, before,
                "before: its first numbers before, an element or parameter group each; NaN = none"),
    HT_H5_REALS(ht_mutation_row, after, "after: its first numbers after; NaN = none"),
};
const ht_h5_table ht_mutation_table = HT_H5_TABLE(ht_mutation_row, mutation_columns);

static void fill_value(double to[HT_BOUNDS_MAX], const ht_value *v)
{
    for (size_t i = 0; i < HT_BOUNDS_MAX; i++)
        to[i] = v->kind == HT_VALUE_LIST && i < v->n_items ? v->items[i].number : NAN;
    if (ht_value_is_number(v) || v->kind == HT_VALUE_BOOL)
        to[0] = v->scalar.number;
}

void ht_mutation_row_fill(ht_mutation_row *row, const ht_mutation *m)
{
    const ht_change *c = &m->changes[0];
    *row = (ht_mutation_row){
        .number = (long long)m->number, .replica = m->replica, .step = m->step, .epoch = m->epoch};
    HT_H5_COPY(row->phase, m->phase);
    HT_H5_COPY(row->actuator, m->actuator);
    HT_H5_COPY(row->key, m->key);
    HT_H5_COPY(row->op, m->patch.op);
    HT_H5_COPY(row->source, ht_source_text(m->source));
    HT_H5_COPY(row->status, ht_mutation_status_text(m->status));
    HT_H5_COPY(row->scale, ht_scale_text(m->scale));
    HT_H5_COPY(row->text, m->patch.value.kind == HT_VALUE_TEXT ? m->patch.value.scalar.text : "");
    fill_value(row->value, &m->patch.value);
    HT_H5_COPY(row->param, m->n_changes > 0 ? c->param : "");
    for (size_t i = 0; i < HT_BOUNDS_MAX; i++) {
        bool there = m->n_changes > 0 && i < c->n_cells;
        row->before[i] = there && !c->was_absent ? c->before[i] : NAN;
        row->after[i] = there ? c->after[i] : NAN;
    }
}

/* ---- verdicts of pooled segments ---------------------------------------------------------------- */

static const ht_h5_column verdict_columns[] = {
    HT_H5_COLUMN(ht_verdict_row, segment, HT_H5_INT32,
                 "segment: number, counts up over the run; its members share it"),
    HT_H5_COLUMN(ht_verdict_row, island, HT_H5_INT32, "island: that the member belonged to, 0 ..."),
    HT_H5_COLUMN(ht_verdict_row, replica, HT_H5_INT32, "replica: that trained it, 0 ..."),
    HT_H5_COLUMN(ht_verdict_row, phase, HT_H5_FLAG, "phase: index into the attribute phases"),
    HT_H5_COLUMN(ht_verdict_row, mutant, HT_H5_FLAG, "mutant: its knobs were changed; 0 = a control [0/1]"),
    HT_H5_COLUMN(ht_verdict_row, accepted, HT_H5_FLAG, "accepted: better than the controls beside it [0/1]"),
    HT_H5_COLUMN(ht_verdict_row, in_root, HT_H5_FLAG,
                 "in_root: its state is, or is part of, the island's new root [0/1]"),
    HT_H5_COLUMN(ht_verdict_row, finite, HT_H5_FLAG, "finite: it reported a finite loss [0/1]"),
    HT_H5_COLUMN(ht_verdict_row, start_step, HT_H5_INT,
                 "start_step: of the replica when it began [optimiser steps]"),
    HT_H5_COLUMN(ht_verdict_row, end_step, HT_H5_INT, "end_step: when it reported [optimiser steps]"),
    HT_H5_COLUMN(ht_verdict_row, wall, HT_H5_REAL32,
                 "wall: at its start [epochs of one replica since the start of the run]"),
    HT_H5_COLUMN(ht_verdict_row, before, HT_H5_REAL,
                 "before: of the root that it started from [objective]; NaN = unknown"),
    HT_H5_COLUMN(ht_verdict_row, loss, HT_H5_REAL,
                 "loss: its own at the end [objective]; NaN = diverged or lost"),
    HT_H5_COLUMN(ht_verdict_row, control, HT_H5_REAL,
                 "control: mean of the controls [objective]; NaN = none"),
    HT_H5_COLUMN(ht_verdict_row, score, HT_H5_REAL,
                 "score: how much better than the controls [objective]; NaN = none"),
    HT_H5_COLUMN(ht_verdict_row, score_error, HT_H5_REAL32,
                 "score_error: standard error of the score [objective]; NaN = unknown"),
};
const ht_h5_table ht_verdict_table = HT_H5_TABLE(ht_verdict_row, verdict_columns);

void ht_verdict_row_fill(ht_verdict_row *row, const ht_pool_verdict *v, signed char phase)
{
    memset(row, 0, sizeof *row);
    row->segment = v->segment;
    row->island = v->island;
    row->replica = v->replica;
    row->phase = phase;
    row->mutant = v->mutant;
    row->accepted = v->accepted;
    row->in_root = v->in_root;
    row->finite = v->finite;
    row->start_step = v->start_step;
    row->end_step = v->end_step;
    row->wall = (float)v->wall;
    row->before = v->before;
    row->loss = v->loss;
    row->control = v->control;
    row->score = v->score;
    row->score_error = (float)v->score_error;
}

/* ---- curves ------------------------------------------------------------------------------------- */

static const ht_h5_column curve_columns[] = {
    HT_H5_COLUMN(ht_curve_row, replica, HT_H5_INT32, "replica: 0 ..."),
    HT_H5_COLUMN(ht_curve_row, step, HT_H5_INT, "step: [optimiser steps]"),
    HT_H5_COLUMN(ht_curve_row, epoch, HT_H5_INT32, "epoch: [epochs, cut to an integer]"),
    HT_H5_COLUMN(ht_curve_row, value, HT_H5_REAL, "value: the objective at a safe point"),
};
const ht_h5_table ht_curve_table = HT_H5_TABLE(ht_curve_row, curve_columns);

void ht_curve_row_fill(ht_curve_row *row, const ht_curve_point *p)
{
    *row =
        (ht_curve_row){p->replica, p->step, (int32_t)(p->epoch < INT32_MAX ? p->epoch : INT32_MAX), p->value};
}
