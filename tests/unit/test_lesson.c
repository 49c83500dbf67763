/* tests/unit/test_lesson.c - a recipe learns from pooled runs. Expected numbers are calculated by hand. */
#include <math.h>
#include <string.h>

#include "cases.h"
#include "recipe/evolve.h"

static const char base_text[] = "objective: {primary: val/loss, mode: min}\n"
                                "actuators:\n"
                                "  opt:\n"
                                "    mutations:\n"
                                "      lr_mult: {bounds: [0.5, 2.0], range: [0.0001, 1.0]}\n"
                                "      wd_mult: {bounds: [0.5, 2.0]}\n";

static ht_recipe *parsed(const char *text)
{
    ht_recipe *r = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(text, "base", &r, NULL), HT_OK);
    return r;
}

/* Of 8 mutants half were better; the best had a factor of 1. */
static ht_lesson lesson(const char *phase, double mean)
{
    ht_lesson l = {.mean = mean, .factor = 1, .spread = .1, .n = 8, .wins = 4};
    strcpy(l.actuator, "opt");
    strcpy(l.key, "lr_mult");
    strcpy(l.phase, phase);
    return l;
}

/* *r after one more run. */
static void learn(ht_recipe **r, const char *source, double champion, ht_origin origin, ht_lesson l)
{
    ht_recipe *next = NULL;
    ht_run_evidence run = {.champion = champion, .origin = origin, .n_lessons = 1, .lessons = &l};
    strcpy(run.source, source);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_evolve(*r, 1, &run, .3, .7, &next, NULL), HT_OK);
    ht_recipe_destroy(*r);
    *r = next;
}

static const ht_family_spec *lr(const ht_recipe *r)
{
    return &r->actuators[0].families[0];
}

static void the_first_champion_gives_the_start_and_a_wide_sigma(void)
{
    ht_recipe *r = parsed(base_text);
    learn(&r, "1", 2.5, HT_ORIGIN_UNKNOWN, lesson("", .01));
    CU_ASSERT_TRUE(lr(r)->has_start);
    CU_ASSERT_EQUAL(lr(r)->start, .01);
    CU_ASSERT_EQUAL(lr(r)->sigma, .7);
    CU_ASSERT_EQUAL(r->evolved.best, 2.5);
    ht_recipe_destroy(r);
}

static void a_better_champion_moves_the_start_most_of_the_way_and_narrows_it(void)
{
    ht_recipe *r = parsed(base_text);
    learn(&r, "1", 2.5, HT_ORIGIN_UNKNOWN, lesson("", .01));
    learn(&r, "2", 2.4, HT_ORIGIN_KNOWN, lesson("", .02));
    CU_ASSERT_DOUBLE_EQUAL(lr(r)->start, .01 * pow(2, .7), 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(lr(r)->sigma, .49, 1e-15);
    CU_ASSERT_EQUAL(r->evolved.best, 2.4);
    for (int i = 3; i < 9; i++) {
        char source[2] = {(char)('0' + i), 0};
        learn(&r, source, 2.4 - .1 * i, HT_ORIGIN_KNOWN, lesson("", .02));
    }
    CU_ASSERT_EQUAL(lr(r)->sigma, .25);     /* .49 .343 .25 .25 .. */
    ht_recipe_destroy(r);
}

static void a_run_that_beat_nobody_moves_no_start(void)
{
    ht_recipe *r = parsed(base_text);
    learn(&r, "1", 2.5, HT_ORIGIN_UNKNOWN, lesson("", .01));
    learn(&r, "2", 2.5, HT_ORIGIN_KNOWN, lesson("", .02));
    learn(&r, "3", NAN, HT_ORIGIN_KNOWN, lesson("", .02));
    CU_ASSERT_EQUAL(lr(r)->start, .01);
    CU_ASSERT_EQUAL(lr(r)->sigma, .7);
    CU_ASSERT_EQUAL(r->evolved.best, 2.5);
    CU_ASSERT_EQUAL(r->evolved.generation, 3);
    ht_recipe_destroy(r);
}

static void where_more_is_better_the_greater_champion_wins(void)
{
    ht_recipe *r = parsed("objective: {primary: acc, mode: max}\n"
                          "actuators: {opt: {mutations: {lr_mult: {range: [0.0001, 1.0]}}}}\n");
    learn(&r, "1", .5, HT_ORIGIN_UNKNOWN, lesson("", .01));
    learn(&r, "2", .4, HT_ORIGIN_KNOWN, lesson("", .02));
    CU_ASSERT_EQUAL(lr(r)->start, .01);
    learn(&r, "3", .6, HT_ORIGIN_KNOWN, lesson("", .02));
    CU_ASSERT(lr(r)->start > .01);
    ht_recipe_destroy(r);
}

static void a_fresh_champion_widens_sigma_again_whether_it_is_the_best_or_not(void)
{
    ht_recipe *r = parsed(base_text);
    learn(&r, "1", 2.5, HT_ORIGIN_UNKNOWN, lesson("", .01));
    learn(&r, "2", 2.4, HT_ORIGIN_KNOWN, lesson("", .01));
    learn(&r, "3", 2.3, HT_ORIGIN_KNOWN, lesson("", .01));
    CU_ASSERT_DOUBLE_EQUAL(lr(r)->sigma, .343, 1e-15);
    learn(&r, "4", 2.6, HT_ORIGIN_FRESH, lesson("", .05));
    CU_ASSERT_DOUBLE_EQUAL(lr(r)->sigma, .49, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(lr(r)->start, .01, 1e-15);
    learn(&r, "5", 2.2, HT_ORIGIN_FRESH, lesson("", .05));
    CU_ASSERT_DOUBLE_EQUAL(lr(r)->sigma, .7, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(lr(r)->start, .01 * pow(5, .7), 1e-15);
    learn(&r, "6", 2.1, HT_ORIGIN_FRESH, lesson("", .05));
    CU_ASSERT_EQUAL(lr(r)->sigma, .7);      /* never wider than at first */
    ht_recipe_destroy(r);
}

static void a_knob_without_a_range_gets_a_start_but_is_not_drawn(void)
{
    ht_recipe *r = parsed(base_text);
    ht_lesson l = lesson("", .01);
    strcpy(l.key, "wd_mult");
    learn(&r, "1", 2.5, HT_ORIGIN_UNKNOWN, l);
    CU_ASSERT_EQUAL(r->actuators[0].families[1].start, .01);
    CU_ASSERT_FALSE(r->actuators[0].families[1].has_sigma);
    CU_ASSERT_FALSE(lr(r)->has_start);      /* nothing was said of it */
    ht_recipe_destroy(r);
}

static void centers_move_by_alpha_towards_the_best_quarter_whatever_the_champion_is_worth(void)
{
    ht_recipe *r = parsed(base_text);
    ht_lesson l = lesson("late", 0);
    l.factor = .5;
    learn(&r, "1", 2.5, HT_ORIGIN_UNKNOWN, l);
    CU_ASSERT_EQUAL_FATAL(lr(r)->n_priors, 1);
    CU_ASSERT_DOUBLE_EQUAL(lr(r)->priors[0].center, pow(.5, .3), 1e-15);
    CU_ASSERT_EQUAL(lr(r)->priors[0].weight, 2);        /* the best quarter of 8 */
    CU_ASSERT_EQUAL(lr(r)->priors[0].observations, 8);
    CU_ASSERT_EQUAL(lr(r)->prior_center, 1);            /* only said of the phase */
    learn(&r, "2", 9, HT_ORIGIN_KNOWN, l);
    CU_ASSERT_DOUBLE_EQUAL(lr(r)->priors[0].center, pow(.5, .3 + .7 * .3), 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(lr(r)->priors[0].weight, 2 * .7 + 2, 1e-15);
    CU_ASSERT_EQUAL(lr(r)->priors[0].observations, 16);
    strcpy(l.phase, "");
    learn(&r, "3", 9, HT_ORIGIN_KNOWN, l);
    CU_ASSERT_DOUBLE_EQUAL(lr(r)->prior_center, pow(.5, .3), 1e-15);
    ht_recipe_destroy(r);
}

static void three_mutants_move_nothing(void)
{
    ht_recipe *r = parsed(base_text);
    ht_lesson l = lesson("late", 0);
    l.factor = .5;
    l.n = 3;
    l.wins = 3;
    learn(&r, "1", NAN, HT_ORIGIN_UNKNOWN, l);
    CU_ASSERT_EQUAL(lr(r)->n_priors, 0);
    l.fresh = 1;        /* but four do, with the prior or without */
    learn(&r, "2", NAN, HT_ORIGIN_UNKNOWN, l);
    CU_ASSERT_EQUAL(lr(r)->n_priors, 1);
    ht_recipe_destroy(r);
}

/* center .81, weight 10; then 8 mutants of which `wins` won, and as many without the prior. */
static ht_recipe *after_doubt(double wins, double fresh, double fresh_wins)
{
    ht_recipe *r = parsed("actuators: {opt: {mutations: {lr_mult: {bounds: [0.5, 2.0], prior_center: 0.81, priors: "
                          "{early: {center: 0.81, spread: 0.1, weight: 10.0}}}}}}\n");
    ht_lesson l = lesson("", 0);
    l.factor = .81;         /* where it is: nothing moves but by doubt */
    l.wins = wins;
    l.fresh = fresh;
    l.fresh_wins = fresh_wins;
    learn(&r, "1", NAN, HT_ORIGIN_KNOWN, l);
    return r;
}

static void a_prior_that_loses_to_chance_weighs_less_and_leans_less(void)
{
    ht_recipe *even = after_doubt(4, 8, 4), *better = after_doubt(6, 8, 2), *worse = after_doubt(2, 8, 5),
              *few = after_doubt(2, 3, 3);
    CU_ASSERT_EQUAL(lr(even)->priors[0].weight, 7);
    CU_ASSERT_EQUAL(lr(better)->priors[0].weight, 7);
    CU_ASSERT_EQUAL(lr(few)->priors[0].weight, 7);      /* three say nothing */
    CU_ASSERT_DOUBLE_EQUAL(lr(even)->prior_center, .81, 1e-15);
    /* win rates (2 + 1)/(8 + 2) and (5 + 1)/(8 + 2): half of it is left */
    CU_ASSERT_DOUBLE_EQUAL(lr(worse)->priors[0].weight, 3.5, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(lr(worse)->priors[0].center, .9, 1e-12);
    /* .81 -> .9, then .3 of the way back */
    CU_ASSERT_DOUBLE_EQUAL(lr(worse)->prior_center, .9 * pow(.9, .3), 1e-12);
    ht_recipe_destroy(even);
    ht_recipe_destroy(better);
    ht_recipe_destroy(worse);
    ht_recipe_destroy(few);
}

static void senseless_numbers_move_nothing(void)
{
    ht_recipe *r = parsed(base_text), *same = parsed(base_text);
    ht_lesson l = lesson("", NAN);
    l.factor = 0;
    learn(&r, "1", INFINITY, HT_ORIGIN_FRESH, l);
    l = lesson("late", -1);
    l.spread = NAN;
    learn(&r, "2", NAN, HT_ORIGIN_FRESH, l);
    strcpy(l.key, "ghost");
    learn(&r, "3", NAN, HT_ORIGIN_FRESH, l);
    strcpy(l.key, "lr_mult");
    l = lesson("ghost", 0);
    learn(&r, "4", NAN, HT_ORIGIN_FRESH, l);
    CU_ASSERT_FALSE(lr(r)->has_start);
    CU_ASSERT_EQUAL(lr(r)->n_priors, 0);
    CU_ASSERT_EQUAL(lr(r)->prior_center, 1);
    CU_ASSERT_FALSE(ht_recipe_gives(r, "evolved.best"));
    ht_recipe_destroy(r);
    ht_recipe_destroy(same);
}

static void what_was_learned_reads_back(void)
{
    ht_recipe *r = parsed(base_text), *back;
    ht_string text = {0}, differences = {0};
    learn(&r, "1", 2.5, HT_ORIGIN_UNKNOWN, lesson("", .01));
    learn(&r, "2", 2.4, HT_ORIGIN_KNOWN, lesson("mid", 0));
    ht_recipe_print_yaml(r, &text);
    back = parsed(ht_string_peek(&text));
    CU_ASSERT_EQUAL(ht_recipe_diff(r, back, &differences), HT_OK);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&differences), "");
    CU_ASSERT_EQUAL(back->evolved.best, 2.4);
    ht_string_release(&text);
    ht_string_release(&differences);
    ht_recipe_destroy(back);
    ht_recipe_destroy(r);
}

CASES("lesson", CASE(the_first_champion_gives_the_start_and_a_wide_sigma),
      CASE(a_better_champion_moves_the_start_most_of_the_way_and_narrows_it),
      CASE(a_run_that_beat_nobody_moves_no_start), CASE(where_more_is_better_the_greater_champion_wins),
      CASE(a_fresh_champion_widens_sigma_again_whether_it_is_the_best_or_not),
      CASE(a_knob_without_a_range_gets_a_start_but_is_not_drawn),
      CASE(centers_move_by_alpha_towards_the_best_quarter_whatever_the_champion_is_worth),
      CASE(three_mutants_move_nothing), CASE(a_prior_that_loses_to_chance_weighs_less_and_leans_less),
      CASE(senseless_numbers_move_nothing), CASE(what_was_learned_reads_back))
