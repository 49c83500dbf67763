/* tests/population/test_plan.c - the settings of pooled islands against worked tables. */
#include <string.h>

#include "cases.h"
#include "population/plan.h"

static const ht_member member = {.has_init = true, .has_state = true, .has_validate = true, .n_knobs = 1,
                                 .knobs = {{"opt", "lr", .002, 1e-5, 1}}};

static ht_recipe *recipe(const char *population)
{
    static const char head[] = "version: 1\nobjective: {primary: val/loss, mode: min}\nactuators:\n  opt:\n"
                               "    mutations:\n      lr_mult: {bounds: [0.7, 1.2], range: [0.0001, 0.05]}\n";
    char text[1024];
    ht_error err = {""};
    ht_recipe *r = NULL;
    snprintf(text, sizeof text, "%s%s", head, population);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(text, "plan", &r, &err), HT_OK);
    return r;
}

static ht_plan plan(const char *population, int n, int epochs)
{
    ht_plan p;
    ht_recipe *r = recipe(population);
    ht_plan_make(r, &member, n, epochs, &p);
    ht_recipe_destroy(r);
    return p;
}

static void the_ladder_is_that_of_the_table(void)
{
    static const struct {
        int n, epochs;
        const char *ladder;
    } rows[] = {
        {2, 20, "1:6 2:2 (4)"},
        {2, 30, "1:10 2:4 (7)"},
        {2, 40, "1:14 2:6 3:2 (11)"},
        {2, 60, "1:20 2:8 4:2 (16)"},
        {2, 150, "2:20 4:8 10:2 (34)"},
        {4, 20, "1:12 2:4 (4)"},
        {4, 30, "1:20 2:8 (7)"},
        {4, 40, "1:28 2:12 3:4 (11)"},
        {4, 60, "1:40 2:16 4:4 (16)"},
        {4, 150, "2:40 4:16 10:4 (34)"},
        {8, 20, "1:24 2:8 (4)"},
        {8, 30, "1:40 2:16 (7)"},
        {8, 40, "1:56 2:24 3:8 (11)"},
        {8, 60, "1:80 2:32 4:8 (16)"},
        {8, 150, "2:80 4:32 10:8 (34)"},
        {16, 20, "1:32 2:16 (3)"},
        {16, 30, "1:48 2:16 (4)"},
        {16, 40, "1:64 2:32 3:16 (7)"},
        {16, 60, "1:96 2:32 4:16 (10)"},
        {16, 150, "2:96 4:32 10:16 (22)"},
        {32, 20, "1:64 2:32 (3)"},
        {32, 30, "1:64 2:32 (3)"},
        {32, 40, "1:96 2:32 3:32 (5)"},
        {32, 60, "1:128 2:64 4:32 (8)"},
        {32, 150, "2:128 4:64 10:32 (18)"},
        {64, 20, "1:128 2:64 (3)"},
        {64, 30, "1:128 2:64 (3)"},
        {64, 40, "1:192 2:64 3:64 (5)"},
        {64, 60, "1:256 2:128 4:64 (8)"},
        {64, 150, "2:256 4:128 10:64 (18)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ht_plan p = plan("", rows[i].n, rows[i].epochs);
        ht_string s = {0};
        for (int j = 0; j < p.rungs; j++)
            ht_string_add(&s, "%d:%d ", p.age[j], p.size[j]);
        ht_string_add(&s, "(%d)", p.race_wall);
        CU_ASSERT_STRING_EQUAL(ht_string_peek(&s), rows[i].ladder);
        ht_string_release(&s);
    }
}

static void islands_are_halved_from_half_of_the_run_to_four_fifths(void)
{
    ht_plan p = plan("", 8, 60);
    CU_ASSERT_EQUAL(ht_plan_islands(&p, 29 / 60.0), 8);
    CU_ASSERT_EQUAL(ht_plan_islands(&p, 30 / 60.0), 4);
    CU_ASSERT_EQUAL(ht_plan_islands(&p, 38 / 60.0), 4);
    CU_ASSERT_EQUAL(ht_plan_islands(&p, 39 / 60.0), 2);
    CU_ASSERT_EQUAL(ht_plan_islands(&p, 47 / 60.0), 2);
    CU_ASSERT_EQUAL(ht_plan_islands(&p, 48 / 60.0), 1);
    p = plan("", 2, 60);
    CU_ASSERT_EQUAL(ht_plan_islands(&p, .49), 2);
    CU_ASSERT_EQUAL(ht_plan_islands(&p, .5), 1);
    p = plan("", 5, 60);        /* three halvings: 2, 1, 1 */
    CU_ASSERT_EQUAL(ht_plan_islands(&p, .5), 2);
    CU_ASSERT_EQUAL(ht_plan_islands(&p, .65), 1);
    CU_ASSERT_EQUAL(ht_plan_islands(&p, 1), 1);
    p = plan("population: {tournament: {islands: 4, from: 0.2, to: 0.4}}\n", 32, 60);
    CU_ASSERT_EQUAL(ht_plan_islands(&p, .1), 4);
    CU_ASSERT_EQUAL(ht_plan_islands(&p, .2), 2);
    CU_ASSERT_EQUAL(ht_plan_islands(&p, .4), 1);
}

static void a_quarter_of_an_island_are_controls_and_one_at_least(void)
{
    static const int controls[][2] = {{1, 1}, {2, 1}, {3, 1},  {4, 1}, {5, 1},
                                      {6, 2}, {8, 2}, {10, 3}, {32, 8}};
    ht_plan p = plan("", 32, 60);
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++)
        CU_ASSERT_EQUAL(ht_plan_controls(&p, controls[i][0]), controls[i][1]);
    p.controls = 1;
    CU_ASSERT_EQUAL(ht_plan_controls(&p, 5), 5);
}

static void a_segment_is_a_fifteenth_of_the_run_unless_the_recipe_says_otherwise(void)
{
    static const int horizons[][2] = {{5, 1}, {20, 1}, {30, 2}, {40, 3}, {60, 4}, {150, 10}};
    for (size_t i = 0; i < sizeof horizons / sizeof *horizons; i++)
        CU_ASSERT_EQUAL(plan("", 8, horizons[i][0]).horizon, horizons[i][1]);
    CU_ASSERT_EQUAL(plan("acceptance: {horizon: \"val_epochs:7\"}\n", 8, 60).horizon, 7);
    CU_ASSERT_EQUAL(plan("acceptance: {horizon: \"val_epochs:auto\"}\n", 8, 60).horizon, 4);
}

static void what_makes_a_race_impossible_is_said(void)
{
    ht_plan p = plan("", 1, 60);
    CU_ASSERT_EQUAL(p.rungs, 0);
    CU_ASSERT_EQUAL(p.islands, 1);
    CU_ASSERT_PTR_NOT_NULL(p.no_race);
    p = plan("population: {race: {per_replica: 0}}\n", 8, 60);
    CU_ASSERT_EQUAL(p.rungs, 0);
    CU_ASSERT_EQUAL(p.islands, 8);
    CU_ASSERT_EQUAL(plan("", 8, 2).rungs, 0);      /* it would take 3 epochs of 2 */
    ht_recipe *r = recipe("");
    ht_member without = member;
    without.has_init = false;
    ht_plan_make(r, &without, 8, 60, &p);
    CU_ASSERT_EQUAL(p.rungs, 0);
    CU_ASSERT_EQUAL(p.islands, 1);
    ht_recipe_destroy(r);
}

static void the_recipe_may_say_the_ladder(void)
{
    ht_plan p = plan("population: {race: {per_replica: 4, epochs: [2, 5]}}\n", 4, 60);
    CU_ASSERT_EQUAL(p.rungs, 2);
    CU_ASSERT_EQUAL(p.size[0], 16);
    CU_ASSERT_EQUAL(p.size[1], 8);
    CU_ASSERT_EQUAL(p.race_wall, 4 * 2 + 2 * 3);
}

static void only_a_recipe_that_knows_a_start_has_a_race_of_few(void)
{
    CU_ASSERT_EQUAL(plan("evolved: {generation: 2, from: [run-1]}\n", 8, 60).per_replica, 10);
    ht_recipe *r = recipe("");
    cJSON *params = NULL;
    ht_plan p;
    CU_ASSERT_EQUAL_FATAL(ht_json_parse("{\"actuators.opt.mutations.lr_mult.sigma\": 0.2}", &params, NULL, NULL),
                          HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_set(r, params, NULL), HT_OK);
    ht_plan_make(r, &member, 8, 60, &p);
    CU_ASSERT_EQUAL(p.per_replica, 2);
    cJSON_Delete(params);
    ht_recipe_destroy(r);
}

static void about_a_known_start_islands_begin_as_pairs(void)
{
    static const int rows[][2] = {{1, 1}, {2, 2}, {3, 2}, {8, 4}, {32, 16}};   /* replicas, islands */
    ht_plan p;
    ht_recipe *r = recipe("");
    r->actuators[0].families[0].has_sigma = true;
    r->actuators[0].families[0].sigma = .7;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ht_plan_make(r, &member, rows[i][0], 60, &p);
        CU_ASSERT_EQUAL(p.islands, rows[i][1]);
    }
    r->population.tournament.islands = 5;       /* who says a number gets it */
    ht_plan_make(r, &member, 8, 60, &p);
    CU_ASSERT_EQUAL(p.islands, 5);
    ht_recipe_destroy(r);
}

static void the_plan_in_words_has_a_reason_for_each_setting(void)
{
    ht_plan p = plan("", 8, 60);
    ht_string s = {0};
    ht_plan_print(&p, &s);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(ht_string_peek(&s), "race: 80 start values to epoch 1, the best 32 start values to epoch 2"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(ht_string_peek(&s), "islands: 8, 4 from epoch 30, 2 from epoch 39, 1 from epoch 48 ("));
    ht_string_release(&s);
}

CASES("plan", CASE(the_ladder_is_that_of_the_table),
      CASE(islands_are_halved_from_half_of_the_run_to_four_fifths),
      CASE(a_quarter_of_an_island_are_controls_and_one_at_least),
      CASE(a_segment_is_a_fifteenth_of_the_run_unless_the_recipe_says_otherwise),
      CASE(what_makes_a_race_impossible_is_said), CASE(the_recipe_may_say_the_ladder),
      CASE(only_a_recipe_that_knows_a_start_has_a_race_of_few),
      CASE(about_a_known_start_islands_begin_as_pairs),
      CASE(the_plan_in_words_has_a_reason_for_each_setting))
