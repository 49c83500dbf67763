/* src/population/coordinator_pool.c - a pooled run: the coordinator lends its messages and records to the
 * pool; see coordinator_state.h.
 *
 * Whether a run is pooled is decided once, when the first replica is there: by the recipe, the mode and what
 * it brings. From then on the recipe stands, because pool and policy point into it.
 * May touch: the coordinator, the pool. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "population/coordinator_state.h"

/* ---- the start ------------------------------------------------------------------------------ */

bool ht_coordinator_wants_pool(const ht_coordinator *c)
{
    return c->recipe->population.mode == HT_POPULATION_POOLED;
}

/* Lines of a text as events. */
static void say_lines(ht_coordinator *c, const char *text)
{
    for (const char *line = text; *line != '\0';) {
        const char *end = line;
        while (*end != '\0' && *end != '\n')
            end++;
        ht_coordinator_note(c, "%.*s", (int)(end - line), line);
        line = *end == '\n' ? end + 1 : end;
    }
}

/* What nobody would call a fault of program or recipe. */
static bool is_meant_otherwise(const ht_coordinator *c, ht_error *why)
{
    if (c->mode != HT_MODE_ACTIVE)
        return ht_fail(why, HT_EREFUSED, "mode %s leaves the trainings as they are",
                       ht_mode_text(c->mode)) != HT_OK;
    if (c->freeze.mode == HT_FREEZE_REPLAY || c->freeze.mode == HT_FREEZE_REPLAY_ADJUSTED)
        return ht_fail(why, HT_EREFUSED, "freeze mode %s: a recorded operation list drives the trainings",
                       ht_freeze_mode_text(c->freeze.mode)) != HT_OK;
    return false;
}

static ht_status create_pool(ht_coordinator *c, const ht_pool_options *o, const ht_member *member,
                             ht_error *why)
{
    if (c->epochs <= 0)
        return ht_fail(why, HT_EINVAL, "the program did not say how many epochs it trains (max_epochs)");
    HT_TRY(ht_pool_create(o, member, &c->pool, why));
    c->member = *member;
    ht_tuned_find(c->recipe, &c->member, &c->tuned);
    ht_status st = ht_learned_create(&c->tuned, &c->learned, why);
    if (st != HT_OK) {
        ht_pool_destroy(c->pool);
        c->pool = NULL;
    }
    return st;
}

/* A person meant it to be pooled: the summary and whoever hears of plans tell why it is not. */
static void tell_fault(ht_coordinator *c, const char *why)
{
    char text[256];
    snprintf(text, sizeof text, "not pooled: %.230s", why);
    if (c->n_warnings < HT_WARNINGS_MAX)
        memcpy(c->warnings[c->n_warnings++], text, sizeof text);
    if (c->announce != NULL)
        c->announce(c->announce_ctx, text);
}

void ht_coordinator_pool_begin(ht_coordinator *c, const ht_member *member)
{
    if (c->pool_decided)
        return;
    c->pool_decided = true;
    if (!ht_coordinator_wants_pool(c))
        return;
    ht_coordinator_close_early(c);
    c->barrier = c->recipe->population.sync == HT_SYNC_BARRIER;     /* a pool will have its own */
    const ht_pool_options o = {.n_replicas = c->n_replicas, .recipe = c->recipe, .epochs = c->epochs,
                               .seed = (uint64_t)c->recipe->search.seed, .patience_s = 2 * c->silence_s};
    ht_error err = {""};
    ht_string plan = {0};
    if (!ht_coordinator_wants_pool(c))
        return;
    bool meant = is_meant_otherwise(c, &err);
    ht_status st = meant ? HT_EREFUSED : create_pool(c, &o, member, &err);
    c->no_memory |= st == HT_ENOMEM;
    if (st != HT_OK) {
        ht_coordinator_say(c, "not pooled, each replica is for itself: %.200s", err.text);
        if (!meant)
            tell_fault(c, err.text);
        return;
    }
    c->barrier = false;
    ht_pool_plan(&o, member, &plan);
    say_lines(c, ht_string_peek(&plan));
    if (c->announce != NULL)
        c->announce(c->announce_ctx, ht_string_peek(&plan));
    ht_string_release(&plan);
    if (c->stopping)
        ht_coordinator_pool_stop(c);
}

/* A replica whose state has another shape could never exchange it. */
bool ht_coordinator_pool_fits(const ht_coordinator *c, const ht_member *m)
{
    return m->layout == c->member.layout && m->state_bytes == c->member.state_bytes &&
           m->n_knobs == c->member.n_knobs && m->has_init == c->member.has_init;
}

/* ---- what is asked from outside -------------------------------------------------------------- */

static const char *knob_of(const ht_coordinator *c, const char *module, const char *key)
{
    for (size_t i = 0; key != NULL && i < c->member.n_knobs; i++) {
        const ht_member_knob *k = &c->member.knobs[i];
        if (strcmp(k->name, key) == 0 && strcmp(k->actuator, module) == 0)
            return k->name;
    }
    return NULL;
}

/* The first knob that an operation names and that the pool deals out. */
static const char *dealt_knob(const ht_coordinator *c, const ht_ledger_line *l)
{
    const char *key = ht_json_text(l->params, "key");
    const char *found = knob_of(c, l->module, key != NULL ? key : l->id);
    const cJSON *item;
    if (found == NULL && cJSON_IsObject(l->params))
        cJSON_ArrayForEach(item, l->params) {
            found = found != NULL ? found : knob_of(c, l->module, item->string);
        }
    return found;
}

static void take_mode(ht_coordinator *c, ht_mode mode, ht_ledger_line *l)
{
    c->mode = mode;
    l->decision = HT_LEDGER_APPLIED;
    l->payload = cJSON_CreateObject();
    ht_json_put_text(l->payload, "mode", ht_mode_text(mode));
    snprintf(l->notes, sizeof l->notes, "%s",
             mode == HT_MODE_ACTIVE ? "pooled: mutants again from the next segment on"
                                    : "pooled: no mutants from the next segment on");
}

bool ht_coordinator_pool_operate(ht_coordinator *c, ht_ledger_line *l)
{
    const char *text = ht_json_text(l->params, "mode"), *knob;
    ht_mode mode = HT_MODE_ACTIVE;
    if (strcmp(l->module, "tune") != 0) {
        knob = dealt_knob(c, l);
        if (knob != NULL)
            ht_ledger_refuse(l, "pooled_run: the population deals out '%s' with every piece of work", knob);
        return knob != NULL;
    }
    if (strcmp(l->op, "set") == 0) {
        ht_ledger_refuse(l, "pooled_run: the recipe stands until the end of a pooled run; set it at the "
                         "start");
    } else if (strcmp(l->op, "disable") == 0) {
        take_mode(c, HT_MODE_OFF, l);
    } else if (strcmp(l->op, "enable") == 0) {
        if (text != NULL)
            ht_mode_parse(text, &mode);     /* it is known: refuse_tune saw it */
        if (mode == HT_MODE_REPLAY)
            ht_ledger_refuse(l, "pooled_run: a mutation log is repeated by independent replicas only");
        else
            take_mode(c, mode, l);
    } else {
        return false;
    }
    return true;
}

/* ---- verdicts as records of the loop --------------------------------------------------------- */

static void put_readings(const ht_coordinator *c, ht_readings *r, double loss)
{
    ht_readings_put(r, c->recipe->objective.primary, loss);
}

static void log_knob(ht_coordinator *c, const ht_pool_verdict *v, size_t k)
{
    const ht_tuned_knob *knob = &c->tuned.k[k];
    ht_mutation m = {.number = ++c->mutations, .replica = v->replica, .step = v->start_step,
                     .epoch = (long long)v->wall, .scale = HT_SCALE_LOG, .source = v->fresh ? HT_SOURCE_RANDOM : HT_SOURCE_TPE,
                     .status = HT_MUTATION_APPLIED, .n_changes = 1};
    ht_name_copy(m.phase, v->phase != NULL ? v->phase : "");
    ht_name_copy(m.actuator, knob->actuator);
    ht_name_copy(m.key, knob->family->name);
    ht_name_copy(m.patch.op, m.key);
    m.patch.value = ht_real(exp(v->x[k]));
    ht_name_copy(m.changes[0].param, knob->name);
    m.changes[0].n_cells = 1;
    m.changes[0].before[0] = v->h[k] / exp(v->x[k]);
    m.changes[0].after[0] = v->h[k];
    ht_statistics_mutation(&c->statistics, &m);
    m.status = v->accepted ? HT_MUTATION_ACCEPTED : HT_MUTATION_REJECTED;
    ht_statistics_mutation(&c->statistics, &m);
    ht_segment g = {.number = ++c->segments, .mutation = m.number, .replica = v->replica,
                    .start_step = v->start_step, .end_step = v->end_step, .stability = {.nan = !v->finite},
                    .decision = v->accepted ? HT_DECISION_ACCEPTED : HT_DECISION_REJECTED,
                    .has_score = isfinite(v->score), .score = isfinite(v->score) ? v->score : 0};
    ht_name_copy(g.horizon, c->recipe->acceptance.horizon);
    put_readings(c, &g.pre, v->before);
    put_readings(c, &g.post, v->loss);
    if (ht_statistics_segment(&c->statistics, &g, &m) != HT_OK)
        c->no_memory = true;
    ht_mutation *record = ht_coordinator_post(c, HT_RECORD_MUTATION);
    if (record != NULL)
        *record = m;
    ht_closed *closed = ht_coordinator_post(c, HT_RECORD_SEGMENT);
    if (closed != NULL)
        *closed = (ht_closed){.segment = g, .mutation = m};
}

static void log_verdict(ht_coordinator *c, const ht_pool_verdict *v)
{
    ht_pool_verdict *record = ht_coordinator_post(c, HT_RECORD_VERDICT);
    if (record != NULL)
        *record = *v;
    if (ht_learned_add(c->learned, v) != HT_OK)
        c->no_memory = true;
    for (size_t k = 0; v->mutant && k < v->n_knobs && k < c->tuned.n; k++)
        if (v->x[k] != 0)
            log_knob(c, v, k);
}

/* ---- both queues of the pool ------------------------------------------------------------------ */

/* Who has waited for us in silence begins to owe a word now. A MEAN waits for others, and the pool for it. */
static void expect_answer(ht_coordinator *c, int replica, const ht_pool_order *o)
{
    ht_replica *r = &c->replicas[replica];
    bool ends = o->kind == HT_ORDER_END;        /* and BYE is the answer */
    if (o->kind != HT_ORDER_WORK && o->kind != HT_ORDER_VALIDATE && !ends)
        return;
    if (r->awaited == 0)
        r->heard = c->now;
    r->awaited = ends ? ULONG_MAX : o->number;
}

static void drain(ht_coordinator *c)
{
    int replica;
    ht_pool_note note;
    c->reply.kind = HT_MESSAGE_ORDER;
    while (ht_pool_next_order(c->pool, &replica, &c->reply.as.pool_order)) {
        expect_answer(c, replica, &c->reply.as.pool_order);
        ht_coordinator_send(c, replica, &c->reply);
        ht_pool_order_release(&c->reply.as.pool_order);
    }
    while (ht_pool_next_note(c->pool, &note)) {
        if (note.kind == HT_NOTE_LINE)
            (note.is_routine ? ht_coordinator_note : ht_coordinator_say)(c, "%s", note.line);
        else if (note.kind == HT_NOTE_VERDICT)
            log_verdict(c, &note.verdict);
        else {
            cJSON **record = ht_coordinator_post(c, HT_RECORD_POPULATION);
            if (record != NULL) {
                *record = note.event;
                note.event = NULL;
            }
        }
        ht_pool_note_release(&note);
    }
}

static void settle(ht_coordinator *c, ht_status st)
{
    c->no_memory |= st == HT_ENOMEM;
    drain(c);
}

/* ---- what happens --------------------------------------------------------------------------- */

static bool is_best(const ht_coordinator *c, double loss)
{
    return isfinite(loss) &&
           (!c->has_best || (c->recipe->objective.mode == HT_MINIMIZE ? loss < c->best : loss > c->best));
}

/* Looked at before each event, and not when time passes: what depends on it can be told again from the events. */
static void take_calm(ht_coordinator *c)
{
    ht_pool_calm(c->pool, c->mode != HT_MODE_ACTIVE || c->freeze.mode != HT_FREEZE_OFF);
}

void ht_coordinator_pool_join(ht_coordinator *c, int replica)
{
    if (c->pool != NULL)
        settle(c, ht_pool_join(c->pool, c->now, replica));
}

void ht_coordinator_pool_event(ht_coordinator *c, int replica, const ht_pool_event *e)
{
    ht_replica *r = &c->replicas[replica];
    if (c->pool == NULL || !r->pooled)
        return;
    bool trained = (e->kind == HT_EVENT_TICK || e->kind == HT_EVENT_REPORT) && e->epoch > 0;
    r->step = e->step;
    r->epoch += trained;
    if ((e->kind == HT_EVENT_REPORT || e->kind == HT_EVENT_MEASURED) && e->number == r->awaited)
        r->awaited = 0;
    if (trained)
        r->longest_s = fmax(r->longest_s, e->kind == HT_EVENT_TICK ? e->seconds : e->seconds / e->epoch);
    if (e->kind != HT_EVENT_FAILED && is_best(c, e->loss)) {
        c->has_best = true;
        c->best = e->loss;
        c->best_replica = replica;
        c->best_step = e->step;
        c->best_epoch = r->epoch;
    }
    take_calm(c);
    settle(c, ht_pool_receive(c->pool, c->now, replica, e));
}

void ht_coordinator_pool_lose(ht_coordinator *c, int replica)
{
    if (c->pool != NULL)
        settle(c, ht_pool_lose(c->pool, c->now, replica));
}

void ht_coordinator_pool_retire(ht_coordinator *c, int replica, const bool *present)
{
    if (c->pool != NULL)
        settle(c, ht_pool_retire(c->pool, c->now, replica, present));
}

void ht_coordinator_pool_crowd(ht_coordinator *c, int n)
{
    if (c->pool != NULL)
        settle(c, ht_pool_crowd(c->pool, c->now, n));
}

void ht_coordinator_pool_tick(ht_coordinator *c)
{
    if (c->pool == NULL)
        return;
    settle(c, ht_pool_tick(c->pool, c->now));
}

void ht_coordinator_pool_stop(ht_coordinator *c)
{
    if (c->pool != NULL)
        settle(c, ht_pool_stop(c->pool, c->now));
}
