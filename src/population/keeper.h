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
} ht_keeper;

#endif
