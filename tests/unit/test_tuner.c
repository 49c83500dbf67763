/* tests/unit/test_tuner.c - what a decision point does where no recorded trace says it: pauses, horizons,
 * readings, the offer.
 *
 * Sources: the rules of the loop as the headers of src/tune have them. */
#include "cases.h"
#include "tuner_stage.h"

/* Make one mutation that is rejected two decision points later: steps `step` and `step` + 100. */
static void reject_once(stage *s, long long step)
{
    halve_lr(s, step, 1);
    stage_validate(s, step + 100, 2);
}

/* ---- the pause ------------------------------------------------------------------------------ */

static void the_eighth_decision_point_after_the_last_reject_is_free_for_one_probe(void)
{
    stage s;
    fresh(&s, RECIPE(", \"safety\": {\"max_global_reject_streak\": 2}"), HT_MODE_ACTIVE);
    reject_once(&s, 100);
    reject_once(&s, 300);
    CU_ASSERT_EQUAL(stage_state(&s).reject_streak, 2);
    CU_ASSERT_EQUAL(stage_state(&s).pause_left, 8);
    size_t asked = s.n_asked;
    for (long long i = 1; i < 8; i++) {
        halve_lr(&s, 400 + 10 * i, 1);
        CU_ASSERT(has_code(&s.window.blocked, "max_reject_streak"));
    }
    CU_ASSERT_EQUAL(s.n_asked, asked);
    halve_lr(&s, 480, 1);
    CU_ASSERT_EQUAL(s.n_asked, asked + 1);
    CU_ASSERT_EQUAL(stage_state(&s).reject_streak, 1);
    CU_ASSERT_NOT_EQUAL(stage_state(&s).active_mutation, 0);
    stage_validate(&s, 490, 2); /* the probe is rejected: the next pause */
    CU_ASSERT_EQUAL(stage_state(&s).reject_streak, 2);
    CU_ASSERT_EQUAL(stage_state(&s).pause_left, 8);
    stage_close(&s);
}

static void a_pause_of_0_ends_only_by_switching_off_and_on(void)
{
    stage s;
    fresh(&s, RECIPE(", \"safety\": {\"max_global_reject_streak\": 1, \"reject_pause\": 0}"), HT_MODE_ACTIVE);
    reject_once(&s, 100);
    size_t asked = s.n_asked;
    for (long long i = 1; i <= 20; i++)
        halve_lr(&s, 200 + i, 1);
    stage_operate(&s, "enable", "{\"mode\": \"observe\"}");
    stage_operate(&s, "enable", "{\"mode\": \"active\"}");
    halve_lr(&s, 300, 1);
    CU_ASSERT_EQUAL(s.n_asked, asked);
    CU_ASSERT_EQUAL(stage_state(&s).reject_streak, 1);
    stage_operate(&s, "disable", NULL);
    stage_operate(&s, "enable", NULL);
    CU_ASSERT_EQUAL(stage_state(&s).reject_streak, 0);
    halve_lr(&s, 310, 1);
    CU_ASSERT_EQUAL(s.n_asked, asked + 1);
    stage_close(&s);
}

static void a_higher_limit_in_a_pause_frees_at_once_and_never_raises_the_streak(void)
{
    stage s;
    fresh(&s, RECIPE(", \"safety\": {\"max_global_reject_streak\": 1, \"reject_pause\": 2}"), HT_MODE_ACTIVE);
    reject_once(&s, 100);
    stage_operate(&s, "set", "{\"safety.max_global_reject_streak\": 6}");
    size_t asked = s.n_asked;
    stage_validate(&s, 300, 1);
    stage_validate(&s, 400, 1);
    CU_ASSERT_EQUAL(s.n_asked, asked + 2);
    CU_ASSERT_EQUAL(stage_state(&s).reject_streak, 1);
    CU_ASSERT_EQUAL(stage_state(&s).pause_left, 0);
    stage_close(&s);
}

static void nothing_follows_a_reject_at_the_same_decision_point(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    halve_lr(&s, 100, 1);
    turn_rig(&s, 200, 2);
    CU_ASSERT(has_code(&s.window.blocked, "cooldown"));
    CU_ASSERT_EQUAL(s.n_asked, 1);
    turn_rig(&s, 300, 2);
    CU_ASSERT_EQUAL(s.n_asked, 2);
    stage_close(&s);
}

/* ---- horizons ------------------------------------------------------------------------------- */

static void a_horizon_of_three_validations_is_judged_at_the_third(void)
{
    stage s;
    fresh(&s, RECIPE(", \"acceptance\": {\"horizon\": \"val_epochs:3\"}"), HT_MODE_ACTIVE);
    halve_lr(&s, 100, 1);
    stage_validate(&s, 200, .9);
    stage_operate(&s, "set", "{\"acceptance.horizon\": \"next_val_epoch_end\"}");
    stage_validate(&s, 300, .8); /* the open segment keeps its own horizon */
    CU_ASSERT_EQUAL(s.n_segments, 0);
    CU_ASSERT_EQUAL(s.n_asked, 1); /* one open mutation at a time */
    stage_validate(&s, 400, .7);
    CU_ASSERT_EQUAL_FATAL(s.n_segments, 1);
    CU_ASSERT_STRING_EQUAL(last_segment(&s)->horizon, "val_epochs:3");
    CU_ASSERT_EQUAL(last_segment(&s)->end_step, 400);
    CU_ASSERT_DOUBLE_EQUAL(last_segment(&s)->score, .3, 1e-12);
    CU_ASSERT_FALSE(last_segment(&s)->early);
    stage_close(&s);
}

static void a_horizon_in_steps_is_judged_at_the_first_validation_that_far(void)
{
    stage s;
    fresh(&s, RECIPE(", \"acceptance\": {\"horizon\": \"steps:150\"}"), HT_MODE_ACTIVE);
    halve_lr(&s, 100, 1);
    stage_validate(&s, 249, .9);
    CU_ASSERT_EQUAL(s.n_segments, 0);
    stage_validate(&s, 250, .9);
    CU_ASSERT_EQUAL(s.n_segments, 1);
    stage_close(&s);
}

static void an_automatic_horizon_is_the_next_validation(void)
{
    stage s;
    fresh(&s, RECIPE(", \"acceptance\": {\"horizon\": \"val_epochs:auto\"}"), HT_MODE_ACTIVE);
    halve_lr(&s, 100, 1);
    CU_ASSERT_EQUAL(s.n_segments, 0);
    stage_validate(&s, 200, .9);
    CU_ASSERT_EQUAL_FATAL(s.n_segments, 1);
    CU_ASSERT_EQUAL(last_segment(&s)->end_step, 200);
    stage_close(&s);
}

static void a_factor_lifts_a_value_at_zero_to_the_floor_of_its_family(void)
{
    stage s;
    fresh(&s, "actuators: {opt: {mutations: {wd_mult: {cooldown: 0, floor: 0.002}}}}", HT_MODE_ACTIVE);
    s.wd = 0;
    stage_offer(&s, "opt", "wd_mult", ht_real(2));
    stage_validate(&s, 100, 1);
    CU_ASSERT_EQUAL(s.wd, .004);
    CU_ASSERT_EQUAL(last_mutation(&s)->patch.floor, .002);
    stage_validate(&s, 200, 2); /* rejected */
    CU_ASSERT_EQUAL(s.wd, 0);
    s.wd = .01;
    stage_offer(&s, "opt", "wd_mult", ht_real(2));
    stage_validate(&s, 300, 1);
    CU_ASSERT_EQUAL(s.wd, .02);
    CU_ASSERT_EQUAL(last_mutation(&s)->patch.floor, 0);
    stage_close(&s);
    fresh(&s, "actuators: {opt: {mutations: {wd_mult: {cooldown: 0}}}}", HT_MODE_ACTIVE);
    s.wd = 0;
    stage_offer(&s, "opt", "wd_mult", ht_real(2));
    stage_validate(&s, 100, 1);
    CU_ASSERT_EQUAL(s.wd, 0);
    stage_close(&s);
}

static void a_blocker_judges_before_the_horizon(void)
{
    stage s;
    fresh(&s, RECIPE(", \"acceptance\": {\"horizon\": \"val_epochs:5\"}"), HT_MODE_ACTIVE);
    halve_lr(&s, 100, 1);
    ht_env alarm = {.step = 200, .loss = 1, .anomaly_critical = true};
    stage_validate_in(&s, &alarm, .1, NULL);
    CU_ASSERT_EQUAL_FATAL(s.n_segments, 1);
    CU_ASSERT_EQUAL(last_segment(&s)->decision, HT_DECISION_ROLLED_BACK);
    CU_ASSERT_STRING_EQUAL(last_segment(&s)->reason, "blocker");
    CU_ASSERT(last_segment(&s)->early);
    CU_ASSERT(has_code(&s.window.blockers, "anomaly_critical"));
    CU_ASSERT_EQUAL(s.lr, .001);
    stage_close(&s);
}

/* ---- what is not finite --------------------------------------------------------------------- */

static void a_bad_loss_of_a_batch_blocks_the_next_decision_point_only(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    ht_tuner_event(s.tuner, HT_TRAIN_BATCH_END, &(ht_env){.step = 50, .loss = NAN}, NULL);
    ht_tuner_event(s.tuner, HT_TRAIN_BATCH_END, &(ht_env){.step = 51, .loss = 1}, NULL);
    halve_lr(&s, 100, 1);
    CU_ASSERT(has_code(&s.window.blockers, "nan_or_inf_loss"));
    CU_ASSERT_EQUAL(s.n_asked, 0);
    halve_lr(&s, 200, 1);
    CU_ASSERT_EQUAL(s.n_asked, 1);
    stage_close(&s);
}

static void an_objective_that_is_not_finite_blocks_and_rejects(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    halve_lr(&s, 100, INFINITY);
    CU_ASSERT(has_code(&s.window.blockers, "nan_or_inf_objective"));
    CU_ASSERT_EQUAL(s.n_asked, 0);
    halve_lr(&s, 200, 1);
    stage_validate(&s, 300, NAN);
    CU_ASSERT_EQUAL_FATAL(s.n_segments, 1);
    CU_ASSERT_EQUAL(last_segment(&s)->decision, HT_DECISION_ROLLED_BACK);
    CU_ASSERT(last_segment(&s)->stability.nan);
    CU_ASSERT_FALSE(last_segment(&s)->has_score);
    stage_close(&s);
}

static void an_objective_that_is_not_finite_is_no_start_even_when_it_does_not_block(void)
{
    stage s;
    fresh(&s, RECIPE(", \"safety\": {\"block_on_nan\": false}"), HT_MODE_ACTIVE);
    halve_lr(&s, 100, NAN);
    CU_ASSERT_EQUAL(s.window.blockers.n, 0);
    CU_ASSERT_EQUAL(s.n_asked, 0);
    CU_ASSERT_EQUAL(s.n_warnings, 1);
    stage_close(&s);
}

static void a_gradient_that_jumps_costs_a_fifth(void)
{
    stage s;
    fresh(&s, RECIPE(", \"safety\": {\"grad_spike_factor\": 10}"), HT_MODE_ACTIVE);
    ht_metrics_set(s.metrics, "grad/norm", 1, NULL);
    halve_lr(&s, 100, 1);
    ht_metrics_set(s.metrics, "grad/norm", 10.5, NULL);
    stage_validate(&s, 200, .9);
    CU_ASSERT(last_segment(&s)->stability.grad_spike);
    CU_ASSERT_DOUBLE_EQUAL(last_segment(&s)->score, .1 - .2, 1e-12);
    CU_ASSERT_EQUAL(last_segment(&s)->decision, HT_DECISION_ROLLED_BACK);
    stage_close(&s);
}

/* ---- what is missing ------------------------------------------------------------------------ */

static void without_metrics_nothing_is_proposed_and_one_warning_says_so(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    stage_offer(&s, "opt", "lr_mult", ht_real(.5));
    for (long long step = 100; step <= 300; step += 100)
        ht_tuner_event(s.tuner, HT_VAL_EPOCH_END, &(ht_env){.step = step}, NULL);
    CU_ASSERT_EQUAL(s.n_asked, 0);
    CU_ASSERT_EQUAL(s.n_warnings, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.warning, "'val/loss'"));
    CU_ASSERT_EQUAL(s.n_windows, 3);
    stage_close(&s);
}

static void a_missing_objective_is_named_once(void)
{
    stage s;
    fresh(&s, RECIPE(", \"objective\": {\"primary\": \"val/score\"}"), HT_MODE_ACTIVE);
    halve_lr(&s, 100, 1);
    halve_lr(&s, 200, 1);
    CU_ASSERT_EQUAL(s.n_asked, 0);
    CU_ASSERT_EQUAL(s.n_warnings, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.warning, "'val/score' is not reported"));
    stage_close(&s);
}

static void an_objective_that_goes_away_decides_nothing_and_is_rolled_back(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    halve_lr(&s, 100, 1);
    ht_metrics_clear(s.metrics, "val/loss");
    ht_tuner_event(s.tuner, HT_VAL_EPOCH_END, &(ht_env){.step = 200}, NULL);
    CU_ASSERT_EQUAL_FATAL(s.n_segments, 1);
    CU_ASSERT_EQUAL(last_segment(&s)->decision, HT_DECISION_INCONCLUSIVE);
    CU_ASSERT_STRING_EQUAL(last_segment(&s)->reason, "no_reading");
    CU_ASSERT_EQUAL(last_mutation(&s)->status, HT_MUTATION_ROLLED_BACK);
    CU_ASSERT_EQUAL(stage_state(&s).reject_streak, 0);
    CU_ASSERT_EQUAL(s.lr, .001);
    stage_close(&s);
}

static void an_actuator_of_the_recipe_that_nobody_registers_is_named_once(void)
{
    stage s;
    fresh(&s, "{\"actuators\": {\"ghost\": {\"mutations\": {\"x\": {}}}}}", HT_MODE_OFF);
    CU_ASSERT_EQUAL(s.n_warnings, 0); /* nobody wants to tune yet */
    stage_operate(&s, "enable", NULL);
    stage_operate(&s, "disable", NULL);
    stage_operate(&s, "enable", NULL);
    CU_ASSERT_EQUAL(s.n_warnings, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.warning, "actuators.ghost"));
    stage_close(&s);
}

/* ---- the offer and its checks --------------------------------------------------------------- */

static void the_offer_leaves_out_what_cools_down_or_is_risky(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    stage_operate(&s, "set", "{\"actuators.opt.mutations.lr_mult.cooldown\": 3}");
    halve_lr(&s, 100, 1);
    CU_ASSERT_EQUAL_FATAL(s.ask.n, 3);
    CU_ASSERT_STRING_EQUAL(s.ask.families[0].key, "lr_mult");
    CU_ASSERT_STRING_EQUAL(s.ask.families[1].key, "wd_set");
    CU_ASSERT_STRING_EQUAL(s.ask.families[2].key, "turn");
    CU_ASSERT_EQUAL(s.ask.families[0].scale, HT_SCALE_LOG);
    CU_ASSERT_EQUAL(s.ask.families[1].mode, HT_SPEC_SET);
    stage_validate(&s, 200, .5);
    CU_ASSERT_PTR_NULL(on_offer(&s, "lr_mult"));
    CU_ASSERT_PTR_NOT_NULL(on_offer(&s, "wd_set"));
    stage_close(&s);
}

static void the_cap_on_one_step_cuts_the_bounds_of_the_offer(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    stage_operate(&s, "set",
                  "{\"actuators.opt.mutations.lr_mult.max_step_mult\": 1.25, "
                  "\"actuators.opt.mutations.wd_set.max_step_mult\": 4}");
    stage_validate(&s, 100, 1);
    const ht_eligible *lr = on_offer(&s, "lr_mult"), *wd = on_offer(&s, "wd_set");
    CU_ASSERT_FATAL(lr != NULL && wd != NULL);
    CU_ASSERT_EQUAL(lr->lo[0], .8);
    CU_ASSERT_EQUAL(lr->hi[0], 1.25);
    CU_ASSERT_EQUAL(wd->lo[0], .0025); /* weight decay is 0.01 now */
    CU_ASSERT_EQUAL(wd->hi[0], .04);
    s.wd = .9;
    stage_validate(&s, 200, 1);
    CU_ASSERT_PTR_NOT_NULL(on_offer(&s, "wd_set"));
    s.wd = 1e-6;
    stage_validate(&s, 300, 1); /* no legal step leads into the bounds */
    CU_ASSERT_PTR_NULL(on_offer(&s, "wd_set"));
    stage_close(&s);
}

/* What the tuner has against this proposal, in a fresh run. */
static void assert_stopped(const char *actuator, const char *op, ht_value value, const char *code)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    stage_offer(&s, actuator, op, value);
    stage_validate(&s, 100, 1);
    CU_ASSERT(s.window.asked);
    CU_ASSERT(has_code(&s.window.blocked, code));
    CU_ASSERT_EQUAL(s.n_mutations, 0);
    CU_ASSERT_EQUAL(stage_state(&s).mutation_counter, 0);
    CU_ASSERT_EQUAL(s.lr, .001);
    CU_ASSERT_EQUAL(s.rig.value, 1);
    stage_close(&s);
}

static void a_proposal_is_checked_whoever_made_it(void)
{
    const double betas[2] = {.8, .95};
    assert_stopped("opt", "lr_mult", ht_real(2.5), "out_of_bounds");
    assert_stopped("opt", "lr_mult", ht_real(NAN), "out_of_bounds");
    assert_stopped("opt", "lr_mult", ht_text("1.5"), "invalid");
    assert_stopped("opt", "betas_set", ht_tuple(2, betas), "risk_too_high");
    assert_stopped("opt", "frob", ht_real(1), "mutation_not_in_recipe");
    assert_stopped("nobody", "lr_mult", ht_real(1), "actuator_not_in_recipe");
}

static void every_element_of_a_tuple_must_lie_inside_its_bounds(void)
{
    const double outside[2] = {.95, .5}, inside[2] = {.8, .995};
    double betas[2] = {.9, .999}, lr = .001;
    void *adam = NULL;
    ht_param_group group = {.lr = &lr, .betas = betas};
    stage s;
    CU_ASSERT_FATAL(stage_prepare(&s, "{\"actuators\": {\"adam\": {\"mutations\": {\"betas_set\": "
                                      "{\"bounds\": [[0.8, 0.95], [0.99, 0.9999]]}}}}}"));
    CU_ASSERT_EQUAL_FATAL(ht_optimizer_create(1, &group, NULL, &adam, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_actuators_add(s.actuators, "adam", &ht_optimizer_class, adam, NULL), HT_OK);
    ht_tuner_options o = stage_options(&s, HT_MODE_ACTIVE);
    CU_ASSERT_EQUAL_FATAL(ht_tuner_create(&o, &s.tuner, NULL), HT_OK);
    stage_offer(&s, "adam", "betas_set", ht_tuple(2, outside));
    stage_validate(&s, 100, 1);
    CU_ASSERT(has_code(&s.window.blocked, "out_of_bounds"));
    CU_ASSERT_EQUAL_FATAL(s.ask.n, 1);
    CU_ASSERT_EQUAL(s.ask.families[0].n, 2);
    CU_ASSERT_EQUAL(s.ask.families[0].lo[1], .99);
    CU_ASSERT_EQUAL(s.ask.families[0].scale, HT_SCALE_BETA);
    stage_offer(&s, "adam", "betas_set", ht_tuple(2, inside));
    stage_validate(&s, 200, 1);
    CU_ASSERT_EQUAL(betas[1], .995);
    stage_validate(&s, 300, 1);
    CU_ASSERT_EQUAL(betas[0], .9);
    CU_ASSERT_EQUAL(betas[1], .999);
    stage_close(&s);
}

static void a_search_that_fails_is_a_search_without_an_answer(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    s.propose_status = HT_ECOMM;
    halve_lr(&s, 100, 1);
    CU_ASSERT(has_code(&s.window.blocked, "no_proposal"));
    CU_ASSERT_EQUAL(s.n_mutations, 0);
    CU_ASSERT_EQUAL(stage_state(&s).mode, HT_MODE_ACTIVE);
    stage_close(&s);
}

CASES("tuner", CASE(the_eighth_decision_point_after_the_last_reject_is_free_for_one_probe),
      CASE(a_pause_of_0_ends_only_by_switching_off_and_on),
      CASE(a_higher_limit_in_a_pause_frees_at_once_and_never_raises_the_streak),
      CASE(nothing_follows_a_reject_at_the_same_decision_point),
      CASE(a_horizon_of_three_validations_is_judged_at_the_third),
      CASE(a_horizon_in_steps_is_judged_at_the_first_validation_that_far),
      CASE(an_automatic_horizon_is_the_next_validation),
      CASE(a_factor_lifts_a_value_at_zero_to_the_floor_of_its_family),
      CASE(a_blocker_judges_before_the_horizon),
      CASE(a_bad_loss_of_a_batch_blocks_the_next_decision_point_only),
      CASE(an_objective_that_is_not_finite_blocks_and_rejects),
      CASE(an_objective_that_is_not_finite_is_no_start_even_when_it_does_not_block),
      CASE(a_gradient_that_jumps_costs_a_fifth),
      CASE(without_metrics_nothing_is_proposed_and_one_warning_says_so),
      CASE(a_missing_objective_is_named_once),
      CASE(an_objective_that_goes_away_decides_nothing_and_is_rolled_back),
      CASE(an_actuator_of_the_recipe_that_nobody_registers_is_named_once),
      CASE(the_offer_leaves_out_what_cools_down_or_is_risky),
      CASE(the_cap_on_one_step_cuts_the_bounds_of_the_offer), CASE(a_proposal_is_checked_whoever_made_it),
      CASE(every_element_of_a_tuple_must_lie_inside_its_bounds),
      CASE(a_search_that_fails_is_a_search_without_an_answer))
