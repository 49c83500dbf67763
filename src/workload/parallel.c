/* src/workload/parallel.c - data-parallel sums by MPI; the contract is in parallel.h. */
#include "workload/parallel.h"

#include <limits.h>

ht_status ht_parallel_init(MPI_Comm comm, ht_parallel *out, ht_error *err)
{
    ht_parallel p = {.comm = MPI_COMM_NULL, .rank = 0, .size = 1};
    if (comm != (MPI_Comm)0 && comm != MPI_COMM_NULL) {
        p.comm = comm;
        if (MPI_Comm_rank(comm, &p.rank) != MPI_SUCCESS || MPI_Comm_size(comm, &p.size) != MPI_SUCCESS)
            return ht_fail(err, HT_ECOMM, "the communicator of the replica's ranks cannot be used");
    }
    *out = p;
    return HT_OK;
}

void ht_parallel_share(const ht_parallel *p, size_t n, size_t *first, size_t *count)
{
    size_t rank = (size_t)p->rank, size = (size_t)p->size;
    *first = n * rank / size;
    *count = n * (rank + 1) / size - *first;
}

static ht_status sum(const ht_parallel *p, void *x, size_t n, MPI_Datatype type)
{
    if (p->size == 1)
        return HT_OK;
    if (n > INT_MAX)
        return HT_EINVAL;
    return MPI_Allreduce(MPI_IN_PLACE, x, (int)n, type, MPI_SUM, p->comm) == MPI_SUCCESS ? HT_OK : HT_ECOMM;
}

ht_status ht_parallel_sum(const ht_parallel *p, float *x, size_t n)
{
    return sum(p, x, n, MPI_FLOAT);
}

ht_status ht_parallel_sum_double(const ht_parallel *p, double *x, size_t n)
{
    return sum(p, x, n, MPI_DOUBLE);
}

ht_status ht_parallel_agree(const ht_parallel *p, ht_status status, ht_error *err)
{
    int mine = (int)status, worst = mine;
    if (p->size > 1 && MPI_Allreduce(&mine, &worst, 1, MPI_INT, MPI_MAX, p->comm) != MPI_SUCCESS)
        return ht_fail(err, HT_ECOMM, "the ranks of the replica cannot talk to each other");
    if (status != HT_OK || worst == HT_OK)
        return status;
    return ht_fail(err, (ht_status)worst, "another rank of this replica failed: %s",
                   ht_status_text((ht_status)worst));
}
