/* src/store/record_json.c - records as JSON objects; the contract is in record_json.h.
 *
 * hotcb's keys come first and in its order, ours follow. What does not exist is null where hotcb has the
 * key, and left out where the key is ours. Numbers that are not finite become null.
 * Pure: no files, no clock. */
#include "store/record_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/value.h"
#include "tune/evaluate.h"

static void put_id(cJSON *o, const char *name, const char *prefix, unsigned long number)
{
    char text[40];
    snprintf(text, sizeof text, "%s%05lu", prefix, number);
    ht_json_put_text(o, name, number == 0 ? NULL : text);
}

static void put_run(cJSON *o, unsigned long run)
{
    char text[32];
    snprintf(text, sizeof text, "r%lu", run);
    if (run > 0)
        ht_json_put_text(o, "run", text);
}

static void put_wall_time(cJSON *o, double wall_time)
{
    if (wall_time > 0)
        ht_json_put_real(o, "wall_time", wall_time);
}

static void put_text_if_any(cJSON *o, const char *name, const char *text)
{
    if (text[0] != '\0')
        ht_json_put_text(o, name, text);
}

static void put_text_or_null(cJSON *o, const char *name, const char *text)
{
    ht_json_put_text(o, name, text[0] == '\0' ? NULL : text);
}

static void put_int_or_null(cJSON *o, const char *name, long long x)
{
    if (x < 0)
        ht_json_put(o, name, cJSON_CreateNull());
    else
        ht_json_put_int(o, name, (double)x);
}

static void put_codes(cJSON *o, const char *name, const ht_codes *codes)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; list != NULL && i < codes->n; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(codes->code[i]));
    ht_json_put(o, name, list);
}

static void add_readings(cJSON *o, const ht_readings *r)
{
    for (size_t i = 0; i < r->n; i++)
        ht_json_put_real(o, r->at[i].name, r->at[i].value);
}

static void put_readings(cJSON *o, const char *name, const ht_readings *r)
{
    cJSON *object = cJSON_CreateObject();
    add_readings(object, r);
    ht_json_put(o, name, object);
}

/* ---- mutations ------------------------------------------------------------------------------ */

static cJSON *patch_to_json(const ht_patch *p)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_text(o, "op", p->op);
    put_text_if_any(o, "key", p->key);
    ht_json_put(o, "value", ht_value_to_json(&p->value));
    if (p->floor > 0)
        ht_json_put(o, "floor", ht_json_real(p->floor));
    return o;
}

static cJSON *context_to_json(const ht_mutation *m)
{
    cJSON *o = cJSON_CreateObject();
    if (!m->has_context)
        return o;
    ht_json_put_text(o, "phase_bin", m->phase);
    add_readings(o, &m->context);
    ht_json_put_int(o, "reject_streak", (double)m->reject_streak);
    ht_json_put_int(o, "mutation_count", (double)m->mutation_count);
    return o;
}

/* One number as it is, several as a list. */
static cJSON *cells_to_json(const double *cells, size_t n)
{
    if (n == 1)
        return ht_json_real(cells[0]);
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; list != NULL && i < n && i < HT_CELLS_MAX; i++)
        cJSON_AddItemToArray(list, ht_json_real(cells[i]));
    return list;
}

static void put_changes(cJSON *o, const ht_mutation *m)
{
    if (m->n_changes == 0)
        return;
    cJSON *before = cJSON_CreateObject(), *after = cJSON_CreateObject();
    for (size_t i = 0; i < m->n_changes && i < HT_CHANGES_MAX; i++) {
        const ht_change *c = &m->changes[i];
        ht_json_put(before, c->param,
                    c->was_absent ? cJSON_CreateNull() : cells_to_json(c->before, c->n_cells));
        ht_json_put(after, c->param, cells_to_json(c->after, c->n_cells));
    }
    ht_json_put(o, "before", before);
    ht_json_put(o, "after", after);
}

cJSON *ht_mutation_to_json(const ht_mutation *m, ht_stamp stamp)
{
    cJSON *o = cJSON_CreateObject();
    if (o == NULL)
        return NULL;
    put_id(o, "mutation_id", "m_", m->number);
    ht_json_put_int(o, "step", (double)m->step);
    ht_json_put_int(o, "epoch", (double)m->epoch);
    ht_json_put_text(o, "phase_bin", m->phase);
    ht_json_put_text(o, "event", "val_epoch_end");
    ht_json_put_text(o, "actuator", m->actuator);
    ht_json_put(o, "patch", patch_to_json(&m->patch));
    ht_json_put_text(o, "proposal_source", ht_source_text(m->source));
    ht_json_put(o, "context", context_to_json(m));
    put_id(o, "snapshot_ref", "snap_", m->has_snapshot ? m->number : 0);
    ht_json_put_text(o, "status", ht_mutation_status_text(m->status));
    put_run(o, stamp.run);
    ht_json_put_int(o, "replica", m->replica);
    put_wall_time(o, stamp.wall_time);
    put_changes(o, m);
    if (stamp.run > 0)
        ht_json_put_text(o, "scale", ht_scale_text(m->scale));
    put_text_if_any(o, "error", m->error);
    put_text_if_any(o, "reason", m->reason);
    return o;
}

/* ---- segments ------------------------------------------------------------------------------- */

static cJSON *stability_to_json(const ht_stability *s)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_bool(o, "nan", s->nan);
    ht_json_put_bool(o, "anomaly", s->anomaly);
    ht_json_put_bool(o, "grad_spike", s->grad_spike);
    return o;
}

cJSON *ht_segment_to_json(const ht_segment *g, ht_stamp stamp)
{
    cJSON *o = cJSON_CreateObject();
    if (o == NULL)
        return NULL;
    ht_readings delta = {0};
    ht_deltas(g, &delta);
    put_id(o, "segment_id", "s_", g->number);
    put_id(o, "mutation_id", "m_", g->mutation);
    ht_json_put_int(o, "start_step", (double)g->start_step);
    ht_json_put_int(o, "end_step", (double)g->end_step);
    ht_json_put_text(o, "horizon_type", g->horizon);
    put_readings(o, "pre", &g->pre);
    put_readings(o, "post", &g->post);
    put_readings(o, "delta", &delta);
    ht_json_put(o, "stability", stability_to_json(&g->stability));
    ht_json_put_text(o, "decision", ht_decision_text(g->decision));
    ht_json_put_real(o, "score_delta", g->has_score ? g->score : NAN);
    put_run(o, stamp.run);
    ht_json_put_int(o, "replica", g->replica);
    put_text_if_any(o, "reason", g->reason);
    if (g->early)
        ht_json_put_bool(o, "early", true);
    if (g->rollback != HT_ROLLBACK_NONE)
        ht_json_put_text(o, "rollback", ht_rollback_text(g->rollback));
    put_wall_time(o, stamp.wall_time);
    return o;
}

/* ---- windows and the ledger ----------------------------------------------------------------- */

cJSON *ht_window_to_json(const ht_window *w, ht_stamp stamp)
{
    cJSON *o = cJSON_CreateObject();
    if (o == NULL)
        return NULL;
    cJSON *metrics = cJSON_CreateObject();
    for (size_t i = 0; i < w->readings.n; i++)
        if (isfinite(w->readings.at[i].value))
            ht_json_put_real(metrics, w->readings.at[i].name, w->readings.at[i].value);
    put_int_or_null(o, "step", w->step);
    put_int_or_null(o, "epoch", w->epoch);
    put_wall_time(o, stamp.wall_time);
    ht_json_put(o, "metrics", metrics);
    ht_json_put_text(o, "event", "val_epoch_end");
    ht_json_put_text(o, "phase_bin", w->phase);
    ht_json_put_text(o, "mode", ht_mode_text(w->mode));
    put_codes(o, "blockers", &w->blockers);
    ht_json_put_int(o, "reject_streak", (double)w->reject_streak);
    ht_json_put_bool(o, "asked", w->asked);
    put_codes(o, "blocked", &w->blocked);
    ht_json_put_int(o, "replica", w->replica);
    put_run(o, stamp.run);
    put_id(o, "active_mutation", "m_", w->has_active ? w->active : 0);
    ht_json_put_int(o, "pause_left", (double)w->pause_left);
    ht_json_put_int(o, "global_cooldown", (double)w->global_cooldown);
    return o;
}

static void put_copy(cJSON *o, const char *name, const cJSON *item)
{
    ht_json_put(o, name, item == NULL ? cJSON_CreateNull() : cJSON_Duplicate(item, 1));
}

cJSON *ht_ledger_to_json(const ht_ledger_line *l, unsigned long seq, double wall_time)
{
    cJSON *o = cJSON_CreateObject();
    if (o == NULL)
        return NULL;
    ht_json_put_int(o, "seq", (double)seq);
    put_int_or_null(o, "step", l->step);
    put_int_or_null(o, "epoch", l->epoch);
    ht_json_put_text(o, "event", l->event);
    put_text_or_null(o, "phase", l->phase);
    ht_json_put_text(o, "module", l->module);
    ht_json_put_text(o, "op", l->op);
    put_text_or_null(o, "id", l->id);
    ht_json_put_text(o, "source", ht_operation_source_text(l->source));
    ht_json_put_text(o, "decision", ht_ledger_decision_text(l->decision));
    put_copy(o, "params", l->params);
    put_copy(o, "payload", l->payload);
    put_text_or_null(o, "error", l->error);
    ht_json_put(o, "traceback", cJSON_CreateNull());
    put_text_or_null(o, "notes", l->notes);
    ht_json_put_real(o, "wall_time", wall_time);
    put_int_or_null(o, "cmd_end", l->command_end);
    return o;
}

/* ---- the summary ---------------------------------------------------------------------------- */

static void family_name(char text[2 * HT_NAME_MAX], const char *actuator, const char *key)
{
    snprintf(text, 2 * HT_NAME_MAX, "%s:%s", actuator, key);
}

static cJSON *decisions_to_json(const ht_statistics *s)
{
    cJSON *o = cJSON_CreateObject();
    for (int d = 0; d <= HT_DECISION_LOST; d++)
        if (s->by_decision[d] > 0)
            ht_json_put_int(o, ht_decision_text((ht_decision)d), (double)s->by_decision[d]);
    return o;
}

/* What the families came to: one object a number, by family. */
typedef struct {
    cJSON *win_rates, *mean_scores, *win_centers, *win_spreads, *win_counts, *phases;
} family_numbers;

static cJSON *phase_object(cJSON *phases, const char *phase)
{
    cJSON *o = cJSON_GetObjectItemCaseSensitive(phases, phase);
    if (o == NULL) {
        ht_json_put(phases, phase, cJSON_CreateObject());
        o = cJSON_GetObjectItemCaseSensitive(phases, phase);
    }
    return o;
}

static void put_phase(cJSON *phases, const char *family, const ht_evidence *e, bool scored)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_real(o, "win_rate", e->win_rate);
    if (scored)
        ht_json_put_real(o, "mean_score", e->mean_score);
    if (e->wins > 0) {
        ht_json_put_real(o, "win_center", e->win_center);
        ht_json_put_real(o, "win_spread", e->win_spread);
    }
    ht_json_put_int(o, "win_count", e->wins);
    ht_json_put(phase_object(phases, e->phase), family, o);
}

static void put_family(family_numbers *f, const ht_evidence *e, bool scored)
{
    char family[2 * HT_NAME_MAX];
    family_name(family, e->actuator, e->key);
    if (e->phase[0] != '\0') {
        put_phase(f->phases, family, e, scored);
        return;
    }
    ht_json_put_real(f->win_rates, family, e->win_rate);
    if (scored)
        ht_json_put_real(f->mean_scores, family, e->mean_score);
    if (e->wins > 0) {
        ht_json_put_real(f->win_centers, family, e->win_center);
        ht_json_put_real(f->win_spreads, family, e->win_spread);
    }
    ht_json_put_int(f->win_counts, family, e->wins);
}

static void family_numbers_release(family_numbers *f)
{
    cJSON *all[] = {f->win_rates, f->mean_scores, f->win_centers, f->win_spreads, f->win_counts, f->phases};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        cJSON_Delete(all[i]);
}

/* @return false: no memory, nothing is held */
static bool family_numbers_make(const ht_statistics *s, family_numbers *f)
{
    *f = (family_numbers){cJSON_CreateObject(), cJSON_CreateObject(), cJSON_CreateObject(),
                          cJSON_CreateObject(), cJSON_CreateObject(), cJSON_CreateObject()};
    ht_evidence *e = calloc(s->n_families + 1, sizeof *e);
    bool made = e != NULL && f->win_rates != NULL && f->mean_scores != NULL && f->win_centers != NULL &&
                f->win_spreads != NULL && f->win_counts != NULL && f->phases != NULL;
    if (made) {
        ht_statistics_evidence(s, e);
        for (size_t i = 0; i < s->n_families; i++)
            if (s->families[i].decided > 0)
                put_family(f, &e[i], s->families[i].scored > 0);
    } else {
        family_numbers_release(f);
    }
    free(e);
    return made;
}

static cJSON *blocked_to_json(const ht_statistics *s)
{
    cJSON *o = cJSON_CreateObject();
    for (size_t i = 0; i < s->n_blocked; i++)
        ht_json_put_int(o, s->blocked[i].code, (double)s->blocked[i].n);
    return o;
}

/* hotcb's keys, taking over what it needs of `f`. */
static void put_summary_head(cJSON *o, const ht_statistics *s, family_numbers *f, ht_mode mode,
                             long long total_steps)
{
    ht_json_put_int(o, "total_mutations", (double)s->total_mutations);
    ht_json_put_int(o, "applied_mutations", (double)s->applied_mutations);
    ht_json_put(o, "segments_by_decision", decisions_to_json(s));
    ht_json_put(o, "win_rates", f->win_rates);
    ht_json_put(o, "mean_scores", f->mean_scores);
    ht_json_put_real(o, "accept_rate", ht_statistics_accept_rate(s));
    ht_json_put_text(o, "mode", ht_mode_text(mode));
    put_int_or_null(o, "total_steps", total_steps > 0 ? total_steps : -1);
}

static void put_summary_tail(cJSON *o, const ht_statistics *s, family_numbers *f)
{
    ht_json_put(o, "win_centers", f->win_centers);
    ht_json_put(o, "win_spreads", f->win_spreads);
    ht_json_put(o, "win_counts", f->win_counts);
    ht_json_put(o, "phases", f->phases);
    ht_json_put_int(o, "failed", (double)s->failed);
    ht_json_put_int(o, "suggested", (double)s->suggested);
}

cJSON *ht_summary_to_json(const ht_statistics *s, ht_mode mode, long long total_steps,
                          unsigned long replay_missed)
{
    family_numbers f;
    cJSON *o = cJSON_CreateObject();
    if (o == NULL || !family_numbers_make(s, &f)) {
        cJSON_Delete(o);
        return NULL;
    }
    put_summary_head(o, s, &f, mode, total_steps);
    put_summary_tail(o, s, &f);
    ht_json_put(o, "blocked", blocked_to_json(s));
    ht_json_put_int(o, "replay_missed", (double)replay_missed);
    return o;
}

/* The best reading so far, and what the replica that reported a result said of its best state. */
static cJSON *champion_to_json(const ht_coordinator_view *v)
{
    if (!v->has_best && !v->has_result)
        return cJSON_CreateNull();
    cJSON *o = cJSON_CreateObject();
    if (v->has_best) {
        ht_json_put_int(o, "replica", v->best_replica);
        ht_json_put_int(o, "step", (double)v->best_step);
        ht_json_put_int(o, "epoch", (double)v->best_epoch);
        ht_json_put_real(o, "value", v->best);
    }
    if (v->has_result) {
        ht_json_put_int(o, "result_replica", v->result_replica);
        ht_json_put_real(o, "val", v->result_val);
        ht_json_put_real(o, "test", v->result_test);
    }
    return o;
}

static cJSON *population_to_json(const ht_pool *pool, const ht_learned *learned)
{
    cJSON *o = cJSON_CreateObject();
    ht_pool_view v;
    ht_pool_peek(pool, &v);
    ht_json_put_text(o, "policy", v.policy);
    ht_json_put_text(o, "stage", v.stage);
    ht_json_put_real(o, "wall_epochs", v.wall);
    ht_json_put_int(o, "epochs", v.epochs);
    ht_json_put_int(o, "islands", v.islands);
    ht_json_put_real(o, "utilisation", v.utilisation);
    ht_json_put(o, "schedule", ht_pool_schedule(pool));
    ht_json_put(o, "gain", ht_pool_gain(pool));
    ht_json_put(o, "learned", ht_lessons_to_json(learned, pool));
    return o;
}

cJSON *ht_summary_file_to_json(const ht_coordinator_view *v, unsigned long run, const char *study_run,
                               bool final, cJSON *live)
{
    family_numbers f;
    cJSON *o = cJSON_CreateObject();
    if (o == NULL || !family_numbers_make(v->statistics, &f)) {
        cJSON_Delete(o);
        cJSON_Delete(live);
        return NULL;
    }
    put_summary_head(o, v->statistics, &f, v->mode, v->total_steps);
    put_run(o, run);
    put_text_if_any(o, "study_run", study_run != NULL ? study_run : "");
    ht_json_put_bool(o, "final", final);
    put_summary_tail(o, v->statistics, &f);
    ht_json_put_int(o, "open", (double)v->open);
    ht_json_put(o, "blocked", blocked_to_json(v->statistics));
    ht_json_put_int(o, "replay_missed", (double)v->replay_missed);
    ht_json_put(o, "champion", champion_to_json(v));
    if (v->pool != NULL)
        ht_json_put(o, "population", population_to_json(v->pool, v->learned));
    ht_json_put(o, "live", live);
    return o;
}

/* ---- evidence from a summary ---------------------------------------------------------------- */

/* "actuator:key", divided at the first colon. @return false if it is no family */
static bool parse_family(const char *text, ht_evidence *e)
{
    const char *colon = strchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof e->actuator)
        return false;
    memcpy(e->actuator, text, (size_t)(colon - text));
    e->actuator[colon - text] = '\0';
    return ht_name_copy(e->key, colon + 1);
}

static bool read_family(const cJSON *summary, const cJSON *rate, ht_evidence *e)
{
    const char *name = rate->string;
    *e = (ht_evidence){.win_rate = rate->valuedouble};
    if (!cJSON_IsNumber(rate) || !parse_family(name, e))
        return false;
    const cJSON *centers = ht_json_member(summary, "win_centers");
    e->mean_score = ht_json_number(ht_json_member(summary, "mean_scores"), name, 0);
    e->win_center = ht_json_number(centers, name, 0);
    e->win_spread = ht_json_number(ht_json_member(summary, "win_spreads"), name, 0);
    if (cJSON_IsNumber(ht_json_member(centers, name)))
        e->wins = ht_json_number(ht_json_member(summary, "win_counts"), name, 1);
    return true;
}

static bool read_phase(const cJSON *phase, const cJSON *family, ht_evidence *e)
{
    *e = (ht_evidence){.win_rate = ht_json_number(family, "win_rate", 0)};
    if (!cJSON_IsObject(family) || !parse_family(family->string, e) || !ht_name_copy(e->phase, phase->string))
        return false;
    e->mean_score = ht_json_number(family, "mean_score", 0);
    e->win_center = ht_json_number(family, "win_center", 0);
    e->win_spread = ht_json_number(family, "win_spread", 0);
    if (cJSON_IsNumber(ht_json_member(family, "win_center")))
        e->wins = ht_json_number(family, "win_count", 1);
    return true;
}

ht_status ht_summary_evidence(const cJSON *summary, size_t *n, ht_evidence **evidence, ht_error *err)
{
    if (!cJSON_IsObject(summary))
        return ht_fail(err, HT_EFORMAT, "this is no run summary: a JSON object is expected");
    const cJSON *rates = ht_json_member(summary, "win_rates"), *phases = ht_json_member(summary, "phases");
    const cJSON *item, *family;
    size_t room = 0, m = 0;
    cJSON_ArrayForEach(item, rates)
        room++;
    cJSON_ArrayForEach(item, phases)
        cJSON_ArrayForEach(family, item)
            room++;
    ht_evidence *e = NULL;
    if (room > 0 && (e = calloc(room, sizeof *e)) == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the evidence of %zu families", room);
    if (cJSON_IsObject(rates))
        cJSON_ArrayForEach(item, rates)
            m += read_family(summary, item, &e[m]);
    if (cJSON_IsObject(phases))
        cJSON_ArrayForEach(item, phases)
            if (cJSON_IsObject(item))
                cJSON_ArrayForEach(family, item)
                    m += read_phase(item, family, &e[m]);
    if (m == 0) {
        free(e);
        e = NULL;
    }
    *n = m;
    *evidence = e;
    return HT_OK;
}
