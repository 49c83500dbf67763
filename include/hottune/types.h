/** @file hottune/types.h
 *  Statuses, errors, values and the actuator protocol: the part of the public API without MPI.
 *
 *  Programs include <hottune/hottune.h>, which includes this file. */
#ifndef HOTTUNE_TYPES_H
#define HOTTUNE_TYPES_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/** @name How a call can end
 *  @{ */

/** Every way a call can end; this one list makes the enum and the texts of ht_status_text. */
#define HT_STATUS_LIST(X)                                                                          \
    X(HT_OK, "success")                                                                            \
    X(HT_EINVAL, "an argument breaks the function's contract")                                     \
    X(HT_ENOMEM, "out of memory")                                                                  \
    X(HT_EEMPTY, "nothing recorded yet")                                                           \
    X(HT_EFORMAT, "a recipe or file is not well formed")                                           \
    X(HT_ENOTFOUND, "no such file, name or entry")                                                 \
    X(HT_EIO, "reading or writing a file failed")                                                  \
    X(HT_EREFUSED, "the request is well formed, but may not be carried out")                       \
    X(HT_EFAILED, "an actuator or callback reported failure")                                      \
    X(HT_ETIMEOUT, "nothing came in time")                                                         \
    X(HT_ECOMM, "a message between ranks failed or is malformed")
#define HT_STATUS_ENUM(name, text) name,    /**< one row of HT_STATUS_LIST as a member of the enum */
/** How a call ended; what each means: HT_STATUS_LIST. */
typedef enum { HT_STATUS_LIST(HT_STATUS_ENUM) HT_N_STATUS } ht_status;

/** The text of a status, e.g. "out of memory". Static storage. */
const char *ht_status_text(ht_status status);

/** What went wrong, where, and what to do. Filled only on failure, where it was detected. */
typedef struct {
    char text[512];     /**< for people, one line */
} ht_error;

/** @} */
/** @name Values
 *  @{ */

/** Sizes of the structs below. */
enum {
    HT_NAME_MAX = 64,   /**< bytes of a name with its final 0: actuators, knobs, phases, metrics */
    HT_ITEMS_MAX = 8,   /**< elements of a tuple value */
    HT_CODES_MAX = 8    /**< reasons that one validation can give */
};

/** What a value is. */
typedef enum {
    HT_VALUE_NONE,      /**< absent; not the same as null */
    HT_VALUE_NULL,      /**< null in JSON and YAML */
    HT_VALUE_BOOL,      /**< true or false */
    HT_VALUE_INT,       /**< written without point and exponent */
    HT_VALUE_REAL,      /**< any other number */
    HT_VALUE_TEXT,      /**< up to HT_NAME_MAX - 1 bytes */
    HT_VALUE_LIST       /**< only in ht_value, never in ht_scalar */
} ht_value_kind;

/** One number, bool or short text. */
typedef struct {
    ht_value_kind kind;         /**< never HT_VALUE_LIST */
    double number;              /**< bools as 0/1, integers exactly up to 2^53 */
    char text[HT_NAME_MAX];     /**< of kind HT_VALUE_TEXT */
} ht_scalar;

/** A scalar, or a list of scalars (kind HT_VALUE_LIST). */
typedef struct {
    ht_value_kind kind;             /**< of `scalar`, or HT_VALUE_LIST */
    ht_scalar scalar;               /**< not looked at in a list */
    size_t n_items;                 /**< length of the list even where it is longer than HT_ITEMS_MAX */
    ht_scalar items[HT_ITEMS_MAX];  /**< of the list, the first HT_ITEMS_MAX */
} ht_value;

ht_value ht_real(double x);                         /**< kind HT_VALUE_REAL */
ht_value ht_int(long long x);                       /**< kind HT_VALUE_INT */
ht_value ht_bool(bool x);                           /**< kind HT_VALUE_BOOL */
ht_value ht_text(const char *text);                 /**< cut to HT_NAME_MAX - 1 bytes */
ht_value ht_tuple(size_t n, const double *items);   /**< n <= HT_ITEMS_MAX */

/** @} */
/** @name The environment of a safe point
 *  @{ */

/** What happened in the training. */
typedef enum {
    HT_FIT_START,       /**< training begins (or goes on after a pause) */
    HT_TRAIN_BATCH_END, /**< after an optimiser step */
    HT_VAL_EPOCH_END,   /**< after a validation: the safe point, where training may be changed */
    HT_RUN_END          /**< training is over */
} ht_event;

/** What the training says of itself at a call of ht_apply. Members not given are 0. */
typedef struct {
    long long step;         /**< optimiser steps done */
    double epoch;           /**< epochs done */
    long long max_steps;    /**< total steps of the run; 0 = as said before */
    double loss;            /**< training loss of the last batch; NaN or infinite blocks mutations */
    bool anomaly_critical;  /**< the program's own alarm: blocks mutations, rejects the open one */
    bool grad_spike;        /**< costs an open mutation 0.2 of its score */
    const char *phase;      /**< text for the ledger ("train", "val"), may be NULL; borrowed */
} ht_env;

/** What the tuner may do. */
typedef enum { HT_MODE_OFF, HT_MODE_OBSERVE, HT_MODE_SUGGEST, HT_MODE_ACTIVE, HT_MODE_REPLAY } ht_mode;

/** @} */
/** @name The training state
 *  @{ */

/** Type of a buffer's elements. */
typedef enum { HT_FLOAT32, HT_FLOAT64, HT_BFLOAT16, HT_INT32, HT_INT64, HT_BYTES } ht_element;
/** What is done with a buffer when two states become one. */
typedef enum {
    HT_AVERAGE,         /**< a mean over replicas makes sense: weights, moments of the optimizer */
    HT_COPY             /**< it does not: step count */
} ht_state_use;

/** A flat part of the training state; the same names, types and lengths on every replica. */
typedef struct {
    const char *name;       /**< unique within the state */
    void *data;             /**< [count], the program's own */
    size_t count;           /**< elements; bytes for HT_BYTES */
    ht_element element;     /**< HT_BFLOAT16: raw 16-bit words */
    ht_state_use use;       /**< integers and bytes can only be copied */
    bool is_weights;        /**< what the objective is computed from: the library keeps a moving average
                                 of it */
} ht_state_buffer;

/** Which buffers of the training state are meant. */
typedef enum { HT_STATE_ALL, HT_STATE_WEIGHTS /**< those with is_weights */ } ht_state_extent;

/** @} */
/** @name Actuators: what can change a live training
 *  @{ */

/** One requested change: what to do (`op`), to which key where the actuator has keys, by which
 *  value. {op "lr_mult", value 0.9} or {op "mult", key "aux", value 1.25}. */
typedef struct {
    char op[HT_NAME_MAX];   /**< what to do */
    char key[HT_NAME_MAX];  /**< "" = no key */
    ht_value value;         /**< by how much, or to what */
    double floor;           /**< > 0: a factor multiplies this where what it acts on is at 0 */
} ht_patch;

/** Reasons for a refusal, in order: short words such as "not_positive". */
typedef struct {
    size_t n;                       /**< how many */
    char code[HT_CODES_MAX][32];    /**< [n] */
} ht_codes;

/** Add a reason; more than HT_CODES_MAX are dropped. */
void ht_codes_add(ht_codes *codes, const char *code);

/** An actuator of the program's own: five callbacks, all required but `describe` and `discard`.
 *  They are called inside ht_apply only, never from another thread. */
typedef struct {
    /** Keep what is needed to undo `patch`. *snapshot is owned by the library until `restore`d or
     *  `discard`ed; NULL in *snapshot means that none could be taken, and the mutation is not made. */
    ht_status (*snapshot)(void *self, const ht_patch *patch, void **snapshot);
    /** Say whether `patch` is legal now; add a code for each reason against it. No effects. */
    void (*validate)(void *self, const ht_patch *patch, ht_codes *codes);
    /** Make the change. After a failure the library calls `restore`. */
    ht_status (*apply)(void *self, const ht_patch *patch, const ht_env *env, ht_error *err);
    /** Undo: bring back what the snapshot holds. The snapshot stays owned by the library. */
    ht_status (*restore)(void *self, const void *snapshot, ht_error *err);
    /** Free a snapshot. NULL: free(3) is used. */
    void (*discard)(void *self, void *snapshot);
    /** Write one line for people that says which patches are legal. */
    void (*describe)(void *self, char *text, size_t size);
} ht_actuator_ops;

/** @} */

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
