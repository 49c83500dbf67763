/** @file src/cli/child_hello.h
 *  What a child program says of itself when it is greeted (docs/child-protocol.md): its knobs, what its state is made
 *  of, what it can do. Pure: texts in, a struct out. */
#ifndef HT_CLI_CHILD_HELLO_H
#define HT_CLI_CHILD_HELLO_H

#include <hottune/types.h>

#include "base/json.h"

enum { HT_CHILD_PROTOCOL = 1, HT_CHILD_KNOBS_MAX = 64, HT_CHILD_PARTS_MAX = 4096 };

typedef struct {
    char actuator[HT_NAME_MAX], name[HT_NAME_MAX];
    double value, lo, hi;
    bool is_log;
} ht_child_knob;

/** A part of the state file: `count` elements one after another, in the machine's byte order. */
typedef struct {
    char name[HT_NAME_MAX];
    ht_element element;
    size_t count;
    bool averages, is_weights;
} ht_child_part;

typedef struct {
    char name[HT_NAME_MAX];         /**< of the problem; "" = not said */
    long long epochs;               /**< that it would train; 0 = not said */
    long long steps_per_epoch;      /**< 1 if not said */
    size_t n_knobs;
    ht_child_knob knobs[HT_CHILD_KNOBS_MAX];
    size_t n_parts;
    ht_child_part *parts;           /**< [n_parts], in the order of the file; owned */
    size_t state_bytes;             /**< of the file */
    bool inits, validates, tests;   /**< requests that it understands beside those that all do */
    char *recipe;                   /**< JSON; NULL = none. Owned */
} ht_child_hello;

/** @param reply  what it answered to hello
 *  @return HT_OK; HT_EFORMAT: err says which member is wrong, and what would be right; HT_ENOMEM. */
ht_status ht_child_hello_read(const cJSON *reply, ht_child_hello *out, ht_error *err);
/** Two answers to hello say the same, in whatever order an object has its members; those that are not known do not count.
 *  @param a, b  JSON texts */
bool ht_child_hello_alike(const char *a, const char *b);
void ht_child_hello_release(ht_child_hello *h);

/** The recipe for a child that brings none: every knob may be multiplied by 0.7 .. 1.4 within its range, the objective is
 *  val/loss, and less is better. JSON, owned by the caller (free); NULL: no memory, or it has no knobs */
char *ht_child_hello_recipe(const ht_child_hello *h);

#endif
