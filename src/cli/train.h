/** @file src/cli/train.h
 *  The training of one replica: a workload, its epochs, and the copy of its best weights.
 *
 *  The same loop runs with a kernel (tuned) and without one (the static default), so that both cost the same.
 */
#ifndef HT_CLI_TRAIN_H
#define HT_CLI_TRAIN_H

#include <hottune/hottune.h>

#include "workload/workload.h"

typedef struct ht_training ht_training;

/** What a training came to, at the weights that were best on the validation set. NaN = unknown; all numbers
 *  are doubles, so that it travels as it is. */
typedef struct {
    double val, test;             /**< mean cross entropy */
    double val_error, test_error; /**< share of wrong answers, in 0..1 */
    double epoch;                 /**< that of the best weights; 0 = none */
    double epochs;                /**< that were trained */
    double cpu_s;                 /**< processor seconds in steps and validations, without the tuner's calls */
    double train_s;               /**< seconds in steps, validations and the tuner's calls */
} ht_outcome;

/** Loads the data, makes the weights. **Collective** over o->comm. @return as ht_workload_create */
ht_status ht_training_create(const ht_workload_options *o, int epochs, ht_training **out, ht_error *err);
void ht_training_destroy(ht_training *t); /**< NULL is allowed */

/** Register the knobs of the workload. @return what ht_knob_double says; err holds the message of k */
ht_status ht_training_offer(ht_training *t, ht_kernel *k, ht_error *err);

/** Set knobs before the training begins: "opt.lr=0.01,reg.dropout=0.2" (actuator.name=value).
 *  @return HT_OK; HT_EINVAL: no such knob (err lists them), or a value outside its range; nothing is set
 *  then */
ht_status ht_training_set(ht_training *t, const char *list, ht_error *err);
/** One knob, between epochs; "opt.lr". @return HT_OK; HT_EINVAL: no such knob, or the value is outside its
 *  range */
ht_status ht_training_put(ht_training *t, const char *name, double value, ht_error *err);
double ht_training_get(ht_training *t, const char *name); /**< NaN = no such knob */
/** Have somebody called before each epoch: 1, 2, .. */
void ht_training_before(ht_training *t, void (*before)(void *ctx, int epoch), void *ctx);
/** Have every validation told: epoch 1, 2, .. and its loss. */
void ht_training_listen(ht_training *t, void (*told)(void *ctx, int epoch, double val), void *ctx);

/** Train all epochs, or until the kernel says stop; go back to the best weights and evaluate them.
 *  **Collective** over the replica's ranks.
 *  @param k  NULL: no tuner. Told each step and each validation; the result is reported to it
 *  @return HT_OK; HT_EFAILED and others: what ht_apply returned */
ht_status ht_training_run(ht_training *t, ht_kernel *k, ht_outcome *out, ht_error *err);

#endif
