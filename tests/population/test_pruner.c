/* tests/population/test_pruner.c - early stopping: the median rule and successive halving. */
#include <math.h>
#include <string.h>

#include "cases.h"
#include "population/pruner.h"

static ht_pruner *make(ht_prune_rule rule, bool maximize)
{
    ht_pruner *p = NULL;
    ht_pruner_options o = {.rule = rule, .maximize = maximize, .reduction = 3, .min_resource = 1, .startup = 2};
    CU_ASSERT_EQUAL_FATAL(ht_pruner_create(&o, &p, NULL), HT_OK);
    return p;
}

/* A trial that reports `value` at steps 1 .. steps until it is stopped. @return the step it was stopped at, 0 = not */
static long long run(ht_pruner *p, double value, size_t steps)
{
    ht_trial_report reports[64];
    for (size_t n = 1; n <= steps; n++) {
        bool stop = false;
        reports[n - 1] = (ht_trial_report){(long long)n, value};
        CU_ASSERT_EQUAL_FATAL(ht_pruner_report(p, n, reports, &stop, NULL), HT_OK);
        if (stop)
            return (long long)n;
    }
    CU_ASSERT_EQUAL(ht_pruner_complete(p, steps, reports, NULL), HT_OK);
    return 0;
}

static void without_a_rule_nobody_is_stopped(void)
{
    ht_pruner *p = make(HT_PRUNE_NONE, false);
    for (int i = 0; i < 9; i++)
        CU_ASSERT_EQUAL(run(p, i, 9), 0);
    ht_pruner_destroy(p);
}

static void halving_stops_at_rungs_all_but_the_best_third(void)
{
    ht_pruner *p = make(HT_PRUNE_ASHA, false);
    CU_ASSERT_EQUAL(run(p, 5, 9), 0); /* the first at every rung is the best there */
    CU_ASSERT_EQUAL(run(p, 6, 9), 1); /* second of two: only one passes */
    CU_ASSERT_EQUAL(run(p, 7, 9), 1);
    CU_ASSERT_EQUAL(run(p, 8, 9), 1);
    CU_ASSERT_EQUAL(run(p, 9, 9), 1);
    CU_ASSERT_EQUAL(run(p, 5.5, 9), 3); /* six at the first rung: two pass; second of two at the next */
    CU_ASSERT_EQUAL(run(p, 4, 9), 0);
    ht_pruner_destroy(p);
}

static void halving_with_max_keeps_the_largest(void)
{
    ht_pruner *p = make(HT_PRUNE_ASHA, true);
    CU_ASSERT_EQUAL(run(p, 5, 9), 0);
    CU_ASSERT_EQUAL(run(p, 4, 9), 1);
    CU_ASSERT_EQUAL(run(p, 6, 9), 0);
    ht_pruner_destroy(p);
}

static void no_rung_stands_at_the_end_of_a_trial(void)
{
    ht_pruner *p = make(HT_PRUNE_ASHA, false);
    CU_ASSERT_EQUAL(run(p, 1, 3), 0);   /* a trial has 3 steps */
    ht_trial_report late[] = {{1, 0.5}, {2, 0.5}, {3, 9}};
    bool stop = true;
    for (size_t n = 1; n <= 3; n++)
        CU_ASSERT_EQUAL(ht_pruner_report(p, n, late, &stop, NULL), HT_OK);
    CU_ASSERT_FALSE(stop);              /* worst at step 3, but there it is done anyway */
    ht_pruner_destroy(p);
}

static void no_more_go_on_than_by_chance_however_good_they_are(void)
{
    ht_pruner *p = make(HT_PRUNE_ASHA, false);
    int passed = 0;
    CU_ASSERT_EQUAL(run(p, 0, 9), 0);   /* better than all that follow */
    for (int i = 1; i <= 30; i++)       /* each better than the one before: always in the best third */
        passed += run(p, 100 - i, 2) == 0;
    CU_ASSERT_EQUAL(passed + 1, 13);    /* of 31: a third and one standard deviation, 10.33 + 2.62 */
    CU_ASSERT_EQUAL(run(p, -1, 2), 0);  /* the best of all goes on anyway */
    ht_pruner_destroy(p);
}

static void one_that_failed_leaves_its_place_to_another(void)
{
    ht_trial_report reports[] = {{1, 5}, {2, 5}}, stopped = {1, 7};
    bool stop = true;
    ht_pruner *p = make(HT_PRUNE_ASHA, false);
    CU_ASSERT_EQUAL(run(p, 0, 2), 0);
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(run(p, 10 + i, 2), 1);
    CU_ASSERT_EQUAL(ht_pruner_report(p, 1, reports, &stop, NULL), HT_OK);
    CU_ASSERT_FALSE(stop);              /* second of seven */
    CU_ASSERT_EQUAL(ht_pruner_report(p, 2, reports, &stop, NULL), HT_OK);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(run(p, 4 - .4 * i, 2), 0);
    CU_ASSERT_EQUAL(run(p, 2.4, 2), 1); /* 6 of 12 went on: more than 4 + 1.63 */
    CU_ASSERT_EQUAL(ht_pruner_report(p, 1, &stopped, &stop, NULL), HT_OK);
    CU_ASSERT_TRUE(stop);
    ht_pruner_forget(p, 1, &stopped, true);
    CU_ASSERT_EQUAL(run(p, 2, 2), 0);   /* 6 of 13 are fewer than 4.33 + 1.70 */
    CU_ASSERT_EQUAL(run(p, 1.5, 2), 1); /* 7 of 14; the one that failed had not gone on, it leaves no place */
    ht_pruner_forget(p, 2, reports, false);
    CU_ASSERT_EQUAL(run(p, 1, 2), 0);
    ht_pruner_destroy(p);
}

static void a_value_that_is_no_number_is_the_worst(void)
{
    ht_pruner *p = make(HT_PRUNE_ASHA, true);
    CU_ASSERT_EQUAL(run(p, -1e300, 9), 0);
    CU_ASSERT_EQUAL(run(p, NAN, 9), 1);
    CU_ASSERT_EQUAL(run(p, INFINITY, 9), 1);
    ht_pruner_destroy(p);
}

static void equal_values_pass_together(void)
{
    ht_pruner *p = make(HT_PRUNE_ASHA, false);
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(run(p, 1, 9), 0);
    ht_pruner_destroy(p);
}

static void a_report_that_jumps_over_rungs_counts_at_each(void)
{
    ht_pruner *p = make(HT_PRUNE_ASHA, false);
    ht_trial_report first = {20, 1}, second = {20, 2}, third = {1, 1.5};
    bool stop = true;
    CU_ASSERT_EQUAL(ht_pruner_report(p, 1, &first, &stop, NULL), HT_OK);
    CU_ASSERT_FALSE(stop);
    CU_ASSERT_EQUAL(ht_pruner_report(p, 1, &second, &stop, NULL), HT_OK);
    CU_ASSERT_TRUE(stop);
    CU_ASSERT_EQUAL(ht_pruner_report(p, 1, &third, &stop, NULL), HT_OK);
    CU_ASSERT_TRUE(stop);               /* second of three at step 1 */
    ht_pruner_destroy(p);
}

static void what_is_forgotten_compares_with_nobody(void)
{
    ht_pruner *p = make(HT_PRUNE_ASHA, false);
    ht_trial_report good[] = {{1, 0.1}, {3, 0.1}};
    bool stop;
    for (size_t n = 1; n <= 2; n++)
        CU_ASSERT_EQUAL(ht_pruner_report(p, n, good, &stop, NULL), HT_OK);
    ht_pruner_forget(p, 2, good, false);
    CU_ASSERT_EQUAL(run(p, 5, 9), 0);
    ht_pruner_destroy(p);
}

static void the_median_rule_waits_for_completed_trials(void)
{
    ht_pruner *p = make(HT_PRUNE_MEDIAN, false);
    CU_ASSERT_EQUAL(run(p, 1, 9), 0);
    CU_ASSERT_EQUAL(run(p, 9, 9), 0);   /* one has completed, two are needed */
    CU_ASSERT_EQUAL(run(p, 5, 9), 0);   /* the median is 5: not worse */
    CU_ASSERT_EQUAL(run(p, 5.1, 9), 1);
    CU_ASSERT_EQUAL(run(p, 2, 9), 0);
    ht_pruner_destroy(p);
}

static void the_median_rule_compares_the_best_so_far(void)
{
    ht_pruner *p = make(HT_PRUNE_MEDIAN, false);
    ht_trial_report dips[] = {{1, 1}, {2, 100}};
    bool stop = true;
    CU_ASSERT_EQUAL(run(p, 3, 9), 0);
    CU_ASSERT_EQUAL(run(p, 3, 9), 0);
    for (size_t n = 1; n <= 2; n++)
        CU_ASSERT_EQUAL(ht_pruner_report(p, n, dips, &stop, NULL), HT_OK);
    CU_ASSERT_FALSE(stop);
    ht_pruner_destroy(p);
}

static void the_median_rule_spares_the_first_steps_and_the_last(void)
{
    ht_pruner *p = NULL;
    ht_pruner_options o = {.rule = HT_PRUNE_MEDIAN, .reduction = 3, .min_resource = 4, .startup = 1};
    CU_ASSERT_EQUAL_FATAL(ht_pruner_create(&o, &p, NULL), HT_OK);
    CU_ASSERT_EQUAL(run(p, 1, 9), 0);
    CU_ASSERT_EQUAL(run(p, 2, 9), 4);
    CU_ASSERT_EQUAL(run(p, 2, 3), 0);
    ht_trial_report last = {9, 50};
    bool stop = true;
    CU_ASSERT_EQUAL(ht_pruner_report(p, 1, &last, &stop, NULL), HT_OK);
    CU_ASSERT_FALSE(stop);
    ht_pruner_destroy(p);
}

static void options_without_sense_are_refused(void)
{
    ht_pruner *p = NULL;
    ht_error err = {""};
    ht_pruner_options o = {.rule = HT_PRUNE_ASHA, .reduction = 1, .min_resource = 1};
    CU_ASSERT_EQUAL(ht_pruner_create(&o, &p, &err), HT_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "reduction 1 must be at least 2"));
    o = (ht_pruner_options){.rule = HT_PRUNE_ASHA, .reduction = 3, .min_resource = 0};
    CU_ASSERT_EQUAL(ht_pruner_create(&o, &p, &err), HT_EINVAL);
    CU_ASSERT_PTR_NULL(p);
}

static void steps_as_large_as_they_come_are_taken(void)
{
    ht_pruner *p = make(HT_PRUNE_ASHA, false);
    ht_trial_report r = {9000000000000000, 1};
    bool stop = true;
    CU_ASSERT_EQUAL(ht_pruner_report(p, 1, &r, &stop, NULL), HT_OK);
    CU_ASSERT_FALSE(stop);
    ht_pruner_forget(p, 1, &r, false);
    ht_pruner_destroy(p);
}

CASES("pruner", CASE(without_a_rule_nobody_is_stopped), CASE(halving_stops_at_rungs_all_but_the_best_third),
      CASE(halving_with_max_keeps_the_largest), CASE(no_rung_stands_at_the_end_of_a_trial),
      CASE(no_more_go_on_than_by_chance_however_good_they_are), CASE(one_that_failed_leaves_its_place_to_another),
      CASE(a_value_that_is_no_number_is_the_worst), CASE(equal_values_pass_together),
      CASE(a_report_that_jumps_over_rungs_counts_at_each), CASE(what_is_forgotten_compares_with_nobody),
      CASE(the_median_rule_waits_for_completed_trials), CASE(the_median_rule_compares_the_best_so_far),
      CASE(the_median_rule_spares_the_first_steps_and_the_last), CASE(options_without_sense_are_refused),
      CASE(steps_as_large_as_they_come_are_taken))
