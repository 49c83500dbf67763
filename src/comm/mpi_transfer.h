/** @file src/comm/mpi_transfer.h
 *  How training states travel between replicas: point to point, in chunks, with bounded waits.
 *
 *  The carrier (population/carrier.h) of a run with several replicas.
 *  Peers are replicas (0, 1, ..), not ranks. Every transfer has a number that both ends were given by
 *  the coordinator, greater each time; a late message of an aborted transfer is recognised and thrown away
 *  (mpi_stream.h says how).
 *
 *  A call returns HT_OK when the peer has everything (in a mean: the parent in the tree of mean.h; only the
 *  last member knows whether there is a mean), HT_ETIMEOUT when nothing at all moved for `patience_s`,
 *  HT_ECOMM when a peer gave up, has another layout or sends damaged bytes. A failed receive, and a failed
 *  mean at the last member, leave the spans undefined. After a failed send MPI may still read the spans until
 *  the peer has dropped what was under way: keep their memory. */
#ifndef HT_COMM_MPI_TRANSFER_H
#define HT_COMM_MPI_TRANSFER_H

#include <mpi.h>

#include "population/carrier.h"

/** Over MPI: replica r is rank r + 1 of `star`; borrowed (its error handler must return errors), as are the
 *  tags 2 and 3. Chunks of `chunk` bytes are under way while earlier ones are summed; 0 = 256 KiB: four of
 *  each child and their sum still fit the cache, and a single stream is no slower than with 1 MiB
 *  (tests/bench/bench_transfer.c). The same on all ranks. `checks`: a checksum follows every transfer. Owned
 *  by the caller (ht_transfer_destroy, before MPI_Finalize; waits up to 5 s for sends under way).
 *  @return HT_OK; HT_EINVAL: a chunk below 8 bytes or above 1 GiB; HT_ENOMEM */
ht_status ht_transfer_create(MPI_Comm star, size_t chunk, bool checks, double patience_s, ht_carrier **out,
                             ht_error *err);
void ht_transfer_set_patience(ht_carrier *c, double patience_s);
void ht_transfer_destroy(ht_carrier *c); /**< NULL is allowed */

#endif
