/** @file src/cli/child_state.h
 *  The training state of a child program, and our copy of it, the image.
 *
 *  The image is fetched (the child saves) only when somebody needs it and the child has trained since, and brought to the
 *  child (it loads) only before it needs it. A new child gets what the one before had when it moved last. */
#ifndef HT_CLI_CHILD_STATE_H
#define HT_CLI_CHILD_STATE_H

#include <hottune/hottune.h>

#include "cli/child_hello.h"
#include "cli/child_peer.h"

typedef struct {
    ht_child_peer *peer;            /**< borrowed */
    const ht_child_hello *hello;    /**< borrowed */
    char *scratch, *file;           /**< the state goes through `file`, in the directory `scratch`. Owned */
    unsigned char *image;           /**< each part at a multiple of 64 bytes. Owned */
    size_t image_bytes;
    bool has_image;                 /**< it is a state that a child had */
    bool is_behind;                 /**< the child has trained since */
    bool must_load, must_init;      /**< before the child trains or validates */
    unsigned long known;            /**< number of the child of which all this is true (ht_child_peer.started) */
    unsigned long long begun_from;  /**< seed of the last init */
} ht_child_state;

/** The place of the files, beside the run directory, which may be on a slow disk: below TMPDIR, else /tmp.
 *  @param[out] s  to be released also on failure. @return HT_OK; HT_EIO, HT_ENOMEM */
ht_status ht_child_state_begin(ht_child_peer *peer, ht_child_state *s, ht_error *err);
/** What the state is made of; `hello` is borrowed. @return HT_OK; HT_ENOMEM */
ht_status ht_child_state_settle(ht_child_state *s, const ht_child_hello *hello, ht_error *err);
void ht_child_state_release(ht_child_state *s);

/** Register the parts of the image as the training state. */
ht_status ht_child_state_offer(const ht_child_state *s, ht_kernel *k);

/** Before anything that needs the child's state: it has begun, or has loaded what it is to go on from. */
ht_status ht_child_state_bring(ht_child_state *s, ht_error *err);
/** The child has trained. */
void ht_child_state_moved_on(ht_child_state *s);
/** The image becomes what the child has. @return HT_OK; else the failure was counted, and the image is as it was */
ht_status ht_child_state_fetch(ht_child_state *s, ht_error *err);
/** The image was written: the child is to go on from it. */
void ht_child_state_store(ht_child_state *s);
/** Begin anew. A child that fails is replaced and asked again, until it can, or is given up. */
ht_status ht_child_state_init(ht_child_state *s, unsigned long long seed);
/** The child saves into a file of the run directory, as it does it. */
ht_status ht_child_state_export(ht_child_state *s, const char *name, ht_error *err);

#endif
