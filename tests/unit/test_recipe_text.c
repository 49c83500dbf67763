/* Recipes as texts, as bindings see them. */
#include <hottune/recipe.h>

#include <string.h>

#include "base/json.h"
#include "cases.h"

static const char recipe[] = "actuators: {opt: {mutations: {lr_mult: {bounds: [0.5, 2.0], prior_center: 1.0}}}}\n";

static double center(const char *text)
{
    cJSON *r = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(text, &r, NULL, NULL), HT_OK);
    const char *const way[] = {"actuators", "opt", "mutations", "lr_mult", "prior_center"};
    const cJSON *at = r;
    for (size_t i = 0; i < sizeof way / sizeof *way; i++)
        at = ht_json_member(at, way[i]);
    double x = at != NULL ? at->valuedouble : -1;
    cJSON_Delete(r);
    return x;
}

static void a_recipe_becomes_json_with_every_field_and_stays_the_same(void)
{
    char *once = NULL, *twice = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_recipe_text_normalise(recipe, "r", &once, NULL), HT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(once, "max_global_reject_streak"));
    CU_ASSERT_EQUAL_FATAL(ht_recipe_text_normalise(once, "r", &twice, NULL), HT_OK);
    CU_ASSERT_STRING_EQUAL(once, twice);
    ht_recipe_text_free(once);
    ht_recipe_text_free(twice);
}

static void a_wrong_recipe_is_refused_with_its_place(void)
{
    char *out = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_recipe_text_normalise("objective: {mode: minimise}\n", "mine", &out, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NULL(out);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "mine:1:"));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "objective.mode"));
}

static void a_recipe_moves_towards_what_won(void)
{
    const char *const summaries[] = {
        "{\"win_rates\": {\"opt:lr_mult\": 0.75}, \"mean_scores\": {\"opt:lr_mult\": 0.1},"
        " \"win_centers\": {\"opt:lr_mult\": 0.5}, \"win_counts\": {\"opt:lr_mult\": 3}}"};
    char *out = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL_FATAL(ht_recipe_text_evolve(recipe, 1, summaries, .5, .7, &out, &err), HT_OK);
    CU_ASSERT_DOUBLE_EQUAL(center(out), .7071067811865476, 1e-12);     /* half the way from 1 to 1/2, as factors */
    ht_recipe_text_free(out);
    out = NULL;
    CU_ASSERT_EQUAL(ht_recipe_text_evolve(recipe, 1, summaries, 1.5, .7, &out, &err), HT_EINVAL);
    CU_ASSERT_EQUAL(ht_recipe_text_evolve(recipe, 1, (const char *const[]){"[1"}, .3, .7, &out, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NULL(out);
}

CASES("recipe text", CASE(a_recipe_becomes_json_with_every_field_and_stays_the_same),
      CASE(a_wrong_recipe_is_refused_with_its_place), CASE(a_recipe_moves_towards_what_won))
