/** @file src/tune/knob.h
 *  Typed knobs: values with a type, limits and a setter; a container with a small state machine.
 *
 *      init -> untouched -> (apply) unverified -> (metric shows the value) verified
 *      any -> disabled -> untouched
 *
 *  No MPI, no files, no clock. */
#ifndef HT_TUNE_KNOB_H
#define HT_TUNE_KNOB_H

#include "tune/metrics.h"

typedef enum {
    HT_KNOB_BOOL, HT_KNOB_FLOAT, HT_KNOB_INT, HT_KNOB_CHOICE, HT_KNOB_LOG_FLOAT, HT_KNOB_TUPLE
} ht_knob_type;
typedef enum {
    HT_KNOB_INIT, HT_KNOB_UNTOUCHED, HT_KNOB_UNVERIFIED, HT_KNOB_VERIFIED, HT_KNOB_DISABLED
} ht_knob_state;
/** "init", "untouched", "unverified", "verified", "disabled" */
const char *ht_knob_state_text(ht_knob_state s);
/** "bool", "float", "int", "choice", "log_float", "tuple" */
const char *ht_knob_type_text(ht_knob_type t);
bool ht_knob_type_parse(const char *text, ht_knob_type *out);

/** Write a value into the training. An error text in err becomes the error of the call. */
typedef ht_status (*ht_knob_setter)(void *ctx, const ht_value *value, const ht_env *env, ht_error *err);

/** Read the value out of the training: it may have moved since it was set (a schedule). false: cannot
 *  be read now. */
typedef bool (*ht_knob_getter)(void *ctx, ht_value *out);

typedef struct {
    char key[HT_NAME_MAX];          /**< unique in its container */
    ht_knob_type type;
    ht_knob_setter set;
    ht_knob_getter get;             /**< NULL: the value is the one that was set last */
    void *ctx;                      /**< passed to `set` and `get` */
    char metric[HT_NAME_MAX];       /**< metric that shows the value; "" = cannot be verified */
    char label[HT_NAME_MAX];        /**< for display; "" = key */
    char group[HT_NAME_MAX];        /**< the recipe's actuator name leads here: "optimizer", "loss", .. */
    bool has_min, has_max;
    double min, max;
    double step, log_base;          /**< 0 = not given; base 10 for log floats */
    size_t n_choices;
    const ht_value *choices;        /**< [n_choices], copied at registration; 0 = everything passes */
    ht_value initial;               /**< kind NONE = never set */
} ht_knob_spec;

/** Check a value against type and limits; codes in the order: type, below_min, above_max,
 *  not_positive, not_finite, not_in_choices, length, out_of_bounds. */
void ht_knob_validate(const ht_knob_spec *spec, const ht_value *value, ht_codes *codes);

typedef struct ht_knobs ht_knobs;

ht_status ht_knobs_create(ht_knobs **out, ht_error *err);
void ht_knobs_destroy(ht_knobs *k);
/** @return HT_OK; HT_EINVAL (duplicate or bad key, no setter, limits that exclude the initial value) */
ht_status ht_knobs_add(ht_knobs *k, const ht_knob_spec *spec, ht_error *err);
void ht_knobs_initialize(ht_knobs *k);  /**< init -> untouched */
size_t ht_knobs_count(const ht_knobs *k);

/** What is known of one knob; borrowed until the next call. */
typedef struct {
    const ht_knob_spec *spec;
    ht_value current;
    ht_knob_state state;
    long long last_changed_step;    /**< -1 = never */
    size_t n_changes;
    int last_verified;              /**< of the last change: 1, 0; -1 = no change yet */
} ht_knob_view;
bool ht_knobs_find(const ht_knobs *k, const char *key, ht_knob_view *out);
void ht_knobs_at(const ht_knobs *k, size_t i, ht_knob_view *out);
/** The value in the training: what the getter reads, else the value set last (kind NONE = never set). */
bool ht_knobs_live(const ht_knobs *k, const char *key, ht_value *out);

/** Validate and set. On failure nothing changes and err->text is the bare code: unknown_param,
 *  actuator_disabled, invalid:<codes>, apply_fn_exception (setter returned another status than
 *  HT_EFAILED), or the setter's own text. */
ht_status ht_knobs_apply(ht_knobs *k, const char *key, const ht_value *value, const ht_env *env,
                         ht_error *err);
/** Undo: set `value` without validation (what was once there must be able to come back) and put the
 *  state back. On failure nothing changes; err as for ht_knobs_apply. */
ht_status ht_knobs_put_back(ht_knobs *k, const char *key, const ht_value *value, ht_knob_state state,
                            const ht_env *env, ht_error *err);
/** Compare an unverified knob with its metric. @return true if it is verified by this call */
bool ht_knobs_verify(ht_knobs *k, const char *key, const ht_metrics *metrics);
/** Unknown keys: false. */
bool ht_knobs_disable(ht_knobs *k, const char *key);
bool ht_knobs_enable(ht_knobs *k, const char *key);

/** Values and states of all knobs; owned by the caller (ht_knobs_snapshot_destroy). */
typedef struct ht_knobs_snapshot ht_knobs_snapshot;
ht_status ht_knobs_snapshot_take(const ht_knobs *k, ht_knobs_snapshot **out);
/** Set every knob back. `failed(ctx, key)` is called for each whose setter refused; may be NULL. */
void ht_knobs_restore(ht_knobs *k, const ht_knobs_snapshot *s, const ht_env *env,
                      void (*failed)(void *ctx, const char *key), void *ctx);
void ht_knobs_snapshot_destroy(ht_knobs_snapshot *s);

/** Save values, states and histories of all knobs; or take those that were saved, and set every knob to the
 *  value that the training held then (its setter is called unless it was never set). The same knobs must be
 *  registered. */
void ht_knobs_visit(ht_knobs *k, const ht_env *env, ht_members *s);

/** Descriptions of the knobs that are not disabled (the entries of hotcb.actuators.json): array. */
cJSON *ht_knobs_describe(const ht_knobs *k);

#endif
