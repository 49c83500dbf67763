/* The public API in one process without MPI: files, live commands, refusals. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "kernel/toy.h"
#include "store/file.h"
#include "store/run_dir.h"

static void silent(void *ctx, const char *text)
{
    (void)ctx;
    (void)text;
}

/* Warnings in which a text stands. */
typedef struct {
    const char *text;
    int n;
} heard;

static void hear(void *ctx, const char *text)
{
    heard *h = ctx;
    h->n += strstr(text, h->text) != NULL;
}

/* A fresh run directory and a kernel on it. */
typedef struct {
    char dir[64];
    ht_kernel *k;
    ht_status status;
} fixture;

static fixture open_with(ht_options o)
{
    fixture f = {.dir = "kernel-alone-XXXXXX"};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f.dir));
    o.no_mpi = true;
    o.run_dir = f.dir;
    if (o.warning == NULL)
        o.warning = silent;
    f.status = ht_open(&o, &f.k);
    return f;
}

static char *read_in(const fixture *f, const char *name)
{
    char *path = ht_path_join(f->dir, name), *text = NULL;
    if (ht_file_read(path, &text, NULL, NULL) != HT_OK)
        text = NULL;
    free(path);
    return text;
}

static void done(fixture *f)
{
    char command[160];
    ht_free(f->k);
    snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    CU_ASSERT_EQUAL(system(command), 0);
}

static bool mentions(const fixture *f, const char *name, const char *what)
{
    char *text = read_in(f, name);
    bool found = text != NULL && strstr(text, what) != NULL;
    free(text);
    return found;
}

static void a_run_of_one_process_writes_every_file(void)
{
    fixture f = open_with((ht_options){.recipe_text = toy_recipe, .max_steps = 80, .seed = 7});
    CU_ASSERT_EQUAL_FATAL(f.status, HT_OK);
    CU_ASSERT(ht_is_replica(f.k) && ht_replica(f.k) == 0 && ht_replicas(f.k) == 1);
    toy t = {0.01, 1, 2};
    toy_train(f.k, &t, 20, NULL, NULL);
    CU_ASSERT_EQUAL(ht_report_result(f.k, 0.5, 0.6), HT_OK);
    CU_ASSERT_EQUAL(ht_close(f.k), HT_OK);
    const char *files[] = {HT_FILE_MUTATIONS, HT_FILE_SEGMENTS, HT_FILE_SUMMARY, HT_FILE_METRICS, HT_FILE_APPLIED,
                           HT_FILE_ACTUATORS, HT_FILE_EFFECTIVE, HT_FILE_STUDY, HT_FILE_EVENTS, HT_FILE_ARRIVAL};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = ht_path_join(f.dir, files[i]);
        CU_ASSERT_EQUAL(access(path, R_OK), 0);
        free(path);
    }
    ht_result r;
    CU_ASSERT_EQUAL(ht_result_of(f.k, &r), HT_OK);
    CU_ASSERT(r.mutations > 0 && r.accepted + r.rejected > 0);
    CU_ASSERT(r.val == 0.5 && r.test == 0.6 && r.best == t.loss);
    CU_ASSERT(mentions(&f, HT_FILE_SUMMARY, "\"final\":\ttrue") || mentions(&f, HT_FILE_SUMMARY, "\"final\": true"));
    done(&f);
}

static void send(const fixture *f, const char *command)
{
    cJSON *object = cJSON_Parse(command);
    CU_ASSERT_EQUAL(ht_command_send(f->dir, object, NULL), HT_OK);
    cJSON_Delete(object);
}

typedef struct {
    fixture *f;
    int epoch;
    double lr[32];
} watch;

static void command_at_epochs(void *ctx, ht_kernel *k, toy *t)
{
    (void)k;
    watch *w = ctx;
    w->lr[w->epoch++] = t->lr;
    if (w->epoch == 4)
        send(w->f, "{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"active\"}}");
    if (w->epoch == 10) {
        send(w->f, "{\"module\":\"tune\",\"op\":\"set\",\"params\":{\"acceptance.epsilon\":0.25}}");
        send(w->f, "{\"module\":\"tune\",\"op\":\"set\",\"params\":{\"acceptance.epsilom\":0.25}}");
        send(w->f, "{\"module\":\"tune\",\"op\":\"disable\"}");
    }
}

static void commands_act_at_the_next_safe_point_and_the_ledger_says_so(void)
{
    fixture f = open_with((ht_options){.recipe_text = toy_recipe, .max_steps = 80, .mode = "off", .seed = 3});
    CU_ASSERT_EQUAL_FATAL(f.status, HT_OK);
    toy t = {0.01, 1, 2};
    watch w = {.f = &f};
    toy_train(f.k, &t, 20, command_at_epochs, &w);
    CU_ASSERT_EQUAL(ht_close(f.k), HT_OK);
    for (int e = 0; e < 4; e++)
        CU_ASSERT(w.lr[e] == 0.01);                 /* off: untouched */
    bool moved = false;
    for (int e = 4; e < 10; e++)
        moved = moved || w.lr[e] != 0.01 || t.aux != 1;
    CU_ASSERT(moved);
    for (int e = 11; e < 20; e++)
        CU_ASSERT(w.lr[e] == w.lr[10]);             /* disabled at the next safe point */
    CU_ASSERT(mentions(&f, HT_FILE_APPLIED, "\"op\":\"enable\""));
    CU_ASSERT(mentions(&f, HT_FILE_APPLIED, "\"decision\":\"failed\""));
    CU_ASSERT(mentions(&f, HT_FILE_APPLIED, "acceptance.epsilom"));
    CU_ASSERT(mentions(&f, HT_FILE_EFFECTIVE, "0.25"));
    done(&f);
}

static void what_is_wrong_with_an_open_is_said(void)
{
    fixture f = open_with((ht_options){.recipe = "no/such/recipe.yaml"});
    CU_ASSERT_EQUAL(f.status, HT_ENOTFOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(ht_message(f.k), "no/such/recipe.yaml"));
    CU_ASSERT_FALSE(ht_running(f.k));
    done(&f);
    f = open_with((ht_options){.recipe_text = "serach: {algorithm: tpe}\n"});
    CU_ASSERT_EQUAL(f.status, HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(ht_message(f.k), "search"));      /* the nearest name */
    done(&f);
    f = open_with((ht_options){.recipe_text = "acceptance: {score: control}\n"});
    CU_ASSERT_EQUAL(f.status, HT_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(ht_message(f.k), "use raw"));
    done(&f);
    f = open_with((ht_options){.mode = "aktive"});
    CU_ASSERT_EQUAL(f.status, HT_EINVAL);
    done(&f);
}

static void a_taken_or_late_name_is_refused(void)
{
    fixture f = open_with((ht_options){.recipe_text = toy_recipe, .max_steps = 8});
    double a = 1, b = 2;
    CU_ASSERT_EQUAL(ht_knob_double(f.k, "opt", "lr", &a, HT_LOG, 1e-5, 1), HT_OK);
    CU_ASSERT_EQUAL(ht_knob_double(f.k, "opt", "lr", &b, HT_LOG, 1e-5, 1), HT_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(ht_message(f.k), "lr"));
    CU_ASSERT_EQUAL(ht_knob_double(f.k, "opt", "x", &b, HT_LOG, 2, 1), HT_EINVAL);
    CU_ASSERT(ht_running(f.k));
    CU_ASSERT_EQUAL(ht_knob_double(f.k, "opt", "late", &b, HT_LINEAR, 0, 1), HT_EREFUSED);
    done(&f);
}

static void a_second_run_goes_on_with_numbers_and_starts_wiser(void)
{
    fixture f = open_with((ht_options){.recipe_text = toy_recipe, .max_steps = 160, .seed = 1});
    toy t = {0.02, 1, 2};
    toy_train(f.k, &t, 40, NULL, NULL);
    ht_free(f.k);
    f.status = ht_open(&(ht_options){.no_mpi = true, .run_dir = f.dir, .recipe_text = toy_recipe, .max_steps = 40,
                                     .seed = 2, .warning = silent}, &f.k);
    CU_ASSERT_EQUAL_FATAL(f.status, HT_OK);
    t = (toy){0.02, 1, 2};
    toy_train(f.k, &t, 10, NULL, NULL);
    CU_ASSERT_EQUAL(ht_close(f.k), HT_OK);
    CU_ASSERT(mentions(&f, HT_FILE_MUTATIONS, "\"run\":\"r2\""));
    CU_ASSERT(mentions(&f, HT_FILE_EFFECTIVE, "evolved"));
    done(&f);
}

static void a_run_that_is_not_pooled_as_it_was_meant_to_be_warns(void)
{
    heard h = {.text = "not pooled: "};
    fixture f = open_with((ht_options){.recipe_text = toy_recipe, .recipe_set = "population.mode=pooled",
                                       .max_epochs = 4, .warning = hear, .warning_ctx = &h});
    CU_ASSERT_EQUAL_FATAL(f.status, HT_OK);
    toy t = {0.02, 1, 2};
    toy_train(f.k, &t, 4, NULL, NULL);
    CU_ASSERT_EQUAL(h.n, 1);
    done(&f);
}

static void batches_that_would_change_nothing_may_be_left_out(void)
{
    fixture f = open_with((ht_options){.recipe_text = toy_recipe, .mode = "off"});
    CU_ASSERT_EQUAL_FATAL(f.status, HT_OK);
    CU_ASSERT(ht_watches_batches(f.k));     /* nobody knows before it has begun */
    CU_ASSERT(ht_running(f.k));
    CU_ASSERT_FALSE(ht_watches_batches(f.k));
    send(&f, "{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"active\"}}");
    ht_apply(f.k, &(ht_env){.step = 1}, HT_VAL_EPOCH_END);
    CU_ASSERT(ht_watches_batches(f.k));
    done(&f);
}

/* A value that a schedule moves, behind functions. */
typedef struct {
    double value;
    int sets, gets;
} scheduled;

static ht_status set_scheduled(void *ctx, const ht_value *value, const ht_env *env, ht_error *err)
{
    (void)env;
    (void)err;
    scheduled *s = ctx;
    s->value = value->scalar.number;
    s->sets++;
    return HT_OK;
}

static bool get_scheduled(void *ctx, ht_value *out)
{
    scheduled *s = ctx;
    *out = ht_real(s->value);
    s->gets++;
    return true;
}

static void a_knob_behind_functions_is_read_where_a_schedule_may_have_moved_it(void)
{
    fixture f = open_with((ht_options){.recipe_text = "actuators: {opt: {mutations: {lr_mult: {bounds: [0.5, 0.5],"
                                                      " prior_center: 0.5}}}}\n"});
    scheduled s = {.value = .5};
    CU_ASSERT_EQUAL_FATAL(f.status, HT_OK);
    CU_ASSERT_EQUAL(ht_knob(f.k, &(ht_knob_options){.actuator = "opt", .name = "lr", .type = "log_float", .bounded = true,
                                                    .lo = 1e-6, .hi = 1, .initial = ht_real(.5), .set = set_scheduled,
                                                    .get = get_scheduled, .ctx = &s}), HT_OK);
    s.value = .125;
    ht_metric(f.k, "val/loss", 1);
    ht_apply(f.k, &(ht_env){.step = 1, .loss = 1}, HT_VAL_EPOCH_END);
    CU_ASSERT(s.sets == 1 && s.gets > 0);
    CU_ASSERT_EQUAL(s.value, .0625);        /* half of what it was, not of what it was at first */
    done(&f);
}

static void bindings_can_compare_the_layout_of_options(void)
{
    CU_ASSERT_EQUAL(ht_options_size(), sizeof(ht_options));
}

static ht_status broken(void *ctx, double *objective)
{
    (void)objective;
    ++*(int *)ctx;
    return HT_EFAILED;
}

static void a_validation_that_fails_is_told_once(void)
{
    int calls = 0;
    heard h = {.text = "validation failed"};
    fixture f = open_with((ht_options){.recipe_text = toy_recipe, .max_epochs = 4, .warning = hear,
                                       .warning_ctx = &h});
    CU_ASSERT_EQUAL_FATAL(f.status, HT_OK);
    CU_ASSERT_EQUAL(ht_on_validate(f.k, broken, &calls), HT_OK);
    toy t = {0.02, 1, 2};
    toy_train(f.k, &t, 4, NULL, NULL);
    CU_ASSERT_EQUAL(calls, 4);
    CU_ASSERT_EQUAL(h.n, 1);
    done(&f);
}

/* A process that opens a run and dies. */
static void open_and_die(const char *dir)
{
    pid_t child = fork();
    if (child == 0) {
        ht_kernel *k = NULL;
        const ht_options o = {.no_mpi = true, .run_dir = dir, .recipe_text = toy_recipe, .warning = silent};
        _exit(ht_open(&o, &k) != HT_OK);
    }
    int status = 1;
    CU_ASSERT(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

static void a_program_without_a_directory_goes_on_with_the_run_of_its_job(void)
{
    fixture f = {.dir = "kernel-alone-XXXXXX"};
    heard h = {.text = "it begins again"};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f.dir));
    open_and_die(f.dir);
    setenv("HOTTUNE_JOB_DIR", f.dir, 1);
    const ht_options o = {.no_mpi = true, .recipe_text = toy_recipe, .plan = hear, .plan_ctx = &h, .warning = silent};
    CU_ASSERT_EQUAL(ht_open(&o, &f.k), HT_OK);
    CU_ASSERT_EQUAL(h.n, 1);
    ht_free(f.k);
    fixture g = open_with((ht_options){.recipe_text = toy_recipe, .plan = hear, .plan_ctx = &h});
    CU_ASSERT_EQUAL(g.status, HT_OK);   /* a directory that is given counts */
    CU_ASSERT_EQUAL(h.n, 1);
    done(&g);
    unsetenv("HOTTUNE_JOB_DIR");
    CU_ASSERT_EQUAL(ht_open(&o, &f.k), HT_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(ht_message(f.k), "run_dir is not given"));
    done(&f);
}

static void in_a_job_the_study_and_the_seed_that_are_not_given_are_those_of_the_job(void)
{
    fixture f = {.dir = "kernel-alone-XXXXXX"};
    char study[96], own[96];
    struct stat s;
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f.dir));
    snprintf(study, sizeof study, "%s/common.h5", f.dir);
    snprintf(own, sizeof own, "%s/study.h5", f.dir);
    setenv("HOTTUNE_JOB_DIR", f.dir, 1);
    setenv("HOTTUNE_JOB_STUDY", study, 1);
    setenv("HOTTUNE_JOB_SEED", "77", 1);
    const ht_options o = {.no_mpi = true, .recipe_text = toy_recipe, .warning = silent};
    CU_ASSERT_EQUAL(ht_open(&o, &f.k), HT_OK);
    CU_ASSERT_EQUAL(ht_close(f.k), HT_OK);
    CU_ASSERT_EQUAL(stat(study, &s), 0);
    CU_ASSERT_NOT_EQUAL(stat(own, &s), 0);
    unsetenv("HOTTUNE_JOB_DIR");
    unsetenv("HOTTUNE_JOB_STUDY");
    unsetenv("HOTTUNE_JOB_SEED");
    CU_ASSERT(mentions(&f, HT_FILE_EFFECTIVE, "\"seed\": 77"));
    done(&f);
}

CASES("kernel alone", CASE(a_run_of_one_process_writes_every_file),
      CASE(commands_act_at_the_next_safe_point_and_the_ledger_says_so), CASE(what_is_wrong_with_an_open_is_said),
      CASE(a_taken_or_late_name_is_refused), CASE(a_second_run_goes_on_with_numbers_and_starts_wiser),
      CASE(a_run_that_is_not_pooled_as_it_was_meant_to_be_warns), CASE(a_validation_that_fails_is_told_once),
      CASE(batches_that_would_change_nothing_may_be_left_out),
      CASE(a_knob_behind_functions_is_read_where_a_schedule_may_have_moved_it),
      CASE(bindings_can_compare_the_layout_of_options),
      CASE(a_program_without_a_directory_goes_on_with_the_run_of_its_job),
      CASE(in_a_job_the_study_and_the_seed_that_are_not_given_are_those_of_the_job))
