/* src/kernel/driver_progress.c - how the run stands, for ht_options.progress; see driver_internal.h. */
#include <math.h>

#include "kernel/driver_internal.h"

static const double progress_s = 0.2;

/* The budget of a pooled run is epochs of all replicas: a fast one may train more than its share, and when some
 * are lost the clock of the run goes on without theirs. The clock moves at the end of segments only; what was
 * trained moves with each replica. */
static void put_pool(ht_progress *p, const ht_coordinator_view *v)
{
    ht_pool_view pool;
    ht_pool_peek(v->pool, &pool);
    double clock = pool.epochs > 0 ? pool.wall / pool.epochs : NAN;
    double trained = p->epochs_total > 0 ? p->epochs / p->epochs_total : NAN;
    p->islands = pool.islands;
    p->stage = pool.stage;
    p->utilisation = pool.utilisation > 0 ? pool.utilisation : NAN;
    p->done = fmin(fmax(clock, trained), 1);
}

void ht_driver_show_progress(ht_driver *d, double now)
{
    if (d->progress == NULL || now - d->shown < progress_s)
        return;
    d->shown = now;
    ht_coordinator_view v;
    ht_coordinator_peek(d->coordinator, &v);
    const unsigned long *by = v.statistics->by_decision;
    int replicas = v.alive + v.lost + v.done;
    ht_progress p = {.step = v.step, .epoch = v.epoch, .max_steps = v.total_steps,
                     .replicas = replicas, .training = v.alive,
                     .best = v.has_best ? v.best : NAN, .accepted = by[HT_DECISION_ACCEPTED],
                     .rejected = by[HT_DECISION_REJECTED] + by[HT_DECISION_ROLLED_BACK],
                     .elapsed_s = now - d->started, .lost = v.lost,
                     .best_replica = v.has_best ? v.best_replica : -1,
                     .done = v.steps_share, .epochs = v.epochs, .epochs_total = (double)d->epochs * replicas,
                     .utilisation = NAN};
    if (v.pool != NULL)
        put_pool(&p, &v);
    else if (isnan(p.done) && p.epochs_total > 0)
        p.done = fmin(p.epochs / p.epochs_total, 1);
    d->progress(d->progress_ctx, &p);
}
