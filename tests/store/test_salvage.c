/* tests/store/test_salvage.c - what a killed run learned is not lost: its logs go into the study. */
#include <math.h>

#include "cases.h"
#include "store/record_read.h"
#include "store/recorder.h"
#include "store/salvage.h"
#include "store/study_format.h"
#include "folder.h"

static const char recipe_text[] =
    "version: 1\nactuators:\n  opt:\n    mutations:\n      lr_mult: {bounds: [0.5, 2.0]}\n";

typedef struct {
    folder f;
    ht_run_history history;
    ht_run_sign before;
    ht_recipe *recipe;
    ht_coordinator *coordinator;
    ht_run_lock *lock;
    ht_recorder *recorder;
} stage;

static void begin(stage *s)
{
    ht_rank_place at[] = {{-1, "n0", "0", ""}, {0, "n1", "1", "0"}};
    const ht_places places = {2, at};
    CU_ASSERT_EQUAL_FATAL(ht_run_lock_take(s->f.path, &s->lock, &s->before, NULL), HT_OK);
    ht_recorder_options o = {.dir = s->f.path, .name = "digits", .history = &s->history, .recipe = s->recipe,
                             .seed = 5, .n_replicas = 2, .ranks_per_replica = 3, .mpi_version = "none",
                             .lock = s->lock, .places = &places};
    ht_coordinator_options c = {.n_replicas = 2, .recipe = s->recipe, .mode = HT_MODE_ACTIVE};
    CU_ASSERT_EQUAL_FATAL(ht_run_dir_history(s->f.path, &s->history, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_recorder_create(&o, &s->recorder, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_recorder_begin(s->recorder, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_coordinator_create(&c, &s->coordinator, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_recorder_tick(s->recorder, s->coordinator, 100, NULL), HT_OK);     /* into the study */
}

static void end(stage *s)
{
    ht_recorder_destroy(s->recorder);
    ht_coordinator_destroy(s->coordinator);
    ht_run_lock_release(s->lock);
}

static void put(stage *s, const ht_record *record)
{
    ht_coordinator_view view;
    ht_coordinator_peek(s->coordinator, &view);
    CU_ASSERT_EQUAL(ht_recorder_write(s->recorder, record, &view, NULL), HT_OK);
}

/* Applied, judged, closed: value 0.5 or 0.8, both accepted. */
static void put_segment(stage *s, unsigned long number, double value)
{
    ht_mutation m = {.number = number, .replica = 1, .step = 40, .phase = "early", .actuator = "opt",
                     .key = "lr_mult", .patch = {"lr_mult", "", ht_real(value)}, .scale = HT_SCALE_LOG,
                     .source = HT_SOURCE_TPE, .status = HT_MUTATION_APPLIED, .n_changes = 1};
    m.changes[0] = (ht_change){.param = "lr", .n_cells = 2, .before = {1, 2}, .after = {value, 2 * value}};
    ht_segment g = {.number = number, .mutation = number, .replica = 1, .start_step = 40, .end_step = 80,
                    .horizon = "next_val_epoch_end", .decision = HT_DECISION_ACCEPTED, .has_score = true,
                    .score = 0.25};
    ht_readings_put(&g.pre, "val/loss", 1);
    ht_readings_put(&g.post, "val/loss", NAN);
    ht_record r = {.kind = HT_RECORD_MUTATION, .as.mutation = m};
    put(s, &r);
    r.as.mutation.status = HT_MUTATION_ACCEPTED;
    put(s, &r);
    put(s, &(ht_record){.kind = HT_RECORD_SEGMENT, .as.closed = {g, r.as.mutation}});
    ht_record w = {.kind = HT_RECORD_WINDOW, .as.window = {.replica = 1, .step = 80, .epoch = 2, .phase = "early"}};
    ht_readings_put(&w.as.window.readings, "val/loss", 0.5);
    put(s, &w);
}

static stage killed_stage(void)
{
    stage s = {.history = {0}};
    folder_make(&s.f);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(recipe_text, "test", &s.recipe, NULL), HT_OK);
    begin(&s);
    put_segment(&s, 1, 0.5);
    put_segment(&s, 2, 0.8);
    end(&s);                        /* without a finish */
    return s;
}

static void close_stage(stage *s)
{
    ht_recipe_destroy(s->recipe);
    folder_remove(&s->f);
}

static ht_run_sign look(stage *s)
{
    ht_run_sign sign;
    CU_ASSERT_EQUAL(ht_run_lock_look(s->f.path, &sign, NULL), HT_OK);
    return sign;
}

static size_t salvage(stage *s, const ht_run_sign *dead)
{
    size_t n = 99;
    ht_error damage;
    CU_ASSERT_EQUAL(ht_salvage_study(s->f.path, dead, folder_file(&s->f, "study.h5"), &n, &damage, NULL), HT_OK);
    CU_ASSERT_STRING_EQUAL(damage.text, "");
    return n;
}

/* The only run of the study has this much evidence of lr_mult over all phases. */
static void expect_study(stage *s, const char *id, double wins)
{
    size_t n = 0;
    ht_run_evidence *runs = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_study_evidence(folder_file(&s->f, "study.h5"), &n, &runs, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(n, 1);
    CU_ASSERT_STRING_EQUAL(runs[0].source, id);
    CU_ASSERT_EQUAL(runs[0].n, wins > 0 ? 2 : 0);
    if (runs[0].n > 0) {
        CU_ASSERT_EQUAL(runs[0].evidence[0].wins, wins);
        CU_ASSERT_DOUBLE_EQUAL(runs[0].evidence[0].win_center, sqrt(0.5 * 0.8), 1e-12);    /* on the log scale */
        CU_ASSERT_EQUAL(runs[0].evidence[0].mean_score, 0.25);
        CU_ASSERT_STRING_EQUAL(runs[0].evidence[1].phase, "early");
    }
    ht_study_evidence_free(n, runs);
}

/* The logs do not know them. */
static void expect_places(stage *s, const char *id)
{
    ht_places p = {0};
    hid_t file = ht_h5_open(folder_file(&s->f, "study.h5")), runs = H5Gopen2(file, "runs", H5P_DEFAULT);
    hid_t run = H5Gopen2(runs, id, H5P_DEFAULT);
    CU_ASSERT_TRUE(ht_study_read_places(run, &p));
    CU_ASSERT_EQUAL(p.n, 2);
    CU_ASSERT_TRUE(p.n == 2 && strcmp(p.at[1].node, "n1") == 0 && p.at[1].replica == 0);
    ht_places_release(&p);
    ht_h5_close(run);
    ht_h5_close(runs);
    ht_h5_close(file);
}

static void the_study_gets_what_a_killed_run_left_in_its_logs_once(void)
{
    stage s = killed_stage();
    ht_run_sign dead = look(&s);
    CU_ASSERT_EQUAL(dead.life, HT_RUN_KILLED);
    expect_study(&s, dead.study_run, 0);
    CU_ASSERT_EQUAL(salvage(&s, &dead), 2);
    expect_study(&s, dead.study_run, 2);
    expect_places(&s, dead.study_run);
    CU_ASSERT_EQUAL(salvage(&s, &dead), 0);
    close_stage(&s);
}

static void a_study_that_was_lost_is_made_anew_from_the_logs(void)
{
    stage s = killed_stage();
    ht_run_sign dead = look(&s);
    unlink(folder_file(&s.f, "study.h5"));
    CU_ASSERT_EQUAL(salvage(&s, &dead), 2);
    expect_study(&s, dead.study_run, 2);
    close_stage(&s);
}

static void only_the_lines_of_the_killed_run_count_and_torn_ones_do_not(void)
{
    stage s = killed_stage();
    ht_run_sign dead = look(&s);
    folder_append(&s.f, HT_FILE_SEGMENTS, "{\"segment_id\":\"s_00003\",\"mutation_id\":\"m_00001\",\"decision\":\"accepted\","
                                          "\"run\":\"r2\"}\n{\"segment_id\":\"s_0");
    CU_ASSERT_EQUAL(salvage(&s, &dead), 2);
    expect_study(&s, dead.study_run, 2);
    close_stage(&s);
}

static void a_run_that_ended_or_lives_is_left_alone(void)
{
    stage s = killed_stage();
    begin(&s);
    CU_ASSERT_EQUAL(s.before.life, HT_RUN_KILLED);
    ht_run_sign sign = look(&s);
    CU_ASSERT_EQUAL(sign.life, HT_RUN_LIVES);
    CU_ASSERT_EQUAL(salvage(&s, &sign), 0);
    CU_ASSERT_EQUAL(ht_recorder_finish(s.recorder, s.coordinator, NULL), HT_OK);
    end(&s);
    sign = look(&s);
    CU_ASSERT_EQUAL(sign.life, HT_RUN_ENDED);
    CU_ASSERT_EQUAL(salvage(&s, &sign), 0);
    close_stage(&s);
}

static void the_evidence_of_a_killed_run_is_had_from_its_logs_alone(void)
{
    stage s = killed_stage();
    ht_run_sign dead = look(&s);
    ht_run_evidence e;
    CU_ASSERT_EQUAL_FATAL(ht_salvage_evidence(s.f.path, &dead, &e, NULL), HT_OK);
    CU_ASSERT_STRING_EQUAL(e.source, dead.study_run);
    CU_ASSERT_EQUAL_FATAL(e.n, 2);
    CU_ASSERT_EQUAL(e.evidence[0].wins, 2);
    free(e.evidence);
    close_stage(&s);
}

static void records_read_back_as_they_were_written(void)
{
    ht_recipe *recipe = NULL;
    ht_mutation m = {.number = 7, .replica = 3, .step = 1800, .epoch = 9, .phase = "mid", .actuator = "opt",
                     .key = "lr_set", .patch = {"lr_set", "", ht_real(1.25)}, .source = HT_SOURCE_TPE,
                     .scale = HT_SCALE_LOG, .status = HT_MUTATION_ROLLED_BACK, .n_changes = 2, .reason = "why"},
                read_m;
    ht_segment g = {.number = 8, .mutation = 7, .replica = 3, .start_step = 1, .end_step = 2, .horizon = "steps:1",
                    .stability = {true, false, true}, .decision = HT_DECISION_LOST, .early = true,
                    .rollback = HT_ROLLBACK_RELATIVE, .reason = "blocker"},
               read_g;
    m.changes[0] = (ht_change){.param = "a", .n_cells = 1, .was_absent = true, .before = {NAN}, .after = {0.5}};
    m.changes[1] = (ht_change){.param = "b", .n_cells = 2, .before = {1, 2}, .after = {3, 4}};
    ht_readings_put(&g.pre, "val/loss", 0.1);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(recipe_text, "test", &recipe, NULL), HT_OK);
    cJSON *line = ht_mutation_to_json(&m, (ht_stamp){.run = 4});
    CU_ASSERT_EQUAL(ht_line_run(line), 4);
    CU_ASSERT_TRUE_FATAL(ht_mutation_from_json(line, recipe, &read_m));
    CU_ASSERT_EQUAL(read_m.number, 7);
    CU_ASSERT_EQUAL(read_m.replica, 3);
    CU_ASSERT_EQUAL(read_m.step, 1800);
    CU_ASSERT_EQUAL(read_m.scale, HT_SCALE_LOG);
    CU_ASSERT_EQUAL(read_m.source, HT_SOURCE_TPE);
    CU_ASSERT_EQUAL(read_m.status, HT_MUTATION_ROLLED_BACK);
    CU_ASSERT_STRING_EQUAL(read_m.key, "lr_set");
    CU_ASSERT_STRING_EQUAL(read_m.reason, "why");
    CU_ASSERT_EQUAL(read_m.n_changes, 2);
    CU_ASSERT_TRUE(read_m.changes[0].was_absent);
    CU_ASSERT_EQUAL(read_m.changes[1].n_cells, 2);
    CU_ASSERT_EQUAL(read_m.changes[1].before[1], 2);
    CU_ASSERT_EQUAL(read_m.changes[1].after[1], 4);
    cJSON_Delete(line);
    line = ht_segment_to_json(&g, (ht_stamp){.run = 4});
    CU_ASSERT_TRUE_FATAL(ht_segment_from_json(line, &read_g));
    CU_ASSERT_EQUAL(read_g.mutation, 7);
    CU_ASSERT_EQUAL(read_g.decision, HT_DECISION_LOST);
    CU_ASSERT_EQUAL(read_g.rollback, HT_ROLLBACK_RELATIVE);
    CU_ASSERT_FALSE(read_g.has_score);
    CU_ASSERT_TRUE(read_g.stability.nan && !read_g.stability.anomaly && read_g.stability.grad_spike && read_g.early);
    CU_ASSERT_EQUAL(*ht_readings_find(&read_g.pre, "val/loss"), 0.1);
    cJSON_Delete(line);
    ht_recipe_destroy(recipe);
}

CASES("salvage", CASE(the_study_gets_what_a_killed_run_left_in_its_logs_once),
      CASE(a_study_that_was_lost_is_made_anew_from_the_logs),
      CASE(only_the_lines_of_the_killed_run_count_and_torn_ones_do_not),
      CASE(a_run_that_ended_or_lives_is_left_alone),
      CASE(the_evidence_of_a_killed_run_is_had_from_its_logs_alone), CASE(records_read_back_as_they_were_written))
