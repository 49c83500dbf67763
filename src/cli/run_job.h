/** @file src/cli/run_job.h
 *  What the verb `run` is to do: the same on every rank. Read from its options (run_ask.c), then made ready (run_prepare.c),
 *  then carried out (run.c). */
#ifndef HT_CLI_RUN_JOB_H
#define HT_CLI_RUN_JOB_H

#include <mpi.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/ranks.h"
#include "workload/workload.h"

enum { HT_RUN_DIR_MAX = 4096 };

typedef struct {
    const ht_cli *cli;
    const ht_args *args;
    ht_ranks ranks;
    const ht_workload_info *workload;       /**< NULL: a command is trained */
    char *const *command;                   /**< [n + 1], ends with NULL; NULL: a workload. Borrowed */
    char name[HT_NAME_MAX];                 /**< of what is trained */
    bool maximises;                         /**< more is better; of a command, after it was greeted */
    char *own_recipe;                       /**< of what is trained, where none is given. Owned */
    long long steps_per_epoch;
    double reply_s, epoch_s;                /**< longest wait for a command: for an answer, for an epoch */
    long long restarts;                     /**< of a command that fails again and again */
    const char *recipe, *study, *mode, *replay, *data, *set, *recipe_set; /**< NULL = not given; borrowed */
    long long epochs, ranks_per_replica, seed; /**< epochs 0: as the command says */
    double patience_s, checkpoint_s, max_disk_mb;
    double end_time;       /**< of this job, seconds since 1970; < 0 = not known. On rank 0 */
    bool compare, report_steps, cosine, resume, new_run;
    ht_progress_form form; /**< of its progress; JSON: nothing else is printed on stdout */
    ht_progress_line line; /**< on rank 0 */
    ht_workload_options faults; /**< slow, nan_at: those of this rank's replica */
    char dir[HT_RUN_DIR_MAX];
    double baseline_val, baseline_test, baseline_epochs; /**< of the static default (--compare); val NaN = not trained. On
                                rank 0 */
    size_t existing;       /**< length of the part of `dir` that was there before */
    int replicas, replica; /**< replica of this rank; -1 = it coordinates */
    MPI_Comm comm;         /**< the ranks of this replica; MPI_COMM_NULL on the coordinator. Owned */
    char *places;          /**< lines that were told, on rank 0; NULL = none. Owned */
} ht_run_job;

/** Read the options. `cli`, `args` and `ranks` are set. @return 0 or the exit code, the message is printed */
int ht_run_job_read(ht_run_job *j);

/** Choose and check directory, recipe and study, split the ranks into replicas, tell who is where. **Collective.**
 *  @return as above, the same on all ranks */
int ht_run_job_prepare(ht_run_job *j);
/** Write down what was asked, for who repeats the run (`hottune replay`). A record of the run that goes on stays. On rank 0.
 *  @return as above */
int ht_run_job_record(const ht_run_job *j);
/** A run that never began leaves nothing. On rank 0. */
void ht_run_job_undo(const ht_run_job *j);

#endif
