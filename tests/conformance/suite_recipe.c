/* tests/conformance/suite_recipe.c - reading, normalising and setting recipes, and words of the command line.
 *
 * A recorded recipe is a mapping; it is given to the reader as text, in JSON and in YAML. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "recipe/recipe.h"
#include "suite.h"

/* ---- recorded mappings as text -------------------------------------------------------------- */

static bool all_finite(const cJSON *item)
{
    double x;
    if (as_float(item, &x) && !isfinite(x))
        return false;
    for (const cJSON *member = item == NULL ? NULL : item->child; member != NULL; member = member->next)
        if (!all_finite(member))
            return false;
    return true;
}

/* What YAML, but not JSON, can say: .nan and .inf stand raw in the text. */
static void write_special(cJSON *item)
{
    double x;
    for (cJSON *member = item->child, *next; member != NULL; member = next) {
        next = member->next;
        if (cJSON_IsObject(member) && as_float(member, &x)) {
            cJSON *raw = cJSON_CreateRaw(isnan(x) ? ".nan" : x > 0 ? ".inf" : "-.inf");
            if (member->string != NULL)
                raw->string = strdup(member->string);
            cJSON_ReplaceItemViaPointer(item, member, raw);
        } else
            write_special(member);
    }
}

static char *as_text(const cJSON *mapping, bool yaml)
{
    cJSON *copy = cJSON_Duplicate(mapping, true);
    write_special(copy);
    char *line = ht_json_line(copy);
    ht_string text = {0};
    ht_string_add(&text, "%s%s", yaml ? "---\n" : "", line);
    cJSON_Delete(copy);
    free(line);
    return ht_string_take(&text);
}

static ht_status read_mapping(const cJSON *mapping, bool yaml, ht_recipe **out, ht_error *err)
{
    char *text = as_text(mapping, yaml);
    ht_status st = ht_recipe_parse(text, "case", out, err);
    free(text);
    return st;
}

/* ---- recipe_roundtrip ----------------------------------------------------------------------- */

static void compare_recipe(report *r, const char *step, const cJSON *expected, const ht_recipe *recipe)
{
    cJSON *got = ht_recipe_to_json(recipe);
    compare(r, step, "recipe", expected, got, 0);
    compare(r, step, "recipe.phases", ht_json_member(expected, "phases"), ht_json_member(got, "phases"),
            COMPARE_ORDER);
    cJSON_Delete(got);
}

/* Both printed forms read back to a recipe that prints the same. */
static void check_idempotent(report *r, const char *step, const ht_recipe *recipe)
{
    void (*const prints[])(const ht_recipe *, ht_string *) = {ht_recipe_print_yaml, ht_recipe_print_json};
    for (int i = 0; i < 2; i++) {
        ht_string text = {0}, twice = {0};
        ht_recipe *again = NULL;
        ht_error err = {""};
        prints[i](recipe, &text);
        if (ht_recipe_parse(ht_string_peek(&text), "normalised", &again, &err) == HT_OK)
            prints[i](again, &twice);
        else
            differ(r, step, "idempotent", "a recipe that reads back", err.text);
        if (again != NULL && strcmp(ht_string_peek(&text), ht_string_peek(&twice)) != 0)
            differ(r, step, "idempotent", ht_string_peek(&text), ht_string_peek(&twice));
        ht_recipe_destroy(again);
        ht_string_release(&text);
        ht_string_release(&twice);
    }
}

static void check_refusal(report *r, const char *step, const cJSON *test, const ht_error *err)
{
    char path[256];
    const char *expected = cJSON_GetStringValue(outcome(test, "path"));
    ht_recipe_fault_path(err, path, sizeof path);
    if (expected != NULL && strcmp(expected, path) != 0)
        differ(r, step, "path", expected, err->text);
}

static void roundtrip(report *r, const cJSON *test, bool yaml)
{
    const char *step = yaml ? "yaml" : "json";
    bool refused = outcome(test, "expect_error") != NULL;
    ht_recipe *recipe = NULL;
    ht_error err = {""};
    ht_status st = read_mapping(ht_json_member(test, "input"), yaml, &recipe, &err);
    if (refused && st == HT_OK)
        differ(r, step, "expect_error", cJSON_GetStringValue(outcome(test, "expect_error")), "a recipe");
    else if (refused)
        check_refusal(r, step, test, &err);
    else if (st != HT_OK)
        differ(r, step, "expect", "a recipe", err.text);
    if (!refused && st == HT_OK) {
        compare_recipe(r, step, outcome(test, "expect"), recipe);
        if (cJSON_IsTrue(outcome(test, "idempotent")))
            check_idempotent(r, step, recipe);
    }
    ht_recipe_destroy(recipe);
}

void run_recipe_roundtrip(report *r, const cJSON *test)
{
    roundtrip(r, test, true);
    if (all_finite(ht_json_member(test, "input")))
        roundtrip(r, test, false);
}

/* ---- set_override --------------------------------------------------------------------------- */

void run_set_override(report *r, const cJSON *test)
{
    ht_recipe *recipe = NULL;
    ht_error err = {""};
    if (read_mapping(ht_json_member(test, "base"), true, &recipe, &err) != HT_OK) {
        differ(r, "", "base", "a recipe", err.text);
        return;
    }
    cJSON *params = with_floats(ht_json_member(test, "params"));
    ht_status st = ht_recipe_set(recipe, params, &err);
    const char *decision = cJSON_GetStringValue(outcome(test, "expect_decision"));
    if (decision == NULL || strcmp(decision, st == HT_OK ? "applied" : "failed") != 0)
        differ(r, "", "expect_decision", decision == NULL ? "(none)" : decision,
               st == HT_OK ? "applied" : err.text);
    if (st != HT_OK)
        check_refusal(r, "", test, &err);
    if (outcome(test, "expect") != NULL)
        compare_recipe(r, "", outcome(test, "expect"), recipe);
    cJSON_Delete(params);
    ht_recipe_destroy(recipe);
}

/* ---- cli_kv --------------------------------------------------------------------------------- */

void run_cli_kv(report *r, const cJSON *test)
{
    char *key = NULL;
    cJSON *value = NULL;
    ht_error err = {""};
    const char *word = ht_json_text(test, "text"), *wanted = cJSON_GetStringValue(outcome(test, "key"));
    ht_status st = ht_word_parse(word == NULL ? "" : word, &key, &value, &err);
    bool refused = outcome(test, "expect_exit") != NULL;
    if (refused != (st != HT_OK))
        differ(r, "", "expect_exit", refused ? "a refusal" : "a value", st == HT_OK ? "a value" : err.text);
    else if (!refused && (wanted == NULL || strcmp(wanted, key) != 0))
        differ(r, "", "key", wanted == NULL ? "(none)" : wanted, key);
    else if (!refused)
        compare(r, "", "value", outcome(test, "expect"), value, COMPARE_KINDS);
    free(key);
    cJSON_Delete(value);
}
