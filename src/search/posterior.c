/* src/search/posterior.c - ring of judged mutations, ranked by score; the contract is in posterior.h.
 *
 * at[0..n) are the observations; once the ring is full, `next` is the oldest and the slot of the next
 * one. ranked[0..n) are their slots in the order of ht_posterior_ranked. It is kept sorted by each add,
 * because a proposal that had to sort would spend half of its time on it.
 * May touch: the heap. Not: MPI, files, clock, random numbers. */
#include "search/posterior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ht_posterior {
    size_t n, next;
    ht_observation at[HT_POSTERIOR_CAPACITY];
    size_t ranked[HT_POSTERIOR_CAPACITY];
};

ht_status ht_posterior_create(ht_posterior **out, ht_error *err)
{
    ht_posterior *p = calloc(1, sizeof *p);
    if (p == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for %d observations", HT_POSTERIOR_CAPACITY);
    *out = p;
    return HT_OK;
}

void ht_posterior_destroy(ht_posterior *p)
{
    free(p);
}

static ht_status check(const ht_observation *o, ht_error *err)
{
    if (o->n < 1 || o->n > HT_BOUNDS_MAX)
        return ht_fail(err, HT_EINVAL, "observation of %s:%s: %zu values; 1 to %d are possible", o->actuator,
                       o->key, o->n, HT_BOUNDS_MAX);
    for (size_t i = 0; i < o->n; i++)
        if (!isfinite(o->x[i]))
            return ht_fail(err, HT_EINVAL, "observation of %s:%s: value %zu is not finite: %g", o->actuator,
                           o->key, i, o->x[i]);
    if (!(o->y < INFINITY))
        return ht_fail(err, HT_EINVAL, "observation of %s:%s: %g is no score", o->actuator, o->key, o->y);
    return HT_OK;
}

static void forget(ht_posterior *p, size_t slot)
{
    size_t rank = 0;
    while (p->ranked[rank] != slot)
        rank++;
    p->n--;
    memmove(p->ranked + rank, p->ranked + rank + 1, (p->n - rank) * sizeof *p->ranked);
}

/* Behind its equals, since it is the newest. */
static void rank(ht_posterior *p, size_t slot)
{
    size_t at = 0;
    while (at < p->n && p->at[p->ranked[at]].y >= p->at[slot].y)
        at++;
    memmove(p->ranked + at + 1, p->ranked + at, (p->n - at) * sizeof *p->ranked);
    p->ranked[at] = slot;
    p->n++;
}

ht_status ht_posterior_add(ht_posterior *p, const ht_observation *o, ht_error *err)
{
    HT_TRY(check(o, err));
    size_t slot = p->next;
    if (p->n == HT_POSTERIOR_CAPACITY)
        forget(p, slot);
    p->at[slot] = *o;
    rank(p, slot);
    p->next = (slot + 1) % HT_POSTERIOR_CAPACITY;
    return HT_OK;
}

size_t ht_posterior_count(const ht_posterior *p)
{
    return p->n;
}

const ht_observation *ht_posterior_peek(const ht_posterior *p, size_t i)
{
    size_t oldest = p->n == HT_POSTERIOR_CAPACITY ? p->next : 0;
    return &p->at[(oldest + i) % HT_POSTERIOR_CAPACITY];
}

const ht_observation *ht_posterior_ranked(const ht_posterior *p, size_t i)
{
    return &p->at[p->ranked[i]];
}
