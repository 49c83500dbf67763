/** @file src/recipe/scale.h
 *  The scale on which the values of a family are compared, averaged and drawn. */
#ifndef HT_RECIPE_SCALE_H
#define HT_RECIPE_SCALE_H

#include "recipe/recipe.h"

typedef enum {
    HT_SCALE_LINEAR,
    HT_SCALE_LOG,   /**< x = log(value), value > 0 */
    HT_SCALE_BETA   /**< x = -log(1 - value), value < 1: decay rates such as Adam's betas */
} ht_scale;

/** Log for factors and for `set` on a log knob with positive bounds, beta for "betas", else linear.
 *  @param log_knob  the knob behind the family is a log float */
ht_scale ht_family_scale(const ht_family_spec *f, bool log_knob);

/** "linear", "log", "beta" */
const char *ht_scale_text(ht_scale scale);

double ht_scale_to(ht_scale scale, double value);
double ht_scale_from(ht_scale scale, double x);

#endif
