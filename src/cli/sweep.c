/* src/cli/sweep.c - the verb `sweep`: many trials of a command, with parameters from a search space.
 *
 * Rank 0 coordinates, the others work; a process alone does both behind a loopback: the same code. The coordinator
 * never waits for a command, only naps between messages. What only rank 0 can see (space, directory, log) is agreed
 * on before the workers begin. May touch: MPI, clock, signals (SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 end the sweep in order),
 * stdout through sweep_report.h. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/progress.h"
#include "cli/ranks.h"
#include "cli/sweep_command.h"
#include "cli/sweep_report.h"
#include "cli/sweep_worker.h"
#include "comm/clock.h"
#include "comm/loopback.h"
#include "comm/mpi_comm.h"
#include "store/file.h"
#include "store/sweep_log.h"
#include "store/sweep_study.h"

static const double wait_s = 0.01, commit_every_s = 1, publish_every_s = 30;

typedef struct {
    const ht_cli *cli;
    ht_ranks ranks;
    ht_sweep_options options;
    ht_sweep_job job;
    const char *space_path, *dir;
    bool resume;
    long long top;
    MPI_Comm mpi;               /* owned; MPI_COMM_NULL alone */
    ht_comm *coordinator_end, *worker_end;  /* NULL where this process has no such part */
    /* of the coordinator */
    ht_space space;
    ht_sweep *sweep;
    ht_sweep_log *log;
    ht_progress_line line;
    char *space_text;           /* owned */
    double started, committed, published;
    bool writing_fails;
    char warned[256];           /* the latest warning that was printed */
    size_t bad_lines;
} sweep_job;

/* ---- what is asked -------------------------------------------------------------------------- */

static int read_direction(sweep_job *j, const ht_args *args)
{
    const char *text = ht_args_text(args, "direction");
    if (text != NULL && strcmp(text, "min") != 0 && strcmp(text, "max") != 0)
        return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--direction: '%s' is neither min nor max", text);
    j->options.maximize = text != NULL && strcmp(text, "max") == 0;
    return HT_EXIT_DONE;
}

static int read_pruning(sweep_job *j, const ht_args *args)
{
    const char *text = ht_args_text(args, "prune");
    long long reduction = 3, min_resource = 1;
    ht_error err = {""};
    ht_status st = ht_args_int(args, "reduction", 2, 1000, &reduction, &err);
    if (st == HT_OK)
        st = ht_args_int(args, "min-resource", 1, 1000000000, &min_resource, &err);
    if (st != HT_OK)
        return ht_cli_fail_status(j->cli, st, &err);
    if (text != NULL && strcmp(text, "median") != 0 && strcmp(text, "asha") != 0)
        return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--prune: '%s' is neither median nor asha", text);
    if (text == NULL && (ht_args_has(args, "reduction") || ht_args_has(args, "min-resource")))
        return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--reduction and --min-resource are for early stopping; add --prune");
    if (ht_args_has(args, "reduction") && strcmp(text, "asha") != 0)
        return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--reduction is for --prune asha");
    j->options.pruner = (ht_pruner_options){
        .rule = text == NULL ? HT_PRUNE_NONE : strcmp(text, "asha") == 0 ? HT_PRUNE_ASHA : HT_PRUNE_MEDIAN,
        .maximize = j->options.maximize,
        .reduction = (int)reduction,
        .min_resource = min_resource,
        .startup = 5,
    };
    return HT_EXIT_DONE;
}

static int read_numbers(sweep_job *j, const ht_args *args)
{
    long long trials = 32, retries = 0, seed = 1;
    ht_error err = {""};
    j->job.grace_s = 5;
    j->options.patience_s = 30;
    j->top = 10;
    ht_status st = ht_args_int(args, "trials", 1, 100000000, &trials, &err);
    if (st == HT_OK)
        st = ht_args_int(args, "retries", 0, 1000, &retries, &err);
    if (st == HT_OK)
        st = ht_args_int(args, "seed", 0, (1LL << 53) - 1, &seed, &err);
    if (st == HT_OK)
        st = ht_args_int(args, "top", 1, 10000, &j->top, &err);
    if (st == HT_OK)
        st = ht_args_real(args, "timeout", 0.001, 1e9, &j->job.timeout_s, &err);
    if (st == HT_OK)
        st = ht_args_real(args, "grace", 0, 1e6, &j->job.grace_s, &err);
    if (st == HT_OK)
        st = ht_args_real(args, "patience", 3, 1e9, &j->options.patience_s, &err);
    j->options.trials = (unsigned long)trials;
    j->options.retries = (unsigned long)retries;
    j->options.seed = (unsigned long long)seed;
    return st == HT_OK ? HT_EXIT_DONE : ht_cli_fail_status(j->cli, st, &err);
}

static int read_options(sweep_job *j, const ht_args *args)
{
    j->space_path = ht_args_text(args, "space");
    j->dir = j->cli->dir;
    j->resume = ht_args_has(args, "resume");
    j->job.result = ht_args_text(args, "result");
    j->job.n_words = args->n_words;
    j->job.words = args->words;
    j->options.workers = j->ranks.size > 1 ? j->ranks.size - 1 : 1;
    if (j->space_path == NULL)
        return ht_cli_fail(j->cli, HT_EXIT_USAGE, "sweep: what is searched is missing; add --space FILE");
    if (j->dir == NULL)
        return ht_cli_fail(j->cli, HT_EXIT_USAGE, "sweep: where the results go is missing; add --dir DIR");
    int code = read_direction(j, args);
    if (code == HT_EXIT_DONE)
        code = read_pruning(j, args);
    return code == HT_EXIT_DONE ? read_numbers(j, args) : code;
}

/* ---- the coordinator's things --------------------------------------------------------------- */

static ht_status read_space(sweep_job *j, ht_error *err)
{
    HT_TRY(ht_file_read(j->space_path, &j->space_text, NULL, err));
    HT_TRY(ht_space_parse(j->space_text, j->space_path, &j->space, err));
    return ht_command_check(&j->space, err);
}

static ht_status replay(void *ctx, const ht_trial *t, double started, double ended, ht_error *err)
{
    sweep_job *j = ctx;
    (void)started;
    (void)ended;
    return ht_sweep_replay(j->sweep, t, err);
}

static ht_status open_all(sweep_job *j, ht_error *err)
{
    HT_TRY(ht_sweep_create(&j->space, &j->options, ht_clock_monotonic(), &j->sweep, err));
    HT_TRY(ht_sweep_study_fits(j->dir, err));
    HT_TRY(ht_sweep_log_open(j->dir, &j->space, j->options.maximize, j->resume, ht_clock_wall(), &j->log, err));
    return j->resume ? ht_sweep_log_each(j->dir, &j->space, replay, j, &j->bad_lines, err) : HT_OK;
}

/* A sweep goes on from the lines of its log alone. */
static void warn_of_damage(const sweep_job *j)
{
    size_t lost = ht_sweep_log_lost(j->log);
    if (j->bad_lines > 0)
        ht_cli_fail(j->cli, HT_EXIT_DONE,
                    "warning: %zu lines of '%s/" HT_FILE_TRIALS
                    "' are damaged or missing, and not used; 'hottune study check' tells "
                    "more",
                    j->bad_lines, j->dir);
    if (lost > 0)
        ht_cli_fail(
            j->cli, HT_EXIT_DONE,
            "warning: the sweep goes on without %zu trials that are in its database and not in its log",
            lost);
}

/* On rank 0. */
static int prepare(sweep_job *j)
{
    ht_error err = {""};
    ht_status st = read_space(j, &err);
    if (st != HT_OK)
        return ht_cli_fail_status(j->cli, st, &err);
    int code = ht_cli_make_dir(j->cli, j->dir);
    if (code != HT_EXIT_DONE)
        return code;
    st = open_all(j, &err);
    if (st == HT_OK)
        warn_of_damage(j);
    return st == HT_OK ? HT_EXIT_DONE : ht_cli_fail_status(j->cli, st, &err);
}

static ht_status connect(sweep_job *j, ht_error *err)
{
    if (j->ranks.size == 1)
        return ht_comm_loopback_create(&j->coordinator_end, &j->worker_end, err);
    MPI_Comm_dup(MPI_COMM_WORLD, &j->mpi);
    MPI_Comm_set_errhandler(j->mpi, MPI_ERRORS_RETURN);
    return ht_comm_mpi_create(j->mpi, j->ranks.rank == 0 ? &j->coordinator_end : &j->worker_end, err);
}

static void release(sweep_job *j)
{
    ht_comm_destroy(j->worker_end);
    ht_comm_destroy(j->coordinator_end);
    if (j->mpi != MPI_COMM_NULL)
        MPI_Comm_free(&j->mpi);
    ht_sweep_log_close(j->log);
    ht_sweep_destroy(j->sweep);
    ht_space_release(&j->space);
    free(j->space_text);
}

/* ---- signals -------------------------------------------------------------------------------- */

static volatile sig_atomic_t signal_seen; /* the one thing that a handler can tell */

static void note_signal(int number)
{
    signal_seen = number;
}

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
enum { N_ENDING = sizeof ending / sizeof *ending };

/* SIGUSR1 and SIGUSR2 are what a batch job asks with: it is to be started again. */
static int code_of_signal(void)
{
    return signal_seen == SIGUSR1 || signal_seen == SIGUSR2 ? HT_EXIT_AGAIN : 128 + (int)signal_seen;
}

static void watch_signals(struct sigaction before[N_ENDING])
{
    struct sigaction ours = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
    sigemptyset(&ours.sa_mask);
    for (int i = 0; i < N_ENDING; i++)
        sigaction(ending[i], &ours, &before[i]);
}

static void restore_signals(const struct sigaction before[N_ENDING])
{
    for (int i = 0; i < N_ENDING; i++)
        sigaction(ending[i], &before[i], NULL);
}

/* ---- coordinating --------------------------------------------------------------------------- */

static void warn(sweep_job *j, const char *text)
{
    ht_progress_warn(&j->line, text);
}

/* A failure to write is said once; nothing that ran is lost by it. */
static void note_writing(sweep_job *j, ht_status st, const ht_error *err)
{
    if (st == HT_OK || j->writing_fails)
        return;
    char text[sizeof err->text + 80];
    snprintf(text, sizeof text, "%s; the sweep goes on, and it is tried again", err->text);
    warn(j, text);
    j->writing_fails = true;
}

static void publish(sweep_job *j)
{
    ht_error err = {""};
    ht_sweep_study study = {.name = j->space_path, .space_text = j->space_text, .seed = j->options.seed,
                            .maximize = j->options.maximize};
    note_writing(j, ht_sweep_study_publish(j->dir, &j->space, &study, &err), &err);
}

static void drain(sweep_job *j)
{
    int to;
    ht_bytes bytes;
    ht_sweep_record record;
    ht_error err = {""};
    while (ht_sweep_next_record(j->sweep, &record)) /* written before anybody is told */
        note_writing(j, ht_sweep_log_write(j->log, &record, ht_clock_wall(), &err), &err);
    while (ht_sweep_next_message(j->sweep, &to, &bytes)) {
        if (ht_comm_send(j->coordinator_end, to + 1, bytes.data, bytes.n, &err) != HT_OK)
            warn(j, err.text);
        free(bytes.data);
    }
}

static void show(sweep_job *j, const ht_sweep_view *v, double now)
{
    char text[256];
    if (strcmp(v->warning, j->warned) != 0) {
        snprintf(j->warned, sizeof j->warned, "%s", v->warning);
        warn(j, v->warning);
    }
    if (!ht_progress_is_due(&j->line, now - j->started))
        return;
    ht_sweep_progress_text(text, sizeof text, v, now - j->started);
    ht_progress_put(&j->line, text);
}

/* @return whether the sweep goes on */
static bool coordinate(sweep_job *j, double wait)
{
    int from;
    ht_bytes bytes;
    ht_error err = {""};
    ht_sweep_view v;
    ht_status st = HT_OK;
    for (double s = wait; ht_comm_receive(j->coordinator_end, s, &from, &bytes, &err) == HT_OK; s = 0) {
        if (ht_sweep_receive(j->sweep, ht_clock_monotonic(), from - 1, bytes.data, bytes.n) != HT_OK)
            warn(j, "no memory for a message of a worker");
        free(bytes.data);
        drain(j);
    }
    double now = ht_clock_monotonic();
    if (signal_seen != 0)
        st = ht_sweep_stop(j->sweep, now, "the sweep was told to end");
    if (st == HT_OK)
        st = ht_sweep_tick(j->sweep, now);
    if (st != HT_OK)
        warn(j, "out of memory");
    drain(j);
    if (now - j->committed > commit_every_s) {
        j->committed = now;
        note_writing(j, ht_sweep_log_commit(j->log, &err), &err);
    }
    if (now - j->published > publish_every_s) {
        publish(j);
        j->published = ht_clock_monotonic();
    }
    ht_sweep_peek(j->sweep, &v);
    show(j, &v, now);
    return v.phase == HT_SWEEP_GOING;
}

static void coordinate_all(sweep_job *j, ht_sweep_worker *worker)
{
    ht_error err = {""};
    ht_nap nap = {0};
    j->started = j->committed = j->published = ht_clock_monotonic();
    j->line = ht_progress_begin(j->cli, HT_PROGRESS_AUTO);
    for (bool going = true; going || (worker != NULL && !ht_sweep_worker_is_done(worker));) {
        going = coordinate(j, worker != NULL ? 0 : wait_s) && going;
        if (worker == NULL)
            continue;
        if (ht_sweep_worker_step(worker, 0, &err) != HT_OK)
            warn(j, err.text);
        ht_nap_take(&nap);
    }
    ht_progress_end(&j->line);
    note_writing(j, ht_sweep_log_finish(j->log, &err), &err);
    publish(j);
}

/* ---- the end -------------------------------------------------------------------------------- */

static int conclude(sweep_job *j)
{
    ht_sweep_view v;
    ht_sweep_peek(j->sweep, &v);
    ht_sweep_report_print(j->cli, &(ht_sweep_report){.space_name = j->space_path,
                                                     .dir = j->dir,
                                                     .space = &j->space,
                                                     .sweep = j->sweep,
                                                     .top = (size_t)j->top,
                                                     .wall_s = ht_clock_monotonic() - j->started});
    if (v.phase == HT_SWEEP_ENDED)
        return ht_cli_fail(j->cli, signal_seen != 0 ? code_of_signal() : HT_EXIT_FAILED,
                           "%s before all trials were done; go on with --resume", v.reason);
    if (v.best == NULL)
        return ht_cli_fail(j->cli, HT_EXIT_FAILED, "no trial has completed; the reasons are in '%s/%s'", j->dir,
                           HT_FILE_TRIALS);
    return HT_EXIT_DONE;
}

static void work(sweep_job *j, ht_sweep_worker *w)
{
    ht_error err = {""};
    while (!ht_sweep_worker_is_done(w)) {
        if (signal_seen != 0)
            ht_sweep_worker_leave(w, &err);
        if (ht_sweep_worker_step(w, wait_s, &err) != HT_OK)
            ht_cli_note("hottune: warning: rank %d: %s\n", j->ranks.rank, err.text);
    }
}

/* A rank that hangs cannot be waited for; all is written. */
static void leave_the_lost(const sweep_job *j, int code)
{
    ht_sweep_view v;
    ht_sweep_peek(j->sweep, &v);
    if (v.workers_lost == 0 || j->ranks.size == 1)
        return;
    fflush(stdout);
    ht_cli_note("hottune: warning: %d %s not answer: the job is ended without %s\n", v.workers_lost,
            v.workers_lost == 1 ? "worker does" : "workers do", v.workers_lost == 1 ? "it" : "them");
    MPI_Abort(MPI_COMM_WORLD, code);
}

static int run_sweep(sweep_job *j)
{
    ht_sweep_worker *worker = NULL;
    ht_error err = {""};
    ht_status st = connect(j, &err);
    if (st == HT_OK && j->worker_end != NULL)
        st = ht_sweep_worker_create(&j->job, j->worker_end, &worker, &err);
    int code = ht_ranks_agree(j->cli, &j->ranks, ht_exit_of(st), err.text);
    if (code == HT_EXIT_DONE && j->coordinator_end != NULL) {
        coordinate_all(j, worker);
        code = conclude(j);
        leave_the_lost(j, code);
    } else if (code == HT_EXIT_DONE) {
        work(j, worker);
    }
    ht_sweep_worker_destroy(worker);
    return ht_ranks_agree(j->cli, &j->ranks, code, "");
}

int ht_verb_sweep(const ht_cli *cli, const ht_args *args)
{
    sweep_job j = {.cli = cli, .mpi = MPI_COMM_NULL};
    struct sigaction before[N_ENDING];
    MPI_Comm_rank(MPI_COMM_WORLD, &j.ranks.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &j.ranks.size);
    int code = read_options(&j, args);
    if (code == HT_EXIT_DONE) {
        code = ht_ranks_agree(cli, &j.ranks, j.ranks.rank == 0 ? prepare(&j) : HT_EXIT_DONE, "");
        if (code == HT_EXIT_DONE) {
            ht_cli_say(cli, "sweep of %s: %lu %s, %d %s, files in %s\n", j.space_path, j.options.trials,
                       j.options.trials == 1 ? "trial" : "trials",
                       j.options.workers, j.options.workers == 1 ? "worker" : "workers", j.dir);
            watch_signals(before);
            code = run_sweep(&j);
            restore_signals(before);
        }
    }
    release(&j);
    return code;
}
