/* src/kernel/recipe_text.c - recipes as texts, for programs and bindings; the contract is in hottune/recipe.h.
 * May touch: the heap. */
#include <hottune/recipe.h>

#include <stdio.h>
#include <stdlib.h>

#include "recipe/evolve.h"
#include "store/record_json.h"

static ht_status to_text(const ht_recipe *r, char **out, ht_error *err)
{
    ht_string text = {0};
    ht_recipe_print_json(r, &text);
    char *taken = ht_string_take(&text);
    if (taken == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the text of a recipe");
    *out = taken;
    return HT_OK;
}

ht_status ht_recipe_text_normalise(const char *text, const char *name, char **out, ht_error *err)
{
    ht_recipe *r = NULL;
    HT_TRY(ht_recipe_parse(text, name, &r, err));
    ht_status st = to_text(r, out, err);
    ht_recipe_destroy(r);
    return st;
}

/* A run is known by its id in the study, if it is in one. */
static ht_status read_summary(const char *text, ht_run_evidence *run, ht_error *err)
{
    cJSON *summary = NULL;
    HT_TRY(ht_json_parse(text, &summary, NULL, err));
    const char *id = ht_json_text(summary, "study_run");
    ht_status st = ht_summary_evidence(summary, &run->n, &run->evidence, err);
    if (st == HT_OK)
        st = ht_summary_lessons(summary, run, err);
    if (st == HT_OK && id != NULL)
        snprintf(run->source, sizeof run->source, "%s", id);
    cJSON_Delete(summary);
    return st;
}

ht_status ht_recipe_text_evolve(const char *text, size_t n, const char *const *summaries, double alpha, double decay,
                                char **out, ht_error *err)
{
    ht_recipe *base = NULL, *evolved = NULL;
    ht_status st = HT_OK;
    ht_run_evidence *runs = calloc(n + 1, sizeof *runs);
    if (runs == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for %zu summaries", n);
    st = ht_recipe_parse(text, "recipe", &base, err);
    for (size_t i = 0; i < n && st == HT_OK; i++)
        st = read_summary(summaries[i], &runs[i], err);
    if (st == HT_OK)
        st = ht_recipe_evolve(base, n, runs, alpha, decay, &evolved, err);
    if (st == HT_OK)
        st = to_text(evolved, out, err);
    for (size_t i = 0; i < n; i++)
        ht_run_evidence_release(&runs[i]);
    free(runs);
    ht_recipe_destroy(evolved);
    ht_recipe_destroy(base);
    return st;
}

void ht_recipe_text_free(char *text)
{
    free(text);
}
