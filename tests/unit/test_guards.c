/* tests/unit/test_guards.c - cooldowns, constraints, blockers; the contract is in tune/guards.h. */
#include "tune/guards.h"

#include <math.h>
#include <stdio.h>

#include "cases.h"

static void a_family_is_free_again_after_as_many_ticks_as_its_windows(void)
{
    ht_cooldowns c = {0};
    ht_cooldowns_set(&c, "opt:lr_mult", 2);
    ht_cooldowns_set(&c, "loss:aux", 1);
    ht_cooldowns_tick(&c);
    CU_ASSERT_TRUE(ht_cooldowns_free(&c, "loss:aux"));
    CU_ASSERT_FALSE(ht_cooldowns_free(&c, "opt:lr_mult"));
    CU_ASSERT_EQUAL(ht_cooldowns_left(&c, "opt:lr_mult"), 1);
    ht_cooldowns_tick(&c);
    CU_ASSERT_TRUE(ht_cooldowns_free(&c, "opt:lr_mult"));
    CU_ASSERT_EQUAL(c.n, 0);
    ht_cooldowns_tick(&c);
    ht_cooldowns_release(&c);
}

static void a_new_count_replaces_the_old_and_none_removes_it(void)
{
    ht_cooldowns c = {0};
    ht_cooldowns_set(&c, "a:b", 5);
    ht_cooldowns_set(&c, "a:b", 1);
    CU_ASSERT_EQUAL(ht_cooldowns_left(&c, "a:b"), 1);
    ht_cooldowns_set(&c, "a:b", -3);
    ht_cooldowns_set(&c, "a:c", 0);
    CU_ASSERT_EQUAL(c.n, 0);
    ht_cooldowns_release(&c);
}

static void the_global_cooldown_holds_every_family(void)
{
    ht_cooldowns c = {.global = 1};
    CU_ASSERT_FALSE(ht_cooldowns_free(&c, "any:thing"));
    ht_cooldowns_tick(&c);
    CU_ASSERT_TRUE(ht_cooldowns_free(&c, "any:thing"));
    ht_cooldowns_tick(&c);
    CU_ASSERT_EQUAL(c.global, 0);
    ht_cooldowns_release(&c);
}

static void many_families_keep_their_own_counts(void)
{
    ht_cooldowns c = {0};
    char name[16];
    for (int i = 1; i <= 40; i++) {
        snprintf(name, sizeof name, "a:%d", i);
        CU_ASSERT_EQUAL(ht_cooldowns_set(&c, name, i), HT_OK);
    }
    for (int i = 0; i < 20; i++)
        ht_cooldowns_tick(&c);
    CU_ASSERT_EQUAL(c.n, 20);
    CU_ASSERT_TRUE(ht_cooldowns_free(&c, "a:20"));
    CU_ASSERT_EQUAL(ht_cooldowns_left(&c, "a:21"), 1);
    CU_ASSERT_EQUAL(ht_cooldowns_left(&c, "a:40"), 20);
    ht_cooldowns_release(&c);
}

static ht_family_spec families[] = {{.name = "lr_mult", .risk = "low"}, {.name = "lr_set", .risk = "high"}};
static ht_actuator_spec actuators[] = {
    {.name = "opt", .enabled = true, .n_families = 2, .families = families},
    {.name = "off", .enabled = false, .n_families = 2, .families = families},
};
static const ht_recipe recipe = {.n_actuators = 2, .actuators = actuators,
                                 .safety = {.max_global_reject_streak = 4, .block_on_nan = true,
                                            .block_on_anomaly = true}};

static void what_nothing_speaks_against_is_allowed(void)
{
    ht_cooldowns c = {0};
    ht_constraints out;
    ht_constraints_check(&recipe, &c, 3, "opt", "lr_mult", &out);
    CU_ASSERT_EQUAL(out.codes.n, 0);
}

static void all_reasons_are_given_in_order(void)
{
    ht_cooldowns c = {.global = 1};
    ht_constraints out;
    ht_constraints_check(&recipe, &c, 5, "opt", "lr_set", &out);
    CU_ASSERT_EQUAL_FATAL(out.codes.n, 3);
    CU_ASSERT_STRING_EQUAL(out.blocks[0], "cooldown:opt:lr_set");
    CU_ASSERT_STRING_EQUAL(out.blocks[1], "max_reject_streak:5");
    CU_ASSERT_STRING_EQUAL(out.blocks[2], "risk_too_high:high");
    CU_ASSERT_STRING_EQUAL(out.codes.code[2], "risk_too_high");
}

static void what_the_recipe_does_not_have_ends_the_list(void)
{
    ht_cooldowns c = {0};
    ht_constraints out;
    ht_constraints_check(&recipe, &c, 0, "ghost", "lr_mult", &out);
    CU_ASSERT_EQUAL(out.codes.n, 1);
    CU_ASSERT_STRING_EQUAL(out.blocks[0], "actuator_not_in_recipe:ghost");
    ht_constraints_check(&recipe, &c, 0, "off", "lr_set", &out);
    CU_ASSERT_EQUAL(out.codes.n, 1);
    CU_ASSERT_STRING_EQUAL(out.blocks[0], "actuator_disabled:off");
    ht_constraints_check(&recipe, &c, 0, "opt", "x", &out);
    CU_ASSERT_EQUAL(out.codes.n, 1);
    CU_ASSERT_STRING_EQUAL(out.blocks[0], "mutation_not_in_recipe:opt:x");
}

static void blockers_come_in_order_and_obey_their_switches(void)
{
    ht_vitals v = {.loss = -INFINITY, .anomaly_critical = true, .has_primary = true, .primary = NAN};
    ht_recipe r = recipe;
    ht_codes codes;
    ht_blockers(&r, &v, &codes);
    CU_ASSERT_EQUAL_FATAL(codes.n, 3);
    CU_ASSERT_STRING_EQUAL(codes.code[0], "nan_or_inf_loss");
    CU_ASSERT_STRING_EQUAL(codes.code[1], "nan_or_inf_objective");
    CU_ASSERT_STRING_EQUAL(codes.code[2], "anomaly_critical");
    r.safety.block_on_nan = false;
    ht_blockers(&r, &v, &codes);
    CU_ASSERT_EQUAL(codes.n, 1);
    r.safety.block_on_anomaly = false;
    ht_blockers(&r, &v, &codes);
    CU_ASSERT_EQUAL(codes.n, 0);
}

static void a_bad_batch_since_the_last_decision_point_blocks(void)
{
    ht_codes codes;
    ht_blockers(&recipe, &(ht_vitals){.loss = 1, .batch_loss_bad = true}, &codes);
    CU_ASSERT_EQUAL(codes.n, 1);
    ht_blockers(&recipe, &(ht_vitals){.loss = 1, .primary = NAN}, &codes);
    CU_ASSERT_EQUAL(codes.n, 0);
}

CASES("guards",
      CASE(a_family_is_free_again_after_as_many_ticks_as_its_windows),
      CASE(a_new_count_replaces_the_old_and_none_removes_it),
      CASE(the_global_cooldown_holds_every_family),
      CASE(many_families_keep_their_own_counts),
      CASE(what_nothing_speaks_against_is_allowed),
      CASE(all_reasons_are_given_in_order),
      CASE(what_the_recipe_does_not_have_ends_the_list),
      CASE(blockers_come_in_order_and_obey_their_switches),
      CASE(a_bad_batch_since_the_last_decision_point_blocks))
