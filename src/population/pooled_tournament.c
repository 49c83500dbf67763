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
    size_t n = 0;
    for (size_t i = 0; i < s->n_islands; i++)
        n += s->islands[i].state != HT_ISLAND_GONE;
    return n;
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
    size_t n = 0;
    if (who == NULL || home == NULL)
        ht_pool_no_memory(s->pool);
    for (int i = 0; who != NULL && home != NULL && i < 2 * s->n; i++) {
        int r = i % s->n;
        if (!ht_pooled_is_useful(s, r) || has_root(s, r) != (i < s->n))
            continue;
        who[n] = r;
        home[n] = -1;
        for (size_t k = 0; k < kept; k++)
            if (s->home[r] == order[k])
                home[n] = (int)k;
        n++;
    }
    ht_tournament_deal(n, home, kept);
    for (size_t i = 0; i < n; i++)
        s->home[who[i]] = home[i] >= 0 ? order[home[i]] : -1;
    free(who);
    free(home);
}

/* An island whose root died with its last holder, or that nobody is left for. */
void ht_pooled_bury_dead(ht_pooled *s)
{
    for (size_t k = 0; k < s->n_islands; k++) {
        ht_island *isl = &s->islands[k];
        if (isl->state != HT_ISLAND_CLOSED)
            continue;
        unsigned slot;
        bool rootless = isl->version > 0 && ht_pooled_root_holder(s, isl, &slot) < 0, empty = true;
        /* the next tournament finds members for one that is mirrored */
        bool mirrored = isl->version > 0 && slot != HT_SLOT_ROOT;
        for (int r = 0; r < s->n; r++)
            empty = empty && !(s->home[r] == isl->id && ht_pooled_is_useful(s, r));
        if (!rootless && (!empty || mirrored || ht_pooled_alive(s) == 1))
            continue;
        ht_pool_say(s->pool, "epoch %g: island %d is lost", isl->wall, isl->id);
        ht_pooled_give_up(s, isl->id);
    }
}

/* ---- tournament ----------------------------------------------------------------------------- */

static double projected(const ht_pooled *s, const ht_island *isl)
{
    return ht_tournament_projected(isl->hist, isl->n_hist, isl->loss, s->recipe->population.tournament.rho,
                                   s->recipe->population.tournament.q,
                                   (s->plan.epochs - isl->wall) / s->plan.horizon);
}

/* Islands that are alive, the best first; among equals the older. @return how many */
static size_t rank(const ht_pooled *s, int *order, double *p)
{
    size_t n = 0;
    for (size_t k = 0; k < s->n_islands; k++) {
        if (s->islands[k].state == HT_ISLAND_GONE)
            continue;
        p[k] = projected(s, &s->islands[k]);
        size_t at = n++;
        for (; at > 0 && p[order[at - 1]] > p[k]; at--)
            order[at] = order[at - 1];
        order[at] = (int)k;
    }
    return n;
}

void ht_pooled_give_up(ht_pooled *s, int island)
{
    s->islands[island].state = HT_ISLAND_GONE;
    for (int r = 0; r < s->n; r++)
        if (s->home[r] == island)
            s->home[r] = -1;
}

int ht_pooled_useful(const ht_pooled *s)
{
    int n = 0;
    for (int r = 0; r < s->n; r++)
        n += ht_pooled_is_useful(s, r);
    return n;
}

/* The number of islands that should go on at `wall`. */
size_t ht_pooled_wanted(const ht_pooled *s, double wall)
{
    int k = ht_plan_islands(&s->plan, wall / s->plan.epochs), useful = ht_pooled_useful(s);
    k = k < useful ? k : useful;
    return k > 1 ? (size_t)k : 1;
}

static bool has_homeless(const ht_pooled *s)
{
    for (int r = 0; r < s->n; r++)
        if (s->home[r] < 0 && ht_pooled_is_useful(s, r))
            return true;
    return false;
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
        if (n > keep || has_homeless(s))
            ht_pooled_deal(s, n < keep ? n : keep, order);
    }
    free(order);
    free(p);
}

/* Elastic, and some are still busy: is this one too many by what is known? */
bool ht_pooled_is_too_many(ht_pooled *s, const ht_island *isl)
{
    int *order = malloc((size_t)s->n * sizeof *order);
    double *p = malloc((size_t)s->n * sizeof *p);
    bool out = false;
    if (order == NULL || p == NULL) {
        ht_pool_no_memory(s->pool);
    } else {
        size_t n = rank(s, order, p), keep = ht_pooled_wanted(s, isl->wall);
        for (size_t i = keep; i < n; i++)
            out = out || order[i] == isl->id;
    }
    free(order);
    free(p);
    return out;
}

/* Elastic: who has no island goes to the smallest one, and starts with its next segment. */
void ht_pooled_house_homeless(ht_pooled *s)
{
    for (int r = 0; r < s->n; r++) {
        if (s->home[r] >= 0 || !ht_pooled_is_useful(s, r))
            continue;
        int smallest = -1, least = 0;
        for (size_t k = 0; k < s->n_islands; k++) {
            int members = 0;
            for (int other = 0; other < s->n; other++)
                members += s->home[other] == (int)k;
            if (s->islands[k].state != HT_ISLAND_GONE && (smallest < 0 || members < least)) {
                smallest = (int)k;
                least = members;
            }
        }
        s->home[r] = smallest;
    }
}
