/* tests/population/test_coordinator_control.c - what is asked of a run from outside, and its ledger lines. */
#include "cases.h"

#include "population/coordinator_stage.h"

/* ---- operations ------------------------------------------------------------------------------- */

static void an_operation_is_one_line_when_all_have_answered(void)
{
    stage *s = stage_of(2, "elastic");
    hello(s, 0);
    hello(s, 1);
    operate(s, "{\"module\":\"tune\",\"op\":\"disable\",\"id\":\"x\",\"nothing\":null}");
    CU_ASSERT_EQUAL(s->n_orders[0] + s->n_orders[1], 2);
    answer(s, 1, s->number, HT_OP_APPLIED, "");
    CU_ASSERT_EQUAL(count(s, HT_RECORD_LEDGER), 0);
    answer(s, 0, s->number, HT_OP_APPLIED, "");
    CU_ASSERT_EQUAL(count(s, HT_RECORD_LEDGER), 1);
    const ht_ledger_line *l = last_line(s);
    CU_ASSERT_EQUAL(l->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_EQUAL(l->step, 300);      /* of the last answer */
    CU_ASSERT_STRING_EQUAL(l->event, "val_epoch_end");
    CU_ASSERT_STRING_EQUAL(l->phase, "val");
    CU_ASSERT_STRING_EQUAL(l->id, "x");
    CU_ASSERT_EQUAL(l->command_end, 77);
    CU_ASSERT_STRING_EQUAL(ht_json_text(l->payload, "op"), "disable");
    CU_ASSERT_PTR_NULL(ht_json_member(l->payload, "nothing"));
    CU_ASSERT_EQUAL(view(s).mode, HT_MODE_OFF);
    end(s);
}

static void one_failure_makes_an_operation_failed_and_names_the_replica(void)
{
    stage *s = stage_of(3, "elastic");
    for (int i = 0; i < 3; i++)
        hello(s, i);
    operate(s, "{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"lr\":0.1}}");
    answer(s, 0, s->number, HT_OP_APPLIED, "");
    answer(s, 2, s->number, HT_OP_FAILED, "lr:unknown_param");
    answer(s, 1, s->number, HT_OP_FAILED, "lr:invalid:above_max");
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_FAILED);
    CU_ASSERT_STRING_EQUAL(last_line(s)->error, "replica 2: lr:unknown_param");
    CU_ASSERT_PTR_NULL(last_line(s)->payload);
    end(s);
}

static void nobody_waits_for_a_replica_that_is_lost_or_done(void)
{
    stage *s = stage_of(3, "elastic");
    for (int i = 0; i < 3; i++)
        hello(s, i);
    operate(s, "{\"module\":\"tune\",\"op\":\"status\"}");
    s->now = 9;
    report(s, 0, 1, .5, 0, 0);
    answer(s, 0, s->number, HT_OP_APPLIED, "");
    bye(s, 1, 1);
    CU_ASSERT_EQUAL(count(s, HT_RECORD_LEDGER), 0);
    s->now = 28;        /* more than three epochs of replica 0 */
    ht_coordinator_tick(s->c, s->now);
    drain(s);
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_APPLIED);
    answer(s, 2, s->number, HT_OP_APPLIED, "");     /* too late: its line is written */
    CU_ASSERT_EQUAL(count(s, HT_RECORD_LEDGER), 1);
    end(s);
}

static void a_replica_that_joins_late_gets_what_waits(void)
{
    stage *s = stage_of(1, "elastic");
    operate_as(s, "{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"suggest\"}}", HT_FROM_YAML,
               NULL);
    CU_ASSERT_EQUAL(s->n_orders[0], 0);
    hello(s, 0);
    CU_ASSERT_EQUAL(s->n_orders[0], 1);
    answer(s, 0, s->number, HT_OP_APPLIED, "");
    CU_ASSERT_EQUAL(view(s).mode, HT_MODE_SUGGEST);
    CU_ASSERT_EQUAL(last_line(s)->source, HT_FROM_YAML);
    end(s);
}

static void a_setting_that_all_took_is_in_the_coordinators_recipe(void)
{
    stage *s = stage_of(1, "elastic");
    hello(s, 0);
    operate(s, "{\"module\":\"tune\",\"op\":\"set\",\"params\":{\"acceptance.epsilon\":0.25}}");
    CU_ASSERT_NOT_EQUAL(view(s).recipe->acceptance.epsilon, .25);
    answer(s, 0, s->number, HT_OP_APPLIED, "");
    CU_ASSERT_EQUAL(view(s).recipe->acceptance.epsilon, .25);
    CU_ASSERT_EQUAL(count(s, HT_RECORD_RECIPE), 1);
    operate(s, "{\"module\":\"tune\",\"op\":\"set\",\"params\":{\"acceptance.epsilon\":0.5}}");
    answer(s, 0, s->number, HT_OP_FAILED, "invalid_recipe: no");
    CU_ASSERT_EQUAL(view(s).recipe->acceptance.epsilon, .25);
    CU_ASSERT_STRING_EQUAL(last_line(s)->error, "invalid_recipe: no");  /* one replica: it needs no name */
    end(s);
}

static void refused(const char *body, ht_ledger_decision decision, const char *error, const char *notes)
{
    stage *s = stage_of(1, "elastic");
    hello(s, 0);
    operate(s, body);
    CU_ASSERT_EQUAL(last_line(s)->decision, decision);
    CU_ASSERT_STRING_EQUAL(last_line(s)->error, error);
    CU_ASSERT_STRING_EQUAL(last_line(s)->notes, notes);
    CU_ASSERT_EQUAL(s->n_orders[0], 0);
    CU_ASSERT_EQUAL(view(s).mode, HT_MODE_ACTIVE);
    end(s);
}

static void what_needs_no_replica_is_refused_at_once(void)
{
    refused("{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"wild\"}}", HT_LEDGER_FAILED,
            "unknown_mode:wild", "");
    refused("{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":5}}", HT_LEDGER_FAILED,
            "unknown_mode:5", "");
    refused("{\"module\":\"tune\",\"op\":\"dance\"}", HT_LEDGER_IGNORED, "", "unknown_op:dance");
    refused("{\"module\":\"tune\",\"op\":\"mutate\"}", HT_LEDGER_IGNORED, "", "unknown_op:mutate");
    refused("{\"module\":\"core\",\"op\":\"melt\"}", HT_LEDGER_IGNORED, "unknown_core_op:melt", "");
    refused("{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"hard\"}", HT_LEDGER_FAILED,
            "unknown_mode:hard", "");
    refused("{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"replay\"}", HT_LEDGER_FAILED,
            "there is no operation list; give recipe_path", "");
    refused("{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"prod\",\"policy\":\"lax\"}", HT_LEDGER_FAILED,
            "unknown_policy:lax", "");
    refused("{\"op\":\"load\"}", HT_LEDGER_IGNORED, "",
            "no_callbacks: the program's own callbacks cannot be reached from here");
}

static void a_bad_command_and_a_missing_log_fail_with_their_reason(void)
{
    stage *s = stage_of(1, "elastic");
    ht_operation o = {.command_end = 5, .fault = "bad_command"};
    o.body = cJSON_CreateObject();
    CU_ASSERT_EQUAL(ht_coordinator_operate(s->c, 0, &o), HT_OK);
    CU_ASSERT_PTR_NULL(o.body);
    drain(s);
    CU_ASSERT_STRING_EQUAL(last_line(s)->error, "bad_command");
    CU_ASSERT_EQUAL(last_line(s)->step, -1);    /* nobody has reported yet */
    o = (ht_operation){.command_end = -1, .attachment_error = "cannot open 'x'"};
    CU_ASSERT_EQUAL_FATAL(
        ht_json_parse("{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"replay\"}}", &o.body,
                      NULL, NULL),
        HT_OK);
    CU_ASSERT_EQUAL(ht_coordinator_operate(s->c, 0, &o), HT_OK);
    drain(s);
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_FAILED);
    CU_ASSERT_STRING_EQUAL(last_line(s)->error, "cannot open 'x'");
    operate_as(s, "{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"replay\"}}",
               HT_FROM_EXTERNAL, "not a log\n{}\n");
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_FAILED);
    CU_ASSERT_EQUAL(view(s).mode, HT_MODE_ACTIVE);
    end(s);
}

static void what_a_replica_disabled_is_a_line_and_the_mode_follows(void)
{
    stage *s = stage_of(1, "elastic");
    ht_packet *m = calloc(1, sizeof *m);
    hello(s, 0);
    report(s, 0, 1, .5, 0, 0);
    m->kind = HT_MESSAGE_OUTCOME;
    m->as.outcome = (ht_outcome){.decision = 1, .n_disabled = 1, .disabled = {{"tune", "log not written"}}};
    send(s, 0, m);
    free(m);
    CU_ASSERT_STRING_EQUAL(last_line(s)->op, "auto_disable");
    CU_ASSERT_EQUAL(last_line(s)->source, HT_FROM_ITSELF);
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_STRING_EQUAL(last_line(s)->error, "log not written");
    CU_ASSERT_STRING_EQUAL(ht_json_text(last_line(s)->payload, "disabled"), "tune");
    CU_ASSERT_EQUAL(view(s).mode, HT_MODE_OFF);
    end(s);
}

/* ---- freeze ----------------------------------------------------------------------------------- */

static void prod_freezes_commands_and_yaml_but_not_core(void)
{
    stage *s = stage_of(1, "elastic");
    hello(s, 0);
    operate(s, "{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"prod\"}");
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_TRUE(s->frozen);
    CU_ASSERT_EQUAL(record(s, HT_RECORD_FREEZE, 0)->as.freeze.mode, HT_FREEZE_PROD);
    operate(s, "{\"module\":\"tune\",\"op\":\"disable\"}");
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_IGNORED_FREEZE);
    CU_ASSERT_PTR_NULL(last_line(s)->payload);
    operate_as(s, "{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"lr\":1}}", HT_FROM_YAML, NULL);
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_IGNORED_FREEZE);
    CU_ASSERT_EQUAL(s->n_orders[0], 0);
    operate(s, "{\"module\":\"core\",\"op\":\"unfreeze\"}");
    CU_ASSERT_FALSE(s->frozen);
    CU_ASSERT_EQUAL(record(s, HT_RECORD_FREEZE, 1)->as.freeze.mode, HT_FREEZE_OFF);
    operate(s, "{\"module\":\"tune\",\"op\":\"disable\"}");
    CU_ASSERT_EQUAL(s->n_orders[0], 1);
    end(s);
}

static void replay_takes_a_list_and_gates_all_else(void)
{
    stage *s = stage_of(1, "elastic");
    const char *list = "{\"at\":{\"step\":100},\"module\":\"tune\",\"op\":\"disable\"}\n";
    hello(s, 0);
    operate_as(s, "{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"replay\",\"recipe_path\":\"l.jsonl\"}",
               HT_FROM_EXTERNAL, list);
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_STRING_EQUAL(s->list, list);
    CU_ASSERT_STRING_EQUAL(record(s, HT_RECORD_FREEZE, 0)->as.freeze.recipe_path, "l.jsonl");
    CU_ASSERT_PTR_NULL(record(s, HT_RECORD_FREEZE, 0)->as.freeze.list);
    operate(s, "{\"module\":\"tune\",\"op\":\"disable\"}");
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_IGNORED_REPLAY);
    ht_packet *m = calloc(1, sizeof *m);
    m->kind = HT_MESSAGE_ANSWER;
    m->as.answer = (ht_answer){.list = 1, .step = 100, .epoch = 1, .event = "train_batch_end"};
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(list, &m->as.answer.entry, NULL, NULL), HT_OK);
    send(s, 0, m);
    ht_packet_release(m);
    free(m);
    CU_ASSERT_EQUAL(last_line(s)->source, HT_FROM_REPLAY);
    CU_ASSERT_STRING_EQUAL(last_line(s)->op, "disable");
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_EQUAL(view(s).mode, HT_MODE_OFF);
    end(s);
}

static void a_freeze_file_acts_once_and_a_bad_list_repeats_nothing(void)
{
    stage *s = stage_of(1, "elastic");
    hello(s, 0);
    ht_freeze f = {.mode = HT_FREEZE_REPLAY, .recipe_path = "l.jsonl", .list = "{}\nno json\n{}\n"};
    CU_ASSERT_EQUAL(ht_coordinator_freeze(s->c, 0, &f), HT_OK);
    CU_ASSERT_EQUAL(ht_coordinator_freeze(s->c, 0, &f), HT_OK);
    drain(s);
    CU_ASSERT_EQUAL(s->n_freezes, 1);
    CU_ASSERT_TRUE(s->frozen);
    CU_ASSERT_PTR_NULL(s->list);
    CU_ASSERT_TRUE(was_said(s, "freeze mode replay repeats nothing: line 2"));
    CU_ASSERT_EQUAL(count(s, HT_RECORD_FREEZE), 0);     /* the file is there already */
    end(s);
}

CASES("coordinator_control", CASE(an_operation_is_one_line_when_all_have_answered),
      CASE(one_failure_makes_an_operation_failed_and_names_the_replica),
      CASE(nobody_waits_for_a_replica_that_is_lost_or_done),
      CASE(a_replica_that_joins_late_gets_what_waits),
      CASE(a_setting_that_all_took_is_in_the_coordinators_recipe),
      CASE(what_needs_no_replica_is_refused_at_once),
      CASE(a_bad_command_and_a_missing_log_fail_with_their_reason),
      CASE(what_a_replica_disabled_is_a_line_and_the_mode_follows),
      CASE(prod_freezes_commands_and_yaml_but_not_core), CASE(replay_takes_a_list_and_gates_all_else),
      CASE(a_freeze_file_acts_once_and_a_bad_list_repeats_nothing))
