/** @file src/kernel/driver.h
 *  Drives the coordinator: feeds it messages, requests and time; sends and writes what it says.
 *
 *  The coordinator itself is pure; here are its comm, its clock, its run directory. Lives on one rank. */
#ifndef HT_KERNEL_DRIVER_H
#define HT_KERNEL_DRIVER_H

#include <hottune/hottune.h>

#include "comm/comm.h"
#include "population/coordinator.h"
#include "store/places.h"
#include "store/run_lock.h"

typedef struct ht_driver ht_driver;

typedef struct {
    const ht_options *options;  /**< of ht_open; borrowed for the call, but for the callbacks */
    int n_replicas, ranks_per_replica;
    ht_comm *comm;              /**< peer p is replica p - 1; borrowed */
    double poll_s;              /**< shortest time between two looks into the run directory */
    double patience_s;
    ht_places places;           /**< where all ranks are; {0}: nothing to tell. Borrowed for the call */
} ht_driver_options;

/** Write a warning to stderr, fit for a terminal: where the program gave no ht_options.warning. */
void ht_driver_print_warning(const char *text);

/** Prepares the run directory, finds the recipe, evolves it by the study, opens every file.
 *  @return HT_OK; HT_EINVAL, HT_ENOTFOUND, HT_EFORMAT, HT_EREFUSED, HT_EIO with a message */
ht_status ht_driver_create(const ht_driver_options *o, ht_driver **out, ht_error *err);

/** Handle what is there; waits at most timeout_s for a first message. */
void ht_driver_step(ht_driver *d, double timeout_s);
/** Every replica is done or lost. */
bool ht_driver_is_done(const ht_driver *d);
/** Close the books: final summary and study. Idempotent.
 *  @return HT_OK, or HT_EIO with what could not be written; HT_EFAILED: another start of the run took over */
ht_status ht_driver_finish(ht_driver *d, ht_error *err);
/** The run was written down and goes on in another job. */
bool ht_driver_left(const ht_driver *d);
/** What tells this run's start from others in its directory. */
ht_run_owner ht_driver_owner(const ht_driver *d);
/** How the run stands; borrowed until the next call. */
void ht_driver_peek(const ht_driver *d, ht_coordinator_view *out);
void ht_driver_destroy(ht_driver *d);   /**< NULL is allowed */

#endif
