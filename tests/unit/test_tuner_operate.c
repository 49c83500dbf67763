/* tests/unit/test_tuner_operate.c - what is asked of the tuner from outside: modes, freezing, settings,
 * recorded mutations.
 *
 * Sources: the rules of the loop as the headers of src/tune have them. */
#include "cases.h"
#include "tuner_stage.h"

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
    CU_ASSERT_EQUAL(stage_operate(&s, "set", "{\"actuators.opt.mutations.lr_mult.cooldown\": 5}"),
                    HT_OP_APPLIED);
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
    CU_ASSERT_EQUAL_FATAL(
        ht_json_parse("{\"acceptance.epsilon\": 0.5, \"search.seed\": -1}", &params, NULL, NULL), HT_OK);
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
    CU_ASSERT_EQUAL(s.rig.value, 30); /* the recipe's bounds do not count here */
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
    CU_ASSERT_EQUAL(
        stage_operate(&s, "mutate", "{\"actuator\": \"rig\", \"patch\": {\"op\": \"turn\", \"value\": 7}}"),
        HT_OP_APPLIED);
    CU_ASSERT_EQUAL(s.rig.value, 7);
    CU_ASSERT_EQUAL(s.lr, .001); /* it takes the place of what was open */
    CU_ASSERT_EQUAL(last_mutation(&s)->source, HT_SOURCE_REPLAY);
    CU_ASSERT_EQUAL(stage_state(&s).active_mutation, 0);
    CU_ASSERT_EQUAL(
        stage_operate(&s, "mutate", "{\"actuator\": \"rig\", \"patch\": {\"op\": \"kick\", \"value\": 7}}"),
        HT_OP_FAILED);
    CU_ASSERT_EQUAL(stage_operate(&s, "mutate", "{\"patch\": {}}"), HT_OP_FAILED);
    CU_ASSERT_EQUAL(s.rig.value, 7);
    stage_close(&s);
}

CASES("tuner_operate", CASE(disabling_rolls_the_open_mutation_back_and_decides_nothing),
      CASE(disabling_leaves_the_mutation_when_rollback_is_off), CASE(a_tuner_that_is_off_sees_nothing),
      CASE(observing_writes_windows_and_asks_nothing),
      CASE(suggesting_logs_one_a_decision_point_and_changes_nothing),
      CASE(a_frozen_tuner_judges_and_proposes_nothing_and_time_stands_still),
      CASE(a_new_objective_that_was_not_read_before_decides_nothing),
      CASE(a_setting_that_is_refused_says_why_and_changes_nothing),
      CASE(a_new_epsilon_counts_for_the_open_segment), CASE(an_unknown_mode_is_refused_by_its_name),
      CASE(the_status_says_what_is_open_and_what_is_registered),
      CASE(a_value_set_by_command_survives_the_rollback), CASE(numbers_go_on_after_those_that_are_used),
      CASE(a_tuner_needs_all_its_ports),
      CASE(recorded_mutations_are_applied_when_due_and_the_rest_is_counted_as_missed),
      CASE(recorded_mutations_wait_for_the_open_one_and_for_blockers),
      CASE(a_recorded_patch_is_carried_out_as_an_operation))
