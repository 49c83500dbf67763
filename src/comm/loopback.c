/* src/comm/loopback.c - two queues in one process; the contract is in loopback.h.
 *
 * The ends share one `pair`; whoever is destroyed last frees it. */
#include "comm/loopback.h"

#include <stdlib.h>
#include <string.h>

#include "comm/clock.h"

typedef struct letter {
    struct letter *next;
    ht_bytes bytes;
} letter;

typedef struct {
    letter *first, **last;
} queue;

typedef struct {
    queue to[2];            /* [peer] */
    int ends;               /* that are alive */
} pair;

typedef struct {
    ht_comm base;
    pair *shared;
    int peer;
    void (*pump)(void *ctx);
    void *ctx;
} end;

static ht_status put(void *self, int to, const void *bytes, size_t n, ht_error *err)
{
    end *e = self;
    if (to != 1 - e->peer)
        return ht_fail(err, HT_EINVAL, "loopback: there is no peer %d", to);
    letter *l = calloc(1, sizeof *l);
    unsigned char *copy = malloc(n > 0 ? n : 1);
    if (l == NULL || copy == NULL) {
        free(l);
        free(copy);
        return ht_fail(err, HT_ENOMEM, "no memory for a message of %zu bytes", n);
    }
    if (n > 0)
        memcpy(copy, bytes, n);
    l->bytes = (ht_bytes){copy, n};
    queue *q = &e->shared->to[to];
    *q->last = l;
    q->last = &l->next;
    return HT_OK;
}

static bool take(queue *q, ht_bytes *out)
{
    letter *l = q->first;
    if (l == NULL)
        return false;
    q->first = l->next;
    if (q->first == NULL)
        q->last = &q->first;
    *out = l->bytes;
    free(l);
    return true;
}

static ht_status get(void *self, double timeout_s, int *from, ht_bytes *out, ht_error *err)
{
    (void)timeout_s;        /* nobody else runs while we wait */
    end *e = self;
    queue *q = &e->shared->to[e->peer];
    if (q->first == NULL && e->pump != NULL)
        e->pump(e->ctx);
    if (!take(q, out))
        return ht_fail(err, HT_ETIMEOUT, "loopback: nothing came");
    *from = 1 - e->peer;
    return HT_OK;
}

static double now(void *self)
{
    (void)self;
    return ht_clock_monotonic();
}

static void destroy(void *self)
{
    end *e = self;
    if (--e->shared->ends == 0) {
        ht_bytes left;
        for (int peer = 0; peer < 2; peer++)
            while (take(&e->shared->to[peer], &left))
                free(left.data);
        free(e->shared);
    }
    free(e);
}

static const ht_comm_class loopback = {put, get, now, destroy};

ht_status ht_comm_loopback_create(ht_comm **coordinator, ht_comm **replica, ht_error *err)
{
    pair *shared = calloc(1, sizeof *shared);
    end *ends[2] = {calloc(1, sizeof(end)), calloc(1, sizeof(end))};
    if (shared == NULL || ends[0] == NULL || ends[1] == NULL) {
        free(shared);
        free(ends[0]);
        free(ends[1]);
        return ht_fail(err, HT_ENOMEM, "no memory for a loopback transport");
    }
    shared->ends = 2;
    for (int peer = 0; peer < 2; peer++) {
        shared->to[peer].last = &shared->to[peer].first;
        *ends[peer] = (end){.base = {&loopback}, .shared = shared, .peer = peer};
    }
    *coordinator = &ends[0]->base;
    *replica = &ends[1]->base;
    return HT_OK;
}

void ht_comm_loopback_pump(ht_comm *replica, void (*pump)(void *ctx), void *ctx)
{
    end *e = (end *)replica;
    e->pump = pump;
    e->ctx = ctx;
}
