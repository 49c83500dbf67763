/* src/population/pooled_account.c - who is at home where and has whose root, what islands are busy; see pooled.h.
 *
 * With thousands of islands nothing that happens to one may cost a look at all. Every list here is in the order of replicas, so
 * that whoever walks it decides as if it had walked all replicas. May touch: the heap. */
#include "population/pooled.h"

void ht_pooled_house(ht_pooled *s, int replica, int island)
{
    int before = s->home[replica];
    if (before >= 0) {
        ht_roster_take(&s->people[before].home, replica);
        ht_bits_put(&s->suspect, (size_t)before, true);
    }
    s->n_housed += (island >= 0) - (before >= 0);
    s->home[replica] = island;
    if (island >= 0 && !ht_roster_put(&s->people[island].home, replica))
        ht_pool_no_memory(s->pool);
}

void ht_pooled_has_root(ht_pooled *s, int replica, const ht_island *isl)
{
    int before = s->root_of[replica];
    if (s->root[replica] != 0 && s->islands[before].version == s->root[replica]) {
        ht_roster_take(&s->people[before].holders, replica);
        ht_bits_put(&s->suspect, (size_t)before, true);
    }
    s->root[replica] = isl != NULL ? isl->version : 0;
    if (isl == NULL)
        return;
    s->root_of[replica] = isl->id;
    if (!ht_roster_put(&s->people[isl->id].holders, replica))
        ht_pool_no_memory(s->pool);
}

void ht_pooled_new_root(ht_pooled *s, ht_island *isl, unsigned long version)
{
    isl->version = version;
    s->people[isl->id].holders.n = 0;
    ht_bits_put(&s->suspect, (size_t)isl->id, true);
}

static bool is_busy(ht_island_state state)
{
    return state == HT_ISLAND_TRAINS || state == HT_ISLAND_MERGES;
}

void ht_pooled_enter(ht_pooled *s, ht_island *isl, ht_island_state state)
{
    s->n_busy += is_busy(state) - is_busy(isl->state);
    s->n_alive += (state != HT_ISLAND_GONE) - (isl->state != HT_ISLAND_GONE);
    ht_bits_put(&s->closed, (size_t)isl->id, state == HT_ISLAND_CLOSED);
    ht_bits_put(&s->fresh, (size_t)isl->id, state == HT_ISLAND_CLOSED);
    ht_bits_put(&s->suspect, (size_t)isl->id, state == HT_ISLAND_CLOSED);
    isl->state = state;
}

void ht_pooled_mark(ht_pooled *s, ht_island *isl, ht_island_member *m, ht_member_state state)
{
    s->people[isl->id].training -= m->state == HT_MEMBER_TRAINS && state != HT_MEMBER_TRAINS;
    m->state = state;
}

bool ht_pooled_has_homeless(const ht_pooled *s)
{
    if (!s->restarted && ht_pool_living(s->pool) == s->n_housed)
        return false;
    for (int r = 0; r < s->n; r++)
        if (s->home[r] < 0 && ht_pooled_is_useful(s, r))
            return true;
    return false;
}
