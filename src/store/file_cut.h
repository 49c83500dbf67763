/** @file src/store/file_cut.h
 *  A log is taken back to what it was at a checkpoint; what it held after that is kept beside it.
 *
 *  What is kept beside it, in `<path>.repeated`, is for people who look into what a crash cost. It is bounded: when it
 *  has grown beyond 16 MiB the next cut begins it anew. */
#ifndef HT_STORE_FILE_CUT_H
#define HT_STORE_FILE_CUT_H

#include <stdint.h>

#include "base/error.h"
#include "store/file.h"

#define HT_REPEATED_SUFFIX ".repeated"

/** Cut a file to its first `bytes` bytes. What lies behind them is appended to `<path>.repeated`, and synced, first.
 *  @param anew        also when nothing lies behind them: the file is replaced by a copy of what stays. A process that
 *                     still has it open writes to nowhere from then on. The copy costs nothing where the file system
 *                     can share blocks; else one reading and one writing of the file
 *  @param guard       asked when the file is open, before it is changed; NULL = nobody is
 *  @param[out] moved  bytes that were behind them; may be NULL
 *  @return HT_OK, also when the file is missing; HT_EIO, HT_ENOMEM, what the guard said: the file is as it was */
ht_status ht_file_cut(const char *path, uint64_t bytes, bool anew, const ht_file_guard *guard, uint64_t *moved,
                      ht_error *err);

#endif
