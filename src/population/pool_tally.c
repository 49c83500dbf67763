/* src/population/pool_tally.c - counts that follow the seats of a pool; the contract is in pool_tally.h.
 *
 * May touch: the heap. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "population/pool_state.h"

bool ht_pool_tally_reserve(ht_pool_tally *t, size_t n)
{
    double *paces = realloc(t->paces, (n + 1) * sizeof *paces);
    if (paces == NULL)
        return false;
    t->paces = paces;
    t->paces_capacity = n + 1;
    return ht_bits_reserve(&t->idle, n);
}

void ht_pool_tally_release(ht_pool_tally *t)
{
    for (size_t i = 0; i < t->n_slots; i++)
        ht_roster_release(&t->holders[i]);
    free(t->holders);
    free(t->paces);
    ht_bits_release(&t->idle);
}

/* ---- paces ------------------------------------------------------------------------------------ */

/* The first place whose pace is not smaller. */
static size_t place_of(const ht_pool_tally *t, double pace)
{
    size_t lo = 0, hi = t->n_paces;
    while (lo < hi) {
        size_t middle = (lo + hi) / 2;
        if (t->paces[middle] < pace)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

static void insert(ht_pool_tally *t, double pace)
{
    size_t at = place_of(t, pace);
    memmove(&t->paces[at + 1], &t->paces[at], (t->n_paces - at) * sizeof *t->paces);
    t->paces[at] = pace;
    t->n_paces++;
}

static void erase(ht_pool_tally *t, double pace)
{
    size_t at = place_of(t, pace);
    t->n_paces--;
    memmove(&t->paces[at], &t->paces[at + 1], (t->n_paces - at) * sizeof *t->paces);
}

/* A pace moves a little with each epoch: only those between its old and its new place make room. */
static void change(ht_pool_tally *t, double from, double to)
{
    size_t old = place_of(t, from), new = place_of(t, to);
    if (new > old) {
        new--;
        memmove(&t->paces[old], &t->paces[old + 1], (new - old) * sizeof *t->paces);
    } else {
        memmove(&t->paces[new + 1], &t->paces[new], (old - new) * sizeof *t->paces);
    }
    t->paces[new] = to;
}

static void recount_pace(ht_pool_tally *t, ht_tallied *had, bool has, double pace)
{
    if (had->has_pace && has && had->pace != pace)
        change(t, had->pace, pace);
    else if (had->has_pace && !has)
        erase(t, had->pace);
    else if (!had->has_pace && has)
        insert(t, pace);
    had->has_pace = has;
    had->pace = pace;
}

/* ---- seats ------------------------------------------------------------------------------------ */

void ht_pool_recount(ht_pool *p, int replica)
{
    ht_pool_seat *s = &p->seats[replica];
    ht_pool_tally *t = &p->tally;
    ht_tallied *had = &s->tallied;
    bool lives = ht_seat_lives(s), well = lives && !s->sick;
    t->living += lives - had->lives;
    t->well += well - had->well;
    t->throne_is_open |= had->lives && !lives;
    t->mishaps += had->lives && !lives;
    had->lives = lives;
    had->well = well;
    ht_bits_put(&t->idle, (size_t)replica, ht_seat_idle(s));
    recount_pace(t, had, lives && !isnan(s->pace), s->pace);
}

/* ---- slots ------------------------------------------------------------------------------------ */

static bool make_slots(ht_pool_tally *t, size_t n)
{
    if (n <= t->n_slots)
        return true;
    size_t more = n > 2 * t->n_slots ? n : 2 * t->n_slots;
    ht_roster *holders = realloc(t->holders, more * sizeof *holders);
    if (holders == NULL)
        return false;
    memset(holders + t->n_slots, 0, (more - t->n_slots) * sizeof *holders);
    t->holders = holders;
    t->n_slots = more;
    return true;
}

bool ht_pool_tally_hold(ht_pool_tally *t, int replica, unsigned slot)
{
    return make_slots(t, (size_t)slot + 1) && ht_roster_put(&t->holders[slot], replica);
}

void ht_pool_tally_forget(ht_pool_tally *t, int replica, unsigned slot)
{
    if (slot < t->n_slots)
        ht_roster_take(&t->holders[slot], replica);
}

const ht_roster *ht_pool_tally_holders(const ht_pool_tally *t, unsigned slot)
{
    return slot < t->n_slots ? &t->holders[slot] : NULL;
}
