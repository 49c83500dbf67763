/** @file src/comm/mpi_transfer.h
 *  How training states travel between replicas: point to point, in chunks, with bounded waits.
 *
 *  The carrier (population/carrier.h) of a run with several replicas.
 *  Peers are replicas (0, 1, ..), not ranks. Every transfer has a number that both ends
 *  were given by the coordinator; a late message of an aborted transfer is recognised by it and thrown away.
 */
#ifndef HT_COMM_MPI_TRANSFER_H
#define HT_COMM_MPI_TRANSFER_H

#include <mpi.h>

#include "population/carrier.h"

/** Over MPI: replica r is rank r + 1 of `star`; borrowed, as are the tags 2 and 3.
 *  Chunks of `chunk` bytes (0 = 1 MiB) are under way while earlier ones are summed. `checks`: a checksum
 *  follows every transfer. Owned by the caller (ht_transfer_destroy). */
ht_status ht_transfer_create(MPI_Comm star, size_t chunk, bool checks, double patience_s, ht_carrier **out,
                             ht_error *err);
void ht_transfer_destroy(ht_carrier *c); /**< NULL is allowed */

#endif
