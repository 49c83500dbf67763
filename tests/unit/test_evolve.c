/* tests/unit/test_evolve.c - a recipe learns from finished runs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "recipe/evolve.h"

static const char base_text[] = "actuators:\n"
                                "  opt:\n"
                                "    mutations:\n"
                                "      lr_mult: {bounds: [0.25, 4.0], prior_center: 4.0}\n"
                                "      wd_set: {bounds: [0.0, 1.0], prior_center: 0.2}\n"
                                "  loss:\n"
                                "    keys:\n"
                                "      aux: {bounds: [0.5, 2.0]}\n";

static ht_recipe *parsed(const char *text)
{
    ht_recipe *r = NULL;
    ht_error err = {""};
    ht_status st = ht_recipe_parse(text, "base", &r, &err);
    CU_ASSERT_STRING_EQUAL(err.text, "");
    CU_ASSERT_EQUAL_FATAL(st, HT_OK);
    return r;
}

static ht_evidence evidence(const char *actuator, const char *key, const char *phase, double center,
                            double wins)
{
    ht_evidence e = {
        .win_rate = 0.8, .mean_score = 0.01, .win_center = center, .win_spread = 0.1, .wins = wins};
    ht_name_copy(e.actuator, actuator);
    ht_name_copy(e.key, key);
    ht_name_copy(e.phase, phase);
    return e;
}

static ht_recipe *evolved(const ht_recipe *base, const char *source, size_t n, ht_evidence *e, double alpha,
                          double decay)
{
    ht_recipe *r = NULL;
    ht_run_evidence run = {.n = n, .evidence = e};
    strcpy(run.source, source);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_evolve(base, 1, &run, alpha, decay, &r, NULL), HT_OK);
    return r;
}

/* The differences of base and what evolves from it by one piece of evidence. */
static void check(ht_evidence e, double alpha, const char *difference)
{
    ht_recipe *base = parsed(base_text), *r = evolved(base, "", 1, &e, alpha, 1);
    ht_string text = {0};
    CU_ASSERT_EQUAL(ht_recipe_diff(base, r, &text), HT_OK);
    const char *end = strstr(ht_string_peek(&text), "evolved.generation: (none) -> 1\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(end);
    CU_ASSERT_EQUAL((size_t)(end - text.s), strlen(difference));
    CU_ASSERT_EQUAL(strncmp(ht_string_peek(&text), difference, strlen(difference)), 0);
    ht_string_release(&text);
    ht_recipe_destroy(base);
    ht_recipe_destroy(r);
}

static void factors_move_geometrically_and_the_rest_arithmetically(void)
{
    ht_recipe *base = parsed(base_text);
    ht_evidence e[] = {evidence("opt", "lr_mult", "", 1, 3), evidence("opt", "wd_set", "", 0.6, 3),
                       evidence("loss", "aux", "", 0.5, 3)};
    ht_recipe *r = evolved(base, "run", 3, e, 0.5, 1);
    CU_ASSERT_DOUBLE_EQUAL(r->actuators[0].families[0].prior_center, 2, 1e-12); /* sqrt(4 * 1) */
    CU_ASSERT_DOUBLE_EQUAL(r->actuators[0].families[1].prior_center, 0.4, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(r->actuators[1].families[0].prior_center, sqrt(.5), 1e-12);
    CU_ASSERT_EQUAL(base->actuators[0].families[0].prior_center, 4);
    ht_recipe_destroy(base);
    ht_recipe_destroy(r);
}

static void alpha_goes_from_nothing_to_all(void)
{
    check(evidence("opt", "wd_set", "", 0.7, 1), 0, "");
    check(evidence("opt", "lr_mult", "", 0.9, 1), 0, "");
    check(evidence("opt", "lr_mult", "", 0.9, 1), 1,
          "actuators.opt.mutations.lr_mult.prior_center: 4.0 -> 0.9\n");
}

static void what_won_outside_the_bounds_is_clamped(void)
{
    check(evidence("opt", "lr_mult", "", 0.1, 1), 1,
          "actuators.opt.mutations.lr_mult.prior_center: 4.0 -> 0.25\n");
}

static void only_convincing_evidence_moves_anything(void)
{
    ht_evidence good = evidence("opt", "lr_mult", "", 0.9, 1), e = good;
    e.win_rate = 0.5;
    check(e, 0.3, "");
    e = good;
    e.mean_score = 0;
    check(e, 0.3, "");
    e = good;
    e.wins = 0;
    check(e, 0.3, "");
    e = good;
    e.win_center = NAN;
    check(e, 0.3, "");
    e.win_center = -1; /* no factor */
    check(e, 0.3, "");
    e = good;
    e.win_rate = NAN;
    check(e, 0.3, "");
    check(evidence("opt", "ghost", "", 0.9, 1), 0.3, "");
    check(evidence("ghost", "lr_mult", "", 0.9, 1), 0.3, "");
    check(evidence("opt", "lr_mult", "ghost", 0.9, 1), 0.3, "");
}

static void evidence_of_a_phase_becomes_a_prior(void)
{
    check(evidence("opt", "lr_mult", "late", 0.9, 4), 0.3,
          "actuators.opt.mutations.lr_mult.priors.late.center: (none) -> 0.9\n"
          "actuators.opt.mutations.lr_mult.priors.late.spread: (none) -> 0.1\n"
          "actuators.opt.mutations.lr_mult.priors.late.weight: (none) -> 4.0\n"
          "actuators.opt.mutations.lr_mult.priors.late.observations: (none) -> 5\n");
}

static void priors_pool_by_weight_and_the_older_ones_decay(void)
{
    ht_recipe *base = parsed(base_text);
    ht_evidence first = evidence("opt", "wd_set", "mid", 0.2, 4),
                second = evidence("opt", "wd_set", "mid", 0.6, 2);
    ht_recipe *a = evolved(base, "run-1", 1, &first, 0.3, 0.5),
              *b = evolved(a, "run-2", 1, &second, 0.3, 0.5);
    const ht_prior *p = &b->actuators[0].families[1].priors[0];
    CU_ASSERT_DOUBLE_EQUAL(p->weight, 4, 1e-12);                 /* 4 * 0.5 + 2 */
    CU_ASSERT_DOUBLE_EQUAL(p->center, 0.4, 1e-12);               /* (2 * 0.2 + 2 * 0.6) / 4 */
    CU_ASSERT_DOUBLE_EQUAL(p->spread, sqrt(0.01 + 0.04), 1e-12); /* within + between */
    ht_recipe_destroy(base);
    ht_recipe_destroy(a);
    ht_recipe_destroy(b);
}

static void a_prior_without_weight_is_forgotten(void)
{
    ht_recipe *base = parsed(base_text);
    ht_evidence e = evidence("opt", "wd_set", "mid", 0.2, 4);
    ht_recipe *a = evolved(base, "run-1", 1, &e, 0.3, 0.5), *b = evolved(a, "run-2", 0, NULL, 0.3, 0);
    CU_ASSERT_EQUAL(a->actuators[0].families[1].n_priors, 1);
    CU_ASSERT_EQUAL(b->actuators[0].families[1].n_priors, 0);
    ht_recipe_destroy(base);
    ht_recipe_destroy(a);
    ht_recipe_destroy(b);
}

static void a_run_counts_once(void)
{
    ht_recipe *base = parsed(base_text), *both = NULL;
    ht_evidence e[] = {evidence("opt", "lr_mult", "", 1, 3), evidence("opt", "lr_mult", "late", 1, 3)};
    ht_recipe *once = evolved(base, "run-1", 2, e, 0.5, 0.5), *again = evolved(once, "run-1", 2, e, 0.5, 0.5);
    ht_run_evidence twice[2] = {{"run-1", 2, e}, {"run-1", 2, e}};
    ht_string text = {0};
    CU_ASSERT_EQUAL_FATAL(ht_recipe_evolve(base, 2, twice, 0.5, 0.5, &both, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_recipe_diff(once, again, &text), HT_OK);
    CU_ASSERT_EQUAL(ht_recipe_diff(once, both, &text), HT_OK);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&text), "");
    CU_ASSERT_EQUAL(again->evolved.generation, 1);
    CU_ASSERT_EQUAL(again->evolved.n_from, 1);
    CU_ASSERT_STRING_EQUAL(again->evolved.from[0], "run-1");
    ht_string_release(&text);
    ht_recipe_destroy(base);
    ht_recipe_destroy(once);
    ht_recipe_destroy(again);
    ht_recipe_destroy(both);
}

static void runs_are_taken_in_order(void)
{
    ht_recipe *base = parsed(base_text), *r = NULL;
    ht_evidence a = evidence("opt", "wd_set", "", 1, 1), b = evidence("opt", "wd_set", "", 0, 1);
    ht_run_evidence runs[2] = {{"a", 1, &a}, {"b", 1, &b}};
    CU_ASSERT_EQUAL_FATAL(ht_recipe_evolve(base, 2, runs, 0.5, 1, &r, NULL), HT_OK);
    CU_ASSERT_DOUBLE_EQUAL(r->actuators[0].families[1].prior_center, 0.3, 1e-12); /* 0.2 -> 0.6 -> 0.3 */
    CU_ASSERT_EQUAL(r->evolved.generation, 1);
    CU_ASSERT_EQUAL(r->evolved.n_from, 2);
    ht_recipe_destroy(base);
    ht_recipe_destroy(r);
}

static void what_evolved_is_a_valid_recipe(void)
{
    ht_recipe *base = parsed(base_text);
    ht_evidence e[] = {evidence("opt", "lr_mult", "", 1e-300, 3),
                       evidence("opt", "lr_mult", "early", 1e300, 3),
                       evidence("opt", "wd_set", "early", 1e300, 3)};
    e[1].win_spread = INFINITY;
    e[2].win_spread = -1;
    ht_recipe *once = evolved(base, "run", 3, e, 0.5, 0.5);
    e[2].win_center = -1e300; /* the variance of both overflows */
    ht_recipe *r = evolved(once, "run 2", 3, e, 0.5, 0.5);
    ht_string text = {0};
    ht_recipe_print_yaml(r, &text);
    ht_recipe_destroy(parsed(ht_string_peek(&text)));
    ht_string_release(&text);
    ht_recipe_destroy(once);
    ht_recipe_destroy(base);
    ht_recipe_destroy(r);
}

static void a_wrong_step_is_refused(void)
{
    static const double wrong[] = {-0.1, 1.1, NAN};
    ht_recipe *base = parsed(base_text), *r = NULL;
    ht_error err = {""};
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(ht_recipe_evolve(base, 0, NULL, wrong[i], 0.5, &r, &err), HT_EINVAL);
        CU_ASSERT_EQUAL(ht_recipe_evolve(base, 0, NULL, 0.5, wrong[i], &r, NULL), HT_EINVAL);
    }
    CU_ASSERT_STRING_EQUAL(err.text, "alpha: 'nan' is not in [0, 1]");
    CU_ASSERT_PTR_NULL(r);
    ht_recipe_destroy(base);
}

CASES("evolve", CASE(factors_move_geometrically_and_the_rest_arithmetically),
      CASE(alpha_goes_from_nothing_to_all), CASE(what_won_outside_the_bounds_is_clamped),
      CASE(only_convincing_evidence_moves_anything), CASE(evidence_of_a_phase_becomes_a_prior),
      CASE(priors_pool_by_weight_and_the_older_ones_decay), CASE(a_prior_without_weight_is_forgotten),
      CASE(a_run_counts_once), CASE(runs_are_taken_in_order), CASE(what_evolved_is_a_valid_recipe),
      CASE(a_wrong_step_is_refused))
