/** @file src/tune/guards.h
 *  What keeps the tuner from acting: cooldowns, constraints of one mutation, stability blockers. */
#ifndef HT_TUNE_GUARDS_H
#define HT_TUNE_GUARDS_H

#include "tune/metrics.h"

/** Windows left until families may be used again. Starts as {0}; release when done. */
typedef struct {
    long long global;
    size_t n, capacity;
    struct {
        char family[2 * HT_NAME_MAX];   /**< "actuator:key" */
        long long windows;              /**< > 0 */
    } *at;
} ht_cooldowns;

/** Replace; windows <= 0 removes. @return HT_OK, HT_ENOMEM */
ht_status ht_cooldowns_set(ht_cooldowns *c, const char *family, long long windows);
void ht_cooldowns_tick(ht_cooldowns *c);
long long ht_cooldowns_left(const ht_cooldowns *c, const char *family);
/** Free iff neither the global counter nor the family's is running. */
bool ht_cooldowns_free(const ht_cooldowns *c, const char *family);
void ht_cooldowns_release(ht_cooldowns *c);

/** Reasons against a mutation: code in `codes`, "code:detail" in `blocks`, in order; none = allowed. */
typedef struct {
    ht_codes codes;
    char blocks[HT_CODES_MAX][32 + 2 * HT_NAME_MAX];
} ht_constraints;
void ht_constraints_check(const ht_recipe *r, const ht_cooldowns *c, long long reject_streak,
                          const char *actuator, const char *key, ht_constraints *out);

/** What a training says of its stability at a decision point. */
typedef struct {
    double loss;            /**< env.loss; 0 if not given */
    bool batch_loss_bad;    /**< a batch since the last decision point had a non-finite loss */
    bool anomaly_critical;
    bool has_primary;
    double primary;         /**< reading of the primary metric */
} ht_vitals;
/** Codes nan_or_inf_loss, nan_or_inf_objective, anomaly_critical, in this order. */
void ht_blockers(const ht_recipe *r, const ht_vitals *v, ht_codes *codes);

#endif
