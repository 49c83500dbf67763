/* src/tune/tuner_mutate.c - from a proposal to a change in the training: numbers, snapshot, apply, records.
 *
 * A number (m_00001) is used up only by what reaches the log: suggested, failed and applied mutations.
 * May touch: the training, through the effector; the heap of the queue. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tune/tuner_internal.h"

/* ---- mutations on proposal ------------------------------------------------------------------ */

static void read_context(const ht_tuner *t, ht_mutation *m)
{
    static const char *const names[] = {"train/loss", "val/loss", "grad/norm"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        double x = 0;
        if (ht_metrics_read(t->metrics, names[i], &x) && isfinite(x))
            ht_readings_put(&m->context, names[i], x);
    }
    m->has_context = true;
    m->reject_streak = t->reject_streak;
    m->mutation_count = (long long)t->mutation_counter;
}

/* A factor does nothing to a value at 0: what the recipe says of that goes with the patch. It is left out
 * where it has nothing to say, so that the logs show when it did. */
static void add_floor(ht_tuner *t, ht_proposal *p)
{
    const ht_actuator_spec *a = ht_recipe_actuator(t->recipe, p->actuator);
    const ht_family_spec *f = a != NULL ? ht_actuator_family(a, p->key) : NULL;
    bool log_knob;
    size_t n;
    double current;
    p->patch.floor = 0;
    if (f != NULL && ht_family_is_factor(f) && f->floor > 0 &&
        ht_actuators_space(t->actuators, p->actuator, f, &log_knob, &n, &current) && current == 0)
        p->patch.floor = f->floor;
}

static void fill_mutation(ht_tuner *t, const ht_proposal *p, const ht_env *env, ht_mutation *m)
{
    *m = (ht_mutation){.replica = t->replica,
                       .step = env->step,
                       .epoch = ht_tuner_epoch(env),
                       .patch = p->patch,
                       .source = p->source,
                       .scale = ht_tuner_scale(t, p->actuator, p->key)};
    ht_name_copy(m->phase, ht_tuner_phase(t, env->step));
    ht_name_copy(m->actuator, p->actuator);
    ht_name_copy(m->key, p->key);
    read_context(t, m);
}

void ht_tuner_keep_error(ht_mutation *m, ht_status status, const ht_error *why)
{
    snprintf(m->error, sizeof m->error, "%.*s", (int)sizeof m->error - 1,
             why->text[0] != '\0' ? why->text : ht_status_text(status));
}

static void start_cooldown(ht_tuner *t, const ht_mutation *m)
{
    char family[2 * HT_NAME_MAX];
    snprintf(family, sizeof family, "%s:%s", m->actuator, m->key);
    const ht_actuator_spec *a = ht_recipe_actuator(t->recipe, m->actuator);
    ht_status st = ht_cooldowns_set(&t->cooldowns, family, ht_actuator_family(a, m->key)->cooldown);
    if (st != HT_OK)
        ht_tuner_fault(t, st, "no memory for the cooldown of %s", family);
}

static void open_trial(ht_tuner *t, const ht_sight *s, const ht_mutation *m)
{
    ht_trial *trial = &t->trial;
    *trial = (ht_trial){.mutation = *m};
    ht_segment *g = &trial->segment;
    g->number = ++t->segment_counter;
    g->mutation = m->number;
    g->replica = t->replica;
    g->start_step = s->env->step;
    g->pre = s->readings;
    ht_name_copy(g->horizon, t->recipe->acceptance.horizon);
    if (ht_horizon_parse(g->horizon, &trial->unit, &trial->length, NULL) != HT_OK) {
        trial->unit = HT_HORIZON_VAL_EPOCHS; /* a recipe filled by hand, not read */
        trial->length = 1;
    }
    if (trial->length == 0)
        trial->length = 1;                   /* auto: one validation is as much as a replica alone can know */
    trial->has_grad = ht_metrics_read(t->metrics, "grad/norm", &trial->grad);
    trial->primary_stamp = ht_metrics_stamp(t->metrics, t->recipe->objective.primary);
    t->open = true;
}

void ht_tuner_count_failure(ht_tuner *t, const char *actuator, const char *error)
{
    size_t i = 0;
    while (i < t->recipe->n_actuators && strcmp(t->recipe->actuators[i].name, actuator) != 0)
        i++;
    if (i == t->recipe->n_actuators)
        return;
    ht_health *h = &t->health[i];
    h->failures = error == NULL ? 0 : h->failures + 1;
    if (h->failures < HT_FAILURES_MAX)
        return;
    if (!t->auto_disable_on_error) {
        ht_tuner_fault(t, HT_EFAILED, "actuator '%s' failed %d times in a row: %s", actuator, h->failures,
                       error);
        return;
    }
    h->failures = 0;
    h->off = true;
    t->ports.auto_disabled(t->ports.ctx, actuator, error);
}

static void apply_proposal(ht_tuner *t, const ht_sight *s, ht_mutation *m)
{
    ht_error why = {""};
    ht_status st =
        t->effector.apply(t->effector.ctx, m->actuator, &m->patch, s->env, &m->n_changes, m->changes, &why);
    m->number = ++t->mutation_counter;
    m->has_snapshot = st == HT_OK;
    m->status = st == HT_OK ? HT_MUTATION_APPLIED : HT_MUTATION_FAILED;
    if (st == HT_OK) {
        open_trial(t, s, m);
        start_cooldown(t, m);
    } else {
        m->n_changes = 0;
        ht_tuner_keep_error(m, st, &why);
        ht_tuner_count_failure(t, m->actuator, m->error);
    }
    ht_tuner_log_mutation(t, m);
}

void ht_tuner_propose(ht_tuner *t, const ht_sight *s, ht_window *w)
{
    ht_ask ask;
    ht_proposal p;
    bool found = false;
    memset(&p, 0, sizeof p);
    ht_tuner_ask(t, ht_tuner_phase(t, s->env->step), &ask);
    w->asked = true;
    if (t->ports.propose(t->ports.ctx, &ask, &p, &found) != HT_OK || !found) {
        ht_codes_add(&w->blocked, "no_proposal");
        return;
    }
    add_floor(t, &p);
    ht_tuner_check(t, &p, &w->blocked);
    if (w->blocked.n > 0)
        return;
    ht_mutation m;
    fill_mutation(t, &p, s->env, &m);
    if (t->mode == HT_MODE_SUGGEST) {
        m.number = ++t->mutation_counter;
        m.status = HT_MUTATION_SUGGESTED;
        ht_tuner_log_mutation(t, &m);
        return;
    }
    apply_proposal(t, s, &m);
}

/* ---- recorded mutations --------------------------------------------------------------------- */

ht_status ht_tuner_apply_recorded(ht_tuner *t, const ht_env *env, const ht_replay_entry *entry, ht_error *err)
{
    ht_error why = {""};
    ht_mutation m = {.replica = t->replica,
                     .step = env->step,
                     .epoch = ht_tuner_epoch(env),
                     .patch = entry->patch,
                     .source = HT_SOURCE_REPLAY,
                     .scale = HT_SCALE_LINEAR};
    ht_name_copy(m.phase, entry->phase);
    ht_name_copy(m.actuator, entry->actuator);
    ht_name_copy(m.key, entry->patch.key[0] != '\0' ? entry->patch.key : entry->patch.op);
    ht_status st =
        t->effector.apply(t->effector.ctx, m.actuator, &m.patch, env, &m.n_changes, m.changes, &why);
    m.number = ++t->mutation_counter;
    if (st == HT_OK) {
        t->effector.keep(t->effector.ctx);
        m.status = HT_MUTATION_APPLIED;
    } else {
        m.n_changes = 0;
        m.status = HT_MUTATION_FAILED;
        ht_tuner_keep_error(&m, st, &why);
        ht_fail(err, st, "%s", m.error);
    }
    ht_tuner_log_mutation(t, &m);
    return st;
}

void ht_tuner_replay_due(ht_tuner *t, const ht_env *env)
{
    size_t left = 0;
    for (size_t i = 0; i < t->queue.n; i++) {
        if (t->queue.entries[i].step <= env->step)
            ht_tuner_apply_recorded(t, env, &t->queue.entries[i], NULL); /* its line says how it went */
        else
            t->queue.entries[left++] = t->queue.entries[i];
    }
    t->queue.n = left;
}
