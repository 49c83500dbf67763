/* tests/population/pool_twin.c - a second pool hears what the first one heard, but for ticks that had no
 * effect, and must say the same: what a resumed run is built on (population/feed.h). See pool_replica.h. */
#include "population/pool_replica.h"

#include <string.h>

#include "population/pool_state.h"

/* ---- what both hear ---------------------------------------------------------------------------- */

ht_status both_join(world *w, int id)
{
    ht_status st = ht_pool_join(w->pool, w->now, id);
    return w->twin == NULL || ht_pool_join(w->twin, w->now, id) == st ? st : HT_EFAILED;
}

ht_status both_lose(world *w, int id)
{
    ht_status st = ht_pool_lose(w->pool, w->now, id);
    return w->twin == NULL || ht_pool_lose(w->twin, w->now, id) == st ? st : HT_EFAILED;
}

ht_status both_receive(world *w, int id, const ht_pool_event *e)
{
    ht_status st = ht_pool_receive(w->pool, w->now, id, e);
    return w->twin == NULL || ht_pool_receive(w->twin, w->now, id, e) == st ? st : HT_EFAILED;
}

ht_status both_tick(world *w)
{
    ht_status st = ht_pool_tick(w->pool, w->now);
    bool spoke = w->pool->first_order != NULL || w->pool->first_note != NULL;
    return w->twin == NULL || !spoke || ht_pool_tick(w->twin, w->now) == st ? st : HT_EFAILED;
}

ht_status both_stop(world *w)
{
    ht_status st = ht_pool_stop(w->pool, w->now);
    return w->twin == NULL || ht_pool_stop(w->twin, w->now) == st ? st : HT_EFAILED;
}

void both_calm(world *w)
{
    ht_pool_calm(w->pool, true);
    if (w->twin != NULL)
        ht_pool_calm(w->twin, true);
}

ht_status both_crowd(world *w, int n)
{
    ht_status st = ht_pool_crowd(w->pool, w->now, n);
    return w->twin == NULL || ht_pool_crowd(w->twin, w->now, n) == st ? st : HT_EFAILED;
}

ht_status both_retire(world *w, int id, const bool *present)
{
    ht_status st = ht_pool_retire(w->pool, w->now, id, present);
    return w->twin == NULL || ht_pool_retire(w->twin, w->now, id, present) == st ? st : HT_EFAILED;
}

/* ---- what both say ----------------------------------------------------------------------------- */

static bool same_order(const ht_pool_order *a, const ht_pool_order *b)
{
    return a->kind == b->kind && a->number == b->number && a->slot == b->slot && a->from_slot == b->from_slot &&
           a->peer == b->peer && a->source == b->source && a->seed == b->seed && a->epochs == b->epochs &&
           a->n_knobs == b->n_knobs && memcmp(a->knobs, b->knobs, a->n_knobs * sizeof *a->knobs) == 0 &&
           a->champion == b->champion && a->n_members == b->n_members &&
           (a->n_members == 0 || memcmp(a->members, b->members, a->n_members * sizeof *a->members) == 0);
}

void twin_orders(world *w, int replica, const ht_pool_order *o)
{
    int id = -1;
    ht_pool_order again;
    if (w->twin == NULL)
        return;
    bool any = ht_pool_next_order(w->twin, &id, &again);
    if (any != (o != NULL) || (any && (id != replica || !same_order(o, &again))))
        world_wrong(w, replica, "the pool that is told again orders %d of %d", any ? (int)again.kind : 0,
                    id);
    if (any)
        ht_pool_order_release(&again);
}

static bool same_bits(size_t n, const double *a, const double *b)
{
    return memcmp(a, b, n * sizeof *a) == 0;
}

static bool same_verdict(const ht_pool_verdict *a, const ht_pool_verdict *b)
{
    const double x[] = {a->wall, a->before, a->loss, a->control, a->score, a->score_error};
    const double y[] = {b->wall, b->before, b->loss, b->control, b->score, b->score_error};
    return a->replica == b->replica && a->island == b->island && a->segment == b->segment &&
           a->mutant == b->mutant && a->accepted == b->accepted && a->in_root == b->in_root &&
           a->lost == b->lost && a->fresh == b->fresh && a->start_step == b->start_step &&
           a->end_step == b->end_step && same_bits(6, x, y) && a->n_knobs == b->n_knobs &&
           same_bits(a->n_knobs, a->h, b->h) && same_bits(a->n_knobs, a->x, b->x);
}

static bool same_note(const ht_pool_note *a, const ht_pool_note *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == HT_NOTE_LINE)
        return strcmp(a->line, b->line) == 0;
    return a->kind == HT_NOTE_VERDICT ? same_verdict(&a->verdict, &b->verdict)
                                      : cJSON_Compare(a->event, b->event, true);
}

void twin_notes(world *w, const ht_pool_note *n)
{
    ht_pool_note again;
    if (w->twin == NULL)
        return;
    bool any = ht_pool_next_note(w->twin, &again);
    if (any != (n != NULL) || (any && !same_note(n, &again)))
        world_wrong(w, -1, "the pool that is told again notes otherwise: %s",
                    any && again.kind == HT_NOTE_LINE ? again.line : "");
    if (any)
        ht_pool_note_release(&again);
}
