/* tests/unit/test_tuner_failures.c - what fails around the tuner, and the end of a run.
 *
 * Sources: the rules of the loop as the headers of src/tune have them. */
#include "cases.h"
#include "tuner_stage.h"

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
        turn_rig(&s, step, 1000.0 / (double)step); /* what is applied is accepted */
    }
    CU_ASSERT_EQUAL(s.n_disabled, 1); /* by 400, 500 and 600 only */
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
    CU_ASSERT_EQUAL(ht_tuner_close(s.tuner, NULL), HT_OK); /* once is enough */
    CU_ASSERT_EQUAL(s.n_segments, 1);
    stage_close(&s);
}

CASES("tuner_failures", CASE(a_failed_apply_is_undone_logged_and_cools_nothing_down),
      CASE(no_snapshot_no_mutation),
      CASE(three_failures_in_a_row_switch_the_actuator_off_until_it_is_enabled_again),
      CASE(a_success_in_between_starts_the_count_of_failures_anew),
      CASE(a_failed_rollback_leaves_the_mutation_in_force_and_is_not_tried_again),
      CASE(without_auto_disable_the_third_failure_is_returned_and_tuning_goes_on),
      CASE(a_record_that_cannot_be_written_undoes_the_open_mutation_and_switches_tuning_off),
      CASE(without_auto_disable_a_lost_record_is_returned_and_tuning_goes_on),
      CASE(a_run_that_ends_at_the_mutation_decides_nothing),
      CASE(a_run_that_ends_after_a_fresh_reading_is_judged_early),
      CASE(a_reading_older_than_the_mutation_is_no_reading))
