/* tests/store/test_record_json.c - records as JSON: keys, their order, what is null and what is left out.
 * Key order is a promise (docs/run-directory.md), so lines are compared as text. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "store/record_json.h"

static void check(cJSON *item, const char *expected)
{
    char *line = item == NULL ? NULL : ht_json_line(item);
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    CU_ASSERT_STRING_EQUAL(line, expected);
    free(line);
    cJSON_Delete(item);
}

static const ht_stamp stamp = {2, 1800000000.25};

/* ---- mutations ---------------------------------------------------------------------------------- */

static ht_mutation weight_mutation(void)
{
    ht_mutation m = {.number = 7, .replica = 3, .step = 1800, .epoch = 9, .phase = "mid", .actuator = "loss",
                     .key = "aux_w", .patch = {.op = "mult", .key = "aux_w", .value = ht_real(1.25)},
                     .source = HT_SOURCE_TPE,
                     .has_context = true, .reject_streak = 1, .mutation_count = 6, .has_snapshot = true,
                     .status = HT_MUTATION_APPLIED, .n_changes = 1};
    ht_readings_put(&m.context, "val/loss", 0.61);
    m.changes[0] = (ht_change){.param = "aux_w", .n_cells = 1, .before = {0.4}, .after = {0.5}};
    return m;
}

static void a_mutation_has_hotcbs_keys_in_order_and_ours_after_them(void)
{
    ht_mutation m = weight_mutation();
    check(ht_mutation_to_json(&m, stamp),
          "{\"mutation_id\":\"m_00007\",\"step\":1800,\"epoch\":9,\"phase_bin\":\"mid\",\"event\":\"val_"
          "epoch_end\","
          "\"actuator\":\"loss\",\"patch\":{\"op\":\"mult\",\"key\":\"aux_w\",\"value\":1.25},"
          "\"proposal_source\":\"tpe\",\"context\":{\"phase_bin\":\"mid\",\"val/"
          "loss\":0.61,\"reject_streak\":1,"
          "\"mutation_count\":6},\"snapshot_ref\":\"snap_00007\",\"status\":\"applied\",\"run\":\"r2\","
          "\"replica\":3,"
          "\"wall_time\":1800000000.25,\"before\":{\"aux_w\":0.4},\"after\":{\"aux_w\":0.5},\"scale\":\"linear\"}");
}

static void a_failed_mutation_says_why_and_has_no_snapshot(void)
{
    ht_mutation m = weight_mutation();
    m.status = HT_MUTATION_FAILED;
    m.has_snapshot = false;
    m.n_changes = 0;
    strcpy(m.error, "boom");
    strcpy(m.reason, "apply");
    cJSON *o = ht_mutation_to_json(&m, (ht_stamp){0});
    CU_ASSERT_TRUE(cJSON_IsNull(ht_json_member(o, "snapshot_ref")));
    CU_ASSERT_STRING_EQUAL(ht_json_text(o, "error"), "boom");
    CU_ASSERT_STRING_EQUAL(ht_json_text(o, "reason"), "apply");
    CU_ASSERT_PTR_NULL(ht_json_member(o, "before"));
    CU_ASSERT_PTR_NULL(ht_json_member(o, "run"));
    CU_ASSERT_PTR_NULL(ht_json_member(o, "wall_time"));
    cJSON_Delete(o);
}

static void a_patch_that_was_lifted_from_zero_says_its_floor(void)
{
    ht_mutation m = weight_mutation();
    m.patch.floor = 0.01;
    cJSON *o = ht_mutation_to_json(&m, stamp);
    char *patch = ht_json_line(ht_json_member(o, "patch"));
    CU_ASSERT_STRING_EQUAL(patch, "{\"op\":\"mult\",\"key\":\"aux_w\",\"value\":1.25,\"floor\":0.01}");
    free(patch);
    cJSON_Delete(o);
}

static void a_replayed_mutation_has_an_empty_context_and_a_family_without_key_no_key(void)
{
    ht_mutation m = weight_mutation();
    m.has_context = false;
    m.patch = (ht_patch){.op = "betas_set", .value = ht_tuple(2, (const double[]){0.9, 0.99})};
    m.changes[0] = (ht_change){.param = "betas", .n_cells = 2, .before = {0.8, NAN}, .after = {0.9, 0.99}};
    cJSON *o = ht_mutation_to_json(&m, stamp);
    char *context = ht_json_line(ht_json_member(o, "context")),
         *patch = ht_json_line(ht_json_member(o, "patch"));
    char *before = ht_json_line(ht_json_member(o, "before")),
         *after = ht_json_line(ht_json_member(o, "after"));
    CU_ASSERT_STRING_EQUAL(context, "{}");
    CU_ASSERT_STRING_EQUAL(patch, "{\"op\":\"betas_set\",\"value\":[0.9,0.99]}");
    CU_ASSERT_STRING_EQUAL(before, "{\"betas\":[0.8,null]}");
    CU_ASSERT_STRING_EQUAL(after, "{\"betas\":[0.9,0.99]}");
    free(context);
    free(patch);
    free(before);
    free(after);
    cJSON_Delete(o);
}

static void a_value_that_did_not_exist_before_is_null_before(void)
{
    ht_mutation m = weight_mutation();
    m.changes[0].was_absent = true;
    cJSON *o = ht_mutation_to_json(&m, stamp);
    CU_ASSERT_TRUE(cJSON_IsNull(ht_json_member(ht_json_member(o, "before"), "aux_w")));
    cJSON_Delete(o);
}

/* ---- segments ----------------------------------------------------------------------------------- */

static ht_segment segment(void)
{
    ht_segment g = {.number = 6, .mutation = 7, .replica = 3, .start_step = 1800, .end_step = 2000,
                    .horizon = "next_val_epoch_end", .decision = HT_DECISION_ROLLED_BACK, .has_score = true,
                    .score = -0.03, .rollback = HT_ROLLBACK_EXACT};
    ht_readings_put(&g.pre, "val/loss", 0.5);
    ht_readings_put(&g.post, "val/loss", 0.75);
    return g;
}

static void a_segment_has_hotcbs_keys_in_order_and_ours_after_them(void)
{
    ht_segment g = segment();
    check(
        ht_segment_to_json(&g, stamp),
        "{\"segment_id\":\"s_00006\",\"mutation_id\":\"m_00007\",\"start_step\":1800,\"end_step\":2000,"
        "\"horizon_type\":\"next_val_epoch_end\",\"pre\":{\"val/loss\":0.5},\"post\":{\"val/loss\":0.75},"
        "\"delta\":{\"val/loss\":0.25},\"stability\":{\"nan\":false,\"anomaly\":false,\"grad_spike\":false},"
        "\"decision\":\"rolled_back\",\"score_delta\":-0.03,\"run\":\"r2\",\"replica\":3,\"rollback\":"
        "\"exact\","
        "\"wall_time\":1800000000.25}");
}

static void a_segment_without_a_verdict_has_a_null_score_and_a_reason(void)
{
    ht_segment g = segment();
    g.has_score = false;
    g.decision = HT_DECISION_INCONCLUSIVE;
    g.early = true;
    strcpy(g.reason, "no_reading");
    g.post.at[0].value = NAN;
    cJSON *o = ht_segment_to_json(&g, stamp);
    CU_ASSERT_TRUE(cJSON_IsNull(ht_json_member(o, "score_delta")));
    CU_ASSERT_STRING_EQUAL(ht_json_text(o, "reason"), "no_reading");
    CU_ASSERT_TRUE(ht_json_true(o, "early"));
    CU_ASSERT_TRUE(cJSON_IsNull(ht_json_member(ht_json_member(o, "post"), "val/loss")));
    CU_ASSERT_PTR_NULL(ht_json_member(ht_json_member(o, "delta"), "val/loss"));
    cJSON_Delete(o);
}

/* ---- windows and the ledger --------------------------------------------------------------------- */

static void a_window_leaves_out_readings_that_are_not_finite(void)
{
    ht_window w = {.replica = 1,
                   .step = 40,
                   .epoch = 1,
                   .phase = "early",
                   .mode = HT_MODE_ACTIVE,
                   .asked = true,
                   .has_active = true,
                   .active = 12};
    ht_readings_put(&w.readings, "val/loss", 0.5);
    ht_readings_put(&w.readings, "grad/norm", INFINITY);
    ht_codes_add(&w.blocked, "cooldown");
    check(ht_window_to_json(&w, stamp),
          "{\"step\":40,\"epoch\":1,\"wall_time\":1800000000.25,\"metrics\":{\"val/loss\":0.5},"
          "\"event\":\"val_epoch_end\",\"phase_bin\":\"early\",\"mode\":\"active\",\"blockers\":[],\"reject_"
          "streak\":0,"
          "\"asked\":true,\"blocked\":[\"cooldown\"],\"replica\":1,\"run\":\"r2\",\"active_mutation\":\"m_"
          "00012\","
          "\"pause_left\":0,\"global_cooldown\":0}");
}

static void a_ledger_line_has_all_keys_and_null_for_what_is_not_known(void)
{
    cJSON *params = cJSON_CreateObject();
    ht_json_put_real(params, "acceptance.epsilon", 0.002);
    ht_ledger_line l = {.step = 1200,
                        .epoch = -1,
                        .event = "train_batch_end",
                        .phase = "train",
                        .module = "tune",
                        .op = "set",
                        .source = HT_FROM_EXTERNAL,
                        .decision = HT_LEDGER_APPLIED,
                        .params = params,
                        .command_end = 77};
    check(ht_ledger_to_json(&l, 3, 1800000000.25),
          "{\"seq\":3,\"step\":1200,\"epoch\":null,\"event\":\"train_batch_end\",\"phase\":\"train\","
          "\"module\":\"tune\","
          "\"op\":\"set\",\"id\":null,\"source\":\"external\",\"decision\":\"applied\","
          "\"params\":{\"acceptance.epsilon\":0.002},\"payload\":null,\"error\":null,\"traceback\":null,"
          "\"notes\":null,"
          "\"wall_time\":1800000000.25,\"cmd_end\":77}");
    ht_ledger_line_release(&l);
}

/* ---- the summary -------------------------------------------------------------------------------- */

/* Three verdicts: opt:lr_mult accepted at 0.5 in "early", rolled back in "mid"; loss:aux_w inconclusive. */
static void count_run(ht_statistics *s)
{
    ht_statistics_init(s);
    for (unsigned long i = 1; i <= 3; i++) {
        ht_mutation m = weight_mutation();
        ht_segment g = segment();
        m.number = g.mutation = i;
        if (i <= 2) {
            m.scale = HT_SCALE_LOG;
            strcpy(m.actuator, "opt");
            strcpy(m.key, "lr_mult");
            m.patch = (ht_patch){.op = "lr_mult", .value = ht_real(0.5)};
            m.changes[0] = (ht_change){.param = "lr", .n_cells = 1, .before = {0.2}, .after = {0.1}};
        }
        strcpy(m.phase, i == 1 ? "early" : "mid");
        ht_statistics_mutation(s, &m);
        g.decision = i == 1   ? HT_DECISION_ACCEPTED
                     : i == 2 ? HT_DECISION_ROLLED_BACK
                              : HT_DECISION_INCONCLUSIVE;
        m.status = i == 1   ? HT_MUTATION_ACCEPTED
                   : i == 2 ? HT_MUTATION_ROLLED_BACK
                            : HT_MUTATION_INCONCLUSIVE;
        g.has_score = i <= 2;
        g.score = i == 1 ? 0.5 : -0.25;
        ht_statistics_mutation(s, &m);
        CU_ASSERT_EQUAL_FATAL(ht_statistics_segment(s, &g, &m), HT_OK);
    }
    ht_codes blocked = {0};
    ht_codes_add(&blocked, "cooldown");
    ht_statistics_blocked(s, &blocked);
}

static void a_summary_counts_verdicts_and_tells_what_won_where(void)
{
    ht_statistics s;
    count_run(&s);
    check(
        ht_summary_to_json(&s, HT_MODE_ACTIVE, 0, 4),
        "{\"total_mutations\":3,\"applied_mutations\":3,\"segments_by_decision\":{\"accepted\":1,\"rolled_"
        "back\":1,"
        "\"inconclusive\":1},\"win_rates\":{\"opt:lr_mult\":0.5},\"mean_scores\":{\"opt:lr_mult\":0.125},"
        "\"accept_rate\":0.5,\"mode\":\"active\",\"total_steps\":null,\"win_centers\":{\"opt:lr_mult\":0.5},"
        "\"win_spreads\":{\"opt:lr_mult\":0.0},\"win_counts\":{\"opt:lr_mult\":1},\"phases\":{\"early\":"
        "{\"opt:lr_mult\":{\"win_rate\":1.0,\"mean_score\":0.5,\"win_center\":0.5,\"win_spread\":0.0,"
        "\"win_count\":1}},\"mid\":{\"opt:lr_mult\":{\"win_rate\":0.0,\"mean_score\":-0.25,\"win_count\":0}}},"
        "\"failed\":0,\"suggested\":0,\"blocked\":{\"cooldown\":1},\"replay_missed\":4}");
    ht_statistics_release(&s);
}

static void the_summary_file_adds_what_only_the_whole_run_knows(void)
{
    ht_statistics s;
    count_run(&s);
    ht_coordinator_view v = {.mode = HT_MODE_OFF,
                             .statistics = &s,
                             .total_steps = 6000,
                             .has_best = true,
                             .best = 0.25,
                             .best_replica = 2,
                             .best_step = 40,
                             .best_epoch = 1,
                             .open = 1};
    cJSON *o = ht_summary_file_to_json(&v, 5, NULL, true, cJSON_CreateObject());
    CU_ASSERT_STRING_EQUAL(ht_json_text(o, "run"), "r5");
    CU_ASSERT_TRUE(ht_json_true(o, "final"));
    CU_ASSERT_EQUAL(ht_json_number(o, "open", 0), 1);
    CU_ASSERT_EQUAL(ht_json_number(o, "total_steps", 0), 6000);
    CU_ASSERT_TRUE(cJSON_IsObject(ht_json_member(o, "live")));
    char *champion = ht_json_line(ht_json_member(o, "champion"));
    CU_ASSERT_STRING_EQUAL(champion, "{\"replica\":2,\"step\":40,\"epoch\":1,\"value\":0.25}");
    free(champion);
    cJSON_Delete(o);
    ht_statistics_release(&s);
}

static void a_summary_gives_back_the_evidence_that_went_in(void)
{
    ht_statistics s;
    count_run(&s);
    ht_evidence before[8], *after = NULL;
    size_t n = 0, k = 0;
    CU_ASSERT_TRUE_FATAL(s.n_families <= 8);
    ht_statistics_evidence(&s, before);
    cJSON *o = ht_summary_to_json(&s, HT_MODE_ACTIVE, 0, 0);
    CU_ASSERT_EQUAL_FATAL(ht_summary_evidence(o, &n, &after, NULL), HT_OK);
    CU_ASSERT_EQUAL(n, 3);
    for (size_t i = 0; i < s.n_families; i++)
        for (k = 0; k < n && s.families[i].decided > 0; k++)
            if (strcmp(after[k].key, before[i].key) == 0 && strcmp(after[k].phase, before[i].phase) == 0) {
                CU_ASSERT_STRING_EQUAL(after[k].actuator, before[i].actuator);
                CU_ASSERT_EQUAL(after[k].win_rate, before[i].win_rate);
                CU_ASSERT_EQUAL(after[k].mean_score, before[i].mean_score);
                CU_ASSERT_EQUAL(after[k].wins, before[i].wins);
                CU_ASSERT_TRUE(before[i].wins == 0 || after[k].win_center == before[i].win_center);
            }
    free(after);
    cJSON_Delete(o);
    ht_statistics_release(&s);
}

static cJSON *parse(const char *text)
{
    cJSON *o = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(text, &o, NULL, NULL), HT_OK);
    return o;
}

static void a_summary_of_hotcb_has_rates_but_no_wins(void)
{
    ht_evidence *e = NULL;
    size_t n = 0;
    cJSON *o = parse("{\"win_rates\":{\"opt:lr_mult\":0.75,\"nonsense\":1,\"a:b\":\"x\"},\"mean_scores\":{"
                     "\"opt:lr_mult\":2}}");
    CU_ASSERT_EQUAL(ht_summary_evidence(o, &n, &e, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(n, 1);
    CU_ASSERT_STRING_EQUAL(e[0].actuator, "opt");
    CU_ASSERT_STRING_EQUAL(e[0].key, "lr_mult");
    CU_ASSERT_EQUAL(e[0].win_rate, 0.75);
    CU_ASSERT_EQUAL(e[0].mean_score, 2);
    CU_ASSERT_EQUAL(e[0].wins, 0);
    free(e);
    cJSON_Delete(o);
}

static void a_summary_of_another_shape_gives_no_evidence_and_no_crash(void)
{
    static const char *const texts[] = {
        "{}", "{\"win_rates\":[1,2]}", "{\"win_rates\":3,\"phases\":4}", "{\"phases\":{\"early\":[{}]}}",
        "{\"phases\":[{\"a:b\":{}}]}", "{\"win_rates\":{\"a:b\":null},\"win_centers\":[]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ht_evidence *e = NULL;
        size_t n = 9;
        cJSON *o = parse(texts[i]);
        CU_ASSERT_EQUAL(ht_summary_evidence(o, &n, &e, NULL), HT_OK);
        CU_ASSERT_EQUAL(n, 0);
        CU_ASSERT_PTR_NULL(e);
        cJSON_Delete(o);
    }
    ht_evidence *e = NULL;
    size_t n = 9;
    cJSON *list = parse("[1]");
    CU_ASSERT_EQUAL(ht_summary_evidence(list, &n, &e, NULL), HT_EFORMAT);
    CU_ASSERT_EQUAL(n, 9);
    cJSON_Delete(list);
}

CASES("record_json", CASE(a_mutation_has_hotcbs_keys_in_order_and_ours_after_them),
      CASE(a_failed_mutation_says_why_and_has_no_snapshot),
      CASE(a_replayed_mutation_has_an_empty_context_and_a_family_without_key_no_key),
      CASE(a_patch_that_was_lifted_from_zero_says_its_floor),
      CASE(a_value_that_did_not_exist_before_is_null_before),
      CASE(a_segment_has_hotcbs_keys_in_order_and_ours_after_them),
      CASE(a_segment_without_a_verdict_has_a_null_score_and_a_reason),
      CASE(a_window_leaves_out_readings_that_are_not_finite),
      CASE(a_ledger_line_has_all_keys_and_null_for_what_is_not_known),
      CASE(a_summary_counts_verdicts_and_tells_what_won_where),
      CASE(the_summary_file_adds_what_only_the_whole_run_knows),
      CASE(a_summary_gives_back_the_evidence_that_went_in), CASE(a_summary_of_hotcb_has_rates_but_no_wins),
      CASE(a_summary_of_another_shape_gives_no_evidence_and_no_crash))
