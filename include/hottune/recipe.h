/** @file hottune/recipe.h
 *  Recipes as texts: check and normalise one, let it learn from finished runs. No MPI, no files.
 *
 *  For programs and bindings that write recipes; a run reads them by itself. What the fields mean:
 *  docs/recipe.md. */
#ifndef HOTTUNE_RECIPE_H
#define HOTTUNE_RECIPE_H

#include <hottune/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/** Every field at its value, in one order, as JSON; reads back to an equal recipe.
 *  @param text  a recipe, YAML or JSON
 *  @param name  what messages call it, e.g. the name of its file
 *  @param[out] out  owned by the caller (ht_recipe_text_free); untouched on failure
 *  @param[out] err  message on failure; may be NULL
 *  @return HT_OK; HT_EFORMAT: err says "name:line:column: path: why"; HT_ENOMEM */
ht_status ht_recipe_text_normalise(const char *text, const char *name, char **out, ht_error *err);

/** What `hottune recipe evolve` does: prior_center and the priors per phase move towards what won.
 *  @param text       the recipe, YAML or JSON; it is not changed
 *  @param n          how many summaries
 *  @param summaries  [n] texts of hotcb.tune.summary.json, in the order of the runs
 *  @param alpha      step of prior_center, in [0, 1]; 0.3 is the program's
 *  @param decay      factor on the weight of older evidence, in [0, 1]; 0.7 is the program's
 *  @param[out] out   normalised JSON, owned by the caller (ht_recipe_text_free); untouched on failure
 *  @param[out] err   message on failure; may be NULL
 *  @return HT_OK; HT_EFORMAT (recipe, summary); HT_EINVAL (alpha, decay); HT_ENOMEM */
ht_status ht_recipe_text_evolve(const char *text, size_t n, const char *const *summaries, double alpha,
                                double decay, char **out, ht_error *err);

void ht_recipe_text_free(char *text);       /**< NULL is allowed */

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
