/** @file src/tune/optimizer.h
 *  The ready actuator for optimizer parameters: learning rate, weight decay, betas of every group.
 *
 *  Ops: lr_mult, lr_set, wd_mult, wd_set, betas_set. Hard bounds: lr 1e-7..1, weight decay 0..1. */
#ifndef HT_TUNE_OPTIMIZER_H
#define HT_TUNE_OPTIMIZER_H

#include "tune/actuator.h"

/** One parameter group: pointers into the training, borrowed while the actuator lives. */
typedef struct {
    double *lr;
    double *base_lr;        /**< base rate of a scheduler, written along with lr; NULL = none */
    double *weight_decay;   /**< NULL = the group has none */
    double *betas;          /**< [2]; NULL = none */
    /* A parameter that the group may or may not have: false = it has none now, which counts as 0. Changing
     * it sets the flag, undoing clears it again. NULL = always there. */
    bool *has_weight_decay, *has_betas;
} ht_param_group;

/** Set to true while the target cannot be reached: snapshot gives nothing, apply and restore fail
 *  with "missing_optimizer". NULL = always reachable. */
ht_status ht_optimizer_create(size_t n, const ht_param_group *groups, const bool *unreachable, void **self,
                              ht_error *err);
extern const ht_actuator_class ht_optimizer_class;

/** The rules of the five ops for a parameter with the range lo..hi; also those of bridged knobs.
 *  @return false: `op` is none of them, nothing was checked */
bool ht_optimizer_check(const char *op, const ht_value *value, double lo, double hi, ht_codes *codes);

#endif
