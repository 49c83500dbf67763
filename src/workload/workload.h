/** @file src/workload/workload.h
 *  Built-in trainings: small networks in C on real and generated data, deterministic for a seed.
 *
 *  Like a training program of a user they know nothing of the tuner: they have knobs, a state, steps.
 *  Tasks: charlm, glyph, fashion, fashion-small (docs/workloads.md defines them to the bit). */
#ifndef HT_WORKLOAD_WORKLOAD_H
#define HT_WORKLOAD_WORKLOAD_H

#include <mpi.h>
#include <stdint.h>

#include "base/error.h"

typedef struct ht_workload ht_workload;

typedef struct {
    const char *name;           /**< "charlm", "glyph", "fashion", "fashion-small" */
    unsigned long long seed;    /**< run seed */
    int replica;                /**< 0, 1, ..: replicas draw different minibatches */
    const char *data_dir;       /**< NULL = where the Debian package puts it */
    MPI_Comm comm;              /**< ranks of this replica: each takes its share of every batch, gradients
                                     are summed. Not given (0), MPI_COMM_NULL: one rank, MPI is not called.
                                     Borrowed */
    int cosine_epochs;          /**< above 0: a step at epoch e (whole epochs of steps done) learns with
                                     lr x ht_workload_cosine(e, cosine_epochs), and as in the last of them
                                     after that; 0 = the rate is lr */
    double slow;                /**< for experiments with failures, above 1: what it computes takes that many
                                     times as long, the rest of it asleep */
    int nan_at;                 /**< likewise, above 0: after that many epochs of its own it has NaN in all
                                     weights, once; until they are replaced its losses are NaN */
} ht_workload_options;

/** What is known of a task without loading it. */
typedef struct {
    const char *name, *about;   /**< about: one line for people */
    int default_epochs, steps_per_epoch;
    const char *recipe;         /**< default recipe, YAML text (recipes/<name>.yaml) */
} ht_workload_info;
size_t ht_workload_count(void);
const ht_workload_info *ht_workload_at(size_t i);
const ht_workload_info *ht_workload_find(const char *name);     /**< NULL if unknown */

/** Loads or makes the data and initialises the weights from the seed (the same on every replica).
 *  **Collective** over comm.
 *  @return HT_OK; HT_ENOTFOUND: unknown name, or a data file is missing (err names it and the package);
 *          HT_EFORMAT: a damaged data file; HT_ENOMEM */
ht_status ht_workload_create(const ht_workload_options *o, ht_workload **out, ht_error *err);
void ht_workload_destroy(ht_workload *w);

/** A knob: a double that the training reads at every step; may be written between steps. */
typedef struct {
    const char *actuator, *name;    /**< "opt", "lr" */
    double *value;
    double lo, hi;                  /**< hard range; lo is 0 where the training starts from 0 */
    double floor;                   /**< what a value of 0 multiplies from */
} ht_workload_knob;
size_t ht_workload_knobs(ht_workload *w, const ht_workload_knob **out);

/** A part of the training state, flat. */
typedef struct {
    const char *name;           /**< "weights", "m", "v" */
    float *data;
    size_t n;
} ht_workload_buffer;
size_t ht_workload_state(ht_workload *w, const ht_workload_buffer **out);
/** Steps that the weights and moments have behind them: the rest of the training state. AdamW corrects its
 *  moments by it, the cosine goes by it. Whoever copies the state copies it, too. Never NULL. */
int64_t *ht_workload_steps(ht_workload *w);

/** Minibatches that this replica has drawn: its place in the stream of them. It belongs to the replica, not to the
 *  training state: whoever goes on after a stop puts it back. Never NULL. */
uint64_t *ht_workload_drawn(ht_workload *w);

/** Start again: fresh weights from `seed` (the same on every replica; ht_workload_create uses the run's),
 *  moments 0, no steps. The knobs stay, and so does the place in the stream of minibatches: a replica never
 *  sees the same batches again, whatever happens to its state, and no two replicas see the same ones. */
void ht_workload_init(ht_workload *w, unsigned long long seed);

/** One optimiser step. **Collective** over comm.
 *  @return the batch loss; NaN when it is not < 1e6 or the ranks could not sum: no update was made */
double ht_workload_step(ht_workload *w);
/** Mean cross entropy and error rate on the validation or test set; no effect on the training.
 *  **Collective** over comm. @param[out] error_rate in 0..1; may be NULL */
double ht_workload_validate(ht_workload *w, double *error_rate);
double ht_workload_test(ht_workload *w, double *error_rate);
/** Norm of the last summed gradient; 0 before the first step. */
double ht_workload_grad_norm(const ht_workload *w);

/** The rate of a cosine schedule at epoch e of E, as a factor of the initial one. */
double ht_workload_cosine(int epoch, int epochs);

#endif
