/* src/store/run_optuna.c - records of a run become trials of a study in Optuna's format; the contract is in
 * run_optuna.h.
 *
 * Independent: a mutation that was applied begins a trial, its segment ends it. Pooled: a verdict is a whole trial;
 * what its replica's windows said meanwhile was kept. May touch: the heap; the file by way of run_trials.c. */
#include "store/run_optuna.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/run_trials.h"

enum { WINDOWS_MAX = 4096 };    /* of a replica that wait for a verdict; a race has none */

typedef struct {
    ht_run_trial *open;         /* independent: of the mutation in force; NULL = none; borrowed from the trials */
    ht_run_trial *judged;       /* pooled: of its last verdict, until it is written; NULL = none; likewise */
    ht_run_steps windows;       /* pooled: since its last verdict */
    size_t n_values;
    double *values;             /* [n_values] of the knobs as last seen, by index of the parameter; owned */
} replica;

struct ht_run_optuna {
    ht_run_trials *trials;      /* owned */
    unsigned long run;
    bool has_controls;          /* the start values are known */
    int n_replicas;
    replica *replicas;          /* [n_replicas], owned */
};

ht_status ht_run_optuna_open(const ht_run_optuna_options *o, double now, ht_run_optuna **out, ht_error *err)
{
    ht_run_optuna *s = calloc(1, sizeof *s);
    int n = o->n_replicas > 0 ? o->n_replicas : 1;
    if (s == NULL || (s->replicas = calloc((size_t)n, sizeof *s->replicas)) == NULL) {
        free(s);
        return ht_fail(err, HT_ENOMEM, "no memory for the trials of %d replicas", n);
    }
    s->n_replicas = n;
    s->run = o->run;
    ht_status st = ht_run_trials_open(o, now, &s->trials, err);
    if (st == HT_OK)
        *out = s;
    else
        ht_run_optuna_close(s);
    return st;
}

void ht_run_optuna_close(ht_run_optuna *s)
{
    if (s == NULL)
        return;
    for (int i = 0; i < s->n_replicas; i++) {
        free(s->replicas[i].windows.at);
        free(s->replicas[i].values);
    }
    free(s->replicas);
    ht_run_trials_close(s->trials);
    free(s);
}

const char *ht_run_optuna_refusal(const ht_run_optuna *s)
{
    return ht_run_trials_refusal(s->trials);
}

static replica *replica_of(ht_run_optuna *s, int number)
{
    return number >= 0 && number < s->n_replicas ? &s->replicas[number] : NULL;
}

/* ---- trials --------------------------------------------------------------------------------------- */

/* A trial that waits to be written and to be filled. *out stays NULL where the file takes no more. */
static ht_status add_trial(ht_run_optuna *s, const char *key, int number, size_t n, const double *values,
                           ht_run_trial **out, ht_error *err)
{
    char run[32];
    ht_run_trial *t = ht_run_trial_create(key, n, values);
    *out = NULL;
    if (t == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for trial %s", key);
    snprintf(run, sizeof run, "r%lu", s->run);
    ht_json_put_text(t->attributes, "hottune", key);
    ht_json_put_text(t->attributes, "run", run);
    ht_json_put_int(t->attributes, "replica", number);
    ht_status st = ht_run_trials_add(s->trials, t, err);
    if (st == HT_OK)
        *out = t;
    return st == HT_EREFUSED ? HT_OK : st;
}

static void end_trial(ht_run_trial *t, double now, bool complete, double value)
{
    complete = complete && isfinite(value);
    t->ended = now;
    t->state = complete ? HT_OPTUNA_COMPLETE : HT_OPTUNA_FAIL;
    t->value = complete ? value : NAN;
}

static void put_number(ht_run_trial *t, const char *name, double x)
{
    if (isfinite(x))
        ht_json_put_real(t->attributes, name, x);
}

static ht_status add_step(ht_run_trial *t, long long step, double value, ht_error *err)
{
    return step < 0 || isnan(value) ? HT_OK : ht_run_steps_add(&t->steps, step, value, 0, err);
}

/* ---- knobs of independent replicas --------------------------------------------------------------- */

/* Room for the value of every parameter; new ones begin where the program did. */
static ht_status widen(ht_run_optuna *s, replica *r, ht_error *err)
{
    const ht_run_space *space = ht_run_trials_space(s->trials);
    if (r->n_values >= space->n)
        return HT_OK;
    double *grown = realloc(r->values, space->n * sizeof *grown);
    if (grown == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the knobs of a replica");
    r->values = grown;
    while (r->n_values < space->n) {
        r->values[r->n_values] = space->p[r->n_values].start;
        r->n_values++;
    }
    return HT_OK;
}

typedef struct {
    ht_run_optuna *s;
    replica *r;
    bool back;          /* the mutation was undone */
} touching;

static ht_status touch(void *ctx, size_t at, double before, double after, ht_error *err)
{
    touching *t = ctx;
    HT_TRY(widen(t->s, t->r, err));
    t->r->values[at] = t->back ? before : after;
    return HT_OK;
}

static ht_status move_knobs(ht_run_optuna *s, replica *r, const ht_mutation *m, bool back, ht_error *err)
{
    touching t = {s, r, back};
    HT_TRY(widen(s, r, err));
    return ht_run_space_changed(ht_run_trials_space(s->trials), m, touch, &t, err);
}

static ht_status take_controls(ht_run_optuna *s, const char *controls, const ht_coordinator_view *view, ht_error *err)
{
    if (s->has_controls || view->tuned != NULL || controls == NULL)
        return HT_OK;
    s->has_controls = true;
    return ht_run_space_controls(ht_run_trials_space(s->trials), view->recipe, controls, err);
}

/* ---- segments of independent replicas ------------------------------------------------------------ */

static ht_status begin_trial(ht_run_optuna *s, replica *r, const ht_mutation *m, double now, ht_error *err)
{
    char key[sizeof r->open->key];
    snprintf(key, sizeof key, "r%lu/m_%05lu", s->run, m->number);
    r->open = NULL;
    HT_TRY(move_knobs(s, r, m, false, err));
    HT_TRY(add_trial(s, key, m->replica, r->n_values, r->values, &r->open, err));
    ht_run_trial *t = r->open;
    if (t == NULL)
        return HT_OK;
    t->mutation = m->number;
    t->start_step = m->step;
    t->started = now;
    ht_json_put_int(t->attributes, "mutation", (double)m->number);
    ht_json_put_text(t->attributes, "phase", m->phase);
    ht_json_put_int(t->attributes, "epoch", (double)m->epoch);
    ht_json_put_text(t->attributes, "actuator", m->actuator);
    ht_json_put_text(t->attributes, "key", m->key);
    ht_json_put_text(t->attributes, "role", "mutant");
    return HT_OK;
}

static bool is_undone(const ht_segment *g)
{
    return g->rollback == HT_ROLLBACK_EXACT || g->rollback == HT_ROLLBACK_RELATIVE;
}

/* A segment without a verdict says nothing of its knobs, good or bad: FAIL, which Optuna's samplers pass over. (PRUNED
 * would count as worse than everything that was judged.) */
static bool is_judged(const ht_segment *g)
{
    return g->decision != HT_DECISION_INCONCLUSIVE && g->decision != HT_DECISION_LOST;
}

static ht_status end_segment(ht_run_optuna *s, const ht_closed *closed, const char *primary, double now, ht_error *err)
{
    const ht_segment *g = &closed->segment;
    replica *r = replica_of(s, g->replica);
    if (r == NULL)
        return HT_OK;
    if (r->open != NULL && r->open->mutation != g->mutation)
        end_trial(r->open, now, false, NAN);
    if (r->open == NULL || r->open->mutation != g->mutation)    /* it began before this process did */
        HT_TRY(begin_trial(s, r, &closed->mutation, now, err));
    ht_run_trial *t = r->open;
    r->open = NULL;
    if (is_undone(g))
        HT_TRY(move_knobs(s, r, &closed->mutation, true, err));
    if (t == NULL)
        return HT_OK;
    const double *pre = ht_readings_find(&g->pre, primary), *post = ht_readings_find(&g->post, primary);
    ht_json_put_int(t->attributes, "segment", (double)g->number);
    ht_json_put_text(t->attributes, "decision", ht_decision_text(g->decision));
    if (g->reason[0] != '\0')
        ht_json_put_text(t->attributes, "reason", g->reason);
    if (g->has_score)
        put_number(t, "score", g->score);
    end_trial(t, now, is_judged(g), post != NULL ? *post : NAN);
    HT_TRY(add_step(t, g->start_step, pre != NULL ? *pre : NAN, err));
    return add_step(t, g->end_step, post != NULL ? *post : NAN, err);
}

/* ---- segments of a pooled run -------------------------------------------------------------------- */

static ht_status take_windows(replica *r, const ht_pool_verdict *v, ht_run_trial *t, double now, ht_error *err)
{
    size_t n = 0;
    t->started = now;
    for (; n < r->windows.n && r->windows.at[n].step <= v->end_step; n++) {
        const ht_run_step *w = &r->windows.at[n];
        if (n == 0 || w->step <= v->start_step)
            t->started = w->time;       /* its segment began when the one before it had been seen */
        if (w->step > v->start_step)
            HT_TRY(add_step(t, w->step, w->value, err));
    }
    ht_run_steps_drop(&r->windows, n > 0 ? n - 1 : 0);      /* the last one is when the next segment begins */
    return HT_OK;
}

static const char *decision_of(const ht_pool_verdict *v)
{
    return !v->finite ? "lost" : v->accepted ? "accepted" : "rejected";
}

static void describe(ht_run_trial *t, const ht_pool_verdict *v)
{
    ht_json_put_int(t->attributes, "segment", v->segment);
    ht_json_put_int(t->attributes, "island", v->island);
    ht_json_put_text(t->attributes, "phase", v->phase != NULL ? v->phase : "");
    put_number(t, "epoch", v->wall);
    ht_json_put_text(t->attributes, "role", v->mutant ? "mutant" : "control");
    if (v->mutant || !v->finite)
        ht_json_put_text(t->attributes, "decision", decision_of(v));
    ht_json_put_bool(t->attributes, "in_root", v->in_root);
    put_number(t, "score", v->score);
    put_number(t, "score_error", v->score_error);
}

static ht_status add_verdict(ht_run_optuna *s, const ht_pool_verdict *v, const ht_tuned *tuned, double now, ht_error *err)
{
    char key[sizeof s->replicas->judged->key];
    size_t at[HT_POOL_KNOBS_MAX];
    replica *r = replica_of(s, v->replica);
    ht_run_space *space = ht_run_trials_space(s->trials);
    if (r == NULL || tuned == NULL)
        return HT_OK;
    r->judged = NULL;
    HT_TRY(ht_run_space_tuned(space, tuned, at, err));
    HT_TRY(widen(s, r, err));
    for (size_t i = 0; i < tuned->n && i < v->n_knobs; i++)
        r->values[at[i]] = v->h[i];
    snprintf(key, sizeof key, "r%lu/s_%05d/%d", s->run, v->segment, v->replica);
    HT_TRY(add_trial(s, key, v->replica, r->n_values, r->values, &r->judged, err));
    ht_run_trial *t = r->judged;
    if (t == NULL)
        return HT_OK;
    describe(t, v);
    HT_TRY(add_step(t, v->start_step, v->before, err));
    HT_TRY(take_windows(r, v, t, now, err));
    end_trial(t, now, v->finite, v->loss);
    return add_step(t, v->end_step, v->loss, err);
}

/* A knob of a mutant is a mutation of its own in the logs. */
static void add_mutation(replica *r, unsigned long number)
{
    cJSON *attributes = r->judged != NULL ? r->judged->attributes : NULL, *list;
    if (attributes == NULL)
        return;
    if ((list = cJSON_GetObjectItemCaseSensitive(attributes, "mutations")) == NULL)
        list = cJSON_AddArrayToObject(attributes, "mutations");
    cJSON_AddItemToArray(list, ht_json_int((double)number));
}

/* ---- records -------------------------------------------------------------------------------------- */

static ht_status take_mutation(ht_run_optuna *s, const ht_mutation *m, double now, ht_error *err)
{
    replica *r = replica_of(s, m->replica);
    return r != NULL && m->status == HT_MUTATION_APPLIED ? begin_trial(s, r, m, now, err) : HT_OK;
}

static ht_status take_segment(ht_run_optuna *s, const ht_closed *closed, const ht_coordinator_view *view, double now,
                              ht_error *err)
{
    replica *r = replica_of(s, closed->segment.replica);
    if (view->tuned == NULL)
        return end_segment(s, closed, view->recipe->objective.primary, now, err);
    if (r != NULL)
        add_mutation(r, closed->segment.mutation);
    return HT_OK;
}

/* A mutation at this very decision point comes before its window: the window is of the segment before. */
static ht_status take_window(ht_run_optuna *s, const ht_window *w, const ht_coordinator_view *view, double now,
                             ht_error *err)
{
    replica *r = replica_of(s, w->replica);
    const double *value = ht_readings_find(&w->readings, view->recipe->objective.primary);
    if (r == NULL || value == NULL)
        return HT_OK;
    if (r->open != NULL && w->step > r->open->start_step)
        return add_step(r->open, w->step, *value, err);
    if (view->tuned == NULL)
        return HT_OK;
    if (r->windows.n >= WINDOWS_MAX)
        ht_run_steps_drop(&r->windows, WINDOWS_MAX / 2);
    return ht_run_steps_add(&r->windows, w->step, *value, now, err);
}

ht_status ht_run_optuna_take(ht_run_optuna *s, const ht_record *record, const ht_coordinator_view *view, double now,
                             ht_error *err)
{
    if (ht_run_optuna_refusal(s) != NULL)
        return HT_OK;
    switch (record->kind) {
    case HT_RECORD_MUTATION: return take_mutation(s, &record->as.mutation, now, err);
    case HT_RECORD_SEGMENT: return take_segment(s, &record->as.closed, view, now, err);
    case HT_RECORD_WINDOW: return take_window(s, &record->as.window, view, now, err);
    case HT_RECORD_VERDICT: return add_verdict(s, &record->as.verdict, view->tuned, now, err);
    case HT_RECORD_CONTROLS: return take_controls(s, record->as.controls, view, err);
    default: return HT_OK;
    }
}

ht_status ht_run_optuna_tick(ht_run_optuna *s, double clock, double now, ht_error *err)
{
    bool flushed = false;
    ht_status st = ht_run_trials_tick(s->trials, clock, now, &flushed, err);
    for (int i = 0; flushed && i < s->n_replicas; i++)
        s->replicas[i].judged = NULL;       /* it may be written, and gone */
    return st;
}

ht_status ht_run_optuna_finish(ht_run_optuna *s, double now, ht_error *err)
{
    for (int i = 0; i < s->n_replicas; i++)
        s->replicas[i].open = s->replicas[i].judged = NULL;
    return ht_run_trials_finish(s->trials, now, err);
}
