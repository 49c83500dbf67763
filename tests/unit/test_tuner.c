/* tests/unit/test_tuner.c - what the loop does where no recorded trace says it (tests/conformance has those).
 *
 * Sources: BEHAVIOUR 3, 5, 6, 8.4 as quoted in the headers of src/tune. */
#include "cases.h"
#include "tuner_stage.h"

#define FAMILIES                                                                                        \
    "\"actuators\": {\"opt\": {\"mutations\": {\"lr_mult\": {\"bounds\": [0.5, 2.0], \"cooldown\": 1}, " \
    "\"wd_set\": {\"bounds\": [0.001, 0.5]}, \"betas_set\": {\"bounds\": [0.5, 0.9], \"risk\": \"high\"}}}, " \
    "\"rig\": {\"mutations\": {\"turn\": {\"bounds\": [0.0, 10.0], \"cooldown\": 0}}}}"
#define RECIPE(more) "{" FAMILIES more "}"

static void fresh(stage *s, const char *recipe, ht_mode mode)
{
    CU_ASSERT_FATAL(stage_open(s, recipe, mode));
}

static void halve_lr(stage *s, long long step, double objective)
{
    stage_offer(s, "opt", "lr_mult", ht_real(.5));
    CU_ASSERT_EQUAL(stage_validate(s, step, objective), HT_OK);
}

static void turn_rig(stage *s, long long step, double objective)
{
    stage_offer(s, "rig", "turn", ht_real(5));
    CU_ASSERT_EQUAL(stage_validate(s, step, objective), HT_OK);
}

/* Make one mutation that is rejected two decision points later: steps `step` and `step` + 100. */
static void reject_once(stage *s, long long step)
{
    halve_lr(s, step, 1);
    stage_validate(s, step + 100, 2);
}

/* ---- switching off -------------------------------------------------------------------------- */

static void disabling_rolls_the_open_mutation_back_and_decides_nothing(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    halve_lr(&s, 100, 1);
    CU_ASSERT_EQUAL(s.lr, .0005);
    CU_ASSERT_EQUAL(stage_operate(&s, "disable", NULL), HT_OP_APPLIED);
    CU_ASSERT_EQUAL(s.lr, .001);
    CU_ASSERT_EQUAL(last_segment(&s)->decision, HT_DECISION_INCONCLUSIVE);
    CU_ASSERT_STRING_EQUAL(last_segment(&s)->reason, "disabled");
    CU_ASSERT_EQUAL(last_segment(&s)->rollback, HT_ROLLBACK_EXACT);
    CU_ASSERT_EQUAL(last_segment(&s)->post.n, 0);
    CU_ASSERT_FALSE(last_segment(&s)->has_score);
    CU_ASSERT_EQUAL(last_mutation(&s)->status, HT_MUTATION_ROLLED_BACK);
    CU_ASSERT_EQUAL(stage_state(&s).reject_streak, 0);
    CU_ASSERT_EQUAL(stage_state(&s).mode, HT_MODE_OFF);
    stage_close(&s);
}

static void disabling_leaves_the_mutation_when_rollback_is_off(void)
{
    stage s;
    fresh(&s, RECIPE(", \"acceptance\": {\"rollback_on_reject\": false}"), HT_MODE_ACTIVE);
    halve_lr(&s, 100, 1);
    stage_operate(&s, "disable", NULL);
    CU_ASSERT_EQUAL(s.lr, .0005);
    CU_ASSERT_EQUAL(last_segment(&s)->rollback, HT_ROLLBACK_OFF);
    CU_ASSERT_EQUAL(last_mutation(&s)->status, HT_MUTATION_INCONCLUSIVE);
    stage_close(&s);
}

static void a_tuner_that_is_off_sees_nothing(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_OFF);
    halve_lr(&s, 100, 1);
    CU_ASSERT_EQUAL(s.n_windows + s.n_asked + s.n_mutations + s.n_warnings, 0);
    CU_ASSERT_EQUAL(stage_state(&s).total_steps, 0);
    CU_ASSERT_FALSE(stage_state(&s).was_on);
    CU_ASSERT_EQUAL(ht_tuner_close(s.tuner, NULL), HT_OK);
    stage_close(&s);
}

static void observing_writes_windows_and_asks_nothing(void)
{
    stage s;
    fresh(&s, RECIPE(", \"objective\": {\"backup_metrics\": [\"grad/norm\"]}"), HT_MODE_OBSERVE);
    ht_metrics_set(s.metrics, "grad/norm", 3, NULL);
    halve_lr(&s, 100, .75);
    CU_ASSERT_EQUAL(s.n_windows, 1);
    CU_ASSERT_EQUAL(s.n_asked, 0);
    CU_ASSERT_FALSE(s.window.asked);
    CU_ASSERT_EQUAL(s.window.step, 100);
    CU_ASSERT_EQUAL(s.window.epoch, 1);
    CU_ASSERT_STRING_EQUAL(s.window.phase, "early");
    CU_ASSERT_EQUAL_FATAL(s.window.readings.n, 2);
    CU_ASSERT_EQUAL(*ht_readings_find(&s.window.readings, "val/loss"), .75);
    CU_ASSERT_EQUAL(*ht_readings_find(&s.window.readings, "grad/norm"), 3);
    stage_close(&s);
}

/* ---- suggest, freeze ------------------------------------------------------------------------ */

static void suggesting_logs_one_a_decision_point_and_changes_nothing(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_SUGGEST);
    halve_lr(&s, 100, 1);
    halve_lr(&s, 200, 1);
    CU_ASSERT_EQUAL(s.lr, .001);
    CU_ASSERT_EQUAL(s.n_mutations, 2);
    CU_ASSERT_EQUAL(s.mutations[0].status, HT_MUTATION_SUGGESTED);
    CU_ASSERT_FALSE(s.mutations[0].has_snapshot);
    CU_ASSERT_EQUAL(s.mutations[1].number, 2);
    CU_ASSERT_EQUAL(s.n_segments, 0);
    cJSON *cooldowns = ht_tuner_cooldowns(s.tuner);
    CU_ASSERT_EQUAL(cJSON_GetArraySize(cooldowns), 0);
    cJSON_Delete(cooldowns);
    stage_close(&s);
}

static void a_frozen_tuner_judges_and_proposes_nothing_and_time_stands_still(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    CU_ASSERT_EQUAL(stage_operate(&s, "set", "{\"actuators.opt.mutations.lr_mult.cooldown\": 5}"), HT_OP_APPLIED);
    halve_lr(&s, 100, 1);
    ht_tuner_freeze(s.tuner, true);
    turn_rig(&s, 200, 2);
    CU_ASSERT_EQUAL(last_segment(&s)->decision, HT_DECISION_ROLLED_BACK);
    CU_ASSERT_EQUAL(s.lr, .001);
    turn_rig(&s, 300, 1);
    ht_tuner_event(s.tuner, HT_FIT_START, &(ht_env){.step = 300}, NULL);
    CU_ASSERT_EQUAL(s.n_asked, 1);
    CU_ASSERT_EQUAL(stage_state(&s).global_cooldown, 1);
    cJSON *cooldowns = ht_tuner_cooldowns(s.tuner);
    CU_ASSERT_EQUAL(ht_json_number(cooldowns, "opt:lr_mult", 0), 5);
    cJSON_Delete(cooldowns);
    ht_tuner_freeze(s.tuner, false);
    turn_rig(&s, 400, 1);
    CU_ASSERT_EQUAL(s.n_asked, 2);
    stage_close(&s);
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
    stage_validate(&s, 490, 2);                 /* the probe is rejected: the next pause */
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
    stage_validate(&s, 300, .8);                /* the open segment keeps its own horizon */
    CU_ASSERT_EQUAL(s.n_segments, 0);
    CU_ASSERT_EQUAL(s.n_asked, 1);              /* one open mutation at a time */
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
    CU_ASSERT_EQUAL(s.n_warnings, 0);           /* nobody wants to tune yet */
    stage_operate(&s, "enable", NULL);
    stage_operate(&s, "disable", NULL);
    stage_operate(&s, "enable", NULL);
    CU_ASSERT_EQUAL(s.n_warnings, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.warning, "actuators.ghost"));
    stage_close(&s);
}

/* ---- the offer and its checks --------------------------------------------------------------- */

static const ht_eligible *on_offer(const stage *s, const char *key)
{
    for (size_t i = 0; i < s->ask.n; i++)
        if (strcmp(s->ask.families[i].key, key) == 0)
            return &s->ask.families[i];
    return NULL;
}

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
    stage_operate(&s, "set", "{\"actuators.opt.mutations.lr_mult.max_step_mult\": 1.25, "
                             "\"actuators.opt.mutations.wd_set.max_step_mult\": 4}");
    stage_validate(&s, 100, 1);
    const ht_eligible *lr = on_offer(&s, "lr_mult"), *wd = on_offer(&s, "wd_set");
    CU_ASSERT_FATAL(lr != NULL && wd != NULL);
    CU_ASSERT_EQUAL(lr->lo[0], .8);
    CU_ASSERT_EQUAL(lr->hi[0], 1.25);
    CU_ASSERT_EQUAL(wd->lo[0], .0025);          /* weight decay is 0.01 now */
    CU_ASSERT_EQUAL(wd->hi[0], .04);
    s.wd = .9;
    stage_validate(&s, 200, 1);
    CU_ASSERT_PTR_NOT_NULL(on_offer(&s, "wd_set"));
    s.wd = 1e-6;
    stage_validate(&s, 300, 1);                 /* no legal step leads into the bounds */
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

/* ---- failures ------------------------------------------------------------------------------- */

static void a_failed_apply_is_undone_logged_and_cools_nothing_down(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    s.rig.apply_fails = true;
    turn_rig(&s, 100, 1);
    CU_ASSERT_EQUAL(s.rig.value, 1);
    CU_ASSERT_EQUAL_FATAL(s.n_mutations, 1);
    CU_ASSERT_EQUAL(s.mutations[0].status, HT_MUTATION_FAILED);
    CU_ASSERT_STRING_EQUAL(s.mutations[0].error, "the rig is stuck");
    CU_ASSERT_FALSE(s.mutations[0].has_snapshot);
    CU_ASSERT_EQUAL(stage_state(&s).active_mutation, 0);
    CU_ASSERT_EQUAL(stage_state(&s).reject_streak, 0);
    CU_ASSERT_EQUAL(s.n_disabled, 0);
    stage_close(&s);
}

static void no_snapshot_no_mutation(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    s.rig.no_snapshot = true;
    turn_rig(&s, 100, 1);
    CU_ASSERT_EQUAL(s.rig.value, 1);
    CU_ASSERT_EQUAL(last_mutation(&s)->status, HT_MUTATION_FAILED);
    CU_ASSERT_STRING_EQUAL(last_mutation(&s)->error, "snapshot");
    stage_close(&s);
}

static void three_failures_in_a_row_switch_the_actuator_off_until_it_is_enabled_again(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    s.rig.apply_fails = true;
    for (long long step = 100; step <= 300; step += 100)
        turn_rig(&s, step, 1);
    CU_ASSERT_EQUAL(s.n_disabled, 1);
    CU_ASSERT_STRING_EQUAL(s.disabled, "rig");
    CU_ASSERT_STRING_EQUAL(s.disabled_why, "the rig is stuck");
    CU_ASSERT_EQUAL(stage_state(&s).mode, HT_MODE_ACTIVE);
    s.rig.apply_fails = false;
    turn_rig(&s, 400, 1);
    CU_ASSERT(has_code(&s.window.blocked, "actuator_disabled"));
    CU_ASSERT_PTR_NULL(on_offer(&s, "turn"));
    CU_ASSERT_EQUAL(s.n_mutations, 3);
    stage_operate(&s, "set", "{\"actuators.rig.enabled\": true}");
    turn_rig(&s, 500, 1);
    CU_ASSERT_EQUAL(s.rig.value, 5);
    stage_close(&s);
}

static void a_success_in_between_starts_the_count_of_failures_anew(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    for (long long step = 100; step <= 600; step += 100) {
        s.rig.apply_fails = step != 300;
        turn_rig(&s, step, 1000.0 / (double)step);      /* what is applied is accepted */
    }
    CU_ASSERT_EQUAL(s.n_disabled, 1);                   /* by 400, 500 and 600 only */
    CU_ASSERT_EQUAL(s.n_segments, 1);
    stage_close(&s);
}

static void a_failed_rollback_leaves_the_mutation_in_force_and_is_not_tried_again(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    turn_rig(&s, 100, 1);
    s.rig.restore_fails = true;
    stage_validate(&s, 200, 2);
    CU_ASSERT_EQUAL(s.rig.value, 5);
    CU_ASSERT_EQUAL(last_segment(&s)->decision, HT_DECISION_REJECTED);
    CU_ASSERT_EQUAL(last_segment(&s)->rollback, HT_ROLLBACK_FAILED);
    CU_ASSERT_EQUAL(last_mutation(&s)->status, HT_MUTATION_REJECTED);
    CU_ASSERT_STRING_EQUAL(last_mutation(&s)->error, "the rig does not turn back");
    CU_ASSERT_EQUAL(stage_state(&s).reject_streak, 1);
    s.rig.restore_fails = false;
    stage_validate(&s, 300, 3);
    CU_ASSERT_EQUAL(s.rig.value, 5);
    CU_ASSERT_EQUAL(s.n_segments, 1);
    stage_close(&s);
}

static void without_auto_disable_the_third_failure_is_returned_and_tuning_goes_on(void)
{
    stage s;
    CU_ASSERT_FATAL(stage_prepare(&s, RECIPE("")));
    ht_tuner_options o = stage_options(&s, HT_MODE_ACTIVE);
    o.auto_disable_on_error = false;
    CU_ASSERT_EQUAL_FATAL(ht_tuner_create(&o, &s.tuner, NULL), HT_OK);
    s.rig.apply_fails = true;
    turn_rig(&s, 100, 1);
    turn_rig(&s, 200, 1);
    ht_error err = {""};
    ht_env env = {.step = 300, .loss = 1};
    stage_offer(&s, "rig", "turn", ht_real(5));
    CU_ASSERT_EQUAL(stage_validate_in(&s, &env, 1, &err), HT_EFAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "'rig' failed 3 times in a row: the rig is stuck"));
    CU_ASSERT_EQUAL(s.n_disabled, 0);
    s.rig.apply_fails = false;
    turn_rig(&s, 400, 1);
    CU_ASSERT_EQUAL(s.rig.value, 5);
    stage_close(&s);
}

static void a_record_that_cannot_be_written_undoes_the_open_mutation_and_switches_tuning_off(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    s.write_status = HT_EIO;
    halve_lr(&s, 100, 1);
    CU_ASSERT_EQUAL(s.lr, .001);
    CU_ASSERT_EQUAL(stage_state(&s).mode, HT_MODE_OFF);
    CU_ASSERT_EQUAL(stage_state(&s).active_mutation, 0);
    CU_ASSERT_EQUAL(s.n_disabled, 1);
    CU_ASSERT_STRING_EQUAL(s.disabled, "tune");
    CU_ASSERT_PTR_NOT_NULL(strstr(s.disabled_why, "mutation"));
    stage_close(&s);
}

static void without_auto_disable_a_lost_record_is_returned_and_tuning_goes_on(void)
{
    stage s;
    CU_ASSERT_FATAL(stage_prepare(&s, RECIPE("")));
    ht_tuner_options o = stage_options(&s, HT_MODE_ACTIVE);
    o.auto_disable_on_error = false;
    CU_ASSERT_EQUAL_FATAL(ht_tuner_create(&o, &s.tuner, NULL), HT_OK);
    s.write_status = HT_EIO;
    stage_offer(&s, "opt", "lr_mult", ht_real(.5));
    CU_ASSERT_EQUAL(stage_validate(&s, 100, 1), HT_EIO);
    CU_ASSERT_EQUAL(s.lr, .0005);
    CU_ASSERT_EQUAL(stage_state(&s).active_mutation, 1);
    s.write_status = HT_OK;
    CU_ASSERT_EQUAL(stage_validate(&s, 200, .5), HT_OK);
    CU_ASSERT_EQUAL(last_segment(&s)->decision, HT_DECISION_ACCEPTED);
    stage_close(&s);
}

/* ---- the end of a run ----------------------------------------------------------------------- */

static void a_run_that_ends_at_the_mutation_decides_nothing(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    halve_lr(&s, 100, 1);
    ht_tuner_event(s.tuner, HT_RUN_END, &(ht_env){.step = 100}, NULL);
    CU_ASSERT_EQUAL_FATAL(s.n_segments, 1);
    CU_ASSERT_EQUAL(last_segment(&s)->decision, HT_DECISION_INCONCLUSIVE);
    CU_ASSERT_STRING_EQUAL(last_segment(&s)->reason, "no_steps");
    CU_ASSERT_EQUAL(s.lr, .001);
    stage_close(&s);
}

static void a_run_that_ends_after_a_fresh_reading_is_judged_early(void)
{
    stage s;
    fresh(&s, RECIPE(", \"acceptance\": {\"horizon\": \"val_epochs:4\"}"), HT_MODE_ACTIVE);
    halve_lr(&s, 100, 1);
    ht_metrics_set(s.metrics, "val/loss", .5, NULL);
    ht_tuner_event(s.tuner, HT_RUN_END, &(ht_env){.step = 150, .loss = 1}, NULL);
    CU_ASSERT_EQUAL_FATAL(s.n_segments, 1);
    CU_ASSERT_EQUAL(last_segment(&s)->decision, HT_DECISION_ACCEPTED);
    CU_ASSERT(last_segment(&s)->early);
    stage_close(&s);
}

static void a_reading_older_than_the_mutation_is_no_reading(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    halve_lr(&s, 100, 1);
    ht_tuner_event(s.tuner, HT_TRAIN_BATCH_END, &(ht_env){.step = 150, .loss = 1}, NULL);
    CU_ASSERT_EQUAL(ht_tuner_close(s.tuner, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(s.n_segments, 1);
    CU_ASSERT_EQUAL(last_segment(&s)->decision, HT_DECISION_INCONCLUSIVE);
    CU_ASSERT_STRING_EQUAL(last_segment(&s)->reason, "no_reading");
    CU_ASSERT_EQUAL(last_segment(&s)->end_step, 150);
    CU_ASSERT_EQUAL(s.lr, .001);
    CU_ASSERT_EQUAL(ht_tuner_close(s.tuner, NULL), HT_OK);      /* once is enough */
    CU_ASSERT_EQUAL(s.n_segments, 1);
    stage_close(&s);
}

/* ---- operations ----------------------------------------------------------------------------- */

static void a_new_objective_that_was_not_read_before_decides_nothing(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    ht_metrics_set(s.metrics, "val/score", 1, NULL);
    halve_lr(&s, 100, 1);
    CU_ASSERT_EQUAL(stage_operate(&s, "set", "{\"objective.primary\": \"val/score\"}"), HT_OP_APPLIED);
    stage_validate(&s, 200, .5);
    CU_ASSERT_EQUAL_FATAL(s.n_segments, 1);
    CU_ASSERT_EQUAL(last_segment(&s)->decision, HT_DECISION_INCONCLUSIVE);
    CU_ASSERT_STRING_EQUAL(last_segment(&s)->reason, "no_reading");
    stage_close(&s);
}

static void a_setting_that_is_refused_says_why_and_changes_nothing(void)
{
    stage s;
    ht_op_result result;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    cJSON *params = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_json_parse("{\"acceptance.epsilon\": 0.5, \"search.seed\": -1}", &params, NULL, NULL),
                          HT_OK);
    ht_tuner_operate(s.tuner, "set", params, NULL, &result);
    CU_ASSERT_EQUAL(result.decision, HT_OP_FAILED);
    CU_ASSERT_PTR_NULL(result.payload);
    CU_ASSERT_EQUAL(strncmp(result.error, "invalid_recipe: search.seed", 27), 0);
    CU_ASSERT_EQUAL(stage_state(&s).recipe->acceptance.epsilon, .001);
    cJSON_Delete(params);
    stage_close(&s);
}

static void a_new_epsilon_counts_for_the_open_segment(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    halve_lr(&s, 100, 1);
    stage_operate(&s, "set", "{\"acceptance.epsilon\": 0.5}");
    stage_validate(&s, 200, .75);
    CU_ASSERT_EQUAL(last_segment(&s)->decision, HT_DECISION_ROLLED_BACK);
    stage_close(&s);
}

static void an_unknown_mode_is_refused_by_its_name(void)
{
    stage s;
    ht_op_result result;
    fresh(&s, RECIPE(""), HT_MODE_OBSERVE);
    cJSON *params = cJSON_Parse("{\"mode\": \"activ\"}");
    ht_tuner_operate(s.tuner, "enable", params, NULL, &result);
    CU_ASSERT_EQUAL(result.decision, HT_OP_FAILED);
    CU_ASSERT_STRING_EQUAL(result.error, "unknown_mode:activ");
    CU_ASSERT_PTR_NULL(result.payload);
    CU_ASSERT_EQUAL(stage_state(&s).mode, HT_MODE_OBSERVE);
    cJSON_Delete(params);
    stage_close(&s);
}

static void the_status_says_what_is_open_and_what_is_registered(void)
{
    stage s;
    ht_op_result result;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    halve_lr(&s, 100, 1);
    ht_tuner_operate(s.tuner, "status", NULL, NULL, &result);
    char *line = ht_json_line(result.payload);
    CU_ASSERT_EQUAL(result.decision, HT_OP_APPLIED);
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    CU_ASSERT_STRING_EQUAL(line, "{\"mode\":\"active\",\"mutation_counter\":1,\"reject_streak\":0,"
                                 "\"cooldowns\":{\"opt:lr_mult\":1},\"actuators\":[\"opt\",\"rig\"],"
                                 "\"active_mutation\":\"m_00001\"}");
    free(line);
    cJSON_Delete(result.payload);
    stage_close(&s);
}

static void a_value_set_by_command_survives_the_rollback(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    halve_lr(&s, 100, 1);
    CU_ASSERT_EQUAL_FATAL(last_mutation(&s)->n_changes, 1);
    s.lr = .0003;
    ht_tuner_value_was_commanded(s.tuner, last_mutation(&s)->changes[0].param);
    stage_validate(&s, 200, 2);
    CU_ASSERT_EQUAL(s.lr, .0003);
    CU_ASSERT_EQUAL(last_segment(&s)->rollback, HT_ROLLBACK_LEFT);
    CU_ASSERT_EQUAL(last_segment(&s)->decision, HT_DECISION_ROLLED_BACK);
    stage_close(&s);
}

static void numbers_go_on_after_those_that_are_used(void)
{
    stage s;
    CU_ASSERT_FATAL(stage_prepare(&s, RECIPE("")));
    ht_tuner_options o = stage_options(&s, HT_MODE_ACTIVE);
    o.first_mutation = 41;
    o.first_segment = 17;
    o.replica = 3;
    CU_ASSERT_EQUAL_FATAL(ht_tuner_create(&o, &s.tuner, NULL), HT_OK);
    halve_lr(&s, 100, 1);
    stage_validate(&s, 200, .5);
    CU_ASSERT_EQUAL(last_mutation(&s)->number, 42);
    CU_ASSERT_EQUAL(last_segment(&s)->number, 18);
    CU_ASSERT_EQUAL(last_segment(&s)->mutation, 42);
    CU_ASSERT_EQUAL(last_segment(&s)->replica, 3);
    stage_close(&s);
}

static void a_tuner_needs_all_its_ports(void)
{
    stage s;
    ht_tuner *t = NULL;
    ht_error err = {""};
    CU_ASSERT_FATAL(stage_prepare(&s, RECIPE("")));
    ht_tuner_options o = stage_options(&s, HT_MODE_ACTIVE);
    o.ports.window = NULL;
    CU_ASSERT_EQUAL(ht_tuner_create(&o, &t, &err), HT_EINVAL);
    CU_ASSERT_PTR_NULL(t);
    CU_ASSERT_NOT_EQUAL(err.text[0], '\0');
    stage_close(&s);
}

/* ---- recorded mutations --------------------------------------------------------------------- */

static const char log_text[] =
    "{\"mutation_id\": \"m_00001\", \"step\": 150, \"actuator\": \"opt\", \"phase_bin\": \"early\", "
    "\"patch\": {\"op\": \"lr_mult\", \"value\": 0.5}, \"status\": \"accepted\"}\n"
    "{\"mutation_id\": \"m_00002\", \"step\": 150, \"actuator\": \"rig\", "
    "\"patch\": {\"op\": \"turn\", \"value\": 30}, \"status\": \"accepted\"}\n"
    "{\"mutation_id\": \"m_00003\", \"step\": 900, \"actuator\": \"opt\", "
    "\"patch\": {\"op\": \"wd_set\", \"value\": 0.1}, \"status\": \"accepted\"}\n";

static void start_replay(stage *s)
{
    ht_replay log;
    ht_op_result result;
    cJSON *params = cJSON_Parse("{\"mode\": \"replay\"}");
    CU_ASSERT_EQUAL_FATAL(ht_replay_parse(log_text, &log, NULL), HT_OK);
    ht_tuner_operate(s->tuner, "enable", params, &log, &result);
    CU_ASSERT_EQUAL(result.decision, HT_OP_APPLIED);
    cJSON_Delete(result.payload);
    cJSON_Delete(params);
    ht_replay_release(&log);
}

static void recorded_mutations_are_applied_when_due_and_the_rest_is_counted_as_missed(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_OFF);
    start_replay(&s);
    stage_validate(&s, 100, 1);
    CU_ASSERT_EQUAL(s.n_mutations, 0);
    stage_validate(&s, 200, 1);
    CU_ASSERT_EQUAL_FATAL(s.n_mutations, 2);
    CU_ASSERT_EQUAL(s.lr, .0005);
    CU_ASSERT_EQUAL(s.rig.value, 30);           /* the recipe's bounds do not count here */
    CU_ASSERT_EQUAL(s.mutations[0].source, HT_SOURCE_REPLAY);
    CU_ASSERT_EQUAL(s.mutations[0].step, 200);
    CU_ASSERT_STRING_EQUAL(s.mutations[0].phase, "early");
    CU_ASSERT_STRING_EQUAL(s.mutations[1].phase, "unknown");
    CU_ASSERT_FALSE(s.mutations[0].has_context);
    CU_ASSERT_FALSE(s.mutations[0].has_snapshot);
    CU_ASSERT_EQUAL(stage_state(&s).active_mutation, 0);
    ht_tuner_event(s.tuner, HT_RUN_END, &(ht_env){.step = 300}, NULL);
    CU_ASSERT_EQUAL(stage_state(&s).replay_missed, 1);
    CU_ASSERT_EQUAL(s.n_segments, 0);
    stage_close(&s);
}

static void recorded_mutations_wait_for_the_open_one_and_for_blockers(void)
{
    stage s;
    fresh(&s, RECIPE(", \"acceptance\": {\"horizon\": \"val_epochs:2\"}"), HT_MODE_ACTIVE);
    halve_lr(&s, 100, 1);
    start_replay(&s);
    stage_validate(&s, 200, .9);
    CU_ASSERT_EQUAL(s.n_mutations, 1);
    ht_env alarm = {.step = 300, .loss = NAN};
    stage_validate_in(&s, &alarm, .9, NULL);
    CU_ASSERT_EQUAL(s.n_segments, 1);
    CU_ASSERT_EQUAL(s.rig.value, 1);
    stage_validate(&s, 400, .9);
    CU_ASSERT_EQUAL(s.rig.value, 30);
    stage_close(&s);
}

static void a_recorded_patch_is_carried_out_as_an_operation(void)
{
    stage s;
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    halve_lr(&s, 100, 1);
    CU_ASSERT_EQUAL(stage_operate(&s, "mutate", "{\"actuator\": \"rig\", \"patch\": {\"op\": \"turn\", \"value\": 7}}"),
                    HT_OP_APPLIED);
    CU_ASSERT_EQUAL(s.rig.value, 7);
    CU_ASSERT_EQUAL(s.lr, .001);                /* it takes the place of what was open */
    CU_ASSERT_EQUAL(last_mutation(&s)->source, HT_SOURCE_REPLAY);
    CU_ASSERT_EQUAL(stage_state(&s).active_mutation, 0);
    CU_ASSERT_EQUAL(stage_operate(&s, "mutate", "{\"actuator\": \"rig\", \"patch\": {\"op\": \"kick\", \"value\": 7}}"),
                    HT_OP_FAILED);
    CU_ASSERT_EQUAL(stage_operate(&s, "mutate", "{\"patch\": {}}"), HT_OP_FAILED);
    CU_ASSERT_EQUAL(s.rig.value, 7);
    stage_close(&s);
}

CASES("tuner", CASE(disabling_rolls_the_open_mutation_back_and_decides_nothing),
      CASE(disabling_leaves_the_mutation_when_rollback_is_off), CASE(a_tuner_that_is_off_sees_nothing),
      CASE(observing_writes_windows_and_asks_nothing),
      CASE(suggesting_logs_one_a_decision_point_and_changes_nothing),
      CASE(a_frozen_tuner_judges_and_proposes_nothing_and_time_stands_still),
      CASE(the_eighth_decision_point_after_the_last_reject_is_free_for_one_probe),
      CASE(a_pause_of_0_ends_only_by_switching_off_and_on),
      CASE(a_higher_limit_in_a_pause_frees_at_once_and_never_raises_the_streak),
      CASE(nothing_follows_a_reject_at_the_same_decision_point),
      CASE(a_horizon_of_three_validations_is_judged_at_the_third),
      CASE(a_horizon_in_steps_is_judged_at_the_first_validation_that_far),
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
      CASE(a_search_that_fails_is_a_search_without_an_answer),
      CASE(a_failed_apply_is_undone_logged_and_cools_nothing_down), CASE(no_snapshot_no_mutation),
      CASE(three_failures_in_a_row_switch_the_actuator_off_until_it_is_enabled_again),
      CASE(a_success_in_between_starts_the_count_of_failures_anew),
      CASE(a_failed_rollback_leaves_the_mutation_in_force_and_is_not_tried_again),
      CASE(without_auto_disable_the_third_failure_is_returned_and_tuning_goes_on),
      CASE(a_record_that_cannot_be_written_undoes_the_open_mutation_and_switches_tuning_off),
      CASE(without_auto_disable_a_lost_record_is_returned_and_tuning_goes_on),
      CASE(a_run_that_ends_at_the_mutation_decides_nothing),
      CASE(a_run_that_ends_after_a_fresh_reading_is_judged_early),
      CASE(a_reading_older_than_the_mutation_is_no_reading),
      CASE(a_new_objective_that_was_not_read_before_decides_nothing),
      CASE(a_setting_that_is_refused_says_why_and_changes_nothing),
      CASE(a_new_epsilon_counts_for_the_open_segment), CASE(an_unknown_mode_is_refused_by_its_name),
      CASE(the_status_says_what_is_open_and_what_is_registered),
      CASE(a_value_set_by_command_survives_the_rollback), CASE(numbers_go_on_after_those_that_are_used),
      CASE(a_tuner_needs_all_its_ports),
      CASE(recorded_mutations_are_applied_when_due_and_the_rest_is_counted_as_missed),
      CASE(recorded_mutations_wait_for_the_open_one_and_for_blockers),
      CASE(a_recorded_patch_is_carried_out_as_an_operation))
