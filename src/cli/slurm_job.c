/* src/cli/slurm_job.c - the Slurm job that we are the batch process of; the contract is in slurm_job.h.
 *
 * The number of one element of an array is that of the whole array, and with it all elements would be asked about, and
 * requeued: that element is called by its name, "4711_3". The others are not, since a job that was submitted inside of
 * an array inherits its variables. May touch: the environment (reads), child processes, the clock. */
#include "cli/slurm_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/slurm.h"

static const double patience_s = 10, end_patience_s = 1.5;
enum { ATTEMPTS = 3 };

static void copy(char *to, size_t size, const char *variable)
{
    const char *text = getenv(variable);
    snprintf(to, size, "%s", text != NULL ? text : "");
}

static int number(const char *variable)
{
    const char *text = getenv(variable);
    long n = text != NULL ? strtol(text, NULL, 10) : 0;
    return n > 0 && n < 1000000000 ? (int)n : 0;
}

void ht_slurm_job_read(ht_slurm_job *out)
{
    *out = (ht_slurm_job){.restarts = number("SLURM_RESTART_COUNT"), .nodes = number("SLURM_JOB_NUM_NODES"),
                          .tasks = number("SLURM_NTASKS")};
    copy(out->id, sizeof out->id, "SLURM_JOB_ID");
    copy(out->node_list, sizeof out->node_list, "SLURM_JOB_NODELIST");
    const char *array = getenv("SLURM_ARRAY_JOB_ID"), *element = getenv("SLURM_ARRAY_TASK_ID");
    if (array != NULL && element != NULL)
        snprintf(out->name, sizeof out->name, "%.32s_%.30s", array, element);
    else
        snprintf(out->name, sizeof out->name, "%s", out->id);
    bool is_of_all = array != NULL && element != NULL && strcmp(array, out->id) == 0;
    snprintf(out->key, sizeof out->key, "%s", is_of_all ? out->name : out->id);
    if (out->id[0] != '\0')
        out->ends = ht_slurm_end_time(end_patience_s);
}

/* ---- questions -------------------------------------------------------------------------------- */

typedef struct {
    char first[2048];       /* the first line */
    int lines;
} answer;

static void take_line(void *ctx, const char *text)
{
    answer *a = ctx;
    if (a->lines++ == 0)
        snprintf(a->first, sizeof a->first, "%s", text);
}

/* @param[out] err  what the command says when it fails, may be NULL
 * @return it ended well, in time */
static bool ask(char *const *argv, answer *out, ht_error *err)
{
    *out = (answer){{""}, 0};
    return ht_slurm_run(argv, patience_s, take_line, out, err) == 0;
}

int ht_slurm_job_nodes_left(const ht_slurm_job *job, char *list, size_t size)
{
    char *const argv[] = {"squeue", "-h", "-j", (char *)job->key, "-o", "%D %N", NULL};
    answer a;
    int n = 0, at = 0;
    if (job->id[0] == '\0' || !ask(argv, &a, NULL) || sscanf(a.first, "%d %n", &n, &at) != 1 || n < 1 || at == 0 ||
        (size_t)snprintf(list, size, "%s", a.first + at) >= size)
        return 0;
    list[strcspn(list, " ")] = '\0';
    return list[0] != '\0' ? n : 0;
}

/* A job that ends is COMPLETING, whatever ends it: but its count has gone up when it is to come back. */
static ht_slurm_fate ask_fate(const ht_slurm_job *job)
{
    char *const argv[] = {"squeue", "-h", "-j", (char *)job->key, "-O", "State:24,RestartCnt:12,Reason:24", NULL};
    char state[32] = "", reason[32] = "";
    int restarts = 0;
    answer a;
    if (!ask(argv, &a, NULL) || sscanf(a.first, "%31s %d %31s", state, &restarts, reason) < 2)
        return HT_FATE_UNKNOWN;
    if (restarts > job->restarts || strcmp(state, "PENDING") == 0)      /* or runs again already: we were frozen */
        return HT_FATE_REQUEUED;
    if (strcmp(state, "RUNNING") == 0 || strcmp(state, "SUSPENDED") == 0)
        return HT_FATE_RUNS;
    return strcmp(reason, "TimeLimit") == 0 ? HT_FATE_TIME_UP : HT_FATE_CANCELLED;
}

/* For some moments after a requeue Slurm says nothing of a job. */
ht_slurm_fate ht_slurm_job_fate(const ht_slurm_job *job)
{
    const struct timespec moment = {0, 300000000};
    ht_slurm_fate fate = HT_FATE_UNKNOWN;
    for (int i = 0; job->id[0] != '\0' && fate == HT_FATE_UNKNOWN && i < ATTEMPTS; i++) {
        if (i > 0)
            nanosleep(&moment, NULL);
        fate = ask_fate(job);
    }
    return fate;
}

double ht_slurm_job_ends(const ht_slurm_job *job)
{
    return job->id[0] != '\0' ? ht_slurm_ask_end(job->id, patience_s) : 0;
}

ht_status ht_slurm_job_requeue(const ht_slurm_job *job, ht_error *err)
{
    char *const argv[] = {"scontrol", "requeue", (char *)job->key, NULL};
    answer a;
    return ask(argv, &a, err) ? HT_OK : HT_EREFUSED;
}
