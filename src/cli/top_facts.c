/* src/cli/top_facts.c - what follows from what `hottune top` knows of a run; the contract is in top_model.h.
 * Reads only. */
#include <math.h>
#include <string.h>

#include "cli/top_model.h"

bool ht_top_is_better(const ht_top_model *m, double x, double than)
{
    return isfinite(x) && (isnan(than) || (m->maximize ? x > than : x < than));
}

static double furthest_epoch(const ht_top_model *m)
{
    double far = NAN;
    for (size_t i = 0; i < m->n_replicas; i++)
        if (!(m->replicas[i].epoch <= far) && !isnan(m->replicas[i].epoch))
            far = m->replicas[i].epoch;
    return far;
}

double ht_top_progress(const ht_top_model *m)
{
    /* in a race nobody's wall clock moves, but epochs of the budget are used */
    bool races = strcmp(m->stage, "race") == 0;
    double share = m->pooled && races ? (double)m->lines / ((double)m->n_replicas * m->epochs)
                   : m->pooled        ? m->wall / m->epochs
                   : m->total_steps > 0 && isfinite(m->step) ? m->step / m->total_steps
                                                             : furthest_epoch(m) / m->epochs;
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

double ht_top_elapsed(const ht_top_model *m, double now)
{
    double until = m->sign.life == HT_RUN_LIVES ? now : m->sign.seen;
    return m->sign.life == HT_RUN_NONE || !(m->sign.started > 0) ? NAN : fmax(until - m->sign.started, 0);
}

double ht_top_left(const ht_top_model *m, double now)
{
    double share = ht_top_progress(m), first = isfinite(m->epochs) ? m->first_progress / m->epochs : 0;
    if (m->sign.life != HT_RUN_LIVES || !(share > first) || share < .005)
        return NAN;
    return ht_top_elapsed(m, now) * (1 - share) / (share - first);
}

/* When the i-th newest epoch ended, i >= 1. */
static double tick(const ht_top_model *m, size_t i)
{
    return m->ticks[(m->next_tick + HT_TOP_TICKS_MAX - i) % HT_TOP_TICKS_MAX];
}

double ht_top_pace(const ht_top_model *m)
{
    size_t n = m->n_ticks;
    if (m->sign.life != HT_RUN_LIVES)
        return (double)m->lines / ht_top_elapsed(m, 0);
    while (n > 0 && tick(m, n) < m->sign.started) /* of a start before this one */
        n--;
    if (n < 2)
        return NAN;
    double last = tick(m, 1), first = tick(m, n);
    return last > first ? (double)(n - 1) / (last - first) : NAN;
}

double ht_top_best(const ht_top_model *m, int *replica)
{
    double best = m->best;
    *replica = m->best_replica >= 0 && m->best_replica < HT_TOP_REPLICAS_MAX ? (int)m->best_replica : -1;
    for (size_t i = 0; i < m->n_replicas; i++)
        if (ht_top_is_better(m, m->replicas[i].best, best)) {
            best = m->replicas[i].best;
            *replica = (int)i;
        }
    return best;
}

const ht_top_event *ht_top_event_at(const ht_top_model *m, size_t i)
{
    return &m->events[(m->next_event + HT_TOP_EVENTS_MAX - 1 - i) % HT_TOP_EVENTS_MAX];
}

double ht_top_curve_at(const ht_top_model *m, double share)
{
    double best = NAN;
    for (size_t i = 0; i < m->n_curve && m->curve[i].at <= fmax(share * (double)m->lines, 1); i++)
        best = m->curve[i].best;
    return best;
}

size_t ht_top_count(const ht_top_model *m, const char *state)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_replicas; i++)
        n += strcmp(m->replicas[i].state, state) == 0;
    return n;
}

bool ht_top_is_paused(const ht_top_model *m)
{
    return strcmp(m->mode, "off") == 0;
}
