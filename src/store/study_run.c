/* src/store/study_run.c - one run as groups and tables of a study; the layout is in docs/study-format.md.
 *
 * Each table is a row struct, a list of columns, and a function that fills rows from records.
 * May touch: the HDF5 group it is given, the heap. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/value.h"
#include "store/study_format.h"

/* ---- segments ----------------------------------------------------------------------------------- */

typedef struct {
    long long number, mutation, replica, start_step, end_step;
    char phase[HT_NAME_MAX], actuator[HT_NAME_MAX], key[HT_NAME_MAX], horizon[HT_NAME_MAX];
    char decision[16], rollback[16], reason[32];
    double score, pre, post;
    signed char nan, anomaly, grad_spike, early;
} segment_row;

static const ht_h5_column segment_columns[] = {
    HT_H5_COLUMN(segment_row, number, HT_H5_INT, "number: number in the run directory (s_00001 is 1)"),
    HT_H5_COLUMN(segment_row, mutation, HT_H5_INT, "mutation: number of its mutation (m_00001 is 1)"),
    HT_H5_COLUMN(segment_row, replica, HT_H5_INT, "replica: where it was, 0 ..."),
    HT_H5_COLUMN(segment_row, start_step, HT_H5_INT, "start_step: when the mutation was applied [optimiser steps]"),
    HT_H5_COLUMN(segment_row, end_step, HT_H5_INT, "end_step: when it was judged [optimiser steps]"),
    HT_H5_TEXTS(segment_row, phase, "phase: label of the stretch of the run"),
    HT_H5_TEXTS(segment_row, actuator, "actuator: what was changed"),
    HT_H5_TEXTS(segment_row, key, "key: which family of the actuator"),
    HT_H5_TEXTS(segment_row, horizon, "horizon: length as the recipe says it"),
    HT_H5_TEXTS(segment_row, decision, "decision: accepted, rejected, rolled_back, inconclusive, lost"),
    HT_H5_TEXTS(segment_row, rollback, "rollback: how it was undone; empty = not"),
    HT_H5_TEXTS(segment_row, reason, "reason: why it is inconclusive; empty = it is not"),
    HT_H5_COLUMN(segment_row, score, HT_H5_REAL, "score: gain less penalties [objective], more is better; NaN = none"),
    HT_H5_COLUMN(segment_row, pre, HT_H5_REAL, "pre: objective before; NaN = not read"),
    HT_H5_COLUMN(segment_row, post, HT_H5_REAL, "post: objective after; NaN = not read"),
    HT_H5_COLUMN(segment_row, nan, HT_H5_FLAG, "nan: loss or objective was not finite [0/1]"),
    HT_H5_COLUMN(segment_row, anomaly, HT_H5_FLAG, "anomaly: the training raised its alarm [0/1]"),
    HT_H5_COLUMN(segment_row, grad_spike, HT_H5_FLAG, "grad_spike: the gradient norm jumped [0/1]"),
    HT_H5_COLUMN(segment_row, early, HT_H5_FLAG, "early: judged before its horizon, at the end of the run [0/1]"),
};
static const ht_h5_table segment_table = HT_H5_TABLE(segment_row, segment_columns);

static double reading(const ht_readings *r, const char *name)
{
    const double *found = ht_readings_find(r, name);
    return found == NULL ? NAN : *found;
}

static void fill_segment(segment_row *row, const ht_segment *g, const ht_mutation *m, const char *primary)
{
    *row = (segment_row){.number = (long long)g->number,
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

typedef struct {
    long long number, replica, step, epoch;
    char phase[HT_NAME_MAX], actuator[HT_NAME_MAX], key[HT_NAME_MAX], op[HT_NAME_MAX];
    char source[16], status[16], scale[16], text[HT_NAME_MAX];
    double value[HT_BOUNDS_MAX];
    char param[HT_NAME_MAX];
    double before[HT_BOUNDS_MAX], after[HT_BOUNDS_MAX];
} mutation_row;

static const ht_h5_column mutation_columns[] = {
    HT_H5_COLUMN(mutation_row, number, HT_H5_INT, "number: number in the run directory (m_00001 is 1)"),
    HT_H5_COLUMN(mutation_row, replica, HT_H5_INT, "replica: where it was, 0 ..."),
    HT_H5_COLUMN(mutation_row, step, HT_H5_INT, "step: when it was applied [optimiser steps]"),
    HT_H5_COLUMN(mutation_row, epoch, HT_H5_INT, "epoch: when it was applied [epochs, cut to an integer]"),
    HT_H5_TEXTS(mutation_row, phase, "phase: label of the stretch of the run"),
    HT_H5_TEXTS(mutation_row, actuator, "actuator: what was changed"),
    HT_H5_TEXTS(mutation_row, key, "key: which family of the actuator"),
    HT_H5_TEXTS(mutation_row, op, "op: what was done: the family's name, or mult, set, delta for one with a key"),
    HT_H5_TEXTS(mutation_row, source, "source: random, tpe, replay"),
    HT_H5_TEXTS(mutation_row, status, "status: what became of it"),
    HT_H5_TEXTS(mutation_row, scale, "scale: on which the value is learned: linear, log, beta"),
    HT_H5_TEXTS(mutation_row, text, "text: the value if it is a text; else empty"),
    HT_H5_REALS(mutation_row, value, "value: what was asked, one number an element; NaN = no such element"),
    HT_H5_TEXTS(mutation_row, param, "param: the first knob that was touched; empty = none"),
    HT_H5_REALS(mutation_row, before, "before: its first numbers before, an element or parameter group each; NaN = none"),
    HT_H5_REALS(mutation_row, after, "after: its first numbers after; NaN = none"),
};
static const ht_h5_table mutation_table = HT_H5_TABLE(mutation_row, mutation_columns);

static void fill_value(double to[HT_BOUNDS_MAX], const ht_value *v)
{
    for (size_t i = 0; i < HT_BOUNDS_MAX; i++)
        to[i] = v->kind == HT_VALUE_LIST && i < v->n_items ? v->items[i].number : NAN;
    if (ht_value_is_number(v) || v->kind == HT_VALUE_BOOL)
        to[0] = v->scalar.number;
}

static void fill_mutation(mutation_row *row, const ht_mutation *m)
{
    const ht_change *c = &m->changes[0];
    *row = (mutation_row){
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

/* Segments and their mutations, row by row. */
static bool write_segments(hid_t group, const ht_study_run *run)
{
    const char *primary = run->recipe->objective.primary;
    segment_row *segments = calloc(run->n_segments + 1, sizeof *segments);
    mutation_row *mutations = calloc(run->n_segments + 1, sizeof *mutations);
    bool fine = segments != NULL && mutations != NULL;
    for (size_t i = 0; fine && i < run->n_segments; i++) {
        fill_segment(&segments[i], &run->segments[i], &run->mutations[i], primary);
        fill_mutation(&mutations[i], &run->mutations[i]);
    }
    fine = fine && ht_h5_write_table(group, "segments", &segment_table, run->n_segments, segments) &&
           ht_h5_write_table(group, "mutations", &mutation_table, run->n_segments, mutations);
    free(segments);
    free(mutations);
    return fine;
}

/* ---- readings of all metrics -------------------------------------------------------------------- */

enum { METRICS_MAX = 64 };  /* distinct names in one run; the recipe allows 16 at a time */

typedef struct {
    size_t n;
    const char *at[METRICS_MAX];
} metric_names;

static void gather_names(metric_names *names, const ht_readings *r)
{
    for (size_t i = 0; i < r->n; i++) {
        size_t k = 0;
        while (k < names->n && strcmp(names->at[k], r->at[i].name) != 0)
            k++;
        if (k == names->n && k < METRICS_MAX)
            names->at[names->n++] = r->at[i].name;
    }
}

/* Segments x metrics, before (`post` false) or after. */
static bool write_readings(hid_t group, const ht_study_run *run, const metric_names *names, bool post)
{
    double *cells = calloc(run->n_segments * names->n + 1, sizeof *cells);
    if (cells == NULL)
        return false;
    for (size_t i = 0; i < run->n_segments; i++)
        for (size_t k = 0; k < names->n; k++)
            cells[i * names->n + k] =
                reading(post ? &run->segments[i].post : &run->segments[i].pre, names->at[k]);
    bool fine = ht_h5_write_matrix(group, post ? "readings_post" : "readings_pre", run->n_segments, names->n,
                                   cells, names->at);
    free(cells);
    return fine;
}

static bool write_all_readings(hid_t group, const ht_study_run *run)
{
    metric_names names = {0};
    for (size_t i = 0; i < run->n_segments; i++) {
        gather_names(&names, &run->segments[i].pre);
        gather_names(&names, &run->segments[i].post);
    }
    return names.n == 0 ||
           (write_readings(group, run, &names, false) && write_readings(group, run, &names, true));
}

/* ---- curves, evidence, observations ------------------------------------------------------------- */

typedef struct {
    long long replica, step, epoch;
    double value;
} curve_row;

static const ht_h5_column curve_columns[] = {
    HT_H5_COLUMN(curve_row, replica, HT_H5_INT, "replica: 0 ..."),
    HT_H5_COLUMN(curve_row, step, HT_H5_INT, "step: [optimiser steps]"),
    HT_H5_COLUMN(curve_row, epoch, HT_H5_INT, "epoch: [epochs, cut to an integer]"),
    HT_H5_COLUMN(curve_row, value, HT_H5_REAL, "value: the objective at a safe point"),
};
static const ht_h5_table curve_table = HT_H5_TABLE(curve_row, curve_columns);

static bool write_curves(hid_t group, const ht_study_run *run)
{
    curve_row *rows = calloc(run->n_points + 1, sizeof *rows);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < run->n_points; i++)
        rows[i] = (curve_row){run->points[i].replica, run->points[i].step, run->points[i].epoch,
                              run->points[i].value};
    bool fine = ht_h5_write_table(group, "curves", &curve_table, run->n_points, rows);
    free(rows);
    return fine;
}

static const ht_h5_column evidence_columns[] = {
    HT_H5_TEXTS(ht_study_evidence_row, actuator, "actuator: first part of the family"),
    HT_H5_TEXTS(ht_study_evidence_row, key, "key: second part of the family"),
    HT_H5_TEXTS(ht_study_evidence_row, phase, "phase: empty = all phases together"),
    HT_H5_COLUMN(ht_study_evidence_row, win_rate, HT_H5_REAL, "win_rate: accepted / decided segments"),
    HT_H5_COLUMN(ht_study_evidence_row, mean_score, HT_H5_REAL, "mean_score: [objective]"),
    HT_H5_COLUMN(ht_study_evidence_row, win_center, HT_H5_REAL, "win_center: mean of the accepted values on their scale, as a value"),
    HT_H5_COLUMN(ht_study_evidence_row, win_spread, HT_H5_REAL, "win_spread: their standard deviation on that scale"),
    HT_H5_COLUMN(ht_study_evidence_row, wins, HT_H5_REAL, "wins: number of accepted segments"),
};
const ht_h5_table ht_study_evidence_table = HT_H5_TABLE(ht_study_evidence_row, evidence_columns);

static bool write_evidence(hid_t group, const ht_statistics *s)
{
    ht_evidence *e = calloc(s->n_families + 1, sizeof *e);
    ht_study_evidence_row *rows = calloc(s->n_families + 1, sizeof *rows);
    bool fine = e != NULL && rows != NULL;
    size_t n = 0;
    if (fine)
        ht_statistics_evidence(s, e);
    for (size_t i = 0; fine && i < s->n_families; i++) {
        if (s->families[i].decided == 0)
            continue;
        ht_study_evidence_row *row = &rows[n++];
        HT_H5_COPY(row->actuator, e[i].actuator);
        HT_H5_COPY(row->key, e[i].key);
        HT_H5_COPY(row->phase, e[i].phase);
        row->win_rate = e[i].win_rate;
        row->mean_score = e[i].mean_score;
        row->win_center = e[i].win_center;
        row->win_spread = e[i].win_spread;
        row->wins = e[i].wins;
    }
    fine = fine && ht_h5_write_table(group, "evidence", &ht_study_evidence_table, n, rows);
    free(e);
    free(rows);
    return fine;
}

typedef struct {
    char phase[HT_NAME_MAX], actuator[HT_NAME_MAX], key[HT_NAME_MAX];
    double x[HT_BOUNDS_MAX], y;
} observation_row;

static const ht_h5_column observation_columns[] = {
    HT_H5_TEXTS(observation_row, phase, "phase: where it was made"),
    HT_H5_TEXTS(observation_row, actuator, "actuator: first part of the family"),
    HT_H5_TEXTS(observation_row, key, "key: second part of the family"),
    HT_H5_REALS(observation_row, x, "x: effective value on the family's scale, one number an element; NaN = no such element"),
    HT_H5_COLUMN(observation_row, y, HT_H5_REAL, "y: score [objective], more is better; -inf = diverged"),
};
static const ht_h5_table observation_table = HT_H5_TABLE(observation_row, observation_columns);

bool ht_study_write_posterior(hid_t group, const ht_posterior *posterior, const char *run)
{
    size_t n = posterior == NULL ? 0 : ht_posterior_count(posterior);
    observation_row *rows = calloc(n + 1, sizeof *rows);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        const ht_observation *o = ht_posterior_peek(posterior, i);
        HT_H5_COPY(rows[i].phase, o->phase);
        HT_H5_COPY(rows[i].actuator, o->actuator);
        HT_H5_COPY(rows[i].key, o->key);
        for (size_t k = 0; k < HT_BOUNDS_MAX; k++)
            rows[i].x[k] = k < o->n ? o->x[k] : NAN;
        rows[i].y = o->y;
    }
    bool fine = ht_h5_put_text(group, "run", run) &&
                ht_h5_write_table(group, "observations", &observation_table, n, rows);
    free(rows);
    return fine;
}

/* ---- the run ------------------------------------------------------------------------------------ */

char *ht_study_recipe_text(const ht_recipe *r)
{
    ht_string text = {0};
    ht_recipe_print_yaml(r, &text);
    return ht_string_take(&text);
}

static bool put_environment(hid_t group, const ht_study_run *run)
{
    char hash[17];
    return ht_recipe_hash(run->recipe, hash) == HT_OK && ht_h5_put_text(group, "id", run->id) &&
           ht_h5_put_text(group, "name", run->name) && ht_h5_put_real(group, "started", run->started) &&
           ht_h5_put_real(group, "ended", run->ended) && ht_h5_put_unsigned(group, "seed", run->seed) &&
           ht_h5_put_int(group, "replicas", run->n_replicas) &&
           ht_h5_put_int(group, "ranks_per_replica", run->ranks_per_replica) &&
           ht_h5_put_text(group, "mpi_version", run->mpi_version) &&
           ht_h5_put_text(group, "slurm_job", run->slurm_job) && ht_h5_put_text(group, "nodes", run->nodes) &&
           ht_h5_put_text(group, "recipe_hash", hash);
}

static bool put_outcome(hid_t group, const ht_study_run *run)
{
    const ht_statistics *s = run->statistics;
    bool fine = ht_h5_put_real(group, "result_val", run->has_result ? run->result_val : NAN) &&
                ht_h5_put_real(group, "result_test", run->has_result ? run->result_test : NAN) &&
                ht_h5_put_int(group, "total_mutations", (long long)s->total_mutations) &&
                ht_h5_put_int(group, "applied_mutations", (long long)s->applied_mutations) &&
                ht_h5_put_int(group, "failed", (long long)s->failed) &&
                ht_h5_put_int(group, "suggested", (long long)s->suggested) &&
                ht_h5_put_real(group, "accept_rate", ht_statistics_accept_rate(s));
    for (int d = 0; fine && d <= HT_DECISION_LOST; d++)
        fine = ht_h5_put_int(group, ht_decision_text((ht_decision)d), (long long)s->by_decision[d]);
    return fine;
}

bool ht_study_write_run(hid_t group, const ht_study_run *run)
{
    char *text = ht_study_recipe_text(run->recipe);
    bool fine = text != NULL && put_environment(group, run) && put_outcome(group, run) &&
                ht_h5_write_text(group, "recipe", text) &&
                ht_h5_write_text(group, "base_recipe", run->base_recipe != NULL ? run->base_recipe : text) &&
                write_segments(group, run) && write_all_readings(group, run) && write_curves(group, run) &&
                write_evidence(group, run->statistics);
    free(text);
    return fine;
}
