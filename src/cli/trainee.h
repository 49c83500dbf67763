/** @file src/cli/trainee.h
 *  What the verb `run` tunes, whoever trains it: a built-in workload in this process, or a child program. */
#ifndef HT_CLI_TRAINEE_H
#define HT_CLI_TRAINEE_H

#include "cli/run_job.h"
#include "cli/train.h"

/** The training of this rank's replica. `self` is NULL on the coordinator. */
typedef struct {
    void *self;
    ht_status (*offer)(void *self, ht_kernel *k, ht_error *err);
    ht_status (*run)(void *self, ht_kernel *k, ht_outcome *out, ht_error *err);
    void (*destroy)(void *self);
} ht_trainee;

/** Make it; set the knobs of --set. Of a command: it is started and greeted, and what it says of itself goes into the job
 *  (name, epochs, steps, recipe). **Collective** over all ranks.
 *  @return 0 or the exit code, the same on all ranks; the message is printed. A command that fails for some replicas only is
 *          told on stderr, and the run goes on without them */
int ht_trainee_make(ht_run_job *j, ht_trainee *out);
void ht_trainee_destroy(ht_trainee *t);

/** As train.h has them; without a training nothing happens. */
ht_status ht_trainee_offer(const ht_trainee *t, ht_kernel *k, ht_error *err);
ht_status ht_trainee_run(const ht_trainee *t, ht_kernel *k, ht_outcome *out, ht_error *err);
/** Have every validation told; of a workload. */
void ht_trainee_listen(const ht_trainee *t, void (*told)(void *ctx, int epoch, double val), void *ctx);

#endif
