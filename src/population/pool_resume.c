/* src/population/pool_resume.c - after a stop the run goes on with fewer replicas, or more; see pool.h.
 *
 * All who did not come back leave at the first word of it: in between the policy would give work and states to
 * those who are still to be told of, and what they are said to hold would be in no checkpoint.
 * May touch: the heap. */
#include <stdlib.h>

#include "population/pool_state.h"

ht_status ht_pool_crowd(ht_pool *p, double now, int n)
{
    p->now = now;
    if (n <= p->n_seats || p->policy->crowd == NULL)
        return HT_OK;
    ht_pool_seat *seats = realloc(p->seats, (size_t)n * sizeof *seats);
    if (seats == NULL)
        return HT_ENOMEM;
    p->seats = seats;
    if (!ht_pool_tally_reserve(&p->tally, (size_t)n))
        return HT_ENOMEM;
    if (!p->policy->crowd(p->self, n))
        return HT_ENOMEM;
    for (; p->n_seats < n; p->n_seats++) {
        p->seats[p->n_seats] = (ht_pool_seat){0};
        ht_pool_reset_seat(p, p->n_seats);
        p->seats[p->n_seats].lost = p->started;     /* not awaited: it comes when it comes */
        p->somebody_is_lost |= p->started;
    }
    return HT_OK;
}

int ht_pool_seats(const ht_pool *p)
{
    return p->n_seats;
}

int ht_pool_heir(const ht_pool *p)
{
    int heir = -1;
    for (int i = 0; i < p->n_seats; i++)
        if (p->present != NULL && p->present[i] && ht_seat_lives(&p->seats[i]) &&
            (heir < 0 || p->seats[i].n_slots < p->seats[heir].n_slots))
            heir = i;
    return heir;
}

bool ht_pool_is_present(const ht_pool *p, int replica)
{
    return p->present != NULL && p->present[replica] && ht_seat_lives(&p->seats[replica]);
}

static bool somebody_else_holds(const ht_pool *p, int replica, unsigned slot)
{
    for (int i = 0; i < p->n_seats; i++)
        if (i != replica && ht_pool_is_present(p, i) && ht_pool_holds(p, i, slot))
            return true;
    return false;
}

/* Slots but the root have one meaning wherever they lie: candidates, copies of other islands' roots. */
static void hand_down_slots(ht_pool *p, int replica)
{
    for (size_t i = 0; i < p->seats[replica].n_slots; i++) {
        unsigned slot = p->seats[replica].slots[i];
        int heir = ht_pool_heir(p);
        if (slot != HT_SLOT_ROOT && heir >= 0 && !somebody_else_holds(p, replica, slot))
            ht_pool_inherit(p, replica, slot, heir, slot);
    }
}

static void hand_down_best(ht_pool *p, int replica)
{
    int heir = ht_pool_heir(p);
    ht_pool_crown(p);
    if (replica != p->champion || heir < 0)
        return;
    ht_pool_inherit(p, replica, HT_SLOT_BEST, heir, HT_SLOT_BEST);
    p->seats[heir].best = p->seats[replica].best;
    p->seats[heir].best_node = p->seats[replica].best_node;
    p->tally.throne_is_open = true;
}

static bool is_absent(const ht_pool *p, int replica, const bool *present)
{
    return !present[replica] && ht_seat_lives(&p->seats[replica]);
}

static ht_status part_with_absent(ht_pool *p, const bool *present)
{
    bool *leaves = calloc((size_t)p->n_seats, sizeof *leaves);
    if (leaves == NULL)
        return HT_ENOMEM;
    p->present = present;
    for (int i = 0; i < p->n_seats; i++) {
        leaves[i] = is_absent(p, i, present);
        if (!leaves[i])
            continue;
        hand_down_best(p, i);
        if (p->stopping || p->finished)
            continue;           /* nobody trains any more */
        hand_down_slots(p, i);
        if (p->policy->retire != NULL && p->started)
            p->policy->retire(p->self, i);
    }
    p->present = NULL;
    for (int i = 0; i < p->n_seats; i++)
        if (leaves[i]) {
            p->seats[i].lost = p->somebody_is_lost = true;
            ht_pool_recount(p, i);
        }
    for (int i = 0; i < p->n_seats; i++)
        if (leaves[i])
            ht_pool_unseat(p, i);
    free(leaves);
    return HT_OK;
}

ht_status ht_pool_retire(ht_pool *p, double now, int replica, const bool *present)
{
    p->now = now;
    if (replica < p->n_seats && is_absent(p, replica, present))
        HT_TRY(part_with_absent(p, present));
    return ht_pool_lose(p, now, replica);
}
