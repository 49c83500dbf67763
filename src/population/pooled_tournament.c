/* src/population/pooled_tournament.c - who lives in which island, and which islands go on; see pooled.h and
 * tournament.h.
 *
 * May touch: the heap, for the length of a call. */
#include <math.h>
#include <stdlib.h>

#include "population/pooled.h"

/* ---- who lives where ------------------------------------------------------------------------- */

bool ht_pooled_is_useful(const ht_pooled *s, int r)
{
    ht_pool_replica who = ht_pool_replica_of(s->pool, r);
    return who.lives && !who.sick;
}

size_t ht_pooled_alive(const ht_pooled *s)
{
    return (size_t)s->n_alive;
}

static bool has_root(const ht_pooled *s, int r)
{
    return s->home[r] >= 0 && s->root[r] > 0 && s->root[r] == s->islands[s->home[r]].version;
}

/* Everybody useful is dealt out to the islands order[0 .. kept - 1]. Who has the root of its island comes
 * first and so stays, because it may be the only one. */
void ht_pooled_deal(ht_pooled *s, size_t kept, const int *order)
{
    int *who = malloc((size_t)s->n * sizeof *who), *home = malloc((size_t)s->n * sizeof *home);
    int *place = malloc((size_t)s->n * sizeof *place);      /* of an island in `order`; -1 = it is given up */
    size_t n = 0;
    bool fine = who != NULL && home != NULL && place != NULL;
    if (!fine)
        ht_pool_no_memory(s->pool);
    for (int k = 0; fine && k < s->n; k++)
        place[k] = -1;
    for (size_t k = 0; fine && k < kept; k++)
        place[order[k]] = (int)k;
    for (int i = 0; fine && i < 2 * s->n; i++) {
        int r = i % s->n;
        if (!ht_pooled_is_useful(s, r) || has_root(s, r) != (i < s->n))
            continue;
        who[n] = r;
        home[n++] = s->home[r] >= 0 ? place[s->home[r]] : -1;
    }
    ht_tournament_deal(n, home, kept);
    for (size_t i = 0; i < n; i++)
        ht_pooled_house(s, who[i], home[i] >= 0 ? order[home[i]] : -1);
    free(place);
    free(who);
    free(home);
}

/* An island whose root died with its last holder, or that nobody is left for. */
void ht_pooled_bury_dead(ht_pooled *s)
{
    if (s->mishaps_seen != ht_pool_mishaps(s->pool) || s->well_seen != ht_pool_well(s->pool))
        ht_bits_copy(&s->suspect, &s->closed);
    s->mishaps_seen = ht_pool_mishaps(s->pool);
    s->well_seen = ht_pool_well(s->pool);
    for (int k = ht_bits_next(&s->suspect, 0); k >= 0; k = ht_bits_next(&s->suspect, k + 1)) {
        ht_island *isl = &s->islands[k];
        const ht_roster *home = &s->people[k].home;
        if (isl->state != HT_ISLAND_CLOSED) {
            ht_bits_put(&s->suspect, (size_t)k, false);     /* it is one again when it is closed */
            continue;
        }
        unsigned slot;
        bool rootless = isl->version > 0 && ht_pooled_root_holder(s, isl, &slot) < 0, empty = true;
        /* the next tournament finds members for one that is mirrored */
        bool mirrored = isl->version > 0 && slot != HT_SLOT_ROOT;
        for (size_t i = 0; i < home->n && empty; i++)
            empty = !ht_pooled_is_useful(s, home->who[i]);
        if (!rootless && !empty)
            ht_bits_put(&s->suspect, (size_t)k, false);
        if (!rootless && (!empty || mirrored || ht_pooled_alive(s) == 1))
            continue;
        ht_pool_say(s->pool, "epoch %g: island %d is lost", isl->wall, isl->id);
        ht_pooled_give_up(s, isl->id);
    }
}

/* ---- tournament ----------------------------------------------------------------------------- */

static double projected(const ht_pooled *s, const ht_island *isl)
{
    ht_pooled_people *known = &s->people[isl->id];
    if (known->n_hist != isl->n_hist || known->loss != isl->loss || known->wall != isl->wall) {
        known->projected = ht_tournament_projected(isl->hist, isl->n_hist, isl->loss, s->recipe->population.tournament.rho,
                                                   s->recipe->population.tournament.q,
                                                   (s->plan.epochs - isl->wall) / s->plan.horizon);
        known->n_hist = isl->n_hist;
        known->loss = isl->loss;
        known->wall = isl->wall;
    }
    return known->projected;
}

typedef struct {
    double p;
    int island;
} ranked;

static int by_projection(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return x->p != y->p ? (x->p > y->p) - (x->p < y->p) : (x->island > y->island) - (x->island < y->island);
}

static ranked ranked_of(const ht_pooled *s, const ht_island *isl)
{
    double p = projected(s, isl);
    return (ranked){isnan(p) ? INFINITY : p, isl->id};
}

/* Islands that are alive, the best first; among equals the older. @return how many */
static size_t rank(ht_pooled *s, int *order, double *p)
{
    ranked *all = malloc((s->n_islands + 1) * sizeof *all);
    size_t n = 0;
    if (all == NULL) {
        ht_pool_no_memory(s->pool);
        return 0;
    }
    for (size_t k = 0; k < s->n_islands; k++) {
        if (s->islands[k].state == HT_ISLAND_GONE)
            continue;
        p[k] = projected(s, &s->islands[k]);
        all[n++] = ranked_of(s, &s->islands[k]);
    }
    qsort(all, n, sizeof *all, by_projection);
    for (size_t i = 0; i < n; i++)
        order[i] = all[i].island;
    free(all);
    return n;
}

void ht_pooled_give_up(ht_pooled *s, int island)
{
    const ht_roster *home = &s->people[island].home;
    ht_pooled_enter(s, &s->islands[island], HT_ISLAND_GONE);
    while (home->n > 0)
        ht_pooled_house(s, home->who[home->n - 1], -1);
}

int ht_pooled_useful(const ht_pooled *s)
{
    return ht_pool_well(s->pool);
}

/* The number of islands that should go on at `wall`. */
size_t ht_pooled_wanted(const ht_pooled *s, double wall)
{
    int k = ht_plan_islands(&s->plan, wall / s->plan.epochs), useful = ht_pooled_useful(s);
    k = k < useful ? k : useful;
    return k > 1 ? (size_t)k : 1;
}

/* All islands are closed: give up what is too many and deal everybody out again. */
void ht_pooled_hold_tournament(ht_pooled *s, double wall)
{
    int *order = malloc((size_t)s->n * sizeof *order);
    double *p = malloc((size_t)s->n * sizeof *p);
    if (order == NULL || p == NULL) {
        ht_pool_no_memory(s->pool);
    } else {
        size_t n = rank(s, order, p), keep = ht_pooled_wanted(s, wall);
        if (n > keep) {
            ht_pooled_note_tournament(s, wall, n, order, p, keep);
            for (size_t i = keep; i < n; i++)
                ht_pooled_give_up(s, order[i]);
        }
        if (n > keep || ht_pooled_has_homeless(s))
            ht_pooled_deal(s, n < keep ? n : keep, order);
    }
    free(order);
    free(p);
}

/* Elastic, and some are still busy: is this one too many by what is known? */
bool ht_pooled_is_too_many(ht_pooled *s, const ht_island *isl)
{
    const ranked own = ranked_of(s, isl);
    size_t better = 0;
    for (size_t k = 0; k < s->n_islands; k++) {
        if (s->islands[k].state == HT_ISLAND_GONE)
            continue;
        const ranked other = ranked_of(s, &s->islands[k]);
        better += by_projection(&other, &own) < 0;
    }
    return better >= ht_pooled_wanted(s, isl->wall);
}

/* Elastic: who has no island goes to the smallest one, and starts with its next segment. */
void ht_pooled_house_homeless(ht_pooled *s)
{
    if (!ht_pooled_has_homeless(s))
        return;
    for (int r = 0; r < s->n; r++) {
        if (s->home[r] >= 0 || !ht_pooled_is_useful(s, r))
            continue;
        int smallest = -1, least = 0;
        for (size_t k = 0; k < s->n_islands; k++) {
            int members = (int)s->people[k].home.n;
            if (s->islands[k].state != HT_ISLAND_GONE && (smallest < 0 || members < least)) {
                smallest = (int)k;
                least = members;
            }
        }
        ht_pooled_house(s, r, smallest);
    }
}
