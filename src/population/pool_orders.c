/* src/population/pool_orders.c - what a policy may order; the contract is in policy.h and pool_state.h.
 *
 * Every order changes the account (who holds what, who is busy) when it is given, because a replica carries
 * out its orders in the order in which they were given. What fails later comes back as an event and is taken
 * out again. May touch: the heap. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "population/pool_state.h"

/* ---- the queue ------------------------------------------------------------------------------ */

static bool post(ht_pool *p, int replica, const ht_pool_order *order)
{
    ht_queued_order *q = malloc(sizeof *q);
    if (q == NULL) {
        p->no_memory = true;
        return false;
    }
    *q = (ht_queued_order){.replica = replica, .order = *order};
    if (p->last_order != NULL)
        p->last_order->next = q;
    else
        p->first_order = q;
    p->last_order = q;
    return true;
}

bool ht_pool_next_order(ht_pool *p, int *replica, ht_pool_order *out)
{
    ht_queued_order *q = p->first_order;
    if (q == NULL)
        return false;
    p->first_order = q->next;
    if (q->next == NULL)
        p->last_order = NULL;
    *replica = q->replica;
    *out = q->order;
    free(q);
    return true;
}

void ht_pool_orders_release(ht_pool *p)
{
    int replica;
    ht_pool_order order;
    while (ht_pool_next_order(p, &replica, &order))
        ht_pool_order_release(&order);
}

/* ---- seats ---------------------------------------------------------------------------------- */

bool ht_seat_lives(const ht_pool_seat *s)
{
    return s->joined && !s->lost && !s->ended;
}

bool ht_seat_idle(const ht_pool_seat *s)
{
    return ht_seat_lives(s) && s->work.number == 0 && s->n_measures == 0;
}

void ht_pool_end(ht_pool *p, int replica)
{
    bool keeps_best = replica == p->champion && !isnan(p->seats[replica].best);
    if (post(p, replica, &(ht_pool_order){.kind = HT_ORDER_END, .champion = keeps_best}))
        p->seats[replica].ended = true;
    ht_pool_recount(p, replica);
}

void ht_pool_send_home(ht_pool *p, int replica)
{
    post(p, replica, &(ht_pool_order){.kind = HT_ORDER_END});
}

void ht_pool_stop_work(ht_pool *p, int replica)
{
    ht_pool_task *w = &p->seats[replica].work;
    if (w->number > 0 && !w->stopped)
        w->stopped = post(p, replica, &(ht_pool_order){.kind = HT_ORDER_STOP, .number = w->number});
}

void ht_pool_finish(ht_pool *p)
{
    p->finished = true;     /* pool.c sends the ENDs */
}

/* ---- WORK and measures ---------------------------------------------------------------------- */

unsigned long ht_pool_work_order(ht_pool *p, int replica, const ht_pool_work *w)
{
    ht_pool_seat *s = &p->seats[replica];
    assert(ht_seat_idle(s));
    ht_pool_order order = {.kind = HT_ORDER_WORK,
                           .number = p->number + 1,
                           .source = w->source,
                           .slot = w->slot,
                           .seed = w->seed,
                           .epochs = w->epochs,
                           .n_knobs = p->member.n_knobs};
    for (size_t i = 0; i < p->member.n_knobs; i++)
        order.knobs[i] = p->member.knobs[i].value;
    for (size_t i = 0; i < p->knobs.n; i++)
        order.knobs[p->knobs.k[i].at] = w->h[i];
    ht_lineage_node node = {.parent = w->parent,
                            .what = w->what,
                            .replica = replica,
                            .members = 1,
                            .wall = w->wall,
                            .epochs = w->epochs,
                            .loss = NAN};
    int n = ht_lineage_add(p->lineage, &node, w->h);
    if (n < 0 || !post(p, replica, &order)) {
        p->no_memory = true;
        return 0;
    }
    s->work = (ht_pool_task){.number = ++p->number,
                             .task = w->task,
                             .asked = w->epochs,
                             .node = n,
                             .timed = w->timed,
                             .since = p->now,
                             .best = NAN,
                             .first_step = s->step};
    ht_pool_recount(p, replica);
    s->node = n;
    s->answered = false;
    return p->number;
}

static bool add_measure(ht_pool *p, int replica, int node)
{
    ht_pool_seat *s = &p->seats[replica];
    if (s->n_measures == s->measures_capacity) {
        size_t capacity = 2 * s->measures_capacity + 2;
        ht_pool_measure *measures = realloc(s->measures, capacity * sizeof *measures);
        if (measures == NULL) {
            p->no_memory = true;
            return false;
        }
        s->measures = measures;
        s->measures_capacity = capacity;
    }
    s->measures[s->n_measures++] = (ht_pool_measure){p->number + 1, p->now + p->o.patience_s, node, false};
    ht_pool_recount(p, replica);
    return true;
}

bool ht_pool_measure_take(ht_pool *p, int replica, unsigned long number, ht_pool_measure *out)
{
    ht_pool_seat *s = &p->seats[replica];
    for (size_t i = 0; i < s->n_measures; i++)
        if (s->measures[i].number == number) {
            *out = s->measures[i];
            s->n_measures--;
            memmove(&s->measures[i], &s->measures[i + 1], (s->n_measures - i) * sizeof *s->measures);
            ht_pool_recount(p, replica);
            return true;
        }
    return false;
}

/* Each member gets a list of its own: orders are owned one by one. */
static bool post_mean(ht_pool *p, int replica, size_t n, const int *members)
{
    ht_pool_order order = {.kind = HT_ORDER_MEAN, .number = p->number, .n_members = n,
                           .members = malloc(n * sizeof *members)};
    if (order.members == NULL) {
        p->no_memory = true;
        return false;
    }
    memcpy(order.members, members, n * sizeof *members);
    if (post(p, replica, &order))
        return true;
    ht_pool_order_release(&order);
    return false;
}

unsigned long ht_pool_mean(ht_pool *p, size_t n, const int *members, int parent, double wall)
{
    int last = members[n - 1];
    assert(n >= 2 && ht_seat_lives(&p->seats[last]) && p->seats[last].work.number == 0);
    ht_lineage_node node = {
        .parent = parent, .what = "mean", .replica = last, .members = (int)n, .wall = wall, .loss = NAN};
    int at = ht_lineage_add(p->lineage, &node, NULL);
    if (at < 0 || !add_measure(p, last, at)) {
        p->no_memory = true;
        return 0;
    }
    p->number++;
    p->seats[last].node = at;
    for (size_t i = 0; i < n; i++)
        post_mean(p, members[i], n, members);
    return p->number;
}

unsigned long ht_pool_validate(ht_pool *p, int replica)
{
    assert(ht_seat_lives(&p->seats[replica]) && p->seats[replica].work.number == 0);
    ht_pool_order order = {.kind = HT_ORDER_VALIDATE, .number = p->number + 1};
    if (!add_measure(p, replica, p->seats[replica].node) || !post(p, replica, &order))
        return 0;
    return ++p->number;
}

/* ---- slots ---------------------------------------------------------------------------------- */

bool ht_pool_holds(const ht_pool *p, int replica, unsigned slot)
{
    const ht_pool_seat *s = &p->seats[replica];
    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slots[i] == slot)
            return ht_seat_lives(s);
    return false;
}

static void hold(ht_pool *p, int replica, unsigned slot)
{
    ht_pool_seat *s = &p->seats[replica];
    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slots[i] == slot)
            return;
    if (s->n_slots == s->slots_capacity) {
        size_t capacity = 2 * s->slots_capacity + 4;
        unsigned *slots = realloc(s->slots, capacity * sizeof *slots);
        if (slots == NULL) {
            p->no_memory = true;
            return;
        }
        s->slots = slots;
        s->slots_capacity = capacity;
    }
    if (!ht_pool_tally_hold(&p->tally, replica, slot)) {
        p->no_memory = true;
        return;
    }
    s->slots[s->n_slots++] = slot;
}

void ht_pool_forget_slot(ht_pool *p, int replica, unsigned slot)
{
    ht_pool_seat *s = &p->seats[replica];
    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slots[i] == slot)
            s->slots[i--] = s->slots[--s->n_slots];
    ht_pool_tally_forget(&p->tally, replica, slot);
}

int ht_pool_holder(const ht_pool *p, unsigned slot, int prefer)
{
    int found = -1;
    const ht_roster *h = ht_pool_tally_holders(&p->tally, slot);
    if (prefer >= 0 && ht_pool_holds(p, prefer, slot))
        return prefer;
    for (size_t i = 0; h != NULL && i < h->n; i++) {
        const ht_pool_seat *s = &p->seats[h->who[i]];
        if (ht_seat_idle(s))
            return h->who[i];
        if (found < 0 && ht_seat_lives(s))
            found = h->who[i];
    }
    return found;
}

void ht_pool_save(ht_pool *p, int replica, unsigned slot)
{
    if (post(p, replica, &(ht_pool_order){.kind = HT_ORDER_SAVE, .slot = slot}))
        hold(p, replica, slot);
}

void ht_pool_load(ht_pool *p, int replica, unsigned slot)
{
    post(p, replica, &(ht_pool_order){.kind = HT_ORDER_LOAD, .slot = slot});
}

void ht_pool_drop(ht_pool *p, int replica, unsigned slot)
{
    if (ht_pool_holds(p, replica, slot)
        && post(p, replica, &(ht_pool_order){.kind = HT_ORDER_DROP, .slot = slot}))
        ht_pool_forget_slot(p, replica, slot);
}

void ht_pool_drop_all(ht_pool *p, unsigned slot)
{
    const ht_roster *h = ht_pool_tally_holders(&p->tally, slot);
    for (size_t i = 0, n; h != NULL && i < h->n; i += n == h->n) {
        n = h->n;       /* who drops it is a holder no more */
        ht_pool_drop(p, h->who[i], slot);
    }
}

void ht_pool_inherit(ht_pool *p, int from, unsigned from_slot, int to, unsigned to_slot)
{
    ht_pool_order order = {.kind = HT_ORDER_INHERIT, .peer = from, .from_slot = from_slot, .slot = to_slot};
    if (post(p, to, &order) && to_slot != HT_SLOT_BEST)
        hold(p, to, to_slot);
}

/* ---- transfers ------------------------------------------------------------------------------ */

/* Each seat has its own: of thousands that are under way at once, few concern it. */
static bool add_transfer(ht_pool *p, const ht_pool_transfer *t)
{
    ht_incoming *in = malloc(sizeof *in);
    if (in == NULL) {
        p->no_memory = true;
        return false;
    }
    *in = (ht_incoming){p->seats[t->to].incoming, *t};
    p->seats[t->to].incoming = in;
    return true;
}

static void remove_transfer(ht_incoming **at)
{
    ht_incoming *in = *at;
    *at = in->next;
    free(in);
}

bool ht_pool_transfer_take(ht_pool *p, unsigned long number, ht_pool_transfer *out)
{
    for (int i = 0; i < p->n_seats; i++)
        for (ht_incoming **at = &p->seats[i].incoming; *at != NULL; at = &(*at)->next)
            if ((*at)->transfer.number == number) {
                *out = (*at)->transfer;
                remove_transfer(at);
                return true;
            }
    return false;
}

void ht_pool_forget_transfers(ht_pool *p, int to)
{
    for (ht_incoming **at = &p->seats[to].incoming; *at != NULL;)
        if ((*at)->transfer.number < p->seats[to].work.number)
            remove_transfer(at);
        else
            at = &(*at)->next;
}

void ht_pool_transfers_release(ht_pool *p)
{
    for (int i = 0; p->seats != NULL && i < p->n_seats; i++)
        while (p->seats[i].incoming != NULL)
            remove_transfer(&p->seats[i].incoming);
}

void ht_pool_move(ht_pool *p, int from, unsigned from_slot, int to, unsigned to_slot)
{
    if (from == to) {
        if (from_slot != to_slot) {
            ht_pool_load(p, from, from_slot);
            ht_pool_save(p, from, to_slot);
        }
        return;
    }
    ht_pool_transfer t = {p->number + 1, from, to, from_slot, to_slot};
    if (!add_transfer(p, &t))
        return;
    p->number++;
    post(p, from,
         &(ht_pool_order){.kind = HT_ORDER_SEND, .number = p->number, .slot = from_slot, .peer = to});
    post(p, to,
         &(ht_pool_order){.kind = HT_ORDER_RECEIVE, .number = p->number, .slot = to_slot, .peer = from});
    hold(p, to, to_slot);
}
