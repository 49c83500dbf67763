/** @file src/cli/job_rules.h
 *  What a batch job does when the step that it started has ended: the rules alone, without Slurm and without files. */
#ifndef HT_CLI_JOB_RULES_H
#define HT_CLI_JOB_RULES_H

#include <stdbool.h>

enum { HT_JOB_DEATHS_MAX = 3 };     /**< deaths in a row without a new checkpoint: then it is not chance */

/** What was seen. */
typedef struct {
    int code;           /**< exit code of the launcher; 128 + n: it died of signal n */
    bool asked;         /**< the run was asked to leave while the step went on */
    bool finished;      /**< the run in the directory is over */
    bool unfinished;    /**< a run in the directory can go on: it has a checkpoint */
    bool progressed;    /**< a checkpoint was made in this step */
    bool cancelled;     /**< somebody ended the job */
    bool requeued;      /**< the scheduler starts the job again by itself: preempted, a node failed */
    int deaths;         /**< in a row so far, without a checkpoint in between */
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
    int deaths;         /**< from now on */
    const char *why;    /**< for people; static */
} ht_job_verdict;

ht_job_verdict ht_job_judge(const ht_job_facts *seen);

/** How many tasks are started on the nodes that are left: the coordinator and whole replicas, as many on a node as
 *  before, never more than before.
 *  @param tasks, nodes       of the first step
 *  @param nodes_left         1 .. nodes
 *  @param ranks_per_replica  >= 1
 *  @return >= 1; 1 = there is no room for the coordinator and a replica */
int ht_job_tasks(int tasks, int nodes, int nodes_left, int ranks_per_replica);

#endif
