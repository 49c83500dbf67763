/* src/cli/job.c - the verb `job`: the inside of a batch job. It starts a run as a step, hands on signals, starts it
 * again after a death, and ends with the exit code that the scheduler needs. What is seen of the run: job_watch.h; what
 * follows on a step: job_rules.h.
 *
 * Signals are waited for, not handled: they are blocked here and free again in the step. May touch: processes,
 * signals, the environment, the run directory (its log of jobs), the scheduler by way of slurm.h. */
#define _GNU_SOURCE /* sigtimedwait, realpath */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/cli.h"
#include "cli/job_rules.h"
#include "cli/job_watch.h"
#include "cli/quote.h"
#include "cli/slurm_job.h"
#include "comm/clock.h"
#include "store/run_dir.h"

extern char **environ;

static const int leave_signals[] = {SIGTERM, SIGUSR1, SIGUSR2, SIGINT};
static const double tick_s = 0.2, kill_after_s = 10, requeue_s = 90, warning_s = 300;
enum { DIR_MAX = 4096, STEP_WORDS_MAX = 1024, EXTRA_WORDS = 8 };

typedef struct {
    const ht_cli *cli;
    char dir[DIR_MAX];
    char **command;                 /* the launcher and its words; borrowed */
    size_t n_words;
    int ranks_per_replica, max_requeues;
    double grace_s;
    ht_slurm_job slurm;             /* .id "" = no job of Slurm */
    sigset_t signals;
    bool asked;                     /* to leave */
    int steps, deaths, misses;
    ht_journal *log;                /* NULL = it cannot be written */
} job;

/* ---- what is said and written ----------------------------------------------------------------- */

static void say_clock(const job *j, double when, const char *what)
{
    char text[32];
    struct tm t;
    time_t seconds = (time_t)when;
    strftime(text, sizeof text, "%H:%M:%S", localtime_r(&seconds, &t));
    ht_cli_say(j->cli, "%s%s", what, text);
}

static void say_job(const job *j)
{
    const ht_slurm_job *s = &j->slurm;
    if (s->id[0] == '\0') {
        ht_cli_say(j->cli, "job without Slurm: a step that dies is started again; exit code 75 asks for another job\n");
        return;
    }
    ht_cli_say(j->cli, "job %s", s->name);
    if (s->restarts > 0)
        ht_cli_say(j->cli, ", restart %d of at most %d", s->restarts, j->max_requeues);
    if (s->tasks > 0)
        ht_cli_say(j->cli, ": %d %s", s->tasks, s->tasks == 1 ? "task" : "tasks");
    if (s->nodes > 0)
        ht_cli_say(j->cli, " on %d %s, %s", s->nodes, s->nodes == 1 ? "node" : "nodes", s->node_list);
    if (s->ends > 0)
        say_clock(j, s->ends, "; it ends at ");
    ht_cli_say(j->cli, "\n");
}

static void say_standing(const job *j, const ht_job_standing *s)
{
    if (s->checkpoint > 0) {
        ht_cli_say(j->cli, "%s: an unfinished run, goes on from checkpoint %llu", j->dir, s->checkpoint);
        say_clock(j, s->written, " of ");
        ht_cli_say(j->cli, "\n");
    } else {
        ht_cli_say(j->cli, "%s: %s\n", j->dir, s->unfinished ? "an unfinished run"
                                              : s->finished ? "a finished run; another one begins" : "a run begins");
    }
}

static cJSON *event(const job *j, const char *what)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_real(o, "wall_time", ht_clock_wall());
    ht_json_put_text(o, "event", what);
    ht_json_put_text(o, "job", j->slurm.id[0] != '\0' ? j->slurm.name : NULL);
    ht_json_put_int(o, "restart", j->slurm.restarts);
    ht_json_put_int(o, "step", j->steps);
    return o;
}

/* Takes `o`. A log that cannot be written is told of once, and changes nothing. */
static void note(job *j, cJSON *o)
{
    ht_error err = {""};
    if (j->log != NULL && ht_journal_append_json(j->log, o, &err) != HT_OK) {
        ht_cli_fail(j->cli, HT_EXIT_FAILED, "%s", err.text);
        ht_journal_close(j->log);
        j->log = NULL;
    }
    cJSON_Delete(o);
}

static void open_log(job *j)
{
    ht_error err = {""};
    char *path = ht_path_join(j->dir, HT_FILE_JOB);
    if (path == NULL || ht_journal_open(path, &j->log, &err) != HT_OK)
        ht_cli_fail(j->cli, HT_EXIT_FAILED, "%s", err.text);
    free(path);
}

/* ---- a step ----------------------------------------------------------------------------------- */

static bool is_srun(const job *j)
{
    const char *slash = strrchr(j->command[0], '/');
    return strcmp(slash != NULL ? slash + 1 : j->command[0], "srun") == 0;
}

/* The words of the next step, and what a shrunken job needs besides. */
typedef struct {
    size_t n_words;
    const char *words[STEP_WORDS_MAX + EXTRA_WORDS + 1];    /* ends with NULL */
    char nodes[16], tasks[16], list[1024];
    int n_nodes, n_tasks;       /* 0 = not known */
} step_plan;

/* A step after another: the one before may still have its cores (--overlap), nodes may be gone.
 * @return false: what is left cannot carry the run */
static bool plan_step(const job *j, step_plan *p)
{
    size_t n = 0;
    p->words[n++] = j->command[0];
    p->n_nodes = j->slurm.nodes;
    p->n_tasks = j->slurm.tasks;
    if (j->steps > 0 && j->slurm.id[0] != '\0') {
        int left = ht_slurm_job_nodes_left(&j->slurm, p->list, sizeof p->list);
        bool fewer = left > 0 && left < j->slurm.nodes;
        if (fewer && !is_srun(j))
            return false;
        if (is_srun(j))
            p->words[n++] = "--overlap";
        if (fewer) {
            p->n_nodes = left;
            p->words[n++] = "-N";
            snprintf(p->nodes, sizeof p->nodes, "%d", left);
            p->words[n++] = p->nodes;
            p->words[n++] = "-w";
            p->words[n++] = p->list;
        }
        if (fewer && j->slurm.tasks > 0) {
            p->n_tasks = ht_job_tasks(j->slurm.tasks, j->slurm.nodes, left, j->ranks_per_replica);
            if (p->n_tasks == 1 && j->slurm.tasks > 1)
                return false;
            snprintf(p->tasks, sizeof p->tasks, "%d", p->n_tasks);
            p->words[n++] = "-n";
            p->words[n++] = p->tasks;
        }
    }
    for (size_t i = 1; i < j->n_words; i++)
        p->words[n++] = j->command[i];
    p->words[n] = NULL;
    p->n_words = n;
    return true;
}

static void say_step(const job *j, const step_plan *p)
{
    ht_cli_say(j->cli, "step %d", j->steps);
    if (p->n_nodes < j->slurm.nodes)
        ht_cli_say(j->cli, " on the %d of %d nodes that are left, %s", p->n_nodes, j->slurm.nodes, p->list);
    ht_string words = {0};
    ht_quote_shell_words(&words, p->n_words, (char *const *)p->words);
    ht_cli_say(j->cli, ": %s\n", ht_string_peek(&words));
    ht_string_release(&words);
    fflush(stdout);
}

/* Slurm's warning before the end of a job (--signal) says nothing new to a run that knows that end, and comes early. */
static bool is_known_end(const job *j)
{
    double ends = j->slurm.ends, left = ends - ht_clock_wall();
    return ends > 0 && left > 0 && left < warning_s && fabs(ht_slurm_job_ends(&j->slurm) - ends) < 5;
}

/* The time of the job is over, and Slurm may kill this process as soon as the step: what is left to do is done now. */
static void requeue_at_the_end(job *j)
{
    if (j->slurm.restarts >= j->max_requeues || !ht_job_look(j->dir).unfinished ||
        ht_slurm_job_fate(&j->slurm) != HT_FATE_TIME_UP || ht_slurm_job_requeue(&j->slurm, NULL) != HT_OK)
        return;
    ht_cli_say(j->cli, "job: its time is over; back into the queue\n");
    note(j, event(j, "requeue"));
}

/* Any of the signals asks the run to leave, but for a warning that is none (our scripts ask Slurm for SIGUSR2).
 * A second Ctrl-C ends the step. */
static void take_signal(job *j, ht_child *step, int number)
{
    if (number == SIGINT && j->asked) {
        ht_child_stop(step, ht_clock_monotonic(), kill_after_s);
        return;
    }
    if (number == SIGUSR2 && is_known_end(j)) {
        ht_cli_say(j->cli, "job: %s: warned of the end; the run knows it, and leaves in time\n", strsignal(number));
        fflush(stdout);
        return;
    }
    if (!j->asked)
        ht_cli_say(j->cli, "job: %s: the run is asked to leave\n", strsignal(number));
    fflush(stdout);
    ht_child_signal(step, SIGUSR2);
    if (number == SIGTERM && !j->asked)
        requeue_at_the_end(j);
    j->asked = true;
}

/* Waits until the step has ended. @return exit code, 128 + n for a signal */
static int wait_for(job *j, ht_child *step)
{
    const struct timespec tick = {0, (long)(1e9 * tick_s)};
    ht_job_watch watch = ht_job_watch_begin(j->dir, j->grace_s);
    bool told = false;
    double looked = ht_clock_monotonic();
    while (ht_child_look(step, ht_clock_monotonic(), NULL, NULL)) {
        int number = sigtimedwait(&j->signals, NULL, &tick);
        if (number > 0)
            take_signal(j, step, number);
        if (j->grace_s <= 0 || ht_clock_monotonic() - looked < 1)
            continue;
        looked = ht_clock_monotonic();
        const char *why = ht_job_watch_look(&watch);
        if (why == NULL || told)
            continue;
        told = true;
        ht_cli_say(j->cli, "job: %s: its step is ended\n", why);
        fflush(stdout);
        ht_child_stop(step, ht_clock_monotonic(), kill_after_s);
    }
    const ht_child_end *end = ht_child_end_of(step);
    return end->by_signal ? 128 + end->code : end->code;
}

/* @return as wait_for; 127: it could not be started */
static int run_step(job *j, const step_plan *p)
{
    ht_error err = {""};
    ht_child *step = NULL;
    j->steps++;
    say_step(j, p);
    cJSON *o = event(j, "step");
    ht_json_put_int(o, "nodes", p->n_nodes);
    ht_json_put_int(o, "tasks", p->n_tasks);
    note(j, o);
    if (ht_child_start_beside((char *const *)p->words, environ, &step, &err) != HT_OK)
        return ht_cli_fail(j->cli, 127, "%s", err.text);
    int code = wait_for(j, step);
    ht_child_destroy(step);
    return code;
}

/* ---- the job ---------------------------------------------------------------------------------- */

static void see_fate(const job *j, ht_job_facts *f)
{
    ht_slurm_fate fate = ht_slurm_job_fate(&j->slurm);
    f->cancelled = fate == HT_FATE_CANCELLED;
    f->time_up = fate == HT_FATE_TIME_UP;
    f->requeued = fate == HT_FATE_REQUEUED;
}

static ht_job_verdict judge(job *j, int code, double seconds, const ht_job_standing *before)
{
    ht_job_standing after = ht_job_look(j->dir);
    ht_job_facts f = {.code = code, .asked = j->asked, .finished = after.finished, .unfinished = after.unfinished,
                      .began = after.started != before->started, .brief = seconds < 60, .misses = j->misses,
                      .progressed = after.unfinished && after.checkpoint != before->checkpoint, .deaths = j->deaths,
                      .can_requeue = j->slurm.id[0] != '\0', .restarts = j->slurm.restarts,
                      .max_requeues = j->max_requeues};
    f.finished = f.finished && (!before->finished || f.began);
    if (!f.finished)
        see_fate(j, &f);
    ht_job_verdict v = ht_job_judge(&f);
    cJSON *o = event(j, "ended");
    ht_json_put_int(o, "code", code);
    ht_json_put_text(o, "why", v.why);
    ht_json_put_int(o, "checkpoint", (double)after.checkpoint);
    note(j, o);
    ht_cli_say(j->cli, "job: step %d ended with exit code %d: %s\n", j->steps, code, v.why);
    if (v.action == HT_JOB_AGAIN)
        say_standing(j, &after);
    j->deaths = v.deaths;
    j->misses = v.misses;
    return v;
}

/* Slurm ends this process soon after it took the job back. */
static int requeue(job *j)
{
    const struct timespec rest = {(time_t)requeue_s, 0};
    ht_error err = {""};
    fflush(stdout);
    note(j, event(j, "requeue"));
    if (ht_slurm_job_requeue(&j->slurm, &err) != HT_OK)
        return ht_cli_fail(j->cli, HT_EXIT_AGAIN, "the job cannot be requeued: %s; submit it again, and it goes on",
                           err.text);
    ht_cli_say(j->cli, "job: back into the queue, restart %d of at most %d\n", j->slurm.restarts + 1, j->max_requeues);
    fflush(stdout);
    sigtimedwait(&j->signals, NULL, &rest);
    return HT_EXIT_AGAIN;
}

/* Before a step that nothing came of is tried again. */
static void rest(job *j)
{
    const struct timespec pause = {j->misses < 4 ? j->misses : 4, 0};
    if (j->misses > 0 && sigtimedwait(&j->signals, NULL, &pause) > 0)
        j->asked = true;
}

/* There cannot be another step now. */
static int stop(job *j, const char *why)
{
    ht_job_facts f = {.code = HT_EXIT_AGAIN, .unfinished = ht_job_look(j->dir).unfinished, .can_requeue = j->slurm.id[0] != '\0',
                      .restarts = j->slurm.restarts, .max_requeues = j->max_requeues};
    see_fate(j, &f);
    ht_job_verdict v = f.cancelled || f.requeued ? ht_job_judge(&f) : ht_job_later(&f, why);
    ht_cli_say(j->cli, "job: %s\n", v.why);
    return v.action == HT_JOB_REQUEUES ? requeue(j) : v.code;
}

static int run_steps(job *j)
{
    step_plan plan;
    for (;;) {
        ht_job_standing before = ht_job_look(j->dir);
        if (j->asked)
            return stop(j, "asked to leave between two steps");
        if (!plan_step(j, &plan))
            return stop(j, "too few nodes are left");
        double began = ht_clock_monotonic();
        int code = run_step(j, &plan);
        ht_job_verdict v = judge(j, code, ht_clock_monotonic() - began, &before);
        if (v.action == HT_JOB_ENDS)
            return v.code;
        if (v.action == HT_JOB_REQUEUES)
            return requeue(j);
        rest(j);
    }
}

/* What the step finds in its environment. */
static bool set_environment(const job *j)
{
    char end[32];
    snprintf(end, sizeof end, "%.0f", j->slurm.ends);
    const char *cpus = getenv("SLURM_CPUS_PER_TASK");
    unsetenv("SLURM_NTASKS_PER_NODE");      /* srun spreads tasks evenly, and would complain of a node less full */
    return setenv("HOTTUNE_JOB_DIR", j->dir, 1) == 0 &&
           (j->slurm.ends <= 0 || setenv("SLURM_JOB_END_TIME", end, 1) == 0) &&
           setenv("SLURM_PMIX_FENCE", "ring", 0) == 0 &&        /* the default fence lets MPI_Init crash now and then */
           (cpus == NULL || setenv("SRUN_CPUS_PER_TASK", cpus, 0) == 0); /* srun does not take the job's over */
}

static int prepare(job *j, const ht_args *args)
{
    ht_error err = {""};
    long long requeues = 5, ranks = 1;
    j->command = args->words;
    j->n_words = args->n_words;
    j->grace_s = 60;
    ht_status st = ht_args_int(args, "max-requeues", 0, 1000000, &requeues, &err);
    if (st == HT_OK)
        st = ht_args_int(args, "ranks-per-replica", 1, 1000000, &ranks, &err);
    if (st == HT_OK)
        st = ht_args_real(args, "grace", 0, 1e9, &j->grace_s, &err);
    if (st == HT_OK && j->n_words > STEP_WORDS_MAX)
        st = ht_fail(&err, HT_EINVAL, "the command has more than %d words", STEP_WORDS_MAX);
    if (st == HT_OK && j->cli->dir == NULL)
        st = ht_fail(&err, HT_EINVAL, "job: --dir is missing: where does the run keep its files?");
    if (st == HT_OK)
        st = ht_run_dir_create(j->cli->dir, &err);
    if (st == HT_OK && realpath(j->cli->dir, j->dir) == NULL)
        st = ht_fail(&err, HT_EIO, "directory '%s': %s", j->cli->dir, strerror(errno));
    if (st != HT_OK)
        return ht_cli_fail_status(j->cli, st, &err);
    j->max_requeues = (int)requeues;
    j->ranks_per_replica = (int)ranks;
    sigemptyset(&j->signals);
    for (size_t i = 0; i < sizeof leave_signals / sizeof *leave_signals; i++)
        sigaddset(&j->signals, leave_signals[i]);
    sigprocmask(SIG_BLOCK, &j->signals, NULL);
    ht_slurm_job_read(&j->slurm);
    return set_environment(j) ? HT_EXIT_DONE : ht_cli_fail(j->cli, HT_EXIT_FAILED, "out of memory");
}

int ht_verb_job(const ht_cli *cli, const ht_args *args)
{
    job j = {.cli = cli};
    int code = prepare(&j, args);
    if (code != HT_EXIT_DONE)
        return code;
    open_log(&j);
    ht_job_standing found = ht_job_look(j.dir);
    say_job(&j);
    note(&j, event(&j, "start"));
    if (found.finished && found.is_ours && j.slurm.restarts > 0) {
        ht_cli_say(cli, "%s: the run is finished already\n", j.dir);    /* what ended the job came after that */
    } else {
        say_standing(&j, &found);
        code = run_steps(&j);
    }
    cJSON *o = event(&j, "end");
    ht_json_put_int(o, "code", code);
    note(&j, o);
    ht_journal_close(j.log);
    return code;
}
