/* tests/population/test_pool_policies.c - what every policy must do, in worlds without failures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "population/policies.h"
#include "population/pool_recipe.h"
#include "population/pool_world.h"

static world_account go(const world_options *o)
{
    world_account a;
    char why[256];
    if (!world_run(o, &a, why, sizeof why)) {
        fprintf(stderr, "\n    %d replicas, %d epochs, seed %llu: %s\n", o->pool.n_replicas, o->pool.epochs,
                (unsigned long long)o->pool.seed, why);
        CU_FAIL("see above");
    }
    return a;
}

static world_account go_plain(const char *policy, const char *sync, int n, int epochs, uint64_t seed)
{
    ht_recipe *r = pool_recipe(policy, sync, "min");
    world_options o = world_of(n, epochs, r, seed);
    world_account a = go(&o);
    ht_recipe_destroy(r);
    return a;
}

static void every_policy_ends_within_its_budget_and_its_champion_is_the_best_report(void)
{
    for (int p = 0; p < POOL_POLICIES; p++)
        for (int n = 1; n <= 9; n += n < 4 ? 1 : 5)
            for (int epochs = 1; epochs <= 60; epochs += epochs < 4 ? 1 : 28)
                for (int sync = 0; sync < 2; sync++) {
                    world_account a = go_plain(pool_policies[p], pool_syncs[sync], n, epochs, 11);
                    CU_ASSERT(a.given <= (long)n * epochs);
                    CU_ASSERT_EQUAL(a.failed, 0);
                    CU_ASSERT_EQUAL(a.living, n);
                    CU_ASSERT_TRUE_FATAL(a.has_best && a.view.has_champion);
                    CU_ASSERT_EQUAL(a.best, a.best_ever);
                    CU_ASSERT_EQUAL(a.view.best, a.best);
                }
}

static void an_objective_that_is_to_grow_gives_the_same_run(void)
{
    for (int p = 0; p < POOL_POLICIES; p++) {
        ht_recipe *r = pool_recipe(pool_policies[p], "barrier", "max");
        world_options o = world_of(4, 30, r, 3);
        o.maximize = true;
        world_account up = go(&o), down = go_plain(pool_policies[p], "barrier", 4, 30, 3);
        CU_ASSERT_EQUAL(up.best, -down.best);
        CU_ASSERT_EQUAL(up.view.best, up.best);
        CU_ASSERT_EQUAL(up.digest, down.digest);
        ht_recipe_destroy(r);
    }
}

/* Speed, delays and noise of the clock change nothing. */
static void with_a_barrier_decisions_do_not_depend_on_time(void)
{
    for (int p = 0; p < POOL_POLICIES; p++) {
        ht_recipe *r = pool_recipe(pool_policies[p], "barrier", "min");
        world_options o = world_of(5, 30, r, 3);
        world_account a = go(&o), same = go(&o);
        o.spread = 2;
        o.jitter = .5;
        o.delay_s = .2;
        world_account b = go(&o);
        CU_ASSERT_EQUAL(a.digest, same.digest);
        CU_ASSERT_EQUAL(a.best, b.best);
        CU_ASSERT_EQUAL(a.works, b.works);
        CU_ASSERT_EQUAL(a.digest, b.digest);
        ht_recipe_destroy(r);
    }
}

static void another_seed_gives_another_run(void)
{
    for (int p = 0; p < POOL_POLICIES; p++)
        CU_ASSERT_NOT_EQUAL(go_plain(pool_policies[p], "barrier", 3, 9, 1).best,
                            go_plain(pool_policies[p], "barrier", 3, 9, 2).best);
}

static void full_runs_and_members_keep_their_replicas_busy(void)
{
    CU_ASSERT(go_plain("static", "elastic", 8, 60, 1).utilisation > .99);
    CU_ASSERT(go_plain("random", "elastic", 8, 60, 1).utilisation > .6); /* some diverge early */
    CU_ASSERT(go_plain("pbt", "elastic", 8, 60, 1).utilisation > .9);
    CU_ASSERT(go_plain("pbt", "barrier", 8, 60, 1).utilisation > .95);
}

static void plan_has(const char *policy, int n, int epochs, const char *words)
{
    ht_string text = {0};
    ht_member member;
    ht_recipe *r = pool_recipe(policy, "elastic", "min");
    ht_pool_options o = {.n_replicas = n, .recipe = r, .epochs = epochs, .seed = 1, .patience_s = 5};
    training_member(&member);
    ht_pool_plan(&o, &member, &text);
    CU_ASSERT_PTR_NOT_NULL(strstr(ht_string_peek(&text), words));
    ht_string_release(&text);
    ht_recipe_destroy(r);
}

/* By hand, from the rule: n1*6 + n1/3*14 + n1/9*40 <= 60 N, and one finalist at least. */
static void halving_takes_as_many_candidates_as_the_budget_allows(void)
{
    plan_has("halving", 1, 60, "candidates: 1 ");
    plan_has("halving", 2, 60, "candidates: 8 ");
    plan_has("halving", 2, 60, "cost: 116 epochs (of 120)");
    plan_has("halving", 4, 60, "rungs: 17 to epoch 6, 5 to 20, 1 to 60");
    plan_has("halving", 4, 60, "cost: 212 epochs (of 240)");
    plan_has("halving", 8, 60, "rungs: 34 to epoch 6, 11 to 20, 3 to 60");
    plan_has("halving", 8, 60, "cost: 478 epochs (of 480)");
    plan_has("halving", 3, 1, "rungs: 3 to epoch 1, 1 to 1, 1 to 1");
}

enum { CANDIDATES = 34, WORKS = 100 }; /* of 8 replicas and 60 epochs */

typedef struct {
    int candidate_of[WORKS];
    unsigned long number[WORKS];
    size_t n;
    double loss[CANDIDATES]; /* after the first rung */
    int later, wrong; /* works of the second rung; those of a candidate that was not among the best 11 */
} halving_watch;

static int better_than(const halving_watch *w, int i)
{
    int better = 0;
    for (int k = 0; k < CANDIDATES; k++)
        better += w->loss[k] < w->loss[i];
    return better;
}

static void watch_candidates(void *ctx, double now, int replica, const ht_pool_order *o)
{
    halving_watch *w = ctx;
    (void)now, (void)replica;
    if (o->kind != HT_ORDER_WORK)
        return;
    CU_ASSERT_FATAL(w->n < WORKS);
    w->number[w->n] = o->number;
    w->candidate_of[w->n++] = o->source == HT_FROM_INIT ? (int)(o->seed % 100) : (int)o->slot - 1;
    if (o->source == HT_FROM_SLOT && o->epochs == 20 - 6) {
        w->later++;
        w->wrong += better_than(w, (int)o->slot - 1) >= 11;
    }
}

static void watch_losses(void *ctx, double now, int replica, const ht_pool_event *e)
{
    halving_watch *w = ctx;
    (void)now, (void)replica;
    for (size_t i = 0; i < w->n; i++)
        if (w->number[i] == e->number && e->kind == HT_EVENT_REPORT && isnan(w->loss[w->candidate_of[i]]))
            w->loss[w->candidate_of[i]] = isnan(e->loss) ? INFINITY : e->loss;
}

static void the_best_third_of_the_candidates_goes_on(void)
{
    halving_watch w = {.n = 0};
    ht_recipe *r = pool_recipe("halving", "elastic", "min");
    world_options o = world_of(8, 60, r, 5);
    for (int i = 0; i < CANDIDATES; i++)
        w.loss[i] = NAN;
    o.ctx = &w;
    o.order = watch_candidates;
    o.told = watch_losses;
    CU_ASSERT_EQUAL(go(&o).works, 34 + 11 + 3);
    CU_ASSERT_EQUAL(w.later, 11);
    CU_ASSERT_EQUAL(w.wrong, 0);
    ht_recipe_destroy(r);
}

typedef struct {
    double loss[8]; /* last one of each replica */
    int exploits;
} pbt_watch;

static void watch_members(void *ctx, double now, int replica, const ht_pool_event *e)
{
    pbt_watch *w = ctx;
    (void)now;
    if (e->kind == HT_EVENT_REPORT)
        w->loss[replica] = isnan(e->loss) ? INFINITY : e->loss;
}

static int integer(const cJSON *event, const char *name)
{
    return (int)cJSON_GetNumberValue(cJSON_GetObjectItem(event, name));
}

static bool is_event(const ht_pool_note *n, const char *kind)
{
    return n->kind == HT_NOTE_EVENT &&
           strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(n->event, "event")), kind) == 0;
}

/* The copied one is among the best quarter of 8, the one that copies among the worst. */
static void watch_exploits(void *ctx, double now, const ht_pool_note *n)
{
    pbt_watch *w = ctx;
    (void)now;
    if (!is_event(n, "exploit"))
        return;
    int better = 0, worse = 0, loser = integer(n->event, "replica"), winner = integer(n->event, "from");
    for (int i = 0; i < 8; i++) {
        better += w->loss[i] < w->loss[winner];
        worse += w->loss[i] > w->loss[loser];
    }
    CU_ASSERT(better < 2 && (worse < 2 || isinf(w->loss[loser])));
    w->exploits++;
}

static void in_every_round_of_pbt_losers_copy_winners(void)
{
    pbt_watch w = {.exploits = 0};
    ht_recipe *r = pool_recipe("pbt", "barrier", "min");
    world_options o = world_of(8, 60, r, 2);
    o.ctx = &w;
    o.told = watch_members;
    o.note = watch_exploits;
    world_account a = go(&o);
    CU_ASSERT(w.exploits >= 2 * 14); /* 15 pieces of 4 epochs, a quarter of 8 after each but the last */
    CU_ASSERT_EQUAL(a.transfers, w.exploits);
    CU_ASSERT_EQUAL(a.works, 8 * 15);
    ht_recipe_destroy(r);
}

/* The new root is the best of the best member and the means; none is taken that is worse than the old root.
 */
static void watch_segments(void *ctx, double now, const ht_pool_note *n)
{
    int *segments = ctx;
    (void)now;
    if (!is_event(n, "segment"))
        return;
    double loss = cJSON_GetNumberValue(cJSON_GetObjectItem(n->event, "loss"));
    double before = cJSON_GetNumberValue(cJSON_GetObjectItem(n->event, "before"));
    const cJSON *one;
    cJSON_ArrayForEach(one, cJSON_GetObjectItem(n->event, "candidates")) {
        double other = cJSON_GetNumberValue(cJSON_GetObjectItem(one, "loss"));
        CU_ASSERT(!(other < loss));
        *segments += integer(one, "members") > 1;
    }
    if (integer(n->event, "members") > 1)
        CU_ASSERT_EQUAL(cJSON_IsTrue(cJSON_GetObjectItem(n->event, "rolled_back")), loss > before);
}

static void an_island_takes_the_best_state_that_it_has(void)
{
    int means = 0;
    ht_recipe *r = pool_recipe("pooled", "elastic", "min");
    world_options o = world_of(8, 60, r, 2);
    o.ctx = &means;
    o.note = watch_segments;
    world_account a = go(&o);
    CU_ASSERT(means > 4);
    CU_ASSERT_EQUAL(a.means, means);
    ht_recipe_destroy(r);
}

static void a_search_beats_the_start_values(void)
{
    static const char *const searches[] = {"random", "halving", "pbt", "pooled"};
    for (int i = 0; i < 4; i++) {
        double mine = 0, start = 0;
        for (uint64_t seed = 1; seed <= 10; seed++) {
            mine += go_plain(searches[i], "barrier", 8, 60, seed).best;
            start += go_plain("static", "barrier", 8, 60, seed).best;
        }
        CU_ASSERT(mine < start);
    }
}

static void a_range_that_the_program_does_not_allow_is_refused(void)
{
    ht_pool *p = NULL;
    ht_error err = {""};
    ht_member member;
    ht_recipe *r = pool_recipe("pooled", "elastic", "min");
    ht_pool_options o = {.n_replicas = 2, .recipe = r, .epochs = 9, .seed = 1, .patience_s = 5};
    training_member(&member);
    member.knobs[0].lo = 5;
    CU_ASSERT_EQUAL(ht_pool_create(&o, &member, &p, &err), HT_EINVAL);
    CU_ASSERT_STRING_EQUAL(err.text,
                           "opt.lr: the recipe's range [0.0001, 2] lies outside of the program's [5, 100]");
    CU_ASSERT_PTR_NULL(p);
    ht_recipe_destroy(r);
}

static void a_run_that_is_stopped_ends_soon(void)
{
    for (int p = 0; p < POOL_POLICIES; p++)
        for (int sync = 0; sync < 2; sync++) {
            ht_recipe *r = pool_recipe(pool_policies[p], pool_syncs[sync], "min");
            world_options o = world_of(6, 60, r, 4);
            o.faults[o.n_faults++] = (world_fault){.kind = FAULT_STOP, .at = 17.3};
            world_account a = go(&o);
            CU_ASSERT(a.end < 17.3 + 2);
            CU_ASSERT_TRUE(a.has_best);
            ht_recipe_destroy(r);
        }
}

CASES("pool policies", CASE(every_policy_ends_within_its_budget_and_its_champion_is_the_best_report),
      CASE(an_objective_that_is_to_grow_gives_the_same_run),
      CASE(with_a_barrier_decisions_do_not_depend_on_time), CASE(another_seed_gives_another_run),
      CASE(full_runs_and_members_keep_their_replicas_busy),
      CASE(halving_takes_as_many_candidates_as_the_budget_allows),
      CASE(the_best_third_of_the_candidates_goes_on), CASE(in_every_round_of_pbt_losers_copy_winners),
      CASE(an_island_takes_the_best_state_that_it_has), CASE(a_search_beats_the_start_values),
      CASE(a_run_that_is_stopped_ends_soon),
      CASE(a_range_that_the_program_does_not_allow_is_refused))
