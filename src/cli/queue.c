/* src/cli/queue.c - sbatch, scancel and squeue as child processes; the contract is in queue.h.
 *
 * May touch: child processes, the clock, the environment (PATH). */
#include "cli/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/child.h"

extern char **environ;

static const double submit_patience_s = 120, cancel_patience_s = 10;

/* ---- sbatch ----------------------------------------------------------------------------------- */

typedef struct {
    char *id;
    ht_string *said;
} answer;

/* "12" or "12;cluster". */
static bool is_id(const char *text)
{
    size_t n = strspn(text, "0123456789");
    return n > 0 && strlen(text) < HT_JOB_ID_MAX &&
           (text[n] == '\0' || (text[n] == ';' && strchr(text, ' ') == NULL));
}

static void take_answer(void *ctx, const char *text)
{
    answer *a = ctx;
    if (is_id(text))
        snprintf(a->id, HT_JOB_ID_MAX, "%s", text);
    else if (text[0] != '\0')
        ht_string_add(a->said, "%s\n", text);
}

/* A site's own rules speak through lines on stderr, before the refusal: a shell brings both outputs
 * together. A job inherits our environment: where we are in a job ourselves, what tells of its end, its
 * restarts and its array would be taken for the new one's (Slurm does not set them in a first start). */
ht_status ht_queue_submit(size_t n, const char *const *options, const char *script, const char *argument,
                          char id[HT_JOB_ID_MAX], ht_string *said, ht_error *err)
{
    answer a = {id, said};
    id[0] = '\0';
    const char **argv = calloc(n + 9, sizeof *argv);
    if (argv == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a command");
    size_t at = 0;
    argv[at++] = "sh";
    argv[at++] = "-c";
    argv[at++] = "command -v sbatch >/dev/null || exit 127; "
                 "unset SLURM_RESTART_COUNT SLURM_JOB_END_TIME SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID; "
                 "exec sbatch \"$@\" 2>&1";
    argv[at++] = "sbatch";
    argv[at++] = "--parsable";
    for (size_t i = 0; i < n; i++)
        argv[at++] = options[i];
    argv[at++] = script;
    argv[at++] = argument;
    int code = ht_child_run((char *const *)argv, environ, submit_patience_s, take_answer, &a, NULL);
    free(argv);
    if (code == 127)
        return ht_fail(err, HT_ENOTFOUND, "sbatch is not found: is this a machine of a Slurm cluster?");
    if (code == HT_CHILD_LATE)
        return ht_fail(err, HT_ETIMEOUT, "sbatch gave no answer in %.0f seconds", submit_patience_s);
    if (code == HT_CHILD_NOT_STARTED)
        return ht_fail(err, HT_EIO, "cannot start a shell for sbatch");
    if (code != 0 || id[0] == '\0')
        return ht_fail(err, HT_EREFUSED, "sbatch refused '%s' (exit code %d)", script, code);
    return HT_OK;
}

static void drop_line(void *ctx, const char *text)
{
    (void)ctx, (void)text;
}

void ht_queue_cancel(const char *id)
{
    char number[HT_JOB_ID_MAX];
    snprintf(number, sizeof number, "%.*s", (int)strcspn(id, ";"), id);
    const char *argv[] = {"scancel", number, NULL};
    ht_child_run((char *const *)argv, environ, cancel_patience_s, drop_line, NULL, NULL);
}

/* ---- squeue ----------------------------------------------------------------------------------- */

/* The next of some fields with | between them. */
static const char *take_field(const char *at, char *to, size_t size)
{
    size_t n = strcspn(at, "|");
    snprintf(to, size, "%.*s", (int)n, at);
    return at + n + (at[n] == '|');
}

static void take_job(void *ctx, const char *text)
{
    ht_queue *q = ctx;
    ht_queue_job job;
    const char *at = take_field(text, job.id, sizeof job.id);
    at = take_field(at, job.number, sizeof job.number);
    at = take_field(at, job.state, sizeof job.state);
    at = take_field(at, job.nodes, sizeof job.nodes);
    take_field(at, job.reason, sizeof job.reason);
    if (strcmp(job.reason, "None") == 0)
        job.reason[0] = '\0';
    if (job.id[0] == '\0' || job.state[0] == '\0')
        return;
    ht_queue_job *more = realloc(q->jobs, (q->n + 1) * sizeof *more);
    if (more == NULL)
        return;
    more[q->n++] = job;
    q->jobs = more;
}

void ht_queue_look(size_t n, const char *const *ids, double patience_s, ht_queue *out)
{
    ht_string list = {0};
    *out = (ht_queue){0};
    for (size_t i = 0; i < n; i++)
        ht_string_add(&list, "%s%.*s", i > 0 ? "," : "", (int)strcspn(ids[i], ";"), ids[i]);
    const char *argv[] = {
        "squeue", "-h", "-r", "-t", "all", "-o", "%i|%A|%T|%N|%r", "-j", ht_string_peek(&list), NULL};
    if (n > 0 && !list.failed)
        out->answered = ht_child_run((char *const *)argv, environ, patience_s, take_job, out, NULL) == 0;
    ht_string_release(&list);
}

const ht_queue_job *ht_queue_find(const ht_queue *q, const char *id, long long element)
{
    char name[HT_JOB_ID_MAX + 24];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(id, ";"), id);
    if (element >= 0)
        snprintf(name + strlen(name), 24, "_%lld", element);
    for (size_t i = 0; i < q->n; i++)
        if (strcmp(element >= 0 ? q->jobs[i].id : q->jobs[i].number, name) == 0)
            return &q->jobs[i];
    return NULL;
}

bool ht_queue_job_is_there(const ht_queue_job *job)
{
    static const char *const words[] = {"PENDING",     "RUNNING",   "SUSPENDED",    "COMPLETING",
                                        "CONFIGURING", "REQUEUED",  "REQUEUE_HOLD", "REQUEUE_FED",
                                        "RESIZING",    "SIGNALING", "STAGE_OUT",    "SPECIAL_EXIT"};
    for (size_t i = 0; job != NULL && i < sizeof words / sizeof *words; i++)
        if (strcmp(job->state, words[i]) == 0)
            return true;
    return false;
}

void ht_queue_release(ht_queue *q)
{
    free(q->jobs);
    *q = (ht_queue){0};
}
