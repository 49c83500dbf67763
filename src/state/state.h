/** @file src/state/state.h
 *  The training state of one replica: the buffers that its program registered, and saved copies of them.
 *
 *  Buffers are AVERAGE (a mean over replicas makes sense: weights, moments) or COPY (it does not: step
 *  count, random state, position in the data). A state has one order of bytes, the *image*: every
 *  registered buffer in the order of registration, then the averaged weights, if there are any, and the
 *  number of steps that went into them. The image has the same length on every replica of a run;
 *  ht_state_layout is its fingerprint.
 *
 *  A *slot* is a saved image under a number. A state that the program gives only through callbacks (on a
 *  GPU, say) lives in a staging copy here; ht_state_fetch and ht_state_flush move it.
 *  No MPI, no files, no clock. */
#ifndef HT_STATE_STATE_H
#define HT_STATE_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* ht_element (HT_FLOAT32, HT_FLOAT64, HT_BFLOAT16, HT_INT32, HT_INT64, HT_BYTES), ht_state_use (HT_AVERAGE,
 * HT_COPY) and ht_state_buffer (name, data, count, element, use, is_weights) are public: hottune/types.h. */

typedef struct ht_state ht_state;

ht_status ht_state_create(ht_state **out, ht_error *err);
void ht_state_destroy(ht_state *s);

/** Register a buffer, before ht_state_seal. `b` is copied, b->data borrowed until the state is destroyed.
 *  @return HT_OK; HT_EINVAL: no data, data that are not aligned for their type or overlap another buffer, a
 *          name that is taken, an AVERAGE of integers, sealed already; HT_ENOMEM */
ht_status ht_state_add(ht_state *s, const ht_state_buffer *b, ht_error *err);
/** Register a part of `bytes` bytes that only callbacks can read and write: COPY. `get` writes all of it to
 *  `to`, `put` takes it back. */
ht_status ht_state_add_custom(ht_state *s, const char *name, size_t bytes,
                              ht_status (*get)(void *ctx, void *to),
                              ht_status (*put)(void *ctx, const void *from), void *ctx, ht_error *err);
/** No more buffers come. @param keeps_ema  the image has the averaged weights, too (float32, float64 and
 *  bfloat16 buffers with is_weights; kept in their own type, in float32 for bfloat16, with the use of the
 *  buffer), which start as ht_state_ema_reset leaves them
 *  @return HT_OK; HT_EINVAL: sealed already, or no weights to average (then nothing is changed); HT_ENOMEM */
ht_status ht_state_seal(ht_state *s, bool keeps_ema, ht_error *err);

size_t ht_state_bytes(const ht_state *s);       /**< of one image, without gaps; 0 before ht_state_seal */
uint64_t ht_state_layout(const ht_state *s);    /**< fingerprint of names, types, counts, uses; as above */
bool ht_state_has_ema(const ht_state *s);
bool ht_state_has_weights(const ht_state *s);   /**< a buffer with is_weights was registered */

/** A run of elements of the live image, for transfers and sums; in the order of the image. */
typedef struct {
    void *data;
    size_t count;
    ht_element element;
    ht_state_use use;
} ht_span;
/** Bytes of one element; 0 for what is none. */
size_t ht_element_bytes(ht_element element);
size_t ht_span_bytes(const ht_span *span);
/** The spans of the live state: the program's own buffers, then what the state keeps itself (averages, their
 *  steps); a part behind callbacks as its staging copy. Borrowed; 0 before ht_state_seal. */
size_t ht_state_live(ht_state *s, const ht_span **out);
/** The spans of a slot, one for each of the live state, at multiples of 64 bytes. Made if `make`, with no
 *  particular content; 0 spans if there is none (or no memory to make it). Borrowed until the slot is
 *  dropped. */
size_t ht_state_slot(ht_state *s, unsigned slot, bool make, const ht_span **out);

/** Call every `get` (before the live state is read) and every `put` (after it was written).
 *  @return HT_OK; HT_EINVAL: not sealed; what the first callback that failed returned */
ht_status ht_state_fetch(ht_state *s, ht_error *err);
ht_status ht_state_flush(ht_state *s, ht_error *err);

/** The program's buffers are copies of what lives elsewhere: `fetch` brings them up to date, `store` takes them over.
 *  ht_state_fetch and ht_state_flush call them for all buffers. Who calls what touches weights alone (averages, the best
 *  ones) calls ht_state_pull before and ht_state_push after it; without a mirror these two do nothing. */
void ht_state_mirror(ht_state *s, ht_status (*fetch)(void *ctx, ht_state_extent what),
                     ht_status (*store)(void *ctx, ht_state_extent what), void *ctx);
ht_status ht_state_pull(ht_state *s, ht_state_extent what, ht_error *err);
ht_status ht_state_push(ht_state *s, ht_state_extent what, ht_error *err);

/** Live -> slot (made if need be), slot -> live; with fetch and flush. A save that fails leaves the slot as
 *  it was. A load ends a swap (ht_state_ema_swap): what was saved were the trained weights.
 *  @return HT_OK; HT_ENOMEM; HT_ENOTFOUND: no such slot; HT_EREFUSED: save while the averaged weights are
 *          swapped in; what a callback returned (the buffers are loaded then, some custom parts are not) */
ht_status ht_state_save(ht_state *s, unsigned slot, ht_error *err);
ht_status ht_state_load(ht_state *s, unsigned slot, ht_error *err);
bool ht_state_holds(const ht_state *s, unsigned slot);
/** Number of the i-th slot, in no particular order; false: there are no more. */
bool ht_state_slot_at(const ht_state *s, size_t i, unsigned *slot);
/** No such slot: nothing. The memory of one dropped slot stays for the next that is made. */
void ht_state_drop(ht_state *s, unsigned slot);
/** Give `from` the number `to`; what `to` held is dropped. No copy. No `from`: nothing. */
void ht_state_rename(ht_state *s, unsigned from, unsigned to);

/** Checksum of the live image or of a slot (64 bit; equal images, equal sums on any replica). Custom parts of
 *  the live image as they were fetched last. No such slot, or not sealed: 0. */
uint64_t ht_state_checksum(ht_state *s);
uint64_t ht_state_slot_checksum(ht_state *s, unsigned slot);

/* ---- averaged weights: ema.c ---------------------------------------------------------------- */

/** The averaged weights e of the weights p: after optimiser step t = 1, 2, ..
 *      e = d e + (1 - d) p,    d = min(D, (1 + t) / (10 + t)),
 *  where D = 1 - 1/(2.8 * steps per epoch). The warm-up of d is needed: with constant d the average
 *  would be mostly the initial weights for the first epochs. Source: Tarvainen and Valpola, "Mean teachers
 *  are better role models", NeurIPS 2017 (averaging); the warm-up is that of TensorFlow's
 *  ExponentialMovingAverage(num_updates). */
double ht_ema_decay(double most, long long t);
double ht_ema_most(double steps_per_epoch);

/** e = p, t = 0: at the start and after an init. Not while swapped. */
void ht_state_ema_reset(ht_state *s);
/** One optimiser step was made, the t-th since ht_state_ema_reset (t is part of the image and travels).
 *  One pass over memory. Without averaged weights nothing happens. Not while swapped. */
void ht_state_ema_update(ht_state *s, double most);
/** The same for `steps` steps at once, with the product of their decays: cheaper, and the average follows the weights
 *  at the end of them alone. */
void ht_state_ema_update_after(ht_state *s, double most, long long steps);
/** Exchange averaged and trained weights in the program's buffers; twice = as before, bit by bit. Allocates
 *  nothing. bfloat16 weights show the nearest bfloat16 of the average (half way: away from zero; only then
 *  can the swap be undone exactly), and where the average was is a mixture of bits: do not transfer between
 *  two swaps. */
void ht_state_ema_swap(ht_state *s);

/** The best weights so far (averaged ones if kept, swapped in or not; else as trained), apart from the slots:
 *  kept by ht_state_keep_best (nothing, if no buffer is_weights), written into the program's buffers by
 *  ht_state_show_best (false: none kept), which first undoes a swap. */
ht_status ht_state_keep_best(ht_state *s, ht_error *err);
bool ht_state_show_best(ht_state *s);
/** The i-th buffer of the best weights (name and data borrowed); false: there is none. */
bool ht_state_best_at(const ht_state *s, size_t i, ht_state_buffer *out);
/** The place of the best weights as one block, to write and read them as a whole: made (with no particular content)
 *  if `make`. Borrowed. @return its bytes; 0: none are kept, or no memory, or no weights */
size_t ht_state_best_block(ht_state *s, bool make, void **out);
/** Bytes that this module holds beside the program's own: slots, the memory kept for one,
 *  averaged, best and staging copies, each part rounded up to 64. */
size_t ht_state_held(const ht_state *s);

#endif
