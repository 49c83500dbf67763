/* src/tune/tuner_verdict.c - the end of a trial: judge it, keep it or roll it back, write it down.
 *
 * Whatever fails on the way, the trial is closed afterwards: a rollback that failed is recorded and not
 * tried again.
 * May touch: the training, through the effector. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tune/tuner_internal.h"

bool ht_tuner_horizon_reached(const ht_tuner *t, const ht_env *env)
{
    if (t->trial.unit == HT_HORIZON_STEPS)
        return env->step - t->trial.segment.start_step >= t->trial.length;
    return t->trial.val_epochs >= t->trial.length;
}

/* Leave out a primary that was reported before the mutation: it says nothing about it. */
static void fresh_readings(const ht_tuner *t, const ht_readings *now, ht_readings *out)
{
    const char *primary = t->recipe->objective.primary;
    unsigned long stamp = ht_metrics_stamp(t->metrics, primary);
    bool stale = stamp != 0 && stamp == t->trial.primary_stamp;
    *out = (ht_readings){0};
    for (size_t i = 0; i < now->n; i++)
        if (!stale || strcmp(now->at[i].name, primary) != 0)
            ht_readings_put(out, now->at[i].name, now->at[i].value);
}

static bool saw_grad_spike(const ht_tuner *t, const ht_env *env)
{
    double factor = t->recipe->safety.grad_spike_factor, now = 0;
    if (env->grad_spike)
        return true;
    if (!(factor > 1) || !t->trial.has_grad || !ht_metrics_read(t->metrics, "grad/norm", &now))
        return false;
    return now > factor * t->trial.grad;
}

/* @return the outcome; HT_ROLLBACK_FAILED leaves the mutation in force */
static ht_rollback roll_back(ht_tuner *t)
{
    ht_rollback how = HT_ROLLBACK_NONE;
    ht_error why = {""};
    if (!t->recipe->acceptance.rollback_on_reject) {
        t->effector.keep(t->effector.ctx);
        return HT_ROLLBACK_OFF;
    }
    ht_status st = t->effector.restore(t->effector.ctx, &how, &why);
    if (st == HT_OK)
        return how;
    ht_tuner_keep_error(&t->trial.mutation, st, &why);
    return HT_ROLLBACK_FAILED;
}

static bool is_undone(ht_rollback how)
{
    return how != HT_ROLLBACK_FAILED && how != HT_ROLLBACK_OFF;
}

static ht_mutation_status status_of(ht_decision d)
{
    switch (d) {
    case HT_DECISION_ACCEPTED:
        return HT_MUTATION_ACCEPTED;
    case HT_DECISION_REJECTED:
        return HT_MUTATION_REJECTED;
    case HT_DECISION_ROLLED_BACK:
        return HT_MUTATION_ROLLED_BACK;
    case HT_DECISION_INCONCLUSIVE:
    case HT_DECISION_LOST:
        break;
    }
    return HT_MUTATION_INCONCLUSIVE;
}

/* Keep or undo what the decision says, count it, write both records. */
static void close_trial(ht_tuner *t)
{
    ht_segment *g = &t->trial.segment;
    ht_mutation *m = &t->trial.mutation;
    if (g->decision == HT_DECISION_ACCEPTED) {
        t->effector.keep(t->effector.ctx);
        t->reject_streak = 0;
        t->pause_left = 0;
    } else {
        g->rollback = roll_back(t);
    }
    m->status = status_of(g->decision);
    if (g->decision == HT_DECISION_REJECTED) {
        t->reject_streak++;
        t->cooldowns.global = 1;
    }
    if (g->decision != HT_DECISION_ACCEPTED && is_undone(g->rollback)) {
        m->status = HT_MUTATION_ROLLED_BACK;
        if (g->decision == HT_DECISION_REJECTED)
            g->decision = HT_DECISION_ROLLED_BACK;
    }
    snprintf(m->reason, sizeof m->reason, "%s", g->reason);
    t->open = false;
    ht_tuner_count_failure(t, m->actuator, g->rollback == HT_ROLLBACK_FAILED ? m->error : NULL);
    ht_tuner_log_mutation(t, m);
    ht_tuner_log_segment(t, g, m);
}

void ht_tuner_judge(ht_tuner *t, const ht_sight *s)
{
    ht_segment *g = &t->trial.segment;
    g->end_step = s->env->step;
    fresh_readings(t, &s->readings, &g->post);
    g->stability = ht_stability_of(&s->vitals, saw_grad_spike(t, s->env));
    g->early = !ht_tuner_horizon_reached(t, s->env);
    if (g->early && s->blockers.n > 0)
        snprintf(g->reason, sizeof g->reason, "blocker");
    ht_verdict(t->recipe, g);
    close_trial(t);
}

static void leave_undecided(ht_tuner *t, const char *reason)
{
    ht_segment *g = &t->trial.segment;
    g->end_step = t->env.step;
    g->decision = HT_DECISION_INCONCLUSIVE;
    g->early = !ht_tuner_horizon_reached(t, &t->env);
    snprintf(g->reason, sizeof g->reason, "%s", reason);
}

void ht_tuner_close_undecided(ht_tuner *t, const char *reason)
{
    leave_undecided(t, reason);
    close_trial(t);
}

/* Nobody failed: the actuator's health stays as it is. */
void ht_tuner_close_lost(ht_tuner *t)
{
    ht_mutation *m = &t->trial.mutation;
    leave_undecided(t, "resumed");
    t->trial.segment.rollback = HT_ROLLBACK_FAILED;
    m->status = HT_MUTATION_INCONCLUSIVE;
    snprintf(m->reason, sizeof m->reason, "resumed");
    snprintf(m->error, sizeof m->error, "the snapshot of this actuator is the program's own and was not saved");
    t->open = false;
    ht_tuner_log_mutation(t, m);
    ht_tuner_log_segment(t, &t->trial.segment, m);
}
