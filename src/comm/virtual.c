/* src/comm/virtual.c - a transport in virtual time; the contract is in virtual.h.
 *
 * Messages all take the same time, so those under way are one queue in the order of arrival. Each fiber waits for one
 * time at most: those times are a heap, in which a fiber knows its place, so that it can be moved.
 * Fibers are resumed by `run_until` alone, which runs on the stack of peer 0: who wakes another one only puts it into the heap.
 * May touch: the heap. Not: clocks. */
#include "comm/virtual.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/fiber.h"

enum { NOWHERE = -1 };

typedef struct letter {
    struct letter *next;
    double at;              /* arrives */
    int from, to;
    ht_bytes bytes;         /* owned */
} letter;

typedef struct {
    letter *first, *last;
} queue;

typedef struct {
    ht_comm base;           /* its end */
    ht_virtual *v;
    int id;
    ht_fiber *fiber;        /* owned; NULL = peer 0, or not begun */
    queue mail;             /* that has arrived */
    double wakes;           /* at that time, if it is in the heap */
    unsigned long turn;     /* among those of one time */
    int place;              /* in the heap */
    bool listens;           /* a message ends its wait */
    bool waits, woken, cut;
} peer;

struct ht_virtual {
    double now, latency_s;
    int n, n_heap, running;
    peer *peers;            /* [n], owned */
    peer **heap;            /* [n_heap] of n, the first one wakes next; owned */
    queue post;             /* under way */
    unsigned long turns;
};

/* ---- the heap of times ------------------------------------------------------------------------ */

static bool is_before(const peer *a, const peer *b)
{
    return a->wakes < b->wakes || (a->wakes == b->wakes && a->turn < b->turn);
}

static void put(ht_virtual *v, int place, peer *p)
{
    v->heap[place] = p;
    p->place = place;
}

static void rise(ht_virtual *v, int place, peer *p)
{
    for (; place > 0 && is_before(p, v->heap[(place - 1) / 2]); place = (place - 1) / 2)
        put(v, place, v->heap[(place - 1) / 2]);
    put(v, place, p);
}

static void sink(ht_virtual *v, int place, peer *p)
{
    for (int child; (child = 2 * place + 1) < v->n_heap; place = child) {
        if (child + 1 < v->n_heap && is_before(v->heap[child + 1], v->heap[child]))
            child++;
        if (!is_before(v->heap[child], p))
            break;
        put(v, place, v->heap[child]);
    }
    rise(v, place, p);
}

static void forget_time(ht_virtual *v, peer *p)
{
    int place = p->place;
    if (place == NOWHERE)
        return;
    p->place = NOWHERE;
    peer *last = v->heap[--v->n_heap];
    if (last != p)
        sink(v, place, last);
}

static void set_time(ht_virtual *v, peer *p, double at)
{
    forget_time(v, p);
    p->wakes = at;
    p->turn = ++v->turns;
    if (at < INFINITY) {
        v->n_heap++;
        rise(v, v->n_heap - 1, p);
    }
}

/* ---- queues --------------------------------------------------------------------------------- */

static void append(queue *q, letter *l)
{
    l->next = NULL;
    if (q->last != NULL)
        q->last->next = l;
    else
        q->first = l;
    q->last = l;
}

static letter *take(queue *q)
{
    letter *l = q->first;
    if (l != NULL && (q->first = l->next) == NULL)
        q->last = NULL;
    return l;
}

static void drop(queue *q)
{
    for (letter *l; (l = take(q)) != NULL; free(l))
        free(l->bytes.data);
}

/* ---- time passes ---------------------------------------------------------------------------- */

static void go_on(ht_virtual *v, peer *p)
{
    forget_time(v, p);
    p->waits = false;
    ht_fiber_resume(p->fiber);
    v->running -= ht_fiber_is_over(p->fiber);
}

static void deliver(ht_virtual *v)
{
    letter *l = take(&v->post);
    peer *p = &v->peers[l->to];
    if (p->cut) {
        free(l->bytes.data);
        free(l);
        return;
    }
    append(&p->mail, l);
    if (p->waits && p->listens)
        go_on(v, p);
}

/* The next thing that happens, unless it is later than `until`. */
static bool happens(ht_virtual *v, double until)
{
    double mail = v->post.first != NULL ? v->post.first->at : INFINITY;
    double wake = v->n_heap > 0 ? v->heap[0]->wakes : INFINITY;
    double next = fmin(mail, wake);
    if (!(next <= until) || next == INFINITY)
        return false;
    v->now = fmax(v->now, next);
    if (mail <= wake)
        deliver(v);
    else
        go_on(v, v->heap[0]);
    return true;
}

static void run_until(ht_virtual *v, double until)
{
    while (v->peers[0].mail.first == NULL && happens(v, until))
        ;
    if (v->peers[0].mail.first == NULL && until < INFINITY)
        v->now = fmax(v->now, until);
}

/* From inside of a fiber. */
static void rest(ht_virtual *v, peer *p, double until, bool listens)
{
    p->waits = true;
    p->listens = listens;
    p->woken = false;
    set_time(v, p, until);
    ht_fiber_yield(p->fiber);
}

bool ht_virtual_wait(ht_virtual *v, int id, double seconds)
{
    peer *p = &v->peers[id];
    if (!p->cut)
        rest(v, p, v->now + fmax(seconds, 0), false);
    return p->cut || p->woken;
}

void ht_virtual_wake(ht_virtual *v, int id)
{
    peer *p = &v->peers[id];
    if (!p->waits || (p->listens && !p->cut))
        return;
    p->woken = true;
    set_time(v, p, v->now);
}

void ht_virtual_cut(ht_virtual *v, int id, bool cut)
{
    peer *p = &v->peers[id];
    p->cut = cut;
    drop(&p->mail);
    if (cut)
        ht_virtual_wake(v, id);
}

bool ht_virtual_is_cut(const ht_virtual *v, int id)
{
    return v->peers[id].cut;
}

double ht_virtual_now(const ht_virtual *v)
{
    return v->now;
}

int ht_virtual_running(const ht_virtual *v)
{
    return v->running;
}

/* ---- the ends ------------------------------------------------------------------------------- */

static ht_status post(void *self, int to, const void *bytes, size_t n, ht_error *err)
{
    peer *p = self;
    ht_virtual *v = p->v;
    if (p->cut || to < 0 || to >= v->n)
        return ht_fail(err, HT_ECOMM, p->cut ? "virtual: this peer is dead" : "virtual: there is no peer %d", to);
    letter *l = malloc(sizeof *l);
    unsigned char *copy = malloc(n > 0 ? n : 1);
    if (l == NULL || copy == NULL) {
        free(l);
        free(copy);
        return ht_fail(err, HT_ENOMEM, "no memory for a message of %zu bytes", n);
    }
    if (n > 0)
        memcpy(copy, bytes, n);
    *l = (letter){.at = v->now + v->latency_s, .from = p->id, .to = to, .bytes = {copy, n}};
    append(&v->post, l);
    return HT_OK;
}

static ht_status get(void *self, double timeout_s, int *from, ht_bytes *out, ht_error *err)
{
    peer *p = self;
    ht_virtual *v = p->v;
    double until = v->now + fmax(timeout_s, 0);
    if (p->id == 0)
        run_until(v, until);
    else if (p->mail.first == NULL && timeout_s > 0 && !p->cut)
        rest(v, p, until, true);
    if (p->cut)
        return ht_fail(err, HT_ECOMM, "virtual: this peer is dead");
    letter *l = take(&p->mail);
    if (l == NULL)
        return ht_fail(err, HT_ETIMEOUT, "virtual: nothing came");
    *from = l->from;
    *out = l->bytes;
    free(l);
    return HT_OK;
}

static double now(void *self)
{
    return ((peer *)self)->v->now;
}

/* An end lives as long as the world. */
static void destroy(void *self)
{
    (void)self;
}

static const ht_comm_class virtual_class = {post, get, now, destroy};

ht_comm *ht_virtual_end(ht_virtual *v, int id)
{
    return &v->peers[id].base;
}

/* ---- life ----------------------------------------------------------------------------------- */

ht_status ht_virtual_create(int n_peers, double latency_s, ht_virtual **out, ht_error *err)
{
    ht_virtual *v = calloc(1, sizeof *v);
    if (v != NULL) {
        v->peers = calloc((size_t)n_peers, sizeof *v->peers);
        v->heap = calloc((size_t)n_peers, sizeof *v->heap);
    }
    if (v == NULL || v->peers == NULL || v->heap == NULL) {
        ht_virtual_destroy(v);
        return ht_fail(err, HT_ENOMEM, "no memory for %d peers", n_peers);
    }
    v->n = n_peers;
    v->latency_s = latency_s;
    for (int i = 0; i < n_peers; i++)
        v->peers[i] = (peer){.base = {&virtual_class}, .v = v, .id = i, .place = NOWHERE};
    *out = v;
    return HT_OK;
}

void ht_virtual_destroy(ht_virtual *v)
{
    if (v == NULL)
        return;
    drop(&v->post);
    for (int i = 0; i < v->n; i++) {
        drop(&v->peers[i].mail);
        ht_fiber_destroy(v->peers[i].fiber);
    }
    free(v->peers);
    free(v->heap);
    free(v);
}

ht_status ht_virtual_spawn(ht_virtual *v, int id, void (*body)(void *ctx), void *ctx, ht_error *err)
{
    peer *p = &v->peers[id];
    HT_TRY(ht_fiber_create(body, ctx, &p->fiber, err));
    p->waits = true;
    v->running++;
    set_time(v, p, v->now);
    return HT_OK;
}
