/* tests/fuzz/fuzz_recipe.c - any text: a recipe that prints, in YAML and JSON, to itself; or faults. */
#include "recipe/evolve.h"
#include "recipe/recipe.h"

#include "fuzz.h"

static void check_reads_back(const ht_recipe *r, void (*print)(const ht_recipe *, ht_string *))
{
    ht_string once = {0}, twice = {0}, difference = {0};
    ht_recipe *again = NULL;
    ht_error err = {""};
    print(r, &once);
    if (ht_recipe_parse(ht_string_peek(&once), "again", &again, &err) != HT_OK) {
        fprintf(stderr, "%s\n%s\n", err.text, ht_string_peek(&once));
        abort();
    }
    print(again, &twice);
    MUST(strcmp(ht_string_peek(&once), ht_string_peek(&twice)) == 0);
    MUST(ht_recipe_diff(r, again, &difference) == HT_OK && difference.n == 0);
    ht_string_release(&once);
    ht_string_release(&twice);
    ht_string_release(&difference);
    ht_recipe_destroy(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);
    ht_recipe *r = NULL;
    ht_string faults = {0};
    ht_error err = {""};
    ht_status status = ht_recipe_parse(text, "fuzz", &r, &err);
    ht_recipe_faults(text, "fuzz", &faults);
    if (status == HT_OK) {
        MUST(faults.n == 0);
        check_reads_back(r, ht_recipe_print_yaml);
        check_reads_back(r, ht_recipe_print_json);
    } else {
        char path[512];
        MUST(err.text[0] != '\0' && r == NULL && faults.n > 0);
        ht_recipe_fault_path(&err, path, sizeof path);
    }
    ht_string_release(&faults);
    ht_recipe_destroy(r);
    free(text);
    return 0;
}
