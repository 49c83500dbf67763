/** @file src/comm/mpi_comm.h
 *  Bytes by MPI point-to-point messages: nobody waits in a call of MPI, a silent peer costs a bounded wait.
 *
 *  Without fault tolerance in the MPI library no call ever reports the death of a peer: survivors see
 *  silence. So nothing here blocks: sends are started and tested later, receives are looked for, started
 *  and tested until a deadline, with naps in between. */
#ifndef HT_COMM_MPI_COMM_H
#define HT_COMM_MPI_COMM_H

#include <mpi.h>

#include "comm/comm.h"

/** Peers are the ranks of `comm`, which is borrowed (its error handler must return errors) and must
 *  carry no other messages with tag 1 while the transport lives.
 *  @param[out] out  owned by the caller (ht_comm_destroy, before MPI_Finalize; waits up to 5 s for sends
 *                   that are under way) */
ht_status ht_comm_mpi_create(MPI_Comm comm, ht_comm **out, ht_error *err);
/** The same with another tag. */
ht_status ht_comm_mpi_create_tagged(MPI_Comm comm, int tag, ht_comm **out, ht_error *err);

/** Wait for a request, napping. Waits as long as it takes. @return an MPI error code */
int ht_mpi_wait(MPI_Request *request);

/** Write what an MPI error code means. @return HT_ECOMM */
ht_status ht_mpi_fail(int code, const char *doing, ht_error *err);

#endif
