/* tests/unit/test_recipe_set.c - setting by dotted path. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "recipe/recipe.h"

static const char base[] = "objective: {backup_metrics: [grad/norm]}\n"
                           "actuators:\n"
                           "  opt:\n"
                           "    mutations:\n"
                           "      lr_mult: {bounds: [0.7, 1.2], prior_center: 0.95, cooldown: 2}\n"
                           "  loss: {keys: {aux: {}}}\n";

static ht_recipe *recipe(void)
{
    ht_recipe *r = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(base, "base", &r, NULL), HT_OK);
    return r;
}

static ht_status set(ht_recipe *r, const char *json, ht_error *err)
{
    cJSON *params = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(json, &params, NULL, NULL), HT_OK);
    ht_status st = ht_recipe_set(r, params, err);
    cJSON_Delete(params);
    return st;
}

/* Refused with this message, and nothing is changed. */
static void refused(const char *json, const char *message)
{
    ht_recipe *r = recipe(), *before = recipe();
    ht_string changes = {0};
    ht_error err = {""};
    CU_ASSERT_EQUAL(set(r, json, &err), HT_EFORMAT);
    CU_ASSERT_STRING_EQUAL(err.text, message);
    CU_ASSERT_EQUAL(ht_recipe_diff(before, r, &changes), HT_OK);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&changes), "");
    ht_string_release(&changes);
    ht_recipe_destroy(before);
    ht_recipe_destroy(r);
}

static void applied(const char *json, const char *difference)
{
    ht_recipe *r = recipe(), *before = recipe();
    ht_string changes = {0};
    ht_error err = {""};
    CU_ASSERT_EQUAL(set(r, json, &err), HT_OK);
    CU_ASSERT_STRING_EQUAL(err.text, "");
    CU_ASSERT_EQUAL(ht_recipe_diff(before, r, &changes), HT_OK);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&changes), difference);
    ht_string_release(&changes);
    ht_recipe_destroy(before);
    ht_recipe_destroy(r);
}

static void leaves_of_every_depth_can_be_set(void)
{
    applied("{\"acceptance.epsilon\": 1}", "acceptance.epsilon: 0.001 -> 1.0\n");
    applied("{\"objective.backup_metrics\": [\"a\", \"b\"]}",
            "objective.backup_metrics: [grad/norm] -> [a, b]\n");
    applied("{\"actuators.opt.enabled\": false}", "actuators.opt.enabled: true -> false\n");
    applied("{\"actuators.opt.mutations.lr_mult.bounds\": [0.8, 1]}",
            "actuators.opt.mutations.lr_mult.bounds: [0.7, 1.2] -> [0.8, 1]\n");
    applied("{\"actuators.loss.keys.aux.mode\": \"set\"}", "actuators.loss.keys.aux.mode: mult -> set\n");
}

static void optional_leaves_come_and_go(void)
{
    applied("{\"actuators.opt.mutations.lr_mult.max_step_mult\": 1.1}",
            "actuators.opt.mutations.lr_mult.max_step_mult: (none) -> 1.1\n");
    applied("{\"search.seed\": 7}", "search.seed: (none) -> 7\n");
    applied("{\"population.sync\": \"barrier\"}", "population.sync: (none) -> barrier\n");
    ht_recipe *r = recipe();
    CU_ASSERT_EQUAL(set(r, "{\"search.seed\": 7}", NULL), HT_OK);
    CU_ASSERT_EQUAL(r->search.seed, 7);
    CU_ASSERT_EQUAL(set(r, "{\"search.seed\": null}", NULL), HT_OK);
    CU_ASSERT_EQUAL(r->search.seed, 0);
    ht_recipe_destroy(r);
}

static void nothing_to_set_is_no_fault(void)
{
    applied("{}", "");
}

static void both_sides_of_a_boundary_move_together(void)
{
    applied("{\"phases.early.end_frac\": 0.3, \"phases.mid.start_frac\": 0.3}",
            "phases.early.end_frac: 0.2 -> 0.3\nphases.mid.start_frac: 0.2 -> 0.3\n");
    refused("{\"phases.early.end_frac\": 0.3}",
            "invalid_recipe: phases.mid.start_frac: '0.2' leaves an overlap: the phase before ends at 0.3");
}

static void one_fault_refuses_all(void)
{
    refused("{\"acceptance.epsilon\": 0.5, \"nope.x\": 1}", "invalid_recipe: nope.x: no such field");
    refused("{\"acceptance.epsilon\": 0.5, \"search.startup_trials\": -1}",
            "invalid_recipe: search.startup_trials: '-1' is not in [0, 1000000000]");
}

static void the_first_fault_of_the_whole_recipe_is_named(void)
{
    refused("{\"safety.max_global_reject_streak\": 0, \"objective.mode\": \"upwards\"}",
            "invalid_recipe: objective.mode: 'upwards' is not min or max");
}

static void a_path_must_lead_to_a_leaf(void)
{
    refused("{\"acceptance.epsilom\": 1}",
            "invalid_recipe: acceptance.epsilom: no such field; nearest is 'epsilon'");
    refused("{\".epsilon\": 1}", "invalid_recipe: .epsilon: no such field");
    refused("{\"\": 1}", "invalid_recipe: : no such field");
    refused("{\"acceptance.\": 1}", "invalid_recipe: acceptance.: no such field");
    refused("{\"acceptance.epsilon.x\": 1}", "invalid_recipe: acceptance.epsilon.x: no such field");
    refused("{\"actuators.opt.mutations.lr_mult.bounds.0\": 1}",
            "invalid_recipe: actuators.opt.mutations.lr_mult.bounds.0: no such field");
    refused("{\"a.b.c.d.e.f.g.h.i.j.k\": 1}", "invalid_recipe: a.b.c.d.e.f.g.h.i.j.k: no such field");
    refused("{\"acceptance\": 1}",
            "invalid_recipe: acceptance: this is a mapping; only single fields can be set");
}

static void nothing_new_can_be_made(void)
{
    refused("{\"actuators.ghost.enabled\": true}", "invalid_recipe: actuators.ghost.enabled: no such field");
    refused("{\"actuators.ghost.mutations.lr_mult.max_step_mult\": 2}",
            "invalid_recipe: actuators.ghost.mutations.lr_mult.max_step_mult: no such field");
    refused("{\"actuators.opt.mutations.wd_mult\": {}}",
            "invalid_recipe: actuators.opt.mutations.wd_mult: no such field; nearest is 'lr_mult'");
    refused("{\"phases.extra\": {\"start_frac\": 0.0}}", "invalid_recipe: phases.extra: no such field");
}

static void types_are_strict(void)
{
    refused("{\"acceptance.epsilon\": \"0.5\"}",
            "invalid_recipe: acceptance.epsilon: '0.5' is a text, must be a number");
    refused("{\"acceptance.epsilon\": true}",
            "invalid_recipe: acceptance.epsilon: 'true' is a bool, must be a number");
    refused("{\"acceptance.epsilon\": null}", "invalid_recipe: acceptance.epsilon: must have a value");
    refused("{\"actuators.opt.enabled\": 1}",
            "invalid_recipe: actuators.opt.enabled: '1' is an integer, must be true or false");
    refused(
        "{\"actuators.opt.mutations.lr_mult.cooldown\": 2.0}",
        "invalid_recipe: actuators.opt.mutations.lr_mult.cooldown: '2.0' is a number, must be an integer");
    refused("{\"objective.primary\": [1]}", "invalid_recipe: objective.primary: must be a text, not a list");
    refused("[1]", "invalid_recipe: parameters are a mapping of paths to values");
}

static void a_number_that_is_not_finite_is_refused(void)
{
    ht_recipe *r = recipe();
    ht_error err = {""};
    cJSON *params = cJSON_CreateObject();
    cJSON_AddNumberToObject(params, "acceptance.epsilon", NAN);
    CU_ASSERT_EQUAL(ht_recipe_set(r, params, &err), HT_EFORMAT);
    CU_ASSERT_STRING_EQUAL(err.text, "invalid_recipe: acceptance.epsilon: must be finite");
    CU_ASSERT_EQUAL(r->acceptance.epsilon, 0.001);
    cJSON_Delete(params);
    ht_recipe_destroy(r);
}

static void the_path_can_be_read_from_the_message(void)
{
    ht_recipe *r = recipe();
    ht_error err = {""};
    char path[100];
    CU_ASSERT_EQUAL(set(r, "{\"phases.late.start_frac\": 0.9}", &err), HT_EFORMAT);
    ht_recipe_fault_path(&err, path, sizeof path);
    CU_ASSERT_STRING_EQUAL(path, "phases.late.start_frac");
    ht_recipe_destroy(r);
}

CASES("recipe_set", CASE(leaves_of_every_depth_can_be_set), CASE(optional_leaves_come_and_go),
      CASE(nothing_to_set_is_no_fault), CASE(both_sides_of_a_boundary_move_together),
      CASE(one_fault_refuses_all), CASE(the_first_fault_of_the_whole_recipe_is_named),
      CASE(a_path_must_lead_to_a_leaf), CASE(nothing_new_can_be_made), CASE(types_are_strict),
      CASE(a_number_that_is_not_finite_is_refused), CASE(the_path_can_be_read_from_the_message))
