/** @file src/kernel/place.h
 *  Where a rank is and what it may use. */
#ifndef HT_KERNEL_PLACE_H
#define HT_KERNEL_PLACE_H

#include "base/cores.h"

/** The processors that this process may run on, added to `out`. @return HT_OK, HT_EIO, HT_ENOMEM */
ht_status ht_place_cores(ht_cores *out, ht_error *err);
/** Slurm gave each task devices of its own, so that those of two tasks may have the same number. */
bool ht_place_devices_are_bound(void);

#endif
