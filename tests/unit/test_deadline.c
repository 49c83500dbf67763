/* tests/unit/test_deadline.c - how early a run must leave: sums done by hand. */
#include "kernel/deadline.h"

#include <math.h>

#include "cases.h"

enum { REPLICAS = 3 };

static ht_deadline of_span(double span)
{
    ht_deadline d;
    CU_ASSERT_TRUE_FATAL(ht_deadline_init(&d, REPLICAS, 1000 + span, 1000));
    return d;
}

static double margin(const ht_deadline *d)
{
    return ht_deadline_margin(d).total;
}

static void before_anything_is_measured_a_default_counts(void)
{
    ht_deadline d = of_span(7200);
    CU_ASSERT_EQUAL(margin(&d), 30);
    CU_ASSERT_FALSE(ht_deadline_margin(&d).measured);
    ht_deadline_release(&d);
}

static void the_default_leaves_most_of_a_short_job_for_training(void)
{
    ht_deadline d = of_span(40);
    CU_ASSERT_EQUAL(margin(&d), 10);
    ht_deadline_release(&d);
    d = of_span(2);
    CU_ASSERT_EQUAL(margin(&d), 3);
    ht_deadline_release(&d);
}

static void checkpoint_and_study_go_in_and_a_quarter_more(void)
{
    ht_deadline d = of_span(7200);
    ht_deadline_saved(&d, 12);
    ht_deadline_epoch(&d, 1, 8);
    ht_deadline_published(&d, 4);
    CU_ASSERT_DOUBLE_EQUAL(margin(&d), 1.25 * (12 + 4), 1e-9);
    CU_ASSERT_TRUE(ht_deadline_margin(&d).measured);
    ht_deadline_release(&d);
}

static void replicas_that_go_together_need_an_epoch_more(void)
{
    ht_deadline d = of_span(7200);
    ht_deadline_saved(&d, 12);
    ht_deadline_epoch(&d, 1, 8);
    ht_deadline_published(&d, 4);
    d.go_together = true;
    CU_ASSERT_DOUBLE_EQUAL(margin(&d), 1.25 * (12 + 8 + 4), 1e-9);
    ht_deadline_release(&d);
}

static void a_checkpoint_takes_an_epoch_at_least(void)
{
    ht_deadline d = of_span(7200);
    ht_deadline_saved(&d, 0.1);     /* it was asked for just before a safe point */
    ht_deadline_epoch(&d, 0, 60);
    CU_ASSERT_DOUBLE_EQUAL(margin(&d), 1.25 * 60, 1e-9);
    ht_deadline_release(&d);
}

static void quick_things_leave_the_least_margin(void)
{
    ht_deadline d = of_span(7200);
    ht_deadline_saved(&d, 0.1);
    ht_deadline_epoch(&d, 0, 0.1);
    CU_ASSERT_EQUAL(margin(&d), 3);
    ht_deadline_release(&d);
}

static void the_slowest_replica_that_lives_counts(void)
{
    ht_deadline d = of_span(7200);
    ht_deadline_saved(&d, 1);
    ht_deadline_epoch(&d, 0, 10);
    ht_deadline_epoch(&d, 1, 20);
    ht_deadline_epoch(&d, 2, 90);
    CU_ASSERT_EQUAL(ht_deadline_margin(&d).pace, 90);
    ht_deadline_forget(&d, 2);
    CU_ASSERT_EQUAL(ht_deadline_margin(&d).pace, 20);
    ht_deadline_release(&d);
}

static void a_pace_rises_at_once_and_falls_slowly(void)
{
    ht_deadline d = of_span(7200);
    ht_deadline_epoch(&d, 0, 10);
    ht_deadline_epoch(&d, 0, 30);
    CU_ASSERT_EQUAL(ht_deadline_margin(&d).pace, 30);
    ht_deadline_epoch(&d, 0, 10);
    CU_ASSERT_DOUBLE_EQUAL(ht_deadline_margin(&d).pace, 28, 1e-9);
    for (int i = 0; i < 100; i++)
        ht_deadline_epoch(&d, 0, 10);
    CU_ASSERT_DOUBLE_EQUAL(ht_deadline_margin(&d).pace, 10, 0.01);
    ht_deadline_release(&d);
}

static void a_slow_checkpoint_counts_until_five_others_were_quicker(void)
{
    ht_deadline d = of_span(7200);
    ht_deadline_saved(&d, 50);
    for (int i = 0; i < HT_DEADLINE_SAVES - 1; i++)
        ht_deadline_saved(&d, 2);
    CU_ASSERT_EQUAL(ht_deadline_margin(&d).save, 50);
    ht_deadline_saved(&d, 2);
    CU_ASSERT_EQUAL(ht_deadline_margin(&d).save, 2);
    ht_deadline_release(&d);
}

static void senseless_measurements_are_left_out(void)
{
    ht_deadline d = of_span(7200);
    ht_deadline_saved(&d, NAN);
    ht_deadline_epoch(&d, 0, NAN);
    ht_deadline_epoch(&d, -1, 5);
    ht_deadline_epoch(&d, REPLICAS, 5);
    ht_deadline_published(&d, NAN);
    CU_ASSERT_EQUAL(margin(&d), 30);
    CU_ASSERT_EQUAL(ht_deadline_last(&d), 1.5);
    ht_deadline_release(&d);
}

/* 60 s of measured margin parts: pace 10, publishing 2. */
static bool is_met(double first, double after_s, double share, double left)
{
    ht_deadline d = of_span(7200);
    const ht_margin m = {.pace = 10, .publishing = 2};
    ht_deadline_is_met(&d, &m, 400, first - 0.01, 7200);     /* in the middle of a step */
    ht_deadline_is_met(&d, &m, 500, first, 7200);
    bool met = ht_deadline_is_met(&d, &m, 500 + after_s, share, left);
    ht_deadline_release(&d);
    return met;
}

static void a_run_that_is_done_before_its_job_need_not_leave(void)
{
    /* 0.4 of the run took 100 s, so 0.2 take 50: 1.25 * (50 + 10 + 2) + 3 = 80.5 s */
    CU_ASSERT_TRUE(is_met(0.4, 100, 0.8, 81));
    CU_ASSERT_FALSE(is_met(0.4, 100, 0.8, 80));
}

static void without_experience_nobody_can_tell_when_a_run_is_done(void)
{
    CU_ASSERT_FALSE(is_met(0.4, 1, 0.6, 1e6));      /* less was done than is left */
    CU_ASSERT_FALSE(is_met(0.9, 100, 0.9, 1e6));    /* nothing was done in this job */
    CU_ASSERT_FALSE(is_met(0.1, 100, NAN, 1e6));
    CU_ASSERT_FALSE(is_met(NAN, 100, 0.9, 1e6));    /* this is the first look */
}

CASES("deadline", CASE(before_anything_is_measured_a_default_counts),
      CASE(the_default_leaves_most_of_a_short_job_for_training), CASE(checkpoint_and_study_go_in_and_a_quarter_more),
      CASE(replicas_that_go_together_need_an_epoch_more), CASE(a_checkpoint_takes_an_epoch_at_least),
      CASE(quick_things_leave_the_least_margin),
      CASE(the_slowest_replica_that_lives_counts), CASE(a_pace_rises_at_once_and_falls_slowly),
      CASE(a_slow_checkpoint_counts_until_five_others_were_quicker), CASE(senseless_measurements_are_left_out),
      CASE(a_run_that_is_done_before_its_job_need_not_leave), CASE(without_experience_nobody_can_tell_when_a_run_is_done))
