/* tests/fuzz/fuzz_set.c - any lines of key=value, as `hottune set` takes them: the recipe is changed to one
 * that is valid, or not at all. */
#include "recipe/recipe.h"

#include "fuzz.h"

static const char base[] = "phases: {a: {start_frac: 0, end_frac: 0.5}, b: {start_frac: 0.5, end_frac: 1}}\n"
                           "actuators: {opt: {mutations: {lr_mult: {}, betas_set: {bounds: [[0.8, 0.95], [0.9, 0.999]]}}},\n"
                           "            loss: {keys: {aux: {mode: delta, bounds: [-1, 1]}}}}\n";

static cJSON *params_of(char *text)
{
    cJSON *params = cJSON_CreateObject();
    MUST(params != NULL);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        char *key = NULL;
        cJSON *value = NULL;
        ht_error err = {""};
        if (ht_word_parse(line, &key, &value, &err) == HT_OK)
            ht_json_put(params, key, value);
        else
            MUST(key == NULL && value == NULL && err.text[0] != '\0');
        free(key);
    }
    return params;
}

static void check_valid(const ht_recipe *r)
{
    ht_string text = {0};
    ht_recipe *again = NULL;
    ht_recipe_print_yaml(r, &text);
    MUST(ht_recipe_parse(ht_string_peek(&text), "again", &again, NULL) == HT_OK);
    ht_string_release(&text);
    ht_recipe_destroy(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size), before[17], after[17];
    ht_recipe *r = NULL;
    ht_error err = {""};
    MUST(ht_recipe_parse(base, "base", &r, &err) == HT_OK);
    MUST(ht_recipe_hash(r, before) == HT_OK);
    cJSON *params = params_of(text);
    if (ht_recipe_set(r, params, &err) == HT_OK) {
        check_valid(r);
    } else {
        MUST(err.text[0] != '\0' && ht_recipe_hash(r, after) == HT_OK && strcmp(before, after) == 0);
    }
    cJSON_Delete(params);
    ht_recipe_destroy(r);
    free(text);
    return 0;
}
