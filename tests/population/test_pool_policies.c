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

static void a_candidate_that_goes_on_is_the_best_of_its_rung(void)
{
    CU_ASSERT_EQUAL(go_plain("halving", "barrier", 8, 60, 5).works, 34 + 11 + 3);
    CU_ASSERT_EQUAL(go_plain("halving", "barrier", 2, 60, 5).works, 8 + 2 + 1);
}

static void count_exploits(void *ctx, double now, const ht_pool_note *n)
{
    int *exploits = ctx;
    (void)now;
    if (n->kind == HT_NOTE_EVENT)
        *exploits += strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(n->event, "event")), "exploit") == 0;
}

static void in_pbt_losers_copy_winners_at_every_round(void)
{
    int exploits = 0;
    ht_recipe *r = pool_recipe("pbt", "barrier", "min");
    world_options o = world_of(8, 60, r, 2);
    o.ctx = &exploits;
    o.note = count_exploits;
    world_account a = go(&o);
    CU_ASSERT(a.transfers >= 2 * 14); /* 15 pieces of 4 epochs, a quarter of 8 after each but the last */
    CU_ASSERT_EQUAL(a.transfers, exploits);
    CU_ASSERT(a.works >= 8 * 15);
    ht_recipe_destroy(r);
}

static void a_search_beats_the_start_values(void)
{
    static const char *const searches[] = {"random", "halving", "pbt"};
    for (int i = 0; i < 3; i++) {
        double mine = 0, start = 0;
        for (uint64_t seed = 1; seed <= 10; seed++) {
            mine += go_plain(searches[i], "barrier", 8, 60, seed).best;
            start += go_plain("static", "barrier", 8, 60, seed).best;
        }
        CU_ASSERT(mine < start);
    }
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
      CASE(a_candidate_that_goes_on_is_the_best_of_its_rung), CASE(in_pbt_losers_copy_winners_at_every_round),
      CASE(a_search_beats_the_start_values), CASE(a_run_that_is_stopped_ends_soon))
