/** @file src/tune/weights.h
 *  The ready actuator for named weights (of loss terms): ops set, mult, delta on a key.
 *
 *  A key that does not exist counts as 1.0; undoing takes it away again. */
#ifndef HT_TUNE_WEIGHTS_H
#define HT_TUNE_WEIGHTS_H

#include "tune/actuator.h"

/** Access to the weights of a training. `get` false = the key does not exist. `remove` may be NULL if
 *  all keys exist always. */
typedef struct {
    void *ctx;
    bool (*get)(void *ctx, const char *key, double *out);
    ht_status (*put)(void *ctx, const char *key, double value);
    void (*remove)(void *ctx, const char *key);
} ht_weight_access;

/** Inclusive bounds of one key. */
typedef struct {
    char key[HT_NAME_MAX];
    double lo, hi;
} ht_weight_bounds;

/** @param bounds  [n] bounds of single keys (copied); all others have lo..hi
 *  @param unreachable  as in ht_optimizer_create; error "missing_mutable_state" */
ht_status ht_weights_create(const ht_weight_access *access, double lo, double hi, size_t n,
                            const ht_weight_bounds *bounds, const bool *unreachable, void **self,
                            ht_error *err);
extern const ht_actuator_class ht_weights_class;

/** The rules of `set`, `mult` and `delta` on one number with the range lo..hi; also those of bridged
 *  knobs.
 *  @param now  the number acted on (ht_patch_base); NULL = cannot be reached: the range is not
 *              looked at */
void ht_weights_check(const char *op, const char *key, const ht_value *value, const double *now, double lo,
                      double hi, ht_codes *codes);
/** What such an op makes of the number `now`, before it is clamped. */
double ht_weights_result(const char *op, double now, double value);

#endif
