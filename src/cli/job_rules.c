/* src/cli/job_rules.c - what a batch job does when its step has ended; the contract is in job_rules.h. */
#include "cli/job_rules.h"

#include "cli/cli.h"

enum { CANNOT_EXECUTE = 126, NOT_FOUND = 127 };

static ht_job_verdict ends(int code, const char *why)
{
    return (ht_job_verdict){.action = HT_JOB_ENDS, .code = code, .why = why};
}

ht_job_verdict ht_job_later(const ht_job_facts *f, const char *why)
{
    if (!f->can_requeue)
        return ends(HT_EXIT_AGAIN, why);
    if (f->restarts >= f->max_requeues)
        return ends(HT_EXIT_FAILED, "the run is written down, but the job was requeued as often as it may be");
    return (ht_job_verdict){.action = HT_JOB_REQUEUES, .code = HT_EXIT_AGAIN, .why = why};
}

/* The launcher came back before there was a run. A requeued job can meet what its killed step left on a node (sockets of
 * the same job and step): then srun fails to launch, or says nothing and returns 0, until the step has another number. */
static ht_job_verdict missed(const ht_job_facts *f)
{
    if (f->misses + 1 < HT_JOB_MISSES_MAX && !f->asked)
        return (ht_job_verdict){.action = HT_JOB_AGAIN, .deaths = f->deaths, .misses = f->misses + 1,
                                .why = "the step ended before the run was there"};
    if (f->unfinished)
        return ht_job_later(f, "no step came so far that the run was there");
    return ends(f->code != HT_EXIT_DONE ? f->code : HT_EXIT_FAILED,
                "the launcher ends without a run in the directory: does the program use it?");
}

static ht_job_verdict died(const ht_job_facts *f)
{
    int deaths = f->progressed ? 1 : f->deaths + 1;
    if (f->asked && f->unfinished)
        return ht_job_later(f, "the step ended before the run was written down once more: the last checkpoint counts");
    if (deaths < HT_JOB_DEATHS_MAX)
        return (ht_job_verdict){.action = HT_JOB_AGAIN, .deaths = deaths, .why = "the step died"};
    if (f->unfinished)
        return ht_job_later(f, "the step died again and again without a new checkpoint");
    return ends(f->code, "the step died again and again");
}

ht_job_verdict ht_job_judge(const ht_job_facts *f)
{
    if (f->finished)
        return ends(HT_EXIT_DONE, "the run is finished");
    if (f->requeued)
        return ends(HT_EXIT_AGAIN, "Slurm has put the job back into the queue");
    if (f->cancelled)
        return ends(f->unfinished ? HT_EXIT_AGAIN : HT_EXIT_FAILED, "the job was cancelled");
    if (f->time_up && f->unfinished)
        return ht_job_later(f, "the time of the job was over before the run had left: the last checkpoint counts");
    if (f->time_up)
        return ends(f->code != HT_EXIT_DONE ? f->code : HT_EXIT_FAILED, "the time of the job was over");
    if (f->code == HT_EXIT_USAGE || f->code == CANNOT_EXECUTE || f->code == NOT_FOUND)
        return ends(f->code, "the program was refused: what it says has to be mended first");
    if (f->code == HT_EXIT_AGAIN || (f->code == HT_EXIT_DONE && f->unfinished && f->began))
        return ht_job_later(f, "the run is written down");
    if (!f->began && f->brief && (f->unfinished || f->code == HT_EXIT_DONE))
        return missed(f);
    if (f->code == HT_EXIT_DONE)
        return ends(HT_EXIT_DONE, "the program ended well, without a run in the directory");
    if (f->unfinished || f->code > 128)
        return died(f);
    return ends(f->code, "the program failed");
}

int ht_job_tasks(int tasks, int nodes, int nodes_left, int ranks_per_replica)
{
    int on_a_node = (tasks + nodes - 1) / nodes, n = on_a_node * nodes_left;
    if (n > tasks)
        n = tasks;
    return 1 + (n - 1) / ranks_per_replica * ranks_per_replica;
}
