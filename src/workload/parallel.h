/** @file src/workload/parallel.h
 *  The ranks of one replica: who takes which samples, and sums over all of them.
 *
 *  MPI guarantees that a sum over all ranks is the same bits on each of them; so weights that start equal
 *  stay equal without ever being sent. With one rank nothing is copied and MPI is not called. */
#ifndef HT_WORKLOAD_PARALLEL_H
#define HT_WORKLOAD_PARALLEL_H

#include <mpi.h>

#include "base/error.h"

typedef struct {
    MPI_Comm comm;      /**< borrowed */
    int rank, size;
} ht_parallel;

/** @param comm  0 or MPI_COMM_NULL = one rank without MPI (which need not be initialised then)
 *  @return HT_OK, HT_ECOMM */
ht_status ht_parallel_init(MPI_Comm comm, ht_parallel *out, ht_error *err);

/** This rank's part of n samples: contiguous, in the order of the ranks, sizes differ by 1 at most. */
void ht_parallel_share(const ht_parallel *p, size_t n, size_t *first, size_t *count);

/** Sum in place. **Collective**. @return HT_OK, HT_ECOMM */
ht_status ht_parallel_sum(const ht_parallel *p, float *x, size_t n);
ht_status ht_parallel_sum_double(const ht_parallel *p, double *x, size_t n);

/** HT_OK if all ranks bring HT_OK; else every rank fails, those that were well with the status of
 *  another. **Collective** */
ht_status ht_parallel_agree(const ht_parallel *p, ht_status status, ht_error *err);

#endif
