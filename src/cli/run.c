/* src/cli/run.c - the verb `run`: trains a built-in workload under the tuner, alone or on all ranks of a job.
 *
 * Uses the public header and the workload, as a program of a user would. What is asked: run_ask.c; what comes before the
 * trainings: run_prepare.c. May touch: MPI, clock, stdout through report.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/leave.h"
#include "cli/report.h"
#include "cli/run_args.h"
#include "cli/run_job.h"
#include "cli/trainee.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- trainings ------------------------------------------------------------------------------ */

/* Of every rank -> of every replica: its first rank speaks for it. all: NULL is allowed */
static void first_of_each(const ht_run_job *j, ht_outcome *all)
{
    if (all != NULL && j->ranks.size > 1)
        for (int i = 0; i < j->replicas; i++)
            all[i] = all[1 + i * j->ranks_per_replica];
}

/* Outcomes of all replicas on rank 0, [replicas], owned by the caller; NULL elsewhere. */
static ht_outcome *gather(const ht_run_job *j, const ht_outcome *mine)
{
    ht_outcome *all = NULL;
    if (j->ranks.rank == 0 && (all = calloc((size_t)j->ranks.size, sizeof *all)) == NULL)
        MPI_Abort(MPI_COMM_WORLD, HT_EXIT_FAILED);
    ht_ranks_gather(&j->ranks, mine, sizeof *mine, all);
    first_of_each(j, all);
    return all;
}

/* One replica of several whose command failed too often: the others go on without it. */
static bool is_dispensable(const ht_run_job *j)
{
    return j->command != NULL && j->ranks.rank != 0;
}

/* The same trainings, seeds and epochs without the tuner. */
static int train_static(ht_run_job *j, ht_row *row)
{
    ht_trainee t = {0};
    ht_outcome mine = {NAN, NAN, NAN, NAN, 0, 0, 0, 0};
    ht_error err = {""};
    int code = ht_trainee_make(j, &t);
    if (code != HT_EXIT_DONE)
        goto done;
    ht_cli_say(j->cli, "static default: the same epochs without the tuner ...\n");
    if (!j->cli->muted)
        fflush(stdout);
    double start = now();
    ht_status st = ht_trainee_run(&t, NULL, &mine, &err);
    if (st != HT_OK && is_dispensable(j)) {
        ht_cli_note("hottune: %s\n", err.text);
        st = HT_OK;
    }
    ht_outcome *all = gather(j, &mine);
    if (all != NULL) {
        *row = ht_row_of(all, j->replicas, -1, j->maximises, now() - start);
        j->baseline_val = row->best.val;
        j->baseline_test = row->best.test;
        j->baseline_epochs = row->epochs;
        ht_cli_say(j->cli, "static default: validation loss %.4f after %.1f s\n", row->best.val, row->wall_s);
    }
    free(all);
    code = ht_ranks_agree(j->cli, &j->ranks, ht_exit_of(st), err.text);
done:
    ht_trainee_destroy(&t);
    return code;
}

/* Whoever asks us to leave meanwhile need not wait for the run, which has not begun. */
static int train_baseline(ht_run_job *j, ht_row *row)
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
    ht_run_job *j = ctx;
    bool is_known = j->places != NULL && strcmp(text, j->places) == 0;
    if (!j->report_steps && !is_known)
        ht_progress_plan(&j->line, j->cli, text);
}

/* An average of a child's weights would be made of those at epochs' ends, which must be fetched for it. */
static const char of_workloads[] = "population.mode=pooled", of_commands[] = "population.mode=pooled objective.ema=0";

static ht_options options_of(ht_run_job *j)
{
    return (ht_options){
        .comm = MPI_COMM_WORLD,
        .ranks_per_replica = (int)j->ranks_per_replica,
        .run_dir = j->dir,
        .recipe = j->recipe,
        .recipe_text = j->own_recipe,
        .study = j->study,
        .name = j->name,
        .seed = (unsigned long long)j->seed,
        .max_steps = j->epochs * j->steps_per_epoch,
        .max_epochs = (int)j->epochs,
        .recipe_set = j->recipe_set,
        .recipe_unless_given = j->command != NULL ? of_commands : of_workloads,
        .resume = j->resume,
        .checkpoint_s = j->checkpoint_s,
        .checkpoint_bytes = (unsigned long long)(1e6 * j->max_disk_mb),
        .leave = j->checkpoint_s >= 0 ? ht_leave_asked() : NULL,
        .end_time = j->end_time,
        .patience_s = j->patience_s,
        .plan = print_plan,
        .plan_ctx = j,
        .mode = j->mode,
        .replay = j->replay,
        .warning = ht_progress_warn,
        .warning_ctx = &j->line,
        .progress = ht_progress_show,
        .progress_ctx = &j->line,
        .event = ht_progress_news,
        .event_ctx = &j->line,
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
static ht_outcome *part(ht_run_job *j, const ht_outcome *mine, ht_result *result, int mine_code, const char *message, int *code)
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
static int train_tuned(ht_run_job *j, ht_row *row, ht_result *result)
{
    ht_trainee t = {0};
    ht_kernel *k = NULL;
    ht_outcome mine = {NAN, NAN, NAN, NAN, 0, 0, 0, 0};
    ht_error err = {""};
    int code = ht_trainee_make(j, &t);
    j->line = ht_progress_begin(j->cli, j->report_steps ? HT_PROGRESS_NONE : j->form);
    char *program = ht_run_args_to_text(j->args);
    ht_options options = options_of(j);
    options.program = program;      /* so that it can be resumed without options */
    if (code == HT_EXIT_DONE)
        code = ht_ranks_agree(j->cli, &j->ranks, j->ranks.rank == 0 ? ht_run_job_record(j) : HT_EXIT_DONE, "");
    if (code != HT_EXIT_DONE)
        goto done;
    if (j->report_steps)
        ht_trainee_listen(&t, print_step, NULL);
    double start = now();
    ht_status st = ht_open(&options, &k);
    if (st != HT_OK) /* the run could not begin, or, on rank 0, its files could not be finished */
        ht_fail(&err, st, "%s", k != NULL ? ht_message(k) : ht_status_text(st));
    if (st == HT_OK)
        st = ht_trainee_offer(&t, k, &err);
    if (st == HT_OK)
        st = ht_trainee_run(&t, k, &mine, &err);
    if (st != HT_OK && is_dispensable(j)) {
        ht_cli_note("hottune: %s\n", err.text);
        st = HT_OK;
    }
    ht_status closed = k != NULL ? ht_close(k) : HT_OK;
    if (st == HT_OK && closed != HT_OK)
        st = ht_fail(&err, closed, "%s", ht_message(k));
    ht_progress_end(&j->line);
    if (k != NULL)
        ht_result_of(k, result);
    bool left = k != NULL && ht_has_left(k);
    if (left && st == HT_OK)
        ht_fail(&err, HT_OK, "the run is written down; hottune --dir %s resume goes on with it", j->dir);
    ht_outcome *all = part(j, &mine, result, left && st == HT_OK ? HT_EXIT_AGAIN : ht_exit_of(st), err.text, &code);
    if (all != NULL)
        *row = ht_row_of(all, j->replicas, result->best_replica, j->maximises, now() - start);
    if (all != NULL && j->command != NULL && code == HT_EXIT_DONE && row->replica < 0)
        code = ht_cli_fail(j->cli, HT_EXIT_FAILED, "no replica came to a result; what %s printed is in %s/replica-0.log", j->command[0], j->dir);
    free(all);
done:
    ht_free(k);
    ht_trainee_destroy(&t);
    free(program);
    return code;
}

/* ---- the verb ------------------------------------------------------------------------------- */

/* @param[out] out  what the JSON lines end with; owned by the caller */
static void report(const ht_run_job *j, const ht_report_data *numbers, cJSON **out)
{
    ht_report_data d = *numbers;
    d.workload = j->name;
    d.dir = j->dir;
    d.study = j->study;
    d.replicas = j->replicas;
    d.ranks_per_replica = (int)j->ranks_per_replica;
    d.epochs = (int)j->epochs;
    d.seed = j->seed;
    d.compared = j->compare && !j->resume;
    if (j->report_steps)
        print_step(NULL, 0, d.champion.best.val);
    else if (j->form == HT_PROGRESS_JSON)
        *out = ht_report_json(&d);
    else
        ht_report_print(j->cli, &d);
}

/* The first and the last of the JSON lines. */
static void tell_start(const ht_run_job *j)
{
    cJSON *o = ht_progress_event_new("start");
    ht_json_put_int(o, "version", HT_PROGRESS_VERSION);
    ht_json_put_text(o, "hottune", ht_version());
    ht_json_put_text(o, "workload", j->name);
    ht_json_put_int(o, "replicas", j->replicas);
    ht_json_put_int(o, "ranks_per_replica", (double)j->ranks_per_replica);
    ht_json_put_int(o, "epochs", (double)j->epochs);
    ht_json_put_int(o, "seed", (double)j->seed);
    ht_json_put_text(o, "dir", j->dir);
    ht_json_put_text(o, "study", j->study);
    ht_json_put_bool(o, "resume", j->resume);
    ht_progress_event_print(o);
}

/* Takes `report`. */
static void tell_end(int code, cJSON *report)
{
    cJSON *o = ht_progress_event_new("end");
    ht_json_put_int(o, "exit_code", code);
    ht_json_put(o, "report", report != NULL ? report : cJSON_CreateNull());
    ht_progress_event_print(o);
}

static int run_job(ht_run_job *j)
{
    ht_report_data d = {.champion = {.replica = -1}, .result = {.best_replica = -1}};
    cJSON *end = NULL;
    int code = ht_run_job_prepare(j);
    bool lines = code == HT_EXIT_DONE && j->form == HT_PROGRESS_JSON && !j->cli->muted;
    if (lines)
        tell_start(j);
    if (code == HT_EXIT_DONE && j->compare && !j->resume)
        code = train_baseline(j, &d.baseline);
    if (code == HT_EXIT_DONE)
        code = train_tuned(j, &d.champion, &d.result);
    /* trained, even if the files could not be written */
    if (code == HT_EXIT_DONE || (code != HT_EXIT_AGAIN && d.champion.replica >= 0))
        report(j, &d, &end);
    if (lines)
        tell_end(code, end);
    else
        cJSON_Delete(end);
    return code;
}

int ht_verb_run(const ht_cli *cli, const ht_args *args)
{
    ht_cli own = *cli;
    ht_run_job j = {.cli = &own, .args = args, .comm = MPI_COMM_NULL, .baseline_val = NAN};
    MPI_Comm_rank(MPI_COMM_WORLD, &j.ranks.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &j.ranks.size);
    int code = ht_run_job_read(&j);
    own.quiet = own.quiet || j.form == HT_PROGRESS_JSON;
    if (code == HT_EXIT_DONE)
        code = run_job(&j);
    if (code != HT_EXIT_DONE && j.ranks.rank == 0 && j.dir[0] != '\0')
        ht_run_job_undo(&j);
    free(j.places);
    free(j.own_recipe);
    if (j.ranks.is_short)
        ht_ranks_leave(&j.ranks, code);
    if (j.comm != MPI_COMM_NULL)
        MPI_Comm_free(&j.comm);
    return code;
}
