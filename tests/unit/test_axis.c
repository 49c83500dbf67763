/* tests/unit/test_axis.c - families as unit axes: ends, one-point intervals, extreme ranges. */
#include "search/axis.h"

#include <float.h>
#include <math.h>

#include "cases.h"

static ht_axis axis(ht_scale scale, double lo, double hi)
{
    ht_eligible f = {.scale = scale, .n = 1, .lo = {lo}, .hi = {hi}};
    return ht_axis_of(&f, 0);
}

static void the_middle_of_a_log_axis_is_the_geometric_mean(void)
{
    ht_axis a = axis(HT_SCALE_LOG, .5, 2);
    CU_ASSERT_DOUBLE_EQUAL(ht_axis_value(&a, .5), 1, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(ht_axis_position(&a, log(1)), .5, 1e-15);
}

static void the_middle_of_a_beta_axis_is_the_geometric_mean_of_the_rests(void)
{
    ht_axis a = axis(HT_SCALE_BETA, .9, .999);
    CU_ASSERT_DOUBLE_EQUAL(ht_axis_value(&a, .5), .99, 1e-12);
}

static void the_ends_are_the_bounds_exactly(void)
{
    static const double ends[][2] = {{.5, 2}, {1e-5, .1}, {.3, .7}, {DBL_MIN, 1}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        for (int scale = HT_SCALE_LINEAR; scale <= HT_SCALE_LOG; scale++) {
            ht_axis a = axis((ht_scale)scale, ends[i][0], ends[i][1]);
            CU_ASSERT_DOUBLE_EQUAL(ht_axis_value(&a, 0), ends[i][0], ends[i][0] * 1e-12);
            CU_ASSERT_DOUBLE_EQUAL(ht_axis_value(&a, 1), ends[i][1], ends[i][1] * 1e-12);
            CU_ASSERT(ht_axis_value(&a, 0) >= ends[i][0]);
            CU_ASSERT(ht_axis_value(&a, 1) <= ends[i][1]);
        }
}

static void a_one_point_axis_gives_its_value_for_every_position(void)
{
    for (int scale = HT_SCALE_LINEAR; scale <= HT_SCALE_BETA; scale++) {
        ht_axis a = axis((ht_scale)scale, .3, .3);
        CU_ASSERT(ht_axis_is_point(&a));
        CU_ASSERT_EQUAL(ht_axis_value(&a, 0), .3);
        CU_ASSERT_EQUAL(ht_axis_value(&a, 1), .3);
        CU_ASSERT_EQUAL(ht_axis_position(&a, 77), 0);
        CU_ASSERT_EQUAL(ht_axis_position_of_value(&a, -4), 0);
    }
}

static void the_greatest_interval_of_doubles_does_not_overflow(void)
{
    ht_axis a = axis(HT_SCALE_LINEAR, -DBL_MAX, DBL_MAX);
    CU_ASSERT_EQUAL(ht_axis_value(&a, 0), -DBL_MAX);
    CU_ASSERT_EQUAL(ht_axis_value(&a, .5), 0);
    CU_ASSERT_EQUAL(ht_axis_value(&a, 1), DBL_MAX);
    CU_ASSERT_EQUAL(ht_axis_position(&a, 0), .5);
}

static void bounds_that_the_scale_does_not_hold_leave_the_low_one(void)
{
    ht_axis log_of_0 = axis(HT_SCALE_LOG, 0, 2), beta_of_1 = axis(HT_SCALE_BETA, .5, 1);
    ht_axis log_of_less = axis(HT_SCALE_LOG, -2, -1);
    for (double position = 0; position <= 1; position += .25) {
        CU_ASSERT_EQUAL(ht_axis_value(&log_of_0, position), 0);
        CU_ASSERT_EQUAL(ht_axis_value(&beta_of_1, position), .5);
        CU_ASSERT_EQUAL(ht_axis_value(&log_of_less, position), -2);
    }
    CU_ASSERT_EQUAL(ht_axis_position(&log_of_0, 1), 0);
}

static void values_outside_are_moved_to_the_nearer_bound(void)
{
    ht_axis a = axis(HT_SCALE_LOG, .5, 2);
    CU_ASSERT_EQUAL(ht_axis_position_of_value(&a, 9), 1);
    CU_ASSERT_EQUAL(ht_axis_position_of_value(&a, -9), 0);
    CU_ASSERT_EQUAL(ht_axis_position_of_value(&a, NAN), 0);
    CU_ASSERT_DOUBLE_EQUAL(ht_axis_position_of_value(&a, 1), .5, 1e-15);
}

CASES("axis", CASE(the_middle_of_a_log_axis_is_the_geometric_mean),
      CASE(the_middle_of_a_beta_axis_is_the_geometric_mean_of_the_rests), CASE(the_ends_are_the_bounds_exactly),
      CASE(a_one_point_axis_gives_its_value_for_every_position),
      CASE(the_greatest_interval_of_doubles_does_not_overflow),
      CASE(bounds_that_the_scale_does_not_hold_leave_the_low_one),
      CASE(values_outside_are_moved_to_the_nearer_bound))
