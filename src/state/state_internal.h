/** @file src/state/state_internal.h
 *  What the files of src/state/ share. Others include state.h. */
#ifndef HT_STATE_STATE_INTERNAL_H
#define HT_STATE_STATE_INTERNAL_H

#include "state/state.h"

typedef struct {
    char name[HT_NAME_MAX];
    bool is_weights;
    size_t of;                              /**< averaged weights: the part they are the average of */
    ht_status (*get)(void *ctx, void *to);  /**< parts behind callbacks; else NULL */
    ht_status (*put)(void *ctx, const void *from);
    void *ctx;
} ht_state_part;

typedef struct {
    unsigned slot;
    unsigned char *block;   /**< [copy_size], owned */
    ht_span *spans;         /**< [n] into `block`, owned */
} ht_state_copy;

/** Part i of the image is live[i]; the registered ones are 0 .. n_registered - 1, then follow n_averages
 *  averaged weights and their step counter, which lie in `own` like the staging copies. In `own` and in the
 *  copies each part starts at a multiple of 64 bytes; these gaps are no part of the image.
 *  `swapped`: the program's buffers hold the average, and the trained weights are where it was. */
struct ht_state {
    bool sealed, swapped;
    size_t n, n_registered, n_averages, capacity;
    ht_state_part *parts;   /**< [capacity] */
    ht_span *live;          /**< [capacity] */
    size_t bytes, copy_size, own_size, best_size;
    unsigned char *own, *best;
    unsigned char *spare;   /**< [copy_size] of a dropped slot, for the next one; or NULL */
    int64_t *steps;         /**< t of ht_state_ema_update, in `own`; NULL without averages */
    uint64_t layout;
    ht_status (*fetch)(void *ctx, ht_state_extent what);    /**< where the buffers are copies; else NULL */
    ht_status (*store)(void *ctx, ht_state_extent what);
    void *mirror_ctx;
    size_t n_copies;
    ht_state_copy *copies;  /**< [n_copies] in no order */
};

bool ht_element_is_real(ht_element element);
/** `n` rounded up to the next place for a part. */
size_t ht_state_padded(size_t n);
/** `size` (a multiple of 64) bytes at a multiple of 64, or NULL; free with free. */
unsigned char *ht_state_block(size_t size);
/** Room for `more` parts behind the n that are there. */
ht_status ht_state_reserve(ht_state *s, size_t more, ht_error *err);

#endif
