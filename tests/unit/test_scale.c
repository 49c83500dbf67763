/* tests/unit/test_scale.c - on which scale a family is compared. */
#include <math.h>
#include <string.h>

#include "cases.h"
#include "recipe/scale.h"

static ht_family_spec family(const char *name, bool keyed, ht_spec_mode mode, double lo, double hi)
{
    ht_family_spec f = {.keyed = keyed, .mode = mode, .n_bounds = 1, .bounds = {{lo, hi}}};
    ht_name_copy(f.name, name);
    return f;
}

static void factors_are_logarithmic(void)
{
    ht_family_spec op = family("lr_mult", false, HT_SPEC_SET, .5, 2),
                   key = family("aux", true, HT_SPEC_MULT, .5, 2);
    CU_ASSERT_EQUAL(ht_family_scale(&op, false), HT_SCALE_LOG);
    CU_ASSERT_EQUAL(ht_family_scale(&key, false), HT_SCALE_LOG);
    ht_family_spec named = family("aux_mult", true, HT_SPEC_SET, .5, 2); /* under keys the mode decides */
    CU_ASSERT_EQUAL(ht_family_scale(&named, false), HT_SCALE_LINEAR);
}

static void setting_a_log_knob_is_logarithmic_where_the_bounds_are_positive(void)
{
    ht_family_spec op = family("lr_set", false, HT_SPEC_MULT, 1e-5, 1e-1);
    CU_ASSERT_EQUAL(ht_family_scale(&op, true), HT_SCALE_LOG);
    CU_ASSERT_EQUAL(ht_family_scale(&op, false), HT_SCALE_LINEAR);
    op.bounds[0][0] = 0;
    CU_ASSERT_EQUAL(ht_family_scale(&op, true), HT_SCALE_LINEAR);
    ht_family_spec delta = family("aux", true, HT_SPEC_DELTA, .1, .2);
    CU_ASSERT_EQUAL(ht_family_scale(&delta, true), HT_SCALE_LINEAR);
}

static void betas_have_their_own_scale_below_one(void)
{
    ht_family_spec op = family("betas_set", false, HT_SPEC_MULT, .8, .99);
    ht_family_spec key = family("betas", true, HT_SPEC_SET, .8, .99);
    CU_ASSERT_EQUAL(ht_family_scale(&op, false), HT_SCALE_BETA);
    CU_ASSERT_EQUAL(ht_family_scale(&key, true), HT_SCALE_BETA);
    op.bounds[0][1] = 2; /* legal in a recipe, impossible on this scale */
    CU_ASSERT_EQUAL(ht_family_scale(&op, false), HT_SCALE_LINEAR);
}

static void a_value_goes_to_the_scale_and_back(void)
{
    const double values[] = {1e-9, .1, .5, .999999};
    for (ht_scale s = HT_SCALE_LINEAR; s <= HT_SCALE_BETA; s++)
        for (size_t i = 0; i < 4; i++)
            CU_ASSERT_DOUBLE_EQUAL(ht_scale_from(s, ht_scale_to(s, values[i])), values[i], 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(ht_scale_to(HT_SCALE_BETA, .9), log(10), 1e-12);
    CU_ASSERT_EQUAL(ht_scale_to(HT_SCALE_LOG, 1), 0);
}

CASES("scale", CASE(factors_are_logarithmic),
      CASE(setting_a_log_knob_is_logarithmic_where_the_bounds_are_positive),
      CASE(betas_have_their_own_scale_below_one), CASE(a_value_goes_to_the_scale_and_back))
