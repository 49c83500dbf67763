/* tests/unit/test_recipe_pooled.c - the fields of the pooled mode: defaults, `auto`, inner sections, rules. */
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "recipe/recipe.h"

/* One text with every field of the pooled mode, in the normalised order. */
static const char everything[] =
    "version: 1\n"
    "objective:\n"
    "  primary: val/loss\n"
    "  mode: min\n"
    "  backup_metrics: []\n"
    "  ema: 0.99\n"
    "phases:\n"
    "  all: {start_frac: 0.0, end_frac: 1.0}\n"
    "actuators:\n"
    "  opt:\n"
    "    enabled: true\n"
    "    mutations:\n"
    "      lr_mult: {bounds: [0.7, 1.2], prior_center: 1.0, cooldown: 1, risk: low, mode: mult, "
    "range: [0.0001, 1.0], floor: 0.002, start: 0.5, sigma: 0.7}\n"
    "    keys: {}\n"
    "search:\n"
    "  algorithm: tpe\n"
    "  startup_trials: 8\n"
    "  candidate_count: 24\n"
    "  phase_conditioned: true\n"
    "  joint: true\n"
    "acceptance:\n"
    "  epsilon: 0.0\n"
    "  horizon: \"val_epochs:auto\"\n"
    "  rollback_on_reject: true\n"
    "  score: control\n"
    "  min_sigma: 0.0001\n"
    "safety:\n"
    "  block_on_nan: true\n"
    "  block_on_anomaly: true\n"
    "  max_global_reject_streak: 4\n"
    "population:\n"
    "  mode: pooled\n"
    "  policy: halving\n"
    "  controls: 0.5\n"
    "  merge: \"off\"\n"
    "  mirror: true\n"
    "  race: {per_replica: 5, epochs: [1, 2, 4], fresh: 0.2, design: random}\n"
    "  tournament: {from: 0.4, to: 0.4, islands: 3, rho: 0.5, q: 0.0}\n";

static ht_recipe *parsed(const char *text)
{
    ht_recipe *r = NULL;
    ht_error err = {""};
    ht_status st = ht_recipe_parse(text, "r", &r, &err);
    CU_ASSERT_STRING_EQUAL(err.text, "");
    CU_ASSERT_EQUAL_FATAL(st, HT_OK);
    return r;
}

static void refused(const char *text, const char *message)
{
    ht_recipe *r = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_recipe_parse(text, "r", &r, &err), HT_EFORMAT);
    CU_ASSERT_STRING_EQUAL(err.text, message);
    CU_ASSERT_PTR_NULL(r);
}

static void without_them_a_recipe_is_the_independent_one(void)
{
    ht_recipe *r = parsed("actuators: {opt: {mutations: {lr_mult: }}}");
    const ht_family_spec *f = &r->actuators[0].families[0];
    CU_ASSERT_EQUAL(r->population.mode, HT_POPULATION_INDEPENDENT);
    CU_ASSERT_EQUAL(r->population.policy, HT_POLICY_POOLED);
    CU_ASSERT_EQUAL(r->objective.ema, HT_AUTO);
    CU_ASSERT_FALSE(r->search.joint);
    CU_ASSERT_EQUAL(r->acceptance.min_sigma, 0);
    CU_ASSERT_EQUAL(r->population.race.per_replica, HT_AUTO);
    CU_ASSERT_EQUAL(r->population.race.epochs[0], 0);
    CU_ASSERT_EQUAL(r->population.race.fresh, .1);
    CU_ASSERT_EQUAL(r->population.race.design, HT_DESIGN_HYPERCUBE);
    CU_ASSERT(r->population.tournament.from == .5 && r->population.tournament.to == .8);
    CU_ASSERT(r->population.tournament.islands == 0 && r->population.tournament.rho == 1);
    CU_ASSERT_EQUAL(r->population.tournament.q, .8);
    CU_ASSERT_EQUAL(r->population.controls, .25);
    CU_ASSERT_EQUAL(r->population.merge, HT_MERGE_GUARDED);
    CU_ASSERT_FALSE(r->population.mirror);
    CU_ASSERT_FALSE(f->has_range || f->has_floor || f->has_start || f->has_sigma);
    CU_ASSERT(f->floor == 0 && f->sigma == 0);
    ht_recipe_destroy(r);
}

static void all_of_them_are_kept_and_written_in_their_order(void)
{
    ht_string text = {0};
    ht_recipe *r = parsed(everything);
    ht_recipe_print_yaml(r, &text);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&text), everything);
    CU_ASSERT_EQUAL(r->population.policy, HT_POLICY_HALVING);
    CU_ASSERT_EQUAL(r->population.merge, HT_MERGE_OFF);
    CU_ASSERT_EQUAL(r->population.race.per_replica, 5);
    CU_ASSERT_EQUAL(r->population.race.epochs[2], 4);
    CU_ASSERT(r->actuators[0].families[0].has_range && r->actuators[0].families[0].range[1] == 1);
    ht_recipe_destroy(r);
    ht_string_release(&text);
}

static void auto_is_a_word_for_some_numbers_and_comes_back_as_one(void)
{
    ht_recipe *r = parsed("objective: {ema: auto}\npopulation: {race: {per_replica: auto, epochs: auto}}");
    ht_string text = {0};
    CU_ASSERT(r->objective.ema == HT_AUTO && r->population.race.per_replica == HT_AUTO);
    ht_recipe_print_yaml(r, &text);
    CU_ASSERT_PTR_NOT_NULL(strstr(ht_string_peek(&text), "  ema: auto\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(ht_string_peek(&text), "  race: {per_replica: auto, epochs: auto}\n"));
    ht_string_release(&text);
    ht_recipe_destroy(r);
    refused("objective: {ema: -1}", "r:1:18: objective.ema: '-1' is not in [0, 1) or auto");
    refused("objective: {ema: 1}", "r:1:18: objective.ema: '1' is not in [0, 1) or auto");
    refused("objective: {ema: off}", "r:1:18: objective.ema: 'off' is a text, must be a number or auto");
    refused("population: {race: {per_replica: 2.5}}",
            "r:1:34: population.race.per_replica: '2.5' is a number, must be an integer or auto");
    refused("acceptance: {min_sigma: auto}",
            "r:1:25: acceptance.min_sigma: 'auto' is a text, must be a number");
}

static void rungs_are_one_to_three_rising_integers(void)
{
    ht_recipe *r = parsed("population: {race: {epochs: [3]}}");
    CU_ASSERT(r->population.race.epochs[0] == 3 && r->population.race.epochs[1] == 0);
    ht_recipe_destroy(r);
    static const char list[] = "r:1:29: population.race.epochs: must be auto or a list of 1 to 3 integers";
    refused("population: {race: {epochs: []}}", list);
    refused("population: {race: {epochs: [1, 2, 3, 4]}}", list);
    refused("population: {race: {epochs: 4}}", list);
    refused("population: {race: {epochs: {a: 1}}}", list);
    refused("population: {race: {epochs: [0]}}",
            "r:1:29: population.race.epochs: '0' is not in [1, 1000000000]");
    refused("population: {race: {epochs: [2, 2]}}",
            "r:1:29: population.race.epochs: '2' is not in [3, 1000000000]");
    refused("population: {race: {epochs: [1, 1.5]}}",
            "r:1:29: population.race.epochs: '1.5' is a number, must be an integer");
}

static void a_range_rises_from_above_zero(void)
{
    static const char *const wrong[][2] = {{"[0, 1]", "[0, 1] is not rising from above 0"},
                                           {"[1, 1]", "[1, 1] is not rising from above 0"},
                                           {"[2, 1]", "[2, 1] is not rising from above 0"},
                                           {"[1]", "must be two numbers [low, high]"},
                                           {"[1, .inf]", "must be finite"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ht_string text = {0}, message = {0};
        ht_string_add(&text, "actuators: {a: {keys: {k: {range: %s}}}}", wrong[i][0]);
        ht_string_add(&message, "r:1:35: actuators.a.keys.k.range: %s", wrong[i][1]);
        refused(ht_string_peek(&text), ht_string_peek(&message));
        ht_string_release(&text);
        ht_string_release(&message);
    }
    refused("actuators: {a: {keys: {k: {start: 0}}}}",
            "r:1:35: actuators.a.keys.k.start: '0' is not greater than 0");
    refused("actuators: {a: {keys: {k: {floor: -1}}}}",
            "r:1:35: actuators.a.keys.k.floor: '-1' is not at least 0");
}

static void a_tournament_does_not_end_before_it_begins(void)
{
    ht_recipe_destroy(parsed("population: {tournament: {from: 0.8}}"));
    refused("population: {tournament: {to: 0.4}}",
            "r:1:31: population.tournament.to: '0.4' is below `from`, 0.5");
    refused("population: {tournament: {from: 0.9}}",
            "r:1:26: population.tournament.to: '0.8' is below `from`, 0.9");
    refused("population: {tournament: {q: 1}}", "r:1:30: population.tournament.q: '1' is not in [0, 1)");
}

static void a_section_inside_a_section_refuses_what_it_does_not_know(void)
{
    refused("population: {race: {fersh: 1}}",
            "r:1:21: population.race.fersh: unknown field; nearest is 'fresh'");
    refused("population: {rase: {}}", "r:1:14: population.rase: unknown field; nearest is 'race'");
    refused("population: {race: 5}",
            "r:1:20: population.race: a section is a mapping of names, not a single value");
    ht_recipe_destroy(parsed("population: {race: , tournament: {}}"));
}

static ht_status set(ht_recipe *r, const char *json)
{
    cJSON *params = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(json, &params, NULL, NULL), HT_OK);
    ht_status st = ht_recipe_set(r, params, NULL);
    cJSON_Delete(params);
    return st;
}

static void a_field_of_an_inner_section_can_be_set_and_taken_out(void)
{
    ht_recipe *r = parsed("");
    ht_string before = {0}, after = {0};
    ht_recipe_print_json(r, &before);
    CU_ASSERT_EQUAL(set(r, "{\"population.race.per_replica\": 0, \"population.tournament.q\": 0.5}"), HT_OK);
    CU_ASSERT(r->population.race.per_replica == 0 && r->population.tournament.q == .5);
    CU_ASSERT_EQUAL(set(r, "{\"population.race.per_replica\": \"auto\"}"), HT_OK);
    CU_ASSERT_EQUAL(r->population.race.per_replica, HT_AUTO);
    CU_ASSERT_EQUAL(set(r, "{\"population.race\": 3}"), HT_EFORMAT);
    CU_ASSERT_EQUAL(set(r, "{\"actuators.no.mutations.such.floor\": 1}"), HT_EFORMAT);
    CU_ASSERT_EQUAL(set(r, "{\"population.race.per_replica\": null, \"population.tournament.q\": null}"),
                    HT_OK);
    ht_recipe_print_json(r, &after);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&before), ht_string_peek(&after));
    ht_string_release(&before);
    ht_string_release(&after);
    ht_recipe_destroy(r);
}

CASES("recipe_pooled", CASE(without_them_a_recipe_is_the_independent_one),
      CASE(all_of_them_are_kept_and_written_in_their_order),
      CASE(auto_is_a_word_for_some_numbers_and_comes_back_as_one),
      CASE(rungs_are_one_to_three_rising_integers),
      CASE(a_range_rises_from_above_zero), CASE(a_tournament_does_not_end_before_it_begins),
      CASE(a_section_inside_a_section_refuses_what_it_does_not_know),
      CASE(a_field_of_an_inner_section_can_be_set_and_taken_out))
