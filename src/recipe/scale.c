/* src/recipe/scale.c - the scale of a family; the contract is in scale.h. */
#include "recipe/scale.h"

#include <math.h>
#include <string.h>

static bool all_above_zero(const ht_family_spec *f)
{
    for (size_t i = 0; i < f->n_bounds; i++)
        if (!(f->bounds[i][0] > 0))
            return false;
    return true;
}

static bool all_below_one(const ht_family_spec *f)
{
    for (size_t i = 0; i < f->n_bounds; i++)
        if (!(f->bounds[i][1] < 1))
            return false;
    return true;
}

/* The mode of a family under `mutations` is in the ending of its name. */
static bool sets(const ht_family_spec *f)
{
    size_t n = strlen(f->name);
    return f->keyed ? f->mode == HT_SPEC_SET : n >= 4 && strcmp(f->name + n - 4, "_set") == 0;
}

static bool is_betas(const ht_family_spec *f)
{
    return strcmp(f->name, f->keyed ? "betas" : "betas_set") == 0;
}

ht_scale ht_family_scale(const ht_family_spec *f, bool log_knob)
{
    /* bounds that do not fit the scale can be in a recipe (betas up to 2); linear always works */
    if (ht_family_is_factor(f))
        return all_above_zero(f) ? HT_SCALE_LOG : HT_SCALE_LINEAR;
    if (sets(f) && is_betas(f) && all_below_one(f))
        return HT_SCALE_BETA;
    return sets(f) && log_knob && all_above_zero(f) ? HT_SCALE_LOG : HT_SCALE_LINEAR;
}

const char *ht_scale_text(ht_scale scale)
{
    return scale == HT_SCALE_LOG ? "log" : scale == HT_SCALE_BETA ? "beta" : "linear";
}

double ht_scale_to(ht_scale scale, double value)
{
    switch (scale) {
    case HT_SCALE_LOG:
        return log(value);
    case HT_SCALE_BETA:
        return -log1p(-value);
    default:
        return value;
    }
}

double ht_scale_from(ht_scale scale, double x)
{
    switch (scale) {
    case HT_SCALE_LOG:
        return exp(x);
    case HT_SCALE_BETA:
        return -expm1(-x);
    default:
        return x;
    }
}
