/* tests/unit/test_statistics.c - the numbers of a run and what is learned from it. */
#include "cases.h"
#include "base/text.h"
#include "tune/statistics.h"

#include <math.h>
#include <string.h>

/* A judged lr_mult by `value` that took lr from 0.01 to 0.01 * value. */
static ht_mutation lr_mult(double value)
{
    ht_mutation m = {.number = 1, .scale = HT_SCALE_LOG, .source = HT_SOURCE_TPE, .n_changes = 1};
    ht_name_copy(m.phase, "mid");
    ht_name_copy(m.actuator, "opt");
    ht_name_copy(m.key, "lr_mult");
    ht_name_copy(m.patch.op, "lr_mult");
    m.patch.value = ht_real(value);
    m.changes[0] = (ht_change){.n_cells = 1, .before = {.01}, .after = {.01 * value}};
    return m;
}

static ht_mutation weight(const char *op, ht_scale scale, double value, double before, double after)
{
    ht_mutation m = {.number = 2, .scale = scale, .source = HT_SOURCE_RANDOM, .n_changes = 1};
    ht_name_copy(m.phase, "late");
    ht_name_copy(m.actuator, "loss");
    ht_name_copy(m.key, "aux");
    ht_name_copy(m.patch.op, op);
    ht_name_copy(m.patch.key, "aux");
    m.patch.value = ht_real(value);
    m.changes[0] = (ht_change){.n_cells = 1, .before = {before}, .after = {after}};
    return m;
}

static ht_segment judged(ht_decision decision, double score)
{
    return (ht_segment){.number = 1, .mutation = 1, .decision = decision, .has_score = true, .score = score};
}

/* What is learned of a mutation, on its scale, from an accepted segment. */
static double learned(const ht_mutation *m)
{
    ht_segment g = judged(HT_DECISION_ACCEPTED, .1);
    ht_observation o;
    CU_ASSERT_FATAL(ht_observation_of(&g, m, &o));
    CU_ASSERT_EQUAL(o.n, 1);
    return o.x[0];
}

static void mutations_are_counted_once_though_they_have_two_lines(void)
{
    ht_statistics s;
    ht_mutation m = lr_mult(.5);
    ht_statistics_init(&s);
    const ht_mutation_status lines[] = {
        HT_MUTATION_APPLIED, HT_MUTATION_ACCEPTED,    HT_MUTATION_APPLIED,   HT_MUTATION_REJECTED,
        HT_MUTATION_APPLIED, HT_MUTATION_ROLLED_BACK, HT_MUTATION_SUGGESTED, HT_MUTATION_FAILED,
        HT_MUTATION_APPLIED, HT_MUTATION_INCONCLUSIVE};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        m.status = lines[i];
        ht_statistics_mutation(&s, &m);
    }
    CU_ASSERT_EQUAL(s.total_mutations, 6);
    CU_ASSERT_EQUAL(s.applied_mutations, 4);
    CU_ASSERT_EQUAL(s.failed, 1);
    CU_ASSERT_EQUAL(s.suggested, 1);
    ht_statistics_release(&s);
}

static void what_was_rolled_back_counts_against_the_accept_rate_and_inconclusive_does_not(void)
{
    ht_statistics s;
    ht_mutation m = lr_mult(.5);
    ht_statistics_init(&s);
    CU_ASSERT_EQUAL(ht_statistics_accept_rate(&s), 0);
    const ht_decision decisions[] = {HT_DECISION_ACCEPTED,    HT_DECISION_ROLLED_BACK,  HT_DECISION_REJECTED,
                                     HT_DECISION_ROLLED_BACK, HT_DECISION_INCONCLUSIVE, HT_DECISION_LOST};
    for (size_t i = 0; i < sizeof decisions / sizeof decisions[0]; i++) {
        ht_segment g = judged(decisions[i], 0);
        CU_ASSERT_EQUAL(ht_statistics_segment(&s, &g, &m), HT_OK);
    }
    CU_ASSERT_EQUAL(ht_statistics_accept_rate(&s), .25);
    CU_ASSERT_EQUAL(s.by_decision[HT_DECISION_ROLLED_BACK], 2);
    CU_ASSERT_EQUAL(s.by_decision[HT_DECISION_LOST], 1);
    CU_ASSERT_EQUAL(s.families[0].decided, 4);
    ht_statistics_release(&s);
}

static void a_family_without_a_decided_segment_does_not_occur(void)
{
    ht_statistics s;
    ht_mutation m = lr_mult(.5);
    ht_segment g = judged(HT_DECISION_INCONCLUSIVE, 0);
    ht_statistics_init(&s);
    ht_statistics_segment(&s, &g, &m);
    CU_ASSERT_EQUAL(s.n_families, 0);
    ht_statistics_release(&s);
}

static void centres_are_means_on_the_scale_of_the_family(void)
{
    ht_statistics s;
    ht_evidence e[2];
    ht_statistics_init(&s);
    for (int i = 0; i < 3; i++) {
        ht_mutation m = lr_mult(i == 0 ? .5 : i == 1 ? 2 : 1.7);
        ht_segment g = judged(i < 2 ? HT_DECISION_ACCEPTED : HT_DECISION_ROLLED_BACK, i < 2 ? .1 : -.5);
        CU_ASSERT_EQUAL(ht_statistics_segment(&s, &g, &m), HT_OK);
    }
    CU_ASSERT_EQUAL_FATAL(s.n_families, 2);
    ht_statistics_evidence(&s, e);
    CU_ASSERT_STRING_EQUAL(e[0].actuator, "opt");
    CU_ASSERT_STRING_EQUAL(e[0].key, "lr_mult");
    CU_ASSERT_STRING_EQUAL(e[0].phase, "");
    CU_ASSERT_STRING_EQUAL(e[1].phase, "mid");
    CU_ASSERT_DOUBLE_EQUAL(e[0].win_rate, 2. / 3, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(e[0].mean_score, -.1, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(e[0].win_center, 1, 1e-12); /* the geometric mean of 0.5 and 2 */
    CU_ASSERT_DOUBLE_EQUAL(e[0].win_spread, log(2), 1e-12);
    CU_ASSERT_EQUAL(e[0].wins, 2);
    ht_statistics_release(&s);
}

static void phases_and_keys_are_told_apart_and_scores_that_do_not_exist_are_left_out(void)
{
    ht_statistics s;
    ht_evidence e[4];
    ht_mutation lr = lr_mult(.5), aux = weight("mult", HT_SCALE_LOG, 2, 1, 2);
    ht_segment bad = judged(HT_DECISION_ROLLED_BACK, 0), good = judged(HT_DECISION_ROLLED_BACK, -1);
    bad.has_score = false;
    ht_statistics_init(&s);
    ht_statistics_segment(&s, &bad, &lr);
    ht_statistics_segment(&s, &good, &lr);
    ht_statistics_segment(&s, &good, &aux);
    CU_ASSERT_EQUAL_FATAL(s.n_families, 4);
    ht_statistics_evidence(&s, e);
    CU_ASSERT_EQUAL(e[0].mean_score, -1);
    CU_ASSERT_EQUAL(e[0].wins, 0);
    CU_ASSERT_EQUAL(e[0].win_rate, 0);
    CU_ASSERT_STRING_EQUAL(e[2].key, "aux");
    CU_ASSERT_STRING_EQUAL(e[3].phase, "late");
    ht_statistics_release(&s);
}

static void what_stopped_proposals_is_counted_by_code(void)
{
    ht_statistics s;
    ht_codes two = {0}, one = {0};
    ht_codes_add(&two, "cooldown");
    ht_codes_add(&two, "max_reject_streak");
    ht_codes_add(&one, "cooldown");
    ht_statistics_init(&s);
    ht_statistics_blocked(&s, &two);
    ht_statistics_blocked(&s, &one);
    CU_ASSERT_EQUAL_FATAL(s.n_blocked, 2);
    CU_ASSERT_STRING_EQUAL(s.blocked[0].code, "cooldown");
    CU_ASSERT_EQUAL(s.blocked[0].n, 2);
    CU_ASSERT_EQUAL(s.blocked[1].n, 1);
    ht_statistics_release(&s);
}

/* ---- observations --------------------------------------------------------------------------- */

static void the_value_that_was_asked_for_is_learned(void)
{
    ht_mutation m = lr_mult(.9); /* 0.01 * 0.9 / 0.01 is not quite 0.9 */
    CU_ASSERT_EQUAL(learned(&m), log(.9));
    ht_mutation set = weight("set", HT_SCALE_LINEAR, 3, 1, 3);
    CU_ASSERT_EQUAL(learned(&set), 3);
}

static void the_value_that_the_actuator_made_of_it_is_learned_instead(void)
{
    ht_mutation m = lr_mult(1.4); /* lr 0.9 * 1.4 is cut to 1 */
    m.changes[0].before[0] = .9;
    m.changes[0].after[0] = 1;
    CU_ASSERT_DOUBLE_EQUAL(learned(&m), log(1 / .9), 1e-15);
    ht_mutation set = weight("set", HT_SCALE_LINEAR, 300, 1, 100);
    CU_ASSERT_EQUAL(learned(&set), 100);
    ht_mutation delta = weight("delta", HT_SCALE_LINEAR, .5, 99.75, 100);
    CU_ASSERT_EQUAL(learned(&delta), .25);
    ht_mutation mult = weight("mult", HT_SCALE_LOG, 2, 80, 100);
    CU_ASSERT_DOUBLE_EQUAL(learned(&mult), log(1.25), 1e-15);
}

static void what_shows_no_values_is_learned_as_asked(void)
{
    ht_mutation m = lr_mult(.5);
    m.n_changes = 0;
    CU_ASSERT_EQUAL(learned(&m), log(.5));
    ht_mutation absent = weight("mult", HT_SCALE_LOG, 2, 1, 2);
    absent.changes[0].was_absent = true;
    absent.changes[0].before[0] = NAN;
    CU_ASSERT_EQUAL(learned(&absent), log(2));
    ht_mutation zero = weight("mult", HT_SCALE_LOG, 2, 0, 0);
    CU_ASSERT_EQUAL(learned(&zero), log(2));
    zero.patch.floor = .02;
    zero.changes[0].after[0] = .03; /* cut */
    CU_ASSERT_DOUBLE_EQUAL(learned(&zero), log(1.5), 1e-15);
}

static void every_element_of_a_tuple_is_learned_on_its_scale(void)
{
    const double betas[2] = {.8, .99};
    ht_mutation m = lr_mult(1);
    ht_segment g = judged(HT_DECISION_ACCEPTED, .1);
    ht_observation o;
    ht_name_copy(m.patch.op, "betas_set");
    m.patch.value = ht_tuple(2, betas);
    m.scale = HT_SCALE_BETA;
    m.changes[0] = (ht_change){.n_cells = 4, .before = {.9, .999, .9, .999}, .after = {.8, .99, .8, .99}};
    CU_ASSERT_FATAL(ht_observation_of(&g, &m, &o));
    CU_ASSERT_EQUAL(o.n, 2);
    CU_ASSERT_DOUBLE_EQUAL(o.x[0], -log(1 - .8), 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(o.x[1], -log(1 - .99), 1e-12);
    CU_ASSERT_STRING_EQUAL(o.key, "betas_set");
}

static void what_diverged_or_has_no_score_is_as_bad_as_can_be(void)
{
    ht_observation o;
    ht_mutation m = lr_mult(.5);
    ht_segment g = judged(HT_DECISION_ROLLED_BACK, 7);
    CU_ASSERT(ht_observation_of(&g, &m, &o));
    CU_ASSERT_EQUAL(o.y, 7);
    CU_ASSERT_STRING_EQUAL(o.phase, "mid");
    g.stability.nan = true;
    CU_ASSERT(ht_observation_of(&g, &m, &o));
    CU_ASSERT_EQUAL(o.y, -INFINITY);
    g.stability = (ht_stability){.anomaly = true};
    CU_ASSERT(ht_observation_of(&g, &m, &o));
    CU_ASSERT_EQUAL(o.y, -INFINITY);
    g.decision = HT_DECISION_ACCEPTED; /* the switch says that the flag does not count */
    CU_ASSERT(ht_observation_of(&g, &m, &o));
    CU_ASSERT_EQUAL(o.y, 7);
    g = judged(HT_DECISION_REJECTED, 0);
    g.has_score = false;
    CU_ASSERT(ht_observation_of(&g, &m, &o));
    CU_ASSERT_EQUAL(o.y, -INFINITY);
}

static void nothing_is_learned_from_what_was_not_decided_or_only_repeated(void)
{
    ht_observation o;
    ht_mutation m = lr_mult(.5);
    ht_segment g = judged(HT_DECISION_INCONCLUSIVE, 0);
    CU_ASSERT_FALSE(ht_observation_of(&g, &m, &o));
    g.decision = HT_DECISION_LOST;
    CU_ASSERT_FALSE(ht_observation_of(&g, &m, &o));
    g.decision = HT_DECISION_ACCEPTED;
    m.source = HT_SOURCE_REPLAY;
    CU_ASSERT_FALSE(ht_observation_of(&g, &m, &o));
}

static void a_value_without_a_place_on_its_scale_is_not_learned(void)
{
    ht_observation o;
    ht_mutation m = weight("set", HT_SCALE_LOG, 0, 1, 0), text = lr_mult(.5);
    ht_segment g = judged(HT_DECISION_ACCEPTED, 1);
    text.n_changes = 0;
    text.patch.value = ht_text("relu");
    CU_ASSERT_FALSE(ht_observation_of(&g, &m, &o));
    CU_ASSERT_FALSE(ht_observation_of(&g, &text, &o));
}

CASES("statistics", CASE(mutations_are_counted_once_though_they_have_two_lines),
      CASE(what_was_rolled_back_counts_against_the_accept_rate_and_inconclusive_does_not),
      CASE(a_family_without_a_decided_segment_does_not_occur),
      CASE(centres_are_means_on_the_scale_of_the_family),
      CASE(phases_and_keys_are_told_apart_and_scores_that_do_not_exist_are_left_out),
      CASE(what_stopped_proposals_is_counted_by_code), CASE(the_value_that_was_asked_for_is_learned),
      CASE(the_value_that_the_actuator_made_of_it_is_learned_instead),
      CASE(what_shows_no_values_is_learned_as_asked), CASE(every_element_of_a_tuple_is_learned_on_its_scale),
      CASE(what_diverged_or_has_no_score_is_as_bad_as_can_be),
      CASE(nothing_is_learned_from_what_was_not_decided_or_only_repeated),
      CASE(a_value_without_a_place_on_its_scale_is_not_learned))
