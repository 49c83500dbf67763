/* src/cli/run_ask.c - what the verb `run` is asked to do; the contract is in run_job.h.
 *
 * Every rank reads the same arguments and comes to the same verdict. May touch: Slurm by way of slurm.h. */
#include <string.h>

#include "cli/faults.h"
#include "cli/leave.h"
#include "cli/run_job.h"
#include "cli/slurm.h"

static const double squeue_patience_s = 2;
static const long long seed_max = (1LL << 53) - 1; /* recipes can hold a seed, and numbers up to here */

static int read_workload(ht_run_job *j, const char *name)
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

/* What it is called: the last part of its path. */
static int read_command(ht_run_job *j, const ht_args *args)
{
    static const char *const of_workloads[] = {"data", "schedule", "slow", "nan", "report-steps"};
    const char *slash = strrchr(args->words[0], '/');
    for (size_t i = 0; i < sizeof of_workloads / sizeof *of_workloads; i++)
        if (ht_args_text(args, of_workloads[i]) != NULL)
            return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--%s is for built-in workloads; leave it out", of_workloads[i]);
    j->command = args->words;
    j->steps_per_epoch = 1;
    if (!ht_name_copy(j->name, slash != NULL && slash[1] != '\0' ? slash + 1 : args->words[0]))
        memcpy(j->name, "command", sizeof "command");
    return HT_EXIT_DONE;
}

static int read_subject(ht_run_job *j, const ht_args *args)
{
    if (args->separated)
        return read_command(j, args);
    if (args->n_words > 1)
        return ht_cli_fail(j->cli, HT_EXIT_USAGE,
                           "run: unexpected word '%s'; a command stands behind --: hottune run -- CMD ARG", args->words[1]);
    int code = read_workload(j, args->words[0]);
    if (code != HT_EXIT_DONE)
        return code;
    ht_name_copy(j->name, j->workload->name);
    j->steps_per_epoch = j->workload->steps_per_epoch;
    j->epochs = j->workload->default_epochs;
    if ((j->own_recipe = strdup(j->workload->recipe)) == NULL)
        return ht_cli_fail(j->cli, HT_EXIT_FAILED, "out of memory");
    return HT_EXIT_DONE;
}

static int read_form(ht_run_job *j, const ht_args *args)
{
    const char *progress = ht_args_text(args, "progress");
    bool lines = ht_args_has(args, "json-lines");
    if (progress != NULL && !ht_progress_parse(progress, &j->form))
        return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--progress: '%s' is not auto, live, lines or none", progress);
    if (lines && (j->report_steps || j->cli->json || j->cli->quiet || progress != NULL))
        return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--json-lines prints lines of its own, and nothing else on stdout; leave out "
                           "--report-steps, --json, --quiet, --progress");
    if (lines)
        j->form = HT_PROGRESS_JSON;
    return HT_EXIT_DONE;
}

static int read_options(ht_run_job *j, const ht_args *args)
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
    int code = read_form(j, args);
    if (code != HT_EXIT_DONE)
        return code;
    const char *schedule = ht_args_text(args, "schedule");
    j->cosine = schedule != NULL && strcmp(schedule, "cosine") == 0;
    if (schedule != NULL && !j->cosine && strcmp(schedule, "constant") != 0)
        return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--schedule: '%s' is not cosine or constant", schedule);
    j->reply_s = 60;
    j->epoch_s = 3600;
    j->restarts = 3;
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
    if (st == HT_OK)
        st = ht_args_real(args, "reply-timeout", 0.1, 1e9, &j->reply_s, &err);
    if (st == HT_OK)
        st = ht_args_real(args, "train-timeout", 0.1, 1e9, &j->epoch_s, &err);
    if (st == HT_OK)
        st = ht_args_int(args, "restarts", 0, 1000000, &j->restarts, &err);
    if (st == HT_OK && j->command != NULL && j->ranks_per_replica > 1)
        st = ht_fail(&err, HT_EINVAL, "--ranks-per-replica: a command is one process for a replica; leave it out");
    if (j->checkpoint_s == 0 && ht_args_text(args, "checkpoint") != NULL)
        j->checkpoint_s = -1;       /* none */
    if (st != HT_OK)
        return ht_cli_fail_status(j->cli, st, &err);
    return ht_cli_check_mode(j->cli, j->mode, j->replay);
}

/* When this job ends: what Slurm says, or earlier, if we were told to. */
static int find_end(ht_run_job *j)
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
static int place_replicas(ht_run_job *j, const ht_args *args)
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

int ht_run_job_read(ht_run_job *j)
{
    int code = read_subject(j, j->args);
    if (code == HT_EXIT_DONE)
        code = find_end(j);
    if (code == HT_EXIT_DONE)
        code = read_options(j, j->args);
    if (j->checkpoint_s < 0)
        ht_leave_as_usual();    /* there would be nothing to go on from */
    return code == HT_EXIT_DONE ? place_replicas(j, j->args) : code;
}
