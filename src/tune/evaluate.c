/* src/tune/evaluate.c - phase labels, scores, verdicts; the contract is in evaluate.h.
 *
 * May touch: its arguments. */
#include "tune/evaluate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const ht_phase default_phases[] = {{"early", 0, .2}, {"mid", .2, .7}, {"late", .7, 1}};

/* The phase of a progress. Outside all phases the nearest earlier one goes on; before the first one it
 * is the first. */
static const char *phase_at(double frac, size_t n, const ht_phase *phases)
{
    const ht_phase *first = &phases[0], *earlier = NULL;
    for (size_t i = 0; i < n; i++) {
        const ht_phase *p = &phases[i];
        if (p->start_frac <= frac && frac < p->end_frac)
            return p->name;
        if (p->start_frac < first->start_frac)
            first = p;
        if (p->end_frac <= frac && (earlier == NULL || p->end_frac >= earlier->end_frac))
            earlier = p;
    }
    return earlier != NULL ? earlier->name : first->name;
}

const char *ht_phase_label(long long step, long long total, size_t n, const ht_phase *phases)
{
    if (n == 0) {
        n = sizeof default_phases / sizeof default_phases[0];
        phases = default_phases;
    }
    if (total > 0)
        return phase_at((double)step / (double)total, n, phases);
    for (size_t i = 0; i < n; i++)
        if (strcmp(phases[i].name, "mid") == 0)
            return phases[i].name;
    return phase_at(.5, n, phases);
}

ht_stability ht_stability_of(const ht_vitals *v, bool grad_spike)
{
    bool bad_primary = v->has_primary && !isfinite(v->primary);
    return (ht_stability){.nan = !isfinite(v->loss) || v->batch_loss_bad || bad_primary,
                          .anomaly = v->anomaly_critical,
                          .grad_spike = grad_spike};
}

static double penalty(const ht_stability *s)
{
    double p = 0;
    if (s->nan)
        p += 1.0;
    if (s->anomaly)
        p += 0.5;
    if (s->grad_spike)
        p += 0.2;
    return p;
}

bool ht_score(const ht_recipe *r, const ht_readings *pre, const ht_readings *post, const ht_stability *s,
              double *score)
{
    const double *before = ht_readings_find(pre, r->objective.primary);
    const double *after = ht_readings_find(post, r->objective.primary);
    if (before == NULL || after == NULL || !isfinite(*before) || !isfinite(*after))
        return false;
    double gain = r->objective.mode == HT_MINIMIZE ? *before - *after : *after - *before;
    if (!isfinite(gain))    /* both finite, but too far apart for a double: a number is never invented */
        return false;
    *score = gain - penalty(s);
    return true;
}

static ht_decision decide(const ht_recipe *r, const ht_segment *g)
{
    if ((g->stability.nan && r->safety.block_on_nan) || (g->stability.anomaly && r->safety.block_on_anomaly))
        return HT_DECISION_REJECTED;
    if (g->has_score)
        return g->score > r->acceptance.epsilon ? HT_DECISION_ACCEPTED : HT_DECISION_REJECTED;
    const double *after = ht_readings_find(&g->post, r->objective.primary);
    return after != NULL && !isfinite(*after) ? HT_DECISION_REJECTED : HT_DECISION_INCONCLUSIVE;
}

void ht_verdict(const ht_recipe *r, ht_segment *g)
{
    g->score = 0;
    g->has_score = ht_score(r, &g->pre, &g->post, &g->stability, &g->score);
    g->decision = decide(r, g);
    if (g->decision == HT_DECISION_INCONCLUSIVE)
        snprintf(g->reason, sizeof g->reason, "no_reading");
}

void ht_deltas(const ht_segment *g, ht_readings *out)
{
    out->n = 0;
    for (size_t i = 0; i < g->pre.n; i++) {
        const double *before = &g->pre.at[i].value, *after = ht_readings_find(&g->post, g->pre.at[i].name);
        if (after != NULL && isfinite(*before) && isfinite(*after))
            ht_readings_put(out, g->pre.at[i].name, *after - *before);
    }
}
