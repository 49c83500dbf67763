/* src/kernel/deadline.c - how early a run must leave; the contract is in deadline.h.
 *
 * From cut to commit the slowest replica comes to a safe point, which takes up to an epoch, but may have taken less
 * in the checkpoints that were measured: an epoch is the least that counts. May touch: the heap. */
#include "kernel/deadline.h"

#include <math.h>
#include <stdlib.h>

static const double factor = 1.25;      /* on everything that is measured */
static const double floor_s = 3;        /* least margin: processes start, end and wait for each other, too */
static const double default_s = 30;     /* before anything is measured, */
static const double default_share = 0.25;   /* but not more than this of the time that there is */
static const double last_s = 1.5;       /* for the end of the processes themselves */
static const double forgets = 0.1;      /* how fast a pace falls, per epoch */

bool ht_deadline_init(ht_deadline *d, int n_replicas, double end, double now)
{
    *d = (ht_deadline){.end = end, .span = end > 0 ? fmax(0, end - now) : 0, .n_replicas = n_replicas,
                       .paces = calloc((size_t)n_replicas, sizeof *d->paces)};
    return d->paces != NULL;
}

void ht_deadline_release(ht_deadline *d)
{
    free(d->paces);
    *d = (ht_deadline){0};
}

void ht_deadline_saved(ht_deadline *d, double seconds)
{
    if (seconds >= 0)
        d->saves[d->n_saves++ % HT_DEADLINE_SAVES] = seconds;
}

void ht_deadline_epoch(ht_deadline *d, int replica, double seconds)
{
    if (replica < 0 || replica >= d->n_replicas || !(seconds > 0))
        return;
    double *pace = &d->paces[replica];
    *pace = seconds > *pace ? seconds : *pace + forgets * (seconds - *pace);
}

void ht_deadline_forget(ht_deadline *d, int replica)
{
    if (replica >= 0 && replica < d->n_replicas)
        d->paces[replica] = 0;
}

void ht_deadline_published(ht_deadline *d, double seconds)
{
    d->publishing = fmax(d->publishing, seconds);
}

ht_margin ht_deadline_margin(const ht_deadline *d)
{
    ht_margin m = {.publishing = d->publishing};
    for (size_t i = 0; i < d->n_saves && i < HT_DEADLINE_SAVES; i++)
        m.save = fmax(m.save, d->saves[i]);
    for (int i = 0; i < d->n_replicas; i++)
        m.pace = fmax(m.pace, d->paces[i]);
    m.measured = d->n_saves > 0 && m.pace > 0;
    m.save = fmax(m.save, m.pace);
    double more = d->go_together ? m.pace : 0;
    m.total = m.measured ? factor * (m.save + more + m.publishing)
                         : fmin(default_s, default_share * d->span);
    m.total = fmax(m.total, floor_s);
    return m;
}

double ht_deadline_last(const ht_deadline *d)
{
    return last_s + factor * d->publishing;
}

bool ht_deadline_is_met(ht_deadline *d, const ht_margin *m, double now, double share, double left)
{
    if (!isfinite(share))
        return false;
    if (d->looks == 0 || (d->looks == 1 && share > d->first_share)) {
        d->looks++;
        d->first_share = share;
        d->first_time = now;
    }
    double done = share - d->first_share, rest = fmax(0, 1 - share);
    if (!(done > 0) || done < rest)
        return false;
    double needs = factor * ((now - d->first_time) / done * rest + m->pace + m->publishing) + floor_s;
    return needs < left;
}
