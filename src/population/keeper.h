/** @file src/population/keeper.h
 *  How an agent writes the training of its replica down, and gets it back; a port.
 *
 *  The kernel has one (kernel/keeper.c): images go into files of the run directory, and the *manifest* names
 *  them. Called inside ht_apply and ht_running only. */
#ifndef HT_POPULATION_KEEPER_H
#define HT_POPULATION_KEEPER_H

#include "base/json.h"

typedef struct {
    void *ctx;
    /** Write everything that the training of this replica consists of, and name it in `manifest`, an object. */
    ht_status (*write)(void *ctx, cJSON *manifest, ht_error *err);
    /** Make the training what it was.
     *  @return HT_OK; HT_EFORMAT: damaged or of another program, err names the file; HT_EIO, HT_ENOMEM */
    ht_status (*read)(void *ctx, const cJSON *manifest, ht_error *err);
    /** Take one state of another replica, which did not come back, from its manifest.
     *  @param from_slot, slot  HT_SLOT_BEST (order.h): the best weights
     *  @return as read; HT_ENOTFOUND: it had none there */
    ht_status (*inherit)(void *ctx, const cJSON *manifest, unsigned from_slot, unsigned slot, ht_error *err);
} ht_keeper;

#endif
