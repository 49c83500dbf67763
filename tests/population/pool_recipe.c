/* tests/population/pool_recipe.c - see pool_recipe.h */
#include "population/pool_recipe.h"

#include <stdio.h>
#include <stdlib.h>

static const char text_of_recipe[] =
    "version: 1\n"
    "objective: {primary: val/loss, mode: %s}\n"
    "actuators:\n"
    "  opt:\n"
    "    mutations:\n"
    "      lr_mult: {bounds: [0.7, 1.2], range: [0.0001, 2], floor: 0.0001}\n"
    "      weight_decay_mult: {bounds: [0.5, 2.0], range: [0.0001, 3], floor: 0.001}\n"
    "      dropout_mult: {bounds: [0.7, 1.4], range: [0.01, 0.5], floor: 0.02}\n"
    "population: {mode: pooled, policy: %s, sync: %s}\n";

ht_recipe *pool_recipe(const char *policy, const char *sync, const char *direction)
{
    char text[1024];
    ht_recipe *r = NULL;
    ht_error err = {""};
    snprintf(text, sizeof text, text_of_recipe, direction, policy, sync);
    if (ht_recipe_parse(text, "recipe", &r, &err) != HT_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
    return r;
}
