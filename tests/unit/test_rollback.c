/* tests/unit/test_rollback.c - how one number is undone; the contract is in tune/rollback.h. */
#include "tune/rollback.h"

#include <math.h>

#include "cases.h"

static const ht_undo factor = {.factor = true}, delta = {.delta = true}, both = {true, true},
                     neither = {false, false};

static void an_untouched_number_gets_back_exactly_what_it_was(void)
{
    double x = 0;
    CU_ASSERT_EQUAL(ht_rollback_number(.1, .3, .3, neither, 0, 1, &x), HT_ROLLBACK_EXACT);
    CU_ASSERT_EQUAL(x, .1);
    CU_ASSERT_EQUAL(ht_rollback_number(5, .3, .3, factor, 0, 1, &x), HT_ROLLBACK_EXACT);
    CU_ASSERT_EQUAL(x, 5);      /* not even clamped */
}

static void a_factor_is_taken_out_of_a_number_that_a_schedule_moved(void)
{
    double x = 0;
    CU_ASSERT_EQUAL(ht_rollback_number(.5, .25, .125, factor, 0, 1, &x), HT_ROLLBACK_RELATIVE);
    CU_ASSERT_EQUAL(x, .25);
    CU_ASSERT_EQUAL(ht_rollback_number(.5, .25, .75, factor, 0, 1, &x), HT_ROLLBACK_RELATIVE);
    CU_ASSERT_EQUAL(x, 1);
}

static void a_difference_is_taken_out_of_a_number_that_a_schedule_moved(void)
{
    double x = 0;
    CU_ASSERT_EQUAL(ht_rollback_number(2, 3, 4, delta, 0, 10, &x), HT_ROLLBACK_RELATIVE);
    CU_ASSERT_EQUAL(x, 3);
}

static void a_factor_of_or_from_zero_cannot_be_taken_out(void)
{
    double x = 7;
    CU_ASSERT_EQUAL(ht_rollback_number(0, 2, 3, factor, 0, 10, &x), HT_ROLLBACK_LEFT);
    CU_ASSERT_EQUAL(ht_rollback_number(2, 0, 3, factor, 0, 10, &x), HT_ROLLBACK_LEFT);
    CU_ASSERT_EQUAL(x, 7);
    CU_ASSERT_EQUAL(ht_rollback_number(0, 2, 3, both, 0, 10, &x), HT_ROLLBACK_RELATIVE);
    CU_ASSERT_EQUAL(x, 1);
}

static void a_moved_number_that_was_set_is_left(void)
{
    double x = 7;
    CU_ASSERT_EQUAL(ht_rollback_number(1, 2, 3, neither, 0, 10, &x), HT_ROLLBACK_LEFT);
    CU_ASSERT_EQUAL(ht_rollback_number(1, 2, NAN, both, 0, 10, &x), HT_ROLLBACK_LEFT);
    CU_ASSERT_EQUAL(x, 7);
}

static void the_op_decides_what_can_be_taken_out(void)
{
    CU_ASSERT_TRUE(ht_undo_of("lr_mult", false).factor && ht_undo_of("mult", false).factor);
    CU_ASSERT_TRUE(ht_undo_of("lr_set", true).factor);
    CU_ASSERT_FALSE(ht_undo_of("lr_set", false).factor || ht_undo_of("lr_set", true).delta);
    CU_ASSERT_TRUE(ht_undo_of("delta", true).delta && ht_undo_of("w_delta", false).delta);
}

static void the_weakest_outcome_names_the_whole(void)
{
    CU_ASSERT_EQUAL(ht_rollback_weaker(HT_ROLLBACK_EXACT, HT_ROLLBACK_RELATIVE), HT_ROLLBACK_RELATIVE);
    CU_ASSERT_EQUAL(ht_rollback_weaker(HT_ROLLBACK_LEFT, HT_ROLLBACK_RELATIVE), HT_ROLLBACK_LEFT);
    CU_ASSERT_EQUAL(ht_rollback_weaker(HT_ROLLBACK_NONE, HT_ROLLBACK_EXACT), HT_ROLLBACK_EXACT);
}

CASES("rollback",
      CASE(an_untouched_number_gets_back_exactly_what_it_was),
      CASE(a_factor_is_taken_out_of_a_number_that_a_schedule_moved),
      CASE(a_difference_is_taken_out_of_a_number_that_a_schedule_moved),
      CASE(a_factor_of_or_from_zero_cannot_be_taken_out),
      CASE(a_moved_number_that_was_set_is_left),
      CASE(the_op_decides_what_can_be_taken_out),
      CASE(the_weakest_outcome_names_the_whole))
