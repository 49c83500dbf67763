/* src/tune/tuner.c - the loop of one replica: its life, its events, the order of a decision point.
 *
 * A call works through its steps whatever fails on the way; the first failure that is not the training's
 * (a record that could not be written, an actuator that fails again and again) is kept as `fault` and
 * settled once, at the end: tuning goes off, or the caller is told.
 * May touch: the heap and its ports. Not: MPI, files, clock, random numbers, globals. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "tune/tuner_internal.h"

/* ---- life ----------------------------------------------------------------------------------- */

static bool options_complete(const ht_tuner_options *o)
{
    const ht_tuner_ports *p = &o->ports;
    const ht_effector *e = &o->effector;
    return o->recipe != NULL && o->metrics != NULL && o->actuators != NULL && p->propose != NULL &&
           p->mutation != NULL && p->segment != NULL && p->window != NULL && p->auto_disabled != NULL &&
           p->warning != NULL && e->apply != NULL && e->restore != NULL && e->keep != NULL;
}

static ht_tuner *tuner_from(const ht_tuner_options *o)
{
    ht_tuner *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->metrics = o->metrics;
    t->actuators = o->actuators;
    t->effector = o->effector;
    t->ports = o->ports;
    t->replica = o->replica;
    t->auto_disable_on_error = o->auto_disable_on_error;
    t->mode = o->mode;
    t->was_on = o->mode != HT_MODE_OFF;
    t->mutation_counter = o->first_mutation;
    t->segment_counter = o->first_segment;
    t->health = calloc(o->recipe->n_actuators + 1, sizeof *t->health);
    if (t->health == NULL) {
        free(t);
        return NULL;
    }
    return t;
}

ht_status ht_tuner_create(const ht_tuner_options *o, ht_tuner **out, ht_error *err)
{
    if (!options_complete(o))
        return ht_fail(err, HT_EINVAL,
                       "a tuner needs a recipe, metrics, actuators, an effector and all ports");
    ht_tuner *t = tuner_from(o);
    if (t == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the tuner");
    ht_status st = ht_recipe_copy(o->recipe, &t->recipe, err);
    if (st != HT_OK)
        goto done;
    if (t->mode != HT_MODE_OFF)
        ht_tuner_report_families(t);
    *out = t;
    t = NULL;
done:
    ht_tuner_destroy(t);
    return st;
}

void ht_tuner_destroy(ht_tuner *t)
{
    if (t == NULL)
        return;
    if (t->open)
        t->effector.keep(t->effector.ctx); /* only the snapshot's memory is released */
    ht_recipe_destroy(t->recipe);
    ht_cooldowns_release(&t->cooldowns);
    ht_replay_release(&t->queue);
    free(t->health);
    free(t);
}

/* ---- records, faults, warnings -------------------------------------------------------------- */

void ht_tuner_fault(ht_tuner *t, ht_status status, const char *format, ...)
{
    if (t->fault != HT_OK)
        return;
    t->fault = status;
    va_list ap;
    va_start(ap, format);
    vsnprintf(t->fault_text, sizeof t->fault_text, format, ap);
    va_end(ap);
}

void ht_tuner_warn(ht_tuner *t, const char *format, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    t->ports.warning(t->ports.ctx, text);
}

static void check_written(ht_tuner *t, ht_status status, const char *what)
{
    if (status != HT_OK)
        ht_tuner_fault(t, status, "the record of a %s was not taken: %s", what, ht_status_text(status));
}

void ht_tuner_log_mutation(ht_tuner *t, const ht_mutation *m)
{
    check_written(t, t->ports.mutation(t->ports.ctx, m), "mutation");
}

void ht_tuner_log_segment(ht_tuner *t, const ht_segment *g, const ht_mutation *m)
{
    check_written(t, t->ports.segment(t->ports.ctx, g, m), "segment");
}

ht_status ht_tuner_settle(ht_tuner *t, ht_error *err)
{
    ht_status fault = t->fault;
    if (fault == HT_OK)
        return HT_OK;
    t->fault = HT_OK;
    if (!t->auto_disable_on_error)
        return ht_fail(err, fault, "%s", t->fault_text);
    if (t->open)
        ht_tuner_close_undecided(t, "disabled");
    t->fault = HT_OK; /* the records of the closing were lost for the same reason */
    t->mode = HT_MODE_OFF;
    t->ports.auto_disabled(t->ports.ctx, "tune", t->fault_text);
    return HT_OK;
}

/* ---- events --------------------------------------------------------------------------------- */

const char *ht_tuner_phase(const ht_tuner *t, long long step)
{
    return ht_phase_label(step, t->total_steps, t->recipe->n_phases, t->recipe->phases);
}

void ht_tuner_look(const ht_tuner *t, const ht_env *env, ht_sight *out)
{
    *out = (ht_sight){.env = env};
    ht_metrics_readings(t->metrics, t->recipe, &out->readings);
    const double *primary = ht_readings_find(&out->readings, t->recipe->objective.primary);
    out->vitals = (ht_vitals){.loss = env->loss,
                              .batch_loss_bad = t->batch_loss_bad,
                              .anomaly_critical = env->anomaly_critical,
                              .has_primary = primary != NULL,
                              .primary = primary != NULL ? *primary : 0};
    ht_blockers(t->recipe, &out->vitals, &out->blockers);
}

/* Everything that counts windows goes one window on. When a pause ends, one probe is allowed. */
static void tick(ht_tuner *t)
{
    ht_cooldowns_tick(&t->cooldowns);
    if (t->pause_left > 0 && --t->pause_left == 0 &&
        t->reject_streak >= t->recipe->safety.max_global_reject_streak)
        t->reject_streak = t->recipe->safety.max_global_reject_streak - 1;
}

static void start_pause_if_due(ht_tuner *t)
{
    if (t->reject_streak >= t->recipe->safety.max_global_reject_streak && t->pause_left == 0)
        t->pause_left = t->recipe->safety.reject_pause;
}

static void warn_of_objective(ht_tuner *t, const char *what)
{
    if (!t->warned_no_primary)
        ht_tuner_warn(t, "nothing is tuned: the objective '%s' %s", t->recipe->objective.primary, what);
    t->warned_no_primary = true;
}

/* Metrics to decide by: there, and finite. Says once what is missing. */
static bool can_measure(ht_tuner *t, const ht_sight *s)
{
    if (!ht_metrics_available(t->metrics)) {
        if (!t->warned_no_metrics)
            ht_tuner_warn(t,
                          "nothing is tuned: the program reports no metrics; report '%s' before each "
                          "validation's safe point",
                          t->recipe->objective.primary);
        t->warned_no_metrics = true;
        return false;
    }
    if (!s->vitals.has_primary)
        warn_of_objective(t, "is not reported; check objective.primary or report it");
    return s->vitals.has_primary && isfinite(s->vitals.primary);
}

/* Nothing at all may be mutated at this decision point; `codes` says why. */
static bool is_paused(const ht_tuner *t, ht_codes *codes)
{
    if (t->cooldowns.global > 0)
        ht_codes_add(codes, "cooldown");
    if (t->reject_streak >= t->recipe->safety.max_global_reject_streak)
        ht_codes_add(codes, "max_reject_streak");
    return codes->n > 0;
}

/* The part of a decision point that may change the training. */
static void act(ht_tuner *t, const ht_sight *s, ht_window *w)
{
    if (t->mode == HT_MODE_OBSERVE || t->frozen)
        return;
    if (s->vitals.has_primary && !isfinite(s->vitals.primary))
        warn_of_objective(t, "is not finite");
    if (s->blockers.n > 0 || t->open)
        return;
    if (t->mode == HT_MODE_REPLAY) {
        ht_tuner_replay_due(t, s->env);
        return;
    }
    if (!can_measure(t, s) || ht_actuators_count(t->actuators) == 0 || is_paused(t, &w->blocked))
        return;
    ht_tuner_propose(t, s, w);
}

long long ht_tuner_epoch(const ht_env *env)
{
    return fabs(env->epoch) < 9e15 ? (long long)env->epoch : 0;
}

static void log_window(ht_tuner *t, const ht_sight *s, ht_window *w)
{
    w->replica = t->replica;
    w->step = s->env->step;
    w->epoch = ht_tuner_epoch(s->env);
    snprintf(w->phase, sizeof w->phase, "%s", ht_tuner_phase(t, s->env->step));
    w->mode = t->mode;
    w->readings = s->readings;
    w->blockers = s->blockers;
    w->reject_streak = t->reject_streak;
    w->has_active = t->open;
    w->active = t->open ? t->trial.mutation.number : 0;
    w->pause_left = t->pause_left;
    w->global_cooldown = t->cooldowns.global;
    check_written(t, t->ports.window(t->ports.ctx, w), "window");
}

/* Tick before judging, so that the cooldown that a reject sets still holds in its own window. */
static void decision_point(ht_tuner *t, const ht_env *env)
{
    ht_sight s;
    ht_window w = {0};
    if ((t->mode == HT_MODE_ACTIVE || t->mode == HT_MODE_SUGGEST) && !t->frozen)
        tick(t);
    ht_tuner_look(t, env, &s);
    if (t->open) {
        t->trial.val_epochs++;
        if (s.blockers.n > 0 || ht_tuner_horizon_reached(t, env))
            ht_tuner_judge(t, &s);
    }
    start_pause_if_due(t);
    act(t, &s, &w);
    log_window(t, &s, &w);
    t->batch_loss_bad = false;
}

/* Judge what is open; if no step was made since, there is nothing to judge by. */
static void end_run(ht_tuner *t, const ht_env *env)
{
    if (t->open && env->step > t->trial.segment.start_step) {
        ht_sight s;
        ht_tuner_look(t, env, &s);
        ht_tuner_judge(t, &s);
    } else if (t->open) {
        ht_tuner_close_undecided(t, "no_steps");
    }
    t->replay_missed = t->queue.n;
}

void ht_tuner_remember(ht_tuner *t, const ht_env *env)
{
    t->env = *env;
    t->env.phase = NULL; /* borrowed from the caller for the call */
    if (t->mode != HT_MODE_OFF && env->max_steps != 0)
        t->total_steps = env->max_steps;
}

ht_status ht_tuner_event(ht_tuner *t, ht_event event, const ht_env *env, ht_error *err)
{
    ht_tuner_remember(t, env);
    if (t->mode == HT_MODE_OFF)
        return HT_OK;
    switch (event) {
    case HT_FIT_START:
        if (!t->frozen)
            tick(t);
        break;
    case HT_TRAIN_BATCH_END:
        if (!isfinite(env->loss))
            t->batch_loss_bad = true;
        break;
    case HT_VAL_EPOCH_END:
        decision_point(t, env);
        break;
    case HT_RUN_END:
        end_run(t, env);
        break;
    }
    return ht_tuner_settle(t, err);
}

ht_status ht_tuner_close(ht_tuner *t, ht_error *err)
{
    if (t->closed || t->mode == HT_MODE_OFF)
        return HT_OK;
    t->closed = true;
    ht_env last = t->env;
    return ht_tuner_event(t, HT_RUN_END, &last, err);
}

/* ---- questions ------------------------------------------------------------------------------ */

void ht_tuner_peek(const ht_tuner *t, ht_tuner_state *out)
{
    *out = (ht_tuner_state){.mode = t->mode,
                            .mutation_counter = t->mutation_counter,
                            .segment_counter = t->segment_counter,
                            .reject_streak = t->reject_streak,
                            .pause_left = t->pause_left,
                            .global_cooldown = t->cooldowns.global,
                            .active_mutation = t->open ? t->trial.mutation.number : 0,
                            .active_segment = t->open ? t->trial.segment.number : 0,
                            .total_steps = t->total_steps,
                            .was_on = t->was_on,
                            .replay_missed = t->replay_missed,
                            .recipe = t->recipe};
}

cJSON *ht_tuner_cooldowns(const ht_tuner *t)
{
    cJSON *o = cJSON_CreateObject();
    for (size_t i = 0; i < t->cooldowns.n; i++)
        ht_json_put_int(o, t->cooldowns.at[i].family, (double)t->cooldowns.at[i].windows);
    return o;
}
