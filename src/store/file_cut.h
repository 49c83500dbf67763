/** @file src/store/file_cut.h
 *  A log is taken back to what it was at a checkpoint; what it held after that is kept beside it. */
#ifndef HT_STORE_FILE_CUT_H
#define HT_STORE_FILE_CUT_H

#include <stdint.h>

#include "base/error.h"

/** Cut a file to its first `bytes` bytes. What lies behind them is appended to `<path>.repeated`, and synced, first.
 *  @param[out] moved  bytes that were behind them; may be NULL
 *  @return HT_OK, also when the file is missing or not longer; HT_EIO, HT_ENOMEM: the file is as it was */
ht_status ht_file_cut(const char *path, uint64_t bytes, uint64_t *moved, ht_error *err);

#endif
