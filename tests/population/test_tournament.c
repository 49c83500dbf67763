/* tests/population/test_tournament.c - projected losses, dealing, and the expected best of equals. */
#include <math.h>

#include "cases.h"
#include "population/gain.h"
#include "population/tournament.h"

static void without_a_segment_the_projection_is_the_loss(void)
{
    CU_ASSERT_EQUAL(ht_tournament_projected((const double[]){2}, 1, 2, 1, .8, 5), 2);
}

/* gain (2.6 - 2) / 2 = .3 a segment; next ones .24, .192, .1536: together .3 * .8 * (1 - .512) / .2 */
static void the_gain_of_the_last_two_segments_goes_on_and_shrinks(void)
{
    const double hist[] = {9, 2.6, 2.4, 2};
    CU_ASSERT_DOUBLE_EQUAL(ht_tournament_projected(hist, 4, 2, 1, .8, 3), 2 - .24 - .192 - .1536, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(ht_tournament_projected(hist, 4, 2, .5, .8, 3), 2 - .5 * .5856, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(ht_tournament_projected(hist, 4, 2, 1, .8, 0), 2, 1e-12);
}

static void after_one_segment_its_gain_is_the_only_one(void)
{
    CU_ASSERT_DOUBLE_EQUAL(ht_tournament_projected((const double[]){2.5, 2}, 2, 2, 1, .5, 1), 2 - .5 * .5,
                           1e-12);
}

static void an_island_that_was_rolled_back_is_worth_what_it_had_then(void)
{
    CU_ASSERT_EQUAL(ht_tournament_projected((const double[]){3, 2, 2.2}, 3, 2, 1, .8, 4), 2.2);
}

static void an_island_that_got_worse_is_not_thought_to_go_on_so(void)
{
    CU_ASSERT_EQUAL(ht_tournament_projected((const double[]){2, 2.3}, 2, 2.3, 1, .8, 4), 2.3);
}

static void who_can_stay_stays_and_the_others_fill_up_evenly(void)
{
    int home[8] = {0, -1, 1, -1, 2, -1, 3, -1};
    ht_tournament_deal(8, home, 4);
    const int want[8] = {0, 0, 1, 1, 2, 2, 3, 3};
    for (int i = 0; i < 8; i++)
        CU_ASSERT_EQUAL(home[i], want[i]);
}

static void sizes_differ_by_one_at_most(void)
{
    for (size_t n = 1; n <= 12; n++)
        for (size_t k = 1; k <= n; k++) {
            int home[12], members[12] = {0};
            for (size_t i = 0; i < n; i++)
                home[i] = i % 3 == 0 ? 0 : -1;          /* island 0 may have too many */
            ht_tournament_deal(n, home, k);
            for (size_t i = 0; i < n; i++) {
                CU_ASSERT_FATAL(home[i] >= 0 && home[i] < (int)k);
                members[home[i]]++;
            }
            for (size_t i = 0; i < k; i++)
                CU_ASSERT(members[i] == (int)(n / k) || members[i] == (int)((n + k - 1) / k));
            CU_ASSERT_EQUAL(home[0], 0);
        }
}

/* Exact values of E[max]: n = 2: 1/sqrt(pi) = .564, 5: 1.163, 10: 1.539 (Harter 1961); Blom is good to .02 */
static void the_best_of_equals_is_better_by_chance(void)
{
    CU_ASSERT_EQUAL(ht_gain_best_of(1), 0);
    CU_ASSERT_DOUBLE_EQUAL(ht_gain_best_of(2), .564, .03);
    CU_ASSERT_DOUBLE_EQUAL(ht_gain_best_of(5), 1.163, .02);
    CU_ASSERT_DOUBLE_EQUAL(ht_gain_best_of(10), 1.539, .02);
}

CASES("tournament", CASE(without_a_segment_the_projection_is_the_loss),
      CASE(the_gain_of_the_last_two_segments_goes_on_and_shrinks),
      CASE(after_one_segment_its_gain_is_the_only_one),
      CASE(an_island_that_was_rolled_back_is_worth_what_it_had_then),
      CASE(an_island_that_got_worse_is_not_thought_to_go_on_so),
      CASE(who_can_stay_stays_and_the_others_fill_up_evenly), CASE(sizes_differ_by_one_at_most),
      CASE(the_best_of_equals_is_better_by_chance))
