/* tests/store/test_recorder.c - every record goes where it belongs, also when the disk is full. */
#include <math.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/random.h"
#include "base/text.h"
#include "cases.h"
#include "store/h5.h"
#include "store/recorder.h"
#include "store/study_format.h"
#include "folder.h"

static const char recipe_text[] =
    "version: 1\nactuators:\n  opt:\n    mutations:\n      lr_mult: {bounds: [0.5, 2.0]}\n";

/* A run directory with a recorder and a coordinator without replicas' messages. */
typedef struct {
    folder f;
    ht_run_history history;
    ht_recipe *recipe;
    ht_coordinator *coordinator;
    ht_recorder *recorder;
    double now;
} stage;

/* The coordinator knows two replicas; `n` are in this job. */
static void begin_locked(stage *s, int n, ht_run_lock *lock)
{
    ht_recorder_options o = {.dir = s->f.path, .name = "digits", .history = &s->history, .recipe = s->recipe,
                             .seed = 5, .n_replicas = n, .ranks_per_replica = 1, .mpi_version = "none", .lock = lock};
    ht_coordinator_options c = {.n_replicas = 2, .recipe = s->recipe, .mode = HT_MODE_ACTIVE};
    CU_ASSERT_EQUAL_FATAL(ht_run_dir_history(s->f.path, &s->history, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_recorder_create(&o, &s->recorder, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_recorder_begin(s->recorder, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_coordinator_create(&c, &s->coordinator, NULL), HT_OK);
}

static void begin_with(stage *s, int n)
{
    begin_locked(s, n, NULL);
}

static void begin(stage *s)
{
    begin_with(s, 2);
}

static void end(stage *s)
{
    ht_recorder_destroy(s->recorder);
    ht_coordinator_destroy(s->coordinator);
}

static stage open_stage(void)
{
    stage s = {.now = 100};
    folder_make(&s.f);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(recipe_text, "test", &s.recipe, NULL), HT_OK);
    begin(&s);
    return s;
}

static void close_stage(stage *s)
{
    end(s);
    ht_recipe_destroy(s->recipe);
    folder_remove(&s->f);
}

static ht_status put(stage *s, const ht_record *record)
{
    ht_coordinator_view view;
    ht_coordinator_peek(s->coordinator, &view);
    return ht_recorder_write(s->recorder, record, &view, NULL);
}

static ht_record mutation_record(unsigned long number)
{
    ht_record r = {.kind = HT_RECORD_MUTATION};
    r.as.mutation = (ht_mutation){.number = number,
                                  .step = 40,
                                  .phase = "early",
                                  .actuator = "opt",
                                  .key = "lr_mult",
                                  .patch = {"lr_mult", "", ht_real(0.5)},
                                  .scale = HT_SCALE_LOG,
                                  .source = HT_SOURCE_RANDOM,
                                  .status = HT_MUTATION_APPLIED};
    return r;
}

static ht_record segment_record(unsigned long number)
{
    ht_record r = {.kind = HT_RECORD_SEGMENT};
    r.as.closed.segment = (ht_segment){.number = number, .mutation = number, .start_step = 40, .end_step = 80,
                                       .horizon = "next_val_epoch_end", .decision = HT_DECISION_ACCEPTED,
                                       .has_score = true, .score = 0.5};
    r.as.closed.mutation = mutation_record(number).as.mutation;
    return r;
}

static ht_record window_record(long long step, double value)
{
    ht_record r = {.kind = HT_RECORD_WINDOW};
    r.as.window = (ht_window){.step = step, .epoch = step / 40, .phase = "early", .mode = HT_MODE_ACTIVE};
    ht_readings_put(&r.as.window.readings, "val/loss", value);
    return r;
}

static ht_record ledger_record(const char *op, long long command_end)
{
    ht_record r = {.kind = HT_RECORD_LEDGER};
    r.as.ledger = (ht_ledger_line){.step = 40, .epoch = 1, .event = "val_epoch_end", .module = "tune",
                                   .source = HT_FROM_EXTERNAL, .decision = HT_LEDGER_APPLIED,
                                   .command_end = command_end};
    ht_name_copy(r.as.ledger.op, op);
    return r;
}

/* One record of each kind that is a line. */
static void write_some(stage *s)
{
    ht_record m = mutation_record(1), g = segment_record(1), w = window_record(80, 0.5),
              l = ledger_record("status", 33);
    ht_record e = {.kind = HT_RECORD_EVENT, .as.event = "replica 0\njoined\x1b[2J"};
    ht_record a = {.kind = HT_RECORD_ARRIVAL, .as.arrival = {1, HT_MESSAGE_REPORT}};
    CU_ASSERT_EQUAL(put(s, &a), HT_OK);
    CU_ASSERT_EQUAL(put(s, &e), HT_OK);
    CU_ASSERT_EQUAL(put(s, &m), HT_OK);
    CU_ASSERT_EQUAL(put(s, &g), HT_OK);
    CU_ASSERT_EQUAL(put(s, &w), HT_OK);
    CU_ASSERT_EQUAL(put(s, &l), HT_OK);
}

static cJSON *read_json(stage *s, const char *name)
{
    char *text = folder_read(&s->f, name);
    cJSON *item = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(text, &item, NULL, NULL), HT_OK);
    free(text);
    return item;
}

/* ---- where records go --------------------------------------------------------------------------- */

static void expect_member(stage *s, const char *file, const char *name, const char *value)
{
    cJSON *line = read_json(s, file);       /* a file of one line */
    CU_ASSERT_STRING_EQUAL(ht_json_text(line, name), value);
    cJSON_Delete(line);
}

static void each_record_is_a_line_of_its_file(void)
{
    stage s = open_stage();
    write_some(&s);
    expect_member(&s, HT_FILE_MUTATIONS, "mutation_id", "m_00001");
    expect_member(&s, HT_FILE_MUTATIONS, "run", "r1");
    expect_member(&s, HT_FILE_SEGMENTS, "segment_id", "s_00001");
    expect_member(&s, HT_FILE_METRICS, "event", "val_epoch_end");
    expect_member(&s, HT_FILE_APPLIED, "op", "status");
    folder_expect_without_digits(&s.f, HT_FILE_ARRIVAL,
                                 "{\"run\":\"r1\",\"seed\":5,\"replicas\":2,\"sum\":\"1-\"}\n"
                                 "{\"replica\":1,\"message\":\"report\",\"sum\":\"2-\"}\n");
    ht_record failed = mutation_record(2);
    failed.as.mutation.status = HT_MUTATION_FAILED;
    strcpy(failed.as.mutation.error, "boom");
    CU_ASSERT_EQUAL(put(&s, &failed), HT_OK);
    char *events = folder_read(&s.f, HT_FILE_EVENTS);
    CU_ASSERT_PTR_NOT_NULL(strstr(events, "Z r1 replica 0\\njoined\\x1B[2J\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(events, "r1 replica 0: mutation m_00002 of opt:lr_mult failed: boom\n"));
    free(events);
    close_stage(&s);
}

static void the_effective_recipe_is_there_from_the_start(void)
{
    stage s = open_stage();
    cJSON *r = read_json(&s, HT_FILE_EFFECTIVE);
    CU_ASSERT_EQUAL(ht_json_number(r, "version", 0), 1);
    CU_ASSERT_PTR_NOT_NULL(ht_json_member(ht_json_member(r, "actuators"), "opt"));
    cJSON_Delete(r);
    close_stage(&s);
}

static void descriptions_of_knobs_and_the_freeze_state_are_whole_files(void)
{
    stage s = open_stage();
    ht_record c = {.kind = HT_RECORD_CONTROLS, .as.controls = (char *)"[{\"param_key\":\"lr\"}]"};
    ht_record f = {.kind = HT_RECORD_FREEZE, .as.freeze = {.mode = HT_FREEZE_PROD}};
    ht_freeze read = {.mode = HT_FREEZE_OFF};
    CU_ASSERT_EQUAL(put(&s, &c), HT_OK);
    CU_ASSERT_EQUAL(ht_recorder_tick(s.recorder, s.coordinator, s.now, NULL), HT_OK);
    folder_expect_without_digits(
        &s.f, HT_FILE_ACTUATORS,
        "{\n  \"controls\": [\n    {\n      \"param_key\": \"lr\"\n    }\n  ],\n  \"sum\": \"0-\"\n}\n");
    CU_ASSERT_EQUAL(put(&s, &f), HT_OK);
    CU_ASSERT_EQUAL(ht_freeze_read(s.f.path, &read, NULL), HT_OK);
    CU_ASSERT_EQUAL(read.mode, HT_FREEZE_PROD);
    f.as.freeze.mode = HT_FREEZE_OFF;
    CU_ASSERT_EQUAL(put(&s, &f), HT_OK);
    CU_ASSERT_EQUAL(access(folder_file(&s.f, HT_FILE_FREEZE), F_OK), -1);
    close_stage(&s);
}

static void a_second_run_goes_on_with_the_numbers_of_the_first(void)
{
    stage s = open_stage();
    write_some(&s);
    CU_ASSERT_EQUAL(ht_recorder_finish(s.recorder, s.coordinator, NULL), HT_OK);
    end(&s);
    begin(&s);
    CU_ASSERT_EQUAL(ht_recorder_run(s.recorder), 2);
    CU_ASSERT_EQUAL(s.history.mutations, 1);
    CU_ASSERT_EQUAL(s.history.command_end, 33);
    ht_record l = ledger_record("disable", -1);
    CU_ASSERT_EQUAL(put(&s, &l), HT_OK);
    char *ledger = folder_read(&s.f, HT_FILE_APPLIED);
    CU_ASSERT_PTR_NOT_NULL(strstr(ledger, "\n{\"seq\":2,"));
    free(ledger);
    close_stage(&s);
}

/* ---- summary and study -------------------------------------------------------------------------- */

static void the_summary_is_there_after_a_verdict_and_final_at_the_end(void)
{
    stage s = open_stage();
    ht_record g = segment_record(1);
    CU_ASSERT_EQUAL(put(&s, &g), HT_OK);
    CU_ASSERT_EQUAL(ht_recorder_tick(s.recorder, s.coordinator, s.now, NULL), HT_OK);
    cJSON *summary = read_json(&s, HT_FILE_SUMMARY);
    CU_ASSERT_TRUE(cJSON_IsFalse(ht_json_member(summary, "final")));
    CU_ASSERT_STRING_EQUAL(ht_json_text(summary, "mode"), "active");
    CU_ASSERT_TRUE(cJSON_IsObject(ht_json_member(summary, "live")));
    cJSON_Delete(summary);
    CU_ASSERT_EQUAL(ht_recorder_finish(s.recorder, s.coordinator, NULL), HT_OK);
    summary = read_json(&s, HT_FILE_SUMMARY);
    CU_ASSERT_TRUE(ht_json_true(summary, "final"));
    cJSON_Delete(summary);
    close_stage(&s);
}

static void the_study_has_the_run_from_the_first_tick(void)
{
    stage s = open_stage();
    size_t n = 0;
    ht_run_evidence *runs = NULL;
    CU_ASSERT_EQUAL(ht_recorder_tick(s.recorder, s.coordinator, s.now, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_study_evidence(folder_file(&s.f, HT_FILE_STUDY), &n, &runs, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(n, 1);
    const char *tail = strrchr(runs[0].source, '-');
    CU_ASSERT_PTR_NOT_NULL_FATAL(tail);
    CU_ASSERT_STRING_EQUAL(tail, "-r1");
    ht_study_evidence_free(n, runs);
    write_some(&s);
    ht_recorder_result(s.recorder, 0.25, NAN);
    CU_ASSERT_EQUAL(ht_recorder_finish(s.recorder, s.coordinator, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_study_evidence(folder_file(&s.f, HT_FILE_STUDY), &n, &runs, NULL), HT_OK);
    CU_ASSERT_EQUAL(n, 1);
    ht_study_evidence_free(n, runs);
    close_stage(&s);
}

/* A run that goes on with fewer replicas has records of those that are gone. */
static void the_study_counts_the_replicas_that_did_not_come_back(void)
{
    stage s = open_stage();
    end(&s);
    s.history = (ht_run_history){0};
    begin_with(&s, 1);
    CU_ASSERT_EQUAL(ht_recorder_tick(s.recorder, s.coordinator, s.now, NULL), HT_OK);
    ht_h5_quiet quiet;
    hid_t file;
    long long n = 0;
    ht_h5_quiet_begin(&quiet);
    CU_ASSERT_EQUAL_FATAL(ht_study_open(folder_file(&s.f, HT_FILE_STUDY), &file, NULL), HT_OK);
    hid_t runs = H5Gopen2(file, "runs", H5P_DEFAULT), run = H5Oopen_by_idx(runs, ".", H5_INDEX_NAME, H5_ITER_INC, 0, H5P_DEFAULT);
    ht_h5_get_int(run, "replicas", &n);
    CU_ASSERT_EQUAL(n, 2);
    ht_h5_close(run);
    ht_h5_close(runs);
    ht_h5_close(file);
    ht_h5_quiet_end(&quiet);
    close_stage(&s);
}

static void expect_no_recorder(stage *s, const char *study, ht_status status, const char *why)
{
    ht_recorder *r = NULL;
    ht_error err = {""};
    ht_recorder_options o = {.dir = s->f.path, .study = study, .history = &s->history, .recipe = s->recipe};
    CU_ASSERT_EQUAL(ht_recorder_create(&o, &r, &err), status);
    CU_ASSERT_PTR_NULL(r);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, why));
}

static void a_study_or_directory_that_cannot_be_used_is_refused_at_the_start(void)
{
    stage s = open_stage();
    char other[300];
    folder_write(&s.f, "text.h5", "no study\n");
    snprintf(other, sizeof other, "%s/text.h5", s.f.path);
    expect_no_recorder(&s, other, HT_EFORMAT, "text.h5");
    expect_no_recorder(&s, "/nowhere/at/all/study.h5", HT_EIO, "'/nowhere/at/all/'");
    ht_recorder *r = NULL;
    ht_error err = {""};
    snprintf(other, sizeof other, "%s/none", s.f.path);
    ht_recorder_options o = {.dir = other, .study = "study.h5", .history = &s.history, .recipe = s.recipe};
    CU_ASSERT_EQUAL_FATAL(ht_recorder_create(&o, &r, &err), HT_OK);
    CU_ASSERT_EQUAL(ht_recorder_begin(r, &err), HT_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/none/" HT_FILE_MUTATIONS));
    ht_recorder_destroy(r);
    close_stage(&s);
}

/* ---- another start takes over ------------------------------------------------------------------ */

/* The names, sizes and inodes of all files, and the names' content. */
static char *all_of(folder *f)
{
    static const char *const names[] = {HT_FILE_MUTATIONS, HT_FILE_SUMMARY, HT_FILE_EVENTS, HT_FILE_ACTUATORS,
                                        HT_FILE_FREEZE, HT_FILE_STUDY, HT_FILE_OPTUNA, HT_FILE_LOCK};
    ht_string all = {0};
    ht_string_add(&all, "%d files", folder_count(f));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ht_file_stamp at = ht_file_look(folder_file(f, names[i]));
        ht_string_add(&all, " %s: %d %lld %llu", names[i], at.exists, (long long)at.size, (unsigned long long)at.inode);
    }
    return ht_string_take(&all);
}

static void who_was_overtaken_writes_nothing_more(void)
{
    folder f;
    stage s = {.now = 100};
    ht_run_lock *lock = NULL;
    ht_error err = {""};
    folder_make(&f);
    s.f = f;
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(recipe_text, "test", &s.recipe, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_run_lock_take(f.path, &lock, NULL, NULL), HT_OK);
    begin_locked(&s, 2, lock);
    write_some(&s);
    CU_ASSERT_EQUAL(ht_recorder_tick(s.recorder, s.coordinator, s.now, NULL), HT_OK);
    folder_write(&f, HT_FILE_LOCK, "{\"host\":\"other\",\"pid\":1,\"started\":1.5,\"seen\":1.5}\n");
    char *before = all_of(&f), *after;
    CU_ASSERT_EQUAL(ht_run_lock_holds(lock, NULL), HT_EFAILED);
    write_some(&s);
    ht_recorder_tick(s.recorder, s.coordinator, s.now + 100, NULL);
    CU_ASSERT_EQUAL(ht_recorder_leave(s.recorder, s.coordinator, &err), HT_EFAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "took over: process 1 on host other"));
    CU_ASSERT_EQUAL(ht_recorder_finish(s.recorder, s.coordinator, NULL), HT_EFAILED);
    end(&s);
    ht_run_lock_release(lock);
    CU_ASSERT_STRING_EQUAL(after = all_of(&f), before);
    free(before);
    free(after);
    ht_recipe_destroy(s.recipe);
    folder_remove(&f);
}

static void who_does_not_know_yet_that_it_was_overtaken_replaces_nothing(void)
{
    stage s = {.now = 100};
    ht_run_lock *lock = NULL;
    folder_make(&s.f);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(recipe_text, "test", &s.recipe, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_run_lock_take(s.f.path, &lock, NULL, NULL), HT_OK);
    begin_locked(&s, 2, lock);
    CU_ASSERT_EQUAL(ht_recorder_tick(s.recorder, s.coordinator, s.now, NULL), HT_OK);
    write_some(&s);
    folder_write(&s.f, HT_FILE_LOCK, "{\"host\":\"other\",\"pid\":1,\"started\":1.5,\"seen\":1.5}\n");
    char *before = all_of(&s.f), *after;
    ht_recorder_tick(s.recorder, s.coordinator, s.now + 100, NULL);
    CU_ASSERT(ht_run_lock_is_lost(lock));
    CU_ASSERT_STRING_EQUAL(after = all_of(&s.f), before);
    free(before);
    free(after);
    end(&s);
    ht_run_lock_release(lock);
    ht_recipe_destroy(s.recipe);
    folder_remove(&s.f);
}

static void until_it_begins_a_run_that_goes_on_changes_no_file(void)
{
    stage s = open_stage();
    ht_recorder *r = NULL;
    write_some(&s);
    end(&s);
    char *before = all_of(&s.f), *after;
    ht_recorder_options o = {.dir = s.f.path, .history = &s.history, .recipe = s.recipe, .n_replicas = 2,
                             .ranks_per_replica = 1, .resumes = 1, .study_run = "a-1-2-r1"};
    ht_coordinator_options c = {.n_replicas = 2, .recipe = s.recipe, .mode = HT_MODE_ACTIVE};
    CU_ASSERT_EQUAL_FATAL(ht_recorder_create(&o, &r, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_coordinator_create(&c, &s.coordinator, NULL), HT_OK);
    ht_coordinator_view view;
    ht_coordinator_peek(s.coordinator, &view);
    ht_record m = mutation_record(1);
    ht_recorder_recall(r, &m, &view);
    CU_ASSERT_EQUAL(ht_recorder_tick(r, s.coordinator, 100, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_recorder_leave(r, s.coordinator, NULL), HT_OK);
    CU_ASSERT_STRING_EQUAL(after = all_of(&s.f), before);
    free(before);
    free(after);
    s.recorder = r;
    close_stage(&s);
}

/* ---- determinism -------------------------------------------------------------------------------- */

/* Cut "wall_time":<number> and the checksum, which counts it in, out of a text. */
static void cut_times(char *text)
{
    static const char key[] = "\"wall_time\":", sum[] = ",\"sum\":\"";
    char *to = text;
    for (const char *from = text; *from != '\0';) {
        if (strncmp(from, key, sizeof key - 1) == 0)
            from += sizeof key - 1 + strspn(from + sizeof key - 1, "0123456789.e+");
        else if (strncmp(from, sum, sizeof sum - 1) == 0)
            from += strcspn(from, "}");
        else
            *to++ = *from++;
    }
    *to = '\0';
}

static void the_same_records_give_the_same_logs_but_for_wall_time(void)
{
    static const char *const names[] = {HT_FILE_MUTATIONS, HT_FILE_SEGMENTS, HT_FILE_METRICS, HT_FILE_APPLIED,
                                        HT_FILE_ARRIVAL};
    stage a = open_stage(), b = open_stage();
    write_some(&a);
    write_some(&b);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *p = folder_read(&a.f, names[i]), *q = folder_read(&b.f, names[i]);
        cut_times(p);
        cut_times(q);
        CU_ASSERT_STRING_EQUAL(p, q);
        CU_ASSERT_TRUE(p[0] != '\0');
        free(p);
        free(q);
    }
    close_stage(&a);
    close_stage(&b);
}

/* ---- the disk is full --------------------------------------------------------------------------- */

static void limit_files(rlim_t n)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = n;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void count(void *ctx, const cJSON *line)
{
    *(int *)ctx += ht_json_text(line, "segment_id") != NULL;
}

static void a_full_disk_loses_no_record_and_is_told_until_all_is_written(void)
{
    stage s = open_stage();
    size_t kept = 0, dropped = 0;
    ht_lines_account account;
    int lines = 0;
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_recorder_tick(s.recorder, s.coordinator, s.now, NULL), HT_OK);
    limit_files(600);
    for (unsigned long i = 1; i <= 5; i++) {
        ht_record g = segment_record(i);
        put(&s, &g);
    }
    CU_ASSERT_EQUAL(ht_recorder_tick(s.recorder, s.coordinator, s.now + 100, &err), HT_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, HT_FILE_SEGMENTS));
    ht_recorder_owed(s.recorder, &kept, &dropped);
    CU_ASSERT_TRUE(kept > 0);
    CU_ASSERT_EQUAL(dropped, 0);
    limit_files(RLIM_INFINITY);
    CU_ASSERT_EQUAL(ht_recorder_tick(s.recorder, s.coordinator, s.now + 1000, &err), HT_OK);
    ht_recorder_owed(s.recorder, &kept, &dropped);
    CU_ASSERT_EQUAL(kept, 0);
    CU_ASSERT_EQUAL(ht_lines_each(folder_file(&s.f, HT_FILE_SEGMENTS), count, &lines, &account, NULL), HT_OK);
    CU_ASSERT_EQUAL(lines, 5);
    CU_ASSERT_EQUAL(account.bad, 0);
    CU_ASSERT_EQUAL(ht_recorder_finish(s.recorder, s.coordinator, NULL), HT_OK);
    close_stage(&s);
}

static void the_end_of_a_run_on_a_full_disk_says_what_is_missing(void)
{
    stage s = open_stage();
    ht_error err = {""};
    ht_record g = segment_record(1);
    limit_files(10);
    CU_ASSERT_EQUAL(put(&s, &g), HT_EIO);
    CU_ASSERT_EQUAL(ht_recorder_finish(s.recorder, s.coordinator, &err), HT_EIO);
    limit_files(RLIM_INFINITY);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cannot write"));
    close_stage(&s);
}

/* ---- the recorder is killed --------------------------------------------------------------------- */

static void record_for_ever(stage *s)
{
    for (unsigned long i = 1;; i++) {
        ht_record g = segment_record(i), w = window_record((long long)i, 0.5);
        put(s, &g);
        put(s, &w);
        ht_recorder_tick(s->recorder, s->coordinator, s->now += 60, NULL);
    }
}

static void a_recorder_that_is_killed_leaves_a_directory_in_which_a_run_can_begin(void)
{
    stage s = open_stage();
    CU_ASSERT_EQUAL(ht_recorder_finish(s.recorder, s.coordinator, NULL), HT_OK);
    for (uint64_t i = 0; i < 10; i++) {
        size_t n = 0;
        ht_lines_account account;
        int lines = 0;
        ht_run_evidence *runs = NULL;
        ht_random random = ht_random_stream(11, HT_RANDOM_TEST, 0, i);
        end(&s);
        begin(&s);
        pid_t child = fork();
        if (child == 0) {
            folder_die_in((long)ht_random_below(&random, 50000));
            record_for_ever(&s);
        }
        CU_ASSERT_FATAL(child > 0);
        waitpid(child, NULL, 0);
        CU_ASSERT_EQUAL(ht_lines_each(folder_file(&s.f, HT_FILE_SEGMENTS), count, &lines, &account, NULL), HT_OK);
        CU_ASSERT_EQUAL(account.bad, 0);
        CU_ASSERT_EQUAL(ht_study_evidence(folder_file(&s.f, HT_FILE_STUDY), &n, &runs, NULL), HT_OK);
        ht_study_evidence_free(n, runs);
        cJSON_Delete(read_json(&s, HT_FILE_SUMMARY));
    }
    close_stage(&s);
}

CASES("recorder", CASE(each_record_is_a_line_of_its_file), CASE(the_effective_recipe_is_there_from_the_start),
      CASE(descriptions_of_knobs_and_the_freeze_state_are_whole_files),
      CASE(a_second_run_goes_on_with_the_numbers_of_the_first),
      CASE(the_summary_is_there_after_a_verdict_and_final_at_the_end),
      CASE(the_study_has_the_run_from_the_first_tick),
      CASE(the_study_counts_the_replicas_that_did_not_come_back),
      CASE(who_was_overtaken_writes_nothing_more),
      CASE(who_does_not_know_yet_that_it_was_overtaken_replaces_nothing),
      CASE(until_it_begins_a_run_that_goes_on_changes_no_file),
      CASE(a_study_or_directory_that_cannot_be_used_is_refused_at_the_start),
      CASE(the_same_records_give_the_same_logs_but_for_wall_time),
      CASE(a_full_disk_loses_no_record_and_is_told_until_all_is_written),
      CASE(the_end_of_a_run_on_a_full_disk_says_what_is_missing),
      CASE(a_recorder_that_is_killed_leaves_a_directory_in_which_a_run_can_begin))
