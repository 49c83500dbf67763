/** @file src/kernel/place.h
 *  Where the ranks of a run are and what they may use, found out on each of them. */
#ifndef HT_KERNEL_PLACE_H
#define HT_KERNEL_PLACE_H

#include <mpi.h>

#include "base/cores.h"
#include "store/places.h"

/** The processors that this process may run on, added to `out`. @return HT_OK, HT_EIO, HT_ENOMEM */
ht_status ht_place_cores(ht_cores *out, ht_error *err);
/** Slurm gave each task devices of its own, so that those of two tasks may have the same number. */
bool ht_place_devices_are_bound(void);

/** Where all ranks are, on rank 0; nothing on the others. **Collective.**
 *  @param replica   of this rank; -1 = it coordinates
 *  @param[out] out  owned by the caller
 *  @return HT_OK; rank 0: HT_ENOMEM, HT_ECOMM */
ht_status ht_places_gather(MPI_Comm comm, int replica, ht_places *out, ht_error *err);

#endif
