/* tests/store/test_run_optuna.c - records of a run become trials, looked at with SQLite. tests/cli/optuna.sh looks at
 * those of real runs with Optuna itself, where that is installed. */
#include <math.h>
#include <sys/resource.h>

#include <sqlite3.h>

#include "cases.h"
#include "store/folder.h"
#include "store/run_optuna.h"

static const char recipe_text[] = "version: 1\nactuators:\n  opt:\n    mutations:\n"
                                  "      lr_mult: {bounds: [0.5, 2.0], range: [0.001, 0.1]}\n"
                                  "      wd_mult: {bounds: [0.5, 2.0], floor: 0.001}\n";
static const char controls_text[] =
    "[{\"param_key\":\"lr\",\"group\":\"optimizer\",\"min\":0.0001,\"max\":1,\"current\":0.01},"
    "{\"param_key\":\"weight_decay\",\"group\":\"optimizer\",\"min\":0,\"max\":2,\"current\":0}]";

typedef struct {
    folder f;
    ht_recipe *recipe;
    ht_tuned tuned;
    ht_member member;
    ht_coordinator_view view;
    ht_run_optuna *sink;
    double clock, now;
} stage;

static void open_sink(stage *s, unsigned long run, bool resumed)
{
    const ht_run_optuna_options o = {.dir = s->f.path, .name = "digits", .run = run, .resumed = resumed, .id = "host-1",
                                     .recipe = s->recipe, .n_replicas = 2};
    CU_ASSERT_EQUAL_FATAL(ht_run_optuna_open(&o, s->now, &s->sink, NULL), HT_OK);
}

static void prepare(stage *s)
{
    *s = (stage){.clock = 1000, .now = 1795000000};
    folder_make(&s->f);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(recipe_text, "test", &s->recipe, NULL), HT_OK);
    s->view = (ht_coordinator_view){.mode = HT_MODE_ACTIVE, .recipe = s->recipe};
}

static void begin(stage *s)
{
    prepare(s);
    open_sink(s, 1, false);
}

static void begin_pooled(stage *s)
{
    begin(s);
    s->member = (ht_member){.n_knobs = 2, .knobs = {{"opt", "lr", 0.01, 1e-4, 1}, {"opt", "weight_decay", 0, 0, 2}}};
    ht_tuned_find(s->recipe, &s->member, &s->tuned);
    CU_ASSERT_EQUAL_FATAL(s->tuned.n, 2);
    s->view.tuned = &s->tuned;
}

static void end(stage *s)
{
    ht_run_optuna_close(s->sink);
    ht_recipe_destroy(s->recipe);
    folder_remove(&s->f);
}

static void put(stage *s, const ht_record *r)
{
    CU_ASSERT_EQUAL(ht_run_optuna_take(s->sink, r, &s->view, s->now++, NULL), HT_OK);
}

static ht_status tick(stage *s, ht_error *err)
{
    s->clock += 1000;
    return ht_run_optuna_tick(s->sink, s->clock, s->now++, err);
}

static void finish(stage *s)
{
    CU_ASSERT_EQUAL(ht_run_optuna_finish(s->sink, s->now++, NULL), HT_OK);
}

/* ---- records ---------------------------------------------------------------------------------------- */

static void say_controls(stage *s)
{
    char text[sizeof controls_text];
    memcpy(text, controls_text, sizeof text);
    put(s, &(ht_record){.kind = HT_RECORD_CONTROLS, .as.controls = text});
}

static ht_mutation lr_mutation(unsigned long number, long long step, double before, double after)
{
    return (ht_mutation){.number = number, .replica = 1, .step = step, .epoch = step / 40, .phase = "early",
                         .actuator = "opt", .key = "lr_mult", .scale = HT_SCALE_LOG, .status = HT_MUTATION_APPLIED,
                         .n_changes = 1,
                         .changes = {{.param = "lr", .n_cells = 1, .before = {before}, .after = {after}}}};
}

static void mutate(stage *s, unsigned long number, long long step, double before, double after)
{
    put(s, &(ht_record){.kind = HT_RECORD_MUTATION, .as.mutation = lr_mutation(number, step, before, after)});
}

static void look(stage *s, int replica, long long step, double value)
{
    ht_record r = {.kind = HT_RECORD_WINDOW, .as.window = {.replica = replica, .step = step}};
    ht_readings_put(&r.as.window.readings, "val/loss", value);
    put(s, &r);
}

/* The segment of mutation `number`, from step to step + 40. */
static void judge(stage *s, unsigned long number, long long step, ht_decision decision, double post)
{
    ht_record r = {.kind = HT_RECORD_SEGMENT};
    r.as.closed.segment = (ht_segment){.number = number, .mutation = number, .replica = 1, .start_step = step,
                                       .end_step = step + 40, .decision = decision, .has_score = true, .score = 0.25,
                                       .rollback = decision == HT_DECISION_ROLLED_BACK ? HT_ROLLBACK_EXACT
                                                                                       : HT_ROLLBACK_NONE};
    ht_readings_put(&r.as.closed.segment.pre, "val/loss", 0.75);
    ht_readings_put(&r.as.closed.segment.post, "val/loss", post);
    r.as.closed.mutation = lr_mutation(number, step, 0.01, 0.02);
    put(s, &r);
}

static void say_verdict(stage *s, int replica, int segment, bool mutant, double loss, double lr, double wd)
{
    ht_record r = {.kind = HT_RECORD_VERDICT};
    r.as.verdict = (ht_pool_verdict){.replica = replica, .island = 3, .segment = segment, .phase = "mid",
                                     .start_step = 40, .end_step = 120, .wall = 2, .mutant = mutant,
                                     .finite = isfinite(loss), .accepted = mutant, .before = 0.75, .loss = loss,
                                     .score = 0.125, .score_error = NAN, .n_knobs = 2, .h = {lr, wd}};
    put(s, &r);
}

/* ---- the file ----------------------------------------------------------------------------------------- */

/* All rows of a query, cells joined by | and rows by ; */
static void expect(stage *s, const char *sql, const char *expected)
{
    char text[4096] = "";
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open_v2(folder_file(&s->f, HT_FILE_OPTUNA), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
    while (sqlite3_step(q) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(q); i++) {
            const unsigned char *cell = sqlite3_column_text(q, i);
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 0 ? "|" : text[0] != 0 ? ";" : "",
                     cell != NULL ? (const char *)cell : "NULL");
        }
    sqlite3_finalize(q);
    sqlite3_close(db);
    CU_ASSERT_STRING_EQUAL(text, expected);
    if (strcmp(text, expected) != 0)
        printf("\n%s:\n  %s\n", sql, text);
}

static const char states[] = "SELECT number, state, value FROM trials LEFT JOIN trial_values USING (trial_id) ORDER BY 1";
static const char keys[] = "SELECT number, state, value_json FROM trials JOIN trial_user_attributes USING (trial_id) "
                           "WHERE key = 'hottune' ORDER BY 1";

static void a_mutation_is_a_trial_that_runs_until_its_verdict(void)
{
    stage s;
    begin(&s);
    say_controls(&s);
    mutate(&s, 1, 40, 0.01, 0.02);
    look(&s, 1, 40, 0.75);      /* of the segment before */
    CU_ASSERT_EQUAL(tick(&s, NULL), HT_OK);
    expect(&s, states, "0|RUNNING|NULL");
    expect(&s, "SELECT count(*) FROM trial_intermediate_values", "0");
    look(&s, 0, 60, 9);         /* another replica */
    look(&s, 1, 60, 0.5);
    judge(&s, 1, 40, HT_DECISION_ACCEPTED, 0.25);
    CU_ASSERT_EQUAL(tick(&s, NULL), HT_OK);
    expect(&s, states, "0|COMPLETE|0.25");
    expect(&s, "SELECT step, intermediate_value FROM trial_intermediate_values ORDER BY 1", "40|0.75;60|0.5;80|0.25");
    expect(&s, "SELECT param_name, param_value, distribution_json FROM trial_params ORDER BY 1",
           "opt.lr|0.02|{\"name\":\"FloatDistribution\",\"attributes\":"
           "{\"log\":true,\"step\":null,\"low\":0.001,\"high\":0.1}};"
           "opt.weight_decay|0.001|{\"name\":\"FloatDistribution\",\"attributes\":"
           "{\"log\":true,\"step\":null,\"low\":0.001,\"high\":2.0}}");
    expect(&s, "SELECT key, value_json FROM trial_user_attributes WHERE key IN ('at_zero', 'decision', 'hottune', "
               "'mutation', 'phase', 'replica', 'role', 'run', 'score', 'segment') ORDER BY 1",
           "at_zero|[\"opt.weight_decay\"];decision|\"accepted\";hottune|\"r1/m_00001\";mutation|1;phase|\"early\";"
           "replica|1;role|\"mutant\";run|\"r1\";score|0.25;segment|1");
    expect(&s, "SELECT key, value_json FROM study_user_attributes WHERE key NOT LIKE '%hash' AND key <> 'hottune' "
               "ORDER BY 1", "objective|\"val/loss\";r1.id|\"host-1\"");
    expect(&s, "SELECT study_name, direction FROM studies JOIN study_directions USING (study_id)", "digits|MINIMIZE");
    end(&s);
}

static void what_is_undone_is_not_in_the_next_trial(void)
{
    stage s;
    begin(&s);
    say_controls(&s);
    mutate(&s, 1, 40, 0.01, 0.02);
    judge(&s, 1, 40, HT_DECISION_ROLLED_BACK, 0.5);
    ht_record r = {.kind = HT_RECORD_MUTATION, .as.mutation = lr_mutation(2, 80, 0, 0.5)};
    memcpy(r.as.mutation.changes[0].param, "weight_decay", 13);
    put(&s, &r);
    finish(&s);
    expect(&s, "SELECT number, param_name, param_value FROM trial_params JOIN trials USING (trial_id) ORDER BY 1, 2",
           "0|opt.lr|0.02;0|opt.weight_decay|0.001;1|opt.lr|0.01;1|opt.weight_decay|0.5");
    end(&s);
}

static void a_segment_without_a_verdict_or_a_value_is_no_evidence(void)
{
    stage s;
    begin(&s);
    mutate(&s, 1, 40, 0.01, 0.02);
    judge(&s, 1, 40, HT_DECISION_INCONCLUSIVE, 0.5);
    mutate(&s, 2, 80, 0.01, 0.02);
    judge(&s, 2, 80, HT_DECISION_LOST, 0.5);
    mutate(&s, 3, 120, 0.01, 0.02);
    judge(&s, 3, 120, HT_DECISION_ROLLED_BACK, NAN);
    mutate(&s, 4, 160, 0.01, 0.02);
    judge(&s, 4, 160, HT_DECISION_REJECTED, 0.5);
    mutate(&s, 5, 200, 0.01, 0.02);     /* the run ends before the verdict */
    finish(&s);
    expect(&s, states, "0|FAIL|NULL;1|FAIL|NULL;2|FAIL|NULL;3|COMPLETE|0.5;4|FAIL|NULL");
    end(&s);
}

static void every_member_of_a_pooled_segment_is_a_trial(void)
{
    stage s;
    begin_pooled(&s);
    look(&s, 0, 40, 0.75);
    look(&s, 0, 80, 0.5);
    look(&s, 0, 120, 0.375);
    say_verdict(&s, 0, 7, false, 0.25, 0.01, 0);
    say_verdict(&s, 1, 7, true, NAN, 0.02, 0.5);
    for (unsigned long m = 5; m <= 6; m++) {
        ht_record r = {.kind = HT_RECORD_SEGMENT, .as.closed.segment = {.number = m, .mutation = m, .replica = 1}};
        put(&s, &r);
    }
    CU_ASSERT_EQUAL(tick(&s, NULL), HT_OK);
    expect(&s, states, "0|COMPLETE|0.25;1|FAIL|NULL");
    expect(&s, "SELECT step, intermediate_value FROM trial_intermediate_values WHERE trial_id = 1 ORDER BY 1",
           "40|0.75;80|0.5;120|0.25");
    expect(&s, "SELECT trial_id, param_name, param_value FROM trial_params ORDER BY 1, 2",
           "1|opt.lr|0.01;1|opt.weight_decay|0.001;2|opt.lr|0.02;2|opt.weight_decay|0.5");
    expect(&s, "SELECT key, value_json FROM trial_user_attributes WHERE trial_id = 1 ORDER BY 1",
           "at_zero|[\"opt.weight_decay\"];epoch|2.0;hottune|\"r1/s_00007/0\";in_root|false;island|3;phase|\"mid\";"
           "replica|0;role|\"control\";run|\"r1\";score|0.125;segment|7");
    expect(&s, "SELECT key, value_json FROM trial_user_attributes WHERE trial_id = 2 AND key IN ('decision', "
               "'mutations', 'role') ORDER BY 1", "decision|\"lost\";mutations|[5,6];role|\"mutant\"");
    expect(&s, "SELECT substr(datetime_start, 18, 2) < substr(datetime_complete, 18, 2) FROM trials WHERE number = 0", "1");
    end(&s);
}

static void a_value_outside_the_range_widens_it_for_all(void)
{
    stage s;
    begin_pooled(&s);
    say_verdict(&s, 0, 1, false, 0.5, 0.01, 0.5);
    CU_ASSERT_EQUAL(tick(&s, NULL), HT_OK);
    say_verdict(&s, 0, 2, false, 0.5, 0.3, 0.5);
    CU_ASSERT_EQUAL(tick(&s, NULL), HT_OK);
    expect(&s, "SELECT param_value, distribution_json LIKE '%\"low\":0.001,\"high\":1.0%' FROM trial_params "
               "WHERE param_name = 'opt.lr' ORDER BY trial_id", "0.01|1;0.3|1");
    end(&s);
}

/* ---- several runs ----------------------------------------------------------------------------------- */

static void a_second_run_goes_on_in_the_file(void)
{
    stage s;
    begin(&s);
    mutate(&s, 1, 40, 0.01, 0.02);
    CU_ASSERT_EQUAL(tick(&s, NULL), HT_OK);
    ht_run_optuna_close(s.sink);        /* killed */
    open_sink(&s, 2, false);
    expect(&s, keys, "0|FAIL|\"r1/m_00001\"");
    mutate(&s, 2, 40, 0.01, 0.02);
    CU_ASSERT_EQUAL(tick(&s, NULL), HT_OK);
    expect(&s, keys, "0|FAIL|\"r1/m_00001\";1|RUNNING|\"r2/m_00002\"");
    expect(&s, "SELECT key FROM study_user_attributes WHERE key LIKE '%.id' ORDER BY 1", "r1.id;r2.id");
    end(&s);
}

static void a_run_that_is_resumed_doubles_nothing(void)
{
    stage s;
    begin(&s);
    mutate(&s, 1, 40, 0.01, 0.02);
    judge(&s, 1, 40, HT_DECISION_ACCEPTED, 0.5);
    mutate(&s, 2, 80, 0.02, 0.04);
    mutate(&s, 3, 120, 0.02, 0.04);
    CU_ASSERT_EQUAL(tick(&s, NULL), HT_OK);
    ht_run_optuna_close(s.sink);
    open_sink(&s, 1, true);
    mutate(&s, 1, 40, 0.01, 0.02);
    judge(&s, 1, 40, HT_DECISION_ACCEPTED, 9);
    mutate(&s, 2, 80, 0.02, 0.03);
    judge(&s, 2, 80, HT_DECISION_ACCEPTED, 0.25);
    CU_ASSERT_EQUAL(tick(&s, NULL), HT_OK);
    expect(&s, states, "0|COMPLETE|0.5;1|COMPLETE|0.25;2|RUNNING|NULL");
    expect(&s, "SELECT param_value FROM trial_params WHERE trial_id = 2 AND param_name = 'opt.lr'", "0.03");
    finish(&s);
    expect(&s, keys, "0|COMPLETE|\"r1/m_00001\";1|COMPLETE|\"r1/m_00002\";2|FAIL|\"r1/m_00003\"");
    end(&s);
}

static void ranges_of_two_runs_become_one(void)
{
    stage s;
    begin_pooled(&s);
    say_verdict(&s, 0, 1, false, 0.5, 0.01, 0.5);
    finish(&s);
    ht_run_optuna_close(s.sink);
    open_sink(&s, 2, false);
    s.tuned.k[0].lo = 0.005;        /* another recipe */
    s.tuned.k[0].hi = 0.5;
    say_verdict(&s, 0, 1, false, 0.5, 0.01, 0.5);
    finish(&s);
    expect(&s, "SELECT distribution_json LIKE '%\"low\":0.001,\"high\":0.5%' FROM trial_params "
               "WHERE param_name = 'opt.lr' ORDER BY trial_id", "1;1");
    end(&s);
}

/* ---- a file that cannot be written ------------------------------------------------------------------ */

static void another_program_that_holds_the_file_costs_no_trial(void)
{
    stage s;
    sqlite3 *db = NULL;
    ht_error err = {""};
    begin_pooled(&s);
    say_verdict(&s, 0, 1, false, 0.5, 0.01, 0.5);
    CU_ASSERT_EQUAL(tick(&s, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(folder_file(&s.f, HT_FILE_OPTUNA), &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    say_verdict(&s, 1, 1, true, 0.25, 0.02, 0.5);
    CU_ASSERT_EQUAL(tick(&s, &err), HT_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "database is locked"));
    CU_ASSERT_EQUAL(ht_run_optuna_tick(s.sink, s.clock, s.now, &err), HT_EIO);     /* it is not yet time again */
    CU_ASSERT_PTR_NULL(ht_run_optuna_refusal(s.sink));
    sqlite3_close(db);
    CU_ASSERT_EQUAL(tick(&s, &err), HT_OK);
    expect(&s, states, "0|COMPLETE|0.5;1|COMPLETE|0.25");
    end(&s);
}

static void a_full_disk_costs_no_trial(void)
{
    stage s;
    struct rlimit before, small;
    ht_error err = {""};
    begin_pooled(&s);
    say_verdict(&s, 0, 1, false, 0.5, 0.01, 0.5);
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){20000, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &small), 0);
    CU_ASSERT_EQUAL(tick(&s, &err), HT_EIO);
    say_verdict(&s, 1, 1, true, 0.25, 0.02, 0.5);
    CU_ASSERT_EQUAL(tick(&s, &err), HT_EIO);
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &before), 0);
    CU_ASSERT_EQUAL(tick(&s, &err), HT_OK);
    expect(&s, states, "0|COMPLETE|0.5;1|COMPLETE|0.25");
    expect(&s, "PRAGMA integrity_check", "ok");
    end(&s);
}

static void a_file_that_was_removed_is_begun_anew(void)
{
    stage s;
    begin_pooled(&s);
    say_verdict(&s, 0, 1, false, 0.5, 0.01, 0.5);
    CU_ASSERT_EQUAL(tick(&s, NULL), HT_OK);
    unlink(folder_file(&s.f, HT_FILE_OPTUNA));
    say_verdict(&s, 0, 2, false, 0.25, 0.01, 0.5);
    CU_ASSERT_EQUAL(tick(&s, NULL), HT_OK);
    expect(&s, keys, "0|COMPLETE|\"r1/s_00002/0\"");
    end(&s);
}

static void a_foreign_file_is_refused_and_left_alone(void)
{
    stage s;
    sqlite3 *db = NULL;
    prepare(&s);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(folder_file(&s.f, HT_FILE_OPTUNA), &db), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(db, "CREATE TABLE cats (name TEXT)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    open_sink(&s, 1, false);
    CU_ASSERT_PTR_NOT_NULL_FATAL(ht_run_optuna_refusal(s.sink));
    CU_ASSERT_PTR_NOT_NULL(strstr(ht_run_optuna_refusal(s.sink),
                                  "is a database, but no study of Optuna; the run goes on without this file"));
    mutate(&s, 1, 40, 0.01, 0.02);
    CU_ASSERT_EQUAL(tick(&s, NULL), HT_OK);
    finish(&s);
    expect(&s, "SELECT name FROM sqlite_master", "cats");
    end(&s);
}

static void a_run_without_segments_makes_no_file(void)
{
    stage s;
    begin(&s);
    say_controls(&s);
    look(&s, 0, 40, 0.5);
    CU_ASSERT_EQUAL(tick(&s, NULL), HT_OK);
    finish(&s);
    CU_ASSERT_EQUAL(folder_count(&s.f), 0);
    end(&s);
}

CASES("run_optuna", CASE(a_mutation_is_a_trial_that_runs_until_its_verdict), CASE(what_is_undone_is_not_in_the_next_trial),
      CASE(a_segment_without_a_verdict_or_a_value_is_no_evidence), CASE(every_member_of_a_pooled_segment_is_a_trial),
      CASE(a_value_outside_the_range_widens_it_for_all), CASE(a_second_run_goes_on_in_the_file),
      CASE(a_run_that_is_resumed_doubles_nothing), CASE(ranges_of_two_runs_become_one),
      CASE(another_program_that_holds_the_file_costs_no_trial), CASE(a_full_disk_costs_no_trial),
      CASE(a_file_that_was_removed_is_begun_anew), CASE(a_foreign_file_is_refused_and_left_alone),
      CASE(a_run_without_segments_makes_no_file))
