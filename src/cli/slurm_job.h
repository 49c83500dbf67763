/** @file src/cli/slurm_job.h
 *  The Slurm job that this process is the batch process of: what the environment says of it, and what is asked of Slurm
 *  while it goes on. Every question waits a bounded time; a Slurm that does not answer changes nothing. */
#ifndef HT_CLI_SLURM_JOB_H
#define HT_CLI_SLURM_JOB_H

#include "base/error.h"

typedef struct {
    char id[32];            /**< "" = this is no job of Slurm */
    char name[64];          /**< as people write it: "4711", or "4711_3" for an element of an array */
    char key[64];           /**< by which Slurm's commands find it, and nothing else */
    int restarts;           /**< how often it was requeued */
    int nodes, tasks;       /**< that it was given; 0 = not said */
    char node_list[1024];   /**< "n[0-3]" */
    double ends;            /**< seconds since 1970; 0 = not known */
} ht_slurm_job;

/** Read the environment, and ask for the end of the job if that does not say it. */
void ht_slurm_job_read(ht_slurm_job *out);

/** The nodes that the job still has.
 *  @param[out] list  "n[0,2]"
 *  @return how many; 0 = Slurm does not say */
int ht_slurm_job_nodes_left(const ht_slurm_job *job, char *list, size_t size);

typedef enum {
    HT_FATE_UNKNOWN,        /**< there is no job, or Slurm does not say */
    HT_FATE_RUNS,
    HT_FATE_CANCELLED,      /**< somebody ended it (scancel). To requeue it now would bring it back to life */
    HT_FATE_TIME_UP,        /**< its time was over before it had ended; it may be requeued */
    HT_FATE_REQUEUED        /**< it goes back into the queue already: preempted, a node failed, somebody asked */
} ht_slurm_fate;
ht_slurm_fate ht_slurm_job_fate(const ht_slurm_job *job);

/** When the job ends by what Slurm says now, which may differ from `ends`. @return 0 = Slurm does not say */
double ht_slurm_job_ends(const ht_slurm_job *job);

/** Back into the queue: Slurm ends this job with SIGTERM soon after.
 *  @return HT_OK; HT_EREFUSED with what Slurm says */
ht_status ht_slurm_job_requeue(const ht_slurm_job *job, ht_error *err);

#endif
