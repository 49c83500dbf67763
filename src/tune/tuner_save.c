/* src/tune/tuner_save.c - the state of a tuner as a JSON tree and back; the contract is in tuner_save.h.
 *
 * Loading walks the tree twice: first dry, so that damage is found before anything has changed, then into
 * the training. May touch: the heap; loading: the training, through actuators and knobs, and the ports. */
#include "tune/tuner_save.h"

#include <stdint.h>
#include <stdlib.h>

#include "tune/record_members.h"
#include "tune/tuner_internal.h"

enum { VERSION = 1 };

/* ---- members -------------------------------------------------------------------------------- */

static void visit_recipe(ht_tuner *t, ht_members *s)
{
    ht_error why = {""};
    cJSON *tree = s->loading ? NULL : ht_recipe_to_json(t->recipe);
    ht_members_json(s, "recipe", &tree);
    if (ht_members_is_good(s)) {
        char *text = tree != NULL ? ht_json_line(tree) : NULL;
        ht_status st = text != NULL ? ht_recipe_parse(text, "recipe", &t->recipe, &why)
                                    : ht_fail(&why, HT_EFORMAT, "recipe is missing");
        if (st != HT_OK)
            ht_members_fault(s, st, "cannot be loaded: %s", why.text);
        free(text);
    }
    cJSON_Delete(tree);
}

static void visit_cooldowns(ht_cooldowns *c, ht_members *s)
{
    ht_members_longlong(s, "global", &c->global);
    c->n = ht_members_enter_list(s, "families", c->n, SIZE_MAX);
    if (s->loading) {
        c->capacity = c->n;
        c->at = calloc(c->n + 1, sizeof *c->at);
        if (c->at == NULL) {
            ht_members_fault(s, HT_ENOMEM, "no memory for %zu cooldowns", c->n);
            c->n = 0;
        }
    }
    for (size_t i = 0; i < c->n; i++) {
        ht_members_enter_item(s, i);
        ht_members_field(s, "family", c->at[i].family, sizeof c->at[i].family);
        ht_members_longlong(s, "windows", &c->at[i].windows);
        if (ht_members_is_good(s) && c->at[i].windows < 1)
            ht_members_fault(s, HT_EFORMAT, "is over");
        ht_members_leave(s);
    }
    ht_members_leave(s);
}

static void visit_trial(ht_trial *trial, ht_members *s)
{
    ht_members_enter(s, "mutation");
    ht_members_mutation(s, &trial->mutation);
    ht_members_leave(s);
    ht_members_enter(s, "segment");
    ht_members_segment(s, &trial->segment);
    ht_members_leave(s);
    HT_MEMBERS_ENUM(s, "unit", trial->unit, ht_horizon_unit, HT_HORIZON_STEPS);
    ht_members_longlong(s, "length", &trial->length);
    ht_members_longlong(s, "val_epochs", &trial->val_epochs);
    ht_members_bool(s, "has_grad", &trial->has_grad);
    ht_members_real(s, "grad", &trial->grad);
    ht_members_ulong(s, "primary_stamp", &trial->primary_stamp);
}

static void visit_queue(ht_replay *q, ht_members *s)
{
    q->n = ht_members_enter_list(s, "queue", q->n, SIZE_MAX);
    if (s->loading && q->n > 0 && (q->entries = calloc(q->n, sizeof *q->entries)) == NULL) {
        ht_members_fault(s, HT_ENOMEM, "no memory for %zu recorded mutations", q->n);
        q->n = 0;
    }
    for (size_t i = 0; i < q->n; i++) {
        ht_replay_entry *e = &q->entries[i];
        ht_members_enter_item(s, i);
        ht_members_longlong(s, "step", &e->step);
        ht_members_field(s, "phase", e->phase, sizeof e->phase);
        ht_members_field(s, "actuator", e->actuator, sizeof e->actuator);
        ht_members_enter(s, "patch");
        ht_members_patch(s, &e->patch);
        ht_members_leave(s);
        ht_members_leave(s);
    }
    ht_members_leave(s);
}

static void visit_health(ht_tuner *t, ht_members *s)
{
    size_t n = t->recipe != NULL ? t->recipe->n_actuators : 0; /* NULL: loading, after a fault */
    if (s->loading && (t->health = calloc(n + 1, sizeof *t->health)) == NULL)
        ht_members_fault(s, HT_ENOMEM, "no memory for %zu actuators", n);
    if (ht_members_enter_list(s, "health", n, SIZE_MAX) != n)
        ht_members_fault(s, HT_EFORMAT, "has not %zu elements, as the recipe has actuators", n);
    for (size_t i = 0; t->health != NULL && i < n; i++) {
        ht_members_enter_item(s, i);
        ht_members_int(s, "failures", &t->health[i].failures, 0, INT32_MAX);
        ht_members_bool(s, "off", &t->health[i].off);
        ht_members_leave(s);
    }
    ht_members_leave(s);
}

static void visit_state(ht_tuner *t, ht_members *s)
{
    HT_MEMBERS_ENUM(s, "mode", t->mode, ht_mode, HT_MODE_REPLAY);
    ht_members_bool(s, "frozen", &t->frozen);
    ht_members_bool(s, "was_on", &t->was_on);
    ht_members_bool(s, "closed", &t->closed);
    ht_members_ulong(s, "mutation_counter", &t->mutation_counter);
    ht_members_ulong(s, "segment_counter", &t->segment_counter);
    ht_members_longlong(s, "reject_streak", &t->reject_streak);
    ht_members_longlong(s, "pause_left", &t->pause_left);
    ht_members_enter(s, "cooldowns");
    visit_cooldowns(&t->cooldowns, s);
    ht_members_leave(s);
    ht_members_enter(s, "env");
    ht_members_env(s, &t->env);
    ht_members_leave(s);
    ht_members_longlong(s, "total_steps", &t->total_steps);
    ht_members_bool(s, "batch_loss_bad", &t->batch_loss_bad);
    visit_queue(&t->queue, s);
    ht_members_ulong(s, "replay_missed", &t->replay_missed);
    visit_health(t, s);
    ht_members_bool(s, "warned_no_metrics", &t->warned_no_metrics);
    ht_members_bool(s, "warned_no_primary", &t->warned_no_primary);
    ht_members_bool(s, "warned_offer", &t->warned_offer);
    ht_members_bool(s, "reported_families", &t->reported_families);
}

/* @param[out] lost  loading: the snapshot of the open mutation could not be saved */
static void visit_around(ht_tuner *t, ht_members *s, bool *lost)
{
    ht_members_enter(s, "metrics");
    ht_metrics_visit(t->metrics, s);
    ht_members_leave(s);
    ht_members_enter(s, "training");
    ht_actuators_visit(t->actuators, &t->env, s, lost);
    ht_members_leave(s);
}

static void visit(ht_tuner *t, ht_members *s, bool *lost)
{
    int version = VERSION, replica = t->replica;
    ht_members_int(s, "version", &version, VERSION, VERSION);
    ht_members_int(s, "replica", &replica, -1, INT32_MAX);
    if (ht_members_is_good(s) && replica != t->replica)
        ht_members_fault(s, HT_EFORMAT, "is of replica %d; this is replica %d", replica, t->replica);
    visit_recipe(t, s);
    visit_state(t, s);
    t->open = ht_members_enter_if(s, "trial", t->open);
    if (t->open) {
        visit_trial(&t->trial, s);
        ht_members_leave(s);
    }
    visit_around(t, s, lost);
}

/* ---- saving and loading --------------------------------------------------------------------- */

cJSON *ht_tuner_save(const ht_tuner *t, ht_error *err)
{
    ht_members s;
    cJSON *tree = NULL;
    ht_tuner seen = *t; /* a copy, whose members a saving walk may touch */
    ht_members_begin(&s);
    visit(&seen, &s, NULL);
    return ht_members_end(&s, &tree, err) == HT_OK ? tree : NULL;
}

static void release(ht_tuner *t)
{
    ht_recipe_destroy(t->recipe);
    ht_cooldowns_release(&t->cooldowns);
    ht_replay_release(&t->queue);
    free(t->health);
}

/* A tuner like `t` with what was saved. @return as ht_tuner_load; after a failure `out` holds nothing */
static ht_status read(const ht_tuner *t, const cJSON *from, bool dry, ht_tuner *out, bool *lost,
                      ht_error *err)
{
    ht_members s;
    *out = (ht_tuner){.metrics = t->metrics,
                      .actuators = t->actuators,
                      .effector = t->effector,
                      .ports = t->ports,
                      .replica = t->replica,
                      .auto_disable_on_error = t->auto_disable_on_error};
    ht_members_begin_load(&s, "tuner", from, dry);
    visit(out, &s, lost);
    ht_status st = ht_members_end(&s, NULL, err);
    if (st != HT_OK)
        release(out);
    return st;
}

/* A trial without a snapshot, or a snapshot without a trial: two halves of two trees. */
static ht_status check_halves(const ht_tuner *t, const cJSON *from, ht_error *err)
{
    bool held = !cJSON_IsNull(ht_json_member(ht_json_member(from, "training"), "open"));
    if (held != t->open)
        return ht_fail(err, HT_EFORMAT, "tuner.trial %s, tuner.training.open %s",
                       t->open ? "is there" : "is null", held ? "is there" : "is null");
    return HT_OK;
}

ht_status ht_tuner_load(ht_tuner *t, const cJSON *from, ht_error *err)
{
    ht_tuner loaded;
    bool lost = false;
    if (t->open)
        return ht_fail(err, HT_EINVAL, "a tuner with an open mutation cannot be loaded");
    HT_TRY(read(t, from, true, &loaded, &lost, err));
    ht_status st = check_halves(&loaded, from, err);
    release(&loaded);
    HT_TRY(st);
    HT_TRY(read(t, from, false, &loaded, &lost, err));
    release(t);
    *t = loaded;
    if (lost)
        ht_tuner_close_lost(t);
    return ht_tuner_settle(t, err);
}

cJSON *ht_actuators_save(const ht_actuators *a, ht_error *err)
{
    ht_members s;
    cJSON *tree = NULL;
    ht_members_begin(&s);
    ht_actuators_visit((ht_actuators *)a, NULL, &s, NULL); /* a saving walk only reads */
    return ht_members_end(&s, &tree, err) == HT_OK ? tree : NULL;
}

ht_status ht_actuators_load(ht_actuators *a, const ht_env *env, const cJSON *from, ht_error *err)
{
    bool lost;
    for (int dry = 1; dry >= 0; dry--) {
        ht_members s;
        ht_members_begin_load(&s, "training", from, dry == 1);
        ht_actuators_visit(a, env, &s, &lost);
        HT_TRY(ht_members_end(&s, NULL, err));
    }
    return HT_OK;
}
