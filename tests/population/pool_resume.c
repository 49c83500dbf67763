/* tests/population/pool_resume.c - the run is stopped and goes on with other replicas; see pool_replica.h.
 *
 * As the driver does it: everybody does what it was ordered before the cut and stands still; what replicas
 * said meanwhile is heard later, but of those that came back only; the absent retire before anything else is
 * heard. */
#include "population/pool_replica.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_there(const sim_replica *r)
{
    return r->joined && !r->lost;
}

static bool can_stop(const world *w)
{
    bool somebody = false;
    for (int i = 0; i < w->n; i++) {
        const sim_replica *r = &w->replicas[i];
        if (is_there(r) && !r->alive)
            return false;
        somebody = somebody || is_there(r);
    }
    return somebody;
}

static bool is_over(const world *w)
{
    for (int i = 0; i < w->n; i++)
        if (is_there(&w->replicas[i]) && w->replicas[i].last == (unsigned long)-1)
            return true;
    return ht_pool_is_done(w->pool);
}

static void write_all_down(world *w)
{
    for (int i = 0; i < w->n; i++)
        if (is_there(&w->replicas[i]))
            replica_take(w, i, w->now + w->o->delay_s, &(ht_pool_order){.kind = HT_ORDER_CHECKPOINT});
    for (;;) {
        int next = -1;
        double at = INFINITY;
        for (int i = 0; i < w->n; i++) {
            double t = replica_next(w, &w->replicas[i]);
            next = t < at ? i : next;
            at = fmin(at, t);
        }
        if (next < 0)
            break;
        w->now = fmax(w->now, at);
        replica_act(w, next);
    }
    for (int i = 0; i < w->n; i++)
        if (is_there(&w->replicas[i]) && !w->replicas[i].written)
            world_wrong(w, i, "it never comes to the checkpoint");
}

/* What it holds stays behind as files. */
static void leave_behind(world *w, int id)
{
    sim_replica *r = &w->replicas[id];
    sim_legacy *l = &w->left[id];
    free(l->slots);
    *l = (sim_legacy){.keeps = r->keeps, .best = r->best, .n_slots = r->n_slots,
                      .slots = malloc((r->n_slots + 1) * sizeof *l->slots)};
    if (r->n_slots > 0)
        memcpy(l->slots, r->slots, r->n_slots * sizeof *l->slots);
    replica_die(w, id);
    r->lost = true;
    r->keeps = INFINITY;
}

static double best_known(const world *w)
{
    ht_pool_view v;
    ht_pool_peek(w->pool, &v);
    return !v.has_champion ? INFINITY : w->o->maximize ? -v.best : v.best;
}

static void retire(world *w, const world_fault *f)
{
    bool present[w->n], living[w->n];
    int n_present = 0;
    double before = best_known(w);
    for (int i = 0; i < w->n; i++) {
        living[i] = is_there(&w->replicas[i]);
        present[i] = living[i] && (f->absent >> (i % 64) & 1) == 0;
        n_present += present[i];
    }
    for (int i = 0; i < w->n && n_present == 0; i++)
        n_present += present[i] = living[i];
    for (int i = 0; i < w->n; i++)
        if (living[i] && !present[i])
            leave_behind(w, i);
    for (int i = 0; i < w->seats; i++)
        if (living[i] && !present[i])
            world_check(w, i, both_retire(w, i, present));
    if (best_known(w) > before)
        world_wrong(w, -1, "the best was %g before the stop, now it is %g", before, best_known(w));
}

bool world_resume(world *w, const world_fault *f)
{
    if (is_over(w))
        return true;
    if (!can_stop(w))
        return false;
    int before = w->seats;
    write_all_down(w);
    w->seats += f->more;
    if (f->more > 0)
        world_check(w, -1, both_crowd(w, w->seats));
    retire(w, f);
    for (int i = before; i < w->seats; i++)
        world_join(w, i);
    for (int i = 0; i < w->n; i++)
        w->replicas[i].written = false;
    w->account.resumed++;
    return true;
}
