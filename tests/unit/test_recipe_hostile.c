/* tests/unit/test_recipe_hostile.c - whatever text comes, it is a recipe that reads back or a refusal that
 * says why.
 *
 * Damaged copies of a recipe that uses everything: fixed seeds, so a failure can be repeated. */
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "cases.h"
#include "recipe/recipe.h"

static const char yaml[] =
    "version: 1\n"
    "objective: {primary: \"a b\", mode: max, backup_metrics: [x, 'true']}\n"
    "phases:\n"
    "  one: {end_frac: 0.1}   # comment\n"
    "  two: {start_frac: 0.1}\n"
    "actuators:\n"
    "  opt:\n"
    "    mutations:\n"
    "      betas_set: {bounds: [[0.8, 0.95], [0.99, 0.9999]], prior_center: 0.9, max_step_mult: 1.3}\n"
    "      lr_mult: {priors: {one: {center: 1.25, spread: 1e-1, weight: 7.5}}}\n"
    "    keys: {k: {mode: delta, bounds: [-1, 1], risk: high}, l: }\n"
    "search: {seed: 12, gamma: .1}\n"
    "acceptance: {epsilon: 1e-4, horizon: steps:20}\n"
    "evolved: {generation: 3, from: [run-1]}\n";

static const char json[] =
    "{\"version\": 1, \"objective\": {\"backup_metrics\": [\"a\\u00e4\\n\", \"b\"]},\n"
    " \"phases\": {\"one\": {\"end_frac\": 1.0}},\n"
    " \"actuators\": {\"a\": {\"enabled\": false, \"mutations\": {\"x\": {\"bounds\": [-1e2, 2]}}}},\n"
    " \"safety\": {\"reject_pause\": null, \"block_on_nan\": true}}\n";

/* What breaks parsers, put in as it is. */
static const char *const pieces[] = {"{",
                                     "}",
                                     "[",
                                     "]",
                                     ":",
                                     ",",
                                     "\"",
                                     "'",
                                     "\n",
                                     "\t",
                                     "- ",
                                     "? ",
                                     "&a ",
                                     "*a",
                                     "!!int ",
                                     "|\n",
                                     "---\n",
                                     "# ",
                                     "\\",
                                     "\\u0000",
                                     "\xff",
                                     "\xc3",
                                     "\xf0\x9f\x98\x80",
                                     "1e999",
                                     "-0",
                                     "null",
                                     "~",
                                     ".nan",
                                     ".inf",
                                     "true",
                                     "%",
                                     "<<: ",
                                     "\xe2\x80\xa8",
                                     "\x01",
                                     "\r",
                                     "99999999999999999999"};
enum { N_PIECES = sizeof pieces / sizeof pieces[0] };

static void damage(ht_string *text, ht_random *random)
{
    ht_string out = {0};
    size_t at = (size_t)ht_random_below(random, text->n + 1), cut = (size_t)ht_random_below(random, 6);
    if (cut > text->n - at)
        cut = text->n - at;
    ht_string_add_bytes(&out, text->s, at);
    switch (ht_random_below(random, 4)) {
    case 0:
        ht_string_add(&out, "%s", pieces[ht_random_below(random, N_PIECES)]);
        cut = 0;
        break;
    case 1:
        ht_string_add(&out, "%s", pieces[ht_random_below(random, N_PIECES)]);
        break;
    case 2: /* a line, or what is left of it, twice */
        ht_string_add_bytes(&out, text->s + at, strcspn(text->s + at, "\n"));
        cut = 0;
        break;
    default:
        break; /* bytes left out */
    }
    ht_string_add_bytes(&out, text->s + at + cut, text->n - at - cut);
    ht_string_release(text);
    *text = out;
}

static void check_reads_back(const ht_recipe *r)
{
    void (*const prints[])(const ht_recipe *, ht_string *) = {ht_recipe_print_yaml, ht_recipe_print_json};
    for (int i = 0; i < 2; i++) {
        ht_string text = {0}, difference = {0};
        ht_recipe *again = NULL;
        ht_error err = {""};
        prints[i](r, &text);
        CU_ASSERT_EQUAL(ht_recipe_parse(ht_string_peek(&text), "again", &again, &err), HT_OK);
        CU_ASSERT_STRING_EQUAL(err.text, "");
        if (again != NULL)
            CU_ASSERT_EQUAL(ht_recipe_diff(r, again, &difference), HT_OK);
        CU_ASSERT_STRING_EQUAL(ht_string_peek(&difference), "");
        ht_string_release(&text);
        ht_string_release(&difference);
        ht_recipe_destroy(again);
    }
}

static void check_text(const char *text)
{
    ht_recipe *r = NULL;
    ht_error err = {""};
    char path[100];
    ht_status st = ht_recipe_parse(text, "t", &r, &err);
    CU_ASSERT(st == HT_OK || st == HT_EFORMAT);
    CU_ASSERT_EQUAL(st == HT_OK, r != NULL);
    CU_ASSERT_EQUAL(st == HT_OK, err.text[0] == '\0');
    CU_ASSERT_PTR_NULL(strchr(err.text, '\n'));
    ht_recipe_fault_path(&err, path, sizeof path);
    if (r != NULL)
        check_reads_back(r);
    ht_recipe_destroy(r);
}

static void run(const char *from, uint64_t replica)
{
    for (uint64_t i = 0; i < 4000; i++) {
        ht_random random = ht_random_stream(7, HT_RANDOM_TEST, replica, i);
        ht_string text = {0};
        ht_string_add(&text, "%s", from);
        for (uint64_t n = 1 + ht_random_below(&random, 3); n > 0; n--)
            damage(&text, &random);
        check_text(ht_string_peek(&text));
        ht_string_release(&text);
    }
}

static void damaged_yaml_is_read_or_refused(void)
{
    check_text(yaml);
    run(yaml, 0);
}

static void damaged_json_is_read_or_refused(void)
{
    check_text(json);
    run(json, 1);
}

static void a_text_cut_anywhere_is_read_or_refused(void)
{
    for (size_t n = 0; n < sizeof yaml; n++) {
        char *text = strndup(yaml, n);
        check_text(text);
        free(text);
    }
}

CASES("recipe_hostile", CASE(damaged_yaml_is_read_or_refused), CASE(damaged_json_is_read_or_refused),
      CASE(a_text_cut_anywhere_is_read_or_refused))
