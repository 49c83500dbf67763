/* src/cli/run.c - the verb `run`: trains a built-in workload under the tuner, alone or on all ranks of a job.
 *
 * Uses the public header and the workload, as a program of a user would, headers of recipe and store to refuse
 * early what cannot be, and of the kernel to tell early where the ranks are. Every rank reads the same arguments
 * and comes to the same verdict; what only one rank can see (a file, its data) is agreed on before the others rely
 * on it, so that all end together, with one message and one exit code.
 * May touch: MPI, clock, stdout through report.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sum.h"
#include "cli/faults.h"
#include "cli/leave.h"
#include "cli/ranks.h"
#include "cli/report.h"
#include "cli/run_args.h"
#include "cli/slurm.h"
#include "kernel/place.h"
#include "kernel/place_map.h"
#include "recipe/recipe.h"
#include "store/commit.h"
#include "store/run_dir.h"
#include "store/run_lock.h"

enum { DIR_MAX = 4096 };
static const double squeue_patience_s = 2;
static const long long seed_max = (1LL << 53) - 1; /* recipes can hold a seed, and numbers up to here */

/* What is to be done: the same on every rank. */
typedef struct {
    const ht_cli *cli;
    const ht_args *args;
    ht_ranks ranks;
    const ht_workload_info *workload;
    const char *recipe, *study, *mode, *replay, *data, *set, *recipe_set; /* NULL = not given; borrowed */
    long long epochs, ranks_per_replica, seed;
    double patience_s, checkpoint_s, max_disk_mb;
    double end_time;       /* of this job, seconds since 1970; < 0 = not known. On rank 0 */
    bool compare, report_steps, cosine, resume, new_run;
    ht_workload_options faults; /* slow, nan_at: those of this rank's replica */
    char dir[DIR_MAX];
    size_t existing;       /* length of the part of `dir` that was there before */
    int replicas, replica; /* replica of this rank; -1 = it coordinates */
    MPI_Comm comm;         /* the ranks of this replica; MPI_COMM_NULL on the coordinator. Owned */
    char *places;          /* lines that were told, on rank 0; NULL = none. Owned */
} job;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- what is asked -------------------------------------------------------------------------- */

static int read_workload(job *j, const char *name)
{
    const char *names[32];
    size_t n = 0;
    if ((j->workload = ht_workload_find(name)) != NULL)
        return HT_EXIT_DONE;
    for (; n < ht_workload_count() && n < sizeof names / sizeof *names; n++)
        names[n] = ht_workload_at(n)->name;
    const char *near = ht_nearest(name, names, n);
    if (near != NULL)
        return ht_cli_fail(j->cli, HT_EXIT_USAGE, "unknown workload '%s'; nearest is '%s'", name, near);
    return ht_cli_fail(j->cli, HT_EXIT_USAGE, "unknown workload '%s'; 'hottune workloads' lists them", name);
}

static int read_options(job *j, const ht_args *args)
{
    ht_error err = {""};
    j->recipe = ht_args_text(args, "recipe");
    j->study = ht_args_text(args, "study");
    j->mode = ht_args_text(args, "mode");
    j->replay = ht_args_text(args, "replay");
    j->data = ht_args_text(args, "data");
    j->set = ht_args_text(args, "set");
    j->recipe_set = ht_args_text(args, "recipe-set");
    j->compare = ht_args_has(args, "compare");
    j->report_steps = ht_args_has(args, "report-steps");
    j->resume = ht_args_has(args, "resume");
    j->new_run = ht_args_has(args, "new");
    if (j->resume && j->new_run)
        return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--resume and --new exclude each other");
    if (j->resume && j->cli->dir == NULL)
        return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--resume: --dir is missing: which run goes on?");
    if (j->report_steps && j->ranks.size > 1)
        return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--report-steps: there are %d ranks; start one", j->ranks.size);
    if (j->report_steps && (j->compare || j->cli->json))
        return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--report-steps prints lines of its own; leave out --compare, --json");
    const char *schedule = ht_args_text(args, "schedule");
    j->cosine = schedule != NULL && strcmp(schedule, "cosine") == 0;
    if (schedule != NULL && !j->cosine && strcmp(schedule, "constant") != 0)
        return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--schedule: '%s' is not cosine or constant", schedule);
    j->epochs = j->workload->default_epochs;
    j->ranks_per_replica = 1;
    j->seed = 1;
    j->patience_s = 60;
    ht_status st = ht_args_int(args, "epochs", 1, 1000000, &j->epochs, &err);
    if (st == HT_OK)
        st = ht_args_int(args, "ranks-per-replica", 1, 100000, &j->ranks_per_replica, &err);
    if (st == HT_OK)
        st = ht_args_int(args, "seed", 0, seed_max, &j->seed, &err);
    if (st == HT_OK)
        st = ht_args_real(args, "patience", 1, 1e9, &j->patience_s, &err);
    if (st == HT_OK)
        st = ht_args_real(args, "checkpoint", 0, 1e9, &j->checkpoint_s, &err);
    if (st == HT_OK)
        st = ht_args_real(args, "max-disk", 0, 1e12, &j->max_disk_mb, &err);
    if (j->checkpoint_s == 0 && ht_args_text(args, "checkpoint") != NULL)
        j->checkpoint_s = -1;       /* none */
    if (st != HT_OK)
        return ht_cli_fail_status(j->cli, st, &err);
    return ht_cli_check_mode(j->cli, j->mode, j->replay);
}

/* When this job ends: what Slurm says, or earlier, if we were told to. */
static int find_end(job *j)
{
    ht_error err = {""};
    double limit = 0, end = j->ranks.rank == 0 ? ht_slurm_end_time(squeue_patience_s) : 0;
    const char *text = ht_args_text(j->args, "time-limit");
    if (text != NULL && ht_slurm_duration(text, &limit, &err) != HT_OK)
        return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--time-limit: %s", err.text);
    if (limit > 0 && (end <= 0 || j->cli->began + limit < end))
        end = j->cli->began + limit;
    j->end_time = end > 0 ? end : -1;
    return HT_EXIT_DONE;
}

/* Rank 0 coordinates; the others train, in groups of R. One rank alone does both. */
static int place_replicas(job *j, const ht_args *args)
{
    ht_error err = {""};
    int trainers = j->ranks.size - 1, r = (int)j->ranks_per_replica;
    j->replicas = j->ranks.size == 1 ? 1 : trainers / r;
    j->replica = j->ranks.size == 1 ? 0 : j->ranks.rank == 0 ? -1 : (j->ranks.rank - 1) / r;
    if (j->ranks.size == 1 && r != 1)
        return ht_cli_fail(j->cli, HT_EXIT_USAGE,
                           "--ranks-per-replica %d: there is one rank; start %d with mpirun -n %d", r, r + 1,
                           r + 1);
    if (j->ranks.size > 1 && trainers % r != 0)
        return ht_cli_fail(j->cli, HT_EXIT_USAGE,
                           "--ranks-per-replica %d: %d ranks beside the coordinator do not divide into "
                           "groups of %d; start 1 + a multiple of %d",
                           r, trainers, r, r);
    ht_status st = ht_faults_read(args, j->replicas, j->replica, &j->faults, &err);
    return st == HT_OK ? HT_EXIT_DONE : ht_cli_fail_status(j->cli, st, &err);
}

/* ---- what only rank 0 can see --------------------------------------------------------------- */

/* A person at a terminal is asked. */
static bool asks_to_go_on(const char *dir)
{
    char answer[16] = "";
    fprintf(stderr, "hottune: an unfinished run is in '%s'. Go on with it (n: give it up and begin another)? [Y/n] ", dir);
    return fgets(answer, sizeof answer, stdin) == NULL || (answer[0] != 'n' && answer[0] != 'N');
}

/* An unfinished run is not given up by accident. */
static int check_unfinished(job *j)
{
    if (j->resume || j->new_run || !ht_commit_is_there(j->dir))
        return HT_EXIT_DONE;
    if (j->ranks.size == 1 && isatty(STDIN_FILENO) && isatty(STDERR_FILENO)) {
        j->resume = asks_to_go_on(j->dir);
        j->new_run = !j->resume;
        return HT_EXIT_DONE;
    }
    return ht_cli_fail(j->cli, HT_EXIT_USAGE,
                       "an unfinished run is in '%s'; hottune --dir %s resume goes on with it, --new begins another "
                       "one and gives it up",
                       j->dir, j->dir);
}

static int make_dir(job *j)
{
    ht_error err = {""};
    j->existing = ht_run_dir_existing(j->dir);
    int code = ht_cli_make_dir(j->cli, j->dir);
    if (code != HT_EXIT_DONE)
        return code;
    ht_status st = ht_run_lock_check(j->dir, &err);
    return st == HT_OK ? check_unfinished(j) : ht_cli_fail_status(j->cli, st, &err);
}

/* runs/<workload>-<time>, and -2, -3, .. if that is taken. */
static int choose_dir(job *j)
{
    struct tm t;
    struct stat s;
    time_t clock = time(NULL);
    char stamp[32];
    if (j->cli->dir != NULL) {
        if ((size_t)snprintf(j->dir, sizeof j->dir, "%s", j->cli->dir) >= sizeof j->dir)
            return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--dir: the path is longer than %d bytes", DIR_MAX - 1);
        return make_dir(j);
    }
    localtime_r(&clock, &t);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &t);
    snprintf(j->dir, sizeof j->dir, "runs/%s-%s", j->workload->name, stamp);
    for (int i = 2; stat(j->dir, &s) == 0; i++)
        snprintf(j->dir, sizeof j->dir, "runs/%s-%s-%d", j->workload->name, stamp, i);
    return make_dir(j);
}

/* A recipe that is refused should be refused before anything is trained. */
static int check_recipe(const job *j)
{
    ht_recipe *r = NULL;
    ht_error err = {""};
    ht_status st = j->recipe != NULL ? ht_recipe_load(j->recipe, &r, &err) : HT_OK;
    ht_recipe_destroy(r);
    return st == HT_OK ? HT_EXIT_DONE : ht_cli_fail_status(j->cli, st, &err);
}

/* A pipe would block, a device is no place to keep a study. */
static int check_study(const job *j)
{
    struct stat s;
    if (j->study == NULL || stat(j->study, &s) != 0 || S_ISREG(s.st_mode))
        return HT_EXIT_DONE;
    return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--study: '%s' is no regular file; name a file", j->study);
}

/* Where the ranks are is known long before all of them have read their data. */
static void tell_places(job *j)
{
    ht_places places = {0};
    ht_string map = {0};
    if (ht_places_gather(MPI_COMM_WORLD, j->replica, &places, NULL) == HT_OK)
        ht_place_map(&places, &map);
    ht_cli_say(j->cli, "%s", ht_string_peek(&map));
    j->places = ht_string_take(&map);
    ht_places_release(&places);
}

static int prepare(job *j)
{
    int code = HT_EXIT_DONE;
    if (j->ranks.rank == 0) {
        code = check_recipe(j);
        if (code == HT_EXIT_DONE)
            code = check_study(j);
        if (code == HT_EXIT_DONE)
            code = choose_dir(j);
    }
    code = ht_ranks_agree(j->cli, &j->ranks, code, "");
    if (code != HT_EXIT_DONE)
        return code;
    ht_ranks_share(&j->ranks, j->dir, sizeof j->dir);
    MPI_Comm_split(MPI_COMM_WORLD, j->replica < 0 ? MPI_UNDEFINED : j->replica, j->ranks.rank, &j->comm);
    if (!j->report_steps)
        ht_cli_say(j->cli, "%s, %d %s x %lld %s, files in %s\n", j->workload->name, j->replicas,
               j->replicas == 1 ? "replica" : "replicas", j->epochs, j->epochs == 1 ? "epoch" : "epochs",
               j->dir);
    if (j->ranks.size > 1)
        tell_places(j);
    return HT_EXIT_DONE;
}

/* ---- trainings ------------------------------------------------------------------------------ */

/* Makes the training of this rank's replica (NULL on the coordinator); all ranks learn if one cannot. */
static int make_training(const job *j, ht_training **out)
{
    ht_error err = {""};
    ht_status st = HT_OK;
    if (j->replica >= 0)
        st = ht_training_create(&(ht_workload_options){.name = j->workload->name,
                                                       .seed = (unsigned long long)j->seed,
                                                       .replica = j->replica,
                                                       .data_dir = j->data,
                                                       .comm = j->comm,
                                                       .cosine_epochs = j->cosine ? (int)j->epochs : 0,
                                                       .slow = j->faults.slow,
                                                       .nan_at = j->faults.nan_at},
                                (int)j->epochs, out, &err);
    if (st == HT_OK && *out != NULL && j->set != NULL)
        st = ht_training_set(*out, j->set, &err);
    return ht_ranks_agree(j->cli, &j->ranks, ht_exit_of(st), err.text);
}

/* Of every rank -> of every replica: its first rank speaks for it. all: NULL is allowed */
static void first_of_each(const job *j, ht_outcome *all)
{
    if (all != NULL && j->ranks.size > 1)
        for (int i = 0; i < j->replicas; i++)
            all[i] = all[1 + i * j->ranks_per_replica];
}

/* Outcomes of all replicas on rank 0, [replicas], owned by the caller; NULL elsewhere. */
static ht_outcome *gather(const job *j, const ht_outcome *mine)
{
    ht_outcome *all = NULL;
    if (j->ranks.rank == 0 && (all = calloc((size_t)j->ranks.size, sizeof *all)) == NULL)
        MPI_Abort(MPI_COMM_WORLD, HT_EXIT_FAILED);
    ht_ranks_gather(&j->ranks, mine, sizeof *mine, all);
    first_of_each(j, all);
    return all;
}

/* The run in the directory goes on, and its record is there: a start that is refused must not have changed it. */
static bool is_recorded(const job *j)
{
    char *record = ht_path_join(j->dir, HT_FILE_RUN), *folder = ht_path_join(j->dir, HT_DIR_CHECKPOINT);
    char *inputs = folder != NULL ? ht_path_join(folder, HT_FILE_INPUTS) : NULL;
    bool there = j->resume && record != NULL && ht_file_look(record).exists && inputs != NULL &&
                 ht_file_look(inputs).exists;
    free(inputs);
    free(folder);
    free(record);
    return there;
}

/* What was asked, for who repeats the run: `hottune replay`. Texts that were not given are null. */
static int write_record(const job *j)
{
    ht_error err = {""};
    if (is_recorded(j))
        return HT_EXIT_DONE;
    cJSON *o = cJSON_CreateObject();
    char *path = NULL;
    int code = ht_cli_path(j->cli, j->dir, HT_FILE_RUN, &path);
    ht_json_put_text(o, "workload", j->workload->name);
    ht_json_put_int(o, "epochs", (double)j->epochs);
    ht_json_put_int(o, "steps_per_epoch", j->workload->steps_per_epoch);
    ht_json_put_int(o, "seed", (double)j->seed);
    ht_json_put_int(o, "replicas", j->replicas);
    ht_json_put_int(o, "ranks_per_replica", (double)j->ranks_per_replica);
    ht_json_put_text(o, "schedule", j->cosine ? "cosine" : "constant");
    ht_json_put_text(o, "set", j->set);
    ht_json_put_text(o, "recipe_set", j->recipe_set);
    ht_json_put_text(o, "data", j->data);
    char *text = ht_sum_put(ht_json_page(o), 0);
    if (code == HT_EXIT_DONE) {
        ht_status st = text != NULL ? ht_file_replace(path, text, strlen(text), &err)
                                    : ht_fail(&err, HT_ENOMEM, "out of memory");
        code = st == HT_OK ? HT_EXIT_DONE : ht_cli_fail_status(j->cli, st, &err);
    }
    cJSON_Delete(o);
    free(text);
    free(path);
    return code;
}

/* A run that never began leaves nothing. */
static void remove_record(const job *j)
{
    char *record = ht_path_join(j->dir, HT_FILE_RUN), *events = ht_path_join(j->dir, HT_FILE_EVENTS);
    if (record != NULL && events != NULL && !ht_file_look(events).exists)
        remove(record);
    free(events);
    free(record);
}

/* The same trainings, seeds and epochs without the tuner. */
static int train_static(const job *j, ht_row *row)
{
    ht_training *t = NULL;
    ht_outcome mine = {NAN, NAN, NAN, NAN, 0, 0, 0, 0};
    ht_error err = {""};
    int code = make_training(j, &t);
    if (code != HT_EXIT_DONE)
        goto done;
    ht_cli_say(j->cli, "static default: the same epochs without the tuner ...\n");
    if (!j->cli->muted)
        fflush(stdout);
    double start = now();
    ht_status st = t != NULL ? ht_training_run(t, NULL, &mine, &err) : HT_OK;
    ht_outcome *all = gather(j, &mine);
    if (all != NULL) {
        *row = ht_row_of(all, j->replicas, -1, now() - start);
        ht_cli_say(j->cli, "static default: validation loss %.4f after %.1f s\n", row->best.val, row->wall_s);
    }
    free(all);
    code = ht_ranks_agree(j->cli, &j->ranks, ht_exit_of(st), err.text);
done:
    ht_training_destroy(t);
    return code;
}

/* Whoever asks us to leave meanwhile need not wait for the run, which has not begun. */
static int train_baseline(const job *j, ht_row *row)
{
    int code = train_static(j, row);
    if (code != HT_EXIT_DONE)
        return code;
    bool asked = j->ranks.rank == 0 && *ht_leave_asked() != 0;
    return ht_ranks_agree(j->cli, &j->ranks, asked ? HT_EXIT_AGAIN : HT_EXIT_DONE,
                          "asked to stop before the run began: there is nothing to go on with, start it again");
}

static void print_plan(void *ctx, const char *text)
{
    const job *j = ctx;
    bool is_known = j->places != NULL && strcmp(text, j->places) == 0;
    if (!j->report_steps && !is_known)
        ht_cli_say(j->cli, "%s%s", text, strchr(text, '\n') == NULL ? "\n" : "");
}

static ht_options options_of(const job *j, ht_progress_line *line)
{
    return (ht_options){
        .comm = MPI_COMM_WORLD,
        .ranks_per_replica = (int)j->ranks_per_replica,
        .run_dir = j->dir,
        .recipe = j->recipe,
        .recipe_text = j->workload->recipe,
        .study = j->study,
        .name = j->workload->name,
        .seed = (unsigned long long)j->seed,
        .max_steps = j->epochs * j->workload->steps_per_epoch,
        .max_epochs = (int)j->epochs,
        .recipe_set = j->recipe_set,
        .recipe_unless_given = "population.mode=pooled",
        .resume = j->resume,
        .checkpoint_s = j->checkpoint_s,
        .checkpoint_bytes = (unsigned long long)(1e6 * j->max_disk_mb),
        .leave = j->checkpoint_s >= 0 ? ht_leave_asked() : NULL,
        .end_time = j->end_time,
        .patience_s = j->patience_s,
        .plan = print_plan,
        .plan_ctx = (void *)j,
        .mode = j->mode,
        .replay = j->replay,
        .warning = ht_progress_warn,
        .warning_ctx = line,
        .progress = ht_progress_show,
        .progress_ctx = line,
    };
}

/* A line that `hottune sweep` understands; epoch 0 = the result. What is not finite is null. */
static void print_step(void *ctx, int epoch, double val)
{
    (void)ctx;
    cJSON *o = cJSON_CreateObject();
    if (epoch > 0)
        ht_json_put_int(o, "step", epoch);
    ht_json_put_real(o, "value", val);
    char *line = ht_json_line(o);
    if (line != NULL)
        puts(line);
    fflush(stdout);
    free(line);
    cJSON_Delete(o);
}

/* The end of all ranks that are still there. @return outcomes of all replicas on rank 0, owned by the caller: NaN for
 * whoever is missing; NULL elsewhere */
static ht_outcome *part(job *j, const ht_outcome *mine, ht_result *result, int mine_code, const char *message, int *code)
{
    const ht_outcome none = {.val = NAN, .test = NAN, .val_error = NAN, .test_error = NAN};
    ht_outcome *all = NULL;
    if (j->ranks.rank == 0 && (all = calloc((size_t)j->ranks.size, sizeof *all)) == NULL)
        MPI_Abort(MPI_COMM_WORLD, HT_EXIT_FAILED);
    for (int i = 0; all != NULL && i < j->ranks.size; i++)
        all[i] = none;
    *code = ht_ranks_part(j->cli, &j->ranks, mine_code, message, mine, sizeof *mine, all,
                          result->lost > 0 ? fmin(j->patience_s, 5) : j->patience_s, result->lost > 0);
    first_of_each(j, all);
    if (all != NULL && result->best_replica >= 0 &&
        (result->best_replica >= j->replicas || isnan(all[result->best_replica].val)))
        result->best_replica = -1;  /* its weights went with it: the best of the others counts */
    return all;
}

/* On rank 0 of a job ht_open returns when the run is over; the others train in between. */
static int train_tuned(job *j, ht_row *row, ht_result *result)
{
    ht_training *t = NULL;
    ht_kernel *k = NULL;
    ht_outcome mine = {NAN, NAN, NAN, NAN, 0, 0, 0, 0};
    ht_error err = {""};
    ht_progress_line line = ht_progress_begin(j->cli, (int)j->epochs);
    line.shown = line.shown && !j->report_steps;
    char *program = ht_run_args_to_text(j->args);
    ht_options options = options_of(j, &line);
    options.program = program;      /* so that it can be resumed without options */
    int code = make_training(j, &t);
    if (code == HT_EXIT_DONE)
        code = ht_ranks_agree(j->cli, &j->ranks, j->ranks.rank == 0 ? write_record(j) : HT_EXIT_DONE, "");
    if (code != HT_EXIT_DONE)
        goto done;
    if (j->report_steps)
        ht_training_listen(t, print_step, NULL);
    double start = now();
    ht_status st = ht_open(&options, &k);
    if (st != HT_OK) /* the run could not begin, or, on rank 0, its files could not be finished */
        ht_fail(&err, st, "%s", k != NULL ? ht_message(k) : ht_status_text(st));
    if (st == HT_OK && t != NULL)
        st = ht_training_offer(t, k, &err);
    if (st == HT_OK && t != NULL)
        st = ht_training_run(t, k, &mine, &err);
    ht_status closed = k != NULL ? ht_close(k) : HT_OK;
    if (st == HT_OK && closed != HT_OK)
        st = ht_fail(&err, closed, "%s", ht_message(k));
    ht_progress_end(&line);
    if (k != NULL)
        ht_result_of(k, result);
    bool left = k != NULL && ht_has_left(k);
    if (left && st == HT_OK)
        ht_fail(&err, HT_OK, "the run is written down; hottune --dir %s resume goes on with it", j->dir);
    ht_outcome *all = part(j, &mine, result, left && st == HT_OK ? HT_EXIT_AGAIN : ht_exit_of(st), err.text, &code);
    if (all != NULL)
        *row = ht_row_of(all, j->replicas, result->best_replica, now() - start);
    free(all);
done:
    ht_free(k);
    ht_training_destroy(t);
    free(program);
    return code;
}

/* ---- the verb ------------------------------------------------------------------------------- */

static void report(const job *j, const ht_report_data *numbers)
{
    ht_report_data d = *numbers;
    d.workload = j->workload->name;
    d.dir = j->dir;
    d.study = j->study;
    d.replicas = j->replicas;
    d.ranks_per_replica = (int)j->ranks_per_replica;
    d.epochs = (int)j->epochs;
    d.seed = j->seed;
    d.compared = j->compare && !j->resume;
    if (j->report_steps)
        print_step(NULL, 0, d.champion.best.val);
    else
        ht_report_print(j->cli, &d);
}

static int run_job(job *j)
{
    ht_report_data d = {.champion = {.replica = -1}, .result = {.best_replica = -1}};
    int code = prepare(j);
    if (code == HT_EXIT_DONE && j->compare && !j->resume)
        code = train_baseline(j, &d.baseline);
    if (code == HT_EXIT_DONE)
        code = train_tuned(j, &d.champion, &d.result);
    /* trained, even if the files could not be written */
    if (code == HT_EXIT_DONE || (code != HT_EXIT_AGAIN && d.champion.replica >= 0))
        report(j, &d);
    return code;
}

int ht_verb_run(const ht_cli *cli, const ht_args *args)
{
    job j = {.cli = cli, .args = args, .comm = MPI_COMM_NULL};
    MPI_Comm_rank(MPI_COMM_WORLD, &j.ranks.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &j.ranks.size);
    int code = read_workload(&j, args->words[0]);
    if (code == HT_EXIT_DONE)
        code = find_end(&j);
    if (code == HT_EXIT_DONE)
        code = read_options(&j, args);
    if (j.checkpoint_s < 0)
        ht_leave_as_usual();    /* there would be nothing to go on from */
    if (code == HT_EXIT_DONE)
        code = place_replicas(&j, args);
    if (code == HT_EXIT_DONE)
        code = run_job(&j);
    if (code != HT_EXIT_DONE && j.ranks.rank == 0 && j.dir[0] != '\0') {
        remove_record(&j);
        ht_run_dir_undo(j.dir, j.existing);
    }
    free(j.places);
    if (j.ranks.is_short)
        ht_ranks_leave(&j.ranks, code);
    if (j.comm != MPI_COMM_NULL)
        MPI_Comm_free(&j.comm);
    return code;
}
