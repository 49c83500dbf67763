/* src/population/sweep_view.c - a sweep goes on from earlier trials, and what can be seen of it; the contract is in
 * sweep.h. May touch: the heap. */
#include "population/sweep_state.h"

#include <math.h>
#include <stdio.h>

/* ---- an earlier start ----------------------------------------------------------------------- */

/* The asks of the earlier start are used up, so that start-up points are not proposed twice; what became of them
 * is added as it was. */
static ht_status replay_sampler(ht_sweep *s, const ht_trial *t, ht_error *err)
{
    unsigned long id;
    ht_point point;
    HT_TRY(ht_sampler_ask(s->sampler, &id, &point, err));
    HT_TRY(ht_sampler_forget(s->sampler, id, err));
    return t->status == HT_TRIAL_LOST ? HT_OK
                                      : ht_sampler_add(s->sampler, &t->point, ht_sweep_minimised(s, t->value), err);
}

static ht_status replay_pruner(ht_sweep *s, const ht_trial *t, ht_error *err)
{
    bool stop;
    if (t->status != HT_TRIAL_COMPLETE && t->status != HT_TRIAL_PRUNED)
        return HT_OK;
    for (size_t n = 1; n <= t->n_reports; n++)
        HT_TRY(ht_pruner_report(s->pruner, n, t->reports, &stop, err));
    return t->status == HT_TRIAL_COMPLETE ? ht_pruner_complete(s->pruner, t->n_reports, t->reports, err) : HT_OK;
}

ht_status ht_sweep_replay(ht_sweep *s, const ht_trial *t, ht_error *err)
{
    if (t->status < HT_TRIAL_COMPLETE || (t->status == HT_TRIAL_COMPLETE && !isfinite(t->value)))
        return ht_fail(err, HT_EINVAL, "trial %lu did not end", t->number);
    for (size_t i = 0; i < s->n_trials; i++)
        if (s->trials[i]->trial.number == t->number)
            return ht_fail(err, HT_EREFUSED, "trial %lu is there twice", t->number);
    HT_TRY(replay_sampler(s, t, err));
    HT_TRY(replay_pruner(s, t, err));
    ht_sweep_entry *e = ht_sweep_add_entry(s);
    if (e == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for trial %lu", t->number);
    e->trial = *t;
    e->trial.reports = NULL;
    e->trial.n_reports = 0;
    if (t->number >= s->next)
        s->next = t->number + 1;
    s->replayed++;
    ht_sweep_count(s, e);
    return HT_OK;
}

/* ---- views ---------------------------------------------------------------------------------- */

void ht_sweep_peek(const ht_sweep *s, ht_sweep_view *out)
{
    *out = (ht_sweep_view){
        .phase = s->stopped ? HT_SWEEP_ENDED : ht_sweep_is_over(s) ? HT_SWEEP_DONE : HT_SWEEP_GOING,
        .reason = s->reason,
        .trials = s->o.trials,
        .complete = s->by_status[HT_TRIAL_COMPLETE],
        .pruned = s->by_status[HT_TRIAL_PRUNED],
        .failed = s->by_status[HT_TRIAL_FAILED],
        .lost = s->by_status[HT_TRIAL_LOST],
        .running = s->by_status[HT_TRIAL_RUNNING],
        .replayed = s->replayed,
        .best = s->best != NULL ? &s->best->trial : NULL,
        .spent_steps = s->spent,
        .full_steps = s->spent - s->pruned_steps + (long long)s->by_status[HT_TRIAL_PRUNED] * s->longest,
        .seconds = s->seconds,
    };
    for (int i = 0; i < s->o.workers; i++)
        out->workers_lost += s->workers[i].lost;
    snprintf(out->warning, sizeof out->warning, "%s", s->warning);
}

size_t ht_sweep_top(const ht_sweep *s, size_t n, const ht_trial **out)
{
    size_t found = 0;
    for (size_t i = 0; i < s->n_trials; i++) {
        const ht_trial *t = &s->trials[i]->trial;
        if (t->status != HT_TRIAL_COMPLETE)
            continue;
        size_t at = found < n ? found++ : n;
        for (; at > 0 && ht_sweep_is_better(s, t, out[at - 1]); at--)
            if (at < n)
                out[at] = out[at - 1];
        if (at < n)
            out[at] = t;
    }
    return found;
}
