/** @file src/store/commit.h
 *  The commit of a checkpoint: one file that says which inputs, logs and images belong together.
 *
 *  `commit.json` in the directory of checkpoints is JSON with a seal (seal.h) behind it and is replaced as a
 *  whole; the one before stays as `commit.before.json`. A checkpoint is there when its commit is: everything
 *  it names has been written before. Integers above 2^53 are texts of decimal digits. */
#ifndef HT_STORE_COMMIT_H
#define HT_STORE_COMMIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "store/file.h"

#define HT_DIR_CHECKPOINT "checkpoint"
#define HT_FILE_INPUTS "inputs.journal"
#define HT_FILE_COMMIT "commit.json"
#define HT_FILE_COMMIT_BEFORE "commit.before.json"

typedef struct {
    char *name;             /**< in the run directory; owned */
    uint64_t bytes;         /**< how long it was */
} ht_commit_log;

typedef struct {
    bool lives;
    cJSON *manifest;        /**< what it holds, a matter of the replica; owned; NULL = nothing */
} ht_commit_replica;

/** Starts as {0}; released by ht_commit_release. */
typedef struct {
    uint64_t number;
    uint64_t inputs;        /**< that the coordinator has had */
    uint64_t pending;       /**< of the inputs after these: come before the cut, to be fed first */
    uint64_t inputs_sum;    /**< ht_input_extent.sum of the journal: it is the same journal */
    uint64_t decisions;     /**< checksum over what the coordinator decided */
    uint64_t bytes;         /**< of all images and the journal together */
    double time;            /**< on the coordinator's clock */
    double wall_time;       /**< seconds since 1970 */
    size_t n_replicas, n_logs;
    ht_commit_replica *replicas;    /**< [n_replicas], owned */
    ht_commit_log *logs;            /**< [n_logs], owned */
} ht_commit;

/** A run directory has a commit, whole or not: the run in it did not end. */
bool ht_commit_is_there(const char *run_dir);

/** Make this the newest commit; the one that was becomes the one before, if it is whole. On failure the
 *  newest commit is the one it was.
 *  @param dir    exists
 *  @param guard  asked before a file is replaced; NULL = nobody is
 *  @return HT_OK; HT_EINVAL: a time is not finite; HT_EIO, HT_ENOMEM; what the guard said */
ht_status ht_commit_write(const char *dir, const ht_commit *c, const ht_file_guard *guard, ht_error *err);
/** Remove what process `pid` left of writing commits (ht_file_clear_aside): it cannot finish them any more. */
void ht_commit_clear_asides(const char *dir, long pid);

/** Read the newest commit, or the one before if that is missing or damaged.
 *  @param[out] out     owned by the caller (ht_commit_release); untouched on failure
 *  @param[out] notice  why it is the one before; "" if it is the newest. May be NULL
 *  @return HT_OK; HT_ENOTFOUND: there is none; HT_EFORMAT: damaged or of a later version, and no other;
 *          HT_EIO, HT_ENOMEM */
ht_status ht_commit_read(const char *dir, ht_commit *out, ht_error *notice, ht_error *err);
/** Read the one before, for when the newest names what is gone. @return as ht_commit_read */
ht_status ht_commit_read_before(const char *dir, ht_commit *out, ht_error *err);
void ht_commit_release(ht_commit *c);

/** The one before becomes the newest, for a run that goes on from there; there is none before it then.
 *  @return HT_OK; HT_ENOTFOUND, HT_EFORMAT: it is missing or damaged, and nothing was changed; HT_EIO,
 *          HT_ENOMEM */
ht_status ht_commit_revert(const char *dir, ht_error *err);
/** Remove both: a run that begins anew in the directory has no checkpoint yet.
 *  @return HT_OK, HT_EIO, HT_ENOMEM */
ht_status ht_commit_remove(const char *dir, ht_error *err);

/** Names of all images of both commits, for ht_images_sweep: every text in a manifest that is a name of an
 *  image. One before that is damaged has none.
 *  @param[out] names  [*n], without duplicates; owned by the caller (ht_commit_images_free)
 *  @return HT_OK; HT_ENOTFOUND, HT_EFORMAT: no newest commit that is whole: nothing may be removed; HT_EIO,
 *          HT_ENOMEM */
ht_status ht_commit_images(const char *dir, size_t *n, char ***names, ht_error *err);
void ht_commit_images_free(size_t n, char **names);

#endif
