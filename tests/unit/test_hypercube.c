/* tests/unit/test_hypercube.c - points that cover a unit cube */
#include "search/hypercube.h"

#include "cases.h"

enum { POINTS = 17, AXES = 3 };

static void each_cell_of_each_axis_holds_one_point(void)
{
    double u[POINTS * AXES];
    ht_hypercube(ht_random_stream(7, HT_RANDOM_TEST, 0, 0), POINTS, AXES, u);
    for (int k = 0; k < AXES; k++) {
        int held[POINTS] = {0};
        for (int i = 0; i < POINTS; i++) {
            double x = u[i * AXES + k];
            CU_ASSERT_FATAL(x >= 0 && x < 1);
            held[(int)(x * POINTS)]++;
        }
        for (int cell = 0; cell < POINTS; cell++)
            CU_ASSERT_EQUAL(held[cell], 1);
    }
}

static void two_axes_are_shuffled_apart(void)
{
    double u[POINTS * AXES];
    int same = 0;
    ht_hypercube(ht_random_stream(7, HT_RANDOM_TEST, 0, 0), POINTS, AXES, u);
    for (int i = 0; i < POINTS; i++)
        same += (int)(u[i * AXES] * POINTS) == (int)(u[i * AXES + 1] * POINTS);
    CU_ASSERT(same < POINTS / 2);
}

static void the_same_stream_gives_the_same_points(void)
{
    double a[POINTS * AXES], b[POINTS * AXES];
    ht_random random = ht_random_stream(8, HT_RANDOM_TEST, 0, 0);
    ht_hypercube(random, POINTS, AXES, a);
    ht_hypercube(random, POINTS, AXES, b);
    for (int i = 0; i < POINTS * AXES; i++)
        CU_ASSERT_EQUAL(a[i], b[i]);
}

CASES("hypercube", CASE(each_cell_of_each_axis_holds_one_point), CASE(two_axes_are_shuffled_apart),
      CASE(the_same_stream_gives_the_same_points))
