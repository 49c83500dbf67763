/* tests/population/test_agent_operate.c - commands, freeze modes, operation lists, as a training feels them. */
#include "cases.h"

#include "population/agent_world.h"

/* ---- from outside ----------------------------------------------------------------------------- */

static void a_command_acts_at_the_next_safe_point(void)
{
    world *w = world_of(1, HT_MODE_OBSERVE);
    training *t = &w->at[0];
    epochs(t, 1);
    operate(
        w,
        "{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"key\":\"lr\",\"value\":0.5},\"id\":\"a\"}");
    train(t);
    CU_ASSERT_EQUAL(t->lr, .001);
    CU_ASSERT_EQUAL(count(w, HT_RECORD_LEDGER), 0);
    validate(t);
    CU_ASSERT_EQUAL(t->lr, .5);
    CU_ASSERT_EQUAL(line(w)->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_EQUAL(line(w)->step, 2 * STEPS);
    CU_ASSERT_STRING_EQUAL(line(w)->event, "val_epoch_end");
    CU_ASSERT_STRING_EQUAL(line(w)->phase, "train");
    CU_ASSERT_EQUAL(ht_json_number(line(w)->payload, "lr", 0), .5);
    CU_ASSERT_PTR_NOT_NULL(strstr(last(w, HT_RECORD_CONTROLS)->as.controls, "\"current\":0.5"));
    end(w);
}

static void disable_rolls_back_what_is_not_judged(void)
{
    world *w = world_of(1, HT_MODE_ACTIVE);
    epochs(&w->at[0], 1);
    CU_ASSERT_NOT_EQUAL(w->at[0].lr, .001);
    operate(w, "{\"module\":\"tune\",\"op\":\"disable\"}");
    epochs(&w->at[0], 1);
    CU_ASSERT_EQUAL(w->at[0].lr, .001);
    CU_ASSERT_EQUAL(last(w, HT_RECORD_SEGMENT)->as.closed.segment.decision, HT_DECISION_INCONCLUSIVE);
    CU_ASSERT_EQUAL(last(w, HT_RECORD_SEGMENT)->as.closed.segment.end_step, 2 * STEPS);
    CU_ASSERT_EQUAL(view(w).mode, HT_MODE_OFF);
    CU_ASSERT_EQUAL(view(w).open, 0);
    end(w);
}

static void a_setting_holds_for_replica_and_coordinator(void)
{
    world *w = world_of(1, HT_MODE_OBSERVE);
    operate(w, "{\"module\":\"tune\",\"op\":\"set\",\"params\":{\"acceptance.epsilon\":0.125}}");
    operate(w, "{\"module\":\"tune\",\"op\":\"set\",\"params\":{\"acceptance.epsilom\":1}}");
    epochs(&w->at[0], 1);
    ht_tuner_state state;
    ht_agent_peek(w->at[0].agent, &state);
    CU_ASSERT_EQUAL(state.recipe->acceptance.epsilon, .125);
    CU_ASSERT_EQUAL(view(w).recipe->acceptance.epsilon, .125);
    CU_ASSERT_EQUAL(count(w, HT_RECORD_RECIPE), 1);
    CU_ASSERT_EQUAL(line(w)->decision, HT_LEDGER_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(line(w)->error, "invalid_recipe: acceptance.epsilom"));
    end(w);
}

static void status_tells_run_wide_numbers(void)
{
    world *w = world_of(2, HT_MODE_ACTIVE);
    epochs(&w->at[1], 1);
    epochs(&w->at[0], 1);
    operate(w, "{\"module\":\"tune\",\"op\":\"status\"}");
    epochs(&w->at[1], 1);
    double made = (double)mutations(w, HT_MUTATION_APPLIED);
    epochs(&w->at[0], 1);
    CU_ASSERT_EQUAL(line(w)->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_STRING_EQUAL(ht_json_text(line(w)->payload, "active_mutation"), "m_00002");
    CU_ASSERT_EQUAL(ht_json_number(line(w)->payload, "mutation_counter", 0), made);
    end(w);
}

static void ends_as(const char *body, ht_ledger_decision decision, const char *error, const char *notes)
{
    world *w = world_of(1, HT_MODE_OBSERVE);
    operate(w, body);
    epochs(&w->at[0], 1);
    CU_ASSERT_EQUAL(line(w)->decision, decision);
    CU_ASSERT_STRING_EQUAL(line(w)->error, error);
    CU_ASSERT_STRING_EQUAL(line(w)->notes, notes);
    end(w);
}

static void each_fault_of_a_knob_command_is_named(void)
{
    ends_as(
        "{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"lr\":0.1,\"wd\":1,\"id\":\"x\",\"a\":null}}",
        HT_LEDGER_APPLIED, "", "wd:unknown_param");
    ends_as("{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"lr\":5}}", HT_LEDGER_FAILED,
            "lr:invalid:above_max", "");
    ends_as("{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"lr\":\"x\",\"wd\":1}}", HT_LEDGER_FAILED,
            "lr:invalid:type; wd:unknown_param", "");
    ends_as("{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"opt_idx\":1,\"lr\":0.1}}",
            HT_LEDGER_FAILED, "lr:unknown_param", "");
    ends_as("{\"module\":\"opt\",\"op\":\"set_params\"}", HT_LEDGER_FAILED, "no_params", "");
    ends_as("{\"module\":\"opt\",\"op\":\"disable\",\"id\":\"lr\"}", HT_LEDGER_APPLIED, "", "");
    ends_as("{\"module\":\"opt\",\"op\":\"disable\",\"params\":{\"key\":\"no\"}}", HT_LEDGER_FAILED,
            "unknown_param", "");
    ends_as("{\"module\":\"opt\",\"op\":\"polish\"}", HT_LEDGER_IGNORED, "", "unknown_op:polish");
}

static void without_knobs_there_is_nothing_to_set(void)
{
    world *w = world_with(1, (ht_coordinator_options){.mode = HT_MODE_OFF}, false);
    CU_ASSERT_EQUAL_FATAL(ht_agent_begin(w->at[0].agent, NULL), HT_OK);
    operate(w, "{\"module\":\"loss\",\"op\":\"set_params\",\"params\":{\"aux\":1}}");
    epochs(&w->at[0], 1);
    CU_ASSERT_STRING_EQUAL(line(w)->error, "no_mutable_state");
    end(w);
}

static void knobs_are_verified_at_decision_points(void)
{
    world *w = world_of(1, HT_MODE_OBSERVE);
    ht_knob_view v;
    operate(w, "{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"lr\":0.1}}");
    epochs(&w->at[0], 1);
    ht_knobs_find(w->at[0].knobs, "lr", &v);
    CU_ASSERT_EQUAL(v.state, HT_KNOB_UNVERIFIED);       /* its metric was read before the command */
    epochs(&w->at[0], 1);
    ht_knobs_find(w->at[0].knobs, "lr", &v);
    CU_ASSERT_EQUAL(v.state, HT_KNOB_VERIFIED);
    end(w);
}

static void stop_reaches_the_training_at_its_next_safe_point(void)
{
    world *w = world_of(1, HT_MODE_ACTIVE);
    epochs(&w->at[0], 1);
    ht_coordinator_stop(w->c, w->now);
    train(&w->at[0]);
    CU_ASSERT_FALSE(ht_agent_should_stop(w->at[0].agent));
    validate(&w->at[0]);
    CU_ASSERT_TRUE(ht_agent_should_stop(w->at[0].agent));
    CU_ASSERT_EQUAL(mutations(w, HT_MUTATION_APPLIED), 1);
    end(w);
}

/* ---- freeze modes ----------------------------------------------------------------------------- */

static void frozen_means_judged_and_nothing_new(void)
{
    world *w = world_of(1, HT_MODE_ACTIVE);
    epochs(&w->at[0], 1);
    operate(w, "{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"prod\"}");
    epochs(&w->at[0], 3);
    CU_ASSERT_EQUAL(mutations(w, HT_MUTATION_APPLIED), 1);
    CU_ASSERT_EQUAL(count(w, HT_RECORD_SEGMENT), 1);
    operate(w, "{\"module\":\"core\",\"op\":\"unfreeze\"}");
    epochs(&w->at[0], 2);
    CU_ASSERT_TRUE(mutations(w, HT_MUTATION_APPLIED) > 1);
    end(w);
}

static const char list_text[] =
    "{\"at\":{\"step\":7,\"event\":\"train_batch_end\"},\"module\":\"opt\",\"op\":\"set_params\","
    "\"params\":{\"lr\":0.25}}\n"
    "{\"at\":{\"step\":10,\"event\":\"val_epoch_end\"},\"module\":\"tune\",\"op\":\"mutate\","
    "\"params\":{\"actuator\":\"opt\",\"patch\":{\"op\":\"lr_mult\",\"value\":2.0}}}\n"
    "{\"at\":{\"step\":8000},\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"lr\":0.1}}\n";

static world *world_of_list(bool strict)
{
    world *w = world_with(
        1,
        (ht_coordinator_options){
            .mode = HT_MODE_ACTIVE,
            .freeze = {.mode = HT_FREEZE_REPLAY, .strict = strict, .recipe_path = "l", .list = list_text}},
        true);
    CU_ASSERT_EQUAL_FATAL(ht_agent_begin(w->at[0].agent, NULL), HT_OK);
    CU_ASSERT_TRUE(ht_agent_acts_on_batches(w->at[0].agent));
    return w;
}

static void an_operation_list_fires_at_its_steps_and_events(void)
{
    world *w = world_of_list(false);
    training *t = &w->at[0];
    epochs(t, 1);
    CU_ASSERT_EQUAL(t->lr, .001);
    train(t);
    CU_ASSERT_EQUAL(t->lr, .25);
    CU_ASSERT_EQUAL(line(w)->step, 7);
    CU_ASSERT_EQUAL(line(w)->source, HT_FROM_REPLAY);
    CU_ASSERT_STRING_EQUAL(line(w)->event, "train_batch_end");
    validate(t);
    CU_ASSERT_EQUAL(t->lr, .5);
    CU_ASSERT_STRING_EQUAL(line(w)->op, "mutate");
    CU_ASSERT_EQUAL(line(w)->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_EQUAL(last(w, HT_RECORD_MUTATION)->as.mutation.step, 10);
    CU_ASSERT_EQUAL(last(w, HT_RECORD_MUTATION)->as.mutation.source, HT_SOURCE_REPLAY);
    CU_ASSERT_EQUAL(ht_agent_close(t->agent, NULL), HT_OK);
    CU_ASSERT_EQUAL(line(w)->decision, HT_LEDGER_FAILED);
    CU_ASSERT_STRING_EQUAL(line(w)->error, "missed_step:8000:train_step_end");
    CU_ASSERT_STRING_EQUAL(line(w)->notes, "best_effort_missed");
    CU_ASSERT_EQUAL(count(w, HT_RECORD_LEDGER), 3);
    end(w);
}

static void a_strict_list_makes_the_close_fail(void)
{
    world *w = world_of_list(true);
    ht_error err = {""};
    epochs(&w->at[0], 3);
    CU_ASSERT_EQUAL(ht_agent_close(w->at[0].agent, &err), HT_EFAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "1 entries of the operation list were missed"));
    CU_ASSERT_STRING_EQUAL(line(w)->notes, "strict_policy_missed");
    CU_ASSERT_TRUE(ht_coordinator_is_done(w->c));
    end(w);
}

static void core_in_a_list_is_carried_out_by_the_coordinator(void)
{
    const char *list =
        "{\"at\":{\"step\":5,\"event\":\"val_epoch_end\"},\"module\":\"core\",\"op\":\"unfreeze\"}\n";
    world *w = world_with(1, (ht_coordinator_options){.mode = HT_MODE_ACTIVE,
                                                      .freeze = {.mode = HT_FREEZE_REPLAY, .recipe_path = "l",
                                                                 .list = list}}, true);
    CU_ASSERT_EQUAL_FATAL(ht_agent_begin(w->at[0].agent, NULL), HT_OK);
    epochs(&w->at[0], 1);
    CU_ASSERT_EQUAL(last(w, HT_RECORD_FREEZE)->as.freeze.mode, HT_FREEZE_OFF);
    CU_ASSERT_EQUAL(line(w)->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_EQUAL(mutations(w, HT_MUTATION_APPLIED), 0);
    epochs(&w->at[0], 1);
    CU_ASSERT_EQUAL(mutations(w, HT_MUTATION_APPLIED), 1);
    end(w);
}

CASES("agent_operate", CASE(a_command_acts_at_the_next_safe_point),
      CASE(disable_rolls_back_what_is_not_judged), CASE(a_setting_holds_for_replica_and_coordinator),
      CASE(status_tells_run_wide_numbers), CASE(each_fault_of_a_knob_command_is_named),
      CASE(without_knobs_there_is_nothing_to_set), CASE(knobs_are_verified_at_decision_points),
      CASE(stop_reaches_the_training_at_its_next_safe_point), CASE(frozen_means_judged_and_nothing_new),
      CASE(an_operation_list_fires_at_its_steps_and_events), CASE(a_strict_list_makes_the_close_fail),
      CASE(core_in_a_list_is_carried_out_by_the_coordinator))
