/** @file src/kernel/chronicle.h
 *  The memory of a coordinator that outlives its process: a journal of its inputs, and checkpoints.
 *
 *  A checkpoint is a consistent cut (Chandy and Lamport, "Distributed snapshots", ACM TOCS 3(1), 1985): the
 *  coordinator as it stood behind input number `inputs` of the journal, each replica as it stood when it came to
 *  the order CHECKPOINT, which was sent at that moment, and what replicas sent before they came to it (*pending*).
 *  Nobody waits for it. To go on from it, the coordinator is fed the same inputs again, replicas read their
 *  images, and the pending messages are handed over once more.
 *
 *  The journal only grows. Going on from a checkpoint appends RESUMED, which says from where: inputs behind that do
 *  not count any more. What was pending follows once more.
 *
 *  When a checkpoint is due: what they cost is measured; they take at most a fiftieth of the run's time. */
#ifndef HT_KERNEL_CHRONICLE_H
#define HT_KERNEL_CHRONICLE_H

#include "population/feed.h"
#include "store/commit.h"
#include "store/run_lock.h"

typedef struct ht_chronicle ht_chronicle;

typedef struct {
    const char *dir;        /**< the run directory; copied */
    double every_s;         /**< time between two checkpoints; 0 = as what they cost allows, at most a minute; < 0 = none */
    uint64_t most_bytes;    /**< of all images and the journal; 0 = not limited */
    int n_replicas;
    ht_file_guard guard;    /**< asked before anything is replaced or removed that another start may rely on */
    ht_run_sign before;     /**< of the run before in dir */
} ht_chronicle_options;

/** Begin the memory of a new run; what an earlier one left is removed.
 *  @param start  JSON text: how the coordinator is created; input 0 of the journal
 *  @return HT_OK; HT_EIO, HT_ENOMEM */
ht_status ht_chronicle_begin(const ht_chronicle_options *o, const char *start, ht_chronicle **out, ht_error *err);

/** How the coordinator of an unfinished run was created: input 0 of its journal, as it was given to ht_chronicle_begin.
 *  @param[out] start  owned by the caller
 *  @return HT_OK; HT_ENOTFOUND: there is no unfinished run; HT_EFORMAT, HT_EIO, HT_ENOMEM */
ht_status ht_chronicle_start(const char *dir, char **start, ht_error *err);
/** Open that of a run that did not end. Every image of the checkpoint is read and checked; if one is damaged, the
 *  checkpoint before counts, if there is one. Changes no file but for what a dead process left half-written.
 *  @param[out] notice  what is worth telling people; "" = nothing
 *  @return HT_OK; HT_ENOTFOUND: there is no checkpoint; HT_EFORMAT: damaged, err names the file; HT_EIO; HT_ENOMEM */
ht_status ht_chronicle_open(const ht_chronicle_options *o, ht_chronicle **out, ht_error *notice, ht_error *err);
/** The checkpoint that it was opened at. Borrowed. */
const ht_commit *ht_chronicle_commit(const ht_chronicle *h);
/** Make the coordinator, which was just created, what it was at the checkpoint.
 *  @param drain  called after each input: takes what the coordinator has to say (and hands messages to
 *                ht_chronicle_said)
 *  @return HT_OK; HT_EREFUSED: it decides otherwise than it did; HT_EFORMAT, HT_EIO, HT_ENOMEM */
ht_status ht_chronicle_tell(ht_chronicle *h, ht_coordinator *c, void (*drain)(void *ctx), void *ctx, ht_error *err);
/** Then, when it is sure that the run goes on: open the journal for writing, behind what is whole of it. Where the
 *  former owner may wake up it gets a new inode.
 *  @return HT_OK; HT_EIO, HT_ENOMEM, what the guard said: the run cannot go on */
ht_status ht_chronicle_reopen(ht_chronicle *h, ht_error *err);
/** Then, when the replicas are back: inputs behind the checkpoint do not count any more; new ones follow. */
ht_status ht_chronicle_resume(ht_chronicle *h, ht_error *err);
/** Then hand over what was pending of those who are present [n_replicas], as inputs like any other. */
ht_status ht_chronicle_hand_over(ht_chronicle *h, ht_coordinator *c, const bool *present, void (*drain)(void *ctx),
                                 void *ctx, ht_error *err);
/** Checkpoints are of n replicas from now on, more than before. @return false: no memory */
bool ht_chronicle_crowd(ht_chronicle *h, int n);
/** Of an opened one: the latest time in what counts. The coordinator's clock goes on from there. */
double ht_chronicle_time(const ht_chronicle *h);
/** When the journal that it found was written last, seconds since 1970. */
double ht_chronicle_written(const ht_chronicle *h);
void ht_chronicle_destroy(ht_chronicle *h);     /**< NULL is allowed */

/** Before an input is handed to the coordinator; of a tick after it, if it had an effect.
 *  @return HT_OK; HT_EIO: kept and tried again, no checkpoint is made meanwhile */
ht_status ht_chronicle_input(ht_chronicle *h, ht_input_kind kind, double now, int replica, const void *bytes,
                             size_t n, ht_error *err);
/** The coordinator says this to a replica. */
void ht_chronicle_said(ht_chronicle *h, int replica, const ht_bytes *message);

/** Should a checkpoint begin? The first one at once. `urgent`: as soon as possible. */
bool ht_chronicle_is_due(const ht_chronicle *h, double now, bool urgent);
/** A checkpoint is on its way. */
bool ht_chronicle_is_cutting(const ht_chronicle *h);
/** The answer of this replica to the checkpoint that is being made has not come. */
bool ht_chronicle_awaits(const ht_chronicle *h, int replica);
/** The checkpoint that is being made. Borrowed. */
const ht_commit *ht_chronicle_next(const ht_chronicle *h);
/** A checkpoint begins now: everything that the coordinator said so far was sent and written. The caller sends the
 *  order CHECKPOINT to all that live.
 *  @param lives  [n_replicas]   @param logs  [n_logs] the logs of the run and their sizes; taken
 *  @return its number */
uint64_t ht_chronicle_cut(ht_chronicle *h, double now, const bool *lives, size_t n_logs, ht_commit_log *logs);
/** A replica answered. When all have, the checkpoint counts.
 *  @return HT_OK; HT_EFAILED: it could not be written down: err says why, there is no checkpoint this time;
 *          HT_EIO: the commit could not be written */
ht_status ht_chronicle_saved(ht_chronicle *h, double now, int replica, const ht_saved_message *s, ht_error *err);
/** A replica is gone, or somebody waited too long: no checkpoint this time. */
void ht_chronicle_give_up(ht_chronicle *h, double now);
/** Number of the last one that counts; 0 = none. */
uint64_t ht_chronicle_last(const ht_chronicle *h);
/** The run is over: nothing can go on from here; images and journal are removed. */
void ht_chronicle_end(ht_chronicle *h);

#endif
