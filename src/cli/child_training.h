/** @file src/cli/child_training.h
 *  The training of one replica, done by a child program (docs/child-protocol.md): its epochs, with a kernel and without.
 *
 *  A child that fails is replaced (child_peer.h); the epoch counts as one that diverged, and the new child gets the state that
 *  was moved last (child_state.h). */
#ifndef HT_CLI_CHILD_TRAINING_H
#define HT_CLI_CHILD_TRAINING_H

#include <hottune/hottune.h>

#include "cli/child_peer.h"
#include "cli/train.h"

typedef struct ht_child_training ht_child_training;

/** Starts the command and greets it.
 *  @param[out] hello  what it answered, JSON text; owned by the caller (free). NULL: nothing, and err says why; this replica
 *                     then counts as given up, but can be settled like the others, so that they know what it would have been
 *  @return HT_OK, also without a hello; HT_EIO: no place for its states; HT_ENOMEM */
ht_status ht_child_training_create(const ht_child_options *o, ht_child_training **out, char **hello, ht_error *err);

/** Make its knobs and state by what the first child of the run answered.
 *  @param maximises  which of its states is the best without a kernel
 *  @return HT_OK; as ht_child_hello_read */
ht_status ht_child_training_settle(ht_child_training *t, const char *hello, int epochs, bool maximises, ht_error *err);
/** It takes no part: its child is ended. */
void ht_child_training_give_up(ht_child_training *t);

/** As the functions of train.h, for `void *self`. */
ht_status ht_child_training_set(void *self, const char *list, ht_error *err);
ht_status ht_child_training_offer(void *self, ht_kernel *k, ht_error *err);
/** @return HT_EFAILED: the replica was given up, err says why */
ht_status ht_child_training_run(void *self, ht_kernel *k, ht_outcome *out, ht_error *err);
void ht_child_training_destroy(void *self);

#endif
