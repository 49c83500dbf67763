/** @file src/cli/job_rules.h
 *  What a batch job does when the step that it started has ended: the rules alone, without Slurm and without files. */
#ifndef HT_CLI_JOB_RULES_H
#define HT_CLI_JOB_RULES_H

#include <stdbool.h>

enum {
    HT_JOB_DEATHS_MAX = 3,      /**< deaths in a row without a new checkpoint: then it is not chance */
    HT_JOB_MISSES_MAX = 10      /**< steps in a row in which nothing began */
};

/** What was seen. */
typedef struct {
    int code;           /**< exit code of the launcher; 128 + n: it died of signal n */
    bool asked;         /**< the run was asked to leave while the step went on */
    bool began;         /**< a run began, or went on, in this step */
    bool brief;         /**< the step was over in less than a minute */
    bool finished;      /**< the run in the directory is over */
    bool unfinished;    /**< a run in the directory can go on: it has a checkpoint */
    bool progressed;    /**< a checkpoint was made in this step */
    bool cancelled;     /**< somebody ended the job */
    bool time_up;       /**< the time of the job was over before it ended */
    bool requeued;      /**< the scheduler starts the job again by itself: preempted, a node failed */
    int deaths;         /**< in a row so far, without a checkpoint in between */
    int misses;         /**< steps in a row so far in which nothing began */
    bool can_requeue;   /**< there is a scheduler that starts the job again */
    int restarts, max_requeues;
} ht_job_facts;

typedef enum {
    HT_JOB_ENDS,        /**< the job ends with `code` */
    HT_JOB_AGAIN,       /**< another step, in this job */
    HT_JOB_REQUEUES     /**< the scheduler starts the job again; it ends with `code` */
} ht_job_action;

typedef struct {
    ht_job_action action;
    int code;           /**< exit code of the job */
    int deaths, misses; /**< from now on */
    const char *why;    /**< for people; static */
} ht_job_verdict;

ht_job_verdict ht_job_judge(const ht_job_facts *seen);

/** The run is to go on in another start of this job, if there may be one. `why` is static. */
ht_job_verdict ht_job_later(const ht_job_facts *seen, const char *why);

/** How many tasks are started on the nodes that are left: the coordinator and whole replicas, as many on a node as
 *  before, never more than before.
 *  @param tasks, nodes       of the first step
 *  @param nodes_left         1 .. nodes
 *  @param ranks_per_replica  >= 1
 *  @return >= 1; 1 = there is no room for the coordinator and a replica */
int ht_job_tasks(int tasks, int nodes, int nodes_left, int ranks_per_replica);

#endif
