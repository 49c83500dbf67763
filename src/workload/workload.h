/** @file src/workload/workload.h
 *  Built-in trainings: small networks in C on real and generated data, deterministic for a seed.
 *
 *  Like a training program of a user they know nothing of the tuner: they have knobs, a state, steps.
 *  Tasks: charlm, glyph, fashion, fashion-small (docs/workloads.md defines them to the bit). */
#ifndef HT_WORKLOAD_WORKLOAD_H
#define HT_WORKLOAD_WORKLOAD_H

#include <mpi.h>

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
