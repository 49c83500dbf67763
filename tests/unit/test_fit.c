/* tests/unit/test_fit.c - evidence of a run that searched other bounds, another scale, other knobs. */
#include <math.h>
#include <string.h>

#include "cases.h"
#include "recipe/fit.h"

static ht_recipe *recipe_with(const char *families)
{
    char text[512];
    ht_recipe *r = NULL;
    snprintf(text, sizeof text,
             "version: 1\nobjective: {primary: val/loss, mode: min}\nactuators:\n  opt:\n    mutations:\n%s",
             families);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(text, "test", &r, NULL), HT_OK);
    return r;
}

/* What is left of 10 wins at `center` with `spread` when a recipe with families `now` learns of a run with
 * `then`. */
static ht_evidence fit(const char *then, const char *now, const char *key, double center, double spread)
{
    ht_recipe *r = recipe_with(now);
    ht_evidence e = {.actuator = "opt",
                     .win_rate = .8,
                     .mean_score = 1,
                     .win_center = center,
                     .win_spread = spread,
                     .wins = 10};
    strcpy(e.key, key);
    ht_run_evidence run = {.source = "a",
                           .n = 1,
                           .evidence = &e,
                           .space = then != NULL ? recipe_with(then) : NULL},
                    out;
    CU_ASSERT_EQUAL_FATAL(ht_evidence_fit(r, &run, &out, NULL), HT_OK);
    ht_evidence fitted = out.evidence[0];
    CU_ASSERT_EQUAL(e.wins, 10);
    ht_run_evidence_release(&out);
    ht_recipe_destroy(run.space);
    ht_recipe_destroy(r);
    return fitted;
}

static const char wide[] = "      lr_mult: {bounds: [0.25, 4.0]}\n",
                  lower[] = "      lr_mult: {bounds: [0.25, 1.0]}\n";

static void bounds_that_are_no_narrower_change_nothing(void)
{
    ht_evidence e = fit(lower, wide, "lr_mult", .9, .5);
    CU_ASSERT_TRUE(e.wins == 10 && e.win_center == .9 && e.win_spread == .5);
    e = fit(wide, wide, "lr_mult", .9, .5);
    CU_ASSERT_TRUE(e.wins == 10 && e.win_center == .9 && e.win_spread == .5);
    e = fit(NULL, lower, "lr_mult", 3, .5); /* nobody knows what its bounds were */
    CU_ASSERT_TRUE(e.wins == 10 && e.win_center == 3);
}

/* By hand: centre 0 and spread 0.5 in log, cut at 0 and -ln 4 = -2.7726 spreads: half of what was there; its
 * mean is (f(2.7726) - f(0)) / (F(0) - F(-2.7726)) = -0.7852 spreads, f and F being the normal density and
 * distribution. */
static void half_of_the_bounds_leave_half_of_the_evidence_and_its_mean(void)
{
    ht_evidence e = fit(wide, lower, "lr_mult", 1, .5);
    CU_ASSERT_DOUBLE_EQUAL(e.wins, 5, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(log(e.win_center), -.3926, 1e-4);
    CU_ASSERT_TRUE(e.win_spread > .25 &&
                   e.win_spread < .31); /* 0.603 of the whole for half a normal distribution */
}

static void evidence_without_a_spread_is_there_or_not(void)
{
    CU_ASSERT_EQUAL(fit(wide, lower, "lr_mult", .5, 0).wins, 10);
    CU_ASSERT_EQUAL(fit(wide, lower, "lr_mult", 2, 0).wins, 0);
}

static void evidence_far_outside_counts_nothing(void)
{
    ht_evidence e = fit(wide, "      lr_mult: {bounds: [0.25, 0.3]}\n", "lr_mult", 3.9, .05);
    CU_ASSERT_EQUAL(e.wins, 0);
}

static void another_scale_is_another_knob(void)
{
    CU_ASSERT_EQUAL(fit("      eps_delta: {bounds: [0.5, 1.0]}\n", "      eps_delta: {bounds: [0.5, 1.0]}\n",
                        "eps_delta", .6, .1)
                        .wins,
                    10);
    ht_recipe *r = recipe_with(wide), *other = NULL;
    static const char set[] =
        "version: 1\nobjective: {primary: val/loss, mode: min}\nactuators:\n  opt:\n    keys:\n"
        "      lr_mult: {mode: set, bounds: [0.25, 4.0]}\n";
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(set, "test", &other, NULL), HT_OK);
    ht_evidence e = {.actuator = "opt", .key = "lr_mult", .wins = 10, .win_center = 1};
    ht_run_evidence run = {.n = 1, .evidence = &e, .space = other}, out;
    CU_ASSERT_EQUAL_FATAL(ht_evidence_fit(r, &run, &out, NULL), HT_OK);
    CU_ASSERT_EQUAL(out.evidence[0].wins, 0);
    ht_run_evidence_release(&out);
    ht_recipe_destroy(other);
    ht_recipe_destroy(r);
}

static void a_family_that_was_not_there_begins_without_evidence(void)
{
    ht_recipe
        *r = recipe_with(
            "      lr_mult: {bounds: [0.25, 4.0]}\n      wd_mult: {bounds: [0.5, 2.0], prior_center: 1.5}\n"),
        *evolved = NULL;
    ht_evidence e = {
        .actuator = "opt", .key = "lr_mult", .win_rate = .8, .mean_score = 1, .win_center = .5, .wins = 10};
    ht_run_evidence run = {.source = "a", .n = 1, .evidence = &e, .space = recipe_with(wide)};
    CU_ASSERT_EQUAL_FATAL(ht_recipe_evolve(r, 1, &run, 1, 1, &evolved, NULL), HT_OK);
    const ht_actuator_spec *opt = ht_recipe_actuator(evolved, "opt");
    CU_ASSERT_DOUBLE_EQUAL(ht_actuator_family(opt, "lr_mult")->prior_center, .5, 1e-12);
    CU_ASSERT_EQUAL(ht_actuator_family(opt, "wd_mult")->prior_center, 1.5);
    CU_ASSERT_EQUAL(ht_actuator_family(opt, "wd_mult")->n_priors, 0);
    ht_recipe_destroy(run.space);
    ht_recipe_destroy(evolved);
    ht_recipe_destroy(r);
}

static void lessons_of_pooled_runs_are_weighed_alike(void)
{
    ht_recipe *r = recipe_with(lower);
    ht_lesson l = {.actuator = "opt",
                   .key = "lr_mult",
                   .factor = 1,
                   .spread = .5,
                   .n = 8,
                   .wins = 6,
                   .fresh = 4,
                   .fresh_wins = 2};
    ht_run_evidence run = {.source = "a", .n_lessons = 1, .lessons = &l, .space = recipe_with(wide)}, out;
    CU_ASSERT_EQUAL_FATAL(ht_evidence_fit(r, &run, &out, NULL), HT_OK);
    CU_ASSERT_DOUBLE_EQUAL(out.lessons[0].n, 4, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(out.lessons[0].fresh_wins, 1, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(log(out.lessons[0].factor), -.3926, 1e-4);
    ht_run_evidence_release(&out);
    ht_recipe_destroy(run.space);
    ht_recipe_destroy(r);
}

CASES("fit", CASE(bounds_that_are_no_narrower_change_nothing),
      CASE(half_of_the_bounds_leave_half_of_the_evidence_and_its_mean),
      CASE(evidence_without_a_spread_is_there_or_not), CASE(evidence_far_outside_counts_nothing),
      CASE(another_scale_is_another_knob), CASE(a_family_that_was_not_there_begins_without_evidence),
      CASE(lessons_of_pooled_runs_are_weighed_alike))
