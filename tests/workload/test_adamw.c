/* tests/workload/test_adamw.c - AdamW against calculations by hand. */
#include "workload/adamw.h"

#include <math.h>

#include "cases.h"

static void two_steps_are_as_calculated_by_hand(void)
{
    /* p = 1, lr = .1, wd = .5, g = 2 then -1.
     * t = 1: m = .2, v = .004; m / (1 - .9) = 2, v / (1 - .999) = 4; p = 1 * .95 - .1 * 2 / 2 = .85
     * t = 2: m = .18 - .1 = .08, v = .003996 + .001 = .004996;
     *        m / .19 = .4210526, v / .001999 = 2.4992496, its root 1.5809015;
     *        p = .85 * .95 - .1 * .4210526 / 1.5809015 = .8075 - .0266337 = .7808663 */
    float p = 1, m = 0, v = 0, g = 2;
    ht_adamw_update(1, &g, &p, &m, &v, 1, .1, .5);
    CU_ASSERT_DOUBLE_EQUAL((double)m, .2, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL((double)v, .004, 1e-8);
    CU_ASSERT_DOUBLE_EQUAL((double)p, .85, 1e-6);
    g = -1;
    ht_adamw_update(1, &g, &p, &m, &v, 2, .1, .5);
    CU_ASSERT_DOUBLE_EQUAL((double)m, .08, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL((double)v, .004996, 1e-7);
    CU_ASSERT_DOUBLE_EQUAL((double)p, .7808663, 1e-6);
}

static void without_a_gradient_only_the_decay_acts(void)
{
    float p[3] = {1, -2, 4}, m[3] = {0}, v[3] = {0};
    const float g[3] = {0};
    ht_adamw_update(3, g, p, m, v, 1, .1, 2);
    CU_ASSERT_DOUBLE_EQUAL((double)p[0], .8, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL((double)p[1], -1.6, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL((double)p[2], 3.2, 1e-6);
}

static void a_huge_decay_ends_at_0_and_does_not_change_sides(void)
{
    float p = 5, m = 0, v = 0;
    const float g = 0;
    ht_adamw_update(1, &g, &p, &m, &v, 1, 1, 300);
    CU_ASSERT_EQUAL(p, 0);
}

static void a_late_step_needs_no_correction(void)
{
    /* m = .9 + .1 = 1, v = .999 + .001 = 1: p moves by lr, whatever the parameter's place in the array */
    float p[9] = {0}, m[9], v[9], g[9];
    for (int i = 0; i < 9; i++)
        m[i] = v[i] = g[i] = 1;
    ht_adamw_update(9, g, p, m, v, 1000000, .25, 0);
    for (int i = 0; i < 9; i++)
        CU_ASSERT_DOUBLE_EQUAL((double)p[i], -.25, 1e-6);
}

CASES("adamw", CASE(two_steps_are_as_calculated_by_hand), CASE(without_a_gradient_only_the_decay_acts),
      CASE(a_huge_decay_ends_at_0_and_does_not_change_sides), CASE(a_late_step_needs_no_correction))
