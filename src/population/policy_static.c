/* src/population/policy_static.c - every replica trains one point to the end; the best one wins.
 *
 * The thinnest policies, and the baselines that every other must beat; no states are moved. static: N seeds
 * of one recipe, at its start values. random: N points that cover the ranges (random search), the first one
 * the start values. */
#include <math.h>
#include <stdlib.h>

#include "population/policies.h"
#include "population/starts.h"

enum { DRAW_STARTS = 1 }; /* purpose of random numbers */

typedef struct {
    ht_pool *pool;
    double *h; /* [n_replicas * knobs]: who trains what; owned */
    int open;  /* replicas that train */
    int done;  /* epochs of the one that is furthest */
} everybody;

static void plan_static(const ht_pool_options *o, const ht_member *member, ht_string *out)
{
    (void)member;
    ht_string_add(out,
                  "training: %d replicas, each %d epochs with the start values (the best validation wins)\n",
                  o->n_replicas, o->epochs);
}

static void plan_random(const ht_pool_options *o, const ht_member *member, ht_string *out)
{
    (void)member;
    ht_string_add(
        out, "training: %d replicas, each %d epochs with a point of its own (the best validation wins)\n",
        o->n_replicas, o->epochs);
}

static void destroy(void *self)
{
    everybody *s = self;
    if (s != NULL)
        free(s->h);
    free(s);
}

static ht_status create_static(ht_pool *p, void **self, ht_error *err)
{
    size_t n = (size_t)ht_pool_given(p)->n_replicas, knobs = ht_pool_knobs(p)->n;
    everybody *s = calloc(1, sizeof *s);
    if (s != NULL)
        s->h = calloc(n * knobs, sizeof *s->h);
    if (s == NULL || s->h == NULL) {
        destroy(s);
        return ht_fail(err, HT_ENOMEM, "no memory for a policy");
    }
    s->pool = p;
    for (size_t i = 0; i < n; i++)
        ht_tuned_start(ht_pool_knobs(p), &s->h[i * knobs]);
    *self = s;
    return HT_OK;
}

static ht_status create_random(ht_pool *p, void **self, ht_error *err)
{
    const ht_pool_options *o = ht_pool_given(p);
    void *made = NULL;
    HT_TRY(create_static(p, &made, err));
    everybody *s = made;
    ht_random r = ht_pool_random(p, DRAW_STARTS, 0, 0);
    if (ht_starts_draw(o->recipe, ht_pool_knobs(p), r, (size_t)o->n_replicas, s->h, NULL) != HT_OK) {
        destroy(s);
        return ht_fail(err, HT_ENOMEM, "no memory for the points");
    }
    *self = s;
    return HT_OK;
}

static void train(everybody *s, int replica)
{
    const double *h = &s->h[(size_t)replica * ht_pool_knobs(s->pool)->n];
    ht_pool_work w = {.source = ht_pool_member(s->pool)->has_init ? HT_FROM_INIT : HT_FROM_LIVE,
                      .seed = ht_pool_given(s->pool)->seed * 100 + (uint64_t)replica,
                      .epochs = ht_pool_given(s->pool)->epochs,
                      .h = h,
                      .parent = -1,
                      .what = "run"};
    if (ht_pool_work_order(s->pool, replica, &w) > 0)
        s->open++;
}

static void start(void *self)
{
    everybody *s = self;
    for (int i = 0; i < ht_pool_seats(s->pool); i++)
        if (ht_pool_replica_of(s->pool, i).idle)
            train(s, i);
}

static void leave(everybody *s)
{
    if (--s->open == 0 && ht_pool_living(s->pool) > 0) /* a restart of the last one: it comes back */
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
    (void)self, (void)replica, (void)task; /* nothing is timed */
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

#define FULL_RUNS                                                                                            \
    .destroy = destroy, .start = start, .ready = ready, .reported = reported, .measured = measured,          \
    .overdue = overdue, .lost = lost, .look = look

const ht_policy_class ht_policy_static = {
    .name = "static",
    .about = "every replica trains the start values; the best one wins",
    .plan = plan_static,
    .create = create_static,
    FULL_RUNS,
};

const ht_policy_class ht_policy_random = {
    .name = "random",
    .about = "random search: every replica trains a point of its own; the best one wins",
    .plan = plan_random,
    .create = create_random,
    FULL_RUNS,
};
