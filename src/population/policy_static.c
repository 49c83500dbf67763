/* src/population/policy_static.c - every replica trains the start values to the end; the best one wins.
 *
 * The thinnest policy, and the baseline that every other must beat: N seeds of one recipe, no states moved. */
#include <math.h>
#include <stdlib.h>

#include "population/policies.h"

typedef struct {
    ht_pool *pool;
    int open;       /* replicas that train */
    int done;       /* epochs of the one that is furthest */
} everybody;

static void plan(const ht_pool_options *o, const ht_member *member, ht_string *out)
{
    (void)member;
    ht_string_add(out, "training: %d replicas, each %d epochs with the start values (the best validation wins)\n",
                  o->n_replicas, o->epochs);
}

static ht_status create(ht_pool *p, void **self, ht_error *err)
{
    everybody *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a policy");
    s->pool = p;
    *self = s;
    return HT_OK;
}

static void train(everybody *s, int replica)
{
    double h[HT_POOL_KNOBS_MAX];
    const ht_pool_options *o = ht_pool_given(s->pool);
    ht_tuned_start(ht_pool_knobs(s->pool), h);
    ht_pool_work w = {.source = ht_pool_member(s->pool)->has_init ? HT_FROM_INIT : HT_FROM_LIVE,
                      .seed = o->seed * 100 + (uint64_t)replica, .epochs = o->epochs, .h = h, .parent = -1,
                      .what = "static"};
    if (ht_pool_work_order(s->pool, replica, &w) > 0)
        s->open++;
}

static void start(void *self)
{
    everybody *s = self;
    for (int i = 0; i < ht_pool_given(s->pool)->n_replicas; i++)
        if (ht_pool_replica_of(s->pool, i).idle)
            train(s, i);
}

static void leave(everybody *s)
{
    if (--s->open == 0)
        ht_pool_finish(s->pool);
}

static void ready(void *self, int replica)
{
    train(self, replica);
}

static void reported(void *self, int replica, const ht_pool_result *r)
{
    everybody *s = self;
    (void)replica;
    if (r->epochs > s->done)
        s->done = r->epochs;
    leave(s);
}

static void measured(void *self, unsigned long number, int replica, double loss)
{
    (void)self, (void)number, (void)replica, (void)loss;
}

static void overdue(void *self, int replica, int task)
{
    (void)self, (void)replica, (void)task;     /* nothing is timed */
}

static void lost(void *self, int replica, int task)
{
    (void)replica;
    if (task >= 0)
        leave(self);
}

static void look(const void *self, ht_pool_view *out)
{
    const everybody *s = self;
    out->stage = s->open > 0 ? "training" : "done";
    out->wall = s->done;
    out->islands = ht_pool_living(s->pool);
}

const ht_policy_class ht_policy_static = {
    .name = "static", .about = "every replica trains the start values; the best one wins",
    .plan = plan, .create = create, .destroy = free, .start = start, .ready = ready, .reported = reported,
    .measured = measured, .overdue = overdue, .lost = lost, .look = look,
};
