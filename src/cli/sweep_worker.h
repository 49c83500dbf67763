/** @file src/cli/sweep_worker.h
 *  A worker of a sweep: evaluates the trials that the coordinator gives it, one at a time, as child processes. */
#ifndef HT_CLI_SWEEP_WORKER_H
#define HT_CLI_SWEEP_WORKER_H

#include "comm/comm.h"

typedef struct {
    size_t n_words;
    char *const *words;     /**< [n_words] the command, with {name} in it; borrowed */
    const char *result;     /**< see ht_command_create; NULL = stdout; borrowed */
    double timeout_s;       /**< for one attempt; 0 = none */
    double grace_s;         /**< between SIGTERM and SIGKILL */
} ht_sweep_job;

typedef struct ht_sweep_worker ht_sweep_worker;

/** @param comm  the coordinator is peer 0; borrowed while the worker lives */
ht_status ht_sweep_worker_create(const ht_sweep_job *job, ht_comm *comm, ht_sweep_worker **out, ht_error *err);
/** Kills what still runs. NULL is allowed. */
void ht_sweep_worker_destroy(ht_sweep_worker *w);

/** Do what there is to do. **Waits at most `wait_s` seconds**, for the coordinator.
 *  @return HT_OK; HT_ENOMEM, HT_ECOMM: worth a message, the worker goes on */
ht_status ht_sweep_worker_step(ht_sweep_worker *w, double wait_s, ht_error *err);
/** The coordinator said that it is over, and nothing runs any more. */
bool ht_sweep_worker_is_done(const ht_sweep_worker *w);
/** End what runs, take nothing new: this process was told to end. */
ht_status ht_sweep_worker_leave(ht_sweep_worker *w, ht_error *err);

#endif
