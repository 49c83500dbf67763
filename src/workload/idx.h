/** @file src/workload/idx.h
 *  Reads arrays of bytes in the IDX format (that of MNIST), gzip or plain.
 *
 *  Format: 0, 0, type (8 = bytes), number of dimensions, one big-endian 32-bit size a dimension, values.
 *  May touch: the heap, the file. Not: MPI, clock. */
#ifndef HT_WORKLOAD_IDX_H
#define HT_WORKLOAD_IDX_H

#include "base/error.h"

enum { HT_IDX_DIMS_MAX = 4 };

/** Read a file whose dimensions are known. What the file says of itself is compared, never trusted: a
 *  damaged or foreign file costs no more memory than the array asked for.
 *  @param      dims  [n_dims], 1 <= n_dims <= HT_IDX_DIMS_MAX
 *  @param[out] out   the values, row by row; owned by the caller (free); untouched on failure
 *  @return HT_OK; HT_ENOTFOUND: cannot be opened; HT_EFORMAT: not IDX of bytes, other dimensions, cut off,
 *          damaged or too long: err names the file and the fault; HT_ENOMEM */
ht_status ht_idx_read(const char *path, size_t n_dims, const size_t *dims, unsigned char **out,
                      ht_error *err);

#endif
