/* tests/unit/test_evaluate.c - phase labels, scores, verdicts; the contract is in tune/evaluate.h.
 * Numbers are calculated by hand. */
#include "tune/evaluate.h"

#include <float.h>
#include <math.h>

#include "cases.h"

static ht_recipe recipe(void)
{
    return (ht_recipe){.objective = {.primary = "val/loss", .mode = HT_MINIMIZE},
                       .acceptance = {.epsilon = .5},
                       .safety = {.block_on_nan = true, .block_on_anomaly = true}};
}

/* A segment from `pre` to `post`. */
static ht_segment segment(double pre, double post)
{
    ht_segment g = {0};
    ht_readings_put(&g.pre, "val/loss", pre);
    ht_readings_put(&g.post, "val/loss", post);
    return g;
}

static ht_decision verdict(const ht_recipe *r, ht_segment g)
{
    ht_verdict(r, &g);
    return g.decision;
}

static void a_phase_holds_its_start_and_not_its_end(void)
{
    CU_ASSERT_STRING_EQUAL(ht_phase_label(0, 10, 0, NULL), "early");
    CU_ASSERT_STRING_EQUAL(ht_phase_label(2, 10, 0, NULL), "mid");
    CU_ASSERT_STRING_EQUAL(ht_phase_label(7, 10, 0, NULL), "late");
    CU_ASSERT_STRING_EQUAL(ht_phase_label(699, 1000, 0, NULL), "mid");
}

static void outside_all_phases_the_nearest_earlier_one_goes_on(void)
{
    const ht_phase p[] = {{"b", .4, .6}, {"a", .1, .3}};
    CU_ASSERT_STRING_EQUAL(ht_phase_label(-5, 10, 2, p), "a");
    CU_ASSERT_STRING_EQUAL(ht_phase_label(0, 10, 2, p), "a");
    CU_ASSERT_STRING_EQUAL(ht_phase_label(35, 100, 2, p), "a");
    CU_ASSERT_STRING_EQUAL(ht_phase_label(6, 10, 2, p), "b");
    CU_ASSERT_STRING_EQUAL(ht_phase_label(25, 10, 2, p), "b");
}

static void where_phases_overlap_the_first_in_order_wins(void)
{
    const ht_phase p[] = {{"a", 0, .6}, {"b", .4, 1}};
    CU_ASSERT_STRING_EQUAL(ht_phase_label(5, 10, 2, p), "a");
}

static void an_unknown_total_is_the_middle_of_the_run(void)
{
    const ht_phase p[] = {{"warm", 0, .1}, {"main", .1, 1}}, q[] = {{"mid", 0, .1}, {"main", .1, 1}};
    CU_ASSERT_STRING_EQUAL(ht_phase_label(3, 0, 0, NULL), "mid");
    CU_ASSERT_STRING_EQUAL(ht_phase_label(3, -1, 2, p), "main");
    CU_ASSERT_STRING_EQUAL(ht_phase_label(3, 0, 2, q), "mid");
}

static void the_score_is_the_gain_less_the_penalties(void)
{
    ht_recipe r = recipe();
    ht_segment g = segment(3, 1);
    ht_stability all = {true, true, true};
    double s = 0;
    CU_ASSERT_TRUE(ht_score(&r, &g.pre, &g.post, &g.stability, &s));
    CU_ASSERT_EQUAL(s, 2);
    CU_ASSERT_TRUE(ht_score(&r, &g.pre, &g.post, &all, &s));
    CU_ASSERT_DOUBLE_EQUAL(s, .3, 1e-15);
    r.objective.mode = HT_MAXIMIZE;
    CU_ASSERT_TRUE(ht_score(&r, &g.pre, &g.post, &g.stability, &s));
    CU_ASSERT_EQUAL(s, -2);
}

static void without_two_finite_readings_there_is_no_score(void)
{
    ht_recipe r = recipe();
    ht_stability s = {0};
    double score = 7;
    const double bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        ht_segment before = segment(bad[i], 1), after = segment(1, bad[i]);
        CU_ASSERT_FALSE(ht_score(&r, &before.pre, &before.post, &s, &score));
        CU_ASSERT_FALSE(ht_score(&r, &after.pre, &after.post, &s, &score));
    }
    ht_segment far = segment(DBL_MAX, -DBL_MAX), empty = {0};
    CU_ASSERT_FALSE(ht_score(&r, &far.pre, &far.post, &s, &score));
    CU_ASSERT_FALSE(ht_score(&r, &empty.pre, &far.post, &s, &score));
    CU_ASSERT_EQUAL(score, 7);
}

static void only_a_score_above_epsilon_is_accepted(void)
{
    ht_recipe r = recipe();
    CU_ASSERT_EQUAL(verdict(&r, segment(2, 1.5)), HT_DECISION_REJECTED);
    CU_ASSERT_EQUAL(verdict(&r, segment(2, 1.25)), HT_DECISION_ACCEPTED);
}

static void a_flag_rejects_whatever_the_score_unless_its_switch_is_off(void)
{
    ht_recipe r = recipe();
    ht_segment g = segment(9, 1);
    g.stability.anomaly = true;
    CU_ASSERT_EQUAL(verdict(&r, g), HT_DECISION_REJECTED);
    r.safety.block_on_anomaly = false;
    CU_ASSERT_EQUAL(verdict(&r, g), HT_DECISION_ACCEPTED);
    g.stability.nan = true;
    CU_ASSERT_EQUAL(verdict(&r, g), HT_DECISION_REJECTED);
    r.safety.block_on_nan = false;
    ht_verdict(&r, &g);
    CU_ASSERT_EQUAL(g.decision, HT_DECISION_ACCEPTED);
    CU_ASSERT_EQUAL(g.score, 8 - 1.5);      /* the penalties of both flags stay */
}

static void a_missing_reading_is_inconclusive_and_a_bad_one_is_rejected(void)
{
    ht_recipe r = recipe();
    ht_segment none = {0}, bad = segment(1, INFINITY), bad_before = segment(NAN, 1);
    r.safety.block_on_nan = false;
    ht_verdict(&r, &none);
    CU_ASSERT_EQUAL(none.decision, HT_DECISION_INCONCLUSIVE);
    CU_ASSERT_STRING_EQUAL(none.reason, "no_reading");
    CU_ASSERT_FALSE(none.has_score);
    CU_ASSERT_EQUAL(verdict(&r, bad), HT_DECISION_REJECTED);
    CU_ASSERT_EQUAL(verdict(&r, bad_before), HT_DECISION_INCONCLUSIVE);
}

static void the_reason_of_a_decided_segment_is_kept(void)
{
    ht_recipe r = recipe();
    ht_segment g = segment(3, 1);
    g.reason[0] = 'b';
    ht_verdict(&r, &g);
    CU_ASSERT_STRING_EQUAL(g.reason, "b");
}

static void the_nan_flag_comes_from_the_loss_a_batch_or_the_primary(void)
{
    CU_ASSERT_FALSE(ht_stability_of(&(ht_vitals){.loss = 1}, false).nan);
    CU_ASSERT_TRUE(ht_stability_of(&(ht_vitals){.loss = NAN}, false).nan);
    CU_ASSERT_TRUE(ht_stability_of(&(ht_vitals){.batch_loss_bad = true}, false).nan);
    CU_ASSERT_TRUE(ht_stability_of(&(ht_vitals){.has_primary = true, .primary = INFINITY}, false).nan);
    ht_stability s = ht_stability_of(&(ht_vitals){.anomaly_critical = true, .primary = NAN}, true);
    CU_ASSERT_TRUE(s.anomaly && s.grad_spike && !s.nan);
}

static void deltas_are_given_where_both_ends_are_finite(void)
{
    ht_segment g = segment(3, 1);
    ht_readings d;
    ht_readings_put(&g.pre, "a", NAN);
    ht_readings_put(&g.post, "a", 1);
    ht_readings_put(&g.pre, "b", 1);
    ht_readings_put(&g.post, "c", 1);
    ht_deltas(&g, &d);
    CU_ASSERT_EQUAL(d.n, 1);
    CU_ASSERT_EQUAL(*ht_readings_find(&d, "val/loss"), -2);
}

CASES("evaluate",
      CASE(a_phase_holds_its_start_and_not_its_end),
      CASE(outside_all_phases_the_nearest_earlier_one_goes_on),
      CASE(where_phases_overlap_the_first_in_order_wins),
      CASE(an_unknown_total_is_the_middle_of_the_run),
      CASE(the_score_is_the_gain_less_the_penalties),
      CASE(without_two_finite_readings_there_is_no_score),
      CASE(only_a_score_above_epsilon_is_accepted),
      CASE(a_flag_rejects_whatever_the_score_unless_its_switch_is_off),
      CASE(a_missing_reading_is_inconclusive_and_a_bad_one_is_rejected),
      CASE(the_reason_of_a_decided_segment_is_kept),
      CASE(the_nan_flag_comes_from_the_loss_a_batch_or_the_primary),
      CASE(deltas_are_given_where_both_ends_are_finite))
