/* src/simulate/transfer.c - simulated training states travel; the contract is in transfer.h.
 *
 * Whoever comes first to a meeting (number, sender) makes it and waits in it; whoever comes second spends the time of the
 * transfer, hands the state over and wakes the first one. A meeting belongs to those who are in it: the last one
 * who leaves frees it.
 * May touch: the heap, virtual time. */
#include "simulate/transfer.h"

#include <stdlib.h>

#include "comm/mean.h"

/* What travels: a state, or the mean of several. */
typedef struct {
    ht_curve_state state;
    size_t n;
} parcel;

typedef struct meeting {
    struct meeting *next;
    unsigned long number;
    int sender, first;      /* replicas */
    parcel *parcel;         /* of the one who came first: to be read, or to be filled */
    bool busy, done, left;  /* the second one is here; it is over, well; one of both is gone */
} meeting;

struct ht_transfers {
    ht_virtual *v;
    double seconds, bytes;
    size_t n_lists;
    meeting **lists;        /* [n_lists] by number; owned */
    ht_transfers_account account;
};

static meeting **place_of(ht_transfers *t, unsigned long number, int sender)
{
    meeting **at = &t->lists[number % t->n_lists];
    while (*at != NULL && ((*at)->number != number || (*at)->sender != sender))
        at = &(*at)->next;
    return at;
}

static void take_out(ht_transfers *t, meeting *m)
{
    meeting **at = &t->lists[m->number % t->n_lists];
    while (*at != NULL && *at != m)
        at = &(*at)->next;
    if (*at != NULL)
        *at = m->next;
}

static ht_status verdict(ht_transfers *t, bool done, bool timeout, ht_error *err)
{
    t->account.failed += !done;
    return done ? HT_OK
                : ht_fail(err, timeout ? HT_ETIMEOUT : HT_ECOMM, timeout ? "nobody came to the other end"
                                                                         : "the other end is gone");
}

static ht_status come_first(ht_transfers *t, int me, unsigned long number, int sender, double patience_s, parcel *p,
                            ht_error *err)
{
    meeting *m = calloc(1, sizeof *m);
    if (m == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a transfer");
    *m = (meeting){.next = t->lists[number % t->n_lists], .number = number, .sender = sender, .first = me, .parcel = p};
    t->lists[number % t->n_lists] = m;
    ht_virtual_wait(t->v, me + 1, patience_s);
    while (m->busy && !m->done && !m->left && !ht_virtual_is_cut(t->v, me + 1))
        ht_virtual_wait(t->v, me + 1, patience_s);
    bool done = m->done, timeout = !m->busy && !ht_virtual_is_cut(t->v, me + 1);
    if (!m->busy)
        take_out(t, m);
    if (m->busy && !m->done && !m->left)
        m->left = true;     /* the second one frees it */
    else
        free(m);
    return verdict(t, done, timeout, err);
}

static ht_status come_second(ht_transfers *t, int me, meeting *m, parcel *p, ht_error *err)
{
    take_out(t, m);
    m->busy = true;
    bool cut = ht_virtual_wait(t->v, me + 1, t->seconds);
    if (m->left) {
        free(m);
        return verdict(t, false, false, err);
    }
    m->done = !cut;
    m->left = cut;
    if (m->done && m->sender == me)
        *m->parcel = *p;
    else if (m->done)
        *p = *m->parcel;
    t->account.done += m->done;
    t->account.bytes += m->done ? t->bytes : 0;
    ht_virtual_wake(t->v, m->first + 1);
    return verdict(t, m->done, false, err);
}

static ht_status meet(ht_transfers *t, int me, unsigned long number, int sender, double patience_s, parcel *p,
                      ht_error *err)
{
    meeting *m = *place_of(t, number, sender);
    return m != NULL ? come_second(t, me, m, p, err) : come_first(t, me, number, sender, patience_s, p, err);
}

ht_status ht_transfers_send(ht_transfers *t, int me, unsigned long number, double patience_s,
                            const ht_curve_state *state, ht_error *err)
{
    parcel p = {*state, 1};
    return meet(t, me, number, me, patience_s, &p, err);
}

ht_status ht_transfers_receive(ht_transfers *t, int me, unsigned long number, int from, double patience_s,
                               ht_curve_state *state, ht_error *err)
{
    parcel p = {*state, 1};
    HT_TRY(meet(t, me, number, from, patience_s, &p, err));
    *state = p.state;
    return HT_OK;
}

ht_status ht_transfers_mean(ht_transfers *t, int me, unsigned long number, size_t n, const int *members,
                            double patience_s, ht_curve_state *live, ht_error *err)
{
    size_t mine = 0;
    while (mine < n && members[mine] != me)
        mine++;
    if (mine == n)
        return ht_fail(err, HT_ECOMM, "replica %d takes part in a mean of others", me);
    ht_mean_place place = ht_mean_find(n, mine);
    parcel sum = {*live, 1};
    for (size_t i = 0; i < place.n_children; i++) {
        parcel from = {*live, 0};
        HT_TRY(meet(t, me, number, members[place.children[i]], patience_s, &from, err));
        sum = (parcel){ht_curve_blend(from.state, from.n, sum.state, sum.n), from.n + sum.n};
    }
    if (!place.is_root)
        return meet(t, me, number, me, patience_s, &sum, err);
    *live = sum.state;
    return HT_OK;
}

ht_transfers_account ht_transfers_look(const ht_transfers *t)
{
    return t->account;
}

/* ---- life ----------------------------------------------------------------------------------- */

ht_status ht_transfers_create(ht_virtual *v, int n_replicas, double seconds, double bytes, ht_transfers **out,
                              ht_error *err)
{
    ht_transfers *t = calloc(1, sizeof *t);
    if (t != NULL) {
        *t = (ht_transfers){.v = v, .seconds = seconds, .bytes = bytes, .n_lists = (size_t)n_replicas + 64};
        t->lists = calloc(t->n_lists, sizeof *t->lists);
    }
    if (t == NULL || t->lists == NULL) {
        ht_transfers_destroy(t);
        return ht_fail(err, HT_ENOMEM, "no memory for transfers");
    }
    *out = t;
    return HT_OK;
}

void ht_transfers_destroy(ht_transfers *t)
{
    if (t == NULL)
        return;
    free(t->lists);         /* who is in a meeting frees it */
    free(t);
}
