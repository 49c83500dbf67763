/** @file src/store/input_log.h
 *  The journal of the coordinator's inputs: what it was fed, in order, so that it can be fed the same again.
 *
 *  A binary file that only grows. Integers are little-endian, a time is the bits of its double. A head of 24
 *  bytes ("htinput", a line feed, version, 0, checksum of these), then records:
 *
 *      kind 1, replica 4, time 8, length 4, check of these 4, bytes, checksum 8
 *
 *  Both checksums go over the checksum of the record before (of the head, for the first), the record's index
 *  and all of the record so far: a record is good only behind the records it was written behind. The check of
 *  its length tells a record that was cut off at the end of the file from one that was damaged in the middle.
 *  Checksums are those of state/checksum.h: a file is read on machines of the byte order that wrote it.
 *  Records count from 0. */
#ifndef HT_STORE_INPUT_LOG_H
#define HT_STORE_INPUT_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/file.h"

/** One input. */
typedef struct {
    uint8_t kind;           /**< the caller's own */
    int32_t replica;
    double time;            /**< any bits, also not finite */
    const void *bytes;      /**< [n], borrowed; NULL is allowed when n is 0 */
    size_t n;               /**< at most UINT32_MAX */
} ht_input;

/** A log, or the part of it that was read. */
typedef struct {
    uint64_t records;
    uint64_t bytes;         /**< of the file up to the end of these records */
    uint64_t sum;           /**< checksum of the last of them: tells whether two logs agree up to there */
    uint64_t torn;          /**< bytes behind the last whole record of the file, which were passed over: a
                             *   record that was not written to its end */
} ht_input_extent;

/* ---- writing ------------------------------------------------------------------------------------ */

typedef struct ht_input_log ht_input_log;

/** Begin a log without records, as a new file: a process that still has the one that was there open does not reach it.
 *  @return HT_OK, HT_EIO, HT_ENOMEM; on failure *out is untouched */
ht_status ht_input_log_create(const char *path, ht_input_log **out, ht_error *err);

/** Go on behind the first `records` records of a log. What the file holds behind them, whole or not, is
 *  appended to `<path>.repeated` and cut off.
 *  @param anew, guard  as for ht_file_cut
 *  @return HT_OK; HT_EFORMAT: these records are damaged, or are not all there; HT_ENOTFOUND, HT_EIO,
 *          HT_ENOMEM: err says why, and the log is as it was */
ht_status ht_input_log_reopen(const char *path, uint64_t records, bool anew, const ht_file_guard *guard,
                              ht_input_log **out, ht_error *err);

/** Append a record by one write; not synced. What cannot be written is kept in memory, up to 64 MiB, and
 *  tried again with the next record; it counts as part of the log.
 *  @return HT_OK; HT_EIO: it is kept, or, if there was no room, lost: then no later record is taken either,
 *          for no reader could use it (see ht_input_log_lost); HT_EINVAL: longer than UINT32_MAX */
ht_status ht_input_log_append(ht_input_log *log, const ht_input *in, ht_error *err);

/** Write what is kept. @return HT_OK: everything that was appended has been written; HT_EIO */
ht_status ht_input_log_flush(ht_input_log *log, ht_error *err);
/** ht_input_log_flush, and on the disk. @return HT_OK, HT_EIO */
ht_status ht_input_log_sync(ht_input_log *log, ht_error *err);

uint64_t ht_input_log_count(const ht_input_log *log);   /**< records, also those kept */
uint64_t ht_input_log_bytes(const ht_input_log *log);   /**< of the file, when what is kept is written */
uint64_t ht_input_log_sum(const ht_input_log *log);     /**< as ht_input_extent.sum */
/** A record found no room: the log ends before it, for good. */
bool ht_input_log_lost(const ht_input_log *log);
/** Tries once more to write what is kept. NULL is allowed. */
void ht_input_log_close(ht_input_log *log);

/* ---- reading ------------------------------------------------------------------------------------ */

/** @param in  borrowed for the call  @return anything but HT_OK (with err) ends the reading */
typedef ht_status ht_input_visit(void *ctx, uint64_t index, const ht_input *in, ht_error *err);

/** Call `visit` for the first `at_most` records in order (UINT64_MAX: all); each is checked before. What lies
 *  behind `at_most` records is not looked at, and may be damaged.
 *  A torn tail is passed over: a last record that was cut off, or whose rest is 0 or wrong (a machine that
 *  died may leave that). Any other damage is an error that names record and offset.
 *  @param visit     NULL: only look
 *  @param[out] out  what was visited; also on failure
 *  @return HT_OK; HT_EFORMAT: damaged, or no log; HT_ENOTFOUND, HT_EIO, HT_ENOMEM; what `visit` returned */
ht_status ht_input_log_read(const char *path, uint64_t at_most, ht_input_visit *visit, void *ctx,
                            ht_input_extent *out, ht_error *err);

#endif
